/* SPDX-License-Identifier: Apache-2.0 */
/* Broken variants: what is broken, and the law that must notice. */
#ifndef HF_SIM_BROKEN_H
#define HF_SIM_BROKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broken {
	const char *name;
	const char *what;  /* the rule, and how it is broken */
	unsigned int laws; /* bit per law: only these count in such a run; 0: all do */
	uint64_t rules;    /* of the product: bit per enum hf_rule */
	uint64_t shown_by; /* those of them that only show what the others break */
	bool one_slot;     /* all datapaths use the same slot in their IVs */
	bool no_disk;      /* a term is said to be written, and is not */
};

/* Ended by a row without a name. */
extern const struct broken broken_variants[];
const struct broken *broken_find(const char *name);
/* The same run unbroken, but for what shows the breakage: the same laws are kept in it. */
struct broken broken_control(const struct broken *b);
/* false: this build cannot break rules of the product. */
bool broken_apply(const struct broken *b);

#endif
