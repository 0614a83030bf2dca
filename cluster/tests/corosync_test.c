/* SPDX-License-Identifier: Apache-2.0 */
/* The Corosync adapter against a Corosync that says what the test wants: which views come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>
#include <corosync/cmap.h>
#include <corosync/cpg.h>
#include <corosync/quorum.h>
#include <corosync/votequorum.h>
#include <qb/qbloop.h>

#include "cluster/adapters/corosync.h"

/* ---- Corosync's libraries, as far as the adapter calls them ---- */

static cpg_model_v1_data_t cpg;
static void *cpg_context;
static int fds[2] = { -1, -1 };

cs_error_t cpg_model_initialize(cpg_handle_t *handle, cpg_model_t model, cpg_model_data_t *data,
				void *context)
{
	assert_int_equal(model, CPG_MODEL_V1);
	memcpy(&cpg, data, sizeof(cpg));
	cpg_context = context;
	*handle = 1;
	return CS_OK;
}

cs_error_t cpg_context_get(cpg_handle_t handle, void **context)
{
	(void)handle;
	*context = cpg_context;
	return CS_OK;
}

cs_error_t cpg_fd_get(cpg_handle_t handle, int *fd)
{
	(void)handle;
	*fd = fds[0];
	return CS_OK;
}

cs_error_t cpg_join(cpg_handle_t handle, const struct cpg_name *group)
{
	(void)handle, (void)group;
	return CS_OK;
}

cs_error_t cpg_dispatch(cpg_handle_t handle, cs_dispatch_flags_t types)
{
	(void)handle, (void)types;
	return CS_OK;
}

cs_error_t cpg_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee,
			    const struct iovec *iovec, unsigned int iov_len)
{
	(void)handle, (void)guarantee, (void)iovec, (void)iov_len;
	return CS_OK;
}

cs_error_t cpg_finalize(cpg_handle_t handle)
{
	(void)handle;
	return CS_OK;
}

cs_error_t quorum_model_initialize(quorum_handle_t *handle, quorum_model_t model,
				   quorum_model_data_t *data, uint32_t *type, void *context)
{
	(void)model, (void)data, (void)context;
	*handle = 2;
	*type = QUORUM_SET;
	return CS_OK;
}

cs_error_t quorum_context_get(quorum_handle_t handle, const void **context)
{
	(void)handle;
	*context = NULL;
	return CS_OK;
}

cs_error_t quorum_fd_get(quorum_handle_t handle, int *fd)
{
	(void)handle;
	*fd = fds[1];
	return CS_OK;
}

cs_error_t quorum_trackstart(quorum_handle_t handle, unsigned int flags)
{
	(void)handle, (void)flags;
	return CS_OK;
}

cs_error_t quorum_dispatch(quorum_handle_t handle, cs_dispatch_flags_t types)
{
	(void)handle, (void)types;
	return CS_OK;
}

cs_error_t quorum_finalize(quorum_handle_t handle)
{
	(void)handle;
	return CS_OK;
}

cs_error_t votequorum_initialize(votequorum_handle_t *handle, votequorum_callbacks_t *callbacks)
{
	(void)callbacks;
	*handle = 3;
	return CS_OK;
}

cs_error_t votequorum_getinfo(votequorum_handle_t handle, unsigned int nodeid,
			      struct votequorum_info *info)
{
	(void)handle, (void)nodeid;
	/* One of two nodes has two votes. */
	*info = (struct votequorum_info){ .node_id = 1, .node_expected_votes = 3 };
	return CS_OK;
}

cs_error_t votequorum_finalize(votequorum_handle_t handle)
{
	(void)handle;
	return CS_OK;
}

cs_error_t cmap_initialize(cmap_handle_t *handle)
{
	*handle = 4;
	return CS_OK;
}

/* The node list: ids by position, 0 is a gap. Each has an address beside its id. */
static uint32_t node_list[20] = { 1, 0, 0, 2 };
static unsigned int node_list_at, node_list_breaks_at = 40;

cs_error_t cmap_get_uint32(cmap_handle_t handle, const char *key, uint32_t *value)
{
	unsigned int position;

	(void)handle;
	if (sscanf(key, "nodelist.node.%u.nodeid", &position) != 1 || !node_list[position])
		return CS_ERR_NOT_EXIST;
	*value = node_list[position];
	return CS_OK;
}

cs_error_t cmap_iter_init(cmap_handle_t handle, const char *prefix, cmap_iter_handle_t *iter)
{
	(void)handle;
	node_list_at = 0;
	*iter = 5;
	return strcmp(prefix, "nodelist.node.") == 0 ? CS_OK : CS_ERR_INVALID_PARAM;
}

