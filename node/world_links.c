/* SPDX-License-Identifier: Apache-2.0 */
/* Link monitoring: the interfaces of the configuration, as the kernel has them, to the core. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/poll.h>

#include "node/link_watch.h"
#include "node/world.h"

#define NS_PER_MS 1000000ull

static_assert(CONFIG_MONITORED_MAX == CL_LINKS_MAX, "each monitored interface is told of");

static void trouble(const char *why)
{
	struct log_event ev;

	log_event_make(&ev, LOG_NODE_TROUBLE, NULL, NULL, NULL, "interfaces are not monitored: %s",
		       why);
	log_emit(&ev);
}

static void tell(struct world *w)
{
	const struct config_monitoring *mon = &w->config->monitoring;
	const struct config_interface *watched[CL_LINKS_MAX];
	struct cl_health health = { .failures = mon->policy,
				    .percent = mon->percent,
				    .link_state_ms = mon->link_state_ms,
				    .hold_ms = mon->hold_s * 1000 };
	struct cl_input in = { .kind = CL_IN_LINKS, .group = 1, .health = &health };

	health.n_links = config_watched(w->config, watched);
	for (size_t i = 0; i < health.n_links; i++) {
		const struct config_interface *ifc = watched[i];
		struct cl_link *l = &health.links[i];
		snprintf(l->nameif, sizeof(l->nameif), "%.64s", ifc->nameif);
		l->state = ifc->shutdown ? CL_LINK_DOWN : link_watch_state(w->links, i);
		l->group = ifc->failover_group;
		l->monitored = w->config->failover.enabled && ifc->monitored;
	}
	hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
}

static int on_links(int fd, int revents, void *data)
{
	struct world *w = data;

	(void)fd, (void)revents;
	if (link_watch_read(w->links))
		tell(w);
	return 0;
}

/* "failover polltime interface": should the kernel's word have been lost. */
static void look_again(void *data)
{
	struct world *w = data;

	link_watch_look(w->links);
	qb_loop_timer_add(w->loop, QB_LOOP_LOW, w->config->monitoring.poll_ms * NS_PER_MS, w,
			  look_again, &w->links_timer);
}

void world_links_reload(struct world *w)
{
	const struct config_interface *watched[CL_LINKS_MAX];
	const char *devices[CL_LINKS_MAX];

	if (!w->links)
		return;
	const size_t n = config_watched(w->config, watched);
	for (size_t i = 0; i < n; i++)
		devices[i] = watched[i]->name;
	if (link_watch_set(w->links, devices, n) != R_OK)
		trouble(strerror(errno));
	else
		tell(w);
}

void world_links_open(struct world *w)
{
	if (link_watch_open(&w->links) != R_OK) {
		trouble(strerror(errno));
		return;
	}
	world_links_reload(w);
	qb_loop_poll_add(w->loop, QB_LOOP_MED, link_watch_fd(w->links), POLLIN, w, on_links);
	look_again(w);
}

void world_links_close(struct world *w)
{
	link_watch_close(w->links);
	w->links = NULL;
}
