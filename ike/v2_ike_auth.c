/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_AUTH with pre-shared keys (RFC 7296 1.2, 2.15, 2.4), both sides, and
 * the first CHILD SA. A CHILD SA that cannot be leaves the IKE SA up
 * (2.21.2). An unknown identity and a wrong key get the same answer, after
 * the same work.
 */
#include "ike/ts_narrow.h"
#include "ike/v2.h"

/* An identity of type 0 in the configuration stands for the address. */
static void id_of(const struct ike_id *configured, const struct inet_addr *address,
		  struct ike_id *out)
{
	if (configured->type != 0) {
		out->type = configured->type;
		must(buf_set(&out->data, buf_bytes(&configured->data)));
		return;
	}
	out->type = address->family == INET_V4 ? ID_IPV4_ADDR : ID_IPV6_ADDR;
	must(buf_set(&out->data, bytes(address->a, inet_len(address))));
}

/*
 * The peer's address as configured: behind a NAT it may
 * call itself otherwise, and then needs peer-id or a name.
 */
static bool is_peer(const struct ike_connection *conn, const struct inet_addr *remote,
		    const struct id_payload *id)
{
	struct ike_id wanted = { 0 };

	if (conn->peer_id_any)
		return true;
	id_of(&conn->remote_id, remote, &wanted);

	bool same = id_equal(&wanted, id->type, id->data);

	buf_free(&wanted.data);
	return same;
}

static bool is_us(const struct ike_connection *conn, const struct ike_sa *sa,
		  const struct id_payload *id)
{
	struct ike_id ours = { 0 };

	id_of(&conn->local_id, &sa->s.local.addr, &ours);

	bool same = id_equal(&ours, id->type, id->data);

	buf_free(&ours.data);
	return same;
}

/* By address and IDi; among several the one that IDr asks for. */
static const struct ike_connection *find_connection(const struct v2_context *c)
{
	const struct ike_config *cfg = c->e->cfg;
	const struct ike_connection *found = NULL;

	for (size_t i = ike_connection_first(c->e, &c->in->remote.addr); i < cfg->n_connections;
	     i++) {
		const struct ike_connection *conn = &cfg->connections[i];

		if (!ike_connection_has_peer(conn, &c->in->local.addr, &c->in->remote.addr) ||
		    ike_connection_answers(c->e, conn) != R_OK ||
		    !is_peer(conn, &c->in->remote.addr, &c->m->idi))
			continue;
		if (!(c->m->present & IKE_P(IDR)) || is_us(conn, c->sa, &c->m->idr))
			return conn;
		if (found == NULL)
			found = conn;
	}
	return found;
}

static void set_id(struct ike_id *id, const struct id_payload *from)
{
	id->type = from->type;
	must(buf_set(&id->data, from->data));
}

/* What either side signs: its own first message, the other's nonce, its identity (2.15). */
static struct auth_octets octets(const struct ike_sa *sa, bool initiators, struct bytes id)
{
	return (struct auth_octets){
		.message = buf_bytes(initiators ? &sa->s.init_request : &sa->s.init_response),
		.nonce = buf_bytes(initiators ? &sa->s.nonce_r : &sa->s.nonce_i),
		.id = id,
		.sk_p = initiators ? &sa->s.sk_pi : &sa->s.sk_pr,
	};
}

static enum result put_own_auth(struct ike_sa *sa, struct ike_builder *b)
{
	uint8_t body[IKE_ID_MAX + 4];
	size_t len = id_body(&sa->s.local_id, body);
	struct auth_octets in = octets(sa, sa->s.initiator, bytes(body, len));
	struct auth_value value;
	enum result res = len == 0 ? R_CONFIG
				   : auth_psk(sa->e->crypto, sa->s.transforms.prf,
					      &sa->conn->psk_local, &in, &value);

	if (res == R_OK)
		auth_put(b, AUTH_METHOD_PSK, bytes(value.data, value.len));
	wipe(&value, sizeof(value));
	return res;
}

static enum result verify_peer(const struct v2_context *c, const struct secret *psk)
{
	const struct ike_sa *sa = c->sa;
	struct auth_octets in = octets(sa, !sa->s.initiator,
				       sa->s.initiator ? c->m->idr.body : c->m->idi.body);

