/* SPDX-License-Identifier: Apache-2.0 */
/* Release of a configuration. */
#include "ike/ike_config.h"

#include <stdlib.h>

void ike_config_free(struct ike_config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_connections; i++) {
		struct ike_connection *conn = &c->connections[i];

		buf_free(&conn->local_id.data);
		buf_free(&conn->remote_id.data);
		secret_wipe(&conn->psk_local);
		secret_wipe(&conn->psk_remote);
		free(conn->children);
	}
	for (size_t i = 0; i < c->n_maps; i++)
		free(c->maps[i].tunnels);
	free(c->maps);
	free(c->connections);
	free(c->policies);
	free(c);
}
