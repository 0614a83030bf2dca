/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Law 8, its part on logs: no key material in a line. A pre-shared key or the
 * failover key is found as it is configured, a key of an SA by eight bytes of
 * it in hexadecimal.
 */
#include <string.h>

#include "ha-tests/sim/sim.h"

#define PIECE 8u

/* Of scenario.c. */
static const char *const configured[] = { "of-node-", "of-peer-",
					  "000102030405060708090a0b0c0d0e0f" };

struct look {
	uint8_t piece[PIECE];
	bool found;
};

static void look_at(struct look *k, const struct secret *key)
{
	const struct bytes in = secret_bytes(key);

	for (size_t at = 0; at + PIECE <= in.len; at += PIECE)
		k->found = k->found || memcmp(in.p + at, k->piece, PIECE) == 0;
}

static void look_at_sa(void *ctx, const struct ike_sa_state *sa)
{
	const struct secret *const keys[] = { &sa->sk_d,  &sa->sk_ai,
					      &sa->sk_ar, &sa->sk_ei,
					      &sa->sk_er, &sa->sk_pi,
					      &sa->sk_pr, &sa->outstanding.dh_private };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		look_at(ctx, keys[i]);
}

static void look_at_child(void *ctx, const struct child_sa_state *child)
{
	look_at(ctx, &child->keys_in.encr);
	look_at(ctx, &child->keys_in.integ);
	look_at(ctx, &child->keys_out.encr);
	look_at(ctx, &child->keys_out.integ);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False: no PIECE in hexadecimal begins here. */
static bool take_piece(const char *text, uint8_t piece[PIECE])
{
	for (unsigned int i = 0; i < 2 * PIECE; i++) {
		const int d = digit(text[i]);
		if (d < 0)
			return false;
		piece[i / 2] = (uint8_t)(i % 2 ? piece[i / 2] | d : d << 4);
	}
	return true;
}

/* Null bytes are in every text, and no key. */
static bool is_empty(const uint8_t piece[PIECE])
{
	static const uint8_t none[PIECE];

	return memcmp(piece, none, PIECE) == 0;
}

static bool holds_key(const struct ike_engine *e, const char *text)
{
	struct look k = { .found = false };

	for (; *text && !k.found; text++) {
		if (!take_piece(text, k.piece) || is_empty(k.piece))
			continue;
		ike_each_sa(e, look_at_sa, &k);
		ike_each_child(e, 0, look_at_child, &k);
	}
	return k.found;
}

void laws_log_line(struct gateway *gw, const struct log_event *ev)
{
	const struct ike_engine *e = gw->peer ? gw->peer->engine : hf_core_engine(gw->member->core);

	for (size_t i = 0; i < sizeof(configured) / sizeof(configured[0]); i++)
		if (strstr(ev->detail, configured[i]))
			law_broken(gw->s, 8, "a log line has a configured key: %s", ev->detail);
	if (e && holds_key(e, ev->detail))
		law_broken(gw->s, 8, "a log line has a key of an SA: %s", ev->detail);
}