cs_error_t cmap_iter_next(cmap_handle_t handle, cmap_iter_handle_t iter, char key[], size_t *len,
			  cmap_value_types_t *type)
{
	(void)handle, (void)iter, (void)len, (void)type;
	while (node_list_at < 40 && !node_list[node_list_at / 2])
		node_list_at++;
	if (node_list_at == 40)
		return CS_ERR_NO_SECTIONS;
	if (node_list_at >= node_list_breaks_at)
		return CS_ERR_TRY_AGAIN;
	snprintf(key, CMAP_KEYNAME_MAXLEN + 1, "nodelist.node.%u.%s", node_list_at / 2,
		 node_list_at % 2 ? "ring0_addr" : "nodeid");
	node_list_at++;
	return CS_OK;
}

cs_error_t cmap_iter_finalize(cmap_handle_t handle, cmap_iter_handle_t iter)
{
	(void)handle, (void)iter;
	return CS_OK;
}

cs_error_t cmap_get_string(cmap_handle_t handle, const char *key, char **value)
{
	(void)handle, (void)key, (void)value;
	return CS_ERR_NOT_EXIST;
}

cs_error_t cmap_finalize(cmap_handle_t handle)
{
	(void)handle;
	return CS_OK;
}

/* ---- what comes out ---- */

/* "seq:nodes " of each view. */
static char told[256];

static void on_view(void *ctx, const struct cl_ring_id *ring, const struct cl_member *members,
		    size_t n)
{
	char nodes[32] = "";

	(void)ctx;
	for (size_t i = 0; i < n; i++)
		snprintf(nodes + strlen(nodes), sizeof(nodes) - strlen(nodes), "%u",
			 members[i].node_id);
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "%llu:%s ",
		 (unsigned long long)ring->seq, nodes);
}

static void on_quorum(void *ctx, const struct cl_ring_id *ring, bool quorate)
{
	(void)ctx, (void)ring, (void)quorate;
}

static void on_message(void *ctx, uint32_t node_id, uint32_t pid, struct bytes data)
{
	(void)ctx, (void)node_id, (void)pid, (void)data;
}

static void on_lost(void *ctx, const char *what)
{
	(void)ctx, (void)what;
}

static void assert_told(const char *views)
{
	assert_string_equal(told, views);
	told[0] = '\0';
}

/* ---- what Corosync says ---- */

static size_t list(const char *nodes, uint32_t reason, struct cpg_address out[8])
{
	size_t n = 0;

	for (; *nodes; nodes++)
		out[n++] = (struct cpg_address){ .nodeid = (uint32_t)(*nodes - '0'),
						 .pid = 100u + (uint32_t)(*nodes - '0'),
						 .reason = reason };
	return n;
}

static void processes(const char *members, const char *left, uint32_t left_reason,
		      const char *joined, uint32_t joined_reason)
{
	struct cpg_address m[8], l[8], j[8];
	const struct cpg_name name = { .length = 1, .value = "g" };
	size_t n_m = list(members, CPG_REASON_UNDEFINED, m), n_l = list(left, left_reason, l),
	       n_j = list(joined, joined_reason, j);

	cpg.cpg_confchg_fn(1, &name, m, n_m, l, n_l, j, n_j);
}

static void ring(uint64_t seq, const char *nodes)
{
	uint32_t ids[8];
	size_t n = strlen(nodes);

	for (size_t i = 0; i < n; i++)
		ids[i] = (uint32_t)(nodes[i] - '0');
	cpg.cpg_totem_confchg_fn(1, (struct cpg_ring_id){ .nodeid = 1, .seq = seq }, (uint32_t)n,
				 ids);
}

static struct cl_transport *transport;
static struct cl_transport_facts facts;
static qb_loop_t *loop;

