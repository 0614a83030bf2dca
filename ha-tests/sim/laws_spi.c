/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Law 8, its part on SPIs (R25): what the store holds is named by SPIs of
 * nodes that have owned the group, and a CHILD SA has the shard of its IKE SA,
 * whatever that was rekeyed to.
 */
#include "base/wire_writer.h"
#include "ha-tests/sim/sim.h"
#include "ike/engine.h"

#define LOOK_EVERY 8u /* positions: a record stays for longer */

static struct digest128 name_of(const struct ss_record *r)
{
	uint8_t text[16];
	struct wire_writer w = wire_writer(text, sizeof(text));
	const struct digest128 data = digest128(buf_bytes(&r->data));

	wire_put_u64(&w, r->key);
	wire_put_u64(&w, data.a);
	return digest128(bytes(text, w.len));
}

static void look_at_slot(struct member *m, const char *what, uint64_t spi, unsigned int slot)
{
	if (!(laws_of(m)->owner_slots & 1u << slot))
		law_broken(m->s, 8,
			   "%s holds %s with SPI %llx of slot %u, which never owned the group",
			   m->name, what, (unsigned long long)spi, slot);
}

static void look_at_shard(struct member *m, const struct ss_record *r)
{
	struct child_sa_state c = { 0 };

	if (ss_decode_child_sa(r, &c) == R_OK && c.ike_spi &&
	    (c.spi_in >> 24 & 15) != ike_spi_shard(c.ike_spi))
		law_broken(m->s, 8, "%s: CHILD SA 0x%08x is not in the shard of IKE SA %016llx",
			   m->name, c.spi_in, (unsigned long long)c.ike_spi);
	child_sa_state_clear(&c);
}

static void look(void *ctx, const struct ss_record *r)
{
	struct member *m = ctx;

	if ((r->kind != SS_IKE_SA && r->kind != SS_CHILD_SA) ||
	    seen_add(&m->s->laws.spis, name_of(r), (struct digest128){ 0 }) != SEEN_NEW)
		return;
	if (r->kind == SS_IKE_SA) {
		look_at_slot(m, "an IKE SA", r->key, (unsigned int)(r->key >> 60));
		return;
	}
	look_at_slot(m, "a CHILD SA", r->key, (unsigned int)(r->key >> 28));
	look_at_shard(m, r);
}

void laws_spi(struct member *m, uint64_t applied)
{
	if (applied % LOOK_EVERY == 0)
		ss_store_each(cl_store(hf_core_cluster_node(m->core), group_id(m->group)), look, m);
}
