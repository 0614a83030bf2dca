/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the record codecs share: framing of a record, and fields that need
 * more than an assignment.
 *
 * A codec lists its fields once and both directions come from the list, so
 * that neither can forget one. Decoding is sticky: take field after field,
 * look at the result once. It checks what the safety of a reader depends on
 * (ranges, lengths, that the key names the contents); whether keys fit their
 * algorithms is for ike/ and esp/ to judge when they take the state.
 */
#ifndef HF_STATESYNC_CODEC_H
#define HF_STATESYNC_CODEC_H

#include "statesync/message.h"
#include "statesync/records.pb-c.h"
#include "statesync/statesync.h"

/* What this build writes, and the newest that it reads. */
#define SS_RECORD_VERSION SS_VERSION_MAX

/* An SA with its cached messages fits; a batch of one still fits a CPG message of 1 MB. */
#define SS_RECORD_DATA_MAX (512u * 1024)

/* An IKE datagram, and other things that a UDP datagram bounds. */
#define SS_DATAGRAM_MAX 65535u

/* Record of (kind, key) with m as its data. R_NO_MEMORY, R_TOO_LONG. */
enum result ss_record_pack(enum ss_kind kind, uint64_t key, const ProtobufCMessage *m,
			   struct ss_record *out) WARN_UNUSED;
/* The message in a record of that kind; ss_message_free. R_VALUE, R_SHORT, R_NO_MEMORY. */
enum result ss_record_unpack(const struct ss_record *r, enum ss_kind kind,
			     const ProtobufCMessageDescriptor *type,
			     ProtobufCMessage **out) WARN_UNUSED;

/*
 * Behind what is in *out, a Counters record: the fields of a and b that this version does not know. What
 * both have is taken from a. R_SHORT, R_VALUE, R_NO_MEMORY, R_TOO_LONG; *out is untouched then.
 */
enum result ss_counters_keep_unknown(const struct ss_record *a, const struct ss_record *b,
				     struct ss_record *out) WARN_UNUSED;

/* ---- fields, encoding: views that borrow from the state ---- */

static inline ProtobufCBinaryData ss_put_bytes(struct bytes b)
{
	return (ProtobufCBinaryData){ .len = b.len, .data = (uint8_t *)b.p };
}
/* name: NUL-terminated within IKE_NAME_MAX. */
ProtobufCBinaryData ss_put_name(const char *name);
void ss_put_endpoint(const struct inet_endpoint *e, Holdfast__Endpoint *out);

struct ss_put_ts {
	Holdfast__TrafficSelector message[TS_MAX];
	Holdfast__TrafficSelector *list[TS_MAX];
};
void ss_put_ts(const struct ts_list *ts, struct ss_put_ts *out);

/* ---- fields, decoding: the first error stays ---- */

struct ss_taker {
	enum result res;
};

/* R_VALUE unless cond. */
void ss_take_check(struct ss_taker *t, bool cond);
/* R_VALUE for none, R_VERSION for one newer than ours. */
void ss_take_version(struct ss_taker *t, uint32_t version);
uint8_t ss_take_u8(struct ss_taker *t, uint32_t v, uint8_t min, uint8_t max);
uint16_t ss_take_u16(struct ss_taker *t, uint32_t v);
void ss_take_bytes(struct ss_taker *t, ProtobufCBinaryData in, size_t max, struct buf *out);
void ss_take_secret(struct ss_taker *t, ProtobufCBinaryData in, struct secret *out);
void ss_take_name(struct ss_taker *t, ProtobufCBinaryData in, char out[IKE_NAME_MAX]);
/* in may be NULL: no endpoint. */
void ss_take_endpoint(struct ss_taker *t, const Holdfast__Endpoint *in, struct inet_endpoint *out);
void ss_take_ts(struct ss_taker *t, size_t n, Holdfast__TrafficSelector *const *in,
		struct ts_list *out);

#endif
