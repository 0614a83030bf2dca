/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings that live exactly as long as a configuration. Never for secrets
 * that are in use: those are struct secret.
 */
#ifndef HF_NODE_CONFIG_ARENA_H
#define HF_NODE_CONFIG_ARENA_H

#include <stddef.h>

struct config_arena;

/* NULL when out of memory. */
struct config_arena *arena_new(void);
/* Wipes what it frees: kept lines may hold keys of features that are not used. */
void arena_free(struct config_arena *a);
/* A copy with a NUL; NULL when out of memory. */
char *arena_string(struct config_arena *a, const char *s, size_t len);

#endif
