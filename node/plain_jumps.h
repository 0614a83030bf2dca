/* SPDX-License-Identifier: Apache-2.0 */
/* From a hook of the table of protected networks to the chains of the crypto map entries. */
#ifndef HF_NODE_PLAIN_JUMPS_H
#define HF_NODE_PLAIN_JUMPS_H

#include "node/config/model.h"

struct plain_jumps;

/* Borrows cfg. NULL when out of memory. */
struct plain_jumps *plain_jumps_new(const struct config *cfg);
void plain_jumps_free(struct plain_jumps *j);
/*
 * Appends the rules that lead to the chains CHAIN0, CHAIN1, ... by the remote
 * address, which is the source for chain 'i'. key: "iifname" or "oifname", the
 * entry's interface only; NULL: any.
 */
void plain_jumps_put(struct text *t, const struct plain_jumps *j, char chain, const char *key);

#endif
