/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the harness. */
#ifndef HF_IKE_TESTS_ENGINE_HARNESS_PRIVATE_H
#define HF_IKE_TESTS_ENGINE_HARNESS_PRIVATE_H

#include "ike/tests/engine_harness.h"

/* The engines' on_seal: law 1. */
void on_seal(void *ctx, uint64_t key_id, struct bytes iv, struct bytes message);
/* IKE_FX_SEND and IKE_FX_SEND_NOW of a side, into the net; law 3. */
void transmit(struct world *w, int side, const struct ike_effect *f);

/* NULL: not there. */
struct dp_child *dp_find(struct side *s, uint32_t spi_in);
void dp_install(struct side *s, const struct child_sa_state *c);
void dp_remove(struct side *s, uint32_t spi_in);
/* From here on its tunnel's outbound traffic takes it. */
void dp_use(struct world *w, struct side *s, uint32_t spi_in);
void dp_clear(struct side *s);

#endif
