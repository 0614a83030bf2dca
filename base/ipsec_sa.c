/* SPDX-License-Identifier: Apache-2.0 */
/* Explicit-IV prefixes (R16) and traffic-selector arithmetic (RFC 7296 2.9, 3.13.1). */
#include "base/ipsec_sa.h"

#include <stdio.h>

#include "base/broken_rule.h"
#include "base/must.h"

enum result iv_prefix(uint8_t slot, uint64_t term, uint64_t birth_term, uint64_t *prefix)
{
	must(slot <= 0xf);
	if (term < birth_term)
		return R_STALE;
	if (term - birth_term > IV_TERM_DELTA_MAX)
		return R_EXHAUSTED;
	if (hf_rule_broken(HF_RULE_IV_PREFIX))
		term = birth_term;
	*prefix = (uint64_t)slot << 60 | (term - birth_term) << IV_COUNTER_BITS;
	return R_OK;
}

static bool ports_opaque(const struct traffic_selector *ts)
{
	return ts->port_start == UINT16_MAX && ts->port_end == 0;
}

static bool ports_any(const struct traffic_selector *ts)
{
	return ts->port_start == 0 && ts->port_end == UINT16_MAX;
}

/* ANY includes OPAQUE (RFC 4301 4.4.1.1); a numeric range does not. */
static bool ports_intersect(const struct traffic_selector *a, const struct traffic_selector *b,
			    struct traffic_selector *out)
{
	if (ports_opaque(a) || ports_opaque(b)) {
		out->port_start = UINT16_MAX;
		out->port_end = 0;
		return (ports_opaque(a) || ports_any(a)) && (ports_opaque(b) || ports_any(b));
	}
	out->port_start = a->port_start > b->port_start ? a->port_start : b->port_start;
	out->port_end = a->port_end < b->port_end ? a->port_end : b->port_end;
	return out->port_start <= out->port_end;
}

bool ts_equal(const struct traffic_selector *a, const struct traffic_selector *b)
{
	return a->protocol == b->protocol && a->port_start == b->port_start &&
	       a->port_end == b->port_end && inet_equal(&a->start, &b->start) &&
	       inet_equal(&a->end, &b->end);
}

bool ts_contains(const struct traffic_selector *outer, const struct traffic_selector *inner)
{
	struct traffic_selector common;

	return ts_intersect(outer, inner, &common) && ts_equal(&common, inner);
}

bool ts_intersect(const struct traffic_selector *a, const struct traffic_selector *b,
		  struct traffic_selector *out)
{
	struct traffic_selector ts = { .protocol = a->protocol != 0 ? a->protocol : b->protocol };

	if (a->start.family != b->start.family)
		return false;
	if (a->protocol != 0 && b->protocol != 0 && a->protocol != b->protocol)
		return false;
	ts.start = inet_compare(&a->start, &b->start) > 0 ? a->start : b->start;
	ts.end = inet_compare(&a->end, &b->end) < 0 ? a->end : b->end;
	if (inet_compare(&ts.start, &ts.end) > 0 || !ports_intersect(a, b, &ts))
		return false;
	*out = ts;
	return true;
}

const char *ts_text(const struct traffic_selector *ts, char out[TS_TEXT_MAX])
{
	char start[INET_TEXT_MAX], end[INET_TEXT_MAX];

	snprintf(out, TS_TEXT_MAX, "%s/%u - %s/%u", inet_text(&ts->start, start), ts->port_start,
		 inet_text(&ts->end, end), ts->port_end);
	return out;
}
