/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration, parsed and resolved: what the rest of node/ reads. A
 * struct config is immutable once config_parse has returned it; it owns all
 * that its pointers reach (strings, arrays, secrets) until config_free, and
 * pointers between its objects stay valid as long as it lives. Any thread may
 * read it.
 *
 * Algorithms are IANA numbers (base/iana.h), addresses network order, times in
 * the unit that their name ends in. Lists are in the order of the file unless
 * said otherwise.
 */
#ifndef HF_NODE_CONFIG_MODEL_H
#define HF_NODE_CONFIG_MODEL_H

#include "base/inet.h"
#include "base/secret.h"
#include "node/config/diagnostics.h"
#include "node/config/member_key.h"
#include "node/config/text.h"

#define CONFIG_ALGORITHMS_MAX    12
#define CONFIG_MAP_PEERS_MAX     10
#define CONFIG_MAP_PROPOSALS_MAX 11

struct hashmap;

/* Where an object was defined, for messages. Line 0: built in. */
struct config_where {
	unsigned int line;
	unsigned int column;
};

/* interface NAME. An interface without nameif is kept but not usable. */
struct config_interface {
	const char *name;   /* the Linux device: "eth0" */
	const char *nameif; /* "outside"; "" when none */
	int security_level; /* 0..100; -1 when not given */
	/* the service address, owned by the active node; INET_NONE when none */
	struct inet_addr address;
	struct inet_addr standby; /* INET_NONE when none */
	uint8_t prefix_len;       /* of both */
	uint8_t failover_group;   /* which owns the addresses and the crypto map */
	bool shutdown;
	bool monitored; /* its link counts for failover */
	struct config_where where;
};

struct config_encr {
	uint16_t id;       /* enum ike_encr */
	uint16_t key_bits; /* 0 for a cipher of one key size */
};

/*
 * crypto ikev2 policy N, defaults filled in. Where encr holds both AEAD and
 * other ciphers, an engine makes two proposals of it: AEAD without integrity,
 * the others with integ. integ may hold AUTH_NONE ("null"); it then has no
 * meaning for ciphers that are not AEAD.
 */
struct config_ike_policy {
	uint32_t priority; /* ascending in config.ike_policies: best first */
	struct config_encr encr[CONFIG_ALGORITHMS_MAX];
	uint16_t integ[CONFIG_ALGORITHMS_MAX]; /* enum ike_integ */
	uint16_t prf[CONFIG_ALGORITHMS_MAX];   /* enum ike_prf */
	uint16_t group[CONFIG_ALGORITHMS_MAX]; /* enum ike_dh */
	uint8_t n_encr;
	uint8_t n_integ;
	uint8_t n_prf;
	uint8_t n_group;
	uint32_t lifetime_s; /* 0: none, never rekeyed by time */
	struct config_where where;
};

/* crypto ipsec ikev2 ipsec-proposal NAME. The remark on AEAD above holds here too. */
struct config_proposal {
	const char *name;
	struct config_encr encr[CONFIG_ALGORITHMS_MAX];
	uint16_t integ[CONFIG_ALGORITHMS_MAX];
	uint8_t n_encr;
	uint8_t n_integ;
	struct config_where where;
};

/* object network NAME */
struct config_object {
	const char *name;
	/* a host is /32; family INET_NONE when the object holds nothing usable */
	struct inet_prefix prefix;
	struct config_where where;
};

enum config_ace_form { ACE_ANY, ACE_ANY4, ACE_HOST, ACE_SUBNET, ACE_OBJECT };

struct config_ace_end {
	struct inet_prefix prefix; /* resolved; any and any4 are 0.0.0.0/0 */
	enum config_ace_form form; /* as written, for show output */
	const char *object;        /* ACE_OBJECT: its name, else NULL */
};

/* One line of an access-list. Source is the local side of a crypto map, destination the remote
 * one. */
