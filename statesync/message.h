/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing and unpacking of the messages of records.proto. They carry keys,
 * so what protobuf-c allocates while unpacking is wiped when it is freed.
 */
#ifndef HF_STATESYNC_MESSAGE_H
#define HF_STATESYNC_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "base/bytes.h"
#include "base/result.h"

/* *out is replaced; it holds what m holds: ss_buf_wipe when that is keys. R_NO_MEMORY. */
enum result ss_message_pack(const ProtobufCMessage *m, struct buf *out) WARN_UNUSED;
/* *out is the caller's: ss_message_free. R_SHORT when in is not such a message, R_NO_MEMORY. */
enum result ss_message_unpack(const ProtobufCMessageDescriptor *type, struct bytes in,
			      ProtobufCMessage **out) WARN_UNUSED;
/* Wipe and free. NULL is allowed. */
void ss_message_free(ProtobufCMessage *m);

#endif
