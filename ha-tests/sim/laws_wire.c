/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Laws 1, 2, 3 and 6: over everything that is sealed and sent. ESP is seen
 * through a transform table that wraps the product's own (esp/transform.h),
 * SK{} through the engine's observer.
 */
#include <stdarg.h>

#include "base/iana.h"
#include "base/must.h"
#include "base/wire_reader.h"
#include "base/wire_writer.h"
#include "ha-tests/sim/sim.h"

void law_broken(struct sim *s, unsigned int law, const char *fmt, ...)
{
	va_list ap;

	const struct broken *b = s->opt.broken;

	if (s->laws.broken || (b && b->laws && !(b->laws & 1u << law)))
		return;
	s->laws.broken = law;
	va_start(ap, fmt);
	vsnprintf(s->laws.why, sizeof(s->laws.why), fmt, ap);
	va_end(ap);
	trace(s, "LAW %u: %s", law, s->laws.why);
}

static const char *name_of(const struct gateway *gw)
{
	return gw->member ? gw->member->name : gw->peer->name;
}

/* ---- ESP: the wrapping rows ---- */

/* Table rows get no context of ours; a process simulates one installation at a time. */
static struct sim *watching;
static const struct node *sealing;

void laws_enter(const struct node *nd)
{
	sealing = nd;
}

struct watched_key {
	void *inner;
	uint64_t id;
};

static void *watched_key_new(const struct esp_transform *row, struct esp_crypto *c,
			     const struct esp_key_params *p)
{
	struct watched_key *k = calloc(1, sizeof(*k));

	must(k);
	k->id = digest128(secret_bytes(&p->keys->encr)).a;
	k->inner = row->inner->key_new(row->inner, c, p);
	if (!k->inner) {
		free(k);
		return NULL;
	}
	return k;
}

static void watched_key_free(const struct esp_transform *row, void *key)
{
	struct watched_key *k = key;

	if (!k)
		return;
	row->inner->key_free(row->inner, k->inner);
	free(k);
}

static struct digest128 key_and(uint64_t key_id, struct bytes what)
{
	uint8_t text[8 + 32];
	struct wire_writer w = wire_writer(text, sizeof(text));

	wire_put_u64(&w, key_id);
	wire_put(&w, what);
	return digest128(bytes(text, w.len));
}

/*
 * R11: in a term that a node owns again behind a stale disk it begins with the same numbers. Each
 * IV of the first time may come once more, and not twice in the second.
 */
static bool is_of_stale_disk(const struct member *m, const struct owned_term *t,
			     struct digest128 name, struct digest128 packet)
{
	const struct digest128 in_term = digest128_more(name,
							bytes(&t->since_ns, sizeof(t->since_ns)));

	return seen_add(&m->s->laws.seals_again, in_term, packet) != SEEN_OTHER;
}

/* m: of the group that the key is of; NULL: it is of none, or a peer's. */
static void law1(struct sim *s, const struct member *m, uint64_t key_id, struct bytes iv,
		 struct bytes packet)
{
	const struct digest128 name = key_and(key_id, iv);
	const struct digest128 sealed = { .a = digest128(packet).a, .b = m ? m->term : 0 };
	const struct owned_term *again = m && laws_of(m)->unheard_ns ? laws_term_again(m) : NULL;
	const bool of_stale_disk = again && is_of_stale_disk(m, again, name, sealed);
	struct digest128 first = sealed;

	if (seen_add(&s->laws.seals, name, sealed) != SEEN_OTHER)
		return;
	(void)seen_find(&s->laws.seals, name, &first);
	if (first.a == sealed.a)
		return;
	if (of_stale_disk && first.b == sealed.b)
		s->stats.unheard_ivs++;
	else
		law_broken(s, 1, "a key seals two packets with one IV");
}

/*
 * Two owners that a cut made may use one number; one process may not, whenever. What a process used in
 * a cut and did not live to tell, the next one of that node cannot know.
 */
static void law2(struct sim *s, unsigned int group, uint64_t key_id, uint64_t number)
{
	const struct digest128 by = { .a = sealing ? sealing->index + 1 : 0,
				      .b = sealing ? sealing->pid : 0 };
	const enum seen_before before = seen_add(
		&s->laws.numbers, key_and(key_id, bytes(&number, sizeof(number))), by);

	if (before == SEEN_NEW)
		return;
	if (before == SEEN_OTHER && s->laws.group[group].split_quorum)
		s->stats.split_numbers++;
	else
		law_broken(s, 2, "a key seals ESP sequence number %llu again",
			   (unsigned long long)number);
}

