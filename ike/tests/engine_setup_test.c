/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_SA_INIT and IKE_AUTH between two engines, both roles,
 * and their refusals (RFC 7296 1.2, 2.15, 2.23).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/wire_reader.h"
#include "ike/payload.h"
#include "ike/engine.h"
#include "ike/tests/engine_harness.h"

static void a_psk_tunnel_comes_up_in_four_messages(void **state)
{
	struct world *w = world_tried(&(struct options){ .cross_keys = true });

	(void)state;
	assert_established(w);
	assert_int_equal(w->side[A].sent[IKE_SA_INIT], 1);
	assert_int_equal(w->side[A].sent[IKE_AUTH], 1);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_UP], 1);
	assert_int_equal(w->side[B].logs[LOG_IKE_SA_UP], 1);
	world_free(w);
}

/* B's configuration, with the connection to A as number at of n; the others have other peers. */
static struct ike_config *among(struct world *w, size_t at, size_t n)
{
	struct ike_config *c = world_config(w, B, &w->opt);
	struct ike_connection *all = calloc(n, sizeof(*all));

	assert_non_null(all);
	for (size_t i = 0; i < n; i++) {
		snprintf(all[i].name, sizeof(all[i].name), "other-%zu", i);
		all[i].local = w->side[B].addr;
		all[i].peer = inet_v4(0xc6120000u + (uint32_t)i);
	}
	all[at] = c->connections[0];
	for (size_t i = 0; i < c->n_maps; i++)
		c->maps[i].connection[0] = at;
	free(c->connections);
	c->connections = all;
	c->n_connections = n;
	c->maps[0].connection[0] = at;
	return c;
}

static const char *responders_connection(struct world *w)
{
	static char name[IKE_NAME_MAX];

	initiate(w, A, 0);
	world_run(w, 1000);
	assert_established(w);
	struct ike_sa_state b = world_sa(w, B);
	memcpy(name, b.connection, sizeof(name));
	return name;
}

static void a_connection_is_found_among_many(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);
	struct ike_config *c = among(w, 1234, 2000);

	(void)state;
	world_input(w, B, &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = c });
	assert_string_equal(responders_connection(w), "to-a");
	/* Its SA is joined to it again by name. */
	world_input(w, B, &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = among(w, 7, 10) });
	world_run(w, 1000);
	assert_established(w);
	world_free(w);
}

static void every_cipher_prf_and_group_comes_up(void **state)
{
	static const struct options o[] = {
		{ .encr = ENCR_AES_GCM_16,
		  .key_bits = 128,
		  .prf = PRF_HMAC_SHA2_384,
		  .dh = { DH_ECP_256 } },
		{ .encr = ENCR_AES_CBC,
		  .key_bits = 256,
		  .integ = AUTH_HMAC_SHA2_256_128,
		  .dh = { DH_ECP_384 } },
		{ .encr = ENCR_AES_CBC,
		  .key_bits = 128,
		  .integ = AUTH_HMAC_SHA2_512_256,
		  .prf = PRF_HMAC_SHA2_512,
		  .dh = { DH_ECP_521 } },
		{ .encr = ENCR_AES_CBC,
		  .key_bits = 192,
		  .integ = AUTH_HMAC_SHA2_384_192,
		  .dh = { DH_MODP_2048 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(o) / sizeof(o[0]); i++) {
		struct world *w = world_tried(&o[i]);

		assert_established(w);
		assert_int_equal(world_sa(w, B).transforms.encr, o[i].encr);
		assert_int_equal(world_sa(w, B).transforms.dh, o[i].dh[0]);
		rekey_ike(w, B);
		world_run(w, 1000);
		assert_true(world_sa(w, B).initiator);
		assert_true(world_tunnel_works(w, 1));
		world_free(w);
	}
}

static void spis_hold_slot_and_shard(void **state)
{
	struct world *w = world_tried(&(struct options){ 0 });
	struct ike_sa_state b = world_sa(w, B);
	const struct dp_child *c = world_outbound(w, B, 1);

	(void)state;
	assert_int_equal(ike_spi_slot(b.spi_r), 1);
	assert_int_equal(esp_spi_slot(c->s.spi_in), 1);
	assert_int_equal(esp_spi_shard(c->s.spi_in), ike_spi_shard(b.spi_r));
	world_free(w);
}

static void a_wrong_key_is_refused_and_leaves_nothing(void **state)
{
	struct world *w = world_tried(&(struct options){ .wrong_psk = true });

	(void)state;
	assert_int_equal(w->side[B].logs[LOG_IKE_AUTH_FAILED], 1);
	assert_int_equal(w->side[A].logs[LOG_IKE_AUTH_FAILED], 1);
	assert_int_equal(world_stats(w, B)->auth_failed, 1);
	assert_none(w);
	world_run(w, 61000);
	assert_int_equal(ike_sa_count(w->side[A].engine) + ike_sa_count(w->side[B].engine), 0);
	world_free(w);
}

static void an_unknown_identity_gets_the_answer_of_a_wrong_key(void **state)
{
	struct world *key = world_tried(&(struct options){ .wrong_psk = true });
	struct world *id = world_tried(&(struct options){ .wrong_id = true });

	(void)state;
	assert_int_equal(id->side[B].logs[LOG_IKE_NO_TUNNEL_GROUP], 1);
	assert_int_equal(id->side[A].logs[LOG_IKE_AUTH_FAILED],
			 key->side[A].logs[LOG_IKE_AUTH_FAILED]);
	assert_none(id);
	world_free(key);
	world_free(id);
}

static void a_wrong_responder_key_is_found_and_deleted(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, false);
	struct ike_config *c = world_config(w, A, &w->opt);

	(void)state;
	secret_wipe(&c->connections[0].psk_remote);
	assert_int_equal(secret_set(&c->connections[0].psk_remote, bytes("other", 5)), R_OK);
	world_input(w, A, &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = c });
	initiate(w, A, 1);
	world_run(w, 3000);
	assert_int_equal(w->side[A].logs[LOG_IKE_AUTH_FAILED], 1);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_UP], 0);
	assert_none(w);
	world_free(w);
}

