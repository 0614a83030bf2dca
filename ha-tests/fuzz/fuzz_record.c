/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what members of a cluster send each other. The first byte of an
 * input chooses the decoder, the rest is its input:
 *   0 batch of records -> store -> state structs   1 sealed message
 *   2 snapshot chunk                               3 cluster message
 *   4 part of the lower of two owners (R23) -> plan of both
 */
#include "ha-tests/fuzz/fuzz.h"

#include "base/must.h"
#include "statesync/message.h"
#include "statesync/records.pb-c.h"
#include "statesync/statesync.h"

const char *const fuzz_corpus = "ha-tests/fuzz/corpus/record";

static const uint8_t seed[16] = { 1 };

/* What was decoded encodes to a record that means the same: the same bytes again. */
static void must_be_stable(struct ss_record *first, struct ss_record *second)
{
	must(first->kind == second->kind && first->key == second->key);
	must(bytes_equal(buf_bytes(&first->data), buf_bytes(&second->data)));
	ss_record_clear(first);
	ss_record_clear(second);
}

static void try_ike_sa(const struct ss_record *r)
{
	struct ss_record first = { 0 }, second = { 0 };
	struct ike_sa_state s;

	if (ss_decode_ike_sa(r, &s) != R_OK)
		return;
	must(ss_encode_ike_sa(&s, &first) == R_OK);
	ike_sa_state_clear(&s);
	must(ss_decode_ike_sa(&first, &s) == R_OK);
	must(ss_encode_ike_sa(&s, &second) == R_OK);
	ike_sa_state_clear(&s);
	must_be_stable(&first, &second);
}

static void try_child_sa(const struct ss_record *r)
{
	struct ss_record first = { 0 }, second = { 0 };
	struct child_sa_state s;

	if (ss_decode_child_sa(r, &s) != R_OK)
		return;
	must(ss_encode_child_sa(&s, &first) == R_OK);
	child_sa_state_clear(&s);
	must(ss_decode_child_sa(&first, &s) == R_OK);
	must(ss_encode_child_sa(&s, &second) == R_OK);
	child_sa_state_clear(&s);
	must_be_stable(&first, &second);
}

static void try_counters(const struct ss_record *r)
{
	struct ss_record again = { 0 };
	struct ss_counters c;

	if (ss_decode_counters(r, &c) != R_OK)
		return;
	must(ss_encode_counters(&c, &again) == R_OK);
	must(again.key == r->key);
	buf_free(&c.in_bitmap);
	ss_record_clear(&again);
}

static void try_peer_index(const struct ss_record *r)
{
	struct ss_record again = { 0 };
	struct peer_index_state p;

	if (ss_decode_peer_index(r, &p) != R_OK)
		return;
	must(ss_encode_peer_index(&p, &again) == R_OK);
	must(again.key == r->key);
	ss_record_clear(&again);
}

static enum result take(void *ctx, const struct ss_record *r)
{
	struct ss_lease lease;

	try_ike_sa(r);
	try_child_sa(r);
	try_counters(r);
	try_peer_index(r);
	if (ss_decode_lease(r, &lease) == R_OK)
		must(lease.spi_in == r->key);
	(void)!ss_store_apply(ctx, r);
	return R_OK;
}

static void fuzz_batch(struct bytes in)
{
	struct ss_store *st = ss_store_new(seed);
	uint8_t digest[32];

	must(st != NULL);
	(void)!ss_batch_unpack(in, take, st);
	ss_store_digest(st, digest);
	ss_store_free(st);
}

/* The corpus is sealed with this key: HELLO (salt included) and messages of slot 1, read by slot
 * 2. */
static void fuzz_sealed(struct bytes in)
{
	static const uint8_t key[32] = { 1 }, salt[32] = { 2 };
	struct secret failover_key = { 0 };
	struct ss_sealer *s;
	struct ss_opened o;

	must(secret_set(&failover_key, bytes(key, sizeof(key))) == R_OK);
	s = ss_sealer_new(&failover_key, 2, salt);
	must(s != NULL);
	if (ss_open(s, in, &o) == R_OK) {
		ss_sealer_take(s);
		must(ss_open(s, in, &(struct ss_opened){ 0 }) == R_STALE);
	}
	ss_buf_wipe(&o.plain);
	ss_sealer_free(s);
	secret_wipe(&failover_key);
}

static void fuzz_snapshot(struct bytes in)
{
	struct ss_snapshot_reader *r = ss_snapshot_reader_new(seed);
	struct ss_store *st;
	bool done;

	must(r != NULL);
	(void)!ss_snapshot_read(r, in, &done);
	st = ss_snapshot_take(r);
	must(done == (st != NULL));
	ss_store_free(st);
	ss_snapshot_reader_free(r);
}

static void fuzz_cluster_message(struct bytes in)
{
	ProtobufCMessage *m;
	struct buf packed = { 0 };

	if (ss_message_unpack(&holdfast__cluster_message__descriptor, in, &m) != R_OK)
		return;
	must(ss_message_pack(m, &packed) == R_OK);
	ss_message_free(m);
	ss_buf_wipe(&packed);
}

/* The higher owner has every other record of the part too, changed on its side. */
static struct ss_store *higher_store(struct bytes part)
{
	struct ss_store *st = ss_store_new(seed);
	ProtobufCMessage *base;

	must(st != NULL);
	if (ss_message_unpack(&holdfast__part_chunk__descriptor, part, &base) != R_OK)
		return st;
	const Holdfast__PartChunk *c = (const Holdfast__PartChunk *)base;
	ss_store_at(st, c->fork + 1);
	for (size_t i = 0; i < c->n_record; i += 2) {
		const Holdfast__PartRecord *p = c->record[i];
		struct ss_record r = { .kind = p->kind, .key = p->key };

		must(p->data.len == 0 || buf_set(&r.data, bytes(p->data.data, p->data.len)));
		(void)!ss_store_apply(st, &r);
		ss_record_clear(&r);
	}
	ss_message_free(base);
	return st;
}

static void fuzz_part(struct bytes in)
{
	struct ss_merge *m = ss_merge_new(seed);
	struct ss_store *st = higher_store(in);
	struct ss_merge_result plan = { 0 };
	bool done, again;

	must(m != NULL);
	(void)!ss_merge_read(m, in, &done);
	must(ss_merge_read(m, in, &again) != R_OK && again == done);
	if (ss_merge_plan(m, st, &plan) == R_OK) {
		must(done);
		/* What is appended has to be of use to whoever follows the log. */
		for (size_t i = 0; i < plan.n; i++)
			must(ss_store_apply(st, &plan.records[i]) == R_OK);
	}
	ss_merge_result_clear(&plan);
	ss_store_free(st);
	ss_merge_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const decoders[])(struct bytes in) = {
		fuzz_batch, fuzz_sealed, fuzz_snapshot, fuzz_cluster_message, fuzz_part,
	};

	if (size > 0)
		decoders[data[0] % 5](bytes(data + 1, size - 1));
	return 0;
}
