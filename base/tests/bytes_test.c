/* SPDX-License-Identifier: Apache-2.0 */
/* struct bytes and struct buf: equality, copies, moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

static void equality_needs_length_and_contents(void **state)
{
	(void)state;
	assert_true(bytes_equal(bytes("abc", 3), bytes("abc", 3)));
	assert_false(bytes_equal(bytes("abc", 3), bytes("abd", 3)));
	assert_false(bytes_equal(bytes("abc", 3), bytes("abc", 2)));
	assert_true(bytes_equal(BYTES_NONE, bytes("x", 0)));
}

static void set_copies_and_replaces(void **state)
{
	struct buf b = { 0 };
	char text[] = "first";

	(void)state;
	assert_true(buf_set(&b, bytes(text, 5)));
	text[0] = 'X';
	assert_true(bytes_equal(buf_bytes(&b), bytes("first", 5)));
	assert_true(buf_set(&b, bytes("second", 6)));
	assert_true(bytes_equal(buf_bytes(&b), bytes("second", 6)));
	buf_free(&b);
	assert_null(b.p);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void set_to_empty_owns_nothing(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_true(buf_set(&b, bytes("x", 1)));
	assert_true(buf_set(&b, BYTES_NONE));
	assert_null(b.p);
	assert_int_equal(b.len, 0);
}

static void set_may_borrow_from_itself(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_true(buf_set(&b, bytes("abcdef", 6)));
	assert_true(buf_set(&b, bytes(b.p + 2, 3)));
	assert_true(bytes_equal(buf_bytes(&b), bytes("cde", 3)));
	buf_free(&b);
}

static void move_leaves_the_source_empty(void **state)
{
	struct buf a = { 0 }, b = { 0 };

	(void)state;
	assert_true(buf_set(&a, bytes("a", 1)));
	assert_true(buf_set(&b, bytes("bb", 2)));
	buf_move(&a, &b);
	assert_true(bytes_equal(buf_bytes(&a), bytes("bb", 2)));
	assert_null(b.p);
	assert_int_equal(b.len, 0);
	buf_move(&a, &a);
	assert_true(bytes_equal(buf_bytes(&a), bytes("bb", 2)));
	buf_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_needs_length_and_contents),
		cmocka_unit_test(set_copies_and_replaces),
		cmocka_unit_test(set_to_empty_owns_nothing),
		cmocka_unit_test(set_may_borrow_from_itself),
		cmocka_unit_test(move_leaves_the_source_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
