/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic selector negotiation (RFC 7296 2.9) against the lines of a crypto ACL. */
#ifndef HF_IKE_TS_NARROW_H
#define HF_IKE_TS_NARROW_H

#include "ike/ike_config.h"

struct ts_narrowed {
	size_t line;             /* index into children */
	struct ts_list tsi, tsr; /* the answer */
	bool all;                /* nothing of the offer was cut off */
};

/*
 * Responder: the line for an offer, and the narrowed selectors. TSi is the
 * peer's side (line->remote), TSr ours (line->local). First a line that holds
 * the first selectors of both lists, the packet that asked (2.9); else the
 * first line with anything in common. Selectors that another of the answer
 * covers are left out. R_TS_UNACCEPTABLE.
 */
enum result ts_narrow(const struct ike_child_config *children, size_t n, const struct ts_list *tsi,
		      const struct ts_list *tsr, struct ts_narrowed *out) WARN_UNUSED;
/* Initiator: each selector of the answer lies inside one that we proposed, and there
 * is at least one. */
bool ts_list_within(const struct ts_list *answer, const struct ts_list *proposed);
/*
 * Our offer for a line, initiator: with the packet that asked, its selectors
 * come first (2.9). packet may be NULL.
 */
void ts_propose(const struct traffic_selector *line, const struct traffic_selector *packet,
		struct ts_list *out);

#endif
