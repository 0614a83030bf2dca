/* SPDX-License-Identifier: Apache-2.0 */
/* show crypto call admission statistics, node forget. */
#include <stdlib.h>
#include <string.h>

#include "node/world.h"

static void count_out(void *ctx, const struct ike_sa_state *s)
{
	struct view_admission *out = ctx;

	out->out_active += s->initiator && s->stage == IKE_SA_ESTABLISHED;
	out->out_negotiating += s->initiator && s->stage < IKE_SA_ESTABLISHED;
}

static void add_engine(const struct world *w, struct view_admission *out)
{
	const struct ike_engine *e = hf_core_engine(w->core);
	const struct ike_stats *st = ike_engine_stats(e);

	if (w->role == CL_ROLE_ACTIVE) {
		struct ike_load load = ike_load(e);
		out->active += (uint32_t)st->established;
		out->negotiating += (uint32_t)st->half_open + load.all - (uint32_t)st->established;
		out->in_share += load.in_share;
		ike_each_sa(e, count_out, out);
	}
	out->cookies_sent += st->cookies_sent;
	out->in_requests += st->admission.in_requests;
	out->in_accepted += st->admission.in_accepted;
	out->in_refused_sa += st->admission.in_refused;
	out->in_refused_negotiating += st->admission.in_refused_half_open;
	out->out_requests += st->admission.out_requests;
	out->out_accepted += st->admission.out_accepted;
	out->out_refused += st->admission.out_refused;
}

static void count_child(void *ctx, const struct child_sa_state *s)
{
	*(uint64_t *)ctx += s->stage == CHILD_SA_ESTABLISHED;
}

enum result admin_admission(void *ctx, struct view_admission *out)
{
	const struct world *w = ctx;
	struct cl_admission a;

	cl_admission(hf_core_cluster_node(w->core), &a);
	out->max_sa = w->config->max_sa;
	out->cluster_max_sa = w->config->cluster_max_sa;
	out->max_negotiating = hf_half_open_max(w->config);
	for (const struct world *each = w; each; each = each->next) {
		add_engine(each, out);
		if (each->role == CL_ROLE_ACTIVE)
			ike_each_child(hf_core_engine(each->core), 0, count_child,
				       &out->child_active);
	}
	out->share = a.limit ? a.share : 0;
	out->pool = a.pool;
	out->carried = a.carried;
	for (size_t i = 0; i < a.n && i < sizeof(out->members) / sizeof(out->members[0]); i++) {
		const struct cl_admission_member *m = &a.members[i];
		struct view_admission_member *v = &out->members[out->n_members++];
		*v = (struct view_admission_member){ .node_id = m->node_id,
						     .self = m->self,
						     .present = m->present,
						     .gone = m->gone,
						     .share = m->share };
		snprintf(v->name, sizeof(v->name), "%s", m->name);
	}
	return R_OK;
}

static bool is_called(const struct cl_admission_member *m, const char *name)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", m->node_id);
	return strcmp(m->name, name) == 0 || strcmp(id, name) == 0;
}

enum result admin_node_forget(void *ctx, const char *name, char why[ADMIN_WHY_MAX])
{
	struct world *w = ctx;
	struct cl_admission a;
	const struct cl_admission_member *found = NULL;

	cl_admission(hf_core_cluster_node(w->core), &a);
	for (size_t i = 0; i < a.n; i++)
		if (is_called(&a.members[i], name))
			found = &a.members[i];
	if (!found) {
		snprintf(why, ADMIN_WHY_MAX,
			 "no member of call admission is called %s: expected a hostname or node id "
			 "of 'show crypto call admission statistics'",
			 name);
		return R_NOT_FOUND;
	}
	if (found->present) {
		snprintf(why, ADMIN_WHY_MAX,
			 "%s is in the cluster: expected a node that is missing", name);
		return R_STATE;
	}
	struct cl_input in = { .kind = CL_IN_FORGET, .from_node_id = found->node_id };
	hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
	return R_OK;
}
