/* SPDX-License-Identifier: Apache-2.0 */
/* show failover history, and show failover statistics: the ASA's two lines, then everything that
 * we count. */
#include <stdio.h>

#include "node/cli/show_common.h"

#define RULE "==========================================================================\n"

void show_failover_history_text(const struct view_failover_history *v, struct text *out)
{
	text_printf(out, RULE "%-27s%-27s%s\n" RULE, "From State", "To State", "Reason");
	for (size_t i = 0; i < v->n; i++) {
		const struct view_state_change *c = &v->list[i];
		char when[SHOW_TIME_MAX];
		text_printf(out, "%s%s\n%-27s%-27s%s\n", i ? "\n" : "", show_time(c->at, when),
			    c->from, c->to, c->reason);
	}
	text_printf(out, RULE);
}

void show_failover_history_json(const struct view_failover_history *v, struct text *out)
{
	json_t *list = json_array();
	for (size_t i = 0; i < v->n; i++) {
		const struct view_state_change *c = &v->list[i];
		char when[SHOW_TIME_MAX];
		json_array_append_new(
			list, json_pack("{s:o, s:s, s:s, s:s, s:s, s:o}", "at", json_time(c->at),
					"time", show_time(c->at, when), "from", c->from, "to",
					c->to, "reason", c->reason, "term", json_count(c->term)));
	}
	json_finish(json_pack("{s:o}", "failover_history", list), out);
}

/* --- show failover statistics --- */

static uint64_t sum(const struct view_failover_statistics *v, bool tx)
{
	uint64_t total = 0;
	for (size_t i = 0; i < v->n_messages; i++)
		total += tx ? v->messages[i].tx : v->messages[i].rx;
	return total;
}

static void text_counters(const char *title, const struct view_counter_list *l, struct text *out)
{
	text_printf(out, "\n        %-31s%s\n", title, "Count");
	for (size_t i = 0; i < l->n; i++)
		text_printf(out, "        %-31s%llu\n", l->list[i].name,
			    (unsigned long long)l->list[i].value);
}

void show_failover_statistics_text(const struct view_failover_statistics *v, struct text *out)
{
	text_printf(out, "        tx:%llu\n        rx:%llu\n", (unsigned long long)sum(v, true),
		    (unsigned long long)sum(v, false));
	text_printf(out, "\n        %-31s%-20s%s\n", "Message", "tx", "rx");
	for (size_t i = 0; i < v->n_messages; i++)
		text_printf(out, "        %-31s%-20llu%llu\n", v->messages[i].name,
			    (unsigned long long)v->messages[i].tx,
			    (unsigned long long)v->messages[i].rx);
	text_printf(out, "        %-31s%-20llu%llu\n", "bytes", (unsigned long long)v->bytes_tx,
		    (unsigned long long)v->bytes_rx);
	text_counters("Refused", &v->refused, out);
	text_counters("Counter", &v->counters, out);
	text_printf(out, "\n        Acknowledgement: %llu measured",
		    (unsigned long long)v->acks_measured);
	if (v->acks_measured)
		text_printf(out, ", p50 %llu, p99 %llu, max %llu microseconds",
			    (unsigned long long)v->ack_p50_us, (unsigned long long)v->ack_p99_us,
			    (unsigned long long)v->ack_max_us);
	text_printf(out, "\n");
}

static json_t *json_counters(const struct view_counter_list *l)
{
	json_t *counters = json_array();
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(counters, json_pack("{s:s, s:o}", "name", l->list[i].name,
							  "value", json_count(l->list[i].value)));
	return counters;
}

static json_t *json_buckets(const struct view_failover_statistics *v)
{
	json_t *buckets = json_array();
	for (size_t i = 0; i < v->n_ack_buckets; i++)
		json_array_append_new(buckets, json_pack("{s:o, s:o}", "most_us",
							 json_count(v->ack_buckets[i].most_us), "n",
							 json_count(v->ack_buckets[i].n)));
	return buckets;
}

void show_failover_statistics_json(const struct view_failover_statistics *v, struct text *out)
{
	json_t *messages = json_array();
	for (size_t i = 0; i < v->n_messages; i++)
		json_array_append_new(messages,
				      json_pack("{s:s, s:o, s:o}", "name", v->messages[i].name,
						"tx", json_count(v->messages[i].tx), "rx",
						json_count(v->messages[i].rx)));
	json_t *root = json_pack("{s:o, s:o, s:o, s:{s:o, s:o}}", "tx", json_count(sum(v, true)),
				 "rx", json_count(sum(v, false)), "messages", messages, "bytes",
				 "tx", json_count(v->bytes_tx), "rx", json_count(v->bytes_rx));
	json_object_update_new(
		root,
		json_pack("{s:o, s:o, s:{s:o, s:o, s:o, s:o, s:o}}", "refused",
			  json_counters(&v->refused), "counters", json_counters(&v->counters),
			  "acknowledgement", "measured", json_count(v->acks_measured), "p50_us",
			  json_count(v->ack_p50_us), "p99_us", json_count(v->ack_p99_us), "max_us",
			  json_count(v->ack_max_us), "buckets", json_buckets(v)));
	json_finish(json_pack("{s:o}", "failover_statistics", root), out);
}
