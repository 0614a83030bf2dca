/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules are broken (broken_rule.h). */
#include "node/broken_rule.h"

#ifdef HF_IMPAIRMENTS
static unsigned int broken;

void hf_rules_break(unsigned int rules)
{
	broken = rules;
}

bool hf_rule_broken(enum hf_rule rule)
{
	return broken & rule;
}
#endif
