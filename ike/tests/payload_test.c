/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ike/payload.h"
#include "ike/tests/hex.h"
#include "ike/tests/wire.h"

#define DECODER(name, type) \
	static enum result try_##name(struct bytes in) \
	{ \
		type out; \
		return name##_decode(in, &out); \
	}

DECODER(sa, struct sa_payload)
DECODER(ke, struct ke_payload)
DECODER(id, struct id_payload)
DECODER(auth, struct auth_payload)
DECODER(nonce, struct bytes)
DECODER(notify, struct notify_payload)
DECODER(delete, struct delete_payload)
DECODER(ts, struct ts_list)

/* RFC 6311: the data of two notifies. */
static enum result try_msgid_sync(struct bytes in)
{
	struct notify_payload n;
	struct msgid_sync out;
	enum result res = notify_decode(in, &n);

	return res == R_OK ? msgid_sync_decode(&n, &out) : res;
}

static enum result try_replay_sync(struct bytes in)
{
	struct notify_payload n;
	uint64_t out;
	enum result res = notify_decode(in, &n);

	return res == R_OK ? replay_sync_decode(&n, &out) : res;
}

/* Hexadecimal is laid out field by field. */
/* clang-format off */

/* Proposal 1 (IKE): AES-CBC-128, SHA2-256, SHA2-256, group 14; proposal 2: AES-GCM-256, SHA2-384,
 * group 19. */
#define SA_HEX \
	"0200002c01010004" "0300000c0100000c800e0080" "030000080300000c" "0300000802000005" \
	"000000080400000e" \
	"0000002402010003" "0300000c01000014800e0100" "0300000802000006" "0000000804000013"
#define TS_HEX \
	"02000000" "0706001000500051c6336401c63364ff" \
	"080000280000ffff20010db800000000000000000000000020010db80000000000000000000000ff"

/*
 * With a tail of free length (KE, ID, AUTH, notify data) a truncation may be a
 * shorter value: then only those into the fixed part are refused. A flip in a
 * value is another value; those in lengths, counts and markers are refused.
 */
static const struct {
	const char *name;
	decode_fn decode;
	const char *hex;
	size_t truncations_taken;
	size_t flips_taken;
} cases[] = {
	{ "SA", try_sa, SA_HEX, 0, 390 },
	{ "KE", try_ke, "001f0000" "0102030405060708", 8, 96 },
	{ "ID, address", try_id, "01000000" "c0000201", 0, 63 },
	{ "ID, name", try_id, "02000000" "67772e6578616d706c65", 10, 112 },
	{ "AUTH", try_auth, "02000000" "0102030405060708", 8, 96 },
	{ "nonce", try_nonce, "000102030405060708090a0b0c0d0e0f10111213", 4, 160 },
	{ "N", try_notify, "0304400900000100" "aabb", 2, 75 },
	{ "N, message id sync", try_msgid_sync, "00004026" "a1a2a3a4" "00000402" "00000009", 0, 112 },
	{ "N, replay counter sync", try_replay_sync, "00004027" "00001000", 0, 48 },
	{ "N, the same with ESN", try_replay_sync, "00004027" "0000000000001000", 1, 80 },
	{ "D, ESP", try_delete, "03040002" "c0ffee01" "c0ffee02", 0, 65 },
	{ "D, IKE", try_delete, "01000000", 0, 0 },
	{ "TS", try_ts, TS_HEX, 0, 281 },
};

static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf in = hex_buf(cases[i].hex);

		assert_int_equal(cases[i].decode(buf_bytes(&in)), R_OK);
		assert_int_equal(truncations_taken(cases[i].decode, buf_bytes(&in)),
				 cases[i].truncations_taken);
		buf_free(&in);
	}
}

static void every_bit_flip_is_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf in = hex_buf(cases[i].hex);

		assert_int_equal(flips_taken(cases[i].decode, buf_bytes(&in)),
				 cases[i].flips_taken);
		buf_free(&in);
	}
}

/* ---- SA ---- */

static enum result sa_result(const char *hex, struct sa_payload *sa)
{
	struct buf in = hex_buf(hex);
	enum result res = sa_decode(buf_bytes(&in), sa);

	buf_free(&in);
	return res;
}

static void sa_is_read_to_values(void **state)
{
	struct sa_payload sa;

	(void)state;
	assert_int_equal(sa_result(SA_HEX, &sa), R_OK);
	assert_int_equal(sa.n_proposals, 2);
	assert_int_equal(sa.n_transforms, 7);
	assert_int_equal(sa.proposals[1].number, 2);
	assert_int_equal(sa.proposals[1].protocol, PROTO_IKE);
	assert_int_equal(sa.proposals[1].first, 4);
	assert_int_equal(sa.transforms[4].type, TRANSFORM_ENCR);
	assert_int_equal(sa.transforms[4].id, ENCR_AES_GCM_16);
	assert_int_equal(sa.transforms[4].key_bits, 256);
	assert_int_equal(sa.transforms[6].id, DH_ECP_256);
}

