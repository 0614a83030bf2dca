/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar by itself, on a small table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "node/config/grammar.h"

static const struct grammar_row rows[] = {
	{ 1, "set peer ADDRESS+", "peers", NULL, NULL, 0, 0 },
	{ 1, "set pfs [{group14|group19}]", "pfs", NULL, NULL, 0, 0 },
	{ 1, "set life seconds <120-900> [kilobytes KILOBYTES]", "life", NULL, NULL, 0, 0 },
	{ 1, "set mode {tunnel|transport}", "mode", NULL, NULL, ROW_POSITIVE, 0 },
	{ 1, "set note LINE", "note", NULL, NULL, 0, 0 },
	{ 1, "set LINE", "anything", NULL, NULL, 0, 0 },
	{ 1, "peer NAME", "the whole peer", NULL, NULL, ROW_NO_ONLY, 0 },
	{ 2, "set peer NAME", "in another mode", NULL, NULL, 0, 0 },
	{ 0 },
};

enum { ROW_PEER, ROW_PFS, ROW_LIFE, ROW_MODE, ROW_NOTE, ROW_ANY, ROW_ENTIRE, ROW_OTHER };

static bool resolve(void *ctx, const char *name, struct inet_addr *out)
{
	*out = inet_v4(0xc0000207);
	return strcmp(name, ctx) == 0;
}

static const struct grammar_table tables[] = { { rows, NULL }, { 0 } };
static char known_name[] = "gate";
static const struct grammar grammar = { .tables = tables,
					.resolve = resolve,
					.resolve_ctx = known_name };

/* The row that text matches, -1 for none; the caller frees *l. */
static int match(int mode, const char *text, struct line *l, struct match *m, struct failure *f)
{
	assert_int_equal(line_split(l, text, strlen(text)), R_OK);
	return grammar_match(&grammar, mode, l, m, f) == R_OK ? (int)(m->row - rows) : -1;
}

static int row_of(const char *text)
{
	struct line l;
	struct match m;
	struct failure f;
	int row = match(1, text, &l, &m, &f);
	line_free(&l);
	return row;
}

static void a_unique_beginning_of_a_keyword_is_enough(void **state)
{
	(void)state;
	assert_int_equal(row_of("set peer 192.0.2.1"), ROW_PEER);
	assert_int_equal(row_of("SE PEE 192.0.2.1"), ROW_PEER);
	assert_int_equal(row_of("s pf"), ROW_PFS);
	assert_int_equal(row_of("set peerr 192.0.2.1"), ROW_ANY);
	assert_int_equal(row_of("sett peer 192.0.2.1"), -1);
	assert_int_equal(row_of(""), -1);
}

static void a_row_with_fixed_words_comes_before_free_text(void **state)
{
	(void)state;
	assert_int_equal(row_of("set note some words"), ROW_NOTE);
	assert_int_equal(row_of("set peer 192.0.2.300"), ROW_ANY);
	assert_int_equal(row_of("set mode tunnel"), ROW_MODE);
}

static void arguments_come_by_slot_with_their_columns(void **state)
{
	struct line l;
	struct match m;
	struct failure f;
	(void)state;
	assert_int_equal(match(1, "  set peer 192.0.2.1  gate 192.0.2.3", &l, &m, &f), ROW_PEER);
	assert_int_equal(m.n_args, 3);
	assert_int_equal(m.column, 3);
	assert_int_equal(m.args[1].column, 23);
	assert_int_equal(inet_to_v4(&m.args[1].address), 0xc0000207);
	assert_string_equal(match_text(&m, 0), "192.0.2.1");
	line_free(&l);
	assert_int_equal(match(1, "set life seconds 900 kilobytes unlimited", &l, &m, &f),
			 ROW_LIFE);
	assert_int_equal(match_arg(&m, 0)->number, 900);
	assert_int_equal(match_arg(&m, 1)->number, 0);
	line_free(&l);
	assert_int_equal(match(1, "set life seconds 120", &l, &m, &f), ROW_LIFE);
	assert_null(match_arg(&m, 1));
	line_free(&l);
	assert_int_equal(match(1, "set note  two  words ", &l, &m, &f), ROW_NOTE);
	assert_string_equal(match_text(&m, 0), "two  words");
	line_free(&l);
	assert_int_equal(match(1, "set pfs GROUP1", &l, &m, &f), ROW_ANY);
	line_free(&l);
	assert_int_equal(match(1, "set pfs group19", &l, &m, &f), ROW_PFS);
	assert_int_equal(match_arg(&m, 0)->choice, 1);
	line_free(&l);
}

