/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nftables table of protected networks (architecture 9): marks what a
 * crypto ACL protects for the TUN's routing table, drops clear packets that
 * should have been protected, both ways, and the kernel's ICMP errors for
 * UDP 500/4500 and ESP (R20). It stays when the daemon dies: fail closed.
 */
#ifndef HF_NODE_PLAIN_H
#define HF_NODE_PLAIN_H

#include <stdio.h>

#include "node/config/model.h"
#include "node/config/text.h"

/* The whole table as nft input that replaces a former one in one transaction. Each failover group
 * has a mark, and its TUN, from which its decrypted packets come (address.h). */
void plain_table_text(const struct config *cfg, struct text *out);

struct plain;
/*
 * Loads the table, writes it to guard_path (mode 0600, atomically) for
 * holdfast-guard.service, and watches nftables events. R_SYSTEM; why.
 */
enum result plain_open(const struct config *cfg, const char *guard_path, struct plain **out,
		       char why[200]) WARN_UNUSED;
/* Table and guard file stay. */
void plain_close(struct plain *p);
/* New configuration: one transaction. */
enum result plain_reload(struct plain *p, const struct config *cfg, char why[200]) WARN_UNUSED;
/* Readable when the ruleset changed. */
int plain_fd(const struct plain *p);

enum plain_event {
	PLAIN_INTACT,
	/* somebody else removed or changed the table; it was loaded again: an alarm */
	PLAIN_RESTORED,
	PLAIN_LOST, /* and it could not be loaded: call again soon; why is set */
};
/* Looks at the events; a table that is no longer what was loaded is loaded again at once. */
enum plain_event plain_watch(struct plain *p, char why[200]) WARN_UNUSED;

#endif
