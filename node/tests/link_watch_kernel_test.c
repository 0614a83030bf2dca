/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel may say of links and seldom does: libmnl's socket is in this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/link_watch.h"

#define QUEUE_MAX 16u
#define UP        (IFF_UP | IFF_RUNNING | IFF_LOWER_UP)

static struct {
	int fd; /* readable for ever, or never */
	struct said {
		int error; /* instead of data */
		size_t len;
		_Alignas(struct nlmsghdr) uint8_t data[512];
	} said[QUEUE_MAX];
	size_t n, read;
	unsigned int requests;
	uint32_t seq;                 /* of the last one */
	int send_error;               /* of the next ones */
	void (*answer)(uint32_t seq); /* to a request; NULL: none */
} kernel;

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	(void)bus, (void)flags;
	return (struct mnl_socket *)(void *)&kernel;
}

int mnl_socket_bind(struct mnl_socket *s, unsigned int groups, pid_t pid)
{
	(void)s, (void)groups, (void)pid;
	return 0;
}

int mnl_socket_close(struct mnl_socket *s)
{
	(void)s;
	return 0;
}

int mnl_socket_get_fd(const struct mnl_socket *s)
{
	(void)s;
	return kernel.fd;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *s, const void *data, size_t len)
{
	(void)s;
	kernel.requests++;
	kernel.seq = ((const struct nlmsghdr *)data)->nlmsg_seq;
	errno = kernel.send_error;
	if (kernel.send_error)
		return -1;
	if (kernel.answer)
		kernel.answer(kernel.seq);
	return (ssize_t)len;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *s, void *buf, size_t size)
{
	(void)s;
	if (kernel.read == kernel.n) {
		errno = EAGAIN;
		return -1;
	}
	const struct said *d = &kernel.said[kernel.read++];
	errno = d->error;
	if (d->error)
		return -1;
	assert_true(sizeof(d->data) <= size);
	memcpy(buf, d->data, sizeof(d->data)); /* what is behind the message is not of before */
	return (ssize_t)d->len;
}

/* ---- what it says ---- */

static struct said *next(void)
{
	if (kernel.read == kernel.n)
		kernel.read = kernel.n = 0;
	assert_true(kernel.n < QUEUE_MAX);
	kernel.said[kernel.n] = (struct said){ 0 };
	return &kernel.said[kernel.n++];
}

static struct nlmsghdr *message(struct said *d, uint16_t type, uint32_t seq)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(d->data);

	h->nlmsg_type = type;
	h->nlmsg_seq = seq;
	return h;
}

static struct nlmsghdr *say_link(uint16_t type, uint32_t seq, int index, const char *name,
				 unsigned int flags)
{
	struct said *d = next();
	struct nlmsghdr *h = message(d, type, seq);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifi_index = index;
	m->ifi_flags = flags;
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	d->len = h->nlmsg_len;
	return h;
}

static struct nlmsghdr *say_done(uint32_t seq)
{
	struct said *d = next();
	struct nlmsghdr *h = message(d, NLMSG_DONE, seq);

	d->len = h->nlmsg_len;
	return h;
}

static void say_refused(uint32_t seq, int error)
{
	struct said *d = next();
	struct nlmsghdr *h = message(d, NLMSG_ERROR, seq);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(h, sizeof(*e));

	e->error = -error;
	d->len = h->nlmsg_len;
}

static void both_are_up(uint32_t seq)
{
	say_link(RTM_NEWLINK, seq, 5, "eth0", UP);
	say_link(RTM_NEWLINK, seq, 6, "eth1", UP);
	say_done(seq);
}

/* ---- who listens ---- */

static const char *const names[] = { "eth0", "eth1" };
static struct link_watch *watch;

