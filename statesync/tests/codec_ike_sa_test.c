/* SPDX-License-Identifier: Apache-2.0 */
/* IKE SA record (R1). */
#include "statesync/tests/fixtures.h"

#include "base/iana.h"

static struct ike_outstanding full_outstanding(void)
{
	return (struct ike_outstanding){
		.kind = IKE_REQ_CHILD_REKEY,
		.exchange = CREATE_CHILD_SA,
		.message_id = 0x80000001,
		.request = fixture_buf(1, 700),
		.dh_group = DH_ECP_256,
		.dh_private = fixture_secret(2, 32),
		.dh_public = fixture_buf(3, 64),
		.nonce = fixture_buf(4, 32),
		.new_ike_spi = 0x9999888877776666,
		.new_spi_in = 0x11223344,
		.old_spi_in = 0x55667788,
		.tunnel = 3,
		.tsi = fixture_ts(1, TS_MAX),
		.tsr = fixture_ts(40, 4),
	};
}

static struct ike_sa_state full_state(void)
{
	return (struct ike_sa_state){
		.spi_i = 0x1122334455667788,
		.spi_r = 0x99aabbccddeeff00,
		.initiator = true,
		.stage = IKE_SA_ESTABLISHED,
		.connection = "tunnel-group 198.51.100.1",
		.local = fixture_endpoint(1, 4500),
		.remote = fixture_endpoint(2, 64999),
		.nat_local = true,
		.nat_remote = true,
		.udp_encap = true,
		.transforms = { ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_512_256, PRF_HMAC_SHA2_512, 21 },
		.sk_d = fixture_secret(10, 64),
		.sk_ai = fixture_secret(11, 64),
		.sk_ar = fixture_secret(12, 64),
		.sk_ei = fixture_secret(13, 32),
		.sk_er = fixture_secret(14, 32),
		.sk_pi = fixture_secret(15, 64),
		.sk_pr = fixture_secret(16, 64),
		.local_id = { ID_FQDN, fixture_buf(17, 11) },
		.remote_id = { ID_KEY_ID, fixture_buf(18, 5) },
		.next_request_id = 17,
		.expected_request_id = 0xffffffff,
		.last_response = fixture_buf(19, 1200),
		.last_request_digest = fixture_buf(20, 32),
		.outstanding = full_outstanding(),
		.init_request = fixture_buf(21, 500),
		.init_response = fixture_buf(22, 510),
		.nonce_i = fixture_buf(23, 16),
		.nonce_r = fixture_buf(24, 256),
		.birth_term = 4001,
		.created_ms = 1,
		.established_ms = 2,
		.rekey_at_ms = 3,
		.expire_at_ms = 4,
		.tombstone_until_ms = UINT64_MAX,
		.replaced_by = 0x8000000000000001,
		.closing = true,
		.peer_fragmentation = true,
		.peer_mid_sync = true,
		.peer_replay_sync = true,
		.sync_sent = 91,
		.sync_floor = 92,
		.ids_term = 0x100000004,
		.tunnel = 9,
	};
}

static void assert_outstanding(const struct ike_outstanding *a, const struct ike_outstanding *b)
{
#define SAME(field) assert_true(a->field == b->field)
	SAME(kind);
	SAME(exchange);
	SAME(message_id);
	ASSERT_BUF(a->request, b->request);
	SAME(dh_group);
	ASSERT_SECRET(a->dh_private, b->dh_private);
	ASSERT_BUF(a->dh_public, b->dh_public);
	ASSERT_BUF(a->nonce, b->nonce);
	SAME(new_ike_spi);
	SAME(new_spi_in);
	SAME(old_spi_in);
	SAME(tunnel);
	assert_ts(&a->tsi, &b->tsi);
	assert_ts(&a->tsr, &b->tsr);
}

