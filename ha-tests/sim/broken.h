/* SPDX-License-Identifier: Apache-2.0 */
/* Broken variants: what is broken, and the law that must notice. */
#ifndef HF_SIM_BROKEN_H
#define HF_SIM_BROKEN_H

#include <stdbool.h>
#include <stddef.h>

struct broken {
	const char *name;
	unsigned int law;   /* the only one that counts in such a run */
	unsigned int rules; /* of the product: enum hf_rule */
	bool one_slot;      /* both datapaths use the same slot in their IVs */
	bool no_disk;       /* a term is said to be written, and is not */
	bool silent;        /* a new owner announces nothing */
};

/* Ended by a row without a name. */
extern const struct broken broken_variants[];
const struct broken *broken_find(const char *name);
/* false: this build cannot break rules of the product. */
bool broken_apply(const struct broken *b);

#endif