struct config_ace {
	bool permit;
	uint8_t protocol; /* 0: ip, any protocol */
	struct config_ace_end source;
	struct config_ace_end destination;
	struct config_where where;
	bool usable; /* false: valid ASA, but of a kind a crypto map cannot use (ports, groups) */
	const char *verbatim; /* the line as written, when not usable */
	const char *unusable_why;
};

struct config_acl {
	const char *name;
	struct config_ace *aces;
	size_t n_aces;
	struct config_where where;
};

enum config_peer_id_validate { PEER_ID_REQUIRED, PEER_ID_CERT, PEER_ID_NOCHECK };

#define CONFIG_KEEPALIVE_THRESHOLD_S 10u
#define CONFIG_KEEPALIVE_RETRY_S     2u

#define CONFIG_DEFAULT_L2L "DefaultL2LGroup"

/*
 * tunnel-group NAME type ipsec-l2l. The name is what the remote identity must
 * be: an address matches the peer's address (and its ID_IPV4/6_ADDR), any
 * other string matches an ID_FQDN, ID_RFC822_ADDR or ID_KEY_ID of equal bytes.
 */
struct config_tunnel_group {
	const char *name;
	struct inet_addr address; /* INET_NONE when the name is not an address */
	bool is_l2l;              /* "type" was given */
	bool is_default;          /* DefaultL2LGroup: matches every peer that no other group does */
	struct secret local_key;  /* empty: not configured, or masked in the file */
	struct secret remote_key;
	bool local_key_hex; /* was written with "hex" */
	bool remote_key_hex;
	bool keys_masked; /* a key read "*****": it cannot be used */
	bool keepalive;   /* false: isakmp keepalive disable */
	/* idle time before a liveness check; 0: infinite, only answer */
	uint32_t keepalive_threshold_s;
	uint32_t keepalive_retry_s;
	enum config_peer_id_validate peer_id_validate;
	struct config_where where;
};

enum config_connection_type {
	CONNECTION_BIDIRECTIONAL,
	CONNECTION_ANSWER_ONLY,
	CONNECTION_ORIGINATE_ONLY
};

struct config_map_peer {
	struct inet_addr address;
	const char *name; /* as written: an address, or a name of "name IP NAME" */
	/* the one for this address, else DefaultL2LGroup with keys, else NULL */
	const struct config_tunnel_group *group;
};

#define CONFIG_LIFETIME_S    28800u
#define CONFIG_LIFETIME_KB   4608000u
#define CONFIG_REPLAY_WINDOW 1024u

/* crypto map MAP SEQ, references and defaults resolved. */
struct config_map_entry {
	const char *map;
	uint32_t seq;                 /* entries of one map ascend in config.map_entries */
	const char *acl_name;         /* NULL: no match address */
	const struct config_acl *acl; /* NULL when missing */
	/* in the order in which they are tried */
	struct config_map_peer peers[CONFIG_MAP_PEERS_MAX];
	uint8_t n_peers;
	const char *proposal_names[CONFIG_MAP_PROPOSALS_MAX];
	/* NULL for a missing one */
	const struct config_proposal *proposals[CONFIG_MAP_PROPOSALS_MAX];
	uint8_t n_proposals;
	uint16_t pfs_group;   /* enum ike_dh; DH_NONE: no PFS */
	uint32_t lifetime_s;  /* effective */
	uint32_t lifetime_kb; /* effective; 0: unlimited */
	bool own_lifetime_s;  /* set on the entry, not inherited */
	bool own_lifetime_kb;
	enum config_connection_type connection_type;
	bool nat_t_disable;
	bool ikev1; /* set ikev1 transform-set: tried after IKEv2 on each peer */
	const struct config_interface *interface; /* NULL: the map is not applied */
	bool active;                              /* complete: may negotiate */
	const char *inactive_why;                 /* NULL when active */
	struct config_where where;                /* of its first line */
	struct config_where acl_where;
	struct config_where peers_where;
	struct config_where proposals_where;
};

