/* SPDX-License-Identifier: Apache-2.0 */
/* The trace: the last lines for people, and a hash of everything for the proof that a seed
 * repeats. */
#include <stdarg.h>

#include "base/must.h"
#include "base/wire_writer.h"
#include "ha-tests/sim/sim.h"

void trace_open(struct trace *t, bool verbose)
{
	t->verbose = verbose;
	t->n = 0;
	t->hash = EVP_MD_CTX_new();
	must(t->hash && EVP_DigestInit_ex(t->hash, EVP_sha256(), NULL) == 1);
}

void trace_close(struct trace *t, uint8_t digest[32])
{
	must(EVP_DigestFinal_ex(t->hash, digest, NULL) == 1);
	EVP_MD_CTX_free(t->hash);
	t->hash = NULL;
}

static void hash(struct sim *s, const void *data, size_t len)
{
	uint8_t head[16];
	struct wire_writer w = wire_writer(head, sizeof(head));

	wire_put_u64(&w, s->now_ns);
	wire_put_u64(&w, len);
	must(EVP_DigestUpdate(s->trace.hash, head, sizeof(head)) == 1 &&
	     EVP_DigestUpdate(s->trace.hash, data, len) == 1);
}

void trace(struct sim *s, const char *fmt, ...)
{
	char *line = s->trace.lines[s->trace.n++ % TRACE_LINES];
	uint64_t us = (s->now_ns - START_NS) / US;
	va_list ap;

	int len = snprintf(line, TRACE_WIDTH, "%7llu.%03llu ", (unsigned long long)(us / 1000),
			   (unsigned long long)(us % 1000));
	va_start(ap, fmt);
	vsnprintf(line + len, TRACE_WIDTH - (size_t)len, fmt, ap);
	va_end(ap);
	hash(s, line, strlen(line));
	if (s->trace.verbose)
		printf("%s\n", line);
}

void trace_bytes(struct sim *s, const char *who, struct bytes data)
{
	hash(s, who, strlen(who));
	hash(s, data.p, data.len);
}

void trace_print(const struct trace *t)
{
	for (size_t i = t->n > TRACE_LINES ? t->n - TRACE_LINES : 0; i < t->n; i++)
		fprintf(stderr, "  %s\n", t->lines[i % TRACE_LINES]);
}
