/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HF_NODE_CLI_KEYGEN_H
#define HF_NODE_CLI_KEYGEN_H

#include "node/cli/commands.h"

#define KEYGEN_FILE   HF_SYSCONFDIR "/snapshot.key"
#define KEYGEN_CONFIG HF_SYSCONFDIR "/holdfast.conf"

/* admin_ops.keygen of the client. */
enum result keygen(void *ctx, const char *file, uint8_t slot, struct view_keygen *out,
		   char why[ADMIN_WHY_MAX]);

#endif
