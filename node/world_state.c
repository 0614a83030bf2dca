/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the state directory could take a term (R11). A node learns it when it
 * has to claim, which is late: a look at the file system tells the operator
 * before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "node/term_file.h"
#include "node/world.h"

#define LOOK_NS 5000000000ull

static void say(enum log_id id, const char *detail)
{
	struct log_event ev;

	log_event_make(&ev, id, NULL, NULL, NULL, "%s", detail);
	log_emit(&ev);
}

/* Said once per cause, shown as long as it lasts. */
static void trouble(struct world *w, const char *why)
{
	if (strcmp(why, w->state_trouble) == 0)
		return;
	say(*why ? LOG_CLUSTER_TERM_UNWRITTEN : LOG_CLUSTER_TERM_WRITABLE,
	    *why ? why : w->options.state_dir);
	snprintf(w->state_trouble, sizeof(w->state_trouble), "%s", why);
}

void world_state_written(struct world *w, uint32_t group, uint64_t term, int err)
{
	char why[sizeof(w->state_trouble)] = "";

	if (err)
		snprintf(why, sizeof(why), "%.120s/term.%u: %s; expected room for term %llu",
			 w->options.state_dir, group, strerror(err), (unsigned long long)term);
	trouble(w->first, why);
}

/* errno of a write that would have to fail now; 0: none known. */
static int cannot_write(const char *dir)
{
	struct statvfs st;

	if (statvfs(dir, &st) != 0)
		return errno;
	if (st.f_flag & ST_RDONLY)
		return EROFS;
	/* A file system without inodes of a fixed number says 0 of 0. */
	return st.f_bavail == 0 || (st.f_files && st.f_favail == 0) ? ENOSPC : 0;
}

static void look(void *data)
{
	struct world *w = data;
	char why[sizeof(w->state_trouble)] = "";
	int err = cannot_write(w->options.state_dir);

	if (err)
		snprintf(why, sizeof(why), "%.120s: %s; expected room for a term",
			 w->options.state_dir, strerror(err));
	/* What a write has said is more exact, and stays until there is room. */
	if (!err || !*w->state_trouble)
		trouble(w, why);
	qb_loop_timer_add(w->loop, QB_LOOP_LOW, LOOK_NS, w, look, &w->state_timer);
}

void world_state_open(struct world *w)
{
	if (w->config->failover.enabled)
		look(w);
}
