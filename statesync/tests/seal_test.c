/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing (R3) and the keys from the failover key. */
#include "statesync/tests/fixtures.h"

#define GROUP 1
#define TERM  0x0102030405060708ull

/* Byte offsets of the envelope (statesync.h). */
enum {
	AT_VERSION = 0,
	AT_KIND = 1,
	AT_SLOT = 2,
	AT_GROUP = 4,
	AT_TERM = 8,
	AT_SEQUENCE = 16,
	AT_SALT = 24
};

static struct ss_sealer *member(uint8_t key, uint8_t slot, uint8_t salt)
{
	struct secret failover_key = fixture_secret(key, 32);
	struct buf s = fixture_buf(salt, 32);
	struct ss_sealer *sealer = ss_sealer_new(&failover_key, slot, s.p);

	assert_non_null(sealer);
	secret_wipe(&failover_key);
	buf_free(&s);
	return sealer;
}

static struct buf sealed(struct ss_sealer *s, enum ss_envelope_kind kind, const char *text)
{
	struct buf out = { 0 };

	assert_int_equal(ss_seal(s, kind, GROUP, TERM, bytes(text, strlen(text)), &out), R_OK);
	return out;
}

static void assert_open(struct ss_sealer *s, const struct buf *in, uint8_t slot, const char *text)
{
	struct ss_opened o;

	assert_int_equal(ss_open(s, buf_bytes(in), &o), R_OK);
	assert_int_equal(o.slot, slot);
	assert_int_equal(o.group, GROUP);
	assert_true(o.term == TERM);
	assert_bytes(buf_bytes(&o.plain), bytes(text, strlen(text)));
	ss_buf_wipe(&o.plain);
}

/* A message with a sequence above all that the other process has said. */
static struct buf later(struct ss_sealer *s, const char *text)
{
	for (unsigned int i = 0; i < 10; i++) {
		struct buf spent = sealed(s, SS_ENV_MESSAGE, "");

		buf_free(&spent);
	}
	return sealed(s, SS_ENV_MESSAGE, text);
}

/* A HELLO of the present ring. */
static void assert_taken(struct ss_sealer *s, const struct buf *in, uint8_t slot, const char *text)
{
	assert_open(s, in, slot, text);
	ss_sealer_take(s);
}

static void assert_refused(struct ss_sealer *s, const struct buf *in, enum result want)
{
	struct ss_opened o;

	assert_int_equal(ss_open(s, buf_bytes(in), &o), want);
	assert_null(o.plain.p);
}

/* Two members of a cluster; b has heard a's HELLO. */
struct pair {
	struct ss_sealer *a, *b;
	struct buf hello;
};

static struct pair new_pair(void)
{
	struct pair p = { .a = member(1, 1, 10), .b = member(1, 2, 20) };

	p.hello = sealed(p.a, SS_ENV_HELLO, "hello");
	assert_taken(p.b, &p.hello, 1, "hello");
	return p;
}

static void free_pair(struct pair *p)
{
	buf_free(&p->hello);
	ss_sealer_free(p->a);
	ss_sealer_free(p->b);
}

static void messages_open_after_hello_with_rising_sequence(void **state)
{
	struct pair p = new_pair();

	(void)state;
	for (uint64_t i = 2; i < 5; i++) {
		struct buf m = sealed(p.a, SS_ENV_MESSAGE, "records");
		struct ss_opened o;

		assert_int_equal(ss_open(p.b, buf_bytes(&m), &o), R_OK);
		assert_int_equal(o.kind, SS_ENV_MESSAGE);
		assert_true(o.sequence == i); /* 1 was the HELLO */
		ss_buf_wipe(&o.plain);
		buf_free(&m);
	}
	free_pair(&p);
}

static void own_messages_open_too(void **state)
{
	struct ss_sealer *a = member(1, 1, 10);
	struct buf m = sealed(a, SS_ENV_MESSAGE, "mine"), hello = sealed(a, SS_ENV_HELLO, "");

	(void)state;
	assert_open(a, &m, 1, "mine");
	assert_open(a, &hello, 1, "");
	assert_refused(a, &m, R_STALE);
	ss_sealer_take(a); /* our own salt is never another one */
	buf_free(&m);
	m = sealed(a, SS_ENV_MESSAGE, "still");
	assert_open(a, &m, 1, "still");
	buf_free(&m);
	buf_free(&hello);
	ss_sealer_free(a);
}

