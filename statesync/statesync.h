/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records, the store, sealing, the log with its output commit, the snapshot.
 * Pure: no sockets, no clock. The rules R1..R8, R16..R18, R22 of
 * replication.md; who may append to a log is cluster/'s business.
 *
 *	state struct --ss_encode_*--> record --log batch--> CPG --> store = fold(log)
 */
#ifndef HF_STATESYNC_STATESYNC_H
#define HF_STATESYNC_STATESYNC_H

#include "base/result.h"
#include "ike/ike_state.h"

/* ---- records (R1): absolute and idempotent; (kind, key) names one ---- */

/* Of records and messages that this release reads (Hello.version_*); it writes the highest. */
#define SS_VERSION_MIN 1u
#define SS_VERSION_MAX 1u

/* The numbers are on the wire (records.proto): never reused. */
enum ss_kind {
	SS_IKE_SA = 1,   /* key: our IKE SPI */
	SS_CHILD_SA = 2, /* key: spi_in */
	SS_LEASE = 3,    /* key: spi_in */
	SS_COUNTERS = 4, /* key: spi_in; inbound checkpoint (R18) or exact handover values (R19) */
	SS_PEER_INDEX = 5, /* key: hash of crypto map name and sequence */
};

struct ss_record {
	uint32_t kind; /* enum ss_kind, or one of a newer version: kept and passed on */
	uint64_t key;
	bool erase;      /* the record is gone */
	struct buf data; /* packed protobuf message of the kind; wiped by ss_record_clear */
};

void ss_record_clear(struct ss_record *r);
enum result ss_record_copy(struct ss_record *dst, const struct ss_record *src) WARN_UNUSED;

struct ss_lease {
	uint32_t spi_in;
	uint64_t lease_end;
	bool self_granted; /* R17: granted while unprotected */
	uint64_t rate_pps; /* last rate, for R10 */
	uint64_t term;     /* R10: who granted it; 0: not known */
};

struct ss_counters {
	uint32_t spi_in;
	uint64_t seq_next; /* exact only in a handover */
	uint64_t in_right_edge;
	bool exact; /* R19: taken with the datapath stopped; bitmap is valid */
	/* 64-bit words, big endian; bit k from word 0 on: in_right_edge - k was seen */
	struct buf in_bitmap;
	uint64_t at_ms;    /* cluster time */
	uint64_t rate_pps; /* inbound rate, for the exposure bound (R18) */
	uint64_t in_packets, in_bytes, out_packets, out_bytes;
	bool used_apart; /* R23: sealed or opened by an owner that nobody else was protected with */
	bool rekey;      /* whoever takes it over rekeys it */
};

/* State struct -> record. R_NO_MEMORY. */
enum result ss_encode_ike_sa(const struct ike_sa_state *s, struct ss_record *out) WARN_UNUSED;
enum result ss_encode_child_sa(const struct child_sa_state *s, struct ss_record *out) WARN_UNUSED;
enum result ss_encode_lease(const struct ss_lease *l, struct ss_record *out) WARN_UNUSED;
enum result ss_encode_counters(const struct ss_counters *c, struct ss_record *out) WARN_UNUSED;
enum result ss_encode_peer_index(const struct peer_index_state *p,
				 struct ss_record *out) WARN_UNUSED;
/* A record that says that (kind, key) is gone. */
void ss_encode_erase(enum ss_kind kind, uint64_t key, struct ss_record *out);
/* Record -> state struct; every field is checked. R_VALUE, R_SHORT, R_VERSION; *out is empty
 * then. */
enum result ss_decode_ike_sa(const struct ss_record *r, struct ike_sa_state *out) WARN_UNUSED;
enum result ss_decode_child_sa(const struct ss_record *r, struct child_sa_state *out) WARN_UNUSED;
enum result ss_decode_lease(const struct ss_record *r, struct ss_lease *out) WARN_UNUSED;
enum result ss_decode_counters(const struct ss_record *r, struct ss_counters *out) WARN_UNUSED;
enum result ss_decode_peer_index(const struct ss_record *r,
				 struct peer_index_state *out) WARN_UNUSED;

