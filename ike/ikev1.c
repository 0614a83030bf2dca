/* SPDX-License-Identifier: Apache-2.0 */
/* IKEv1 is not available: the tunnel manager goes on with the next peer. */
#include "ike/ikev1.h"

enum result ikev1_begin(void *ctx, const struct tunnel_entry *t, const void *what)
{
	(void)ctx;
	(void)t;
	(void)what;
	return R_UNSUPPORTED;
}
