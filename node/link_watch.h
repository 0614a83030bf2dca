/* SPDX-License-Identifier: Apache-2.0 */
/* The links of named devices as the kernel tells of them (rtnetlink, RTNLGRP_LINK). */
#ifndef HF_NODE_LINK_WATCH_H
#define HF_NODE_LINK_WATCH_H

#include "cluster/cluster.h"

struct link_watch;

/* R_SYSTEM (errno), R_NO_MEMORY. */
enum result link_watch_open(struct link_watch **out) WARN_UNUSED;
void link_watch_close(struct link_watch *w);
int link_watch_fd(const struct link_watch *w);
/*
 * Which devices are looked at from now on, at most CL_LINKS_MAX; names are copied. Waits for
 * the kernel's word on them. R_SYSTEM.
 */
enum result link_watch_set(struct link_watch *w, const char *const *devices, size_t n) WARN_UNUSED;
/* The descriptor is readable: true when the state of a device changed. */
bool link_watch_read(struct link_watch *w);
/* Ask for all links again; the answers come through the descriptor. */
void link_watch_look(struct link_watch *w);
/* Of device i of link_watch_set(): CL_LINK_NORMAL, NO_LINK, DOWN or FAILED. */
enum cl_link_state link_watch_state(const struct link_watch *w, size_t i);

#endif
