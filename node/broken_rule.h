/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of replication.md that a test build can be told to break, so that the
 * simulator is seen to notice. Built only with --enable-impairments; a
 * release build breaks none.
 */
#ifndef HF_NODE_BROKEN_RULE_H
#define HF_NODE_BROKEN_RULE_H

#include <stdbool.h>

enum hf_rule {
	HF_RULE_RECORD = 1u << 0,     /* R1: the record of an IKE SA is a message id behind */
	HF_RULE_HOLD = 1u << 1,       /* R4: what is held is released at once */
	HF_RULE_DEADLINE = 1u << 2,   /* R12: there is none */
	HF_RULE_IV_TERM = 1u << 3,    /* R16: the term is not part of the IV */
	HF_RULE_LEASE = 1u << 4,      /* R17: a new owner begins with number 1 */
	HF_RULE_PEER_INDEX = 1u << 5, /* R1: a new owner begins with the first peer */
	HF_RULE_SYNC = 1u << 16,      /* R10: an RFC 6311 peer lets its ids go back */
};

#ifdef HF_IMPAIRMENTS
/* A set of enum hf_rule; for the whole process. */
void hf_rules_break(unsigned int rules);
bool hf_rule_broken(enum hf_rule rule);
#else
static inline bool hf_rule_broken(enum hf_rule rule)
{
	(void)rule;
	return false;
}
#endif

#endif
