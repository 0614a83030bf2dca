/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The holdfast binary. With a command: run it and exit. On a terminal without
 * one: a prompt. Help and completion come from the table in this binary.
 */
#include <errno.h>
#include <getopt.h>
#include <qb/qbipcc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/cli/commands.h"
#include "node/cli/keygen.h"
#include "node/cli/protocol.h"

#define REPLY_TIMEOUT_MS 30000

struct client {
	qb_ipcc_connection_t *ipc;
	bool json;
};

static void usage(FILE *to)
{
	fprintf(to,
		"usage: holdfast [--json] [--service NAME] [COMMAND ...]\n"
		"       holdfast --complete LINE\n"
		"Without a command on a terminal: a prompt. A trailing ? shows what may follow.\n");
}

/* One message there, one back. */
static bool transact(struct client *c, struct admin_request *req, struct admin_response *r)
{
	req->header.size = (int32_t)(offsetof(struct admin_request, line) + req->len);
	struct iovec iov = { .iov_base = req, .iov_len = (size_t)req->header.size };
	ssize_t n = qb_ipcc_sendv_recv(c->ipc, &iov, 1, r, sizeof(*r), REPLY_TIMEOUT_MS);
	size_t head = offsetof(struct admin_response, text);
	return n >= (ssize_t)head && r->len <= (size_t)n - head;
}

/* Send a request and print its whole answer. */
static enum admin_exit ask(struct client *c, enum admin_request_id id, const char *line, FILE *to)
{
	static struct admin_request req;
	static struct admin_response r;
	size_t len = strlen(line);
	if (len > ADMIN_LINE_MAX) {
		fprintf(stderr, "holdfast: the command is too long\n");
		return ADMIN_USAGE;
	}
	req.header.id = id;
	req.flags = c->json ? ADMIN_FLAG_JSON : 0;
	req.len = (uint32_t)len;
	memcpy(req.line, line, len);
	do {
		if (!transact(c, &req, &r)) {
			fprintf(stderr, "holdfast: holdfastd does not answer\n");
			return ADMIN_NO_DAEMON;
		}
		fwrite(r.text, 1, r.len, to);
		req.header.id = ADMIN_NEXT;
		req.len = 0;
	} while (r.more);
	return (enum admin_exit)r.exit;
}

/* "show cry?" and "show ?" are answered here. */
static bool answer_help(const char *line, bool words_only)
{
	struct text out = { 0 };
	size_t len = strlen(line);
	if (!words_only && (len == 0 || line[len - 1] != '?'))
		return false;
	char *before = strndup(line, words_only ? len : len - 1);
	if (before)
		(words_only ? admin_complete : admin_help)(before, &out);
	fputs(text_string(&out), stdout);
	free(before);
	text_free(&out);
	return true;
}

/*
 * What comes before a daemon that could be asked: Pacemaker, which starts it,
 * is configured, and the keys for its configuration are made.
 */
static bool answer_here(struct client *c, const char *line, enum admin_exit *exit)
{
	static const struct admin_ops ours = { .keygen = keygen };
	const struct admin_caller caller = { .json = c->json };
	struct text out = { 0 };
	if (strncmp(line, "pacemaker ", strlen("pacemaker ")) != 0 &&
	    strncmp(line, "cluster ", strlen("cluster ")) != 0)
		return false;
	*exit = admin_run(&ours, line, &caller, &out);
	fputs(text_string(&out), stdout);
	text_free(&out);
	return true;
}

static bool connect_daemon(struct client *c, const char *service)
{
	c->ipc = qb_ipcc_connect(service, ADMIN_MESSAGE_MAX);
	if (c->ipc)
		return true;
	if (errno == EACCES || errno == EPERM)
		fprintf(stderr,
			"holdfast: access denied: be root or a member of the group holdfast\n");
	else
		fprintf(stderr, "holdfast: holdfastd is not running (%s)\n", strerror(errno));
	return false;
}

static enum admin_exit run_line(struct client *c, const char *line)
{
	enum admin_exit exit = ask(c, ADMIN_RUN, line, stdout);
	fflush(stdout);
	return exit;
}

static bool is_leaving(const char *line)
{
	return strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0;
}

/* Lines from stdin, with a prompt on a terminal. The exit code is that of the last command. */
static enum admin_exit interact(struct client *c, bool prompt)
{
	enum admin_exit exit = ADMIN_OK;
	char *line = NULL;
	size_t cap = 0;
	for (;;) {
		if (prompt && ask(c, ADMIN_PROMPT, "", stdout) == ADMIN_NO_DAEMON)
			break;
		fflush(stdout);
		ssize_t n = getline(&line, &cap, stdin);
		if (n < 0)
			break;
		line[strcspn(line, "\r\n")] = '\0';
		if (is_leaving(line))
			break;
		if (*line && !answer_help(line, false) && !answer_here(c, line, &exit))
			exit = run_line(c, line);
		if (exit == ADMIN_NO_DAEMON)
			break;
	}
	free(line);
	return exit;
}

static char *join_arguments(char *const *argv)
{
	struct text t = { 0 };
	for (; *argv; argv++)
		text_printf(&t, "%s%s", t.len ? " " : "", *argv);
	char *line = strdup(text_string(&t));
	text_free(&t);
	return line;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "service", required_argument, NULL, 's' },
		{ "complete", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct client c = { 0 };
	const char *service = ADMIN_SERVICE;
	int opt;
	/* + stops at the first word of the command. */
	while ((opt = getopt_long(argc, argv, "+js:c:h", options, NULL)) != -1) {
		if (opt == 'j')
			c.json = true;
		else if (opt == 's')
			service = optarg;
		else if (opt == 'c')
			return answer_help(optarg, true) ? ADMIN_OK : ADMIN_ERROR;
		else {
			usage(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? ADMIN_OK : ADMIN_USAGE;
		}
	}
	char *line = join_arguments(argv + optind);
	enum admin_exit exit = ADMIN_NO_DAEMON;
	if (!line)
		return ADMIN_ERROR;
	if (*line && answer_help(line, false))
		exit = ADMIN_OK;
	else if (!answer_here(&c, line, &exit) && connect_daemon(&c, service))
		exit = *line ? run_line(&c, line) : interact(&c, isatty(STDIN_FILENO));
	if (c.ipc)
		qb_ipcc_disconnect(c.ipc);
	free(line);
	return (int)exit;
}
