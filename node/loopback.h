/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster of one: a transport for a node without "failover". Same code
 * path as with Corosync, one member, always quorate.
 */
#ifndef HF_NODE_LOOPBACK_H
#define HF_NODE_LOOPBACK_H

#include <qb/qbloop.h>

#include "cluster/transport.h"

/* View and quorum are reported from the loop's first turn. R_NO_MEMORY, R_SYSTEM. */
enum result loopback_open(qb_loop_t *loop, const struct cl_transport_callbacks *cb, void *ctx,
			  struct cl_transport_facts *facts, struct cl_transport **out) WARN_UNUSED;

#endif
