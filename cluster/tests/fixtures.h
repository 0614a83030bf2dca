/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of cluster/ share: the one world of a program, which ends with each test. */
#ifndef HF_CLUSTER_TESTS_FIXTURES_H
#define HF_CLUSTER_TESTS_FIXTURES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cluster/tests/harness.h"

static struct world w;

static inline int done(void **state)
{
	(void)state;
	world_free(&w);
	return 0;
}

#define T(test) cmocka_unit_test_teardown(test, done)

static inline const struct cl_stats *stats(size_t i)
{
	return cl_stats(w.nodes[i].cl);
}

#endif
