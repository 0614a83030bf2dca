/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A steady flow of numbered, time-stamped UDP packets between two hosts of the lab, both ways at
 * once: one process in each host, a sender thread and a receiver in each process. At the end each
 * writes what it received to a JSON report:
 *
 *   flow --local ADDR --remote ADDR [--port N] [--pps N] [--seconds N] [--size N] [--report FILE]
 *
 * The sender paces by absolute time: a late packet does not delay those after it. After the last
 * packet (or on SIGTERM) it repeats a trailer with the number of packets that it sent, so the
 * receiver can tell what was lost even at the end. Silence is the longest time between two
 * arrivals, as the kernel stamped them; a flow that never comes back counts its silence until the
 * receiver gave up. "missing" names the first runs of numbers that never came, as [first, how many,
 * seconds of the epoch when the first of them was due].
 *
 * A real-time thread per direction; what the machine did not manage is in the report: send_stall_ms
 * is the longest time between two sends, late how many were sent more than 5 ms after their time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define NS_PER_S  1000000000LL
#define NS_PER_MS 1000000LL

enum {
	FLOW_MAGIC = 0x484f4c44,
	START_MS = 300, /* until the other side listens */
	TRAILERS = 20,  /* 1 s of them: a flow may end during an outage */
	TRAILER_EVERY_MS = 50,
	DRAIN_MS = 500, /* listened to after the trailer, for stragglers */
	LATE_MS = 5,
	MISSING_MAX = 64, /* runs that are named */
	TICK_NS =
		500000, /* neither thread wakes up more often: at 10,000 a second, bursts of five */
	BURST_MAX = 64,
	GIVE_UP_MS = 5000, /* no trailer so long after our own end: the flow is dead */
	SIZE_MAX_BYTES = 1400,
};

/* On the wire in host order: both ends are on one machine. */
struct flow_packet {
	uint32_t magic;
	uint32_t is_trailer;
	uint64_t number; /* of a trailer: how many packets were sent */
	int64_t sent_ns; /* CLOCK_REALTIME */
};

struct options {
	struct sockaddr_in local, remote;
	long pps, seconds;
	size_t size;
	const char *report;
};

struct sender {
	const struct options *options;
	int fd;
	/* refused: send() failed (no route, no buffer); the number is used up */
	uint64_t sent, refused, late;
	int64_t stall_ns; /* longest time between two sends: our own share of a silence */
	_Atomic bool finished;
};

struct receiver {
	uint8_t *seen; /* one bit per number */
	long pps;
	uint64_t capacity;
	uint64_t unique, duplicated, reordered, foreign;
	uint64_t next;  /* highest number so far, plus one */
	uint64_t total; /* from the trailer */
	bool has_total;
	uint64_t trailers;
	int64_t trailer_ns;
	int64_t first_ns, last_ns;
	int64_t first_sent_ns; /* when number 0 was due */
	int64_t silence_ns, silence_at_ns;
	int64_t delay_max_ns;
};

static volatile sig_atomic_t stop_requested;

static void request_stop(int signal_number)
{
	(void)signal_number;
	stop_requested = 1;
}

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void sleep_until(int64_t monotonic_ns)
{
	struct timespec t = { .tv_sec = monotonic_ns / NS_PER_S,
			      .tv_nsec = monotonic_ns % NS_PER_S };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR &&
	       !stop_requested)
		;
}

/* Numbers from first on; of a trailer: one, which says how many were sent. */
static void send_some(struct sender *s, uint64_t first, unsigned int n, bool is_trailer)
{
	static union {
		struct flow_packet packet;
		uint8_t bytes[SIZE_MAX_BYTES];
	} out[BURST_MAX];
	struct mmsghdr m[BURST_MAX];
	struct iovec iov[BURST_MAX];
	unsigned int done = 0;

	for (unsigned int i = 0; i < n; i++) {
		out[i].packet = (struct flow_packet){ .magic = FLOW_MAGIC,
						      .is_trailer = is_trailer,
						      .number = first + i,
						      .sent_ns = clock_ns(CLOCK_REALTIME) };
		iov[i] = (struct iovec){ .iov_base = &out[i], .iov_len = s->options->size };
		m[i] = (struct mmsghdr){ .msg_hdr = {
						 .msg_name = (void *)(uintptr_t)&s->options->remote,
						 .msg_namelen = sizeof s->options->remote,
						 .msg_iov = &iov[i],
						 .msg_iovlen = 1 } };
	}
	while (done < n) {
		int sent = sendmmsg(s->fd, m + done, n - done, 0);

		if (sent > 0) {
			done += (unsigned int)sent;
			continue;
		}
		s->refused += !is_trailer;
		done++; /* its number is used up */
	}
}

