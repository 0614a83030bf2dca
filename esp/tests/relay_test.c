/* SPDX-License-Identifier: Apache-2.0 */
/* R19: what the two owners of a handover say to each other cannot be read, changed,
 * forged or repeated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "esp/datapath.h"
#include "esp/relay.h"

enum { CAP = 512 };
#define SECOND UINT64_C(1000000000)

struct ends {
	struct relay_link *old_owner, *new_owner;
};

static struct relay_link *link_new(uint8_t slot, uint8_t key_byte)
{
	SECRET key = { 0 };
	uint8_t raw[RELAY_KEY_LEN];
	const struct inet_endpoint mate = { .addr = inet_v4(0xc0000201), .port = 5000 };
	struct relay_link *link = NULL;
	memset(raw, key_byte, sizeof(raw));
	assert_int_equal(R_OK, secret_set(&key, bytes(raw, sizeof(raw))));
	assert_int_equal(R_OK, relay_link_new(2, slot, &mate, &key, &link));
	return link;
}

static struct ends ends(void)
{
	return (struct ends){ .old_owner = link_new(1, 7), .new_owner = link_new(2, 7) };
}

static void ends_free(struct ends *e)
{
	relay_link_free(e->old_owner);
	relay_link_free(e->new_owner);
}

static size_t seal(struct relay_link *link, const char *text, uint8_t out[CAP])
{
	const struct relay_message m = {
		.kind = RELAY_ESP,
		.group = 2,
		.tos = 0xb9,
		.local = { .addr = inet_v4(1), .port = 4500 },
		.remote = { .addr = inet_v4(2), .port = 1024 },
		.payload = bytes(text, strlen(text)),
	};
	size_t len = 0;
	assert_int_equal(R_OK, relay_seal(link, &m, out, CAP, &len));
	return len;
}

static void a_message_arrives_whole_and_once(void **state)
{
	(void)state;
	struct ends e = ends();
	uint8_t datagram[CAP], again[CAP];
	struct relay_message m;
	for (int i = 0; i < 10; i++) {
		const size_t len = seal(e.old_owner, "straggler", datagram);
		memcpy(again, datagram, len);
		assert_int_equal(2, relay_peek_group(bytes(datagram, len)));
		assert_int_equal(R_OK, relay_open(e.new_owner, 0, datagram, len, &m));
		assert_int_equal(RELAY_ESP, m.kind);
		assert_int_equal(0xb9, m.tos);
		assert_int_equal(4500, m.local.port);
		assert_int_equal(2, inet_to_v4(&m.remote.addr));
		assert_true(bytes_equal(bytes("straggler", 9), m.payload));
		assert_int_equal(R_DUPLICATE, relay_open(e.new_owner, 0, again, len, &m));
	}
	ends_free(&e);
}

static void every_bit_and_every_length_counts(void **state)
{
	(void)state;
	struct ends e = ends();
	uint8_t good[CAP], datagram[CAP];
	struct relay_message m;
	const size_t len = seal(e.old_owner, "straggler", good);
	uint64_t now_ns = SECOND;
	for (size_t bit = 0; bit < len * 8; bit++) {
		memcpy(datagram, good, len);
		datagram[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		now_ns += SECOND / RELAY_TRIES;
		assert_int_equal(R_INTEGRITY, relay_open(e.new_owner, now_ns, datagram, len, &m));
	}
	for (size_t cut = 0; cut < len; cut++) {
		memcpy(datagram, good, len);
		now_ns += SECOND / RELAY_TRIES;
		const enum result res = relay_open(e.new_owner, now_ns, datagram, cut, &m);
		assert_int_equal(cut < RELAY_OVERHEAD ? R_SHORT : R_INTEGRITY, res);
	}
	now_ns += SECOND / RELAY_TRIES;
	memcpy(datagram, good, len);
	assert_int_equal(R_OK, relay_open(e.new_owner, now_ns, datagram, len, &m));
	ends_free(&e);
}

static void another_key_or_another_sender_is_refused(void **state)
{
	(void)state;
	struct ends e = ends();
	struct relay_link *stranger = link_new(1, 8), *restarted = link_new(1, 7);
	uint8_t datagram[CAP];
	struct relay_message m;
	size_t len = seal(stranger, "x", datagram);
	assert_int_equal(R_INTEGRITY, relay_open(e.new_owner, 0, datagram, len, &m));
	len = seal(e.old_owner, "x", datagram);
	assert_int_equal(R_OK, relay_open(e.new_owner, 0, datagram, len, &m));
	/* The same key and another salt: not the one sender of this handover. */
	len = seal(restarted, "x", datagram);
	assert_int_equal(R_INTEGRITY, relay_open(e.new_owner, 0, datagram, len, &m));
	relay_link_free(stranger);
	relay_link_free(restarted);
	ends_free(&e);
}

