/* SPDX-License-Identifier: Apache-2.0 */
#include "node/background.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <unistd.h>

#include "base/must.h"

#define STACK_BYTES (1u << 20) /* memory is locked: not the usual 8 MB */

struct background {
	qb_loop_t *loop;
	int fd;                 /* a job has run */
	bool running, threaded; /* the first; in thread, or it ran where it was given */
	pthread_t thread;
	struct background_job *first, **last;
};

struct start {
	struct background_job *job;
	int fd;
};

static void run(struct background_job *j, int fd)
{
	const uint64_t one = 1;

	j->run(j);
	must(write(fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

static void *job_thread(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	run(s.job, s.fd);
	return NULL;
}

/* Signals are the control thread's: block them in every other. */
static bool start_thread(struct background *b, struct background_job *j)
{
	struct start *s = malloc(sizeof(*s));
	pthread_attr_t attr;
	sigset_t all, before;

	if (!s)
		return false;
	*s = (struct start){ .job = j, .fd = b->fd };
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&b->thread, &attr, job_thread, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (rc != 0)
		free(s);
	return rc == 0;
}

static struct background_job *take(struct background *b)
{
	struct background_job *j = b->first;

	b->first = j->next;
	if (!b->first)
		b->last = &b->first;
	return j;
}

static void start_next(struct background *b)
{
	if (!b->first || b->running)
		return;
	b->running = true;
	b->threaded = start_thread(b, b->first);
	if (!b->threaded)
		run(b->first, b->fd);
}

static void join(struct background *b)
{
	if (b->threaded)
		pthread_join(b->thread, NULL);
}

static int on_done(int fd, int revents, void *data)
{
	struct background *b = data;
	uint64_t count;

	(void)revents;
	if (read(fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return 0;
	join(b);
	struct background_job *j = take(b);
	j->done(j);
	b->running = false;
	start_next(b);
	return 0;
}

enum result background_new(qb_loop_t *loop, enum qb_loop_priority p, struct background **out)
{
	struct background *b = calloc(1, sizeof(*b));

	*out = NULL;
	if (!b)
		return R_NO_MEMORY;
	b->loop = loop;
	b->last = &b->first;
	b->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (b->fd < 0 || qb_loop_poll_add(loop, p, b->fd, POLLIN, b, on_done) != 0) {
		if (b->fd >= 0)
			close(b->fd);
		free(b);
		return R_SYSTEM;
	}
	*out = b;
	return R_OK;
}

void background_free(struct background *b)
{
	if (!b)
		return;
	if (b->running)
		join(b);
	qb_loop_poll_del(b->loop, b->fd);
	close(b->fd);
	while (b->first) {
		struct background_job *j = take(b);
		j->done(j);
	}
	free(b);
}

void background_run(struct background *b, struct background_job *j)
{
	j->next = NULL;
	*b->last = j;
	b->last = &j->next;
	start_next(b);
}
