/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The show commands, byte by byte against golden files, and their JSON against
 * etc/show-json.schema.json. HF_WRITE_GOLDEN=1 writes the golden files anew.
 */
#include "node/cli/tests/shown.h"

#include <regex.h>

/* --- golden files --- */

struct golden_case {
	const char *line;
	const char *name; /* of the golden file, ".txt" or ".json" follows */
	bool bare;
};

static const struct golden_case goldens[] = {
	{ "show crypto ikev2 sa", "ikev2-sa", false },
	{ "show crypto ikev2 sa detail", "ikev2-sa-detail", false },
	{ "show crypto ikev2 sa", "ikev2-sa-none", true },
	{ "show crypto ipsec sa", "ipsec-sa", false },
	{ "show crypto ipsec sa detail", "ipsec-sa-detail", false },
	{ "show crypto ipsec sa peer 192.0.2.9", "ipsec-sa-peer", false },
	{ "show crypto ipsec sa peer 192.0.2.9 detail", "ipsec-sa-peer-detail", false },
	{ "show crypto ipsec sa", "ipsec-sa-none", true },
	{ "show crypto map", "crypto-map", false },
	{ "show crypto map tag NONE", "crypto-map-none", false },
	{ "clear ipsec sa", "clear-ipsec", false },
	{ "initiate crypto map OUT 10", "initiate", false },
	{ "show failover", "failover", false },
	{ "show failover", "failover-off", true },
	{ "show failover group", "failover-group", false },
	{ "show failover group", "failover-group-off", true },
	{ "show monitor-interface", "monitor-interface", false },
	{ "show monitor-interface", "monitor-interface-off", true },
	{ "show failover state", "failover-state", false },
	{ "show failover state", "failover-state-off", true },
	{ "show failover history", "failover-history", false },
	{ "show failover history", "failover-history-none", true },
	{ "show failover statistics", "failover-statistics", false },
	{ "show failover statistics", "failover-statistics-none", true },
	{ "show version", "version", false },
	{ "show counters", "counters", false },
	{ "show running-config", "running-config", false },
	{ "clear crypto ikev2 sa", "clear", false },
	{ "cluster keygen /etc/holdfast/snapshot.key slot 2", "keygen", false },
	{ "write memory", "write-memory", false },
	{ "write memory", "write-memory-held", true },
	{ "write standby", "write-standby", false },
	{ "write standby", "write-standby-refused", true },
	{ "node drain", "node-drain", false },
	{ "node resume", "node-resume", false },
	{ "node fenced 4294967295", "node-fenced", false },
	{ "node forget vpn3", "node-forget", false },
	{ "show crypto call admission statistics", "call-admission", false },
	{ "show crypto call admission statistics", "call-admission-none", true },
	{ "show crypto ikev2 stats", "ikev2-stats", false },
	{ "show crypto ikev2 stats", "ikev2-stats-none", true },
	{ "pacemaker print-config crm", "pacemaker-crm", false },
	{ "pacemaker print-config pcs", "pacemaker-pcs", false },
};

static void every_show_command_has_its_exact_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		char name[64];
		pair_is_bare = goldens[i].bare;
		struct text out = run(goldens[i].line, false, ADMIN_OK);
		snprintf(name, sizeof(name), "%s.txt", goldens[i].name);
		assert_golden(name, &out);
		text_free(&out);
	}
	pair_is_bare = false;
}

/* --- JSON --- */

static void every_command_has_json_that_obeys_the_schema(void **state)
{
	json_t *schema = load_schema();
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		char name[64];
		json_error_t error;
		pair_is_bare = goldens[i].bare;
		struct text out = run(goldens[i].line, true, ADMIN_OK);
		snprintf(name, sizeof(name), "%s.json", goldens[i].name);
		assert_golden(name, &out);
		json_t *v = json_loads(text_string(&out), 0, &error);
		assert_non_null(v);
		assert_true(json_schema_valid(schema, schema, v));
		json_decref(v);
		text_free(&out);
	}
	pair_is_bare = false;
	json_decref(schema);
}

static void the_schema_refuses_what_it_should(void **state)
{
	static const char *const wrong[] = {
		"[]",
		"{\"other\": 1}",
		"{\"cleared\": -1}",
		"{\"cleared\": \"1\"}",
		"{\"ikev2_sas\": [{}]}",
		"{\"cleared\": 1, \"error\": \"x\"}",
		"{\"failover\": {\"enabled\": true}}",
		"{\"failover_state\": {}}",
		"{\"failover_history\": [{\"from\": \"Active\"}]}",
		"{\"failover_statistics\": {\"tx\": 1}}",
		"{\"version\": {\"version\": 1}}",
	};
	json_t *schema = load_schema();
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_error_t error;
		json_t *v = json_loads(wrong[i], 0, &error);
		assert_non_null(v);
		assert_false(json_schema_valid(schema, schema, v));
		json_decref(v);
	}
	json_decref(schema);
}