static void without_common_selectors_the_ike_sa_stays(void **state)
{
	struct world *w = world_tried(&(struct options){ .no_common_ts = true, .lines = 2 });

	(void)state;
	assert_int_equal(w->side[B].logs[LOG_IKE_TS_UNACCEPTABLE], 1);
	world_sa(w, A);
	world_sa(w, B);
	assert_false(world_tunnel_works(w, 1));
	initiate(w, A, 2);
	world_run(w, 1000);
	assert_true(world_tunnel_works(w, 2));
	world_free(w);
}

static void without_common_esp_transforms_the_ike_sa_stays(void **state)
{
	struct world *w = world_tried(&(struct options){ .no_common_esp = true });

	(void)state;
	assert_int_equal(w->side[B].logs[LOG_IKE_NO_PROPOSAL], 1);
	world_sa(w, A);
	world_sa(w, B);
	assert_int_equal(w->side[A].n_dp + w->side[B].n_dp, 0);
	world_free(w);
}

static void selectors_are_narrowed_to_the_responders_line(void **state)
{
	struct world *w = world_tried(&(struct options){ .b_narrow = true });

	(void)state;
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(inet_to_v4(&world_outbound(w, A, 1)->s.remote_ts.ts[0].end), 0xc613007f);
	world_free(w);
}

static void one_child_sa_per_line_on_one_ike_sa(void **state)
{
	struct world *w = world_new(1, &(struct options){ .lines = 4 }, false);

	(void)state;
	initiate(w, A, 0);
	world_run(w, 1000);
	assert_established(w);
	for (uint32_t t = 1; t <= 4; t++)
		assert_true(world_tunnel_works(w, t));
	assert_int_equal(w->side[A].sent[CREATE_CHILD_SA], 3);
	/* What is there is not made again. */
	initiate(w, A, 0);
	world_run(w, 1000);
	assert_int_equal(w->side[A].sent[CREATE_CHILD_SA], 3);
	world_free(w);
}

static void the_responder_sets_up_further_lines(void **state)
{
	struct world *w = world_new(1, &(struct options){ .lines = 2 }, false);

	(void)state;
	initiate(w, A, 1);
	world_run(w, 1000);
	initiate(w, B, 2);
	world_run(w, 1000);
	assert_established(w);
	assert_true(world_tunnel_works(w, 2));
	assert_int_equal(w->side[B].sent[IKE_SA_INIT], 0);
	world_free(w);
}

static void a_nat_floats_both_to_4500(void **state)
{
	struct world *w = world_tried(&(struct options){ .nat_a = true });
	struct ike_sa_state a, b;

	(void)state;
	assert_established(w);
	a = world_sa(w, A);
	b = world_sa(w, B);
	assert_true(a.nat_local && !a.nat_remote && a.udp_encap);
	assert_true(!b.nat_local && b.nat_remote && b.udp_encap);
	assert_int_equal(a.local.port, 4500);
	assert_int_equal(b.remote.port, 14500);
	assert_true(world_outbound(w, B, 1)->s.udp_encap);
	rekey_child(w, B);
	world_run(w, 1000);
	assert_established(w);
	world_free(w);
}

static unsigned int from_another_port(struct world *w, struct packet *p)
{
	(void)w;
	if (!p->response)
		p->src.port++;
	return 1;
}

/*
 * 2.23: "A host behind a NAT SHOULD NOT do this type of dynamic address update if a validated
 * packet has different port and/or address values because it opens a possible DoS attack".
 */