static void message_before_hello_is_not_found(void **state)
{
	struct ss_sealer *a = member(1, 1, 10), *b = member(1, 2, 20);
	struct buf m = sealed(a, SS_ENV_MESSAGE, "x");

	(void)state;
	assert_refused(b, &m, R_NOT_FOUND);
	buf_free(&m);
	ss_sealer_free(a);
	ss_sealer_free(b);
}

static void wrong_key_is_refused(void **state)
{
	struct ss_sealer *foreign = member(2, 1, 10);
	struct pair p = new_pair();
	struct buf hello = sealed(foreign, SS_ENV_HELLO, "hi"), m;

	(void)state;
	assert_refused(p.b, &hello, R_STALE); /* same salt: an old sequence, whoever it is from */
	m = sealed(foreign, SS_ENV_MESSAGE, "x");
	assert_refused(p.b, &m, R_INTEGRITY);
	buf_free(&m);
	buf_free(&hello);
	ss_sealer_free(foreign);
	foreign = member(2, 1, 11);
	hello = sealed(foreign, SS_ENV_HELLO, "hi");
	assert_refused(p.b, &hello, R_INTEGRITY);
	m = sealed(p.a, SS_ENV_MESSAGE, "y"); /* a refused HELLO has changed nothing */
	assert_open(p.b, &m, 1, "y");
	buf_free(&m);
	buf_free(&hello);
	ss_sealer_free(foreign);
	free_pair(&p);
}

static void wrong_slot_is_refused(void **state)
{
	struct pair p = new_pair();
	struct ss_sealer *c = member(1, 3, 30);
	struct buf hello = sealed(c, SS_ENV_HELLO, "c"), m;

	(void)state;
	assert_taken(p.b, &hello, 3, "c");
	m = sealed(p.a, SS_ENV_MESSAGE, "x");
	m.p[AT_SLOT] = 3;
	assert_refused(p.b, &m, R_INTEGRITY);
	m.p[AT_SLOT] = 4;
	assert_refused(p.b, &m, R_NOT_FOUND);
	m.p[AT_SLOT] = SS_SLOTS;
	assert_refused(p.b, &m, R_VALUE);
	m.p[AT_SLOT] = 1;
	assert_open(p.b, &m, 1, "x");
	buf_free(&m);
	buf_free(&hello);
	ss_sealer_free(c);
	free_pair(&p);
}

static void replay_is_stale(void **state)
{
	struct pair p = new_pair();
	struct buf first = sealed(p.a, SS_ENV_MESSAGE, "1"),
		   second = sealed(p.a, SS_ENV_MESSAGE, "2");

	(void)state;
	assert_open(p.b, &second, 1, "2");
	assert_refused(p.b, &second, R_STALE);
	assert_refused(p.b, &first, R_STALE);
	assert_refused(p.b, &p.hello, R_STALE);
	buf_free(&first);
	buf_free(&second);
	free_pair(&p);
}

static void snapshot_channel_has_its_own_order(void **state)
{
	struct pair p = new_pair();
	struct buf chunk = sealed(p.a, SS_ENV_SNAPSHOT, "chunk"),
		   m = sealed(p.a, SS_ENV_MESSAGE, "m");

	(void)state;
	assert_open(p.b, &m, 1, "m");
	assert_open(p.b, &chunk, 1, "chunk"); /* sealed before m, delivered after it */
	assert_refused(p.b, &chunk, R_STALE);
	chunk.p[AT_KIND] = SS_ENV_MESSAGE;
	assert_refused(p.b, &chunk, R_STALE);
	buf_free(&chunk);
	buf_free(&m);
	free_pair(&p);
}

static void direct_acknowledgements_have_their_own_order(void **state)
{
	struct pair p = new_pair();
	struct buf late = sealed(p.a, SS_ENV_ACK, "late"), ack = sealed(p.a, SS_ENV_ACK, "ack"),
		   chunk = sealed(p.a, SS_ENV_SNAPSHOT, "chunk"),
		   m = sealed(p.a, SS_ENV_MESSAGE, "m"), last = sealed(p.a, SS_ENV_ACK, "last");

	(void)state;
	assert_open(p.b, &ack, 1, "ack");
	assert_refused(p.b, &late, R_STALE);
	assert_open(p.b, &last, 1, "last");
	assert_open(p.b, &chunk, 1, "chunk"); /* sealed before, on another way */
	assert_open(p.b, &m, 1, "m");
	assert_refused(p.b, &last, R_STALE);
	buf_free(&late);
	buf_free(&ack);
	buf_free(&chunk);
	buf_free(&m);
	buf_free(&last);
	free_pair(&p);
}

