/* SPDX-License-Identifier: Apache-2.0 */
/* Where IKEv1 (RFC 2409) takes part in setting up tunnels. */
#ifndef HF_IKE_IKEV1_H
#define HF_IKE_IKEV1_H

#include "ike/tunnel_manager.h"

/* As tunnel_manager_ops.begin: R_UNSUPPORTED, IKEv1 is not available. */
enum result ikev1_begin(void *ctx, const struct tunnel_entry *t, const void *what);

#endif