/* ---- store = fold(log) ---- */

struct ss_store;
struct ss_store *ss_store_new(const uint8_t hash_seed[16]);
void ss_store_free(struct ss_store *st);
/* Last writer wins. An unknown kind is kept. Erasing a CHILD_SA also drops its LEASE and COUNTERS.
 * A lease never goes down. R_NO_MEMORY; R_VALUE, R_SHORT: a lease that cannot be read. */
enum result ss_store_apply(struct ss_store *st, const struct ss_record *r) WARN_UNUSED;
/* With the log positions of its records. NULL: out of memory. */
struct ss_store *ss_store_copy(const struct ss_store *st, const uint8_t hash_seed[16]);
/* What is applied from here on is of this log position. */
void ss_store_at(struct ss_store *st, uint64_t position);
/* The record is here and was written behind position since; *created: it is not older. */
bool ss_store_changed(const struct ss_store *st, uint32_t kind, uint64_t key, uint64_t since,
		      bool *created);
const struct ss_record *ss_store_get(const struct ss_store *st, enum ss_kind kind, uint64_t key);
size_t ss_store_count(const struct ss_store *st, enum ss_kind kind); /* 0: of all kinds */
/* In order of first insertion; IKE SAs before CHILD SAs before the rest. */
void ss_store_each(const struct ss_store *st, void (*fn)(void *ctx, const struct ss_record *r),
		   void *ctx);
/*
 * The same as a list of the records as they are now, whatever becomes of them in the store; no
 * record is copied, for copies of many thousand would stop an owner. NULL: out of memory.
 */
const struct ss_record **ss_store_hold(const struct ss_store *st, size_t *n);
/* Records of such a list; the list itself is the caller's to free. */
void ss_store_release(const struct ss_record *const *held, size_t n);
void ss_store_clear(struct ss_store *st);
/* The sum of all records' SHA-256: equal stores have equal digests (law 8). Costs nothing. */
void ss_store_digest(const struct ss_store *st, uint8_t out[32]);

/* ---- batches: one log position = one batch of records, packed for one message ---- */

/* Packs n records; *out is owned by the caller and holds keys: wipe it. R_NO_MEMORY. */
enum result ss_batch_pack(const struct ss_record *records, size_t n, struct buf *out) WARN_UNUSED;
/* Calls fn for each record, in order, only after the whole batch has been checked.
 * R_SHORT, R_VALUE. */
enum result ss_batch_unpack(struct bytes in,
			    enum result (*fn)(void *ctx, const struct ss_record *r),
			    void *ctx) WARN_UNUSED;
void ss_buf_wipe(struct buf *b); /* wipe and free */

/* ---- output commit (R4): who holds our output, and what is held ---- */

#define SS_SLOTS 16

struct ss_commit {
	uint16_t protected_set;   /* bit per slot: standbys whose acknowledgement we wait for */
	uint64_t acked[SS_SLOTS]; /* cumulative, by slot */
	uint64_t appended;        /* last log position that we sent */
	uint64_t committed;       /* every protected standby has it */
};

/* A new term begins behind position applied, nobody protected. */
void ss_commit_init(struct ss_commit *c, uint64_t applied);
/* Next position, for a batch about to be sent. */
uint64_t ss_commit_append(struct ss_commit *c);
/* Acknowledgement from slot; stale or future ones (beyond appended: false) are refused. True when
 * committed moved. */
bool ss_commit_ack(struct ss_commit *c, uint8_t slot, uint64_t position);
/* The set changed; true when committed moved. With an empty set everything appended is
 * committed. */
bool ss_commit_protect(struct ss_commit *c, uint16_t set);

