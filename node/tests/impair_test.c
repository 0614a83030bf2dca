/* SPDX-License-Identifier: Apache-2.0 */
/* --impair: exactly what is asked for is parsed, and the process dies there and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/iana.h"
#include "node/impair.h"

#ifdef HF_IMPAIRMENTS
static const char *const good[] = {
	"die-at=before-commit:IKE_SA_INIT:request",
	"die-at=after-commit:IKE_AUTH:response",
	"die-at=before-send:CREATE_CHILD_SA:request:1",
	"die-at=after-send:INFORMATIONAL:response:250",
	"next-schema",
};

static const char *const bad[] = {
	"",
	"die-at",
	"die-at=",
	"die-at=after-send",
	"die-at=after-send:IKE_AUTH",
	"die-at=after-send:IKE_AUTH:",
	"die-at=after-send:IKE_AUTH:reply",
	"die-at=after-send:IKE_AUTH:request:",
	"die-at=after-send:IKE_AUTH:request:0",
	"die-at=after-send:IKE_AUTH:request:-1",
	"die-at=after-send:IKE_AUTH:request:1x",
	"die-at=after-send:IKE_AUTH:request:1:2",
	"die-at=after-send:IKE_AUTH:requests",
	"die-at=after-send:ike_auth:request",
	"die-at=sometimes:IKE_AUTH:request",
	"live-at=after-send:IKE_AUTH:request",
	"next-schema:1",
	"next",
};

static void what_is_no_impairment_is_refused(void **state)
{
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (hf_impair_parse(good[i], &why) != R_OK)
			fail_msg("%s: refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (hf_impair_parse(bad[i], &why) != R_VALUE)
			fail_msg("%s: taken", bad[i]);
}

/* Passes points in a child until it dies; the number of the one that killed it, 0 when none did. */
static int dies_at(const char *text)
{
	static const struct {
		enum hf_die_point point;
		unsigned int exchange;
		bool response;
	} passed[] = {
		{ HF_DIE_AFTER_SEND, IKE_AUTH, true },
		{ HF_DIE_BEFORE_SEND, IKE_AUTH, false },
		{ HF_DIE_AFTER_SEND, CREATE_CHILD_SA, false },
		{ HF_DIE_AFTER_SEND, IKE_AUTH, false },
		{ HF_DIE_AFTER_SEND, IKE_AUTH, false },
	};
	const char *why;
	int progress[2], n = 0, status;
	char c;

	assert_int_equal(pipe(progress), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		if (text && hf_impair_parse(text, &why) != R_OK)
			_exit(1);
		for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
			(void)!write(progress[1], "x", 1);
			hf_impair_die(passed[i].point, passed[i].exchange, passed[i].response);
		}
		_exit(0);
	}
	close(progress[1]);
	while (read(progress[0], &c, 1) == 1)
		n++;
	close(progress[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? n : 0;
}

static void it_dies_at_the_point_that_was_named(void **state)
{
	(void)state;
	assert_int_equal(dies_at(NULL), 0);
	assert_int_equal(dies_at("die-at=after-send:IKE_AUTH:response"), 1);
	assert_int_equal(dies_at("die-at=before-send:IKE_AUTH:request"), 2);
	assert_int_equal(dies_at("die-at=after-send:IKE_AUTH:request"), 4);
	assert_int_equal(dies_at("die-at=after-send:IKE_AUTH:request:2"), 5);
	assert_int_equal(dies_at("die-at=after-send:IKE_AUTH:request:3"), 0);
}
#else
static void a_release_build_has_no_impairments(void **state)
{
	(void)state;
	hf_impair_die(HF_DIE_AFTER_SEND, IKE_AUTH, true);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HF_IMPAIRMENTS
		cmocka_unit_test(what_is_no_impairment_is_refused),
		cmocka_unit_test(it_dies_at_the_point_that_was_named),
#else
		cmocka_unit_test(a_release_build_has_no_impairments),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