static int64_t due_ns(const struct sender *s, int64_t start, uint64_t number)
{
	return start + (int64_t)number * NS_PER_S / s->options->pps;
}

/* What is due by now, at most a burst; one when nothing is. */
static unsigned int due_now(const struct sender *s, int64_t start, int64_t now, uint64_t count)
{
	unsigned int n = 1;

	while (n < BURST_MAX && s->sent + n < count && due_ns(s, start, s->sent + n) <= now)
		n++;
	return n;
}

static void *send_flow(void *arg)
{
	struct sender *s = arg;
	const int64_t start = clock_ns(CLOCK_MONOTONIC) + START_MS * NS_PER_MS;
	const uint64_t count = (uint64_t)(s->options->pps * s->options->seconds);
	int64_t before = start;

	while (s->sent < count && !stop_requested) {
		int64_t due = due_ns(s, start, s->sent), tick = before + TICK_NS;

		sleep_until(due > tick ? due : tick);
		int64_t now = clock_ns(CLOCK_MONOTONIC);
		unsigned int n = due_now(s, start, now, count);
		if (now - before > s->stall_ns)
			s->stall_ns = now - before;
		if (now - due > LATE_MS * NS_PER_MS)
			s->late += n;
		before = now;
		send_some(s, s->sent, n, false);
		s->sent += n;
	}
	for (int i = 0; i < TRAILERS; i++) {
		struct timespec pause = { .tv_nsec = TRAILER_EVERY_MS * NS_PER_MS };
		send_some(s, s->sent, 1, true);
		nanosleep(&pause, NULL);
	}
	s->finished = true;
	return NULL;
}

static void note_silence(struct receiver *r, int64_t until_ns)
{
	if (until_ns - r->last_ns > r->silence_ns) {
		r->silence_ns = until_ns - r->last_ns;
		r->silence_at_ns = r->last_ns;
	}
}

static void take_packet(struct receiver *r, const struct flow_packet *p, int64_t at_ns)
{
	uint8_t bit = (uint8_t)(1u << (p->number % 8));

	if (p->number >= r->capacity) {
		r->foreign++;
		return;
	}
	if (r->first_ns)
		note_silence(r, at_ns);
	else
		r->first_ns = at_ns;
	r->last_ns = at_ns;
	if (!r->first_sent_ns)
		r->first_sent_ns = p->sent_ns - (int64_t)p->number * NS_PER_S / r->pps;
	if (at_ns - p->sent_ns > r->delay_max_ns)
		r->delay_max_ns = at_ns - p->sent_ns;
	if (r->seen[p->number / 8] & bit) {
		r->duplicated++;
		return;
	}
	r->seen[p->number / 8] |= bit;
	r->unique++;
	if (p->number < r->next)
		r->reordered++;
	else
		r->next = p->number + 1;
}

struct arrival {
	struct flow_packet packet;
	int64_t at_ns;
};

static int64_t stamp_of(struct msghdr *m)
{
	struct timespec t;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&t, CMSG_DATA(c), sizeof t);
			return t.tv_sec * NS_PER_S + t.tv_nsec;
		}
	}
	return clock_ns(CLOCK_REALTIME);
}

