/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine knows of the configuration: made by node/ from the ASA
 * text, immutable, replaced as a whole. Numbers are IANA's (base/iana.h).
 */
#ifndef HF_IKE_IKE_CONFIG_H
#define HF_IKE_IKE_CONFIG_H

#include "ike/ike_state.h"

#define IKE_ALGS_MAX  16
#define IKE_PEERS_MAX 10

struct ike_encr_choice {
	uint16_t id;
	uint16_t key_bits;
};

/* crypto ikev2 policy: each field a list in order of preference. With an AEAD, integ
 * is not offered. */
struct ike_policy {
	uint16_t priority;
	uint8_t n_encr, n_integ, n_prf, n_dh;
	struct ike_encr_choice encr[IKE_ALGS_MAX];
	uint16_t integ[IKE_ALGS_MAX];
	uint16_t prf[IKE_ALGS_MAX];
	uint16_t dh[IKE_ALGS_MAX];
	uint32_t lifetime_s; /* 0: none */
};

/* crypto ipsec ikev2 ipsec-proposal */
struct ike_esp_proposal {
	uint8_t n_encr, n_integ;
	struct ike_encr_choice encr[IKE_ALGS_MAX];
	uint16_t integ[IKE_ALGS_MAX];
};

/* One permit line of a crypto ACL = one CHILD SA. */
struct ike_child_config {
	uint32_t tunnel; /* stable number of (map, seq, line); also the datapath's */
	struct traffic_selector local;
	struct traffic_selector remote;
	uint8_t n_proposals;
	struct ike_esp_proposal proposals[IKE_ALGS_MAX];
	uint16_t pfs_group;   /* 0: none */
	bool esn;             /* offer ESN before no ESN, and accept both */
	uint32_t lifetime_s;  /* 0: none */
	uint64_t lifetime_kb; /* 0: none */
	uint64_t first_lease; /* outbound numbers granted by the CHILD SA's record (R5) */
};

/* A peer with its tunnel-group, and the lines of all crypto map entries that name it. */
struct ike_connection {
	char name[IKE_NAME_MAX]; /* tunnel-group; unique; in records and logs */
	struct inet_addr local;  /* our service address */
	struct inet_addr peer;
	struct ike_id local_id;
	/* type 0: the peer's address as ID_IPV4_ADDR/ID_IPV6_ADDR, or any when peer_id_any */
	struct ike_id remote_id;
	bool peer_id_any;
	struct secret psk_local;  /* ikev2 local-authentication */
	struct secret psk_remote; /* ikev2 remote-authentication */
	/* false NAT_DETECTION hash, so that ESP goes in UDP without a NAT (RFC 7296 2.23) */
	bool force_udp_encap;
	uint32_t dpd_threshold_s; /* isakmp keepalive threshold; 0: off */
	uint32_t dpd_retry_s;
	size_t n_children;
	struct ike_child_config *children;
};

/* crypto map MAP SEQ: which peers its lines may be set up with, tried in order. */
struct ike_crypto_map {
	char map[IKE_NAME_MAX];
	uint32_t seq;
	uint64_t digest; /* of the lines of the whole map: another one resets the peer index */
	uint8_t n_peers;
	struct inet_addr peers[IKE_PEERS_MAX];
	/* into connections; IKE_NO_CONNECTION: the peer has no tunnel-group with keys */
	size_t connection[IKE_PEERS_MAX];
	bool ikev1;                     /* set ikev1 transform-set; IKEv2 always is */
	bool may_initiate, may_respond; /* connection-type */
	size_t n_tunnels;
	uint32_t *tunnels; /* of its lines */
};

#define IKE_NO_CONNECTION SIZE_MAX

struct ike_config {
	size_t n_policies;
	struct ike_policy *policies; /* by priority */
	size_t n_connections;
	struct ike_connection *connections;
	size_t n_maps;
	struct ike_crypto_map *maps; /* the entries that are complete */
	/* from this many responder half-opens on: COOKIE (RFC 7296 2.6) */
	uint32_t half_open_cookie;
	uint32_t half_open_max;
	uint32_t max_sa;               /* 0: no limit */
	uint32_t half_open_timeout_ms; /* 30000 */
	uint32_t retransmit_ms;        /* first interval, doubled each time (RFC 7296 2.4); 1000 */
	uint32_t retransmit_tries;     /* transmissions in all before the peer is dead; 6 */
	/* The same of IKE_SA_INIT: the ASA sends five retransmissions and a final one,
	 * about 2 minutes in all. */
	uint32_t init_retransmit_ms;    /* 1000 */
	uint32_t init_retransmit_tries; /* 7 */
	uint32_t nat_keepalive_s;       /* RFC 3948 4; 20; 0: off */
	bool counter_sync;              /* offer RFC 6311, and agree to it */
#ifdef HF_IMPAIRMENTS
	bool break_sync; /* a broken rule for tests: our ids follow the peer's word back, too */
#endif
	/* soft lifetime = lifetime less this share, less a random share of the same size */
	uint32_t rekey_margin_pct;
};

void ike_config_free(struct ike_config *c);

#endif
