/* SPDX-License-Identifier: Apache-2.0 */
/* What is given up is gone, also for threads and for programs that are executed; what
 * is needed stays. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/privs.h"

static uint64_t effective(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	assert_int_equal(syscall(SYS_capget, &head, data), 0);
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static void *of_thread(void *arg)
{
	*(uint64_t *)arg = effective();
	return NULL;
}

static void only_what_is_needed_stays(void **state)
{
	const uint64_t before = effective(), kept = 1ull << CAP_NET_ADMIN | 1ull << CAP_NET_RAW;
	uint64_t thread = 0;
	pthread_t t;

	(void)state;
	assert_int_equal(privs_limit(), R_OK);
	assert_int_equal(effective() & (1ull << CAP_SYS_ADMIN | 1ull << CAP_SETUID |
					1ull << CAP_SYS_MODULE | 1ull << CAP_SYS_NICE),
			 0);
	assert_int_equal(effective() & kept, before & kept);
	assert_int_equal(pthread_create(&t, NULL, of_thread, &thread), 0);
	pthread_join(t, NULL);
	assert_int_equal(thread, effective());
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	/* A second time, with nothing left to give up. */
	assert_int_equal(privs_limit(), R_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_needed_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