/* Every number, address and name of a text is somewhere in the JSON of the same command. */
static bool is_value(const char *word)
{
	return strpbrk(word, "0123456789") != NULL;
}

/* Words of the ASA's shape that are no values, or that JSON has in another form. */
static bool is_shape(const char *word)
{
	static const char *const shape[] = {
		"IKEv2",   "IKEv2,",     "={L2L",      "P2", "2021",  "24",      "28",    "1172",
		"0.0.0.0", "0x00000000", "0x00000001", "16", "IKEv1", "group19", "IKEV2",
	};
	for (size_t i = 0; i < sizeof(shape) / sizeof(shape[0]); i++)
		if (strcmp(word, shape[i]) == 0)
			return true;
	return false;
}

static bool found(const char *json, const char *word)
{
	char lower[128];
	size_t n = 0;
	word += strncmp(word, "0x", 2) == 0 ? 2 : 0;
	for (; word[n] && n + 1 < sizeof(lower); n++)
		lower[n] = (char)(word[n] >= 'A' && word[n] <= 'F' ? word[n] + 32 : word[n]);
	lower[n] = '\0';
	return strstr(json, word) || strstr(json, lower);
}

static void json_holds_every_value_of_the_text(void **state)
{
	size_t missing = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		pair_is_bare = goldens[i].bare;
		struct text text = run(goldens[i].line, false, ADMIN_OK),
			    json = run(goldens[i].line, true, ADMIN_OK);
		/* "node fenced" and "node forget" say nothing. */
		for (char *save, *w = text.p ? strtok_r(text.p, " \n,()/:", &save) : NULL; w;
		     w = strtok_r(NULL, " \n,()/:", &save))
			if (is_value(w) && !is_shape(w) && !found(text_string(&json), w)) {
				print_message("%s: %s is not in the JSON\n", goldens[i].line, w);
				missing++;
			}
		text_free(&text);
		text_free(&json);
	}
	pair_is_bare = false;
	assert_int_equal(missing, 0);
}

/* --- the command table --- */

static void commands_may_be_abbreviated_and_wrong_ones_are_explained(void **state)
{
	(void)state;
	struct text full = run("show crypto ikev2 sa detail", false, ADMIN_OK),
		    brief = run("sh cry ikev2 sa det", false, ADMIN_OK);
	assert_string_equal(text_string(&full), text_string(&brief));
	text_free(&full);
	text_free(&brief);
	struct text out = run("show crypto ikev1 sa", false, ADMIN_USAGE);
	assert_string_equal(
		text_string(&out),
		"ERROR: 'ikev1' is not valid here: expected ikev2, ipsec, map or call (did you mean 'ikev2'?)\n");
	text_free(&out);
	out = run("show", true, ADMIN_USAGE);
	assert_string_equal(text_string(&out),
			    "{\n  \"error\": \"the line ends too early: expected crypto, failover, "
			    "monitor-interface, running-config, counters or version\"\n}\n");
	text_free(&out);
	out = run("", false, ADMIN_OK);
	assert_string_equal(text_string(&out), "");
	text_free(&out);
	out = run("no show failover", false, ADMIN_USAGE);
	text_free(&out);
}