/* Each has a table of its own. */
static unsigned int group_of(const struct esp_transform *row)
{
	return row < watching->laws.transforms[1] ? 0 : 1;
}

static void watch_op(const struct esp_transform *row, const struct esp_op *op, uint64_t key_id)
{
	struct wire_reader r = wire_reader(bytes(op->esp, 8));

	wire_u32(&r);
	uint64_t number = (uint64_t)op->seq_hi << 32 | wire_u32(&r);
	law1(watching, sealing ? &sealing->members[group_of(row)] : NULL, key_id,
	     bytes(op->esp + 8, row->iv), bytes(op->esp, 8u + row->iv + op->text_len));
	law2(watching, group_of(row), key_id, number);
}

static void inner_ops(const struct esp_op *ops, size_t n, struct esp_op *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct watched_key *k = ops[i].key;
		out[i] = ops[i];
		out[i].key = k->inner;
	}
}

static void watched_seal(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
			 size_t n)
{
	struct esp_op inner[ESP_BURST];

	must(n <= ESP_BURST);
	for (size_t i = 0; i < n; i++)
		watch_op(row, &ops[i], ((const struct watched_key *)ops[i].key)->id);
	inner_ops(ops, n, inner);
	row->inner->seal(row->inner, c, inner, n);
	for (size_t i = 0; i < n; i++)
		ops[i].ok = inner[i].ok;
}

static void watched_open(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
			 size_t n)
{
	struct esp_op inner[ESP_BURST];

	must(n <= ESP_BURST);
	inner_ops(ops, n, inner);
	row->inner->open(row->inner, c, inner, n);
	for (size_t i = 0; i < n; i++)
		ops[i].ok = inner[i].ok;
}

const struct esp_transform *laws_transforms(struct sim *s, unsigned int group)
{
	size_t n = 0;

	watching = s;
	for (const struct esp_transform *row = esp_transforms(); row->encr; row++) {
		must(n + 1 < LAWS_TRANSFORMS);
		struct esp_transform *t = &s->laws.transforms[group][n++];
		*t = *row;
		t->inner = row;
		t->key_new = watched_key_new;
		t->key_free = watched_key_free;
		t->seal = watched_seal;
		t->open = watched_open;
	}
	return s->laws.transforms[group];
}

void laws_ike_seal(void *ctx, uint64_t key_id, struct bytes iv, struct bytes message)
{
	struct gateway *gw = ctx;

	law1(gw->s, gw->member, key_id, iv, message);
	laws_sync_sealed(gw, message);
}

void laws_cluster_seal(void *ctx, uint64_t key_id, struct bytes nonce, struct bytes message)
{
	const struct node *nd = ctx;

	law1(nd->s, NULL, key_id, nonce, message);
}

/* ---- who may speak ---- */

static void law6(struct gateway *gw, const char *what)
{
	const struct member *m = gw->member;

	if (!m)
		return;
	if (m->role != CL_ROLE_ACTIVE && m->role != CL_ROLE_RELEASING)
		law_broken(gw->s, 6, "%s sends %s as %s", m->name, what, cl_role_name(m->role));
	/* Two members of one view that both send, long after they have met. */
	const struct member *owner = member_owner(gw->s, m->group, m);
	if (owner && owner->term > m->term && !laws_apart(gw->s))
		law_broken(gw->s, 6, "%s sends %s in term %llu, %s owns term %llu", m->name, what,
			   (unsigned long long)m->term, owner->name,
			   (unsigned long long)owner->term);
}

void laws_esp_sent(struct gateway *gw, struct bytes packet)
{
	gw->s->stats.esp_sent++;
	law6(gw, "ESP");
	if (gw->member)
		laws_commit_esp(gw->member, packet);
}

/* ---- message ids ---- */

/* RFC 7296 3.1 */
#define FLAG_INITIATOR 0x08u
#define FLAG_RESPONSE  0x20u

struct message_name {
	uint64_t spi_i, spi_r;
	uint32_t id;
	uint8_t exchange, direction; /* response and initiator flags */
};