static void numbers_hold_to_their_bounds(void **state)
{
	(void)state;
	assert_int_equal(row_of("set life seconds 119"), ROW_ANY);
	assert_int_equal(row_of("set life seconds 120"), ROW_LIFE);
	assert_int_equal(row_of("set life seconds 901"), ROW_ANY);
	assert_int_equal(row_of("set life seconds 0x80"), ROW_ANY);
	assert_int_equal(row_of("set life seconds 120 kilobytes 9"), ROW_ANY);
	assert_int_equal(row_of("set life seconds 120 kilobytes 2147483648"), ROW_ANY);
}

static void no_may_end_behind_the_last_keyword(void **state)
{
	struct line l;
	struct match m;
	struct failure f;
	(void)state;
	assert_int_equal(match(1, "no set peer", &l, &m, &f), ROW_PEER);
	assert_true(m.no);
	assert_int_equal(m.n_args, 0);
	line_free(&l);
	assert_int_equal(row_of("no set life seconds"), ROW_LIFE);
	assert_int_equal(row_of("no set life"), ROW_ANY);
	assert_int_equal(row_of("no peer x"), ROW_ENTIRE);
	assert_int_equal(row_of("peer x"), -1);
	assert_int_equal(row_of("no set mode tunnel"), ROW_ANY);
}

static void rows_of_another_mode_are_not_seen(void **state)
{
	struct line l;
	struct match m;
	struct failure f;
	(void)state;
	assert_int_equal(match(2, "set peer abc", &l, &m, &f), ROW_OTHER);
	line_free(&l);
	assert_int_equal(match(2, "set pfs", &l, &m, &f), -1);
	assert_int_equal(f.at, 1);
	line_free(&l);
}

static void help_lists_what_may_follow(void **state)
{
	struct text out = { 0 };
	(void)state;
	grammar_help(&grammar, 2, "", false, &out);
	assert_string_equal(text_string(&out), "  set                       in another mode\n");
	text_free(&out);
	grammar_help(&grammar, 1, "set p", true, &out);
	assert_string_equal(text_string(&out), "peer\npfs\n");
	text_free(&out);
	grammar_help(&grammar, 1, "set pfs ", false, &out);
	assert_string_equal(text_string(&out), "  group14                   pfs\n"
					       "  group19                   pfs\n"
					       "  <cr>                      pfs\n");
	text_free(&out);
	grammar_help(&grammar, 1, "set life seconds ", false, &out);
	assert_string_equal(text_string(&out), "  a number from 120 to 900  life\n"
					       "  <cr>                      anything\n");
	text_free(&out);
}

static void a_row_is_written_back_with_and_without_its_options(void **state)
{
	struct text out = { 0 };
	(void)state;
	grammar_write(&rows[ROW_LIFE], (const char *const[]){ "300", NULL }, &out);
	text_append(&out, bytes("|", 1));
	grammar_write(&rows[ROW_LIFE], (const char *const[]){ "300", "unlimited" }, &out);
	text_append(&out, bytes("|", 1));
	grammar_write(&rows[ROW_PFS], (const char *const[]){ NULL }, &out);
	assert_string_equal(
		text_string(&out),
		"set life seconds 300|set life seconds 300 kilobytes unlimited|set pfs");
	text_free(&out);
}

static void a_line_with_too_many_words_matches_only_free_text(void **state)
{
	struct text text = { 0 };
	(void)state;
	text_printf(&text, "set peer");
	for (int i = 0; i < 2 * GRAMMAR_TOKENS_MAX; i++)
		text_printf(&text, " 192.0.2.1");
	assert_int_equal(row_of(text_string(&text)), ROW_ANY);
	text_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unique_beginning_of_a_keyword_is_enough),
		cmocka_unit_test(a_row_with_fixed_words_comes_before_free_text),
		cmocka_unit_test(arguments_come_by_slot_with_their_columns),
		cmocka_unit_test(numbers_hold_to_their_bounds),
		cmocka_unit_test(no_may_end_behind_the_last_keyword),
		cmocka_unit_test(rows_of_another_mode_are_not_seen),
		cmocka_unit_test(help_lists_what_may_follow),
		cmocka_unit_test(a_row_is_written_back_with_and_without_its_options),
		cmocka_unit_test(a_line_with_too_many_words_matches_only_free_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
