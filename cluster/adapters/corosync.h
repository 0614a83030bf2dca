/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Corosync as the cluster's transport (cluster/transport.h): CPG carries the
 * messages and the views, quorum tells which ring is quorate, cmap and
 * votequorum tell the facts. Linked by node/ only.
 */
#ifndef HF_CLUSTER_ADAPTERS_COROSYNC_H
#define HF_CLUSTER_ADAPTERS_COROSYNC_H

#include "cluster/transport.h"

struct qb_loop;

/* What Corosync tells without joining. R_SYSTEM. */
enum result cl_corosync_facts(struct cl_transport_facts *facts) WARN_UNUSED;
/*
 * Connects, reads *facts and joins the CPG group; callbacks (copied) come
 * from loop later, none from within this call. ops->close may be called from
 * a callback. R_SYSTEM when Corosync is not there or not ready: try again
 * later. R_VALUE for a group name that is too long.
 */
enum result cl_corosync_open(struct qb_loop *loop, const char *group,
			     const struct cl_transport_callbacks *callbacks, void *ctx,
			     struct cl_transport_facts *facts,
			     struct cl_transport **out) WARN_UNUSED;

#endif