static void sa_spi_is_a_value(void **state)
{
	struct sa_payload sa;

	(void)state;
	assert_int_equal(sa_result("0000001401030401" "c0ffee01" "0000000805000000", &sa), R_OK);
	assert_int_equal(sa.proposals[0].spi_len, 4);
	assert_int_equal(sa.proposals[0].spi, 0xc0ffee01);
	/* longer than any: kept out, never matched */
	assert_int_equal(sa_result("0000001901030901" "010203040506070809" "0000000805000000", &sa),
			 R_OK);
	assert_int_equal(sa.proposals[0].spi_len, 9);
	assert_int_equal(sa.proposals[0].spi, 0);
}

/* RFC 7296 3.3.6 */
static void unknown_or_repeated_attribute_marks_the_transform(void **state)
{
	struct sa_payload sa;

	(void)state;
	assert_int_equal(sa_result("0000001401010001" "0000000c0100000c800f0080", &sa), R_OK);
	assert_true(sa.transforms[0].bad_attribute);
	assert_int_equal(sa_result("0000001601010001" "0000000e0100000c000e00020080", &sa), R_OK);
	assert_true(sa.transforms[0].bad_attribute);
	assert_int_equal(sa_result("0000001801010001" "000000100100000c800e0080800e0100", &sa),
			 R_OK);
	assert_true(sa.transforms[0].bad_attribute);
}

static void sa_that_contradicts_itself_is_refused(void **state)
{
	struct sa_payload sa;

	(void)state;
	/* marker says that another proposal follows */
	assert_int_equal(sa_result("0200001001010001" "0000000803000002", &sa), R_SHORT);
	assert_int_equal(sa_result("0100001001010001" "0000000803000002", &sa), R_VALUE);
	/* more transforms than counted, fewer than counted */
	assert_int_equal(sa_result("0000001001010001" "0300000803000002", &sa), R_VALUE);
	assert_int_equal(sa_result("0000001001010002" "0300000803000002", &sa), R_SHORT);
	/* lengths too small, too large */
	assert_int_equal(sa_result("0000000701010000", &sa), R_LENGTH);
	assert_int_equal(sa_result("0000001001010001" "0000000703000002", &sa), R_LENGTH);
	assert_int_equal(sa_result("0000001101010001" "0000000803000002", &sa), R_SHORT);
	/* bytes between transforms and the end */
	assert_int_equal(sa_result("0000001101010001" "0000000803000002" "00", &sa), R_TRAILING);
}

static void sa_is_bounded(void **state)
{
	uint8_t raw[8 * (SA_PROPOSALS_MAX + 1)];
	struct sa_payload sa;

	(void)state;
	for (size_t i = 0; i <= SA_PROPOSALS_MAX; i++)
		memcpy(raw + 8 * i, "\x02\x00\x00\x08\x01\x01\x00\x00", 8);
	raw[8 * SA_PROPOSALS_MAX] = 0;
	assert_int_equal(sa_decode(bytes(raw, sizeof(raw)), &sa), R_TOO_LONG);
	raw[8 * (SA_PROPOSALS_MAX - 1)] = 0;
	assert_int_equal(sa_decode(bytes(raw, sizeof(raw) - 8), &sa), R_OK);
}

/* ---- TS ---- */

static enum result ts_result(const char *hex, struct ts_list *ts)
{
	struct buf in = hex_buf(hex);
	enum result res = ts_decode(buf_bytes(&in), ts);

	buf_free(&in);
	return res;
}

static void selectors_are_read_to_values(void **state)
{
	struct ts_list ts;
	char text[TS_TEXT_MAX];

	(void)state;
	assert_int_equal(ts_result(TS_HEX, &ts), R_OK);
	assert_int_equal(ts.n, 2);
	assert_int_equal(ts.ts[0].protocol, 6);
	assert_string_equal(ts_text(&ts.ts[0], text), "198.51.100.1/80 - 198.51.100.255/81");
	assert_string_equal(ts_text(&ts.ts[1], text), "2001:db8::/0 - 2001:db8::ff/65535");
}

static void selector_of_another_type_is_skipped(void **state)
{
	struct ts_list ts;

	(void)state;
	assert_int_equal(ts_result("02000000" "0900000861626364"
				   "070000100000ffffc6336401c6336401", &ts),
			 R_OK);
	assert_int_equal(ts.n, 1);
	assert_int_equal(ts_result("01000000" "0a000004", &ts), R_OK);
	assert_int_equal(ts.n, 0);
}

