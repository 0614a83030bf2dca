/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cli/server.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <qb/qbipcs.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/cli/protocol.h"

#define ADMIN_GROUP "holdfast"
#define GROUPS_MAX  64

struct admin_server {
	qb_ipcs_service_t *service;
	const struct admin_ops *ops;
	uint64_t last_ticket;
};

/* What a client has not fetched yet. */
struct pending {
	struct text text;
	size_t sent;
	enum admin_exit exit;
	uint64_t ticket; /* waits for an answer that comes later; 0: does not */
	bool json;
};

/* libqb's poll callbacks have no argument of ours: the loop of the one server of this process. */
static qb_loop_t *poll_loop;

static int32_t poll_job_add(enum qb_loop_priority p, void *data, qb_loop_job_dispatch_fn fn)
{
	return qb_loop_job_add(poll_loop, p, data, fn);
}

static int32_t poll_add(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
			qb_ipcs_dispatch_fn_t fn)
{
	return qb_loop_poll_add(poll_loop, p, fd, events, data, fn);
}

static int32_t poll_mod(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
			qb_ipcs_dispatch_fn_t fn)
{
	return qb_loop_poll_mod(poll_loop, p, fd, events, data, fn);
}

static int32_t poll_del(int32_t fd)
{
	return qb_loop_poll_del(poll_loop, fd);
}

static bool user_in_group(uid_t uid, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;
	const struct passwd *pw = getpwuid(uid);
	if (!pw || getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static int32_t on_accept(qb_ipcs_connection_t *c, uid_t uid, gid_t gid)
{
	/* Before the name service is asked, which can take seconds: control waits for it. */
	if (uid == 0 || uid == geteuid())
		return 0;
	const struct group *group = getgrnam(ADMIN_GROUP);
	if (!group || (gid != group->gr_gid && !user_in_group(uid, group->gr_gid)))
		return -EACCES;
	qb_ipcs_connection_auth_set(c, uid, group->gr_gid, 0660);
	return 0;
}

static void on_created(qb_ipcs_connection_t *c)
{
	qb_ipcs_context_set(c, calloc(1, sizeof(struct pending)));
}

static void on_destroyed(qb_ipcs_connection_t *c)
{
	struct pending *p = qb_ipcs_context_get(c);
	if (p)
		text_free(&p->text);
	free(p);
}

static int32_t send_piece(qb_ipcs_connection_t *c, struct pending *p)
{
	struct admin_response r = { .exit = p->exit };
	size_t left = p->text.len - p->sent;
	r.len = (uint32_t)(left < ADMIN_PIECE_MAX ? left : ADMIN_PIECE_MAX);
	r.more = left > ADMIN_PIECE_MAX;
	if (r.len)
		memcpy(r.text, p->text.p + p->sent, r.len);
	r.header.size = (int32_t)(offsetof(struct admin_response, text) + r.len);
	p->sent += r.len;
	if (!r.more) {
		text_free(&p->text);
		p->sent = 0;
	}
	ssize_t n = qb_ipcs_response_send(c, &r, (size_t)r.header.size);
	return n < 0 ? (int32_t)n : 0;
}

static void run(struct admin_server *s, struct pending *p, const struct admin_request *req)
{
	char line[ADMIN_LINE_MAX + 1];
	memcpy(line, req->line, req->len);
	line[req->len] = '\0';
	p->json = req->flags & ADMIN_FLAG_JSON;
	p->ticket = ++s->last_ticket;
	const struct admin_caller caller = { .json = p->json, .ticket = p->ticket };
	p->exit = admin_run(s->ops, line, &caller, &p->text);
	if (p->exit != ADMIN_LATER)
		p->ticket = 0;
}

/* A negative result makes libqb drop the client: only one that does not keep to the protocol. */
static int32_t on_message(qb_ipcs_connection_t *c, void *data, size_t size)
{
	struct admin_server *s = qb_ipcs_connection_service_context_get(c);
	const struct admin_request *req = data;
	struct pending *p = qb_ipcs_context_get(c);
	size_t head = offsetof(struct admin_request, line);
	if (!p || p->ticket || size < head || req->len > ADMIN_LINE_MAX || req->len > size - head)
		return -EINVAL;
	if (req->header.id != ADMIN_NEXT) {
		text_free(&p->text);
		p->sent = 0;
		p->exit = ADMIN_OK;
	}
	if (req->header.id == ADMIN_RUN)
		run(s, p, req);
	else if (req->header.id == ADMIN_PROMPT)
		admin_prompt(s->ops, &p->text);
	else if (req->header.id != ADMIN_NEXT)
		return -EINVAL;
	return p->ticket ? 0 : send_piece(c, p);
}

static void answer(qb_ipcs_connection_t *c, struct pending *p, enum admin_exit exit,
		   struct bytes text, const char *error)
{
	p->ticket = 0;
	p->exit = exit;
	if (error)
		admin_error(p->json, error, &p->text);
	else
		text_append(&p->text, text);
	/* A client that cannot be answered is gone, or libqb ends it. */
	(void)send_piece(c, p);
}

void admin_server_answer(struct admin_server *s, uint64_t ticket, enum admin_exit exit,
			 struct bytes text, const char *error)
{
	qb_ipcs_connection_t *c = qb_ipcs_connection_first_get(s->service);
	while (c) {
		qb_ipcs_connection_t *next = qb_ipcs_connection_next_get(s->service, c);
		struct pending *p = qb_ipcs_context_get(c);
		if (p && p->ticket == ticket)
			answer(c, p, exit, text, error);
		qb_ipcs_connection_unref(c);
		c = next;
	}
}

enum result admin_server_new(qb_loop_t *loop, const char *service, const struct admin_ops *ops,
			     struct admin_server **out)
{
	struct qb_ipcs_service_handlers handlers = {
		.connection_accept = on_accept,
		.connection_created = on_created,
		.msg_process = on_message,
		.connection_destroyed = on_destroyed,
	};
	struct qb_ipcs_poll_handlers poll = {
		.job_add = poll_job_add,
		.dispatch_add = poll_add,
		.dispatch_mod = poll_mod,
		.dispatch_del = poll_del,
	};
	struct admin_server *s = calloc(1, sizeof(*s));
	if (!s)
		return R_NO_MEMORY;
	s->ops = ops;
	poll_loop = loop;
	s->service = qb_ipcs_create(service, 0, QB_IPC_SOCKET, &handlers);
	if (!s->service) {
		free(s);
		return R_SYSTEM;
	}
	qb_ipcs_poll_handlers_set(s->service, &poll);
	qb_ipcs_service_context_set(s->service, s);
	qb_ipcs_enforce_buffer_size(s->service, ADMIN_MESSAGE_MAX);
	if (qb_ipcs_run(s->service) != 0) {
		/* libqb has given its reference back already. */
		free(s);
		return R_SYSTEM;
	}
	*out = s;
	return R_OK;
}

void admin_server_free(struct admin_server *s)
{
	if (!s)
		return;
	qb_ipcs_destroy(s->service);
	free(s);
}
