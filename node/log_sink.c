/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log's sink. Every line carries the catalogue's number; the ASA's id is
 * in front when "logging id-style asa" is configured. A flood of one event by
 * one peer is cut by the limiter and counted in the next line that passes.
 */
#include "node/log_sink.h"

#include <qb/qblog.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"

enum {
	BURST = 20,
	PER_SECOND = 5,
	LINE_MAX_LEN = 1024,
	LINE_HEAD_MAX = 64,
	FACILITY_DAEMON = 3 << 3
};

static struct {
	bool asa_style;
	struct log_limiter *limiter;
	unsigned long suppressed;
} sink;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

static void write_line(const struct log_event *ev)
{
	char line[LINE_MAX_LEN];

	log_format(ev, sink.asa_style, line, sizeof(line));
	qb_log((uint8_t)log_info(ev->id)->severity, "%s", line);
}

static void write_event(void *ctx, const struct log_event *ev)
{
	struct log_event count;

	(void)ctx;
	if (!log_limiter_allow(sink.limiter, ev, now_ms())) {
		sink.suppressed++;
		return;
	}
	if (sink.suppressed) {
		log_event_make(&count, LOG_NODE_SUPPRESSED, NULL, NULL, NULL, "%lu",
			       sink.suppressed);
		write_line(&count);
		sink.suppressed = 0;
	}
	write_line(ev);
}

void log_sink_open(bool foreground, bool asa_style)
{
	int target = foreground ? QB_LOG_STDERR : QB_LOG_SYSLOG;

	qb_log_init("holdfastd", FACILITY_DAEMON, 7);
	qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_ENABLED, !foreground);
	qb_log_filter_ctl(target, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, "*", 6);
	/* libqb cuts lines at 512 unless told otherwise. */
	qb_log_ctl(target, QB_LOG_CONF_MAX_LINE_LEN, LINE_MAX_LEN + LINE_HEAD_MAX);
	qb_log_format_set(target, foreground ? "%T %p %b" : "%b");
	qb_log_ctl(target, QB_LOG_CONF_ENABLED, 1);
	sink.asa_style = asa_style;
	sink.limiter = log_limiter_new(BURST, PER_SECOND);
	log_set_sink(write_event, NULL);
}

void log_sink_style(bool asa_style)
{
	sink.asa_style = asa_style;
}

void log_sink_close(void)
{
	log_set_sink(NULL, NULL);
	log_limiter_free(sink.limiter);
	sink.limiter = NULL;
	qb_log_fini();
}