static int begin(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.fd = eventfd(1, EFD_CLOEXEC);
	kernel.answer = both_are_up;
	assert_int_equal(link_watch_open(&watch), R_OK);
	assert_int_equal(link_watch_set(watch, names, 2), R_OK);
	assert_int_equal(kernel.requests, 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	link_watch_close(watch);
	close(kernel.fd);
	return 0;
}

static void assert_states(enum cl_link_state of_eth0, enum cl_link_state of_eth1)
{
	assert_int_equal(link_watch_state(watch, 0), of_eth0);
	assert_int_equal(link_watch_state(watch, 1), of_eth1);
}

/* R_SYSTEM with this errno; what was known stays known, and the next one may succeed. */
static void assert_fails(int error)
{
	assert_int_equal(link_watch_set(watch, names, 2), R_SYSTEM);
	assert_int_equal(errno, error);
	assert_states(CL_LINK_NORMAL, CL_LINK_NORMAL);
	kernel.answer = both_are_up;
	kernel.send_error = 0;
	assert_int_equal(link_watch_set(watch, names, 2), R_OK);
}

static void busy(uint32_t seq)
{
	say_refused(seq, EBUSY);
}

static void refused_in_few_words(uint32_t seq)
{
	struct said *d = next();

	d->len = message(d, NLMSG_ERROR, seq)->nlmsg_len;
}

static void what_is_refused_is_told(void **state)
{
	(void)state;
	kernel.answer = busy;
	assert_fails(EBUSY);
	kernel.answer = refused_in_few_words;
	assert_fails(EPROTO);
	kernel.send_error = EPERM;
	assert_fails(EPERM);
}

static void no_answer_is_not_waited_for_for_ever(void **state)
{
	(void)state;
	close(kernel.fd);
	kernel.fd = eventfd(0, EFD_CLOEXEC);
	kernel.answer = NULL;
	assert_int_equal(link_watch_set(watch, names, 2), R_SYSTEM);
	assert_int_equal(errno, ETIMEDOUT);
	assert_states(CL_LINK_NORMAL, CL_LINK_NORMAL);
}

/* The kernel's list changed under the dump: who is not named in it may be there. */
static void interrupted_once(uint32_t seq)
{
	if (kernel.requests != 2) {
		both_are_up(seq);
		return;
	}
	say_link(RTM_NEWLINK, seq, 5, "eth0", UP)->nlmsg_flags = NLM_F_DUMP_INTR;
	say_done(seq);
}

static void a_dump_with_gaps_is_asked_for_again(void **state)
{
	(void)state;
	kernel.answer = interrupted_once;
	link_watch_look(watch);
	assert_int_equal(kernel.requests, 2);
	assert_false(link_watch_read(watch));
	assert_int_equal(kernel.requests, 3);
	assert_states(CL_LINK_NORMAL, CL_LINK_NORMAL);
	/* One of somebody else is none of ours. */
	(void)link_watch_read(watch);
	say_done(kernel.seq + 1)->nlmsg_flags = NLM_F_DUMP_INTR;
	assert_false(link_watch_read(watch));
	assert_int_equal(kernel.requests, 3);
}

/* Of a dump before, or of another program: ours goes on. */
static void the_end_of_another_dump_ends_none(void **state)
{
	(void)state;
	kernel.answer = NULL;
	link_watch_look(watch);
	assert_int_equal(kernel.requests, 2);
	say_done(kernel.seq - 1);
	say_refused(kernel.seq - 1, EBUSY);
	message(next(), RTM_NEWADDR, kernel.seq);
	kernel.said[kernel.n - 1].len = sizeof(struct nlmsghdr);
	assert_false(link_watch_read(watch));
	link_watch_look(watch);
	assert_int_equal(kernel.requests, 2);
	both_are_up(kernel.seq);
	assert_false(link_watch_read(watch));
	link_watch_look(watch);
	assert_int_equal(kernel.requests, 3);
}

static void events_that_are_lost_are_asked_for(void **state)
{
	(void)state;
	next()->error = EINTR; /* nothing is lost by it */
	say_link(RTM_NEWLINK, 0, 5, "eth0", 0);
	assert_true(link_watch_read(watch));
	assert_int_equal(kernel.requests, 1);
	assert_states(CL_LINK_DOWN, CL_LINK_NORMAL);
	next()->error = ENOBUFS;
	assert_false(link_watch_read(watch));
	assert_int_equal(kernel.requests, 2);
	assert_true(link_watch_read(watch));
	assert_states(CL_LINK_NORMAL, CL_LINK_NORMAL);
}

/* eth0 is another device since, when the end of the one before is told. */
static void the_end_of_a_former_device_is_not_that_of_its_name(void **state)
{
	(void)state;
	say_link(RTM_DELLINK, 0, 4, "eth0", 0);
	assert_false(link_watch_read(watch));
	assert_states(CL_LINK_NORMAL, CL_LINK_NORMAL);
	say_link(RTM_DELLINK, 0, 5, "eth0", 0);
	assert_true(link_watch_read(watch));
	assert_states(CL_LINK_FAILED, CL_LINK_NORMAL);
}

/* RFC 2863: a driver may know of a carrier, and the device not be operational, or say only that. */
static void a_link_runs_when_device_and_carrier_do(void **state)
{
	static const struct {
		unsigned int flags;
		enum cl_link_state state;
	} rows[] = {
		{ UP, CL_LINK_NORMAL },
		{ IFF_UP | IFF_RUNNING, CL_LINK_NO_LINK },
		{ IFF_UP | IFF_LOWER_UP, CL_LINK_NO_LINK },
		{ IFF_RUNNING | IFF_LOWER_UP, CL_LINK_DOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		say_link(RTM_NEWLINK, 0, 5, "eth0", rows[i].flags);
		(void)link_watch_read(watch);
		assert_states(rows[i].state, CL_LINK_NORMAL);
	}
}

/* An index in what follows the message is not its own. */
static void what_is_too_short_is_dropped(void **state)
{
	struct said *d = next();
	struct nlmsghdr *h = message(d, RTM_NEWLINK, 0), *after;

	(void)state;
	h->nlmsg_len += 4;
	after = (struct nlmsghdr *)(void *)(d->data + h->nlmsg_len);
	*after = (struct nlmsghdr){ .nlmsg_len = sizeof(*after), .nlmsg_type = NLMSG_NOOP };
	d->len = h->nlmsg_len + after->nlmsg_len;
	say_link(RTM_NEWLINK, 0, (int)after->nlmsg_len, "eth0", UP);
	struct said first = *d;
	*d = kernel.said[1];
	kernel.said[1] = first;
	assert_false(link_watch_read(watch));
	assert_states(CL_LINK_NORMAL, CL_LINK_NORMAL);
}

/* A name ends in its attribute, and nowhere else. */
static void a_name_without_an_end_is_none(void **state)
{
	struct said *d = next();
	struct nlmsghdr *h = message(d, RTM_NEWLINK, 0);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	(void)state;
	m->ifi_index = 6;
	mnl_attr_put(h, IFLA_IFNAME, 4, "eth0");
	d->len = h->nlmsg_len;
	assert_true(link_watch_read(watch)); /* number 6 is not eth1 any more */
	assert_states(CL_LINK_NORMAL, CL_LINK_FAILED);
}

static void more_devices_than_there_is_room_for_are_not_watched(void **state)
{
	const char *many[CL_LINKS_MAX + 2];

	(void)state;
	for (size_t i = 0; i < CL_LINKS_MAX + 2; i++)
		many[i] = i == CL_LINKS_MAX - 1 ? "eth1" : "eth0";
	assert_int_equal(link_watch_set(watch, many, CL_LINKS_MAX + 2), R_OK);
	assert_int_equal(link_watch_state(watch, CL_LINKS_MAX - 1), CL_LINK_NORMAL);
	say_link(RTM_DELLINK, 0, 6, "eth1", 0);
	assert_true(link_watch_read(watch));
	assert_int_equal(link_watch_state(watch, CL_LINKS_MAX - 1), CL_LINK_FAILED);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		T(what_is_refused_is_told),
		T(no_answer_is_not_waited_for_for_ever),
		T(a_dump_with_gaps_is_asked_for_again),
		T(the_end_of_another_dump_ends_none),
		T(events_that_are_lost_are_asked_for),
		T(the_end_of_a_former_device_is_not_that_of_its_name),
		T(a_link_runs_when_device_and_carrier_do),
		T(what_is_too_short_is_dropped),
		T(a_name_without_an_end_is_none),
		T(more_devices_than_there_is_room_for_are_not_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