/* Nodes 1 and 2 in ring 4. */
static int setup(void **state)
{
	static const struct cl_transport_callbacks callbacks = {
		.view = on_view, .quorum = on_quorum, .message = on_message, .lost = on_lost
	};

	(void)state;
	fds[0] = eventfd(0, 0);
	fds[1] = eventfd(0, 0);
	loop = qb_loop_create();
	told[0] = '\0';
	assert_int_equal(cl_corosync_open(loop, "holdfast", &callbacks, NULL, &facts, &transport),
			 R_OK);
	ring(4, "12");
	processes("12", "", 0, "1", CPG_REASON_JOIN);
	assert_told("4:12 ");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	transport->ops->close(transport);
	qb_loop_destroy(loop);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static void a_change_of_processes_is_a_view_of_the_same_ring(void **state)
{
	(void)state;
	processes("1", "2", CPG_REASON_PROCDOWN, "", 0);
	assert_told("4:1 ");
	processes("12", "", 0, "2", CPG_REASON_JOIN);
	assert_told("4:12 ");
}

static void a_change_of_nodes_waits_for_its_ring(void **state)
{
	(void)state;
	processes("1", "2", CPG_REASON_NODEDOWN, "", 0);
	assert_told("");
	ring(8, "1");
	assert_told("8:1 ");
	processes("12", "", 0, "2", CPG_REASON_NODEUP);
	ring(12, "12");
	assert_told("12:12 ");
}

static void a_node_that_leaves_and_joins_in_one_change_is_not_one_that_stayed(void **state)
{
	(void)state;
	processes("1", "2", CPG_REASON_NODEDOWN, "", 0);
	processes("12", "", 0, "2", CPG_REASON_NODEUP);
	ring(8, "12");
	assert_told("8:1 8:12 ");
	ring(12, "12"); /* and nothing of it is left for the next one */
	assert_told("12:12 ");
}

static void joins_that_come_one_by_one_are_told(void **state)
{
	(void)state;
	processes("1", "2", CPG_REASON_NODEDOWN, "", 0);
	processes("12", "", 0, "2", CPG_REASON_NODEUP);
	processes("123", "", 0, "3", CPG_REASON_NODEUP);
	ring(8, "123");
	assert_told("8:1 8:123 ");
}

/* Its process dies while the change is under way: the ring still comes. */
static void a_process_that_goes_meanwhile_waits_for_the_ring_too(void **state)
{
	(void)state;
	processes("12", "", 0, "3", CPG_REASON_NODEUP);
	processes("1", "2", CPG_REASON_PROCDOWN, "", 0);
	assert_told("");
	ring(8, "13");
	assert_told("8:12 8:1 ");
}

/* Also of a change of nodes: messages of its ring do not belong to the view before it. */
static void more_members_than_have_names_are_no_view_of_ours(void **state)
{
	struct cpg_address m[CL_MEMBERS_MAX + 1] = { 0 };
	struct cpg_address joined = { .nodeid = CL_MEMBERS_MAX + 1, .reason = CPG_REASON_NODEUP };
	const struct cpg_name name = { .length = 1, .value = "g" };

	(void)state;
	for (uint32_t i = 0; i < CL_MEMBERS_MAX + 1; i++)
		m[i].nodeid = i + 1;
	cpg.cpg_confchg_fn(1, &name, m, CL_MEMBERS_MAX + 1, NULL, 0, &joined, 1);
	ring(8, "12");
	assert_told("8: ");
	ring(12, "12");
	assert_told("");
	processes("12", "3", CPG_REASON_NODEDOWN, "", 0);
	ring(16, "12");
	assert_told("16:12 ");
}

static void the_node_list_tells_who_can_be_missing(void **state)
{
	(void)state;
	assert_int_equal(facts.n_nodes, 2);
	assert_int_equal(facts.nodes[0], 1);
	assert_int_equal(facts.nodes[1], 2);
	assert_int_equal(facts.expected_votes, 2);
	assert_int_equal(facts.votes, 3);
}

static int setup_many(void **state)
{
	for (size_t i = 0; i <= CL_MEMBERS_MAX; i++)
		node_list[i] = (uint32_t)i + 1;
	return setup(state);
}

static int teardown_many(void **state)
{
	memset(node_list, 0, sizeof(node_list));
	return teardown(state);
}

static void one_that_is_too_long_is_not_used(void **state)
{
	(void)state;
	assert_int_equal(facts.n_nodes, 0);
	assert_int_equal(facts.expected_votes, 3);
}

static int setup_break(void **state)
{
	node_list[0] = 1;
	node_list[3] = 2;
	node_list_breaks_at = 2; /* behind the first node */
	return setup(state);
}

static int teardown_break(void **state)
{
	node_list_breaks_at = 40;
	return teardown(state);
}

/* One node of two would be all that is expected (R15). */
static void one_that_breaks_off_is_not_used(void **state)
{
	(void)state;
	assert_int_equal(facts.n_nodes, 0);
	assert_int_equal(facts.expected_votes, 3);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_change_of_processes_is_a_view_of_the_same_ring),
		T(a_change_of_nodes_waits_for_its_ring),
		T(a_node_that_leaves_and_joins_in_one_change_is_not_one_that_stayed),
		T(joins_that_come_one_by_one_are_told),
		T(a_process_that_goes_meanwhile_waits_for_the_ring_too),
		T(more_members_than_have_names_are_no_view_of_ours),
		T(the_node_list_tells_who_can_be_missing),
		cmocka_unit_test_setup_teardown(one_that_is_too_long_is_not_used, setup_many,
						teardown_many),
		cmocka_unit_test_setup_teardown(one_that_breaks_off_is_not_used, setup_break,
						teardown_break),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