static void a_hello_that_is_not_taken_changes_nothing(void **state)
{
	struct pair p = new_pair();
	struct ss_sealer *restarted = member(1, 1, 11);
	struct buf hello = sealed(restarted, SS_ENV_HELLO, "new"),
		   m = sealed(p.a, SS_ENV_MESSAGE, "x");

	(void)state;
	for (unsigned int i = 0; i < 2; i++) /* also a repetition of it */
		assert_open(p.b, &hello, 1, "new");
	assert_open(p.b, &m, 1, "x");
	ss_sealer_take(p.b); /* not what was opened before another message */
	buf_free(&m);
	m = sealed(p.a, SS_ENV_MESSAGE, "y");
	assert_open(p.b, &m, 1, "y");
	buf_free(&m);
	m = later(restarted, "z");
	assert_refused(p.b, &m, R_INTEGRITY);
	assert_taken(p.b, &hello, 1, "new");
	assert_open(p.b, &m, 1, "z");
	buf_free(&m);
	buf_free(&hello);
	ss_sealer_free(restarted);
	free_pair(&p);
}

static void new_salt_takes_the_place_of_the_old_one(void **state)
{
	struct pair p = new_pair();
	struct buf old = sealed(p.a, SS_ENV_MESSAGE, "old"),
		   chunk = sealed(p.a, SS_ENV_SNAPSHOT, "c");
	struct ss_sealer *restarted = member(1, 1, 11);
	struct buf hello = sealed(restarted, SS_ENV_HELLO, "new"), m;

	(void)state;
	assert_taken(p.b, &hello, 1, "new");
	assert_refused(p.b, &old, R_INTEGRITY);
	assert_refused(p.b, &chunk, R_INTEGRITY);
	m = sealed(restarted, SS_ENV_MESSAGE, "x");
	assert_open(p.b, &m, 1, "x");
	buf_free(&m);
	buf_free(&old);
	buf_free(&chunk);
	buf_free(&hello);
	ss_sealer_free(restarted);
	free_pair(&p);
}

/* Another process had the slot while this one was cut off (R14). */
static void a_salt_that_was_followed_is_heard_above_its_last_sequences(void **state)
{
	struct pair p = new_pair();
	struct buf m = sealed(p.a, SS_ENV_MESSAGE, "m"), chunk = sealed(p.a, SS_ENV_SNAPSHOT, "c");
	struct ss_sealer *twin = member(1, 1, 11);
	struct buf hello = sealed(twin, SS_ENV_HELLO, "twin"), back, next;

	(void)state;
	assert_open(p.b, &m, 1, "m");
	assert_open(p.b, &chunk, 1, "c");
	assert_taken(p.b, &hello, 1, "twin");
	back = sealed(p.a, SS_ENV_HELLO, "back");
	assert_taken(p.b, &back, 1, "back");
	next = sealed(p.a, SS_ENV_MESSAGE, "later");
	assert_open(p.b, &next, 1, "later");
	/* Nothing of either is heard twice. */
	assert_refused(p.b, &p.hello, R_STALE);
	assert_refused(p.b, &m, R_STALE);
	assert_refused(p.b, &chunk, R_STALE);
	assert_refused(p.b, &back, R_STALE);
	assert_refused(p.b, &hello, R_STALE);
	ss_sealer_take(p.b);
	buf_free(&next);
	next = later(twin, "no more");
	assert_refused(p.b, &next, R_INTEGRITY);
	buf_free(&next);
	next = sealed(p.a, SS_ENV_SNAPSHOT, "next");
	assert_open(p.b, &next, 1, "next");
	buf_free(&m);
	buf_free(&chunk);
	buf_free(&back);
	buf_free(&next);
	buf_free(&hello);
	ss_sealer_free(twin);
	free_pair(&p);
}