/* Queue of effects held until their position is committed; items are released in order. */
struct ss_hold;
struct ss_hold *ss_hold_new(size_t item_size);
void ss_hold_free(struct ss_hold *h, void (*drop)(void *ctx, void *item), void *ctx);
enum result ss_hold_push(struct ss_hold *h, uint64_t position, const void *item) WARN_UNUSED;
/* Copies out the first item whose position is <= committed; false when none. */
bool ss_hold_pop(struct ss_hold *h, uint64_t committed, void *item);
size_t ss_hold_count(const struct ss_hold *h);
/* Forget everything (ownership ended): drop is called for each item. */
void ss_hold_drop_all(struct ss_hold *h, void (*drop)(void *ctx, void *item), void *ctx);

/* ---- sealing (R3): every message to the cluster, whole ---- */

/*
 * Envelope: version 1 | kind 1 | origin slot 1 | reserved 1 | group 4 | term 8 | sequence 8 | [salt
 * 32, HELLO only] | AES-256-GCM ciphertext | tag 16; all before the ciphertext is associated data.
 * key = HKDF-SHA256(failover key, salt of the origin's process start, "holdfast cluster" | slot);
 * nonce = sequence.
 */
enum ss_envelope_kind {
	SS_ENV_HELLO = 1,
	SS_ENV_MESSAGE = 2,
	SS_ENV_SNAPSHOT = 3,
	SS_ENV_ACK = 4, /* the copy of an acknowledgement that does not wait for the token */
};

struct ss_sealer;
/* failover_key: 32 bytes or more. salt: 32 random bytes of this process start. NULL: short key, bad
 * slot, no memory. */
struct ss_sealer *ss_sealer_new(const struct secret *failover_key, uint8_t slot,
				const uint8_t salt[32]);
void ss_sealer_free(struct ss_sealer *s);
/* *out becomes the envelope. R_TOO_LONG, R_NO_MEMORY, R_CRYPTO. */
enum result ss_seal(struct ss_sealer *s, enum ss_envelope_kind kind, uint32_t group, uint64_t term,
		    struct bytes plain, struct buf *out) WARN_UNUSED;

/* Of the last message that was sealed. */
uint64_t ss_sealer_sequence(const struct ss_sealer *s);

/* Called with every message that is sealed: a digest of the key, the nonce, the envelope. For laws
 * over all seals. */
typedef void (*ss_seal_fn)(void *ctx, uint64_t key_id, struct bytes nonce, struct bytes message);
void ss_sealer_watch(struct ss_sealer *s, ss_seal_fn on_seal, void *ctx);

struct ss_opened {
	enum ss_envelope_kind kind;
	uint8_t slot;
	uint32_t group;
	uint64_t term;
	uint64_t sequence;
	struct buf plain; /* wipe with ss_buf_wipe */
};

/*
 * Opens a message of any member, also our own. A HELLO with another salt than the last one of its
 * slot changes nothing by itself: ss_sealer_take. Other kinds need a HELLO that was taken
 * (R_NOT_FOUND). R_INTEGRITY, R_STALE (sequence not above the last of that salt, counted apart for
 * SNAPSHOT, which has its own channel), R_EXISTS (HELLO of another process in our slot: out
 * has what it says), R_SHORT, R_VERSION. out->plain is the caller's to wipe.
 */
enum result ss_open(struct ss_sealer *s, struct bytes in, struct ss_opened *out) WARN_UNUSED;
/*
 * The HELLO that was opened last was said now and is no repetition (it names the present ring):
 * what its slot says is opened with its salt from now on. Nothing when it is so already.
 */
void ss_sealer_take(struct ss_sealer *s);
/* The clear part of an envelope, not yet authenticated; plain stays empty. R_SHORT, R_VERSION,
 * R_VALUE, R_TOO_LONG. */
enum result ss_envelope_peek(struct bytes in, struct ss_opened *out) WARN_UNUSED;
/* "failover key WORD": scrypt (N 2^15, r 8, p 1) with a fixed application salt to 32
 * bytes; R_CRYPTO. */
enum result ss_key_from_passphrase(struct bytes passphrase, struct secret *out) WARN_UNUSED;
/* A key for another purpose (relay, ...): HKDF over the failover key with a label. */
enum result ss_key_derive(const struct secret *failover_key, const char *label,
			  struct secret *out) WARN_UNUSED;

