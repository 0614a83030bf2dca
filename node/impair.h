/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named impairments for tests: the process kills itself at a chosen point of
 * an exchange, or writes what no release has. Built only with --enable-impairments; a release build has
 * empty functions and refuses the option.
 */
#ifndef HF_NODE_IMPAIR_H
#define HF_NODE_IMPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"

enum hf_die_point {
	HF_DIE_NEVER,
	HF_DIE_BEFORE_COMMIT, /* the record exists, nobody else has it */
	HF_DIE_AFTER_COMMIT,  /* every protected standby has it, nothing was sent */
	HF_DIE_BEFORE_SEND,   /* next statement is the system call */
	HF_DIE_AFTER_SEND,
};

#ifdef HF_IMPAIRMENTS
/*
 * "die-at=POINT:EXCHANGE:{request|response}[:N]": at the N-th (default first)
 * such message that this node sends. "next-schema": this node writes as a later
 * release might (statesync/future_schema.h). R_VALUE; *why names what was expected.
 */
enum result hf_impair_parse(const char *text, const char **why) WARN_UNUSED;
void hf_impair_die(enum hf_die_point point, unsigned int exchange, bool response);
#else
static inline void hf_impair_die(enum hf_die_point point, unsigned int exchange, bool response)
{
	(void)point;
	(void)exchange;
	(void)response;
}
#endif

#endif