/* What forged datagrams can cost: nothing without the mark, RELAY_TRIES decryptions a second with
 * it, and the true sender is heard in the next second. */
static void forgeries_are_refused_before_they_cost_much(void **state)
{
	(void)state;
	struct ends e = ends();
	uint8_t good[CAP], datagram[CAP];
	struct relay_message m;
	const size_t len = seal(e.old_owner, "straggler", good);
	for (uint32_t i = 0; i < 10 * RELAY_TRIES; i++) {
		memcpy(datagram, good, len);
		datagram[4 + i % RELAY_MARK_LEN] ^= (uint8_t)(1 + i % 255);
		assert_int_equal(R_INTEGRITY, relay_open(e.new_owner, SECOND, datagram, len, &m));
	}
	for (uint32_t i = 0; i < 3 * RELAY_TRIES; i++) {
		memcpy(datagram, good, len);
		datagram[4 + RELAY_MARK_LEN + i % 16] ^= (uint8_t)(1 + i % 255);
		assert_int_equal(i < RELAY_TRIES ? R_INTEGRITY : R_LIMIT,
				 relay_open(e.new_owner, SECOND + i, datagram, len, &m));
	}
	memcpy(datagram, good, len);
	assert_int_equal(R_LIMIT, relay_open(e.new_owner, 2 * SECOND - 1, datagram, len, &m));
	memcpy(datagram, good, len);
	assert_int_equal(R_OK, relay_open(e.new_owner, 2 * SECOND, datagram, len, &m));
	/* The salt is known: no limit, and another salt is refused at once. */
	for (uint32_t i = 0; i < 3 * RELAY_TRIES; i++) {
		const size_t n = seal(e.old_owner, "next", datagram);
		assert_int_equal(R_OK, relay_open(e.new_owner, 2 * SECOND, datagram, n, &m));
	}
	ends_free(&e);
}

static void what_is_too_long_or_misshapen_is_refused(void **state)
{
	(void)state;
	struct ends e = ends();
	uint8_t big[CAP] = { 0 }, out[CAP];
	size_t len = 0;
	const struct relay_message m = { .kind = RELAY_CLEAR, .payload = bytes(big, sizeof(big)) };
	struct relay_link *link = NULL;
	SECRET brief = { 0 };
	const struct inet_endpoint mate = { 0 };
	assert_int_equal(R_TOO_LONG, relay_seal(e.old_owner, &m, out, sizeof(out), &len));
	assert_int_equal(R_OK, secret_set(&brief, bytes("short", 5)));
	assert_int_equal(R_VALUE, relay_link_new(0, 1, &mate, &brief, &link));
	assert_int_equal(-1, relay_peek_group(bytes(big, 10)));
	ends_free(&e);
}

static void idleness_counts_from_the_first_question(void **state)
{
	(void)state;
	const struct esp_datapath_config cfg = { .slot = 1, .workers = 1 };
	const struct inet_endpoint mate = { .addr = inet_v4(0xc0000201), .port = 5000 };
	struct esp_datapath *dp = esp_datapath_new(&cfg);
	SECRET key = { 0 };
	uint8_t raw[RELAY_KEY_LEN] = { 1 };
	assert_non_null(dp);
	assert_int_equal(R_OK, secret_set(&key, bytes(raw, sizeof(raw))));
	assert_int_equal(R_OK, esp_relay_set(dp, 3, 1, &mate, &key));
	assert_int_equal(0, esp_relay_idle_ms(dp, 3, 100 * SECOND));
	assert_int_equal(2000, esp_relay_idle_ms(dp, 3, 102 * SECOND));
	assert_int_equal(R_OK, esp_relay_set(dp, 3, 1, &mate, &key));
	assert_int_equal(0, esp_relay_idle_ms(dp, 3, 103 * SECOND));
	esp_datapath_free(dp);
}

