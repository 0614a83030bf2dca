/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error enum of Holdfast. Every fallible function returns it; every
 * rejection of outside input has an enumerator of its own, which appears in
 * counters, in show output and in the log. The third column is the IKEv2
 * notify (RFC 7296 3.10.1) that a peer is sent for it, 0 for none.
 */
#ifndef HF_BASE_RESULT_H
#define HF_BASE_RESULT_H

/*
 * access(2)'s R_OK is a macro of both headers and must not change ours behind
 * our back: take them in first, so that their guards keep them out later.
 */
#include <fcntl.h>
#include <unistd.h>
#undef R_OK

/* clang-format off */
#define RESULT_LIST(X) \
	X(OK,                 "success",                                             0) \
	/* wire form */ \
	X(SHORT,              "payload ends before its last field",                  7) \
	X(TRAILING,           "bytes left after the last field",                     7) \
	X(LENGTH,             "length field disagrees with the datagram",            7) \
	X(VALUE,              "field value out of range",                            7) \
	X(DUPLICATE,          "payload or value occurs twice",                       7) \
	X(MISSING,            "a required payload or field is absent",               7) \
	X(UNEXPECTED,         "payload not allowed in this message",                 7) \
	X(MAJOR_VERSION,      "unsupported major version",                           5) \
	X(CRITICAL,           "unknown payload with the critical bit",               1) \
	X(TOO_LONG,           "longer than the bound for this field",                7) \
	/* IKE */ \
	X(NO_PROPOSAL,        "no offered proposal is acceptable",                  14) \
	X(INVALID_KE,         "key exchange method is not the chosen one",          17) \
	X(AUTH_FAILED,        "authentication failed",                              24) \
	X(TS_UNACCEPTABLE,    "no traffic selector is acceptable",                  38) \
	X(TEMPORARY,          "exchange collides with another, try later",          43) \
	X(CHILD_NOT_FOUND,    "no such CHILD SA",                                   44) \
	X(NO_ADDITIONAL_SAS,  "no further CHILD SA allowed",                        35) \
	X(INVALID_SPI,        "unknown IKE SPI",                                     4) \
	X(MESSAGE_ID,         "message id outside the window",                       0) \
	X(COOKIE,             "cookie required or wrong",                            0) \
	X(STATE,              "message not allowed in this state",                   7) \
	X(INTEGRITY,          "integrity check failed",                              0) \
	X(PUBLIC_VALUE,       "public value is invalid",                             7) \
	X(NO_CONNECTION,      "no tunnel-group or crypto map matches the peer",     24) \
	X(SUSPENDED,          "waiting for a job to complete",                       0) \
	/* generic */ \
	X(NOT_FOUND,          "not found",                                           0) \
	X(EXISTS,             "already exists",                                      0) \
	X(LIMIT,              "limit reached",                                       0) \
	X(NO_MEMORY,          "out of memory",                                       0) \
	X(CRYPTO,             "the crypto library refused",                          0) \
	X(UNSUPPORTED,        "not supported",                                       0) \
	X(SYSTEM,             "system call failed",                                  0) \
	X(CONFIG,             "configuration error",                                 0) \
	X(AGAIN,              "try again",                                           0) \
	/* replication and ownership */ \
	X(STALE,              "old term, sequence or position",                      0) \
	X(NOT_OWNER,          "this node does not own the failover group",           0) \
	X(NOT_SYNCED,         "this node has no complete state",                     0) \
	X(NO_QUORUM,          "no quorum",                                           0) \
	X(VERSION,            "version outside the supported range",                 0) \
	X(EXHAUSTED,          "counter space is used up",                            0) \
	/* IKE again: the numbers are in records, so what is new comes last */ \
	X(NOT_CURRENT_PEER,   "the crypto map has another current peer",            24) \
	X(ADMISSION,          "limit of IKE SAs reached",                           24)

enum result {
#define X(name, text, notify) R_##name,
	RESULT_LIST(X)
#undef X
	R_COUNT_
};
/* clang-format on */

#define WARN_UNUSED __attribute__((warn_unused_result))

/* "no offered proposal is acceptable"; never NULL, "unknown result" for a foreign value. */
const char *result_text(enum result res);
/* "NO_PROPOSAL": the enumerator without its prefix, for counters and JSON. */
const char *result_name(enum result res);
/* IKEv2 notify message type to answer with, 0 when none (RFC 7296 3.10.1). */
unsigned int result_notify(enum result res);

#endif
