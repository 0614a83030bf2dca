/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peers of bench-ha: many initiators (ike_client.h) that do what lines on
 * standard input say, and print what they measured:
 *
 *	up		set all up; "up N of N in S s"
 *	load RATE	so many liveness checks a second, in turn; 0 ends it
 *	window NAME	"window NAME n N p50_us P p99_us Q max_us M": the answers to
 *			the load since the last such line, then begins anew
 *	sweep		an echo through the CHILD SA and a liveness check of each,
 *			repeated until all have answered or 60 s are over
 *	check		who kept its IKE SA; how often all have authenticated
 *	quit
 *
 * With --trace FILE each answer to the load is a line there: when it came, in
 * ms of the day (UTC), and after how many microseconds.
 *
 * With --echo ADDRESS it is the echo service behind the gateway instead.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/iana.h"
#include "base/must.h"
#include "ha-tests/bench/ike_client.h"

#define MS          1000000ull
#define SECOND      (1000 * MS)
#define NEGOTIATING 64  /* at once; the gateway asks for cookies from 500 on */
#define SWEEPING    256 /* echoes, and as many liveness checks, at once */
#define ECHO_AGAIN  (50 * MS)
#define SWEEP_TIME  (60 * SECOND)
#define UP_TIME     (60 * SECOND) /* without one more */
#define SAMPLES_MAX (1 << 20)
#define PORT_ECHO   7

/* How many of the clients have done one thing, and when. */
struct course {
	unsigned int next, under_way, done;
	uint64_t *took_us;
};

struct program {
	struct clients all;
	char line[128];
	size_t line_len;
	bool quit;

	struct course up;
	uint64_t up_from_ns, up_last_ns; /* 0: not under way */

	uint64_t load_every_ns, load_at_ns;
	unsigned int load_next;
	uint32_t *sample_us;
	size_t n_samples;
	FILE *trace;

	struct course echo, alive;
	uint64_t sweep_from_ns; /* 0: not under way */
	uint64_t echoes_repeated;
};

static struct program *of(struct clients *all)
{
	return (struct program *)(void *)((uint8_t *)all - offsetof(struct program, all));
}

static void say(const char *text)
{
	printf("%s\n", text);
	fflush(stdout);
}

/* ---- figures ---- */

