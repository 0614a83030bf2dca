/* SPDX-License-Identifier: Apache-2.0 */
/* CHILD SA record (R1, R5). */
#include "statesync/tests/fixtures.h"

#include "base/iana.h"

static struct child_sa_state full_state(void)
{
	return (struct child_sa_state){
		.spi_in = 0x1f000100,
		.spi_out = 0xfedcba98,
		.ike_spi = 0x8000000000000002,
		.stage = CHILD_SA_DEAD,
		.initiator = true,
		.tunnel = 7,
		.transforms = { ENCR_AES_CBC, 192, AUTH_HMAC_SHA2_256_128, true },
		.dh_group = DH_CURVE25519,
		.udp_encap = true,
		.local = fixture_endpoint(1, 4500),
		.remote = { .addr.family = INET_V6, .port = 1 },
		.local_ts = fixture_ts(1, TS_MAX),
		.remote_ts = fixture_ts(99, 2),
		.keys_in = { fixture_secret(1, 24), fixture_secret(2, 32) },
		.keys_out = { fixture_secret(3, 24), fixture_secret(4, 32) },
		.birth_term = 12,
		.lease_end = 0x123456789,
		.created_ms = 1,
		.rekey_at_ms = 2,
		.expire_at_ms = 3,
		.lifetime_kb = 4608000,
		.tombstone_until_ms = 4,
		.replaced_by = 0x1f000101,
		.nonce_low = fixture_buf(5, 32),
	};
}

static void assert_state(const struct child_sa_state *a, const struct child_sa_state *b)
{
#define SAME(field) assert_true(a->field == b->field)
	SAME(spi_in);
	SAME(spi_out);
	SAME(ike_spi);
	SAME(stage);
	SAME(initiator);
	SAME(tunnel);
	SAME(transforms.encr);
	SAME(transforms.key_bits);
	SAME(transforms.integ);
	SAME(transforms.esn);
	SAME(dh_group);
	SAME(udp_encap);
	assert_endpoint(&a->local, &b->local);
	assert_endpoint(&a->remote, &b->remote);
	assert_ts(&a->local_ts, &b->local_ts);
	assert_ts(&a->remote_ts, &b->remote_ts);
	ASSERT_SECRET(a->keys_in.encr, b->keys_in.encr);
	ASSERT_SECRET(a->keys_in.integ, b->keys_in.integ);
	ASSERT_SECRET(a->keys_out.encr, b->keys_out.encr);
	ASSERT_SECRET(a->keys_out.integ, b->keys_out.integ);
	SAME(birth_term);
	SAME(lease_end);
	SAME(created_ms);
	SAME(rekey_at_ms);
	SAME(expire_at_ms);
	SAME(lifetime_kb);
	SAME(tombstone_until_ms);
	SAME(replaced_by);
	ASSERT_BUF(a->nonce_low, b->nonce_low);
#undef SAME
}

static bool is_empty(const struct child_sa_state *s)
{
	static const struct child_sa_state empty;

	return memcmp(s, &empty, sizeof(empty)) == 0;
}

/* Takes over s. */
static struct ss_record encoded(struct child_sa_state s)
{
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_child_sa(&s, &r), R_OK);
	child_sa_state_clear(&s);
	return r;
}

static void every_field_survives(void **state)
{
	struct child_sa_state in = full_state(), out;
	struct ss_record r = { 0 };

	(void)state;
	assert_int_equal(ss_encode_child_sa(&in, &r), R_OK);
	assert_int_equal(r.kind, SS_CHILD_SA);
	assert_true(r.key == in.spi_in);
	append_future_fields(&r.data);
	assert_int_equal(ss_decode_child_sa(&r, &out), R_OK);
	assert_state(&in, &out);
	child_sa_state_clear(&out);
	child_sa_state_clear(&in);
	ss_record_clear(&r);
}

static void refused(const struct ss_record *r, enum result want)
{
	struct child_sa_state out;

	memset(&out, 0xa5, sizeof(out));
	assert_int_equal(ss_decode_child_sa(r, &out), want);
	assert_true(is_empty(&out));
}

static void refuse_state(struct child_sa_state s)
{
	struct ss_record r = encoded(s);

	refused(&r, R_VALUE);
	ss_record_clear(&r);
}

static void values_out_of_range_are_refused(void **state)
{
	struct child_sa_state s;

	(void)state;
	s = full_state(), s.stage = CHILD_SA_NONE, refuse_state(s);
	s = full_state(), s.stage = CHILD_SA_DEAD + 1, refuse_state(s);
	s = full_state(), s.spi_in = ESP_SPI_MIN - 1, refuse_state(s);
	s = full_state(), s.local_ts.ts[0].port_start = 2, s.local_ts.ts[0].port_end = 1,
	refuse_state(s);
	s = full_state(), s.remote_ts.ts[1].end = inet_v4(1), refuse_state(s);
	s = full_state(), buf_free(&s.nonce_low), s.nonce_low = fixture_buf(0, 257),
	refuse_state(s);
}

static void ninth_selector_is_refused(void **state)
{
	struct ss_record r = encoded(full_state());
	/* field 16, TrafficSelector { start, end } of 4 bytes each */
	static const uint8_t ts[] = { 0x82, 1, 12, 0x0a, 4, 1, 2, 3, 4, 0x12, 4, 1, 2, 3, 4 };

	(void)state;
	append(&r.data, bytes(ts, sizeof(ts)));
	refused(&r, R_VALUE);
	ss_record_clear(&r);
}

static void sixteen_bit_fields_are_bounded(void **state)
{
	/* encr, key_bits, integ, dh_group = 65536 */
	static const uint8_t fields[] = { 8, 9, 10, 12 };

	(void)state;
	for (size_t i = 0; i < sizeof(fields); i++) {
		struct ss_record r = encoded(full_state());
		const uint8_t field[] = { (uint8_t)(fields[i] << 3), 0x80, 0x80, 4 };

		append(&r.data, bytes(field, sizeof(field)));
		refused(&r, R_VALUE);
		ss_record_clear(&r);
	}
}

static void record_of_another_name_is_refused(void **state)
{
	struct ss_record r = encoded(full_state());

	(void)state;
	r.key += 1ull << 32;
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
	struct child_sa_state out;
	enum result res = ss_decode_child_sa(r, &out);

	(void)ctx;
	if (res != R_OK) {
		assert_true(is_empty(&out));
		return;
	}
	assert_true(out.spi_in == r->key);
	assert_in_range(out.stage, CHILD_SA_INSTALLED, CHILD_SA_DEAD);
	assert_true(out.local_ts.n <= TS_MAX && out.remote_ts.n <= TS_MAX);
	for (size_t i = 0; i < out.local_ts.n; i++)
		assert_true(inet_compare(&out.local_ts.ts[i].start, &out.local_ts.ts[i].end) <= 0);
	child_sa_state_clear(&out);
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
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(ninth_selector_is_refused),
		cmocka_unit_test(sixteen_bit_fields_are_bounded),
		cmocka_unit_test(record_of_another_name_is_refused),
		cmocka_unit_test(newer_version_is_refused_as_such),
		cmocka_unit_test(damage_is_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
