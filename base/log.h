/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log catalogue. Code names an event from log_ids.def and gives its
 * fields; severity, number, ASA id, text and remedy come from the catalogue.
 * The sink is installed by node/ (libqb); the sans-I/O folders hand events
 * out as effects holding a struct log_event. Bytes that came from a peer are
 * escaped when a field is set. Keys are never a field.
 */
#ifndef HF_BASE_LOG_H
#define HF_BASE_LOG_H

#include <stdarg.h>

#include "base/inet.h"

enum log_id {
#define LOG_ID(name, number, severity, asa, text, remedy) LOG_##name,
#include "base/log_ids.def"
#undef LOG_ID
	LOG_ID_COUNT_
};

struct log_info {
	const char *name;    /* "IKE_NO_PROPOSAL" */
	unsigned int number; /* never reused */
	int severity;        /* LOG_EMERG .. LOG_DEBUG of <syslog.h>, as a number 0..7 */
	const char *asa;     /* "750003" or NULL */
	const char *text;
	const char *remedy; /* what an operator can do; NULL when nothing */
};

const struct log_info *log_info(enum log_id id);

#define LOG_DETAIL_MAX 512

/* One event, self-contained: may be copied and outlive what it speaks of. */
struct log_event {
	enum log_id id;
	struct inet_endpoint local; /* INET_NONE when not about a peer */
	struct inet_endpoint remote;
	char group[64];              /* tunnel-group, "" when unknown */
	char detail[LOG_DETAIL_MAX]; /* formatted and escaped */
};

/* Build an event. detail is printf-like and may be NULL; local, remote, group may be NULL. */
void log_event_make(struct log_event *ev, enum log_id id, const struct inet_endpoint *local,
		    const struct inet_endpoint *remote, const char *group, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* Escape bytes of a peer for a detail field: printable ASCII stays, the rest becomes
 * \xHH. Returns out. */
const char *log_escape(struct bytes in, char *out, size_t cap);

typedef void (*log_sink_fn)(void *ctx, const struct log_event *ev);
/* Process-wide sink; NULL discards. Rate limiting (per id and peer) is the sink's work. */
void log_set_sink(log_sink_fn fn, void *ctx);
void log_emit(const struct log_event *ev);

/*
 * One line for ev, without a newline: "750006: Local:192.0.2.1:500 Remote:... Username:Unknown
 * IKEv2 SA UP. ..." asa_style puts "%ASA-5-750006: " in front, native style "HF-4021 NOTICE ".
 * Returns the length that the whole line has, as snprintf.
 */
int log_format(const struct log_event *ev, bool asa_style, char *out, size_t cap);

/* Token bucket per (id, remote address): true when the event may be written. now_ms is any
 * monotonic clock. */
struct log_limiter;
struct log_limiter *log_limiter_new(unsigned int burst, unsigned int per_second);
void log_limiter_free(struct log_limiter *l);
bool log_limiter_allow(struct log_limiter *l, const struct log_event *ev, uint64_t now_ms);

#endif
