/* SPDX-License-Identifier: Apache-2.0 */
/* What call admission (admission.c, R24) keeps. */
#ifndef HF_CLUSTER_ADMISSION_H
#define HF_CLUSTER_ADMISSION_H

#include "cluster/settle.h"

struct admission_entry {
	uint32_t node_id;
	uint64_t incarnation;
	uint32_t share; /* by delivered messages: no less than its own word */
	uint32_t moved; /* of it, in all, while it was missing */
	bool gone;
	bool ended; /* fenced or forgotten here: to be said */
	/* of this view */
	bool said_ended;
	bool present; /* also while the next one comes */
	bool heard;
	uint32_t limit;   /* as configured there */
	uint32_t offered; /* to it, and not taken yet */
	bool declared;    /* it has said what it uses */
	uint32_t load;    /* what it said */
	uint32_t groups;  /* and of which */
	char name[CL_NAME_MAX];
};

struct admission_word {
	bool heard;
	size_t n;
	struct admission_entry entries[CL_ADMISSION_MAX];
};

struct admission {
	uint32_t limit;   /* 0: none */
	uint32_t own;     /* what we have given is gone as soon as it is sent */
	uint32_t yielded; /* of what others have moved */
	bool lapsed; /* without quorum: others may have moved our share, and have not said so yet */
	bool apart;  /* in this view a missing member may own what we own */
	/* it may have gone on with what counted here: the number of that time; 0: none */
	uint32_t doubt, doubts;
	struct admission_group {
		bool owned;
		bool unreported; /* node/ has not said what counts since it was taken over */
		uint32_t in_share;
		uint32_t frozen; /* in_share when the doubt began: frees nothing */
		uint32_t owed;   /* of our share, to whoever owns the group now */
	} groups[CL_GROUPS_MAX];
	size_t n;
	struct admission_entry entries[CL_ADMISSION_MAX];
	/* of this view */
	bool ready; /* all words are heard */
	bool taking;
	uint32_t got; /* by our TAKE, of which the others may not have heard yet */
	struct settle settle;
	bool declared; /* we have said what we use, and nothing of it is another group's */
	uint32_t said; /* so much */
	struct admission_word words[CL_MEMBERS_MAX]; /* of view.members */
	uint64_t asked_ns, at_ns, shed_for;
	bool was_told;
	uint32_t told_share, told_doubt;
};

/* ---- admission_ledger.c ---- */

struct admission_entry *admission_entry(struct cl_node *n, uint32_t node_id);
bool admission_in_view(const struct cl_node *n, uint32_t node_id);
bool admission_any_missing(const struct cl_node *n);
/* Who is missing cannot have quorum while we have it. */
bool admission_is_exclusive(const struct cl_node *n);
const struct admission_entry *admission_missing_with_share(const struct cl_node *n);
/* Each member has said in this view what it uses, and has nothing more to hand on. */
bool admission_all_declared(struct cl_node *n);
/* Of the cluster. */
uint32_t admission_limit(const struct cl_node *n);
/* What taker may have; above its share it may take what it uses already. NULL: anybody. */
uint32_t admission_pool(struct cl_node *n, const struct admission_entry *taker);
uint32_t admission_group_bit(uint32_t id);
void admission_ledger_view(struct cl_node *n, bool new_ring);

/* ---- admission.c ---- */

/* Our TAKE has brought so much; it counts when the others have it too. */
void admission_got(struct cl_node *n, uint32_t amount);

/* To nobody (0): into the pool. */
void admission_give(struct cl_node *n, uint32_t to_node_id, uint32_t amount);
/* Another member wants more, and has so much to spare. */
void admission_asked(struct cl_node *n, uint32_t node_id, uint32_t wanted, uint32_t spare_there);

#endif