/* crypto map MAP interface NAMEIF */
struct config_map_binding {
	const char *map;
	const char *nameif;
	const struct config_interface *interface;
	struct config_where where;
};

/* crypto ikev2 enable NAMEIF */
struct config_ikev2_enable {
	const char *nameif;
	const struct config_interface *interface;
	struct config_where where;
};

enum config_identity { IDENTITY_AUTO, IDENTITY_ADDRESS, IDENTITY_HOSTNAME, IDENTITY_KEY_ID };
/* failover lan unit: 1 primary, 2 secondary, and from 3 on member N, as the ASA knows two only. */
#define UNIT_UNSET     0u
#define UNIT_PRIMARY   1u
#define UNIT_SECONDARY 2u
#define UNIT_MAX       8u
enum config_role_manager { ROLE_MANAGER_INTERNAL, ROLE_MANAGER_PACEMAKER };
enum config_takeover { TAKEOVER_FAST, TAKEOVER_FENCED };
enum config_empty_start { EMPTY_START_FENCED, EMPTY_START_AFTER, EMPTY_START_NEVER };
enum config_inbound_policy { INBOUND_LEARN, INBOUND_STRICT };

/* failover group N */
struct config_failover_group {
	uint8_t id;         /* 1..CONFIG_GROUPS_MAX */
	uint8_t prefer;     /* which unit should own it; UNIT_UNSET is primary */
	bool preempt;       /* the preferred unit takes the group back when it can */
	uint32_t preempt_s; /* and this much later; 0: at once */
	struct config_where where;
};

#define CONFIG_GROUPS_MAX    15u
#define CONFIG_DEADLINE_MS   2000u
#define CONFIG_SNAPSHOT_PORT 4511u
#define CONFIG_SLOTS         16u

struct config_channel_member {
	bool known;
	uint8_t key[MEMBER_KEY_LEN]; /* public */
	struct config_where where;
};

/* failover snapshot-channel (R22). Without a key file the state goes through Corosync. */
struct config_snapshot_channel {
	uint16_t port;
	const char *key_file;                               /* node-local; "" when none */
	struct config_channel_member members[CONFIG_SLOTS]; /* by slot */
	struct config_where where;                          /* of its first line */
	struct config_where key_where;
};

struct config_failover {
	bool enabled;
	uint8_t unit; /* UNIT_*, node-local */
	uint8_t slot; /* 1..15, node-local; the unit when not given; 0 unknown */
	bool own_slot;
	const char *cluster_name; /* Corosync's; "" when none */
	struct secret key;        /* hex: 32 bytes as they are; else a passphrase for scrypt (R3) */
	bool key_hex;
	enum config_role_manager role_manager;
	enum config_takeover takeover;
	enum config_empty_start empty_start; /* R15 */
	uint32_t empty_start_s;              /* EMPTY_START_AFTER */
	uint32_t commit_timeout_ms;          /* R6; 0: derived from Corosync's timeouts */
	uint32_t deadline_ms;                /* R12 */
	bool allow_unencrypted_corosync;     /* R3 */
	enum config_inbound_policy inbound;  /* R18 */
	struct config_snapshot_channel channel;
	/* ascending by id; one at least when enabled; group 1 when none is named */
	struct config_failover_group *groups;
	size_t n_groups;
	struct config_where where;
};

/* monitor-interface NAMEIF, and its no form */
struct config_monitor {
	const char *nameif;
	bool on;
	struct config_where where;
};

#define CONFIG_INTERFACE_POLL_MS 5000u
#define CONFIG_INTERFACE_HOLD_S  25u
#define CONFIG_LINK_STATE_MS     300u
#define CONFIG_MONITORED_MAX     16u

