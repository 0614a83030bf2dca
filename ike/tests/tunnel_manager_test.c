/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ASA's table of the peer index, row by row as its documentation has it,
 * each with a neighbour that is refused; and the order of peers and versions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ike/tunnel_manager.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* What the manager asks of its owner, and what it was told. */
struct owner {
	struct tunnel_manager *tm;
	struct ike_config cfg;
	struct ike_crypto_map maps[2];
	uint32_t tunnels[2];
	enum tunnel_state state;
	enum result begin[TUNNEL_VERSIONS];
	char story[2048]; /* attempts, records and log, in order */
	unsigned int records;
	unsigned int asked; /* for the state */
};

static void tell(struct owner *o, const char *what)
{
	size_t len = strlen(o->story);

	snprintf(o->story + len, sizeof(o->story) - len, "%s%s", len ? " " : "", what);
}

static enum tunnel_state state(void *ctx, const struct tunnel_entry *t)
{
	(void)t;
	((struct owner *)ctx)->asked++;
	return ((struct owner *)ctx)->state;
}

static enum result attempt(struct owner *o, const struct tunnel_entry *t, enum tunnel_version v)
{
	char what[32];

	snprintf(what, sizeof(what), "P%u/%s", tunnel_entry_index(t) + 1u,
		 v == TUNNEL_IKEV2 ? "IKEv2" : "IKEv1");
	tell(o, what);
	if (o->begin[v] == R_OK)
		o->state = TUNNEL_TRYING;
	return o->begin[v];
}

static enum result begin_v2(void *ctx, const struct tunnel_entry *t, const void *what)
{
	assert_non_null(what);
	return attempt(ctx, t, TUNNEL_IKEV2);
}

static enum result begin_v1(void *ctx, const struct tunnel_entry *t, const void *what)
{
	assert_non_null(what);
	return attempt(ctx, t, TUNNEL_IKEV1);
}

static void changed(void *ctx, const struct tunnel_entry *t)
{
	struct owner *o = ctx;

	(void)t;
	o->records++;
	tell(o, "record");
}

static void say(void *ctx, enum log_id id, const char *detail)
{
	struct owner *o = ctx;

	assert_non_null(strstr(detail, "Map Tag = M. Map Sequence Number = "));
	if (log_info(id)->asa != NULL)
		tell(o, log_info(id)->asa);
}

static const struct tunnel_manager_ops ops = {
	.state = state,
	.begin = { [TUNNEL_IKEV2] = begin_v2, [TUNNEL_IKEV1] = begin_v1 },
	.changed = changed,
	.log = say,
};

static struct owner *owner(uint8_t n_peers)
{
	static const uint8_t seed[16];
	struct owner *o = calloc(1, sizeof(*o));

	assert_non_null(o);
	o->cfg.maps = o->maps;
	o->cfg.n_maps = 2;
	for (uint8_t i = 0; i < 2; i++) {
		struct ike_crypto_map *m = &o->maps[i];

		o->tunnels[i] = 7u + i;
		*m = (struct ike_crypto_map){ .map = "M",
					      .seq = 10u + i,
					      .digest = 1,
					      .n_peers = n_peers,
					      .n_tunnels = 1,
					      .tunnels = &o->tunnels[i] };
		for (uint8_t k = 0; k < n_peers; k++)
			m->peers[k] = inet_v4(0xc0000202u + k);
	}
	o->tm = tunnel_manager_new(&ops, o, seed);
	tunnel_manager_configure(o->tm, &o->cfg);
	tunnel_manager_activate(o->tm);
	return o;
}

static void owner_free(struct owner *o)
{
	tunnel_manager_free(o->tm);
	free(o);
}

static struct tunnel_entry *entry(struct owner *o)
{
	return tunnel_manager_of_tunnel(o->tm, 7);
}

