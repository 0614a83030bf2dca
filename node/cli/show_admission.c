/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show crypto call admission statistics and show crypto ikev2 stats, in the
 * shapes of IOS; what the cluster adds stands behind them, where outside
 * parsers do not look. Both are the same figures.
 */
#include "node/cli/show_common.h"

#define LINE "---------------------------------------------------------------------\n"

static unsigned long long n(uint64_t x)
{
	return (unsigned long long)x;
}

static uint64_t in_refused(const struct view_admission *v)
{
	return v->in_refused_sa + v->in_refused_negotiating;
}

static uint32_t max_of(const struct view_admission *v)
{
	return v->max_sa ? v->max_sa : v->cluster_max_sa;
}

static void text_ike(const struct view_admission *v, struct text *out)
{
	text_printf(out, "System Resource Limit: %8u Max IKE SAs: %5u Max in nego: %5u\n", 0,
		    max_of(v), v->max_negotiating);
	text_printf(out, "Total IKE SA Count:    %8u active:      %5u negotiating: %5u\n",
		    v->active + v->negotiating, v->active, v->negotiating);
	text_printf(out, "Incoming IKE Requests: %8llu accepted: %8llu rejected: %8llu\n",
		    n(v->in_requests), n(v->in_accepted), n(in_refused(v)));
	text_printf(out, "Outgoing IKE Requests: %8llu accepted: %8llu rejected: %8llu\n",
		    n(v->out_requests), n(v->out_accepted), n(v->out_refused));
	text_printf(out, "Rejected IKE Requests: %8llu rsrc low: %8u Active SA limit: %llu\n",
		    n(in_refused(v) + v->out_refused), 0, n(v->in_refused_sa + v->out_refused));
	text_printf(out, "%51sIn-neg SA limit: %llu\n", "", n(v->in_refused_negotiating));
	text_printf(out, "IKE packets dropped at dispatch: %8u\n\n", 0);
}

static const char *state_of(const struct view_admission_member *m)
{
	if (m->self)
		return "this host";
	return m->gone ? "gone" : m->present ? "present" : "missing";
}

static void text_cluster(const struct view_admission *v, struct text *out)
{
	text_printf(out, "\nHoldfast cluster limit: %u IKE SAs\n", v->cluster_max_sa);
	text_printf(out, "Share of this host: %u, used: %u, free for all: %u\n", v->share,
		    v->in_share, v->pool);
	if (v->carried)
		text_printf(out, "A member is missing: until it is back, fenced or forgotten, "
				 "IKE SAs that end free nothing\n");
	text_printf(out, "%-24s %10s  %-10s %8s\n", "Member", "Node", "State", "Share");
	for (size_t i = 0; i < v->n_members; i++) {
		const struct view_admission_member *m = &v->members[i];
		text_printf(out, "%-24s %10u  %-10s %8u\n", *m->name ? m->name : "unknown",
			    m->node_id, state_of(m), m->share);
	}
}

void show_admission_text(const struct view_admission *v, struct text *out)
{
	text_printf(out, LINE "               Crypto Call Admission Control Statistics\n" LINE);
	text_ike(v, out);
	text_printf(out, "Max IPSEC SAs: %5u\n", 0);
	text_printf(out, "Total IPSEC SA Count:  %8llu active:   %8llu negotiating: %5u\n",
		    n(v->child_active), n(v->child_active), 0);
	if (v->cluster_max_sa)
		text_cluster(v, out);
}

static void text_direction(const char *name, uint32_t active, uint32_t negotiating,
			   struct text *out)
{
	text_printf(out, "Total %s IKEv2 SA Count: %8u active: %8u negotiating: %8u\n", name,
		    active + negotiating, active, negotiating);
}

void show_ikev2_stats_text(const struct view_admission *v, struct text *out)
{
	text_printf(out, LINE "                     Crypto IKEv2 SA Statistics\n" LINE);
	text_printf(out,
		    "System Resource Limit: %8u Max IKEv2 SAs: %u Max in nego(in/out): %u/%u\n", 0,
		    max_of(v), v->max_negotiating, max_of(v));
	text_direction("incoming", v->active - v->out_active, v->negotiating - v->out_negotiating,
		       out);
	text_direction("outgoing", v->out_active, v->out_negotiating, out);
	text_printf(out, "Incoming IKEv2 Requests: %8llu accepted: %8llu rejected: %8llu\n",
		    n(v->in_requests), n(v->in_accepted), n(in_refused(v)));
	text_printf(out, "Outgoing IKEv2 Requests: %8llu accepted: %8llu rejected: %8llu\n",
		    n(v->out_requests), n(v->out_accepted), n(v->out_refused));
	text_printf(out, "Rejected IKEv2 Requests: %8llu rsrc low: %8llu SA limit: %8llu\n",
		    n(in_refused(v) + v->out_refused), n(v->in_refused_negotiating),
		    n(v->in_refused_sa + v->out_refused));
	text_printf(out, "IKEv2 packets dropped at dispatch: %u\n", 0);
	text_printf(out, "Incoming IKEV2 Cookie Challenged Requests: %llu\n", n(v->cookies_sent));
	if (v->cluster_max_sa)
		text_cluster(v, out);
}

static json_t *json_member(const struct view_admission_member *m)
{
	return json_pack("{s:s, s:I, s:s, s:I}", "name", m->name, "node_id", (json_int_t)m->node_id,
			 "state", state_of(m), "share", (json_int_t)m->share);
}

void show_admission_json(const struct view_admission *v, struct text *out)
{
	json_t *members = json_array(), *j;

	for (size_t i = 0; i < v->n_members; i++)
		json_array_append_new(members, json_member(&v->members[i]));
	j = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:b, s:I, s:I, s:I, s:o, s:o}", "max_sa",
		      (json_int_t)v->max_sa, "cluster_max_sa", (json_int_t)v->cluster_max_sa,
		      "max_negotiating", (json_int_t)v->max_negotiating, "active",
		      (json_int_t)v->active, "negotiating", (json_int_t)v->negotiating,
		      "ipsec_active", json_count(v->child_active), "carried", v->carried, "share",
		      (json_int_t)v->share, "in_share", (json_int_t)v->in_share, "pool",
		      (json_int_t)v->pool, "members", members, "cookies_sent",
		      json_count(v->cookies_sent));
	json_object_set_new(
		j, "incoming",
		json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "total",
			  (json_int_t)(v->active + v->negotiating - v->out_active -
				       v->out_negotiating),
			  "active", (json_int_t)(v->active - v->out_active), "negotiating",
			  (json_int_t)(v->negotiating - v->out_negotiating), "requests",
			  json_count(v->in_requests), "accepted", json_count(v->in_accepted),
			  "rejected", json_count(in_refused(v)), "rejected_sa",
			  json_count(v->in_refused_sa), "rejected_negotiating",
			  json_count(v->in_refused_negotiating)));
	json_object_set_new(
		j, "outgoing",
		json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "total",
			  (json_int_t)(v->out_active + v->out_negotiating), "active",
			  (json_int_t)v->out_active, "negotiating", (json_int_t)v->out_negotiating,
			  "requests", json_count(v->out_requests), "accepted",
			  json_count(v->out_accepted), "rejected_sa", json_count(v->out_refused)));
	json_object_set_new(j, "rejected", json_count(in_refused(v) + v->out_refused));
	json_object_set_new(j, "rejected_sa", json_count(v->in_refused_sa + v->out_refused));
	json_finish(json_pack("{s:o}", "call_admission", j), out);
}