/* Room for sixteen of a slot: the one that was current longest ago goes. */
static void the_last_sixteen_salts_of_a_slot_are_known(void **state)
{
	struct ss_sealer *b = member(1, 2, 20);
	struct buf hello[18];

	(void)state;
	for (uint8_t i = 0; i < 18; i++) {
		struct ss_sealer *start = member(1, 1, (uint8_t)(100 + i));
		struct ss_sealer *other = member(1, 3, (uint8_t)(100 + i));
		struct buf of_other = sealed(other, SS_ENV_HELLO, "other");

		hello[i] = sealed(start, SS_ENV_HELLO, "start");
		assert_taken(b, &hello[i], 1, "start");
		if (i == 0) /* another slot has a list of its own */
			assert_taken(b, &of_other, 3, "other");
		buf_free(&of_other);
		ss_sealer_free(start);
		ss_sealer_free(other);
	}
	for (uint8_t i = 1; i < 18; i++)
		assert_refused(b, &hello[i], R_STALE);
	assert_open(b, &hello[0], 1, "start"); /* whether it is taken is for its ring to say */
	for (uint8_t i = 0; i < 18; i++)
		buf_free(&hello[i]);
	ss_sealer_free(b);
}

static void another_process_in_our_slot_is_told(void **state)
{
	struct ss_sealer *a = member(1, 1, 10), *twin = member(1, 1, 11);
	struct buf hello = sealed(twin, SS_ENV_HELLO, "me too"), m = sealed(a, SS_ENV_MESSAGE, "x");
	struct ss_opened o;

	(void)state;
	assert_int_equal(ss_open(a, buf_bytes(&hello), &o), R_EXISTS);
	assert_true(bytes_equal(buf_bytes(&o.plain), bytes("me too", 6)));
	ss_buf_wipe(&o.plain);
	ss_sealer_take(a);
	hello.p[hello.len - 1] ^= 1;
	assert_refused(a, &hello, R_INTEGRITY);
	hello.p[hello.len - 1] ^= 1;
	assert_open(a, &m, 1, "x");
	assert_int_equal(ss_envelope_peek(buf_bytes(&hello), &o), R_OK);
	assert_true(o.kind == SS_ENV_HELLO && o.slot == 1 && o.term == TERM && o.plain.p == NULL);
	buf_free(&hello);
	buf_free(&m);
	ss_sealer_free(a);
	ss_sealer_free(twin);
}

static void every_byte_of_the_envelope_is_authenticated(void **state)
{
	static const enum ss_envelope_kind kinds[] = { SS_ENV_HELLO, SS_ENV_MESSAGE,
						       SS_ENV_SNAPSHOT, SS_ENV_ACK };

	(void)state;
	for (size_t k = 0; k < 4; k++) {
		struct pair p = new_pair();
		struct buf m = sealed(p.a, kinds[k], "some records");
		struct ss_opened o;

		for (size_t bit = 0; bit < 8 * m.len; bit++) {
			m.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_not_equal(ss_open(p.b, buf_bytes(&m), &o), R_OK);
			assert_null(o.plain.p);
			m.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		for (size_t len = 0; len < m.len; len++) {
			struct buf cut = { 0 };

			assert_true(buf_set(&cut, bytes(m.p, len)));
			assert_int_not_equal(ss_open(p.b, buf_bytes(&cut), &o), R_OK);
			assert_null(o.plain.p);
			buf_free(&cut);
		}
		assert_open(p.b, &m, 1, "some records"); /* none of it moved the sequence */
		buf_free(&m);
		free_pair(&p);
	}
}

static void group_term_and_sequence_cannot_be_moved(void **state)
{
	static const size_t at[] = { AT_GROUP + 3, AT_TERM + 7, AT_SEQUENCE + 7 };
	struct pair p = new_pair();
	struct buf m = sealed(p.a, SS_ENV_MESSAGE, "x");

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		m.p[at[i]] += 1;
		assert_refused(p.b, &m, R_INTEGRITY);
		m.p[at[i]] -= 1;
	}
	m.p[AT_VERSION] = 2;
	assert_refused(p.b, &m, R_VERSION);
	m.p[AT_VERSION] = 1;
	assert_open(p.b, &m, 1, "x");
	buf_free(&m);
	free_pair(&p);
}

static void same_message_never_seals_to_the_same_bytes(void **state)
{
	struct ss_sealer *a = member(1, 1, 10), *b = member(1, 2, 10), *c = member(1, 1, 11);
	struct buf x = sealed(a, SS_ENV_MESSAGE, "plain"), y = sealed(a, SS_ENV_MESSAGE, "plain");
	struct buf z = sealed(b, SS_ENV_MESSAGE, "plain"), w = sealed(c, SS_ENV_MESSAGE, "plain");

	(void)state;
	assert_memory_not_equal(x.p + AT_SALT, y.p + AT_SALT, 5); /* counter */
	assert_memory_not_equal(x.p + AT_SALT, z.p + AT_SALT, 5); /* slot */
	assert_memory_not_equal(x.p + AT_SALT, w.p + AT_SALT, 5); /* process start */
	buf_free(&x);
	buf_free(&y);
	buf_free(&z);
	buf_free(&w);
	ss_sealer_free(a);
	ss_sealer_free(b);
	ss_sealer_free(c);
}

