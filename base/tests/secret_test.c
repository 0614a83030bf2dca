/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets before and after the secure heap exists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/secret.h"

#include <openssl/crypto.h>

static void set_copies_and_wipe_empties(void **state)
{
	struct secret s = { 0 };
	uint8_t key[] = { 1, 2, 3, 4 };

	(void)state;
	assert_int_equal(secret_set(&s, bytes(key, sizeof(key))), R_OK);
	wipe(key, sizeof(key));
	assert_int_equal(key[0] | key[1] | key[2] | key[3], 0);
	assert_true(bytes_equal(secret_bytes(&s), bytes("\1\2\3\4", 4)));
	secret_wipe(&s);
	assert_null(s.data);
	assert_int_equal(s.len, 0);
	secret_wipe(&s);
}

static void alloc_is_zeroed_and_bounded(void **state)
{
	SECRET s = { 0 };

	(void)state;
	assert_int_equal(secret_set(&s, bytes("xxxxxxxx", 8)), R_OK);
	assert_int_equal(secret_alloc(&s, 8), R_OK);
	assert_true(bytes_equal(secret_bytes(&s), bytes("\0\0\0\0\0\0\0\0", 8)));
	assert_int_equal(secret_alloc(&s, SECRET_MAX), R_OK);
	assert_int_equal(s.len, SECRET_MAX);
	assert_int_equal(secret_alloc(&s, SECRET_MAX + 1), R_TOO_LONG);
	assert_int_equal(s.len, 0);
}

static void set_that_is_too_long_leaves_the_old_value(void **state)
{
	static const uint8_t big[SECRET_MAX + 1];
	SECRET s = { 0 };

	(void)state;
	assert_int_equal(secret_set(&s, bytes("old", 3)), R_OK);
	assert_int_equal(secret_set(&s, bytes(big, sizeof(big))), R_TOO_LONG);
	assert_true(bytes_equal(secret_bytes(&s), bytes("old", 3)));
}

static void set_may_borrow_from_itself(void **state)
{
	SECRET s = { 0 };

	(void)state;
	assert_int_equal(secret_set(&s, bytes("abcdef", 6)), R_OK);
	assert_int_equal(secret_set(&s, bytes(s.data + 1, 2)), R_OK);
	assert_true(bytes_equal(secret_bytes(&s), bytes("bc", 2)));
}

static void copy_is_independent_and_move_empties_the_source(void **state)
{
	SECRET a = { 0 };
	SECRET b = { 0 };
	SECRET c = { 0 };

	(void)state;
	assert_int_equal(secret_set(&a, bytes("key", 3)), R_OK);
	assert_int_equal(secret_copy(&b, &a), R_OK);
	assert_ptr_not_equal(a.data, b.data);
	assert_true(secret_equal(&a, &b));
	secret_move(&c, &b);
	assert_null(b.data);
	assert_true(secret_equal(&a, &c));
	secret_move(&c, &c);
	assert_true(secret_equal(&a, &c));
	assert_int_equal(secret_copy(&a, &b), R_OK);
	assert_int_equal(a.len, 0);
}

static void equality_is_of_length_and_contents_and_never_of_nothing(void **state)
{
	SECRET a = { 0 };
	SECRET b = { 0 };

	(void)state;
	assert_false(secret_equal(&a, &b));
	assert_int_equal(secret_set(&a, bytes("aa", 2)), R_OK);
	assert_false(secret_equal(&a, &b));
	assert_int_equal(secret_set(&b, bytes("ab", 2)), R_OK);
	assert_false(secret_equal(&a, &b));
	assert_int_equal(secret_set(&b, bytes("aaa", 3)), R_OK);
	assert_false(secret_equal(&a, &b));
	assert_int_equal(secret_set(&b, bytes("aa", 2)), R_OK);
	assert_true(secret_equal(&a, &b));
}

static void constant_time_compare_of_public_lengths(void **state)
{
	(void)state;
	assert_true(bytes_equal_ct(bytes("icv", 3), bytes("icv", 3)));
	assert_false(bytes_equal_ct(bytes("icv", 3), bytes("icw", 3)));
	assert_false(bytes_equal_ct(bytes("icv", 3), bytes("icv", 2)));
	assert_true(bytes_equal_ct(BYTES_NONE, BYTES_NONE));
}

/* Runs last: the heap exists once per process. */
static void secrets_live_in_the_secure_heap_after_init(void **state)
{
	struct secret s = { 0 };

	(void)state;
	if (secret_heap_init(64 * 1024) != R_OK) {
		print_message("skip: the limit of locked memory is too low here\n");
		skip();
	}
	assert_int_equal(secret_set(&s, bytes("key", 3)), R_OK);
	assert_int_equal(CRYPTO_secure_allocated(s.data), 1);
	assert_true(CRYPTO_secure_used() > 0);
	secret_wipe(&s);
	assert_int_equal(CRYPTO_secure_used(), 0);
}

static void a_secret_from_before_the_heap_is_still_freed(void **state)
{
	struct secret *early = *state;

	secret_wipe(early);
	assert_null(early->data);
}

static void a_full_heap_is_no_memory_not_a_crash(void **state)
{
	static struct secret all[128];
	size_t n = 0;
	enum result res = R_OK;

	(void)state;
	if (!CRYPTO_secure_malloc_initialized()) {
		print_message("skip: the limit of locked memory is too low here\n");
		skip();
	}
	while (n < 128 && (res = secret_alloc(&all[n], SECRET_MAX)) == R_OK)
		n++;
	assert_int_equal(res, R_NO_MEMORY);
	assert_true(n > 0);
	while (n > 0)
		secret_wipe(&all[--n]);
}

int main(void)
{
	struct secret early = { 0 };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_copies_and_wipe_empties),
		cmocka_unit_test(alloc_is_zeroed_and_bounded),
		cmocka_unit_test(set_that_is_too_long_leaves_the_old_value),
		cmocka_unit_test(set_may_borrow_from_itself),
		cmocka_unit_test(copy_is_independent_and_move_empties_the_source),
		cmocka_unit_test(equality_is_of_length_and_contents_and_never_of_nothing),
		cmocka_unit_test(constant_time_compare_of_public_lengths),
		cmocka_unit_test(secrets_live_in_the_secure_heap_after_init),
		cmocka_unit_test_prestate(a_secret_from_before_the_heap_is_still_freed, &early),
		cmocka_unit_test(a_full_heap_is_no_memory_not_a_crash),
	};
	if (secret_set(&early, bytes("early", 5)) != R_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