static int compare64(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static int compare32(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void print_course(const char *name, struct course *c, unsigned int count)
{
	char text[160];
	const unsigned int n = c->done;

	qsort(c->took_us, n, sizeof(c->took_us[0]), compare64);
	snprintf(text, sizeof(text), "%s %u of %u first_ms %.1f p50_ms %.1f last_ms %.1f", name, n,
		 count, n ? (double)c->took_us[0] / 1000 : 0.0,
		 n ? (double)c->took_us[n / 2] / 1000 : 0.0,
		 n ? (double)c->took_us[n - 1] / 1000 : 0.0);
	say(text);
}

static void course_begin(struct course *c, unsigned int count)
{
	uint64_t *took = c->took_us ? c->took_us : calloc(count, sizeof(*took));

	must(took);
	*c = (struct course){ .took_us = took };
}

static void course_done(struct course *c, uint64_t from_ns)
{
	c->took_us[c->done++] = (clients_now_ns() - from_ns) / 1000;
	c->under_way--;
}

/* ---- setting up ---- */

static void up_continue(struct program *p)
{
	char text[80];
	const unsigned int count = p->all.o.count;

	if (!p->up_from_ns)
		return;
	while (p->up.next < count && p->up.under_way < NEGOTIATING) {
		p->up.under_way++;
		client_initiate(&p->all.client[p->up.next++]);
	}
	if (p->up.done < count && clients_now_ns() < p->up_last_ns + UP_TIME)
		return;
	snprintf(text, sizeof(text), "up %u of %u in %.2f s", p->up.done, count,
		 (double)(p->up_last_ns - p->up_from_ns) / (double)SECOND);
	p->up_from_ns = 0;
	say(text);
}

static void on_up(struct clients *all, struct client *c)
{
	struct program *p = of(all);

	(void)c;
	p->up_last_ns = clients_now_ns();
	course_done(&p->up, p->up_from_ns);
}

static void up_begin(struct program *p)
{
	course_begin(&p->up, p->all.o.count);
	p->up_from_ns = p->up_last_ns = clients_now_ns();
}

/* ---- load ---- */

static void load_begin(struct program *p, const char *rate)
{
	const long n = strtol(rate, NULL, 10);

	p->load_every_ns = n > 0 ? SECOND / (uint64_t)n : 0;
	p->load_at_ns = clients_now_ns();
}

static void load_continue(struct program *p)
{
	const uint64_t now = clients_now_ns();

	for (; p->load_every_ns && p->load_at_ns <= now; p->load_at_ns += p->load_every_ns) {
		struct client *c = &p->all.client[p->load_next++ % p->all.o.count];
		if (c->up && !c->asked_ns)
			client_ask_liveness(c);
	}
}

static void window(struct program *p, const char *name)
{
	char text[200];
	const size_t n = p->n_samples;

	qsort(p->sample_us, n, sizeof(p->sample_us[0]), compare32);
	snprintf(text, sizeof(text), "window %.40s n %zu p50_us %u p99_us %u max_us %u", name, n,
		 n ? p->sample_us[n / 2] : 0, n ? p->sample_us[n - 1 - n / 100] : 0,
		 n ? p->sample_us[n - 1] : 0);
	p->n_samples = 0;
	if (p->trace)
		fflush(p->trace);
	say(text);
}

/* In the time of the daemons' logs. */
static void trace(FILE *to, uint64_t took_us)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	fprintf(to, "%.3f %llu\n",
		(double)(now.tv_sec % 86400) * 1000 + (double)now.tv_nsec / (double)MS,
		(unsigned long long)took_us);
}

static void on_alive(struct clients *all, struct client *c)
{
	struct program *p = of(all);
	const uint64_t took_us = (clients_now_ns() - c->asked_ns) / 1000;

	c->asked_ns = 0;
	if (p->trace && !p->sweep_from_ns)
		trace(p->trace, took_us);
	if (p->n_samples < SAMPLES_MAX)
		p->sample_us[p->n_samples++] = took_us < UINT32_MAX ? (uint32_t)took_us
								    : UINT32_MAX;
	if (p->sweep_from_ns && !c->alive) {
		c->alive = true;
		course_done(&p->alive, p->sweep_from_ns);
	}
}

/* ---- sweep ---- */

static void sweep_begin(struct program *p)
{
	for (unsigned int i = 0; i < p->all.o.count; i++) {
		p->all.client[i].alive = p->all.client[i].echoed = false;
		p->all.client[i].sent_ns = 0;
	}
	course_begin(&p->echo, p->all.o.count);
	course_begin(&p->alive, p->all.o.count);
	p->echoes_repeated = 0;
	p->sweep_from_ns = clients_now_ns();
}

static void on_echo(struct clients *all, struct client *c)
{
	struct program *p = of(all);

	c->sent_ns = 0;
	if (!p->sweep_from_ns || c->echoed)
		return;
	c->echoed = true;
	course_done(&p->echo, p->sweep_from_ns);
}

/* A lost echo is sent again here, a lost liveness check by the engine (RFC 7296 2.1). */
static void echoes_again(struct program *p)
{
	const uint64_t now = clients_now_ns();

	for (unsigned int i = 0; i < p->echo.next; i++) {
		struct client *c = &p->all.client[i];
		if (c->echoed || !c->up || now < c->sent_ns + ECHO_AGAIN)
			continue;
		p->echoes_repeated++;
		client_send_echo(c);
	}
}

static void sweep_continue(struct program *p)
{
	const unsigned int count = p->all.o.count;
	char text[80];

	if (!p->sweep_from_ns)
		return;
	echoes_again(p);
	while (p->echo.next < count && p->echo.under_way < SWEEPING) {
		p->echo.under_way++;
		client_send_echo(&p->all.client[p->echo.next++]);
	}
	while (p->alive.next < count && p->alive.under_way < SWEEPING) {
		struct client *c = &p->all.client[p->alive.next++];
		p->alive.under_way++;
		if (!c->asked_ns)
			client_ask_liveness(c);
	}
	if ((p->echo.done < count || p->alive.done < count) &&
	    clients_now_ns() < p->sweep_from_ns + SWEEP_TIME)
		return;
	p->sweep_from_ns = 0;
	print_course("echo", &p->echo, count);
	print_course("liveness", &p->alive, count);
	snprintf(text, sizeof(text), "swept %llu echoes repeated",
		 (unsigned long long)p->echoes_repeated);
	say(text);
}

/* ---- check ---- */

static void check(const struct program *p)
{
	unsigned int kept = 0;
	uint64_t authentications = 0, ups = 0, rekeys = 0;
	char text[200];

	for (unsigned int i = 0; i < p->all.o.count; i++) {
		const struct ike_stats *s = ike_engine_stats(p->all.client[i].engine);
		kept += client_kept_its_sa(&p->all.client[i]);
		authentications += s->in_responses[IKE_AUTH & 63];
		ups += s->sa_up;
		rekeys += s->rekeys_child;
	}
	snprintf(text, sizeof(text),
		 "check kept %u of %u, authentications %llu, set up %llu, CHILD rekeys %llu, "
		 "not sent %llu, refused %llu",
		 kept, p->all.o.count, (unsigned long long)authentications, (unsigned long long)ups,
		 (unsigned long long)rekeys, (unsigned long long)p->all.send_errors,
		 (unsigned long long)p->all.refused);
	say(text);
}

/* ---- the loop ---- */

static void command(struct program *p, const char *line)
{
	if (strcmp(line, "up") == 0)
		up_begin(p);
	else if (strncmp(line, "load ", 5) == 0)
		load_begin(p, line + 5);
	else if (strncmp(line, "window ", 7) == 0)
		window(p, line + 7);
	else if (strcmp(line, "sweep") == 0)
		sweep_begin(p);
	else if (strcmp(line, "check") == 0)
		check(p);
	else if (strcmp(line, "quit") == 0)
		p->quit = true;
	else
		say("unknown command");
}

static void commands(struct program *p)
{
	ssize_t got = read(STDIN_FILENO, p->line + p->line_len, sizeof(p->line) - 1 - p->line_len);
	char *end;

	if (got <= 0) {
		p->quit = true;
		return;
	}
	p->line_len += (size_t)got;
	p->line[p->line_len] = '\0';
	while ((end = strchr(p->line, '\n')) != NULL) {
		*end = '\0';
		command(p, p->line);
		p->line_len -= (size_t)(end + 1 - p->line);
		memmove(p->line, end + 1, p->line_len + 1);
	}
	if (p->line_len == sizeof(p->line) - 1)
		p->line_len = 0;
}

static int wait_ms(const struct program *p)
{
	const uint64_t now = clients_now_ns();
	uint64_t at = timer_next(&p->all.timers) < UINT64_MAX / MS ? timer_next(&p->all.timers) * MS
								   : UINT64_MAX;

	if (p->load_every_ns && p->load_at_ns < at)
		at = p->load_at_ns;
	if ((p->sweep_from_ns || p->up_from_ns) && now + 5 * MS < at)
		at = now + 5 * MS;
	if (at <= now)
		return 0;
	return at - now < SECOND ? (int)((at - now + MS - 1) / MS) : 1000;
}

static void run(struct program *p)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = p->all.fd500, .events = POLLIN },
				{ .fd = p->all.fd4500, .events = POLLIN } };

	while (!p->quit) {
		if (poll(fds, 3, wait_ms(p)) < 0)
			return;
		if (fds[0].revents)
			commands(p);
		clients_receive(&p->all, p->all.fd500);
		clients_receive(&p->all, p->all.fd4500);
		clients_timers(&p->all);
		up_continue(p);
		load_continue(p);
		sweep_continue(p);
	}
}