static void a_refused_action_says_why(void **state)
{
	(void)state;
	struct text out = run("clear crypto ikev2 sa peer 192.0.2.9", false, ADMIN_OK);
	assert_string_equal(text_string(&out), "1 IKEv2 SA cleared\n");
	text_free(&out);
	out = run("no failover active", false, ADMIN_OK);
	assert_string_equal(text_string(&out), "");
	text_free(&out);
	out = run("clear crypto ipsec sa peer 192.0.2.9", false, ADMIN_OK);
	assert_string_equal(text_string(&out), "1 IPsec SA cleared\n");
	text_free(&out);
	pair_is_bare = true;
	out = run("initiate crypto map OUT 5", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: crypto map OUT 5 does not exist\n");
	text_free(&out);
	out = run("clear crypto ikev2 sa", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: vpn2 is active: clear there\n");
	text_free(&out);
	out = run("failover active", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: this node has no complete state\n");
	text_free(&out);
	out = run("node drain", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: failover is not configured\n");
	text_free(&out);
	out = run("no node drain", false, ADMIN_USAGE);
	text_free(&out);
	out = run("node fenced 2", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: node 2: that node is a member now\n");
	text_free(&out);
	out = run("node fenced 0", false, ADMIN_USAGE);
	text_free(&out);
	out = run("cluster keygen /k slot 1", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: /k exists and stays as it is\n");
	text_free(&out);
	pair_is_bare = false;
}

static void write_memory_has_three_names(void **state)
{
	static const char *const others[] = { "write", "wr mem",
					      "copy running-config startup-config" };
	struct text memory = run("write memory", false, ADMIN_OK);
	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct text out = run(others[i], false, ADMIN_OK);
		assert_string_equal(text_string(&out), text_string(&memory));
		text_free(&out);
	}
	text_free(&memory);
	struct text out = run("write nothing", false, ADMIN_USAGE);
	assert_string_equal(
		text_string(&out),
		"ERROR: 'nothing' is not valid here: expected memory, the end of the line or standby\n");
	text_free(&out);
}

static void a_write_may_be_answered_later_or_not_be_ours(void **state)
{
	struct admin_caller caller = { .ticket = 9 };
	struct text out = { 0 };
	(void)state;
	assert_int_equal(admin_run(&pair_ops, "write standby", &caller, &out), ADMIN_LATER);
	assert_string_equal(text_string(&out), "");
	caller.ticket = 8;
	assert_int_equal(admin_run(&pair_ops, "write standby", &caller, &out), ADMIN_ERROR);
	assert_string_equal(text_string(&out),
			    "ERROR: this unit is not active; run it on the active unit\n");
	text_free(&out);
}

/* node drain and resume: the caller is answered when the disk has it; to a member it is said that
 * the log tells. */
static void a_drain_is_answered_later(void **state)
{
	static const char *const lines[] = { "node drain", "node resume" };
	struct admin_caller caller = { .ticket = 9 }, member = { .remote = true };
	struct text out = { 0 };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(admin_run(&pair_ops, lines[i], &caller, &out), ADMIN_LATER);
		assert_string_equal(text_string(&out), "");
		member.json = false;
		assert_int_equal(admin_run(&pair_ops, lines[i], &member, &out), ADMIN_OK);
		assert_string_equal(text_string(&out), "The log says how it ends.\n");
		text_free(&out);
		member.json = true;
		assert_int_equal(admin_run(&pair_ops, lines[i], &member, &out), ADMIN_OK);
		assert_non_null(strstr(text_string(&out), "\"pending\": true"));
		text_free(&out);
	}
}

/* failover exec mate write memory: both forms say that it goes on. */
static void a_write_that_nobody_waits_for_says_so(void **state)
{
	static const char *const lines[] = { "write memory", "write standby" };
	struct admin_caller caller = { .remote = true };
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct text plain = { 0 }, out = { 0 };
		json_t *pending;
		caller.json = false;
		assert_int_equal(admin_run(&pair_ops, lines[i], &caller, &plain), ADMIN_OK);
		assert_non_null(strstr(text_string(&plain), "\nThe log says how it ends.\n"));
		assert_null(strstr(text_string(&plain), "[OK]"));
		caller.json = true;
		assert_int_equal(admin_run(&pair_ops, lines[i], &caller, &out), ADMIN_OK);
		json_t *root = json_loads(text_string(&out), 0, NULL);
		assert_int_equal(json_unpack(root, "{s:{s:o}}",
					     i ? "write_standby" : "write_memory", "pending",
					     &pending),
				 0);
		assert_true(json_is_true(pending));
		json_decref(root);
		text_free(&plain);
		text_free(&out);
	}
}

static void a_group_that_is_not_there_is_named(void **state)
{
	(void)state;
	struct text one = run("show failover group 1", false, ADMIN_OK),
		    all = run("show failover group", false, ADMIN_OK);
	assert_string_equal(text_string(&one), text_string(&all));
	text_free(&one);
	text_free(&all);
	struct text out = run("show failover group 2", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: there is no failover group 2\n");
	text_free(&out);
}

static void a_command_for_another_member_is_asked_there(void **state)
{
	(void)state;
	struct text out = run("failover exec mate show  version", false, ADMIN_LATER);
	assert_string_equal(text_string(&out), "");
	assert_string_equal(pair_asked, "2 show  version text 5");
	text_free(&out);
	out = run("fail ex mem vpn2 show failover state", true, ADMIN_LATER);
	assert_string_equal(pair_asked, "2 show failover state json 5");
	text_free(&out);
	out = run("failover exec member vpn9 show version", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: no member is called vpn9\n");
	text_free(&out);
	out = run("failover exec standby", false, ADMIN_USAGE);
	text_free(&out);
}

static void a_command_for_this_unit_is_run_here(void **state)
{
	(void)state;
	struct text here = run("show version", false, ADMIN_OK),
		    out = run("failover exec active show version", false, ADMIN_OK);
	assert_string_equal(text_string(&out), text_string(&here));
	text_free(&here);
	text_free(&out);
	out = run("failover exec active show nothing", false, ADMIN_USAGE);
	text_free(&out);
}

static void failover_exec_is_not_nested(void **state)
{
	const struct admin_caller remote = { .remote = true };
	struct text out;
	(void)state;
	pair_asked[0] = '\0';
	out = run("failover exec mate failover exec mate show version", false, ADMIN_USAGE);
	assert_string_equal(text_string(&out), "ERROR: failover exec cannot be nested\n");
	text_free(&out);
	out = run("failover exec active fail exec member vpn2 show version", false, ADMIN_USAGE);
	text_free(&out);
	/* Not for what another member sent either. */
	assert_int_equal(admin_run(&pair_ops, "failover exec mate show version", &remote, &out),
			 ADMIN_USAGE);
	text_free(&out);
	assert_string_equal(pair_asked, "");
}

/* It would write a file as root for whoever may talk to it. */
static void the_daemon_makes_no_keys(void **state)
{
	const struct admin_caller caller = { .json = false };
	struct admin_ops daemon = pair_ops;
	struct text out = { 0 };
	(void)state;
	daemon.keygen = NULL;
	assert_int_equal(admin_run(&daemon, "cluster keygen /k slot 1", &caller, &out),
			 ADMIN_ERROR);
	assert_string_equal(text_string(&out),
			    "ERROR: the daemon makes no keys: run holdfast cluster keygen\n");
	text_free(&out);
}

static void help_completion_and_prompt(void **state)
{
	struct text out = { 0 };
	(void)state;
	admin_help("show crypto ", &out);
	assert_string_equal(
		text_string(&out),
		"  ikev2                     IKE version 2\n"
		"  ipsec                     CHILD SAs with their counters\n"
		"  map                       Crypto maps with the current peer of each entry\n"
		"  call                      Limits of IKE SAs, and who was refused\n");
	text_free(&out);
	admin_complete("sh cr i", &out);
	assert_string_equal(text_string(&out), "ikev2\nipsec\n");
	text_free(&out);
	admin_complete("show failover ", &out);
	assert_string_equal(text_string(&out), "group\nstate\nhistory\nstatistics\n");
	text_free(&out);
	admin_complete("failover exec ", &out);
	assert_string_equal(text_string(&out), "mate\nactive\nstandby\nmember\n");
	text_free(&out);
	/* Behind whom, what follows is a command like any other. */
	admin_complete("failover exec mate show cr", &out);
	assert_string_equal(text_string(&out), "crypto\n");
	text_free(&out);
	admin_complete("fail exec member vpn2 show failover st", &out);
	assert_string_equal(text_string(&out), "state\nstatistics\n");
	text_free(&out);
	admin_help("failover exec standby clear ", &out);
	assert_string_equal(text_string(&out),
			    "  crypto                    IPsec\n"
			    "  ipsec                     Delete CHILD SAs, of one peer or all\n");
	text_free(&out);
	admin_prompt(&pair_ops, &out);
	assert_string_equal(text_string(&out), "vpn1/pri/act# ");
	text_free(&out);
	pair_is_bare = true;
	admin_prompt(&pair_ops, &out);
	assert_string_equal(text_string(&out), "vpn1# ");
	text_free(&out);
	pair_is_bare = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_show_command_has_its_exact_text),
		cmocka_unit_test(every_command_has_json_that_obeys_the_schema),
		cmocka_unit_test(the_schema_refuses_what_it_should),
		cmocka_unit_test(json_holds_every_value_of_the_text),
		cmocka_unit_test(commands_may_be_abbreviated_and_wrong_ones_are_explained),
		cmocka_unit_test(a_refused_action_says_why),
		cmocka_unit_test(write_memory_has_three_names),
		cmocka_unit_test(a_write_may_be_answered_later_or_not_be_ours),
		cmocka_unit_test(a_drain_is_answered_later),
		cmocka_unit_test(a_write_that_nobody_waits_for_says_so),
		cmocka_unit_test(a_group_that_is_not_there_is_named),
		cmocka_unit_test(a_command_for_another_member_is_asked_there),
		cmocka_unit_test(a_command_for_this_unit_is_run_here),
		cmocka_unit_test(failover_exec_is_not_nested),
		cmocka_unit_test(the_daemon_makes_no_keys),
		cmocka_unit_test(help_completion_and_prompt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
