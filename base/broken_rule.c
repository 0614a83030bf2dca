/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules are broken (broken_rule.h). */
#include "base/broken_rule.h"

#ifdef HF_IMPAIRMENTS
static uint64_t broken;

void hf_rules_break(uint64_t rules)
{
	broken = rules;
}

bool hf_rule_broken(enum hf_rule rule)
{
	return (broken & UINT64_C(1) << rule) != 0;
}
#endif