static void set_secret(struct secret *key, uint8_t key_byte)
{
	uint8_t raw[RELAY_KEY_LEN];
	memset(raw, key_byte, sizeof(raw));
	assert_int_equal(R_OK, secret_set(key, bytes(raw, sizeof(raw))));
}

/* Group 2 of dp has another handover. */
static void hand_over(struct esp_datapath *dp, uint64_t now_ns, uint8_t key_byte)
{
	const struct inet_endpoint mate = { .addr = inet_v4(0xc0000201), .port = 5000 };
	SECRET key = { 0 };
	set_secret(&key, key_byte);
	assert_int_equal(R_OK, esp_relay_set(dp, 2, now_ns, &mate, &key));
}

/* What old_owner relays now is taken. */
static bool takes(struct esp_datapath *dp, uint64_t now_ns, struct relay_link *old_owner)
{
	uint8_t datagram[CAP];
	struct relay_message m;
	const size_t len = seal(old_owner, "straggler", datagram);
	struct relay_link *link = relay_link_of(&dp->group[2], now_ns, bytes(datagram, len));
	return link != NULL && relay_open(link, now_ns, datagram, len, &m) == R_OK;
}

/* R19: two handovers within 2 s, and the first old owner still relays. */
static void stragglers_of_the_handover_before_are_taken(void **state)
{
	(void)state;
	const struct esp_datapath_config cfg = { .slot = 2, .workers = 1 };
	struct esp_datapath *dp = esp_datapath_new(&cfg);
	struct relay_link *first = link_new(1, 1), *stranger = link_new(1, 9);
	hand_over(dp, 10 * SECOND, 1);
	assert_true(takes(dp, 10 * SECOND, first));
	hand_over(dp, 11 * SECOND, 2);
	assert_true(takes(dp, 11 * SECOND, first));
	assert_false(takes(dp, 11 * SECOND, stranger));
	/* As long as they come, and 2 s. */
	assert_true(takes(dp, 12 * SECOND + SECOND / 2, first));
	assert_true(takes(dp, 14 * SECOND, first));
	assert_false(takes(dp, 16 * SECOND, first));
	relay_link_free(first);
	relay_link_free(stranger);
	esp_datapath_free(dp);
}

static void without_any_the_handover_before_ends(void **state)
{
	(void)state;
	const struct esp_datapath_config cfg = { .slot = 2, .workers = 1 };
	struct esp_datapath *dp = esp_datapath_new(&cfg);
	struct relay_link *first = link_new(1, 1);
	hand_over(dp, 10 * SECOND, 1);
	hand_over(dp, 11 * SECOND, 2);
	assert_false(takes(dp, 13 * SECOND, first));
	relay_link_free(first);
	esp_datapath_free(dp);
}

/* Taken back and tried again: of one handover there is one link. */
static void the_same_handover_again_pushes_none_out(void **state)
{
	(void)state;
	const struct esp_datapath_config cfg = { .slot = 2, .workers = 1 };
	struct esp_datapath *dp = esp_datapath_new(&cfg);
	struct relay_link *first = link_new(1, 1), *last = link_new(1, 2);
	hand_over(dp, 10 * SECOND, 1);
	for (unsigned int i = 0; i < 2 * RELAY_BEFORE; i++)
		hand_over(dp, 10 * SECOND, 2);
	assert_true(takes(dp, 10 * SECOND, first));
	assert_true(takes(dp, 10 * SECOND, last));
	for (uint8_t i = 0; i < RELAY_BEFORE; i++)
		hand_over(dp, 10 * SECOND, (uint8_t)(10 + i));
	assert_false(takes(dp, 10 * SECOND, first)); /* too many since */
	assert_true(takes(dp, 10 * SECOND, last));
	relay_link_free(first);
	relay_link_free(last);
	esp_datapath_free(dp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_arrives_whole_and_once),
		cmocka_unit_test(every_bit_and_every_length_counts),
		cmocka_unit_test(another_key_or_another_sender_is_refused),
		cmocka_unit_test(forgeries_are_refused_before_they_cost_much),
		cmocka_unit_test(what_is_too_long_or_misshapen_is_refused),
		cmocka_unit_test(stragglers_of_the_handover_before_are_taken),
		cmocka_unit_test(without_any_the_handover_before_ends),
		cmocka_unit_test(the_same_handover_again_pushes_none_out),
		cmocka_unit_test(idleness_counts_from_the_first_question),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
