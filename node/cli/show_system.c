/* SPDX-License-Identifier: Apache-2.0 */
/* show version, show counters, cluster keygen. */
#include "node/cli/show_common.h"

static void text_unit(struct text *out, uint64_t n, const char *unit)
{
	text_printf(out, " %llu %s%s", (unsigned long long)n, unit, n == 1 ? "" : "s");
}

/* The two largest units, as the ASA: "1 day 3 hours", "5 mins 20 secs". */
static void text_uptime(uint64_t s, struct text *out)
{
	if (s >= 86400) {
		text_unit(out, s / 86400, "day");
		text_unit(out, s % 86400 / 3600, "hour");
	} else if (s >= 3600) {
		text_unit(out, s / 3600, "hour");
		text_unit(out, s % 3600 / 60, "min");
	} else {
		text_unit(out, s / 60, "min");
		text_unit(out, s % 60, "sec");
	}
}

void show_version_text(const struct view_version *v, struct text *out)
{
	text_printf(out, "Holdfast Software Version %s\n\n%s up", v->version, v->hostname);
	text_uptime(v->uptime_s, out);
	text_printf(out, "\n\nCrypto library: %s\n", v->openssl);
	text_printf(out, "Datapath: %u workers, %s%s\n", v->workers,
		    *v->ipsec_mb ? "ipsec-mb " : "OpenSSL", v->ipsec_mb);
	text_printf(out, "Cluster: Corosync %s\n", *v->corosync ? v->corosync : "not connected");
}

void show_version_json(const struct view_version *v, struct text *out)
{
	json_finish(json_pack("{s:{s:s, s:s, s:o, s:s, s:s, s:s, s:I}}", "version", "version",
			      v->version, "hostname", v->hostname, "uptime_s",
			      json_count(v->uptime_s), "openssl", v->openssl, "ipsec_mb",
			      v->ipsec_mb, "corosync", v->corosync, "workers",
			      (json_int_t)v->workers),
		    out);
}

void show_counters_text(const struct view_counter_list *l, struct text *out)
{
	text_printf(out, "%-12s %-48s %14s   %s\n", "Protocol", "Counter", "Value", "Context");
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].value)
			text_printf(out, "%-12s %-48s %14llu   Summary\n", l->list[i].protocol,
				    l->list[i].name, (unsigned long long)l->list[i].value);
}

void show_counters_json(const struct view_counter_list *l, struct text *out)
{
	json_t *list = json_array();
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "protocol",
						      l->list[i].protocol, "name", l->list[i].name,
						      "value", json_count(l->list[i].value)));
	json_finish(json_pack("{s:o}", "counters", list), out);
}

void show_keygen_text(const struct view_keygen *v, struct text *out)
{
	text_printf(out, "! on this member\nfailover snapshot-channel key-file %s\n", v->file);
	text_printf(out, "! on every member\nfailover snapshot-channel member %u public-key %s\n",
		    v->slot, v->public_key);
}

void show_keygen_json(const struct view_keygen *v, struct text *out)
{
	json_finish(json_pack("{s:{s:s, s:i, s:s}}", "cluster_keygen", "key_file", v->file, "slot",
			      (int)v->slot, "public_key", v->public_key),
		    out);
}
