/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stragglers of a handover (R19): what still reaches the old owner goes to the
 * new one in UDP datagrams
 *	kind 8 | group 8 | slot 8 | 0 8 | salt 256 | counter 64 | sealed body | tag 128
 * sealed with AES-256-GCM under HKDF-SHA256(key, salt), the nonce being the
 * counter and everything before the body associated data. The salt's second
 * half is drawn at each esp_relay_set, so a counter never meets the same key
 * twice; its first half is the mark, which comes from key. ESP is sealed as
 * well, for the outer addresses that go with it. The receiver keeps to the
 * first salt that authenticates and refuses counters seen before.
 *
 * Anybody can send to the relay's port. Without the mark a datagram costs a
 * comparison; who has seen the mark on the wire can cause RELAY_TRIES
 * derivations and decryptions a second, and only until the salt is known.
 */
#ifndef HF_ESP_RELAY_H
#define HF_ESP_RELAY_H

#include <stdatomic.h>

#include "esp/esp.h"
#include "esp/replay_window.h"

enum relay_kind { RELAY_ESP = 1, RELAY_CLEAR = 2, RELAY_IKE = 3 };

#define RELAY_KEY_LEN       32u
#define RELAY_SALT_LEN      32u
#define RELAY_MARK_LEN      16u
#define RELAY_TRIES         100u
#define RELAY_BEFORE        3u /* handovers whose stragglers are taken behind a further one */
#define RELAY_ENDS_NS       2000000000u /* none for so long: the old owner has ended too (R19) */
#define RELAY_HEADER_LEN    (4u + RELAY_SALT_LEN + 8u)
#define RELAY_TAG_LEN       16u
#define RELAY_ADDRESSES_LEN (2u * 19u + 1u) /* two endpoints and the outer TOS */
#define RELAY_OVERHEAD      (RELAY_HEADER_LEN + RELAY_ADDRESSES_LEN + RELAY_TAG_LEN)

/* One group's relay; immutable but for the counter and the receiver's window. */
struct relay_link {
	struct inet_endpoint mate;
	uint8_t group;
	uint8_t slot; /* ours */
	uint8_t key[RELAY_KEY_LEN];
	uint8_t salt[RELAY_SALT_LEN]; /* of what we send */
	uint8_t send_key[RELAY_KEY_LEN];
	_Atomic uint64_t counter;
	_Atomic uint64_t ended_ns; /* when another handover followed; 0: none has */
	/* The one receiver: worker 0. */
	uint64_t heard_ns; /* the last straggler */
	bool salt_known;
	uint64_t tries_ns; /* when the present second of tries began */
	unsigned int tries;
	uint8_t peer_salt[RELAY_SALT_LEN];
	uint8_t receive_key[RELAY_KEY_LEN];
	struct replay_window seen;
};

struct relay_message {
	enum relay_kind kind;
	uint8_t group;
	uint8_t tos;
	struct inet_endpoint local, remote; /* outer; INET_NONE with a clear packet */
	struct bytes payload;               /* ESP, inner packet or IKE message */
};

/* R_CRYPTO, R_NO_MEMORY, R_VALUE when the key is not RELAY_KEY_LEN long. */
enum result relay_link_new(uint8_t group, uint8_t slot, const struct inet_endpoint *mate,
			   const struct secret *key, struct relay_link **out) WARN_UNUSED;
void relay_link_free(void *link);
struct esp_group;
void relay_links_free(struct esp_group *g);
/* Of the group's handovers the one that the datagram is of, by its mark; NULL: none of them.
 * Worker 0 only. */
struct relay_link *relay_link_of(struct esp_group *g, uint64_t now_ns, struct bytes datagram);
/* Seal m into out; *len is its length. Any thread. R_TOO_LONG, R_CRYPTO. */
enum result relay_seal(struct relay_link *link, const struct relay_message *m, uint8_t *out,
		       size_t cap, size_t *len) WARN_UNUSED;
/* The group that a datagram says it is for, -1 when it is too short. Nothing is authenticated. */
int relay_peek_group(struct bytes datagram);
/* Open in place; m borrows from datagram. R_SHORT, R_INTEGRITY, R_DUPLICATE, R_LIMIT: not
 * looked at. Worker 0 only. */
enum result relay_open(struct relay_link *link, uint64_t now_ns, uint8_t *datagram, size_t len,
		       struct relay_message *m) WARN_UNUSED;

#endif