	return auth_psk_verify(c->e->crypto, sa->s.transforms.prf, psk, &in, &c->m->auth);
}

/* ---- INITIAL_CONTACT (2.4) ---- */

static bool same_pair(const struct ike_sa *a, const struct ike_sa *b)
{
	return a != b && strcmp(a->s.connection, b->s.connection) == 0 &&
	       id_equal(&a->s.local_id, b->s.local_id.type, buf_bytes(&b->s.local_id.data)) &&
	       id_equal(&a->s.remote_id, b->s.remote_id.type, buf_bytes(&b->s.remote_id.data));
}

/*
 * A half-open counts too, though anybody can make one with the peer's address: it may be the
 * peer's own set-up, which a peer that ends whatever it has would end for our INITIAL_CONTACT.
 * What an attacker wins is that the peer keeps an old SA until its liveness check.
 */
static bool is_first_contact(const struct ike_sa *sa)
{
	const struct ike_sa *other;

	TAILQ_FOREACH (other, ike_sas_of(sa->e, sa->conn), of_conn) {
		/* One that can be ended in no other way is of a former life. */
		if (other != sa && other->s.stage != IKE_SA_DEAD &&
		    !(other->s.anew && ike_sa_in_doubt(other)))
			return false;
	}
	return true;
}

static void log_contact(const struct ike_sa *sa)
{
	char local[IKE_ID_TEXT_MAX], remote[IKE_ID_TEXT_MAX], peer[INET_TEXT_MAX];

	ike_fx_log(sa->e, LOG_IKE_INITIAL_CONTACT, sa,
		   "for Local ID: %s, Remote ID: %s from remote peer:%s",
		   id_text(&sa->s.local_id, local), id_text(&sa->s.remote_id, remote),
		   inet_endpoint_text(&sa->s.remote, peer));
}

/*
 * The peer knew of no other SA between these identities when it wrote this, and repeats
 * it byte for byte: what came up since the exchange began is not of a former life.
 */
static bool is_of_former_life(const struct ike_sa *sa, const struct ike_sa *other)
{
	return same_pair(sa, other) && other->s.stage >= IKE_SA_ESTABLISHED &&
	       other->s.stage != IKE_SA_DEAD && other->s.established_ms < sa->s.created_ms;
}

/* An established one that ends with it; NULL. */
static const struct ike_sa *replaced_by(const struct ike_sa *sa, const struct ike_message *m)
{
	const struct ike_sa *other;

	if (ike_message_notify(m, N_INITIAL_CONTACT) == NULL)
		return NULL;
	TAILQ_FOREACH (other, ike_sas_of(sa->e, sa->conn), of_conn) {
		if (other->s.stage == IKE_SA_ESTABLISHED && !other->s.closing &&
		    is_of_former_life(sa, other))
			return other;
	}
	return NULL;
}

static void initial_contact(struct ike_sa *sa, const struct ike_message *m)
{
	struct ike_sa *other, *next;

	if (ike_message_notify(m, N_INITIAL_CONTACT) == NULL)
		return;
	for (other = TAILQ_FIRST(ike_sas_of(sa->e, sa->conn)); other != NULL; other = next) {
		next = TAILQ_NEXT(other, of_conn);
		if (!is_of_former_life(sa, other))
			continue;
		log_contact(other);
		ike_sa_down(other, "Initial Contact received");
		v2_enter_event(other, V2_CLOSED);
	}
}

static void up(struct ike_sa *sa)
{
	char local[IKE_ID_TEXT_MAX], remote[IKE_ID_TEXT_MAX];

	sa->s.established_ms = sa->e->now;
	sa->e->stats.sa_up++;
	ike_sa_anew_up(sa);
	ike_sa_set_lifetime(sa);
	ike_fx_log(sa->e, LOG_IKE_SA_UP, sa, "local id %s, remote id %s",
		   id_text(&sa->s.local_id, local), id_text(&sa->s.remote_id, remote));
}

/* ---- responder ---- */

static enum result authenticate_initiator(struct v2_context *c)
{
	static const uint8_t nobody[32];
	struct ike_sa *sa = c->sa;
	const struct ike_connection *conn = find_connection(c);
	SECRET none = { 0 };
	char id[IKE_ID_TEXT_MAX];
	enum result res = secret_set(&none, bytes(nobody, sizeof(nobody)));