static void selectors_beyond_the_bound_are_left_out(void **state)
{
	struct ts_list ts = { .n = TS_MAX };
	struct ike_builder b;
	uint8_t out[512];
	uint8_t type;
	struct bytes chain;

	(void)state;
	for (size_t i = 0; i < TS_MAX; i++)
		ts.ts[i] = (struct traffic_selector){ .start = inet_v4(1), .end = inet_v4(2),
						      .port_end = 65535 };
	ike_build_inner(&b, out, sizeof(out));
	ts_put(&b, PAYLOAD_TSI, &ts);
	wire_put(&b.w, bytes(out + 8, 16));     /* a ninth */
	out[4] = TS_MAX + 1;
	assert_int_equal(ike_build_finish_inner(&b, &type, &chain), R_OK);
	assert_int_equal(ts_decode(bytes(chain.p + 4, chain.len - 4), &ts), R_OK);
	assert_int_equal(ts.n, TS_MAX);
}

/* RFC 7296 3.13.1 */
static void selector_that_cannot_be_is_refused(void **state)
{
	struct ts_list ts;

	(void)state;
	assert_int_equal(ts_result("00000000", &ts), R_VALUE);
	assert_int_equal(ts_result("01000000" "070000100000ffffc63364ffc6336401", &ts), R_VALUE);
	assert_int_equal(ts_result("01000000" "0706001000510050c6336401c6336401", &ts), R_VALUE);
	assert_int_equal(ts_result("01000000" "07060010ffff0000c6336401c6336401", &ts), /* OPAQUE */
			 R_OK);
	assert_int_equal(ts_result("01000000" "0700000fffffc6336401c6336401", &ts), R_SHORT);
	assert_int_equal(ts_result("01000000" "0700000c0000ffffc6336401", &ts), R_LENGTH);
	assert_int_equal(ts_result("01000000" "07000003", &ts), R_LENGTH);
	assert_int_equal(ts_result("01000000" "070000100000ffffc6336401c6336401" "00", &ts),
			 R_TRAILING);
}

/* ---- the others ---- */

static enum result delete_result(const char *hex, struct delete_payload *d)
{
	struct buf in = hex_buf(hex);
	enum result res = delete_decode(buf_bytes(&in), d);

	buf_free(&in);
	return res;
}

/* RFC 7296 3.11 */
static void delete_must_fit_its_protocol(void **state)
{
	struct delete_payload d;

	(void)state;
	assert_int_equal(delete_result("01000001", &d), R_VALUE);
	assert_int_equal(delete_result("01080001" "0102030405060708", &d), R_VALUE);
	assert_int_equal(delete_result("03080001" "0102030405060708", &d), R_VALUE);
	assert_int_equal(delete_result("03040001" "0102030405", &d), R_TRAILING);
	assert_int_equal(delete_result("0304ffff" "01020304", &d), R_SHORT);
	assert_int_equal(delete_result("04040001" "01020304", &d), R_VALUE);
	assert_int_equal(delete_result("03040000", &d), R_OK);
}

static void deleted_spis_are_read_in_order(void **state)
{
	struct buf in = hex_buf("03040002" "c0ffee01" "c0ffee02");
	struct delete_payload d;

	(void)state;
	assert_int_equal(delete_decode(buf_bytes(&in), &d), R_OK);
	assert_int_equal(d.n, 2);
	assert_int_equal(delete_spi(&d, 0), 0xc0ffee01);
	assert_int_equal(delete_spi(&d, 1), 0xc0ffee02);
	buf_free(&in);
}

/* RFC 7296 2.10 */
static void nonce_has_16_to_256_octets(void **state)
{
	uint8_t raw[257] = { 0 };
	struct bytes nonce;

	(void)state;
	assert_int_equal(nonce_decode(bytes(raw, 15), &nonce), R_SHORT);
	assert_int_equal(nonce_decode(bytes(raw, 16), &nonce), R_OK);
	assert_int_equal(nonce_decode(bytes(raw, 256), &nonce), R_OK);
	assert_int_equal(nonce_decode(bytes(raw, 257), &nonce), R_TOO_LONG);
}

static void address_id_has_the_length_of_its_type(void **state)
{
	uint8_t raw[4 + IKE_ID_MAX + 1] = { ID_IPV4_ADDR };
	struct id_payload id;

	(void)state;
	assert_int_equal(id_decode(bytes(raw, 4 + 4), &id), R_OK);
	assert_int_equal(id_decode(bytes(raw, 4 + 16), &id), R_VALUE);
	raw[0] = ID_IPV6_ADDR;
	assert_int_equal(id_decode(bytes(raw, 4 + 4), &id), R_VALUE);
	assert_int_equal(id_decode(bytes(raw, 4 + 16), &id), R_OK);
	raw[0] = ID_KEY_ID;
	assert_int_equal(id_decode(bytes(raw, 4 + IKE_ID_MAX), &id), R_OK);
	assert_int_equal(id_decode(bytes(raw, sizeof(raw)), &id), R_TOO_LONG);
}

