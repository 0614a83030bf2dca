/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a configuration file, and holdfastd -t. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/config/model.h"

#define FILE_BYTES_MAX (64u << 20)

static enum result read_all(int fd, size_t size, uint8_t **out, size_t *len)
{
	/* The file may shrink or grow while it is read: what was there at first counts. */
	uint8_t *p = malloc(size + 1);
	size_t have = 0;
	if (!p)
		return R_NO_MEMORY;
	while (have < size) {
		ssize_t n = read(fd, p + have, size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			wipe(p, have);
			free(p);
			return R_SYSTEM;
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	*out = p;
	*len = have;
	return R_OK;
}

static bool has_secrets(const struct config *cfg)
{
	bool any = cfg->failover.key.len > 0;
	for (size_t i = 0; i < cfg->n_tunnel_groups; i++)
		any |= cfg->tunnel_groups[i].local_key.len > 0 ||
		       cfg->tunnel_groups[i].remote_key.len > 0;
	return any;
}

/* Group readers are for "root:holdfast 0640"; nobody else may see a key, and only the
 * owner may set one. */
static bool mode_is_safe(const struct config *cfg, mode_t mode, struct diagnostics *diag)
{
	if (!has_secrets(cfg) || (mode & (S_IWGRP | S_IRWXO)) == 0)
		return true;
	diagnostics_add(
		diag, SEVERITY_ERROR, 0, 0,
		"the file holds keys and has mode %04o: expected no access for others, as 0600 or 0640",
		(unsigned int)mode & 07777u);
	return false;
}

/* The secret key that the file names is there, closed to others, and the one of this member. */
static bool key_file_is_good(const struct config *cfg, struct diagnostics *diag)
{
	const struct config_failover *f = &cfg->failover;
	const struct config_snapshot_channel *c = &f->channel;
	char why[MEMBER_KEY_WHY] = "";
	uint8_t public[MEMBER_KEY_LEN];
	SECRET key = { 0 };
	if (!f->enabled || !*c->key_file)
		return true;
	enum result res = member_key_read(c->key_file, &key, why);
	if (res == R_OK)
		res = member_key_public(&key, public);
	if (res == R_OK && memcmp(public, c->members[f->slot].key, sizeof(public)) != 0) {
		snprintf(
			why, sizeof(why),
			"its public key is another: expected that of 'failover snapshot-channel member %u'",
			f->slot);
		res = R_CONFIG;
	}
	if (res != R_OK)
		diagnostics_add(diag, SEVERITY_ERROR, c->key_where.line, c->key_where.column,
				"key-file %s: %s", c->key_file, *why ? why : result_text(res));
	return res == R_OK;
}

enum result config_load_file(const char *path, struct config **out, struct diagnostics *diag)
{
	struct stat st = { 0 };
	uint8_t *text = NULL;
	size_t len = 0;
	enum result res = R_SYSTEM;
	*out = NULL;
	diagnostics_init(diag, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		diagnostics_add(diag, SEVERITY_ERROR, 0, 0, "cannot be opened: %s",
				strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX) {
		diagnostics_add(diag, SEVERITY_ERROR, 0, 0,
				"expected a regular file of at most %u bytes", FILE_BYTES_MAX);
		goto out;
	}
	res = read_all(fd, (size_t)st.st_size, &text, &len);
	if (res != R_OK) {
		diagnostics_add(diag, SEVERITY_ERROR, 0, 0, "cannot be read: %s", strerror(errno));
		goto out;
	}
	res = config_parse(bytes(text, len), path, out, diag);
	if (res == R_OK &&
	    (!mode_is_safe(*out, st.st_mode, diag) || !key_file_is_good(*out, diag))) {
		config_free(*out);
		*out = NULL;
		res = R_CONFIG;
	}
out:
	if (text) {
		wipe(text, len);
		free(text);
	}
	if (fd >= 0)
		close(fd);
	return res;
}

static size_t active_entries(const struct config *cfg)
{
	size_t n = 0;
	for (size_t i = 0; i < cfg->n_map_entries; i++)
		n += cfg->map_entries[i].active;
	return n;
}

int config_check_main(const char *path)
{
	struct config *cfg;
	struct diagnostics diag;
	char line[DIAGNOSTIC_LINE_MAX];
	enum result res = config_load_file(path, &cfg, &diag);
	for (size_t i = 0; i < diag.n; i++)
		fprintf(stderr, "%s\n", diagnostics_line(&diag, i, line));
	if (res != R_OK) {
		printf("%s: %zu error%s, %zu warning%s: not usable (%s)\n", path, diag.errors,
		       diag.errors == 1 ? "" : "s", diag.warnings, diag.warnings == 1 ? "" : "s",
		       result_text(res));
		return 1;
	}
	printf("%s: ok, %zu of %zu crypto map entries active, %zu tunnel-groups, %zu lines kept, %zu warning%s\n",
	       path, active_entries(cfg), cfg->n_map_entries, cfg->n_tunnel_groups, cfg->n_kept,
	       diag.warnings, diag.warnings == 1 ? "" : "s");
	config_free(cfg);
	return 0;
}
