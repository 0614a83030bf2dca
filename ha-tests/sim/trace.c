/* SPDX-License-Identifier: Apache-2.0 */
/* The trace: the last lines for people, and a hash of everything for the proof that a seed
 * repeats. */
#include <stdarg.h>

#include "ha-tests/sim/sim.h"

void trace_open(struct trace *t, bool verbose)
{
	t->verbose = verbose;
	t->n = 0;
	t->hash = (struct digest128){ 0 };
}

static void hash(struct sim *s, const void *data, size_t len)
{
	s->trace.hash.a ^= s->now_ns;
	s->trace.hash = digest128_more(s->trace.hash, bytes(data, len));
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
