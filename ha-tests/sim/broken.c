/* SPDX-License-Identifier: Apache-2.0 */
#include "ha-tests/sim/broken.h"

#include <string.h>

#include "base/broken_rule.h"

#define BIT(rule) (UINT64_C(1) << HF_RULE_##rule)

const struct broken broken_variants[] = {
#define RULE(id, text, how) { .name = text, .what = how, .rules = BIT(id) },
#define PART(id)
#include "base/broken_rule.def"
#undef RULE
#undef PART
	{ .name = "one-slot",
	  .what = "R14, R16: all nodes use one slot and no term in an ESP IV",
	  .rules = BIT(IV_TERM) | BIT(LEASE),
	  .one_slot = true },
	{ .name = "disk", .what = "R11: a term is owned before it is on disk", .no_disk = true },
	{ .name = "announce", .what = "R20: a new owner announces nothing", .silent = true },
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