	set_id(&sa->s.remote_id, &c->m->idi);
	if (res == R_OK)
		res = verify_peer(c, conn != NULL ? &conn->psk_remote : &none);
	if (conn == NULL)
		res = R_AUTH_FAILED;
	else
		snprintf(sa->s.connection, sizeof(sa->s.connection), "%s", conn->name);
	ike_sa_set_connection(sa, conn);
	if (res == R_OK)
		return R_OK;
	c->e->stats.auth_failed++;
	id_text(&sa->s.remote_id, id);
	if (conn == NULL)
		ike_fx_log(c->e, LOG_IKE_NO_TUNNEL_GROUP, sa, "identity %s", id);
	ike_fx_log(c->e, LOG_IKE_AUTH_FAILED, sa, "identity %s, %s", id,
		   c->m->auth.method == AUTH_METHOD_PSK
			   ? "pre-shared key does not match"
			   : "authentication method is not pre-shared key");
	return R_AUTH_FAILED;
}

static enum result answer_child(struct v2_context *c, struct ike_builder *b,
				struct child_sa **child)
{
	struct ike_sa *sa = c->sa;
	struct v2_child_chosen chosen;
	struct sa_payload answer;

	v2_child_log_request(c);

	enum result res = v2_child_choose(c, CHILD_IN_AUTH, 0, &chosen);
	struct v2_child_make mk = { .chosen = &chosen,
				    .ni = buf_bytes(&sa->s.nonce_i),
				    .nr = buf_bytes(&sa->s.nonce_r) };

	if (res != R_OK)
		return res;
	mk.spi_in = child_spi_new(sa);
	res = v2_child_make(sa, &mk, CHILD_SA_INSTALLED, child);
	if (res != R_OK)
		return res;
	proposal_answer_child(&chosen.choice, mk.spi_in, &answer);
	sa_put(b, &answer);
	v2_child_put_ts(b, &chosen.remote_ts, &chosen.local_ts);
	return R_OK;
}

enum result v2_auth_request(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	struct child_sa *child = NULL;
	enum result res = authenticate_initiator(c);

	if (res != R_OK)
		return res;
	buf_free(&sa->s.local_id.data);
	id_of(&sa->conn->local_id, &sa->s.local.addr, &sa->s.local_id);
	res = ike_admit_auth(sa, replaced_by(sa, c->m));
	if (res != R_OK)
		return res;
	id_put(c->answer, PAYLOAD_IDR, &sa->s.local_id);
	res = put_own_auth(sa, c->answer);
	if (res != R_OK)
		return R_AUTH_FAILED;
	initial_contact(sa, c->m);
	if (is_first_contact(sa))
		notify_put(c->answer, N_INITIAL_CONTACT, BYTES_NONE);
	v2_sync_agree(sa, c->m, c->answer);
	if (c->m->present & IKE_P(SA)) {
		res = answer_child(c, c->answer, &child);
		if (res != R_OK)
			v2_put_error(c->answer, c, res);
	}
	up(sa);
	if (child != NULL) {
		child_sa_use_outbound(child);
		v2_child_log_up(child);
	}
	ike_sa_forget_init(sa);
	c->next = IKE_SA_ESTABLISHED;
	return R_OK;
}

/* ---- initiator ---- */

enum result v2_begin_auth(struct ike_sa *sa, struct ike_want *w, struct ike_job *job)
{
	struct ike_outstanding *o = &sa->s.outstanding;
	const struct ike_child_config *line = ike_line_of(sa->conn, sa->first.tunnel);
	struct ike_builder b;

	(void)w;
	(void)job;
	if (sa->conn == NULL || line == NULL)
		return R_CONFIG;
	buf_free(&sa->s.local_id.data);
	id_of(&sa->conn->local_id, &sa->s.local.addr, &sa->s.local_id);
	v2_payloads(sa->e, &b);
	id_put(&b, PAYLOAD_IDI, &sa->s.local_id);
	if (sa->conn->remote_id.type != 0 && !sa->conn->peer_id_any)
		id_put(&b, PAYLOAD_IDR, &sa->conn->remote_id);

	enum result res = put_own_auth(sa, &b);