/* The table of "Peer Index Reset Upon Crypto Map Changes", written down once more. */
static const struct {
	enum tunnel_condition condition;
	enum tunnel_action moved; /* Yes, No, Reset */
	enum tunnel_state in;     /* where it can be */
	enum tunnel_state not_in; /* a neighbour; equal to in: there is none */
	const char *text;
} documented[] = {
	{ TUNNEL_PEER_UNREACHABLE, TUNNEL_MOVE, TUNNEL_TRYING, TUNNEL_UP, "Peer not reachable" },
	{ TUNNEL_PHASE1_MISMATCH, TUNNEL_MOVE, TUNNEL_TRYING, TUNNEL_IDLE,
	  "Phase 1 proposal mismatch" },
	{ TUNNEL_PHASE2_MISMATCH, TUNNEL_MOVE, TUNNEL_TRYING, TUNNEL_UP,
	  "Phase 2 proposal mismatch" },
	{ TUNNEL_DPD_UNANSWERED, TUNNEL_MOVE, TUNNEL_UP, TUNNEL_IDLE, "DPD ack not received" },
	{ TUNNEL_TS_MISMATCH, TUNNEL_MOVE, TUNNEL_TRYING, TUNNEL_UP,
	  "Traffic selectors mismatch during AUTH phase" },
	{ TUNNEL_AUTH_FAILED, TUNNEL_MOVE, TUNNEL_TRYING, TUNNEL_UP, "Authentication failure" },
	{ TUNNEL_REKEY_UNREACHABLE, TUNNEL_RESET, TUNNEL_UP, TUNNEL_TRYING,
	  "Rekey failure due to peer not reachable" },
	{ TUNNEL_REKEY_MISMATCH, TUNNEL_RESET, TUNNEL_UP, TUNNEL_TRYING,
	  "Rekey failure due to proposal mismatch" },
	{ TUNNEL_REKEY_TS_MISMATCH, TUNNEL_RESET, TUNNEL_UP, TUNNEL_TRYING,
	  "Traffic selectors mismatch during rekey" },
	{ TUNNEL_MAP_MODIFIED, TUNNEL_RESET, TUNNEL_UP, TUNNEL_UP, "Crypto map modification" },
	{ TUNNEL_HA_SWITCHOVER, TUNNEL_KEEP, TUNNEL_UP, TUNNEL_UP, "HA switchover" },
	{ TUNNEL_CLEAR_IKE, TUNNEL_RESET, TUNNEL_UP, TUNNEL_IDLE, "Clear crypto IKEv2 SA" },
	{ TUNNEL_CLEAR_IPSEC, TUNNEL_RESET, TUNNEL_UP, TUNNEL_IDLE, "Clear ipsec sa" },
	{ TUNNEL_SA_TIMEOUT, TUNNEL_RESET, TUNNEL_UP, TUNNEL_IDLE, "IKEv2 SA timeout" },
};

/* To index 1 of three, by an earlier condition. */
static void advance(struct owner *o)
{
	o->state = TUNNEL_TRYING;
	assert_int_equal(tunnel_manager_condition(o->tm, entry(o), TUNNEL_PEER_UNREACHABLE), R_OK);
	assert_int_equal(entry(o)->s.index, 1);
}

static void each_row_does_what_is_documented(void **unused)
{
	static const uint32_t from_one[] = {
		[TUNNEL_KEEP] = 1, [TUNNEL_MOVE] = 2, [TUNNEL_RESET] = 0
	};

	(void)unused;
	for (size_t i = 0; i < N(documented); i++) {
		struct owner *o = owner(3);
		struct peer_index_state was;

		advance(o);
		was = entry(o)->s;
		o->state = documented[i].in;
		assert_int_equal(tunnel_manager_condition(o->tm, entry(o), documented[i].condition),
				 R_OK);
		assert_int_equal(entry(o)->s.index, from_one[documented[i].moved]);
		if (documented[i].moved == TUNNEL_KEEP) {
			assert_memory_equal(&entry(o)->s, &was, sizeof(was));
			assert_int_equal(o->records, 1);
		} else {
			assert_int_equal(entry(o)->s.generation, was.generation + 1);
			assert_int_equal(entry(o)->s.reason, documented[i].condition);
			assert_int_equal(o->records, 2);
		}
		assert_string_equal(tunnel_condition_text(documented[i].condition),
				    documented[i].text);
		/* The neighbour's index is its own. */
		assert_int_equal(tunnel_manager_of_tunnel(o->tm, 8)->s.generation, 0);
		owner_free(o);
	}
}

static void each_row_refuses_its_neighbour(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < N(documented); i++) {
		struct owner *o = owner(3);
		struct peer_index_state was;

		if (documented[i].in == documented[i].not_in) {
			owner_free(o);
			continue;
		}
		advance(o);
		was = entry(o)->s;
		o->state = documented[i].not_in;
		assert_int_equal(tunnel_manager_condition(o->tm, entry(o), documented[i].condition),
				 R_STATE);
		assert_memory_equal(&entry(o)->s, &was, sizeof(was));
		assert_int_equal(o->records, 1);
		owner_free(o);
	}
}

static void the_table_has_these_rows_and_no_other(void **unused)
{
	size_t n;
	const struct tunnel_row *rows = tunnel_rows(&n);

	(void)unused;
	assert_int_equal(n, N(documented));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rows[i].condition, documented[i].condition);
		assert_int_equal(rows[i].action, documented[i].moved);
	}
	assert_string_equal(tunnel_condition_text(0), "none");
	assert_string_equal(tunnel_condition_text(99), "unknown");
}

