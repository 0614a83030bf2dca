/* SPDX-License-Identifier: Apache-2.0 */
/* The log catalogue, the building of events and the one line that an event makes. */
#include "base/log.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"

static const struct log_info catalogue[LOG_ID_COUNT_] = {
#define LOG_ID(name, number, severity, asa, text, remedy) \
	[LOG_##name] = { #name, number, severity, asa, text, remedy },
#include "base/log_ids.def"
#undef LOG_ID
};

/* What stands between text and detail where the ASA does not write ": ". */
static const struct {
	enum log_id id;
	const char *joint;
} joints[] = {
	{ LOG_IKE_REQUEST_TUNNEL, "; " },
	{ LOG_IKE_REKEY_COLLISION, ". " },
	{ LOG_IKE_SA_DOWN, ". Reason: " },
	{ LOG_IKE_NO_TUNNEL_GROUP, " " },
	{ LOG_IKE_TS_UNACCEPTABLE, " " },
	{ LOG_IKE_INITIAL_CONTACT, " " },
	{ LOG_IKE_LIMIT, ": Rejection reason: " },
	{ LOG_TUNNEL_REMOVED, " " },
	{ LOG_TUNNEL_ACQUIRE_V2, " " },
	{ LOG_TUNNEL_ACQUIRE_FAILED, " " },
	{ LOG_TUNNEL_DUPLICATE, " " },
	{ LOG_TUNNEL_FAILED_V2, " " },
	{ LOG_TUNNEL_FAILED_V1, " " },
	{ LOG_TUNNEL_AGAIN_V1, " " },
	{ LOG_TUNNEL_FAILED, " " },
	{ LOG_TUNNEL_UP_V2, " " },
	{ LOG_TUNNEL_UP_V1, " " },
	{ LOG_TUNNEL_PEER_INDEX, " " },
	{ LOG_CLUSTER_ACTIVE, " - " },
	{ LOG_CLUSTER_STANDBY, " - " },
};

static const char *const severities[8] = { "EMERG",   "ALERT",  "CRIT", "ERROR",
					   "WARNING", "NOTICE", "INFO", "DEBUG" };

static struct {
	log_sink_fn fn;
	void *ctx;
} sink;

const struct log_info *log_info(enum log_id id)
{
	must((unsigned int)id < LOG_ID_COUNT_);
	return &catalogue[id];
}

const char *log_escape(struct bytes in, char *out, size_t cap)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	must(cap > 0);
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.p[i];
		bool plain = c >= 0x20 && c < 0x7f;

		if (cap - n <= (plain ? 1u : 4u)) /* an escape is never cut in two */
			break;
		if (plain) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 0xf];
	}
	out[n] = '\0';
	return out;
}

void log_event_make(struct log_event *ev, enum log_id id, const struct inet_endpoint *local,
		    const struct inet_endpoint *remote, const char *group, const char *fmt, ...)
{
	char raw[LOG_DETAIL_MAX];
	va_list args;

	*ev = (struct log_event){ .id = id };
	if (local != NULL)
		ev->local = *local;
	if (remote != NULL)
		ev->remote = *remote;
	if (group != NULL)
		log_escape(bytes(group, strlen(group)), ev->group, sizeof(ev->group));
	if (fmt == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	/* Again, for what a caller forgot: nothing unprintable reaches a terminal or a
	 * collector. */
	log_escape(bytes(raw, strlen(raw)), ev->detail, sizeof(ev->detail));
}

void log_set_sink(log_sink_fn fn, void *ctx)
{
	sink.fn = fn;
	sink.ctx = ctx;
}

void log_emit(const struct log_event *ev)
{
	if (sink.fn != NULL)
		sink.fn(sink.ctx, ev);
}

static const char *joint(enum log_id id)
{
	for (size_t i = 0; i < sizeof(joints) / sizeof(joints[0]); i++)
		if (joints[i].id == id)
			return joints[i].joint;
	return ": ";
}

/* "%ASA-5-750006: ", or "%HF-5-4008: " for what an ASA has no number for; natively
 * "HF-4008 NOTICE ". */
static void id_text(const struct log_info *info, bool asa_style, char *out, size_t cap)
{
	if (!asa_style)
		snprintf(out, cap, "HF-%u %s ", info->number, severities[info->severity]);
	else if (info->asa != NULL)
		snprintf(out, cap, "%%ASA-%d-%s: ", info->severity, info->asa);
	else
		snprintf(out, cap, "%%HF-%d-%u: ", info->severity, info->number);
}

/* The ASA's words in front of every IKEv2 event about a peer; others name the peer alone. */
static void peer_text(const struct log_event *ev, const struct log_info *info, char *out,
		      size_t cap)
{
	char local[INET_TEXT_MAX], remote[INET_TEXT_MAX];

	out[0] = '\0';
	if (ev->remote.addr.family == INET_NONE)
		return;
	inet_endpoint_text(&ev->remote, remote);
	if (info->number / 1000 == 4)
		snprintf(out, cap, "Local:%s Remote:%s Username:%s IKEv2 ",
			 inet_endpoint_text(&ev->local, local), remote,
			 ev->group[0] != '\0' ? ev->group : "Unknown");
	else
		snprintf(out, cap, "Remote:%s ", remote);
}

int log_format(const struct log_event *ev, bool asa_style, char *out, size_t cap)
{
	const struct log_info *info = log_info(ev->id);
	char id[32], peer[2 * INET_TEXT_MAX + sizeof(ev->group) + 40];

	id_text(info, asa_style, id, sizeof(id));
	peer_text(ev, info, peer, sizeof(peer));
	return snprintf(out, cap, "%s%s%s%s%s", id, peer, info->text,
			ev->detail[0] != '\0' ? joint(ev->id) : "", ev->detail);
}