/* What has come; waits for the first at most 20 ms. Returns how many of out are filled. */
static unsigned int receive_some(int fd, struct arrival out[BURST_MAX])
{
	static union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(struct timespec))];
	} control[BURST_MAX];
	struct mmsghdr m[BURST_MAX];
	struct iovec iov[BURST_MAX];
	unsigned int kept = 0;

	for (unsigned int i = 0; i < BURST_MAX; i++) {
		iov[i] = (struct iovec){ .iov_base = &out[i].packet,
					 .iov_len = sizeof out[i].packet };
		m[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i],
						      .msg_iovlen = 1,
						      .msg_control = &control[i],
						      .msg_controllen = sizeof control[i] } };
	}
	int got = recvmmsg(fd, m, BURST_MAX, MSG_WAITFORONE, NULL);
	for (int i = 0; i < got; i++) {
		if (m[i].msg_len < sizeof out[i].packet || out[i].packet.magic != FLOW_MAGIC)
			continue;
		out[kept].packet = out[i].packet;
		out[kept++].at_ns = stamp_of(&m[i].msg_hdr);
	}
	return kept;
}

static void take_trailer(struct receiver *r, const struct arrival *a)
{
	r->trailers++;
	if (r->has_total)
		return;
	note_silence(r, a->at_ns);
	r->has_total = true;
	r->total = a->packet.number;
	r->trailer_ns = a->at_ns;
}

static void receive_flow(struct receiver *r, const struct sender *s)
{
	static struct arrival in[BURST_MAX];
	int64_t own_end_ns = 0;

	r->last_ns = clock_ns(CLOCK_REALTIME); /* counts when nothing ever comes */
	for (;;) {
		unsigned int n = receive_some(s->fd, in);
		int64_t now = clock_ns(CLOCK_REALTIME);

		for (unsigned int i = 0; i < n; i++) {
			if (in[i].packet.is_trailer)
				take_trailer(r, &in[i]);
			else
				take_packet(r, &in[i].packet, in[i].at_ns);
		}
		if (s->finished && !own_end_ns)
			own_end_ns = now;
		if (s->finished && r->has_total && now - r->trailer_ns > DRAIN_MS * NS_PER_MS)
			return;
		if (own_end_ns && now - own_end_ns > GIVE_UP_MS * NS_PER_MS)
			break;
		/* The kernel has stamped them: nothing is measured worse by coming later. */
		sleep_until(clock_ns(CLOCK_MONOTONIC) + TICK_NS);
	}
	if (!r->has_total)
		note_silence(r, clock_ns(CLOCK_REALTIME));
}

/* What the other side sent; without its trailer as many as we did: both keep the same pace. */
static uint64_t expected(const struct receiver *r, const struct sender *s)
{
	return r->has_total ? r->total : s->sent;
}

static uint64_t lost(const struct receiver *r, const struct sender *s)
{
	return expected(r, s) > r->unique ? expected(r, s) - r->unique : 0;
}

static double ms(int64_t ns)
{
	return (double)ns / (double)NS_PER_MS;
}

static bool was_seen(const struct receiver *r, uint64_t number)
{
	return r->seen[number / 8] & (1u << (number % 8));
}

/* The first runs of numbers that did not come; when they were sent follows from the pace. */
static void write_missing(FILE *f, const struct receiver *r, const struct sender *s)
{
	const uint64_t end = expected(r, s) < r->capacity ? expected(r, s) : r->capacity;
	unsigned int runs = 0;

	fprintf(f, " \"missing\": [");
	for (uint64_t i = 0; i < end && runs < MISSING_MAX; i++) {
		const uint64_t first = i;
		while (i < end && !was_seen(r, i))
			i++;
		if (i > first)
			fprintf(f, "%s[%" PRIu64 ", %" PRIu64 ", %.6f]", runs++ ? ", " : "", first,
				i - first,
				(double)r->first_sent_ns / NS_PER_S +
					(double)first / (double)s->options->pps);
	}
	fprintf(f, "],\n");
}

