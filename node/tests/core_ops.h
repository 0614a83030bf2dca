/* SPDX-License-Identifier: Apache-2.0 */
/* What the worlds of the core's tests share: what none of them looks at, and numbers for its keys. */
#ifndef HF_NODE_TESTS_CORE_OPS_H
#define HF_NODE_TESTS_CORE_OPS_H

#include "node/core_private.h"

#define IGNORED_OPS .log = op_log, .stopped = op_stopped, .command_done = op_command_done

static inline void op_log(void *ctx, const struct log_event *ev)
{
	(void)ctx, (void)ev;
}

static inline void op_stopped(void *ctx, bool ok)
{
	(void)ctx, (void)ok;
}

static inline void op_command_done(void *ctx, bool ok, const char *why)
{
	(void)ctx, (void)ok, (void)why;
}

static inline void test_random(void *ctx, uint8_t *out, size_t len)
{
	static uint32_t next;

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((next = next * 1664525u + 1013904223u) >> 24);
}

#endif