static void assert_state(const struct ike_sa_state *a, const struct ike_sa_state *b)
{
	SAME(spi_i);
	SAME(spi_r);
	SAME(initiator);
	SAME(stage);
	assert_string_equal(a->connection, b->connection);
	assert_endpoint(&a->local, &b->local);
	assert_endpoint(&a->remote, &b->remote);
	SAME(nat_local);
	SAME(nat_remote);
	SAME(udp_encap);
	assert_memory_equal(&a->transforms, &b->transforms, sizeof(a->transforms));
	ASSERT_SECRET(a->sk_d, b->sk_d);
	ASSERT_SECRET(a->sk_ai, b->sk_ai);
	ASSERT_SECRET(a->sk_ar, b->sk_ar);
	ASSERT_SECRET(a->sk_ei, b->sk_ei);
	ASSERT_SECRET(a->sk_er, b->sk_er);
	ASSERT_SECRET(a->sk_pi, b->sk_pi);
	ASSERT_SECRET(a->sk_pr, b->sk_pr);
	SAME(local_id.type);
	ASSERT_BUF(a->local_id.data, b->local_id.data);
	SAME(remote_id.type);
	ASSERT_BUF(a->remote_id.data, b->remote_id.data);
	SAME(next_request_id);
	SAME(expected_request_id);
	ASSERT_BUF(a->last_response, b->last_response);
	ASSERT_BUF(a->last_request_digest, b->last_request_digest);
	assert_outstanding(&a->outstanding, &b->outstanding);
	ASSERT_BUF(a->init_request, b->init_request);
	ASSERT_BUF(a->init_response, b->init_response);
	ASSERT_BUF(a->nonce_i, b->nonce_i);
	ASSERT_BUF(a->nonce_r, b->nonce_r);
	SAME(birth_term);
	SAME(created_ms);
	SAME(established_ms);
	SAME(rekey_at_ms);
	SAME(expire_at_ms);
	SAME(tombstone_until_ms);
	SAME(replaced_by);
	SAME(peer_fragmentation);
	SAME(peer_mid_sync);
	SAME(closing);
	SAME(peer_replay_sync);
	SAME(sync_sent);
	SAME(sync_floor);
	SAME(ids_term);
	SAME(tunnel);
#undef SAME
}

static bool is_empty(const struct ike_sa_state *s)
{
	static const struct ike_sa_state empty;

	return memcmp(s, &empty, sizeof(empty)) == 0;
}

/* Takes over s. */
static struct ss_record encoded(struct ike_sa_state s)
{
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_ike_sa(&s, &r), R_OK);
	ike_sa_state_clear(&s);
	return r;
}

static void every_field_survives(void **state)
{
	struct ike_sa_state in = full_state(), out;
	struct ss_record r = { 0 };

	(void)state;
	assert_int_equal(ss_encode_ike_sa(&in, &r), R_OK);
	assert_int_equal(r.kind, SS_IKE_SA);
	assert_true(r.key == in.spi_i);
	assert_false(r.erase);
	assert_int_equal(ss_decode_ike_sa(&r, &out), R_OK);
	assert_state(&in, &out);
	ike_sa_state_clear(&out);
	ike_sa_state_clear(&in);
	ss_record_clear(&r);
}

static void half_open_sa_survives(void **state)
{
	struct ike_sa_state in = { .spi_i = 5, .spi_r = 6, .stage = IKE_SA_INIT_ANSWERED }, out;
	struct ss_record r = { 0 };

	(void)state;
	assert_int_equal(ss_encode_ike_sa(&in, &r), R_OK);
	assert_true(r.key == in.spi_r); /* responder: ours is SPIr */
	assert_int_equal(ss_decode_ike_sa(&r, &out), R_OK);
	assert_state(&in, &out);
	ike_sa_state_clear(&out);
	ss_record_clear(&r);
}

static void fields_of_a_newer_version_are_no_error(void **state)
{
	struct ss_record r = encoded(full_state());
	struct ike_sa_state out, in = full_state();

	(void)state;
	append_future_fields(&r.data);
	assert_int_equal(ss_decode_ike_sa(&r, &out), R_OK);
	assert_state(&in, &out);
	ike_sa_state_clear(&out);
	ike_sa_state_clear(&in);
	ss_record_clear(&r);
}

static void refused(const struct ss_record *r, enum result want)
{
	struct ike_sa_state out;

	memset(&out, 0xa5, sizeof(out));
	assert_int_equal(ss_decode_ike_sa(r, &out), want);
	assert_true(is_empty(&out));
}

static void refuse_state(struct ike_sa_state s)
{
	struct ss_record r = encoded(s);

	refused(&r, R_VALUE);
	ss_record_clear(&r);
}

