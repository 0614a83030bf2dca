/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue, the line that an event makes, escapes and the rate limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE 1024

static const struct inet_endpoint local = { { INET_V4, { 192, 0, 2, 1 } }, 500 };
static const struct inet_endpoint remote = { { INET_V4, { 192, 0, 2, 2 } }, 500 };

static const char *line_of(const struct log_event *ev, bool asa_style)
{
	static char out[LINE];

	assert_true(log_format(ev, asa_style, out, sizeof(out)) < LINE);
	return out;
}

static void numbers_are_unique_and_severities_valid(void **state)
{
	(void)state;
	for (int i = 0; i < LOG_ID_COUNT_; i++) {
		const struct log_info *info = log_info((enum log_id)i);

		assert_true(info->severity >= 0 && info->severity <= 7);
		assert_true(strlen(info->text) > 0);
		if (info->asa != NULL)
			assert_int_equal(strlen(info->asa), 6);
		for (int j = 0; j < i; j++)
			assert_int_not_equal(info->number, log_info((enum log_id)j)->number);
	}
}

static void an_ike_event_reads_as_on_the_asa(void **state)
{
	struct log_event ev;

	(void)state;
	log_event_make(&ev, LOG_IKE_SA_UP, &local, &remote, NULL, NULL);
	assert_string_equal(
		line_of(&ev, true),
		"%ASA-5-750006: Local:192.0.2.1:500 Remote:192.0.2.2:500 Username:Unknown IKEv2 "
		"SA UP. Reason: New Connection Established");
}

/* The line of a real ASA, but for its addresses. */
static void a_detail_follows_the_text(void **state)
{
	struct log_event ev;

	(void)state;
	log_event_make(&ev, LOG_IKE_ABORTED, &local, &remote, "",
		       "Failed to receive the AUTH msg before the timer expired");
	assert_string_equal(
		line_of(&ev, true),
		"%ASA-4-750003: Local:192.0.2.1:500 Remote:192.0.2.2:500 Username:Unknown IKEv2 "
		"Negotiation aborted due to ERROR: Failed to receive the AUTH msg before the timer "
		"expired");
}

static void the_joint_is_the_one_of_the_asa(void **state)
{
	struct log_event ev;

	(void)state;
	log_event_make(&ev, LOG_IKE_SA_DOWN, &local, &remote, "branch", "%s", "local failure");
	assert_string_equal(
		line_of(&ev, true),
		"%ASA-5-750007: Local:192.0.2.1:500 Remote:192.0.2.2:500 Username:branch IKEv2 "
		"SA DOWN. Reason: local failure");
	log_event_make(&ev, LOG_CLUSTER_ACTIVE, NULL, NULL, NULL, "Other unit wants me Active");
	assert_string_equal(line_of(&ev, true),
			    "%ASA-1-104001: Switching to ACTIVE - Other unit wants me Active");
}

static void native_style_names_number_and_severity(void **state)
{
	struct log_event ev;

	(void)state;
	log_event_make(&ev, LOG_IKE_INITIATING, &local, &remote, NULL, NULL);
	assert_string_equal(
		line_of(&ev, false),
		"HF-4021 NOTICE Local:192.0.2.1:500 Remote:192.0.2.2:500 Username:Unknown IKEv2 "
		"initiating IKE SA");
	log_event_make(&ev, LOG_NODE_STARTED, NULL, NULL, NULL, "slot %d", 1);
	assert_string_equal(line_of(&ev, false), "HF-1001 NOTICE holdfastd started: slot 1");
}

static void an_event_unknown_to_the_asa_keeps_its_own_number(void **state)
{
	struct log_event ev;

	(void)state;
	log_event_make(&ev, LOG_NODE_STARTED, NULL, NULL, NULL, NULL);
	assert_string_equal(line_of(&ev, true), "%HF-5-1001: holdfastd started");
}

static void a_peer_of_another_subsystem_is_named_alone(void **state)
{
	struct log_event ev;

	(void)state;
	log_event_make(&ev, LOG_ESP_SA_CREATED, &local, &remote, NULL, NULL);
	assert_string_equal(
		line_of(&ev, true),
		"%ASA-6-602303: Remote:192.0.2.2:500 IPSEC: A LAN-to-LAN SA has been created");
}

