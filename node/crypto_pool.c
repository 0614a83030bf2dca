/* SPDX-License-Identifier: Apache-2.0 */
/* Job threads (crypto_pool.h): one mutex, two singly linked queues. Jobs take 0.1 to 3 ms each. */
#include "node/crypto_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/must.h"

struct pool_item {
	struct ike_job *job;
	struct pool_item *next;
};

struct pool_queue {
	struct pool_item *first, **last;
};

struct crypto_pool {
	pthread_mutex_t lock;
	pthread_cond_t some;
	struct pool_queue waiting, done;
	bool stop;
	int fd;
	unsigned int n_threads;
	pthread_t *threads;
};

static void queue_put(struct pool_queue *q, struct pool_item *it)
{
	it->next = NULL;
	*q->last = it;
	q->last = &it->next;
}

static struct pool_item *queue_take(struct pool_queue *q)
{
	struct pool_item *it = q->first;

	if (!it)
		return NULL;
	q->first = it->next;
	if (!q->first)
		q->last = &q->first;
	return it;
}

static void tell_done(const struct crypto_pool *p)
{
	const uint64_t one = 1;
	/* The counter cannot overflow: control resets it whenever it looks. */
	must(write(p->fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

static void *pool_thread(void *arg)
{
	struct crypto_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct pool_item *it = queue_take(&p->waiting);
		if (!it) {
			pthread_cond_wait(&p->some, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		ike_job_run(it->job);
		pthread_mutex_lock(&p->lock);
		queue_put(&p->done, it);
		tell_done(p);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Signals are the control thread's: block them in every other. */
static int start_thread(pthread_t *t, struct crypto_pool *p)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(t, NULL, pool_thread, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

enum result crypto_pool_new(unsigned int threads, struct crypto_pool **out)
{
	struct crypto_pool *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (!p)
		return R_NO_MEMORY;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->some, NULL);
	p->waiting.last = &p->waiting.first;
	p->done.last = &p->done.first;
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	p->threads = calloc(threads ? threads : 1, sizeof(*p->threads));
	while (p->fd >= 0 && p->threads && p->n_threads < threads &&
	       start_thread(&p->threads[p->n_threads], p) == 0)
		p->n_threads++;
	if (p->n_threads == 0) {
		crypto_pool_free(p);
		return R_SYSTEM;
	}
	*out = p;
	return R_OK;
}

static void queue_free(struct pool_queue *q)
{
	struct pool_item *it;

	while ((it = queue_take(q)) != NULL) {
		ike_job_free(it->job);
		free(it);
	}
}

void crypto_pool_free(struct crypto_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->some);
	pthread_mutex_unlock(&p->lock);
	for (unsigned int i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	queue_free(&p->waiting);
	queue_free(&p->done);
	if (p->fd >= 0)
		close(p->fd);
	pthread_cond_destroy(&p->some);
	pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
}

void crypto_pool_run(struct crypto_pool *p, struct ike_job *adopt_job)
{
	struct pool_item *it = calloc(1, sizeof(*it));

	must(it);
	it->job = adopt_job;
	pthread_mutex_lock(&p->lock);
	queue_put(&p->waiting, it);
	pthread_cond_signal(&p->some);
	pthread_mutex_unlock(&p->lock);
}

int crypto_pool_fd(const struct crypto_pool *p)
{
	return p->fd;
}

struct ike_job *crypto_pool_done(struct crypto_pool *p)
{
	uint64_t count;
	ssize_t got = read(p->fd, &count, sizeof(count));
	(void)got; /* EAGAIN: nothing new since the last look */
	pthread_mutex_lock(&p->lock);
	struct pool_item *it = queue_take(&p->done);
	pthread_mutex_unlock(&p->lock);
	if (!it)
		return NULL;
	struct ike_job *job = it->job;
	free(it);
	return job;
}
