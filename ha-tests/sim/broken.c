/* SPDX-License-Identifier: Apache-2.0 */
#include "ha-tests/sim/broken.h"

#include <string.h>

#include "base/broken_rule.h"

#define BIT(rule) (UINT64_C(1) << HF_RULE_##rule)
#define L(law)    (1u << (law))

const struct broken broken_variants[] = {
#define RULE(id, text, by, how) { .name = text, .what = how, .laws = (by), .rules = BIT(id) },
#define PART(id)
#include "base/broken_rule.def"
#undef RULE
#undef PART
	{ .name = "grant",
	  .what = "R17: an owner without quorum grants its own leases, and releases what waits",
	  .laws = L(2),
	  .rules = BIT(GRANT) | BIT(MINORITY),
	  .shown_by = BIT(MINORITY) },
	{ .name = "one-slot",
	  .what = "R14, R16: all nodes use one slot and no term in an ESP IV",
	  .laws = L(1),
	  .rules = BIT(IV_TERM) | BIT(LEASE),
	  .shown_by = BIT(LEASE),
	  .one_slot = true },
	{ .name = "disk",
	  .what = "R11: a term is owned before it is on disk",
	  .laws = L(4),
	  .no_disk = true },
	{ .name = NULL },
};

struct broken broken_control(const struct broken *b)
{
	return (struct broken){
		.name = b->name,
		.what = b->what,
		.laws = b->shown_by ? b->laws : 0,
		.rules = b->shown_by,
		.one_slot = b->one_slot && b->shown_by,
	};
}

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
