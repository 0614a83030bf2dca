/* SPDX-License-Identifier: Apache-2.0 */
/* HKDF (RFC 5869) over the failover key; private to statesync/. */
#ifndef HF_STATESYNC_KEY_H
#define HF_STATESYNC_KEY_H

#include "base/secret.h"

#define SS_KEY_LEN 32u

/* HKDF-SHA256 to SS_KEY_LEN bytes. salt may be empty. R_CRYPTO, R_NO_MEMORY. */
enum result ss_hkdf(const struct secret *key, struct bytes salt, struct bytes info,
		    struct secret *out) WARN_UNUSED;

#endif
