/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration that another unit runs, made this unit's: its lines with
 * our own ones. Bytes in, a configuration or a sentence out; no I/O.
 */
#ifndef HF_NODE_CONFIG_REPLICA_H
#define HF_NODE_CONFIG_REPLICA_H

#include "node/config/model.h"

#define REPLICA_WHY_MAX 480

/*
 * shared is what config_running_shared() wrote at the other unit, digest the
 * one of its configuration. On R_OK *out is the caller's to free, unlike ours
 * only where the two units' configurations differ, and has that digest.
 * R_CONFIG: why names the place, the value and what was expected, without any
 * secret. R_NO_MEMORY.
 */
enum result replica_make(struct bytes shared, const struct config *ours, const uint8_t digest[32],
			 struct config **out, char why[REPLICA_WHY_MAX]) WARN_UNUSED;
/* The 32 bytes of cfg->digest. */
void replica_digest(const struct config *cfg, uint8_t out[32]);
/* Both send the same to other units. */
bool replica_shares_all(const struct config *a, const struct config *b);
/*
 * The first line in which theirs differs from ours, secrets masked: "found
 * 'failover deadline 3000', expected 'failover deadline 2000'".
 */
void replica_difference(const struct config *theirs, const struct config *ours,
			char out[REPLICA_WHY_MAX]);

#endif
