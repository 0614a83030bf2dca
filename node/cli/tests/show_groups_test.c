/* SPDX-License-Identifier: Apache-2.0 */
/* Several failover groups, and units that do not agree, side by side and in JSON. */
#include "node/cli/tests/shown.h"

static const char two_groups_state[] =
	"               State          Last Failure Reason      Date/Time\n"
	"This host  -   Primary\n"
	"    Group 1    Active         HELLO not heard          10:41:05 UTC Feb 4 2021\n"
	"    Group 2    Standby Ready  HELLO not heard          10:41:05 UTC Feb 4 2021\n"
	"Other host -   Secondary\n"
	"    Group 1    Standby Ready  None\n"
	"    Group 2    Active         None\n"
	"\n====Configuration State===\n        Sync Done\n"
	"====Communication State===\n        Corosync up\n";

static const char two_groups_hosts[] =
	"Group 1 last failover at: 11:24:17 UTC Apr 17 2021\n"
	"Group 2 last failover at: 11:24:17 UTC Apr 17 2021\n"
	"        This host:    Primary\n"
	"Group 1       State:          Active\n"
	"                Active time:    30858 (sec)\n"
	"Group 2       State:          Standby Ready\n"
	"                Active time:    0 (sec)\n"
	"                slot 1: holdfast hw/sw rev (/0.1.0) status (Up Sys)\n"
	"                  Interface outside (192.0.2.1): Normal (Monitored)\n"
	"                  Interface inside (198.51.100.1): No Link (Monitored)\n"
	"                  Interface dmz (203.0.113.1): Normal (Not-Monitored)\n"
	"                  Interface spare (0.0.0.0): Link Down (Shutdown)\n"
	"                  Interface outside2 (0.0.0.0): Normal (Monitored)\n"
	"        Other host:   Secondary\n"
	"Group 1       State:          Standby Ready\n"
	"                Active time:    0 (sec)\n"
	"Group 2       State:          Active\n"
	"                Active time:    7 (sec)\n";

/* The same two hosts, with group 2 active on the other one. */
static void two_groups(struct view_failover v[2])
{
	bool off = false;
	memset(v, 0, 2 * sizeof(*v));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pair_failover(&off, 1, &v[i]), R_OK);
		v[i].group = (uint32_t)i + 1;
		v[i].n_others = 1;
	}
	v[1].self.state = HOST_STANDBY_READY;
	v[1].self.active_s = 0;
	v[1].self.n_interfaces = 0;
	pair_add_interface(&v[1].self, "outside2", NULL, true);
	v[1].others[0].state = HOST_ACTIVE;
	v[1].others[0].active_s = 7;
}

static json_t *obeying(const json_t *schema, struct text *out)
{
	json_t *v = json_loads(text_string(out), 0, NULL);
	assert_non_null(v);
	assert_true(json_schema_valid(schema, schema, v));
	text_free(out);
	return v;
}

static void several_groups_have_json_too(void **state)
{
	static struct view_failover v[2];
	json_t *schema = load_schema();
	struct text out = { 0 };
	const char *active;
	int id;
	(void)state;
	two_groups(v);
	show_failover_json(v, 2, &out);
	json_t *all = obeying(schema, &out);
	json_t *second = json_array_get(json_object_get(json_object_get(all, "failover"), "groups"),
					1);
	assert_int_equal(json_unpack(second, "{s:i, s:s}", "id", &id, "active", &active), 0);
	assert_int_equal(id, 2);
	assert_string_equal(active, "vpn2");
	json_decref(all);
	show_failover_group_json(v, 2, &out);
	all = obeying(schema, &out);
	assert_int_equal(json_array_size(json_object_get(all, "failover_groups")), 2);
	json_decref(all);
	show_failover_state_json(v, 2, &out);
	json_decref(obeying(schema, &out));
	json_decref(schema);
}

static void several_groups_are_shown_side_by_side(void **state)
{
	static struct view_failover v[2];
	struct text out = { 0 };
	(void)state;
	two_groups(v);
	show_failover_state_text(v, 2, &out);
	assert_string_equal(text_string(&out), two_groups_state);
	text_free(&out);
	show_failover_text(v, 2, &out);
	if (!strstr(text_string(&out), two_groups_hosts))
		fail_msg("%s", text_string(&out));
	assert_non_null(
		strstr(out.p, "        General         62         10         58         12\n"));
	assert_non_null(strstr(out.p, "\nHoldfast Failover Group 1\n"));
	assert_non_null(strstr(out.p, "\nHoldfast Failover Group 2\n"));
	text_free(&out);
	show_failover_group_text(v, 2, &out);
	assert_non_null(strstr(out.p, "Group 2 last failover at"));
	text_free(&out);
}

static void the_state_tells_different_configurations_and_lost_corosync(void **state)
{
	struct view_failover v = { 0 };
	struct text out = { 0 };
	bool off = false;
	(void)state;
	assert_int_equal(pair_failover(&off, 1, &v), R_OK);
	v.n_others = 1;
	show_failover_state_text(&v, 1, &out);
	assert_non_null(strstr(out.p, "====Configuration State===\n        Sync Done\n"));
	assert_non_null(strstr(out.p, "====Communication State===\n        Corosync up\n"));
	text_free(&out);
	v.self.state = HOST_STANDBY_READY;
	v.quorate = false;
	show_failover_state_text(&v, 1, &out);
	assert_non_null(strstr(out.p, "        Sync Done - STANDBY\n"));
	assert_non_null(strstr(out.p, "        Corosync up, no quorum\n"));
	text_free(&out);
	v.cluster_up = false;
	show_failover_state_text(&v, 1, &out);
	assert_non_null(strstr(out.p, "        Corosync down\n"));
	text_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_groups_have_json_too),
		cmocka_unit_test(several_groups_are_shown_side_by_side),
		cmocka_unit_test(the_state_tells_different_configurations_and_lost_corosync),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