static void values_out_of_range_are_refused(void **state)
{
	struct ike_sa_state s;

	(void)state;
	s = full_state(), s.stage = IKE_SA_NONE, refuse_state(s);
	s = full_state(), s.stage = IKE_SA_DEAD + 1, refuse_state(s);
	s = full_state(), s.spi_i = 0, refuse_state(s);
	s = full_state(), s.outstanding.kind = IKE_REQ_RECORD_LAST + 1, refuse_state(s);
	s = full_state(), s.outstanding.exchange = IKE_SA_INIT - 1, refuse_state(s);
	s = full_state(), s.outstanding.exchange = INFORMATIONAL + 1, refuse_state(s);
	s = full_state(), s.local_id.type = 0, refuse_state(s);
	s = full_state(), s.outstanding.tsi.ts[0].port_start = 9,
	s.outstanding.tsi.ts[0].port_end = 8, refuse_state(s);
	s = full_state(), s.outstanding.tsi.ts[0].start = inet_v4(0xffffffff), refuse_state(s);
	s = full_state(), s.outstanding.tsr.ts[0].start.family = INET_V6, refuse_state(s);
	s = full_state(), s.outstanding.tsr.ts[0].start.family = INET_NONE,
	s.outstanding.tsr.ts[0].end.family = INET_NONE, refuse_state(s);
}

static void lengths_out_of_range_are_refused(void **state)
{
	struct ike_sa_state s;

	(void)state;
	s = full_state(), buf_free(&s.nonce_i), s.nonce_i = fixture_buf(0, 257), refuse_state(s);
	s = full_state(), s.last_request_digest.len = 31, refuse_state(s);
	s = full_state(), buf_free(&s.init_request), s.init_request = fixture_buf(0, 65536),
	refuse_state(s);
	s = full_state(), buf_free(&s.outstanding.request), refuse_state(s);
	s = full_state(), memset(s.connection, 'x', sizeof(s.connection)), refuse_state(s);
}

static void name_with_a_nul_is_refused(void **state)
{
	struct ike_sa_state s = { .spi_i = 1, .initiator = true, .stage = IKE_SA_INIT_SENT };
	struct ss_record r = encoded(s);
	static const uint8_t name[] = { 6 << 3 | 2, 3, 'a', 0, 'b' }; /* a later field wins */

	(void)state;
	append(&r.data, bytes(name, sizeof(name)));
	refused(&r, R_VALUE);
	ss_record_clear(&r);
}

static void record_of_another_name_is_refused(void **state)
{
	struct ss_record r = encoded(full_state());

	(void)state;
	r.key ^= 1;
	refused(&r, R_VALUE);
	r.key ^= 1;
	r.kind = SS_CHILD_SA;
	refused(&r, R_VALUE);
	r.kind = SS_IKE_SA;
	r.erase = true;
	refused(&r, R_VALUE);
	ss_record_clear(&r);
}

static void newer_version_is_refused_as_such(void **state)
{
	struct ss_record r = encoded(full_state());
	static const uint8_t version[] = { 1 << 3, 2 };

	(void)state;
	append(&r.data, bytes(version, sizeof(version)));
	refused(&r, R_VERSION);
	ss_record_clear(&r);
}

static void damaged(void *ctx, const struct ss_record *r)
{
	struct ike_sa_state out;
	enum result res = ss_decode_ike_sa(r, &out);

	(void)ctx;
	if (res != R_OK) {
		assert_true(is_empty(&out));
		return;
	}
	assert_true(ike_sa_state_spi(&out) == r->key);
	assert_in_range(out.stage, IKE_SA_INIT_SENT, IKE_SA_DEAD);
	assert_in_range(out.outstanding.kind, IKE_REQ_NONE, IKE_REQ_RECORD_LAST);
	assert_true(out.outstanding.tsi.n <= TS_MAX && out.outstanding.tsr.n <= TS_MAX);
	assert_true(out.nonce_i.len <= IKE_NONCE_MAX && out.nonce_r.len <= IKE_NONCE_MAX);
	assert_non_null(memchr(out.connection, 0, sizeof(out.connection)));
	ike_sa_state_clear(&out);
}

static void damage_is_refused_or_harmless(void **state)
{
	struct ss_record r = encoded(full_state());

	(void)state;
	each_damage(&r, damaged, NULL);
	ss_record_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_survives),
		cmocka_unit_test(half_open_sa_survives),
		cmocka_unit_test(fields_of_a_newer_version_are_no_error),
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(lengths_out_of_range_are_refused),
		cmocka_unit_test(name_with_a_nul_is_refused),
		cmocka_unit_test(record_of_another_name_is_refused),
		cmocka_unit_test(newer_version_is_refused_as_such),
		cmocka_unit_test(damage_is_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