/* Link monitoring; all of it may change without a restart. */
struct config_monitoring {
	struct config_monitor *list;
	size_t n;
	uint32_t poll_ms;       /* links are read again, should an event be missed */
	uint32_t hold_s;        /* a link that is back is up for so long before preempt trusts it */
	uint32_t link_state_ms; /* a link is down for so long before the group is handed over */
	uint32_t policy;        /* failed interfaces that make a unit a failed one */
	bool percent;           /* of the monitored ones */
};

/* route NAMEIF NET MASK GW [METRIC] */
struct config_route {
	const char *nameif;
	struct inet_prefix destination;
	struct inet_addr gateway;
	uint32_t metric;
	struct config_where where;
};

/* name ADDRESS NAME */
struct config_name {
	const char *name;
	struct inet_addr address;
};

/* A line that is valid ASA but means nothing here: written back, never acted upon. */
struct config_kept {
	const char *text;   /* with the indentation of the file */
	const char *header; /* the known line whose mode it stands in; NULL at the top */
	unsigned int line;
};

#define CONFIG_IKE_LIFETIME_S       86400u
#define CONFIG_NAT_KEEPALIVE_S      20u
/* Of IKE_SA_INIT: 1 + 2 + 4 + 8 + 16 + 32 + 64 s, the ASA's "about 2 minutes". */
#define CONFIG_INIT_RETRANSMISSIONS 5u
#define CONFIG_INIT_INTERVAL_MS     1000u
/* Of all other requests: 1 + 2 + 4 + 8 + 16 + 32 s. */
#define CONFIG_RETRANSMISSIONS      4u
#define CONFIG_RETRANSMIT_MS        1000u
#define CONFIG_COOKIE_DEFAULT       50
#define CONFIG_COOKIE_ALWAYS        0
#define CONFIG_COOKIE_NEVER         (-1)
#define CONFIG_DIGEST_TEXT          65 /* 64 hexadecimal digits and the NUL */

struct config {
	const char *hostname; /* node-local; "holdfast" when not given */
	bool weak_algorithms; /* crypto weak-algorithms allow */
	uint32_t workers;     /* crypto engine workers; 0: as many as cores */

	struct config_interface *interfaces;
	size_t n_interfaces;
	struct config_failover failover;
	struct config_monitoring monitoring;
	struct config_name *names;
	size_t n_names;
	struct config_object *objects;
	size_t n_objects;
	struct config_acl *acls;
	size_t n_acls;
	struct config_route *routes;
	size_t n_routes;

	struct config_ike_policy *ike_policies;
	size_t n_ike_policies;
	struct config_ikev2_enable *ikev2_interfaces;
	size_t n_ikev2_interfaces;
	int cookie_percent;      /* of half-opens against max_negotiating; CONFIG_COOKIE_* */
	uint32_t max_sa;         /* of this node; 0: unlimited */
	uint32_t cluster_max_sa; /* of all nodes together (R24); 0: unlimited */
	uint32_t max_negotiating_percent; /* of max_sa, or of cluster_max_sa */
	uint32_t max_negotiating;         /* half-opens of this node; 0: by the percentage */
	enum config_identity identity;
	const char *key_id;     /* IDENTITY_KEY_ID */
	bool disconnect_notify; /* R21 */
	bool nat_traversal;
	uint32_t nat_keepalive_s;
	uint32_t init_retransmissions; /* of IKE_SA_INIT, before a final one and the next peer */
	uint32_t init_interval_ms;     /* before the first; doubled each time */
	uint32_t retransmissions;      /* the same of other requests, and the peer is dead */
	uint32_t retransmit_ms;

	struct config_proposal *proposals;
	size_t n_proposals;
	uint32_t lifetime_s;    /* global defaults of crypto map entries */
	uint32_t lifetime_kb;   /* 0: unlimited */
	uint32_t replay_window; /* packets: 64..1024; 0: replay protection off */
	uint32_t lease_min;     /* packets of a lease at least (R17); 0: the default */
	struct config_map_entry *map_entries; /* sorted by map, then seq */
	size_t n_map_entries;
	struct config_map_binding *map_bindings;
	size_t n_map_bindings;
	struct config_tunnel_group *tunnel_groups;
	size_t n_tunnel_groups;
	struct hashmap *group_by_name; /* struct config_tunnel_group; internal, as the next */
	struct hashmap *group_by_address;