static bool message_name(struct bytes datagram, struct message_name *m)
{
	struct wire_reader r = wire_reader(datagram);

	m->spi_i = wire_u64(&r);
	m->spi_r = wire_u64(&r);
	wire_u16(&r);
	m->exchange = wire_u8(&r);
	m->direction = wire_u8(&r) & (FLAG_INITIATOR | FLAG_RESPONSE);
	m->id = wire_u32(&r);
	return wire_left(&r) >= 4;
}

static struct digest128 message_digest(const struct message_name *m, uint32_t id)
{
	uint8_t text[32];
	struct wire_writer w = wire_writer(text, sizeof(text));

	wire_put_u64(&w, m->spi_i);
	wire_put_u64(&w, m->spi_r);
	wire_put_u8(&w, m->direction);
	wire_put_u32(&w, id);
	return digest128(bytes(text, w.len));
}

struct digest128 laws_request_name(uint64_t spi_i, uint64_t spi_r, bool by_initiator, uint32_t id)
{
	const struct message_name m = { .spi_i = spi_i,
					.spi_r = spi_r,
					.direction = by_initiator ? FLAG_INITIATOR : 0 };

	return message_digest(&m, id);
}

static struct digest128 sa_digest(uint64_t spi)
{
	return digest128(bytes(&spi, sizeof(spi)));
}

/* IKE SAs that two owners may have had at once are R23's: not judged. */
bool laws_judged(struct sim *s, uint64_t spi_i)
{
	struct digest128 initiator = sa_digest(spi_i);

	if (laws_apart(s))
		(void)seen_add(&s->laws.touched, initiator, (struct digest128){ 0 });
	return !seen_has(&s->laws.touched, initiator);
}

/* Every id below this one is of the past now. */
static void ids_are_past(struct sim *s, const struct message_name *m)
{
	for (uint32_t id = m->id; id-- > 0;)
		if (seen_add(&s->laws.past_ids, message_digest(m, id), (struct digest128){ 0 }) !=
		    SEEN_NEW)
			break;
}

static void law3(struct gateway *gw, const struct inet_addr *remote, const struct message_name *m,
		 struct bytes datagram)
{
	struct sim *s = gw->s;
	struct digest128 name = message_digest(m, m->id);
	enum seen_before before = seen_add(&s->laws.messages, name, digest128(datagram));
	bool response = m->direction & FLAG_RESPONSE, is_judged = laws_judged(s, m->spi_i);

	if (before == SEEN_OTHER && is_judged)
		law_broken(s, 3, "%s sends another %s %s with message id %u of %016llx",
			   name_of(gw), iana_exchange_name(m->exchange),
			   response ? "response" : "request", m->id, (unsigned long long)m->spi_i);
	if (before != SEEN_NEW)
		return;
	s->stats.exchanges += response;
	trace(s, "%s %s %s %u of %016llx", name_of(gw), iana_exchange_name(m->exchange),
	      response ? "response" : "request", m->id, (unsigned long long)m->spi_i);
	if (seen_has(&s->laws.past_ids, name) && is_judged)
		law_broken(s, 3, "%s goes back to message id %u", name_of(gw), m->id);
	ids_are_past(s, m);
	if (m->exchange == IKE_AUTH && !response)
		laws_auth(gw, remote, m->spi_i);
}

void laws_ike_sent(struct gateway *gw, const struct inet_addr *remote, struct bytes datagram)
{
	struct sim *s = gw->s;
	struct message_name m;

	if (!message_name(datagram, &m))
		return; /* a NAT keepalive */
	s->stats.ike_sent++;
	law6(gw, "IKE");
	if (gw->member && !gw->member->is_protected)
		laws_of(gw->member)->unprotected = true;
	if (laws_sync_sent(s, datagram))
		return;
	if (gw->member && m.exchange != IKE_SA_INIT) {
		const struct sent_message sent = {
			.own_spi = m.direction & FLAG_INITIATOR ? m.spi_i : m.spi_r,
			.id = m.id,
			.response = m.direction & FLAG_RESPONSE,
		};
		laws_commit_ike(gw->member, &sent);
	}
	if (m.exchange != IKE_SA_INIT) /* COOKIE and INVALID_KE_PAYLOAD repeat its id */
		law3(gw, remote, &m, datagram);
}
