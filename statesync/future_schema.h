/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next release, for the tests of a rolling upgrade: a build with
 * --enable-impairments can be told to write what records.proto does not have.
 * Every message, and every message in it, gets a field that nobody knows;
 * the log gets records of a kind that nobody knows; the owner sends cluster
 * messages that nobody knows. What only frames other messages stays as it is,
 * by records.proto's rules of change. A release build has none of this.
 */
#ifndef HF_STATESYNC_FUTURE_SCHEMA_H
#define HF_STATESYNC_FUTURE_SCHEMA_H

#include <stdbool.h>

#include "statesync/message.h"
#include "statesync/statesync.h"

#define SS_FUTURE_FIELD 1000u /* number of the additional field, in every message */
#define SS_FUTURE_KIND  200u  /* of the additional records */

#ifdef HF_IMPAIRMENTS
/* For the whole process, until it is called again. */
void ss_future_schema_write(bool on);
bool ss_future_schema(void);
/* Gives m and the messages in it the additional field, or takes it away again. */
void ss_future_extend(const ProtobufCMessage *m, bool on);
/* The n-th additional record; *out is the caller's. One in five erases one. */
void ss_future_record(uint64_t n, struct ss_record *out);
#else
static inline void ss_future_schema_write(bool on)
{
	(void)on;
}
static inline bool ss_future_schema(void)
{
	return false;
}
static inline void ss_future_extend(const ProtobufCMessage *m, bool on)
{
	(void)m;
	(void)on;
}
static inline void ss_future_record(uint64_t n, struct ss_record *out)
{
	(void)n;
	(void)out;
}
#endif

#endif
