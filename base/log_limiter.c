/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rate limit of the log: a token bucket per (id, remote address) and, because
 * source addresses can be made up at will, a wider one per id over all
 * addresses. Memory is fixed; a peer that falls onto another's bucket takes
 * it over, and the bucket of the id bounds what can be won by that.
 */
#include <stdlib.h>

#include "base/hashmap.h"
#include "base/log.h"

#define PEER_BUCKETS 1024u /* a power of two */
#define ID_FACTOR    16u   /* how much wider the bucket of an id is than a peer's */

struct bucket {
	enum log_id id;
	struct inet_addr addr;
	bool used;
	uint64_t milli_tokens;
	uint64_t at_ms;
};

struct log_limiter {
	uint64_t burst;
	uint64_t per_second;
	struct bucket peers[PEER_BUCKETS];
	struct bucket ids[LOG_ID_COUNT_];
};

struct log_limiter *log_limiter_new(unsigned int burst, unsigned int per_second)
{
	struct log_limiter *l = calloc(1, sizeof(*l));

	if (l != NULL) {
		l->burst = burst;
		l->per_second = per_second;
	}
	return l;
}

void log_limiter_free(struct log_limiter *l)
{
	free(l);
}

/* per_second tokens a second are as many thousandths a millisecond. */
static bool has_token(struct bucket *b, uint64_t burst, uint64_t per_second, uint64_t now_ms)
{
	uint64_t full = burst * 1000, elapsed = now_ms > b->at_ms ? now_ms - b->at_ms : 0;

	if (!b->used || (per_second > 0 && elapsed > full / per_second))
		b->milli_tokens = full;
	else
		b->milli_tokens += elapsed * per_second;
	if (b->milli_tokens > full)
		b->milli_tokens = full;
	b->used = true;
	b->at_ms = now_ms;
	return b->milli_tokens >= 1000;
}

static struct bucket *peer_bucket(struct log_limiter *l, const struct log_event *ev)
{
	static const uint8_t spread[16]; /* not keyed: winning another's bucket wins nothing */
	uint8_t key[2 + sizeof(ev->remote.addr.a)] = { (uint8_t)ev->id, (uint8_t)(ev->id >> 8) };
	struct bucket *b;

	memcpy(key + 2, ev->remote.addr.a, sizeof(ev->remote.addr.a));
	b = &l->peers[siphash24(spread, bytes(key, sizeof(key))) & (PEER_BUCKETS - 1)];
	if (b->id != ev->id || !inet_equal(&b->addr, &ev->remote.addr))
		*b = (struct bucket){ .id = ev->id, .addr = ev->remote.addr };
	return b;
}

bool log_limiter_allow(struct log_limiter *l, const struct log_event *ev, uint64_t now_ms)
{
	struct bucket *peer = peer_bucket(l, ev), *id = &l->ids[ev->id];
	bool peer_ok = has_token(peer, l->burst, l->per_second, now_ms);
	bool id_ok = has_token(id, l->burst * ID_FACTOR, l->per_second * ID_FACTOR, now_ms);

	if (!peer_ok || !id_ok)
		return false;
	peer->milli_tokens -= 1000;
	id->milli_tokens -= 1000;
	return true;
}
