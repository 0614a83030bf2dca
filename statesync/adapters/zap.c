/* SPDX-License-Identifier: Apache-2.0 */
#include "statesync/adapters/zap.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define VERSION   "1.0"
#define FRAME_MAX 255u

/* The question's frames, in their order. */
enum { F_VERSION, F_REQUEST, F_DOMAIN, F_ADDRESS, F_IDENTITY, F_MECHANISM, F_KEY, F_COUNT };

struct frame {
	uint8_t data[FRAME_MAX + 1]; /* with a NUL behind it */
	size_t len;
};

/* All frames of one message; those behind F_COUNT are counted and dropped. 0 when there is none. */
static size_t receive(void *rep, struct frame frames[F_COUNT])
{
	struct frame spare;
	size_t n = 0;
	int more = 1;
	size_t more_len = sizeof(more);

	for (; more; n++) {
		struct frame *f = n < F_COUNT ? &frames[n] : &spare;
		int len = zmq_recv(rep, f->data, FRAME_MAX, ZMQ_DONTWAIT);
		if (len < 0)
			return 0;
		f->len = (size_t)len < FRAME_MAX ? (size_t)len : FRAME_MAX;
		f->data[f->len] = 0;
		if (zmq_getsockopt(rep, ZMQ_RCVMORE, &more, &more_len) != 0)
			more = 0;
	}
	return n;
}

static bool is(const struct frame *f, const char *text)
{
	return f->len == strlen(text) && memcmp(f->data, text, f->len) == 0;
}

static uint8_t owner_of(const struct ss_zmq_member *members, const struct frame *key)
{
	for (uint8_t slot = 1; key->len == SS_CURVE_KEY && slot < SS_SLOTS; slot++)
		if (members[slot].known && memcmp(members[slot].key, key->data, SS_CURVE_KEY) == 0)
			return slot;
	return 0;
}

static void reply(void *rep, const struct frame *request, uint8_t slot)
{
	char user[4];
	const char *status = slot ? "200" : "400";
	const char *text = slot ? "OK" : "not a member";

	snprintf(user, sizeof(user), "%u", slot);
	/* REP to an inproc peer that waits: nothing of this can fail but by its end. */
	(void)!zmq_send(rep, VERSION, strlen(VERSION), ZMQ_SNDMORE);
	(void)!zmq_send(rep, request->data, request->len, ZMQ_SNDMORE);
	(void)!zmq_send(rep, status, strlen(status), ZMQ_SNDMORE);
	(void)!zmq_send(rep, text, strlen(text), ZMQ_SNDMORE);
	(void)!zmq_send(rep, user, slot ? strlen(user) : 0, ZMQ_SNDMORE);
	(void)!zmq_send(rep, "", 0, 0);
}

bool zap_answer(void *rep, const struct ss_zmq_member *members, struct zap_answer *out)
{
	struct frame f[F_COUNT];

	memset(f, 0, sizeof(f));
	size_t n = receive(rep, f);
	*out = (struct zap_answer){ 0 };
	if (n == 0)
		return false;
	if (inet_parse((const char *)f[F_ADDRESS].data, &out->peer.addr) != R_OK)
		out->peer = (struct inet_endpoint){ 0 };
	if (n == F_COUNT && is(&f[F_VERSION], VERSION) && is(&f[F_DOMAIN], ZAP_DOMAIN) &&
	    is(&f[F_MECHANISM], "CURVE"))
		out->slot = owner_of(members, &f[F_KEY]);
	reply(rep, &f[F_REQUEST], out->slot);
	return true;
}