/* ---- the echo service ---- */

static int echo(const struct inet_addr *local)
{
	const struct inet_endpoint here = { .addr = *local, .port = PORT_ECHO };
	const int buffer = 32 << 20;
	struct sockaddr_storage from;
	const socklen_t len = inet_to_sockaddr(&here, &from);
	uint8_t data[2048];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
	    bind(fd, (const struct sockaddr *)&from, len) != 0) {
		perror("ike_clients: echo");
		return 1;
	}
	for (;;) {
		socklen_t from_len = sizeof(from);
		ssize_t got = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from,
				       &from_len);
		if (got >= 0)
			(void)!sendto(fd, data, (size_t)got, 0, (const struct sockaddr *)&from,
				      from_len);
	}
}

/* ---- options ---- */

static void usage(void)
{
	fprintf(stderr,
		"usage: ike_clients --count N --service ADDRESS --echo-host ADDRESS\n"
		"                   --outer ADDRESS --inner ADDRESS --inside ADDRESS (/24)\n"
		"                   --own-key KEY --service-key KEY [--trace FILE]\n"
		"       ike_clients --echo ADDRESS\n");
	exit(2);
}

static struct inet_addr address(const char *text)
{
	struct inet_addr a;

	if (inet_parse(text, &a) != R_OK || a.family != INET_V4)
		usage();
	return a;
}

