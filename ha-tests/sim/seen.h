/* SPDX-License-Identifier: Apache-2.0 */
/* A set that remembers what it saw under a name: both are kept as 128-bit hashes. */
#ifndef HF_SIM_SEEN_H
#define HF_SIM_SEEN_H

#include "base/bytes.h"

struct digest128 {
	uint64_t a, b;
};

struct seen {
	struct seen_entry {
		struct digest128 name, content;
	} * entry;
	size_t n, cap;
};

enum seen_before { SEEN_NEW, SEEN_SAME, SEEN_OTHER };

bool digest128_equal(struct digest128 x, struct digest128 y);
struct digest128 digest128(struct bytes in);
/* Of what d is of, and in behind it. */
struct digest128 digest128_more(struct digest128 d, struct bytes in);
/* Remembers the first content of a name. */
enum seen_before seen_add(struct seen *s, struct digest128 name, struct digest128 content);
bool seen_has(const struct seen *s, struct digest128 name);
bool seen_find(const struct seen *s, struct digest128 name, struct digest128 *content);
void seen_free(struct seen *s);

#endif