static void fail_attempt(struct owner *o, enum tunnel_condition why)
{
	tunnel_manager_failed(o->tm, entry(o), TUNNEL_IKEV2, why, o);
	o->state = TUNNEL_IDLE;
}

static void after_the_last_peer_comes_the_first(void **unused)
{
	struct owner *o = owner(3);

	(void)unused;
	for (unsigned int i = 0; i < 4; i++) {
		o->story[0] = '\0';
		tunnel_manager_trigger(o->tm, entry(o), o);
		fail_attempt(o, TUNNEL_PEER_UNREACHABLE);
		assert_int_equal(entry(o)->s.index, (i + 1) % 3);
	}
	assert_string_equal(o->story, "752003 P1/IKEv2 752012 752015 752002 record");
	assert_int_equal(entry(o)->s.generation, 4);
	owner_free(o);
}

/* "the tunnel is initiated to P1 with IKEv2, P1 with IKEv1, P2 with IKEv2, and so on" */
static void both_versions_are_tried_before_the_next_peer(void **unused)
{
	struct owner *o = owner(2);

	(void)unused;
	o->maps[0].ikev1 = true;
	o->begin[TUNNEL_IKEV1] = R_UNSUPPORTED;
	tunnel_manager_trigger(o->tm, entry(o), o);
	assert_string_equal(o->story, "752003 P1/IKEv2");
	fail_attempt(o, TUNNEL_AUTH_FAILED);
	assert_string_equal(o->story, "752003 P1/IKEv2 752012 752014 P1/IKEv1 752012 752015 752002 "
				      "record");
	o->story[0] = '\0';
	tunnel_manager_trigger(o->tm, entry(o), o);
	assert_string_equal(o->story, "752003 P2/IKEv2");
	owner_free(o);
}

/* An IKEv1 that is there gets its time: the index moves when it has failed too. */
static void the_index_waits_for_ikev1(void **unused)
{
	struct owner *o = owner(2);

	(void)unused;
	o->maps[0].ikev1 = true;
	tunnel_manager_trigger(o->tm, entry(o), o);
	assert_false(tunnel_manager_failed(o->tm, entry(o), TUNNEL_IKEV2, TUNNEL_AUTH_FAILED, o));
	assert_int_equal(entry(o)->s.index, 0);
	assert_true(
		tunnel_manager_failed(o->tm, entry(o), TUNNEL_IKEV1, TUNNEL_PEER_UNREACHABLE, o));
	assert_int_equal(entry(o)->s.index, 1);
	assert_int_equal(entry(o)->s.reason, TUNNEL_PEER_UNREACHABLE);
	owner_free(o);
}

static void a_peer_without_tunnel_group_is_passed_over(void **unused)
{
	struct owner *o = owner(2);

	(void)unused;
	o->begin[TUNNEL_IKEV2] = R_NO_CONNECTION;
	tunnel_manager_trigger(o->tm, entry(o), o);
	assert_string_equal(o->story, "752003 P1/IKEv2 752006 752012 752015 752002 record");
	assert_int_equal(entry(o)->s.index, 1);
	owner_free(o);
}

static void a_further_tunnel_that_fails_moves_nothing(void **unused)
{
	struct owner *o = owner(2);

	(void)unused;
	o->state = TUNNEL_UP;
	assert_false(tunnel_manager_failed(o->tm, entry(o), TUNNEL_IKEV2, TUNNEL_TS_MISMATCH, o));
	assert_int_equal(o->records, 0);
	owner_free(o);
}

static void one_peer_has_no_index_to_move(void **unused)
{
	struct owner *o = owner(1);

	(void)unused;
	tunnel_manager_trigger(o->tm, entry(o), o);
	fail_attempt(o, TUNNEL_PEER_UNREACHABLE);
	assert_int_equal(o->records, 0);
	assert_int_equal(entry(o)->s.generation, 0);
	owner_free(o);
}

/* ---- configuration and ownership ---- */

/* The answer is a walk over all SAs: at a takeover it would be one for each entry. */
static void the_state_is_asked_for_where_an_index_can_change(void **unused)
{
	struct owner *one = owner(1), *three = owner(3);

	(void)unused;
	tunnel_manager_deactivate(three->tm);
	tunnel_manager_activate(three->tm);
	tunnel_manager_happened(three->tm, entry(three), TUNNEL_HA_SWITCHOVER);
	assert_int_equal(three->asked, 0);
	tunnel_manager_happened(one->tm, entry(one), TUNNEL_DPD_UNANSWERED);
	assert_int_equal(one->asked, 0);
	three->state = TUNNEL_UP;
	tunnel_manager_happened(three->tm, entry(three), TUNNEL_CLEAR_IKE);
	assert_int_equal(three->asked, 1);
	owner_free(three);
	owner_free(one);
}