static void who_is_behind_a_nat_himself_does_not_follow(void **state)
{
	struct world *w = world_tried(&(struct options){ .nat_a = true, .force_udp_b = true });
	struct ike_sa_state a = world_sa(w, A);
	struct inet_endpoint was = a.remote, other = was;

	(void)state;
	assert_established(w);
	assert_true(a.nat_local && a.nat_remote);
	other.port++;
	world_input(w, A,
		    &(struct ike_input){ .kind = IKE_IN_PEER_MOVED,
					 .spi_in = world_outbound(w, A, 1)->s.spi_in,
					 .remote = other });
	a = world_sa(w, A);
	assert_true(inet_endpoint_equal(&a.remote, &was));
	w->impair = from_another_port;
	liveness(w, B);
	world_run(w, 1000);
	a = world_sa(w, A);
	assert_true(inet_endpoint_equal(&a.remote, &was));
	/* B is not, and does. */
	was = world_sa(w, B).remote;
	liveness(w, A);
	world_run(w, 1000);
	assert_int_equal(world_sa(w, B).remote.port, was.port + 1);
	world_free(w);
}

static void without_a_nat_esp_is_not_encapsulated(void **state)
{
	struct world *w = world_tried(&(struct options){ 0 });

	(void)state;
	assert_int_equal(world_sa(w, A).local.port, 500);
	assert_false(world_outbound(w, A, 1)->s.udp_encap);
	world_free(w);
}

static void encapsulation_can_be_forced(void **state)
{
	struct world *w = world_tried(&(struct options){ .force_udp = true });

	(void)state;
	assert_established(w);
	assert_int_equal(world_sa(w, B).local.port, 4500);
	assert_true(world_outbound(w, A, 1)->s.udp_encap && world_outbound(w, B, 1)->s.udp_encap);
	world_free(w);
}

static void lost_messages_come_again_byte_for_byte(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_new(seed, &(struct options){ .lines = 2 }, false);

		w->drop_pct = 30;
		w->dup_pct = 20;
		w->jitter_ms = 300;
		initiate(w, A, 0);
		world_run(w, 300000);
		w->drop_pct = 0;
		initiate(w, A, 0);
		world_run(w, 60000);
		assert_true(world_tunnel_works(w, 1));
		assert_true(world_tunnel_works(w, 2));
		world_free(w);
	}
}

static void a_silent_peer_is_given_up_after_the_last_try(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, false);

	(void)state;
	w->drop_pct = 100;
	initiate(w, A, 1);
	world_run(w, 62000);
	assert_int_equal(w->side[A].sent[IKE_SA_INIT], 6);
	assert_int_equal(w->side[A].logs[LOG_IKE_PEER_DEAD], 0);
	world_run(w, 3000);
	assert_int_equal(w->side[A].sent[IKE_SA_INIT], 6);
	assert_int_equal(w->side[A].logs[LOG_IKE_PEER_DEAD], 1);
	assert_int_equal(ike_sa_count(w->side[A].engine), 0);
	world_free(w);
}

static void initial_contact_ends_the_sas_of_a_former_life(void **state)
{
	struct world *w = world_tried(&(struct options){ 0 });

	(void)state;
	/* A loses its memory. */
	world_restart(w, A);
	initiate(w, A, 1);
	world_run(w, 1000);
	assert_int_equal(w->side[B].logs[LOG_IKE_INITIAL_CONTACT], 1);
	assert_established(w);
	world_free(w);
}

/* Both initiate; the one that says INITIAL_CONTACT is delayed until the other is up. */
static void a_late_initial_contact_ends_nothing_younger(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, false);

	(void)state;
	w->hold_net = true;
	initiate(w, A, 1);
	world_deliver(w, 0);
	world_deliver(w, 0);
	assert_int_equal(w->net[0].exchange, IKE_AUTH);
	w->now += 100;
	initiate(w, B, 1);
	for (int i = 0; i < 4; i++)
		world_deliver(w, 1);
	assert_int_equal(world_count_sa(w, B, IKE_SA_ESTABLISHED), 1);
	world_deliver(w, 0);
	assert_int_equal(w->side[B].logs[LOG_IKE_INITIAL_CONTACT], 0);
	assert_int_equal(world_count_sa(w, B, IKE_SA_ESTABLISHED), 2);
	w->hold_net = false;
	world_run(w, 1000);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 2);
	world_free(w);
}

/*
 * The SA that INITIAL_CONTACT ends becomes a tombstone and may push out the oldest
 * one, which may be the very next in order of creation.
 */
