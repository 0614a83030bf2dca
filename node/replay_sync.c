/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 6311 5.2 between engine and datapath (R18). Ours: after a takeover the
 * peer is asked to leave out as many numbers as the former owner may have
 * received since its checkpoint; once it has, and what it sent before has
 * come, those are refused. The peer's: it asks the same of us, and our outbound
 * numbers go on behind the gap.
 */
#include "node/core_private.h"

#define BOUND_FACTOR 4u           /* the rate may have risen since it was measured */
#define BOUND_MIN    1024u        /* packets under way, and a rate that was not measured yet */
#define GRACE_NS     500000000ull /* its answer may overtake what it sent before */
#define SKIP_MAX     (1ull << 30) /* the other end still tells the high half of ESN (RFC 4303 A2) */

/* learn, until the peer has answered. */
void core_replay_exposed(struct hf_core *c, struct core_child *k)
{
	uint64_t delta = k->exposure * BOUND_FACTOR + BOUND_MIN;

	k->refuse_up_to = k->refuse_at_ns = 0;
	if (delta > SKIP_MAX || c->config->failover.inbound == INBOUND_STRICT)
		return;
	k->refuse_up_to = k->checkpoint_edge + delta;

	struct ike_input in = { .kind = IKE_IN_REPLAY_DELTA, .spi_in = k->spi_in, .delta = delta };

	core_ike(c, &in);
}

void core_replay_synced(struct hf_core *c, uint32_t spi_in)
{
	struct core_child *k = core_child_find(c, spi_in);

	if (!k || !k->refuse_up_to || k->refuse_at_ns)
		return;
	k->refuse_at_ns = c->now_ns + GRACE_NS;
	if (!k->rekey_though_synced)
		k->rekey_after_takeover = false;
}

void core_replay_refuse(struct hf_core *c, struct core_child *k, bool now)
{
	if (!k->refuse_at_ns || (c->now_ns < k->refuse_at_ns && !now))
		return;
	k->refuse_at_ns = 0;
	if (esp_child_refuse_up_to(c->datapath, k->spi_in, k->refuse_up_to) != R_OK) {
		k->rekey_after_takeover = true;
		return;
	}
	c->stats.replay_synced++;
	k->refuse_up_to = 0;
	k->exposure = 0;
}

/*
 * The lease goes first (R17), and the answer to the peer comes after. Numbers
 * that are not left are not skipped either: the SA is rekeyed.
 */
void core_replay_skip(struct hf_core *c, uint32_t spi_in, uint64_t delta)
{
	struct core_child *k = core_child_find(c, spi_in);
	struct esp_child_stats st;

	if (!k || esp_child_stats(c->datapath, spi_in, &st) != R_OK)
		return;
	if (delta > SKIP_MAX || !core_child_lease_beyond(c, k, st.seq_next + delta)) {
		k->rekey_after_takeover = true;
		return;
	}

	struct held h = { .kind = HELD_SKIP, .spi_in = spi_in, .seq = st.seq_next + delta };

	core_hold(c, &h);
}

void core_replay_skip_now(struct hf_core *c, const struct held *h)
{
	struct core_child *k = core_child_find(c, h->spi_in);
	struct esp_child_stats st;

	if (!k || esp_child_stats(c->datapath, h->spi_in, &st) != R_OK)
		return;
	/* The lease was not granted after all. */
	if (st.lease_end <= h->seq || esp_child_skip(c->datapath, h->spi_in, h->seq) != R_OK)
		k->rekey_after_takeover = true;
}