/* ---- snapshot (R22): cut from the store at a position, in chunks; resumable ---- */

struct ss_snapshot_writer;
/* Copies the store's records; position is that of the joiner's marker. */
struct ss_snapshot_writer *ss_snapshot_cut(const struct ss_store *st, uint64_t position);
void ss_snapshot_writer_free(struct ss_snapshot_writer *w);
/* Next chunk of at most max bytes of records (at least one record); false when all is
 * sent. Wipe the chunk. */
bool ss_snapshot_next(struct ss_snapshot_writer *w, size_t max, struct buf *chunk);
/*
 * A reader says that it has all records before number first: they are not kept for it any longer.
 * To let go of all of them at the end would stop the owner of many SAs.
 */
void ss_snapshot_arrived(struct ss_snapshot_writer *w, uint64_t first);
/*
 * Go on at record number first (what a reader says that it has); beyond the end: at the end, before
 * what has arrived: behind that.
 */
void ss_snapshot_seek(struct ss_snapshot_writer *w, uint64_t first);
/* Number of the record with which the next chunk begins. */
uint64_t ss_snapshot_tell(const struct ss_snapshot_writer *w);

struct ss_snapshot_reader;
/* Collects chunks into a fresh store. */
struct ss_snapshot_reader *ss_snapshot_reader_new(const uint8_t hash_seed[16]);
void ss_snapshot_reader_free(struct ss_snapshot_reader *r);
/*
 * R_OK: taken, more to come; R_EXISTS: seen before; R_AGAIN: one before it is missing, ask from
 * ss_snapshot_received on; anything else: the join restarts. *done with the last one.
 */
enum result ss_snapshot_read(struct ss_snapshot_reader *r, struct bytes chunk,
			     bool *done) WARN_UNUSED;
uint64_t ss_snapshot_position(const struct ss_snapshot_reader *r);
/* Records taken so far: where a broken transfer resumes. */
uint64_t ss_snapshot_received(const struct ss_snapshot_reader *r);
/* Hands over the finished store, NULL before *done; the reader keeps nothing. */
struct ss_store *ss_snapshot_take(struct ss_snapshot_reader *r);

/* ---- two owners (R23): what the lower one held, for the higher one to merge ---- */

/* The lower one's side: its last store. */
struct ss_part;
struct ss_part *ss_part_new(struct ss_store *adopt);
void ss_part_free(struct ss_part *p);
/*
 * Records from number first on, of at most max bytes (at least one); false: there are no more.
 * fork: the position up to which both had one log; what has not changed behind it goes by its
 * name only. Wipe the chunk.
 */
bool ss_part_chunk(const struct ss_part *p, uint64_t fork, uint64_t first, size_t max,
		   struct buf *chunk);

#define SS_MERGE_BYTES_MAX (64u << 20)

/* The higher one's side. */
struct ss_merge;
struct ss_merge *ss_merge_new(const uint8_t hash_seed[16]);
void ss_merge_free(struct ss_merge *m);
/* As ss_snapshot_read. R_TOO_LONG: more than SS_MERGE_BYTES_MAX. */
enum result ss_merge_read(struct ss_merge *m, struct bytes chunk, bool *done) WARN_UNUSED;
uint64_t ss_merge_received(const struct ss_merge *m);
uint64_t ss_merge_fork(const struct ss_merge *m);

struct ss_merge_result {
	struct ss_record *records; /* to be appended to the log of the higher one, in this order */
	size_t n, cap;
	uint64_t taken;   /* IKE SAs that changed on the lower one's side only */
	uint64_t anew;    /* IKE SAs that changed on both */
	uint64_t rekeyed; /* CHILD SAs that both have sealed or opened with */
};
/* What of the lower one's state goes into st, the store of the higher one. R_STATE: not all has
 * come. */
enum result ss_merge_plan(const struct ss_merge *m, const struct ss_store *st,
			  struct ss_merge_result *out) WARN_UNUSED;
void ss_merge_result_clear(struct ss_merge_result *r);

#endif
