/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a hook of the table of protected networks to the chains of the crypto map entries. Where
 * there are many entries most have the same own networks and differ in the remote ones, which the
 * look-up has compared already: these share a chain.
 */
#ifndef HF_NODE_PLAIN_JUMPS_H
#define HF_NODE_PLAIN_JUMPS_H

#include "node/config/model.h"

struct plain_jumps;

/* Borrows cfg. NULL when out of memory. */
struct plain_jumps *plain_jumps_new(const struct config *cfg);
void plain_jumps_free(struct plain_jumps *j);
/* An entry with a chain of its own: CHAIN0, CHAIN1, ... */
bool plain_jumps_own_chain(const struct plain_jumps *j, size_t entry);
/* The chains that are shared: CHAINs0, CHAINs1, ... */
size_t plain_jumps_shared_chains(const struct plain_jumps *j);
/* Their lines in order, whose remote network has been looked up; NULL: there is no such one. Of
 * which entry they are counts for its failover group only. */
const struct config_ace *plain_jumps_shared_line(const struct plain_jumps *j, size_t chain,
						 size_t line, const struct config_map_entry **e);
/*
 * Appends the rules that lead to these chains by the remote address, which is
 * the source for chain 'i'. key: "iifname" or "oifname", the entry's interface
 * only; NULL: any.
 */
void plain_jumps_put(struct text *t, const struct plain_jumps *j, char chain, const char *key);

#endif