static void sealer_needs_a_whole_key_and_a_slot(void **state)
{
	struct secret key = fixture_secret(1, 31);
	static const uint8_t salt[32];

	(void)state;
	assert_null(ss_sealer_new(&key, 1, salt));
	secret_wipe(&key);
	key = fixture_secret(1, 32);
	assert_null(ss_sealer_new(&key, SS_SLOTS, salt));
	secret_wipe(&key);
}

static void passphrase_goes_through_scrypt(void **state)
{
	/* hashlib.scrypt(b"secret word", salt=b"holdfast failover key", n=32768, r=8,
	 * p=1, dklen=32) */
	static const uint8_t want[32] = {
		0xdb, 0x39, 0x8a, 0x3a, 0x2d, 0x93, 0xec, 0x3c, 0xc8, 0x0b, 0x4c,
		0x29, 0xe3, 0x57, 0x4c, 0x77, 0x75, 0x6f, 0x3e, 0xbc, 0x39, 0x22,
		0xd0, 0x3f, 0x5b, 0xf8, 0xe9, 0x7b, 0x8d, 0x76, 0x31, 0x3a,
	};
	struct secret key = { 0 };

	(void)state;
	assert_int_equal(ss_key_from_passphrase(bytes("secret word", 11), &key), R_OK);
	assert_bytes(secret_bytes(&key), bytes(want, sizeof(want)));
	secret_wipe(&key);
	assert_int_equal(ss_key_from_passphrase(BYTES_NONE, &key), R_VALUE);
	assert_int_equal(key.len, 0);
}

static void derived_keys_differ_by_label(void **state)
{
	/* HKDF-SHA256, no salt, info "holdfast key relay", over bytes 1 + 31 i */
	static const uint8_t want[32] = {
		0xa0, 0x7f, 0x5d, 0x81, 0x39, 0xce, 0x5c, 0x05, 0xb9, 0xdf, 0xd7,
		0xa3, 0x19, 0x03, 0x7f, 0x03, 0x75, 0xa9, 0x06, 0xc3, 0x4b, 0xb3,
		0x0f, 0xfc, 0xff, 0xa3, 0x58, 0xc5, 0x09, 0xf1, 0xa3, 0xd4,
	};
	struct secret failover_key = fixture_secret(1, 32), a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(ss_key_derive(&failover_key, "relay", &a), R_OK);
	assert_bytes(secret_bytes(&a), bytes(want, sizeof(want)));
	assert_int_equal(ss_key_derive(&failover_key, "other", &b), R_OK);
	assert_false(secret_equal(&a, &b));
	assert_int_equal(ss_key_derive(&failover_key, "", &b), R_VALUE);
	secret_wipe(&a);
	secret_wipe(&b);
	secret_wipe(&failover_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_open_after_hello_with_rising_sequence),
		cmocka_unit_test(own_messages_open_too),
		cmocka_unit_test(message_before_hello_is_not_found),
		cmocka_unit_test(wrong_key_is_refused),
		cmocka_unit_test(wrong_slot_is_refused),
		cmocka_unit_test(replay_is_stale),
		cmocka_unit_test(snapshot_channel_has_its_own_order),
		cmocka_unit_test(a_hello_that_is_not_taken_changes_nothing),
		cmocka_unit_test(new_salt_takes_the_place_of_the_old_one),
		cmocka_unit_test(a_salt_that_was_followed_is_heard_above_its_last_sequences),
		cmocka_unit_test(the_last_sixteen_salts_of_a_slot_are_known),
		cmocka_unit_test(direct_acknowledgements_have_their_own_order),
		cmocka_unit_test(another_process_in_our_slot_is_told),
		cmocka_unit_test(every_byte_of_the_envelope_is_authenticated),
		cmocka_unit_test(group_term_and_sequence_cannot_be_moved),
		cmocka_unit_test(same_message_never_seals_to_the_same_bytes),
		cmocka_unit_test(sealer_needs_a_whole_key_and_a_slot),
		cmocka_unit_test(passphrase_goes_through_scrypt),
		cmocka_unit_test(derived_keys_differ_by_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