	if (res == R_OK && is_first_contact(sa))
		notify_put(&b, N_INITIAL_CONTACT, BYTES_NONE);
	v2_sync_offer(sa->e, &b);
	if (res == R_OK)
		res = v2_child_offer(sa, CHILD_IN_AUTH, line, &b);
	if (res != R_OK)
		return res;
	ts_propose(&line->local, sa->first.have_packet ? &sa->first.packet_local : NULL, &o->tsi);
	ts_propose(&line->remote, sa->first.have_packet ? &sa->first.packet_remote : NULL, &o->tsr);
	v2_child_put_ts(&b, &o->tsi, &o->tsr);
	return v2_send_request(sa, IKE_REQ_AUTH, &b);
}

static enum result authenticate_responder(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	char id[IKE_ID_TEXT_MAX];
	enum result res = R_CONFIG;

	set_id(&sa->s.remote_id, &c->m->idr);
	if (sa->conn != NULL)
		res = is_peer(sa->conn, &sa->s.remote.addr, &c->m->idr)
			      ? verify_peer(c, &sa->conn->psk_remote)
			      : R_AUTH_FAILED;
	if (res == R_OK)
		return R_OK;
	c->e->stats.auth_failed++;
	ike_fx_log(c->e, LOG_IKE_AUTH_FAILED, sa, "identity %s of the responder: %s",
		   id_text(&sa->s.remote_id, id),
		   sa->conn != NULL && !is_peer(sa->conn, &sa->s.remote.addr, &c->m->idr)
			   ? "not the one configured"
			   : "pre-shared key does not match");
	return res;
}

static void take_child(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	const struct ike_outstanding *o = &sa->s.outstanding;
	const struct notify_payload *error = ike_message_error(c->m);
	struct v2_child_chosen chosen;
	struct v2_child_make mk = { .chosen = &chosen,
				    .initiator = true,
				    .spi_in = o->new_spi_in,
				    .ni = buf_bytes(&sa->s.nonce_i),
				    .nr = buf_bytes(&sa->s.nonce_r) };
	struct child_sa *child;
	enum tunnel_condition why;
	enum result res = R_MISSING;

	if (c->row->form == FORM_AUTH) {
		res = v2_child_verify(c, CHILD_IN_AUTH, &chosen);
		if (res == R_OK)
			res = v2_child_make(sa, &mk, CHILD_SA_INSTALLED, &child);
		/* The responder believes in it. With this step's record the next owner knows (R1).
		 */
		if (res != R_OK)
			ike_want_add_first(sa, &(struct ike_want){ .kind = IKE_REQ_CHILD_DELETE,
								   .spi_in = o->new_spi_in });
	}
	if (res != R_OK) {
		ike_fx_log(c->e, LOG_IKE_ABORTED, sa, "tunnel %u: %s", o->tunnel,
			   error != NULL ? iana_notify_name(error->type) : result_text(res));
		why = ike_child_refusal(error != NULL ? error->type : result_notify(res), false);
		ike_tunnel_failed(sa, o->tunnel,
				  why != TUNNEL_NO_CONDITION ? why : TUNNEL_PHASE2_MISMATCH);
		return;
	}
	child_sa_use_outbound(child);
	v2_child_log_up(child);
}

enum result v2_auth_response(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	enum result res = authenticate_responder(c);

	if (res != R_OK)
		return res;
	initial_contact(sa, c->m);
	v2_sync_agree(sa, c->m, NULL);
	up(sa);
	take_child(c);
	ike_sa_forget_init(sa);
	c->next = IKE_SA_ESTABLISHED;
	return R_OK;
}

enum result v2_auth_refused(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	const struct notify_payload *error = ike_message_error(c->m);

	if (error == NULL)
		return R_MISSING;
	if (error->type == N_AUTHENTICATION_FAILED) {
		c->e->stats.auth_failed++;
		ike_fx_log(c->e, LOG_IKE_AUTH_FAILED, sa,
			   "the peer does not accept our identity or pre-shared key");
	} else {
		ike_fx_log(c->e, LOG_IKE_ABORTED, sa, "%s in answer to IKE_AUTH",
			   iana_notify_name(error->type));
	}
	enum tunnel_condition why = ike_child_refusal(error->type, false);

	ike_attempt_failed(sa, why != TUNNEL_NO_CONDITION ? why : TUNNEL_AUTH_FAILED);
	c->next = IKE_SA_DEAD;
	return R_OK;
}
