/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of Wireshark's key tables, for debugging only: whoever reads them
 * reads the traffic. The names are those of Wireshark 4's menus, which takes
 * nothing else.
 */
#ifndef HF_NODE_DEBUG_KEYS_H
#define HF_NODE_DEBUG_KEYS_H

#include "ike/ike_state.h"
#include "node/config/text.h"

/* ikev2_decryption_table: one line for an IKE SA. *t is the caller's; text_free() wipes it. */
void debug_keys_ike_line(const struct ike_sa_state *s, struct text *t);
/* esp_sa: two lines for a CHILD SA, inbound and outbound. */
void debug_keys_esp_lines(const struct child_sa_state *s, struct text *t);

/*
 * Opens dir/name for appending, made with mode 0600 when it is not there.
 * Refused, with why: a link of either kind, what is not a regular file, what
 * belongs to another user or can be read by one. R_SYSTEM, R_TOO_LONG.
 */
enum result debug_keys_file(const char *dir, const char *name, int *fd, char why[200]) WARN_UNUSED;

#endif
