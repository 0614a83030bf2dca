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

/* ikev2_decryption_table: one line for an IKE SA. *out is the caller's; text_free() wipes it. */
void debug_keys_ike_line(const struct ike_sa_state *s, struct text *out);
/* esp_sa: two lines for a CHILD SA, inbound and outbound. */
void debug_keys_esp_lines(const struct child_sa_state *s, struct text *out);

#endif
