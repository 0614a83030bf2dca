/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's log: a flood by one peer is cut and counted, other peers are heard,
 * long lines stay whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "node/log_sink.h"

static char log_text[65536];

static void flood(const char *peer, unsigned int n)
{
	struct inet_endpoint remote = { .port = 500 };
	struct log_event ev;

	assert_int_equal(inet_parse(peer, &remote.addr), R_OK);
	log_event_make(&ev, LOG_IKE_NO_PROPOSAL, NULL, &remote, NULL, "flood");
	for (unsigned int i = 0; i < n; i++)
		log_emit(&ev);
}

/* Runs fn with the log on stderr, which is read back into log_text. */
static void logged(bool asa_style, void (*fn)(void))
{
	FILE *f = tmpfile();
	int before = dup(STDERR_FILENO);

	assert_non_null(f);
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	log_sink_open(true, asa_style);
	fn();
	log_sink_close();
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(f);
	size_t len = fread(log_text, 1, sizeof(log_text) - 1, f);
	log_text[len] = 0;
	fclose(f);
}

static unsigned int count(const char *what)
{
	unsigned int n = 0;

	for (const char *p = log_text; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void one_peer_floods(void)
{
	flood("192.0.2.2", 1000);
	flood("192.0.2.3", 1);
}

static void a_flood_is_cut_and_counted(void **state)
{
	(void)state;
	logged(false, one_peer_floods);
	assert_in_range(count("192.0.2.2:"), 20, 25);
	assert_int_equal(count("192.0.2.3:"), 1);
	assert_int_equal(count("HF-1006 NOTICE messages suppressed, number: 9"), 1);
}

static void one_event_of_each_kind(void)
{
	struct log_event ev;
	char detail[LOG_DETAIL_MAX];

	flood("192.0.2.2", 1);
	memset(detail, 'x', sizeof(detail) - 2);
	strcpy(detail + sizeof(detail) - 2, "z");
	log_event_make(&ev, LOG_NODE_FAILED, NULL, NULL, NULL, "%s", detail);
	log_emit(&ev);
	log_event_make(&ev, LOG_IKE_DPD_SENT, NULL, NULL, NULL, "too much");
	log_emit(&ev);
}

static void every_line_has_its_number_in_the_chosen_style(void **state)
{
	(void)state;
	logged(false, one_event_of_each_kind);
	assert_int_equal(count("HF-4014 WARNING "), 1);
	logged(true, one_event_of_each_kind);
	assert_int_equal(count("%HF-4-4014: "), 1);
	assert_int_equal(count("xxz\n"), 1);
	assert_int_equal(count("too much"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_is_cut_and_counted),
		cmocka_unit_test(every_line_has_its_number_in_the_chosen_style),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
