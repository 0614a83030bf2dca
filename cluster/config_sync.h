/* SPDX-License-Identifier: Apache-2.0 */
/* Replication of the configuration (config_sync.c). Private to cluster/. */
#ifndef HF_CLUSTER_CONFIG_SYNC_H
#define HF_CLUSTER_CONFIG_SYNC_H

#include "cluster/cluster.h"
#include "statesync/records.pb-c.h"

#define CONFIG_PIECE_BYTES 32000u
#define CONFIG_ASK_MS      500   /* no piece: what was on its way is lost, ask again */
#define CONFIG_QUIET_MS    5000  /* no progress: the owner is asked no more */
#define CONFIG_ANSWER_MS   15000 /* a member that says nothing is waited for no longer */

/* Whom the owner's configuration is for. */
struct config_reader {
	bool open;
	struct cl_member id;
	uint8_t slot;
	uint64_t heard_ns;
};

struct config_offer {
	bool used;
	uint64_t id, token;
	enum cl_config_why why;
	struct buf text; /* holds keys: wiped */
	size_t n;
	struct config_reader readers[CL_MEMBERS_MAX];
};

struct config_receipt {
	bool used, complete;
	uint64_t id;
	struct cl_member from;
	uint8_t slot;
	uint8_t digest[32];
	struct buf text; /* all of it, and holds keys: wiped */
	size_t have;
	uint64_t ask_ns, heard_ns;
};

struct config_sync {
	uint64_t next_id;
	bool wanted; /* CL_FX_CONFIG_WANTED is out */
	struct config_offer offer;
	struct config_receipt receipt;
};

struct cl_node;
struct group;
struct member;

/* CL_IN_CONFIG_OFFER, CL_IN_CONFIG_TAKEN. */
void config_sync_offer(struct cl_node *n, const struct cl_input *in);
void config_sync_taken(struct cl_node *n, const struct cl_input *in);
/* The owner has one for us; a member has taken ours, or says why not. */
void config_sync_offered(struct cl_node *n, const struct member *from,
			 const Holdfast__ConfigOffer *m);
void config_sync_done(struct cl_node *n, const struct member *from, const Holdfast__ConfigDone *m);
/* By the snapshot channel: a member asks for the next piece of ours, a piece of the owner's comes. */
void config_sync_request(struct cl_node *n, const struct group *g, uint8_t slot,
			 const Holdfast__ConfigRequest *m);
void config_sync_piece(struct cl_node *n, uint8_t slot, const Holdfast__ConfigPiece *m);
/* A member follows this owner: by its marker, or as one that is synced. */
void config_sync_follows(struct cl_node *n, const struct group *g, struct member *m);
/* At the end of a step: timers, members and owners that are gone, who is to have what we run. */
void config_sync_follow(struct cl_node *n);
uint64_t config_sync_deadline(const struct cl_node *n);
bool config_sync_receiving(const struct cl_node *n);
void config_sync_free(struct cl_node *n);

#endif