static void initial_contact_among_many_tombstones(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);
	struct ike_sa_state dead = { .stage = IKE_SA_DEAD, .connection = "to-a", .spi_i = 1 };

	(void)state;
	initiate(w, A, 1);
	world_run(w, 1000);
	dead.tombstone_until_ms = w->now + 50000;
	for (uint64_t i = 1; i <= 4096; i++) {
		dead.spi_r = i;
		assert_int_equal(ike_import_sa(w->side[B].standby, &dead), R_OK);
	}
	world_takeover(w, B, false);
	world_restart(w, A);
	initiate(w, A, 1);
	world_run(w, 1000);
	assert_int_equal(w->side[B].logs[LOG_IKE_INITIAL_CONTACT], 1);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

static void both_may_initiate_at_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct world *w = world_new(seed, &(struct options){ .lines = 2 }, false);

		w->jitter_ms = 50;
		w->drop_pct = seed > 15 ? 20 : 0;
		initiate(w, A, 0);
		initiate(w, B, 0);
		world_run(w, 100000);
		w->drop_pct = 0;
		initiate(w, A, 0);
		world_run(w, 100000);
		assert_true(world_tunnel_works(w, 1) && world_tunnel_works(w, 2));
		world_free(w);
	}
}

static void a_standby_is_silent(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);
	struct ike_outbox out = { 0 };

	(void)state;
	initiate(w, A, 1);
	ike_step(w->side[B].standby, w->now,
		 &(struct ike_input){ .kind = IKE_IN_DATAGRAM,
				      .local = w->net[0].dst,
				      .remote = w->net[0].src,
				      .datagram = buf_bytes(&w->net[0].datagram) },
		 &out);
	for (size_t i = 0; i < out.n; i++)
		assert_int_equal(out.fx[i].kind, IKE_FX_LOG);
	assert_int_equal(ike_engine_stats(w->side[B].standby)->refused[R_NOT_OWNER], 1);
	ike_outbox_clear(&out);
	world_free(w);
}

/* It moves from one list to the other, and stands there behind those that came before it. */
static void who_gets_a_connection_is_found_by_it(void **state)
{
	struct world *w = world_new(1, &(struct options){ .lines = 1 }, true);
	struct ike_engine *e = w->side[B].engine;

	(void)state;
	w->hold_net = true;
	for (unsigned int i = 0; i < 2; i++) {
		initiate(w, A, 0);
		world_deliver(w, 0);
		world_drop_all(w);
		world_restart(w, A);
	}
	const struct ike_connection *conn = &e->cfg->connections[0];
	struct ike_sa *first = TAILQ_FIRST(&e->all), *second = TAILQ_NEXT(first, all);
	assert_non_null(second);
	const struct ike_connection *const turns[] = { NULL, conn, NULL };
	for (size_t i = 0; i < 3; i++) {
		ike_sa_set_connection(first, turns[i]);
		ike_sa_set_connection(second, turns[i]);
		assert_ptr_equal(TAILQ_FIRST(ike_sas_of(e, turns[i])), first);
		assert_ptr_equal(TAILQ_NEXT(first, of_conn), second);
		assert_null(TAILQ_NEXT(second, of_conn));
		assert_true(TAILQ_EMPTY(ike_sas_of(e, turns[i] ? NULL : conn)));
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_psk_tunnel_comes_up_in_four_messages),
		cmocka_unit_test(a_connection_is_found_among_many),
		cmocka_unit_test(every_cipher_prf_and_group_comes_up),
		cmocka_unit_test(spis_hold_slot_and_shard),
		cmocka_unit_test(who_is_behind_a_nat_himself_does_not_follow),
		cmocka_unit_test(a_wrong_key_is_refused_and_leaves_nothing),
		cmocka_unit_test(an_unknown_identity_gets_the_answer_of_a_wrong_key),
		cmocka_unit_test(a_wrong_responder_key_is_found_and_deleted),
		cmocka_unit_test(without_common_selectors_the_ike_sa_stays),
		cmocka_unit_test(without_common_esp_transforms_the_ike_sa_stays),
		cmocka_unit_test(selectors_are_narrowed_to_the_responders_line),
		cmocka_unit_test(one_child_sa_per_line_on_one_ike_sa),
		cmocka_unit_test(the_responder_sets_up_further_lines),
		cmocka_unit_test(a_nat_floats_both_to_4500),
		cmocka_unit_test(without_a_nat_esp_is_not_encapsulated),
		cmocka_unit_test(encapsulation_can_be_forced),
		cmocka_unit_test(lost_messages_come_again_byte_for_byte),
		cmocka_unit_test(a_silent_peer_is_given_up_after_the_last_try),
		cmocka_unit_test(initial_contact_ends_the_sas_of_a_former_life),
		cmocka_unit_test(a_late_initial_contact_ends_nothing_younger),
		cmocka_unit_test(initial_contact_among_many_tombstones),
		cmocka_unit_test(both_may_initiate_at_once),
		cmocka_unit_test(a_standby_is_silent),
		cmocka_unit_test(who_gets_a_connection_is_found_by_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
