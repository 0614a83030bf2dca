/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the holdfast CLI and the daemon say to each other over libqb IPC. An
 * answer may be longer than a message: the client asks for the rest piece by
 * piece, so the daemon never waits for a slow reader.
 */
#ifndef HF_NODE_CLI_PROTOCOL_H
#define HF_NODE_CLI_PROTOCOL_H

#include <qb/qbipc_common.h>
#include <stdint.h>

#define ADMIN_SERVICE     "holdfast"
#define ADMIN_MESSAGE_MAX 32768u /* of either direction, with its header */
#define ADMIN_LINE_MAX    4096u

enum admin_request_id {
	ADMIN_RUN = QB_IPC_MSG_USER_START, /* run a command line */
	ADMIN_NEXT,                        /* the next piece of the last answer */
	ADMIN_PROMPT,                      /* the text of the prompt */
};

#define ADMIN_FLAG_JSON 1u

struct admin_request {
	struct qb_ipc_request_header header __attribute__((aligned(8)));
	uint32_t flags;
	uint32_t len; /* of line, without a NUL */
	char line[ADMIN_LINE_MAX];
} __attribute__((aligned(8)));

#define ADMIN_PIECE_MAX 24576u

struct admin_response {
	struct qb_ipc_response_header header __attribute__((aligned(8)));
	uint32_t exit; /* enum admin_exit, the same in every piece */
	uint32_t more; /* 1: ask for ADMIN_NEXT */
	uint32_t len;
	char text[ADMIN_PIECE_MAX];
} __attribute__((aligned(8)));

#endif
