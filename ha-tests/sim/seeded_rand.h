/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's randomness from a seed: a provider with one RAND that every
 * generator of the default library context is made of. Key generation and
 * RAND_bytes then repeat. For this test program only.
 */
#ifndef HF_SIM_SEEDED_RAND_H
#define HF_SIM_SEEDED_RAND_H

#include <stdint.h>

/* Once, before anything else uses OpenSSL. Aborts when the library refuses: there is
 * no simulation without. */
void seeded_rand_install(void);
/* Begin the stream of this seed; affects all generators, also those in use. */
void seeded_rand_restart(uint64_t seed);

#endif
