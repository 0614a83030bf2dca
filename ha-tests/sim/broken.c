/* SPDX-License-Identifier: Apache-2.0 */
#include "ha-tests/sim/broken.h"

#include <string.h>

#include "base/broken_rule.h"

const struct broken broken_variants[] = {
	{ .name = "iv", .law = 1, .rules = HF_RULE_IV_TERM | HF_RULE_LEASE, .one_slot = true },
	{ .name = "lease", .law = 2, .rules = HF_RULE_LEASE },
	{ .name = "record", .law = 3, .rules = HF_RULE_RECORD },
	{ .name = "sync", .law = 3, .rules = HF_RULE_SYNC },
	{ .name = "disk", .law = 4, .no_disk = true },
	{ .name = "hold", .law = 5, .rules = HF_RULE_HOLD },
	{ .name = "deadline", .law = 6, .rules = HF_RULE_DEADLINE },
	{ .name = "peer-index", .law = 8, .rules = HF_RULE_PEER_INDEX },
	{ .name = "announce", .law = 7, .silent = true },
	{ .name = NULL },
};

const struct broken *broken_find(const char *name)
{
	for (const struct broken *b = broken_variants; b->name; b++)
		if (strcmp(b->name, name) == 0)
			return b;
	return NULL;
}

bool broken_apply(const struct broken *b)
{
#ifdef HF_IMPAIRMENTS
	hf_rules_break(b ? b->rules : 0);
	return true;
#else
	return !b || !b->rules;
#endif
}