static void write_report(FILE *f, const struct receiver *r, const struct sender *s)
{
	fprintf(f,
		"{\"sent\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"send_stall_ms\": %.3f,"
		" \"late\": %" PRIu64 ",\n"
		" \"expected\": %" PRIu64 ", \"received\": %" PRIu64 ", \"lost\": %" PRIu64
		", \"duplicated\": %" PRIu64 ", \"reordered\": %" PRIu64 ",\n"
		" \"foreign\": %" PRIu64 ", \"trailers_sent\": %d, \"trailers\": %" PRIu64 ","
		" \"complete\": %s, \"silence_ms\": %.3f,\n"
		" \"silence_at\": %.6f, \"delay_max_ms\": %.3f,\n",
		s->sent, s->refused, ms(s->stall_ns), s->late, expected(r, s), r->unique,
		lost(r, s), r->duplicated, r->reordered, r->foreign, TRAILERS, r->trailers,
		r->has_total ? "true" : "false", ms(r->silence_ns),
		(double)r->silence_at_ns / NS_PER_S, ms(r->delay_max_ns));
	write_missing(f, r, s);
	fprintf(f, " \"first\": %.6f, \"last\": %.6f}\n", (double)r->first_ns / NS_PER_S,
		(double)r->last_ns / NS_PER_S);
}

static void usage(void)
{
	fprintf(stderr, "usage: flow --local ADDR --remote ADDR [--port N] [--pps N] [--seconds N] "
			"[--size N] [--report FILE]\n");
	exit(2);
}

static struct sockaddr_in parse_address(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1)
		usage();
	return a;
}

static long parse_number(const char *text, long lowest, long highest)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < lowest || n > highest)
		usage();
	return n;
}

static struct options parse_options(int argc, char **argv)
{
	/* clang-format off */
	static const struct option names[] = {
		{ "local", required_argument, NULL, 'l' },
		{ "remote", required_argument, NULL, 'r' },
		{ "port", required_argument, NULL, 'p' }, { "pps", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 's' },
		{ "size", required_argument, NULL, 'z' },
		{ "report", required_argument, NULL, 'o' }, { 0 },
	};
	/* clang-format on */
	struct options o = { .pps = 1000, .seconds = 10, .size = 128 };
	in_port_t port = htons(5001);
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'l':
			o.local = parse_address(optarg);
			break;
		case 'r':
			o.remote = parse_address(optarg);
			break;
		case 'p':
			port = htons((in_port_t)parse_number(optarg, 1, 65535));
			break;
		case 'n':
			o.pps = parse_number(optarg, 1, 100000);
			break;
		case 's':
			o.seconds = parse_number(optarg, 1, 86400);
			break;
		case 'z':
			o.size = (size_t)parse_number(optarg, sizeof(struct flow_packet),
						      SIZE_MAX_BYTES);
			break;
		case 'o':
			o.report = optarg;
			break;
		default:
			usage();
		}
	}
	if (!o.local.sin_family || !o.remote.sin_family)
		usage();
	o.local.sin_port = o.remote.sin_port = port;
	return o;
}

static int open_socket(const struct options *o)
{
	const int on = 1, buffer = 8 << 20;
	const struct timeval wait = { .tv_usec = 20000 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&o->local, sizeof o->local) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait)) {
		perror("flow");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	const struct options o = parse_options(argc, argv);
	const struct sched_param priority = { .sched_priority = 1 };
	struct sender s = { .options = &o, .fd = open_socket(&o) };
	struct receiver r = { .pps = o.pps, .capacity = (uint64_t)(o.pps * o.seconds) };
	FILE *report = stdout;
	pthread_t thread;

	r.seen = calloc(1, r.capacity / 8 + 1);
	if (!r.seen)
		return 1;
	signal(SIGTERM, request_stop);
	signal(SIGINT, request_stop);
	/* A measuring tool must not be what is waited for; without the right to it,
	 * it measures all the same. */
	if (sched_setscheduler(0, SCHED_RR, &priority))
		perror("flow: real-time priority");
	if (pthread_create(&thread, NULL, send_flow, &s))
		return 1;
	receive_flow(&r, &s);
	pthread_join(thread, NULL);
	if (o.report && !(report = fopen(o.report, "w"))) {
		perror(o.report);
		return 1;
	}
	write_report(report, &r, &s);
	free(r.seen);
	return fclose(report) ? 1 : 0;
}
