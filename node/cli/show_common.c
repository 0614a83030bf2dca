/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cli/show_common.h"

#include <stdio.h>
#include <stdlib.h>

const char *show_endpoint(const struct inet_endpoint *e, char out[INET_TEXT_MAX])
{
	char address[INET_TEXT_MAX];
	snprintf(out, INET_TEXT_MAX, "%.46s/%u", inet_text(&e->addr, address), e->port);
	return out;
}

const char *show_mask(const struct traffic_selector *ts, char out[INET_TEXT_MAX])
{
	struct inet_prefix p;
	if (!inet_range_to_prefix(&ts->start, &ts->end, &p))
		return inet_text(&ts->end, out);
	if (p.addr.family == INET_V4) {
		struct inet_addr mask = inet_v4(p.len ? UINT32_MAX << (32 - p.len) : 0);
		return inet_text(&mask, out);
	}
	snprintf(out, INET_TEXT_MAX, "%u", p.len);
	return out;
}

json_t *json_spi32(uint32_t spi)
{
	return json_sprintf("0x%08x", spi);
}

json_t *json_spi64(uint64_t spi)
{
	return json_sprintf("0x%016llx", (unsigned long long)spi);
}

json_t *json_count(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

json_t *json_address(const struct inet_addr *a)
{
	char text[INET_TEXT_MAX];
	return a->family == INET_NONE ? json_null() : json_string(inet_text(a, text));
}

json_t *json_endpoint(const struct inet_endpoint *e)
{
	return json_pack("{s:o, s:i}", "address", json_address(&e->addr), "port", (int)e->port);
}

json_t *json_selector(const struct traffic_selector *ts)
{
	char mask[INET_TEXT_MAX];
	return json_pack("{s:o, s:o, s:s, s:i, s:i, s:i}", "first", json_address(&ts->start),
			 "last", json_address(&ts->end), "mask", show_mask(ts, mask), "protocol",
			 (int)ts->protocol, "port_first", (int)ts->port_start, "port_last",
			 (int)ts->port_end);
}

void json_finish(json_t *root, struct text *out)
{
	char *s = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	if (s)
		text_printf(out, "%s\n", s);
	else
		out->failed = true;
	free(s);
	json_decref(root);
}