	uint32_t tcpmss; /* sysopt connection tcpmss, bytes; 0: never touched */
	bool logging;    /* logging enable */
	bool log_id_asa; /* logging id-style asa; native otherwise */

	struct config_kept *kept;
	size_t n_kept;

	/*
	 * HMAC-SHA-256 under the failover key over the canonical running-config
	 * without its node-local lines (hostname, failover lan unit, failover
	 * slot), in hex: equal on nodes that are configured alike. Keyed, so that
	 * it can be shown without helping anybody to guess a pre-shared key.
	 */
	char digest[CONFIG_DIGEST_TEXT];

	struct config_arena *arena; /* owns every string; internal */
};

/*
 * Parse a whole file. file_name is used in messages only. On R_OK *out is the
 * caller's to free and diag holds warnings at most; R_CONFIG: diag says what is
 * wrong, *out is NULL. R_NO_MEMORY. diag is initialised here.
 */
enum result config_parse(struct bytes text, const char *file_name, struct config **out,
			 struct diagnostics *diag) WARN_UNUSED;
/*
 * As config_parse, from a file. A file with secrets that others may read or
 * write is refused (R_CONFIG). R_SYSTEM: it cannot be read; diag says why.
 */
enum result config_load_file(const char *path, struct config **out,
			     struct diagnostics *diag) WARN_UNUSED;
void config_free(struct config *cfg);
/* holdfastd -t PATH: prints the diagnostics on stderr and a summary on stdout; 0 when
 * usable, 1 when not. */
int config_check_main(const char *path);

/*
 * Append the running-config. Unmasked, it parses to an equal configuration
 * (and holds secrets); masked, every secret reads "*****".
 */
void config_running(const struct config *cfg, bool mask_secrets, struct text *out);
/*
 * The two halves of the unmasked one: what a unit sends to the others, and what each keeps
 * for itself (hostname, failover lan unit, its slot, its key file, the failover key).
 */
void config_running_shared(const struct config *cfg, struct text *out);
void config_running_unit(const struct config *cfg, struct text *out);

/* The failover groups, ascending: group 1 alone without failover. Returns how many. */
size_t config_group_ids(const struct config *cfg, uint8_t out[CONFIG_GROUPS_MAX]);
/* The interfaces whose links are looked at: the monitored ones, and the first others that there is
 * room for. In their order; returns how many. */
size_t config_watched(const struct config *cfg,
		      const struct config_interface *out[CONFIG_MONITORED_MAX]);
/* All return NULL when there is none. */
const struct config_interface *config_interface_by_nameif(const struct config *cfg,
							  const char *nameif);
const struct config_tunnel_group *config_tunnel_group_by_name(const struct config *cfg,
							      const char *name);
/*
 * The tunnel-group of a peer from its identity: for the ASA's order, ask first
 * with the identity, then with the peer's address, then take the default.
 * id is the raw identification data, id_type an enum ike_id_type.
 */
const struct config_tunnel_group *
config_tunnel_group_by_identity(const struct config *cfg, unsigned int id_type, struct bytes id);
const struct config_tunnel_group *config_tunnel_group_by_address(const struct config *cfg,
								 const struct inet_addr *peer);
const struct config_tunnel_group *config_tunnel_group_default(const struct config *cfg);
/* "access-list NAME extended permit ip 198.51.100.0 255.255.255.0 any": as show
 * output prints it. Returns out. */
#define CONFIG_ACE_TEXT_MAX 384
const char *config_ace_text(const struct config_acl *acl, const struct config_ace *ace,
			    char out[CONFIG_ACE_TEXT_MAX]);

#endif
