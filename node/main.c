/* SPDX-License-Identifier: Apache-2.0 */
/* holdfastd: arguments, privileges, signals, start and stop. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "node/impair.h"
#include "node/log_sink.h"
#include "node/privs.h"
#include "node/world.h"

#ifndef HF_SYSCONFDIR
#define HF_SYSCONFDIR "/etc/holdfast"
#endif
#ifndef HF_STATEDIR
#define HF_STATEDIR "/var/lib/holdfast"
#endif

#define SECRET_HEAP (16u << 20)

static const char usage[] =
	"usage: holdfastd [-f] [-c FILE] [-s DIR] [--export-keys DIR]\n"
	"       holdfastd -t FILE\n"
	"  -c FILE             configuration (" HF_SYSCONFDIR "/holdfast.conf)\n"
	"  -s DIR              state: term files, guard table (" HF_STATEDIR ")\n"
	"  -f                  stay in the foreground, log to stderr\n"
	"  -t FILE             check a configuration and exit\n"
	"  --export-keys DIR   append keys to Wireshark's tables in DIR; for debugging only\n"
#ifdef HF_IMPAIRMENTS
	"  --impair SPEC       die-at=POINT:EXCHANGE:{request|response}[:N] or next-schema, for tests\n"
#endif
	"  -h                  this help\n";

struct arguments {
	struct world_options world;
	const char *check_path;
	const char *impair;
	bool help;
};

static bool parse_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option longs[] = {
		{ "export-keys", required_argument, NULL, 'K' },
#ifdef HF_IMPAIRMENTS
		{ "impair", required_argument, NULL, 'I' },
#endif
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "fc:s:t:h", longs, NULL)) != -1) {
		switch (opt) {
		case 'f':
			a->world.foreground = true;
			break;
		case 'c':
			a->world.config_path = optarg;
			break;
		case 's':
			a->world.state_dir = optarg;
			break;
		case 't':
			a->check_path = optarg;
			break;
		case 'K':
			a->world.export_keys_dir = optarg;
			break;
		case 'I':
			a->impair = optarg;
			break;
		case 'h':
			a->help = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc;
}

/* sd_notify(3) without the library: one datagram to $NOTIFY_SOCKET. */
static void notify_systemd(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (!path || strlen(path) >= sizeof(sun.sun_path))
		return;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if (sun.sun_path[0] == '@')
		sun.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sun,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
	close(fd);
}

/* A loop that no longer turns is ended by systemd: $WATCHDOG_USEC, and half of it
 * between two signs of life. */
static void keep_alive(void *data)
{
	struct world *w = data;
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t interval_ns = usec ? strtoull(usec, NULL, 10) * 1000 / 2 : 0;
	qb_loop_timer_handle timer;

	if (!interval_ns || (pid && strtol(pid, NULL, 10) != getpid()))
		return;
	notify_systemd("WATCHDOG=1");
	qb_loop_timer_add(w->loop, QB_LOOP_HIGH, interval_ns, w, keep_alive, &timer);
}

static int on_stop_signal(int sig, void *data)
{
	(void)sig;
	world_stop(data);
	return 0;
}

static int on_reload_signal(int sig, void *data)
{
	(void)sig;
	world_reload(data);
	return 0;
}

static void handle_signals(struct world *w)
{
	signal(SIGPIPE, SIG_IGN);
	qb_loop_signal_add(w->loop, QB_LOOP_HIGH, SIGTERM, w, on_stop_signal, NULL);
	qb_loop_signal_add(w->loop, QB_LOOP_HIGH, SIGINT, w, on_stop_signal, NULL);
	qb_loop_signal_add(w->loop, QB_LOOP_LOW, SIGHUP, w, on_reload_signal, NULL);
}

static void complain(enum log_id id, const char *what)
{
	struct log_event ev;
	const int err = errno;

	log_event_make(&ev, id, NULL, NULL, NULL, "%s: %s", what, strerror(err));
	log_emit(&ev);
}

/* Before the first thread and the first secret. */
static bool prepare(void)
{
	if (privs_limit() != R_OK) {
		complain(LOG_NODE_FAILED, "privileges cannot be given up");
		return false;
	}
	if (secret_heap_init(SECRET_HEAP) != R_OK) {
		complain(LOG_NODE_FAILED, "no locked memory for keys");
		return false;
	}
	return true;
}

/* Static: far too large for a stack, and there is one world. */
static struct world the_world;

static int run(const struct world_options *o)
{
	struct world *w = &the_world;
	struct log_event ev;

	log_sink_open(o->foreground, false);
	if (!prepare()) {
		log_sink_close();
		return EXIT_FAILURE;
	}
	enum result res = world_open(w, o);
	if (res == R_OK) {
		if (privs_lock_memory() != R_OK)
			complain(LOG_NODE_TROUBLE, "memory is not locked, keys can reach swap");
		handle_signals(w);
		log_event_make(&ev, LOG_NODE_STARTED, NULL, NULL, NULL, "%s", o->config_path);
		log_emit(&ev);
		notify_systemd("READY=1");
		keep_alive(w);
		qb_loop_run(w->loop);
		notify_systemd("STOPPING=1");
	}
	world_close(w);
	log_sink_close();
	return res == R_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool make_absolute(const char **path, const char *directory)
{
	char *absolute;

	if (!*path || **path == '/')
		return true;
	if (asprintf(&absolute, "%s/%s", directory, *path) < 0)
		return false;
	*path = absolute; /* for the life of the process */
	return true;
}

/* daemon(3) goes to the root directory: what was named from here must still be found. */
static bool leave_directory(struct world_options *o)
{
	char *here = getcwd(NULL, 0);
	bool good = here && make_absolute(&o->config_path, here) &&
		    make_absolute(&o->state_dir, here) && make_absolute(&o->export_keys_dir, here);

	free(here);
	return good;
}

int main(int argc, char **argv)
{
	struct arguments a = {
		.world = {
			.config_path = HF_SYSCONFDIR "/holdfast.conf",
			.state_dir = HF_STATEDIR,
			.service = "holdfast",
		},
	};

	if (!parse_arguments(argc, argv, &a)) {
		fputs(usage, stderr);
		return 2;
	}
	if (a.help) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	if (a.check_path)
		return config_check_main(a.check_path);
#ifdef HF_IMPAIRMENTS
	const char *why;
	if (a.impair && hf_impair_parse(a.impair, &why) != R_OK) {
		fprintf(stderr, "holdfastd: --impair %s: %s\n", a.impair, why);
		return 2;
	}
#endif
	if (!a.world.foreground && !leave_directory(&a.world)) {
		perror("holdfastd: the working directory");
		return EXIT_FAILURE;
	}
	if (!a.world.foreground && daemon(0, 0) != 0) {
		perror("holdfastd: daemon");
		return EXIT_FAILURE;
	}
	return run(&a.world);
}