static void only_another_crypto_map_resets(void **unused)
{
	struct owner *o = owner(3);
	struct ike_config again = o->cfg;
	struct ike_crypto_map maps[2];

	(void)unused;
	advance(o);
	memcpy(maps, o->maps, sizeof(maps));
	again.maps = maps;
	tunnel_manager_configure(o->tm, &again);
	assert_int_equal(entry(o)->s.index, 1);
	o->maps[0].digest = o->maps[1].digest = 2;
	tunnel_manager_configure(o->tm, &o->cfg);
	assert_int_equal(entry(o)->s.index, 0);
	assert_int_equal(entry(o)->s.reason, TUNNEL_MAP_MODIFIED);
	assert_int_equal(entry(o)->s.generation, 2);
	/* Taken out and put back: it begins with the first peer too. */
	advance(o);
	o->cfg.n_maps = 0;
	tunnel_manager_configure(o->tm, &o->cfg);
	assert_null(entry(o));
	o->cfg.n_maps = 2;
	tunnel_manager_configure(o->tm, &o->cfg);
	assert_int_equal(entry(o)->s.index, 0);
	assert_int_equal(entry(o)->s.generation, 4);
	owner_free(o);
}

static void the_next_owner_goes_on_with_the_index(void **unused)
{
	struct owner *o = owner(3);
	struct peer_index_state s;

	(void)unused;
	advance(o);
	s = entry(o)->s;
	assert_int_equal(tunnel_manager_import(o->tm, &s), R_STATE);
	tunnel_manager_deactivate(o->tm);
	assert_int_equal(entry(o)->s.generation, 0);
	/* Passive: nothing moves, nothing is begun. */
	o->story[0] = '\0';
	assert_int_equal(tunnel_manager_condition(o->tm, entry(o), TUNNEL_PEER_UNREACHABLE),
			 R_STATE);
	tunnel_manager_trigger(o->tm, entry(o), o);
	assert_string_equal(o->story, "");
	assert_int_equal(tunnel_manager_import(o->tm, &s), R_OK);
	tunnel_manager_activate(o->tm);
	assert_memory_equal(&entry(o)->s, &s, sizeof(s));
	assert_string_equal(o->story, "");
	owner_free(o);
}

static void an_index_of_another_crypto_map_is_reset_by_the_next_owner(void **unused)
{
	struct owner *o = owner(3);
	struct peer_index_state s = { .map = "M",
				      .seq = 10,
				      .index = 7,
				      .generation = 4,
				      .reason = TUNNEL_AUTH_FAILED,
				      .map_digest = 99 };

	(void)unused;
	tunnel_manager_deactivate(o->tm);
	assert_int_equal(tunnel_manager_import(o->tm, &s), R_OK);
	assert_int_equal(tunnel_entry_index(entry(o)), 0);
	tunnel_manager_activate(o->tm);
	assert_int_equal(entry(o)->s.index, 0);
	assert_int_equal(entry(o)->s.generation, 5);
	assert_int_equal(entry(o)->s.reason, TUNNEL_MAP_MODIFIED);
	owner_free(o);
}

static void an_index_that_cannot_be_is_refused(void **unused)
{
	struct owner *o = owner(3);
	struct peer_index_state s = { .map = "M", .seq = 10, .index = IKE_PEERS_MAX };

	(void)unused;
	tunnel_manager_deactivate(o->tm);
	assert_int_equal(tunnel_manager_import(o->tm, &s), R_VALUE);
	s.index = 0;
	memset(s.map, 'x', sizeof(s.map));
	assert_int_equal(tunnel_manager_import(o->tm, &s), R_VALUE);
	owner_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_does_what_is_documented),
		cmocka_unit_test(each_row_refuses_its_neighbour),
		cmocka_unit_test(the_table_has_these_rows_and_no_other),
		cmocka_unit_test(after_the_last_peer_comes_the_first),
		cmocka_unit_test(both_versions_are_tried_before_the_next_peer),
		cmocka_unit_test(the_index_waits_for_ikev1),
		cmocka_unit_test(a_peer_without_tunnel_group_is_passed_over),
		cmocka_unit_test(a_further_tunnel_that_fails_moves_nothing),
		cmocka_unit_test(one_peer_has_no_index_to_move),
		cmocka_unit_test(the_state_is_asked_for_where_an_index_can_change),
		cmocka_unit_test(only_another_crypto_map_resets),
		cmocka_unit_test(the_next_owner_goes_on_with_the_index),
		cmocka_unit_test(an_index_of_another_crypto_map_is_reset_by_the_next_owner),
		cmocka_unit_test(an_index_that_cannot_be_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
