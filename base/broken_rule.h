/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of replication.md that a test build can be told to break, so that the
 * simulator is seen to notice. Built only with --enable-impairments; a
 * release build breaks none.
 */
#ifndef HF_BASE_BROKEN_RULE_H
#define HF_BASE_BROKEN_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum hf_rule {
#define RULE(id, name, laws, what) HF_RULE_##id,
#define PART(id)                   HF_RULE_##id,
#include "base/broken_rule.def"
#undef RULE
#undef PART
	HF_RULE_COUNT_
};

#ifdef HF_IMPAIRMENTS
/* A set: bit 1 << enum hf_rule each; for the whole process. */
void hf_rules_break(uint64_t rules);
bool hf_rule_broken(enum hf_rule rule);
#else
static inline bool hf_rule_broken(enum hf_rule rule)
{
	(void)rule;
	return false;
}
#endif

#endif
