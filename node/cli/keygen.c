/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holdfast cluster keygen: this member's key for the snapshot channel. It
 * writes a file as the one who calls it, so it runs in the client and never in
 * the daemon.
 */
#include "node/cli/keygen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What the configuration of this machine says, when it can be read. */
static uint8_t own_slot(void)
{
	struct diagnostics diag;
	struct config *cfg;
	uint8_t slot = 0;

	if (config_load_file(KEYGEN_CONFIG, &cfg, &diag) == R_OK)
		slot = cfg->failover.slot;
	config_free(cfg);
	return slot;
}

enum result keygen(void *ctx, const char *file, uint8_t slot, struct view_keygen *out,
		   char why[ADMIN_WHY_MAX])
{
	uint8_t public[MEMBER_KEY_LEN];
	SECRET key = { 0 };

	(void)ctx;
	snprintf(out->file, sizeof(out->file), "%s", file ? file : KEYGEN_FILE);
	out->slot = slot ? slot : own_slot();
	if (out->slot == 0) {
		snprintf(why, ADMIN_WHY_MAX,
			 "which member is this? say it: cluster keygen %.80s slot <1-15>",
			 out->file);
		return R_CONFIG;
	}
	if (out->file[0] != '/' || strlen(file ? file : "") >= sizeof(out->file)) {
		snprintf(why, ADMIN_WHY_MAX, "expected a path that begins with /");
		return R_VALUE;
	}
	enum result res = member_key_make(&key);
	if (res == R_OK)
		res = member_key_public(&key, public);
	if (res == R_OK)
		res = member_key_write(out->file, &key);
	if (res == R_EXISTS)
		snprintf(why, ADMIN_WHY_MAX, "%.100s exists and stays as it is", out->file);
	else if (res == R_SYSTEM)
		snprintf(why, ADMIN_WHY_MAX, "%.100s cannot be written: %s", out->file,
			 strerror(errno));
	else if (res == R_OK)
		member_key_text(public, out->public_key);
	return res;
}
