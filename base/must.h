/* SPDX-License-Identifier: Apache-2.0 */
/* Assertions for our own bugs, kept in release builds. Never for input from outside. */
#ifndef HF_BASE_MUST_H
#define HF_BASE_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define must(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s: must(%s)\n", __FILE__, __LINE__, __func__, \
				#cond); \
			abort(); \
		} \
	} while (0)

#endif
