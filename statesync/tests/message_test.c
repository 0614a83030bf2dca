/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacked messages and records leave no key behind in memory that they give back. */
#include "statesync/tests/fixtures.h"

#include <openssl/crypto.h>

#include "statesync/message.h"
#include "statesync/records.pb-c.h"

static const uint8_t marker[] = "the key material of this test";
static unsigned int wiped;

/* Takes the place of libcrypto's: every wipe of ours ends here. Counts those that meet the
 * marker. */
void OPENSSL_cleanse(void *p, size_t len)
{
	volatile uint8_t *b = p;

	wiped += len >= sizeof(marker) && memmem(p, len, marker, sizeof(marker)) != NULL;
	while (len > 0)
		b[--len] = 0;
}

static struct ss_record marked_record(void)
{
	struct ss_record r = { .kind = SS_IKE_SA, .key = 1 };

	assert_true(buf_set(&r.data, bytes(marker, sizeof(marker))));
	return r;
}

static enum result ignore(void *ctx, const struct ss_record *r)
{
	(void)ctx;
	(void)r;
	return R_OK;
}

static void cleared_record_is_wiped(void **state)
{
	struct ss_record r = marked_record();

	(void)state;
	wiped = 0;
	ss_record_clear(&r);
	assert_int_equal(wiped, 1);
}

static void replaced_record_of_a_store_is_wiped(void **state)
{
	struct ss_store *st = ss_store_new(fixture_seed);
	struct ss_record r = marked_record(), other = fixture_record(SS_IKE_SA, 1, 1, 5);

	(void)state;
	assert_int_equal(ss_store_apply(st, &r), R_OK);
	wiped = 0;
	assert_int_equal(ss_store_apply(st, &other), R_OK);
	assert_int_equal(wiped, 1);
	assert_int_equal(ss_store_apply(st, &r), R_OK);
	ss_store_free(st);
	assert_int_equal(wiped, 3); /* the record, and what the digest had read of it */
	ss_record_clear(&r);
	ss_record_clear(&other);
}

static void unpacked_batch_is_wiped(void **state)
{
	struct ss_record r = marked_record();
	struct buf packed = { 0 };

	(void)state;
	assert_int_equal(ss_batch_pack(&r, 1, &packed), R_OK);
	wiped = 0;
	assert_int_equal(ss_batch_unpack(buf_bytes(&packed), ignore, NULL), R_OK);
	assert_int_equal(wiped, 1);
	packed.len--; /* cut: protobuf-c frees what it had read */
	assert_int_equal(ss_batch_unpack(buf_bytes(&packed), ignore, NULL), R_SHORT);
	packed.len++;
	wiped = 0;
	ss_buf_wipe(&packed);
	assert_int_equal(wiped, 1);
	ss_record_clear(&r);
}

static void decoded_record_leaves_only_the_state(void **state)
{
	struct child_sa_state s = { .spi_in = 256, .stage = CHILD_SA_INSTALLED }, out;
	struct ss_record r = { 0 };

	(void)state;
	assert_int_equal(secret_set(&s.keys_in.encr, bytes(marker, sizeof(marker))), R_OK);
	assert_int_equal(ss_encode_child_sa(&s, &r), R_OK);
	child_sa_state_clear(&s);
	wiped = 0;
	assert_int_equal(ss_decode_child_sa(&r, &out), R_OK);
	assert_int_equal(wiped, 1);
	assert_bytes(secret_bytes(&out.keys_in.encr), bytes(marker, sizeof(marker)));
	child_sa_state_clear(&out);
	ss_record_clear(&r);
}

static void message_with_nothing_in_it_packs_to_nothing(void **state)
{
	Holdfast__Records m = HOLDFAST__RECORDS__INIT;
	ProtobufCMessage *back;
	struct buf packed = { 0 };

	(void)state;
	assert_int_equal(ss_message_pack(&m.base, &packed), R_OK);
	assert_int_equal(packed.len, 0);
	assert_int_equal(
		ss_message_unpack(&holdfast__records__descriptor, buf_bytes(&packed), &back), R_OK);
	ss_message_free(back);
	ss_message_free(NULL);
	buf_free(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cleared_record_is_wiped),
		cmocka_unit_test(replaced_record_of_a_store_is_wiped),
		cmocka_unit_test(unpacked_batch_is_wiped),
		cmocka_unit_test(decoded_record_leaves_only_the_state),
		cmocka_unit_test(message_with_nothing_in_it_packs_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
