/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a configuration into its file. After a crash at any point the file
 * is the old one or the new one, whole. The one before stays beside it as
 * FILE.previous. Mode and group stay, and the owner where the caller may give
 * files away; a new file is its owner's alone.
 */
#ifndef HF_NODE_CONFIG_SAVE_H
#define HF_NODE_CONFIG_SAVE_H

#include "node/config/model.h"

#define SAVE_WHY_MAX 480

/* The file holds cfg in any order, with whatever comments. */
bool config_file_holds(const char *path, const struct config *cfg);

struct config_saved {
	size_t written; /* bytes of the new file; 0: it was not written */
	bool replaced;  /* there was one before */
};

/* R_SYSTEM: why says what failed, with the path, and the file is as it was. */
enum result config_save(const char *path, const struct config *cfg, struct config_saved *out,
			char why[SAVE_WHY_MAX]) WARN_UNUSED;
/* What config_save replaced is the file again; where there was none, there is none. */
enum result config_save_undo(const char *path, const struct config_saved *saved,
			     char why[SAVE_WHY_MAX]) WARN_UNUSED;

#endif
