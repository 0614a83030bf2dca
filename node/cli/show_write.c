/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is answered when it is on disk: write standby and write memory, as the ASA prints them, with
 * what other units say; node drain and node resume.
 */
#include "node/cli/show_common.h"

static bool all_did(const struct view_write *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (!v->units[i].ok)
			return false;
	return true;
}

bool view_write_failed(const struct view_write *v)
{
	return !all_did(v);
}

/* "38bd1e1a 5ed0a9c3 6f3cb0d5 1b4a3e2c" */
static void text_checksum(const char *digest, struct text *out)
{
	text_printf(out, "Cryptochecksum:");
	for (unsigned int i = 0; i < 4 && strlen(digest) >= 32; i++)
		text_printf(out, " %.8s", digest + 8 * (size_t)i);
	text_printf(out, "\n\n");
}

static void text_memory(const struct view_write *v, struct text *out)
{
	text_printf(out, "Building configuration...\n");
	text_checksum(v->digest, out);
	if (v->written)
		text_printf(out, "%zu bytes copied in %u.%03u secs\n", v->bytes, v->took_ms / 1000,
			    v->took_ms % 1000);
	else
		text_printf(out, "%s holds the running configuration already\n", v->file);
	text_printf(out, "[OK]\n");
}

void show_write_text(const struct view_write *v, struct text *out)
{
	if (v->pending && !v->standby)
		text_printf(out, "Building configuration...\n");
	else if (v->standby)
		text_printf(out, "Beginning configuration replication: Sending to mate.\n");
	else
		text_memory(v, out);
	for (size_t i = 0; i < v->n; i++)
		if (!v->units[i].ok)
			text_printf(out, "ERROR: %s%sthe unit in slot %u %s\n", v->units[i].name,
				    *v->units[i].name ? ", " : "", v->units[i].slot,
				    v->units[i].why);
	if (v->pending)
		text_printf(out, "The log says how it ends.\n");
	else if (v->standby && v->n && all_did(v))
		text_printf(out, "End Configuration Replication to mate.\n");
}

void show_write_json(const struct view_write *v, struct text *out)
{
	json_t *units = json_array();
	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(units,
				      json_pack("{s:s, s:i, s:b, s:s}", "name", v->units[i].name,
						"slot", (int)v->units[i].slot, "ok", v->units[i].ok,
						"why", v->units[i].why));
	json_t *root = json_pack("{s:b}", "pending", v->pending);
	if (!v->standby)
		json_object_update_new(root, json_pack("{s:s, s:s, s:b, s:I, s:f}", "file", v->file,
						       "config_digest", v->digest, "written",
						       v->written, "bytes", (json_int_t)v->bytes,
						       "took_s", v->took_ms / 1000.0));
	json_object_set_new(root, "units", units);
	json_finish(json_pack("{s:o}", v->standby ? "write_standby" : "write_memory", root), out);
}

void show_drain_text(const struct view_drain *v, struct text *out)
{
	if (v->pending)
		text_printf(out, "The log says how it ends.\n");
	else if (v->waits)
		text_printf(out, "This node stays active until another one, not drained, is a "
				 "protected standby\n");
}

void show_drain_json(const struct view_drain *v, struct text *out)
{
	json_finish(json_pack("{s:{s:b, s:b, s:b}}", "node_drain", "drained", v->drained, "waiting",
			      v->waits, "pending", v->pending),
		    out);
}