static void options(struct program *p, int argc, char **argv)
{
	struct client_options *o = &p->all.o;
	/* clang-format off */
	static const struct option names[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "service", required_argument, NULL, 's' },
		{ "echo-host", required_argument, NULL, 'h' },
		{ "outer", required_argument, NULL, 'o' },
		{ "inner", required_argument, NULL, 'i' },
		{ "inside", required_argument, NULL, 'b' },
		{ "own-key", required_argument, NULL, 'k' },
		{ "service-key", required_argument, NULL, 'K' },
		{ "trace", required_argument, NULL, 't' },
		{ "echo", required_argument, NULL, 'e' }, { 0 },
	};
	/* clang-format on */
	struct inet_addr own;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->count = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 's':
			o->service = address(optarg);
			break;
		case 'h':
			o->echo_host = address(optarg);
			break;
		case 'o':
			o->outer = address(optarg);
			break;
		case 'i':
			o->inner = address(optarg);
			break;
		case 'b':
			o->inside = (struct inet_prefix){ .addr = address(optarg), .len = 24 };
			break;
		case 'k':
			o->own_key = optarg;
			break;
		case 'K':
			o->service_key = optarg;
			break;
		case 't':
			p->trace = fopen(optarg, "we");
			if (!p->trace)
				usage();
			break;
		case 'e':
			own = address(optarg);
			exit(echo(&own));
		default:
			usage();
		}
	}
	if (!o->count || !o->own_key || !o->service_key || !o->outer.family || !o->inner.family ||
	    !o->service.family || !o->echo_host.family || !o->inside.addr.family)
		usage();
}

int main(int argc, char **argv)
{
	struct program *p = calloc(1, sizeof(*p));

	must(p);
	p->all.o.retransmit_ms = 500;
	options(p, argc, argv);
	p->sample_us = calloc(SAMPLES_MAX, sizeof(*p->sample_us));
	must(p->sample_us);
	p->all.on_up = on_up;
	p->all.on_alive = on_alive;
	p->all.on_echo = on_echo;
	clients_open(&p->all);
	say("ready");
	run(p);
	clients_close(&p->all);
	if (p->trace)
		fclose(p->trace);
	free(p->up.took_us);
	free(p->echo.took_us);
	free(p->alive.took_us);
	free(p->sample_us);
	free(p);
	return 0;
}