static void an_event_without_peer_has_no_prefix(void **state)
{
	struct log_event ev;

	(void)state;
	log_event_make(&ev, LOG_IKE_DPD_SENT, NULL, NULL, NULL, NULL);
	assert_string_equal(line_of(&ev, true),
			    "%ASA-7-751003: Need to send a DPD message to peer");
}

static void the_length_is_that_of_the_whole_line(void **state)
{
	struct log_event ev;
	char small[10];

	(void)state;
	log_event_make(&ev, LOG_NODE_STARTED, NULL, NULL, NULL, NULL);
	assert_int_equal(log_format(&ev, true, small, sizeof(small)),
			 strlen("%HF-5-1001: holdfastd started"));
	assert_string_equal(small, "%HF-5-100");
	assert_int_equal(log_format(&ev, true, NULL, 0), strlen("%HF-5-1001: holdfastd started"));
}

static void every_byte_but_printable_ascii_is_escaped(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < 256; c++) {
		uint8_t in = (uint8_t)c;
		char out[8], want[8];

		if (c >= 0x20 && c < 0x7f)
			snprintf(want, sizeof(want), "%c", (int)c);
		else
			snprintf(want, sizeof(want), "\\x%02x", c);
		assert_string_equal(log_escape(bytes(&in, 1), out, sizeof(out)), want);
	}
}

static void an_escape_is_never_cut_in_two(void **state)
{
	(void)state;
	for (size_t cap = 1; cap <= 12; cap++) {
		char *out = malloc(cap);

		assert_non_null(out);
		log_escape(bytes("a\n\nb", 4), out, cap);
		assert_true(strlen(out) < cap);
		if (cap < 6)
			assert_string_equal(out, cap > 1 ? "a" : "");
		else if (cap < 10)
			assert_string_equal(out, "a\\x0a");
		else
			assert_string_equal(out, cap > 10 ? "a\\x0a\\x0ab" : "a\\x0a\\x0a");
		free(out);
	}
}

static void a_peer_cannot_write_a_line_of_its_own(void **state)
{
	struct log_event ev;
	const char *line;

	(void)state;
	log_event_make(&ev, LOG_IKE_NO_TUNNEL_GROUP, &local, &remote, "evil\ngroup", "id %s",
		       "x\r\n%ASA-5-750006: forged\033[2J");
	line = line_of(&ev, true);
	for (size_t i = 0; line[i] != '\0'; i++)
		assert_true(line[i] >= 0x20 && line[i] < 0x7f);
	assert_non_null(strstr(line, "evil\\x0agroup"));
	assert_non_null(strstr(line, "x\\x0d\\x0a"));
}

static void too_long_a_detail_or_group_is_cut(void **state)
{
	struct log_event ev;
	char longtext[2000];

	(void)state;
	memset(longtext, 'a', sizeof(longtext) - 1);
	longtext[sizeof(longtext) - 1] = '\0';
	log_event_make(&ev, LOG_IKE_SA_UP, &local, &remote, longtext, "%s", longtext);
	assert_int_equal(strlen(ev.detail), LOG_DETAIL_MAX - 1);
	assert_int_equal(strlen(ev.group), sizeof(ev.group) - 1);
	log_event_make(&ev, LOG_IKE_SA_UP, &local, &remote, NULL, "%.*s", 600, longtext);
	assert_int_equal(strlen(ev.detail), LOG_DETAIL_MAX - 1);
}

static int emitted;

static void count_sink(void *ctx, const struct log_event *ev)
{
	assert_ptr_equal(ctx, &emitted);
	assert_int_equal(ev->id, LOG_NODE_STARTED);
	emitted++;
}

static void events_reach_the_sink_and_none_is_fine(void **state)
{
	struct log_event ev;

	(void)state;
	emitted = 0;
	log_event_make(&ev, LOG_NODE_STARTED, NULL, NULL, NULL, NULL);
	log_set_sink(NULL, NULL);
	log_emit(&ev);
	log_set_sink(count_sink, &emitted);
	log_emit(&ev);
	log_set_sink(NULL, NULL);
	assert_int_equal(emitted, 1);
}