/* AUTH covers RESERVED as the peer sent it (RFC 7296 2.15). */
static void id_body_keeps_what_was_received(void **state)
{
	struct buf in = hex_buf("02aabbcc" "6777");
	struct id_payload id;

	(void)state;
	assert_int_equal(id_decode(buf_bytes(&in), &id), R_OK);
	assert_true(bytes_equal(id.body, buf_bytes(&in)));
	assert_int_equal(id.data.len, 2);
	buf_free(&in);
}

static void id_is_shown_escaped(void **state)
{
	uint8_t address[4] = { 192, 0, 2, 1 };
	struct ike_id id = { .type = ID_IPV4_ADDR, .data = { .p = address, .len = 4 } };
	uint8_t body[IKE_ID_MAX + 4];
	char text[IKE_ID_TEXT_MAX];

	(void)state;
	assert_string_equal(id_text(&id, text), "192.0.2.1");
	assert_int_equal(id_body(&id, body), 8);
	assert_true(id_equal(&id, ID_IPV4_ADDR, bytes(body + 4, 4)));
	assert_false(id_equal(&id, ID_KEY_ID, bytes(body + 4, 4)));
	id.type = ID_FQDN;
	assert_null(strstr(id_text(&id, text), "192"));
	address[0] = '\n';
	assert_null(strchr(id_text(&id, text), '\n'));
}

static void synchronized_values_are_read_back(void **state)
{
	const struct msgid_sync in = { .nonce = { 1, 2, 3, 4 }, .send = 1026, .recv = 0xfffe0001 };
	const struct {
		bool esn;
		uint64_t delta;
	} jumps[] = { { false, UINT32_MAX }, { true, UINT64_C(0x1234567890) } };
	struct msgid_sync out;
	struct notify_payload n;
	struct ike_builder b;
	uint8_t buf[64], type;
	struct bytes chain;
	uint64_t delta;

	(void)state;
	ike_build_inner(&b, buf, sizeof(buf));
	msgid_sync_put(&b, &in);
	assert_int_equal(ike_build_finish_inner(&b, &type, &chain), R_OK);
	assert_int_equal(notify_decode(bytes(chain.p + 4, chain.len - 4), &n), R_OK);
	assert_int_equal(n.type, 16422);
	assert_int_equal(msgid_sync_decode(&n, &out), R_OK);
	assert_memory_equal(out.nonce, in.nonce, 4);
	assert_int_equal(out.send, in.send);
	assert_int_equal(out.recv, in.recv);
	for (size_t i = 0; i < 2; i++) {
		ike_build_inner(&b, buf, sizeof(buf));
		replay_sync_put(&b, jumps[i].delta, jumps[i].esn);
		assert_int_equal(ike_build_finish_inner(&b, &type, &chain), R_OK);
		assert_int_equal(notify_decode(bytes(chain.p + 4, chain.len - 4), &n), R_OK);
		assert_int_equal(n.type, 16423);
		assert_int_equal(n.data.len, jumps[i].esn ? 8 : 4);
		assert_int_equal(replay_sync_decode(&n, &delta), R_OK);
		assert_int_equal(delta, jumps[i].delta);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_bit_flip_is_survived),
		cmocka_unit_test(sa_is_read_to_values),
		cmocka_unit_test(sa_spi_is_a_value),
		cmocka_unit_test(unknown_or_repeated_attribute_marks_the_transform),
		cmocka_unit_test(sa_that_contradicts_itself_is_refused),
		cmocka_unit_test(sa_is_bounded),
		cmocka_unit_test(selectors_are_read_to_values),
		cmocka_unit_test(selector_of_another_type_is_skipped),
		cmocka_unit_test(selectors_beyond_the_bound_are_left_out),
		cmocka_unit_test(selector_that_cannot_be_is_refused),
		cmocka_unit_test(delete_must_fit_its_protocol),
		cmocka_unit_test(deleted_spis_are_read_in_order),
		cmocka_unit_test(nonce_has_16_to_256_octets),
		cmocka_unit_test(address_id_has_the_length_of_its_type),
		cmocka_unit_test(id_body_keeps_what_was_received),
		cmocka_unit_test(id_is_shown_escaped),
		cmocka_unit_test(synchronized_values_are_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
