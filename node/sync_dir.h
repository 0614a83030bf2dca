/* SPDX-License-Identifier: Apache-2.0 */
/* A file that was made, renamed or removed in a folder is so behind a power cut as well. */
#ifndef HF_NODE_SYNC_DIR_H
#define HF_NODE_SYNC_DIR_H

#include "base/result.h"

/* R_SYSTEM: errno. */
enum result sync_dir(const char *dir) WARN_UNUSED;
/* The folder that the file at path is in. */
enum result sync_dir_of(const char *path) WARN_UNUSED;

#endif