static struct log_event about(enum log_id id, uint32_t peer)
{
	struct inet_endpoint from = { .addr = inet_v4(peer), .port = 500 };
	struct log_event ev;

	log_event_make(&ev, id, &local, &from, NULL, NULL);
	return ev;
}

static unsigned int allowed(struct log_limiter *l, const struct log_event *ev, unsigned int tries,
			    uint64_t now_ms)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < tries; i++)
		n += log_limiter_allow(l, ev, now_ms);
	return n;
}

static void a_peer_gets_its_burst_and_then_its_rate(void **state)
{
	struct log_limiter *l = log_limiter_new(5, 2);
	struct log_event ev = about(LOG_IKE_ABORTED, 0xc6336401);

	(void)state;
	assert_int_equal(allowed(l, &ev, 100, 1000), 5);
	assert_int_equal(allowed(l, &ev, 100, 1499), 0);
	assert_int_equal(allowed(l, &ev, 100, 1500), 1);
	assert_int_equal(allowed(l, &ev, 100, 2500), 2);
	assert_int_equal(allowed(l, &ev, 100, 1000000), 5);
	log_limiter_free(l);
}

static void peers_and_ids_have_buckets_of_their_own(void **state)
{
	struct log_limiter *l = log_limiter_new(3, 1);
	struct log_event a = about(LOG_IKE_ABORTED, 0xc6336401),
			 b = about(LOG_IKE_ABORTED, 0xc6336402);
	struct log_event other = about(LOG_IKE_AUTH_FAILED, 0xc6336401);

	(void)state;
	assert_int_equal(allowed(l, &a, 10, 0), 3);
	assert_int_equal(allowed(l, &b, 10, 0), 3);
	assert_int_equal(allowed(l, &other, 10, 0), 3);
	assert_int_equal(allowed(l, &a, 10, 0), 0);
	log_limiter_free(l);
}

static void made_up_sources_cannot_flood_either(void **state)
{
	struct log_limiter *l = log_limiter_new(3, 1);
	unsigned int n = 0;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		struct log_event ev = about(LOG_IKE_ABORTED, 0xc6120000 + i);

		n += log_limiter_allow(l, &ev, 0);
	}
	assert_int_equal(n, 3 * 16);
	log_limiter_free(l);
}

static void a_clock_that_stands_still_gives_nothing(void **state)
{
	struct log_limiter *l = log_limiter_new(1, 1000);
	struct log_event ev = about(LOG_IKE_ABORTED, 0xc6336401);

	(void)state;
	assert_int_equal(allowed(l, &ev, 10, 5000), 1);
	assert_int_equal(allowed(l, &ev, 10, 5000), 0);
	log_limiter_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_unique_and_severities_valid),
		cmocka_unit_test(an_ike_event_reads_as_on_the_asa),
		cmocka_unit_test(a_detail_follows_the_text),
		cmocka_unit_test(the_joint_is_the_one_of_the_asa),
		cmocka_unit_test(native_style_names_number_and_severity),
		cmocka_unit_test(an_event_unknown_to_the_asa_keeps_its_own_number),
		cmocka_unit_test(a_peer_of_another_subsystem_is_named_alone),
		cmocka_unit_test(an_event_without_peer_has_no_prefix),
		cmocka_unit_test(the_length_is_that_of_the_whole_line),
		cmocka_unit_test(every_byte_but_printable_ascii_is_escaped),
		cmocka_unit_test(an_escape_is_never_cut_in_two),
		cmocka_unit_test(a_peer_cannot_write_a_line_of_its_own),
		cmocka_unit_test(too_long_a_detail_or_group_is_cut),
		cmocka_unit_test(events_reach_the_sink_and_none_is_fine),
		cmocka_unit_test(a_peer_gets_its_burst_and_then_its_rate),
		cmocka_unit_test(peers_and_ids_have_buckets_of_their_own),
		cmocka_unit_test(made_up_sources_cannot_flood_either),
		cmocka_unit_test(a_clock_that_stands_still_gives_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
