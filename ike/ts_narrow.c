/* SPDX-License-Identifier: Apache-2.0 */
/* Narrowing of traffic selectors (RFC 7296 2.9). */
#include "ike/ts_narrow.h"

static bool list_contains(const struct ts_list *list, const struct traffic_selector *ts)
{
	for (size_t i = 0; i < list->n; i++) {
		if (ts_contains(&list->ts[i], ts))
			return true;
	}
	return false;
}

/* Keep *list free of selectors that another one covers. */
static void add(struct ts_list *list, const struct traffic_selector *ts)
{
	size_t kept = 0;

	if (list_contains(list, ts))
		return;
	for (size_t i = 0; i < list->n; i++) {
		if (!ts_contains(ts, &list->ts[i]))
			list->ts[kept++] = list->ts[i];
	}
	list->ts[kept++] = *ts;
	list->n = (uint8_t)kept;
}

/* What of the offer lies in the line's selector. false when nothing does. *all is cleared when
 * something was cut off. */
static bool intersect(const struct ts_list *offer, const struct traffic_selector *line,
		      struct ts_list *out, bool *all)
{
	*out = (struct ts_list){ 0 };
	for (size_t i = 0; i < offer->n; i++) {
		struct traffic_selector common;

		if (!ts_contains(line, &offer->ts[i]))
			*all = false;
		if (ts_intersect(&offer->ts[i], line, &common))
			add(out, &common);
	}
	return out->n > 0;
}

static bool narrow_to(const struct ike_child_config *line, const struct ts_list *tsi,
		      const struct ts_list *tsr, struct ts_narrowed *out)
{
	out->all = true;
	return intersect(tsi, &line->remote, &out->tsi, &out->all) &&
	       intersect(tsr, &line->local, &out->tsr, &out->all);
}

enum result ts_narrow(const struct ike_child_config *children, size_t n, const struct ts_list *tsi,
		      const struct ts_list *tsr, struct ts_narrowed *out)
{
	struct ts_narrowed narrowed;
	size_t line = n;

	if (tsi->n == 0 || tsr->n == 0)
		return R_TS_UNACCEPTABLE;
	/* The answer must hold the first selectors where policy allows them. */
	for (size_t i = 0; line == n && i < n; i++) {
		if (ts_contains(&children[i].remote, &tsi->ts[0]) &&
		    ts_contains(&children[i].local, &tsr->ts[0]))
			line = i;
	}
	for (size_t i = 0; line == n && i < n; i++) {
		if (narrow_to(&children[i], tsi, tsr, &narrowed))
			line = i;
	}
	if (line == n || !narrow_to(&children[line], tsi, tsr, &narrowed))
		return R_TS_UNACCEPTABLE;
	narrowed.line = line;
	*out = narrowed;
	return R_OK;
}

bool ts_list_within(const struct ts_list *answer, const struct ts_list *proposed)
{
	for (size_t i = 0; i < answer->n; i++) {
		if (!list_contains(proposed, &answer->ts[i]))
			return false;
	}
	return answer->n > 0;
}

void ts_propose(const struct traffic_selector *line, const struct traffic_selector *packet,
		struct ts_list *out)
{
	*out = (struct ts_list){ 0 };
	if (packet != NULL && ts_contains(line, packet) && !ts_equal(line, packet))
		out->ts[out->n++] = *packet;
	out->ts[out->n++] = *line;
}
