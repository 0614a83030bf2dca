/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults at the rows of the IKE table: when the owner carries a row out,
 * before what follows from it has left the node (records and message), or
 * right after.
 */
#ifndef HF_SIM_MATRIX_H
#define HF_SIM_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

struct sim;
struct member;

#define MATRIX_ROWS 48
#define MATRIX_ANY  MATRIX_ROWS

enum strike_side { STRIKE_BEFORE, STRIKE_AFTER, STRIKE_SIDES };
enum strike_kind {
	STRIKE_CRASH,
	STRIKE_HOST,
	STRIKE_STOP,
	STRIKE_CUT,
	STRIKE_HANDOVER,
	STRIKE_KINDS
};

struct strike {
	bool armed;
	unsigned int row; /* or MATRIX_ANY */
	enum strike_side side;
	enum strike_kind kind;
	const struct member *waits_for; /* AFTER: this one's next message */
};

struct matrix {
	uint64_t taken[MATRIX_ROWS]; /* how often an owner carried it out */
	uint32_t hits[MATRIX_ROWS][STRIKE_SIDES][STRIKE_KINDS];
};

unsigned int matrix_rows(void);
const char *matrix_story(unsigned int row);
unsigned int matrix_row_of(const char *story);
/* Why the row cannot come here; NULL: it can. */
const char *matrix_unreachable(unsigned int row);
/* For hf_core_config.on_row; ctx is the member. */
void matrix_row(void *ctx, const char *story);
/* A datagram, or else a message to the group, has left. */
void matrix_left(struct member *m, bool datagram);
void matrix_print(const struct matrix *m);
/* Of the cells that can be reached, those that were not. */
unsigned int matrix_empty(const struct matrix *m);

/* faults.c */
void fault_strike(struct member *m, enum strike_kind kind);

/* ---- directed.c: what makes each row happen ---- */

struct directed {
	const char *name; /* what happens */
	const char *row;  /* its story */
	unsigned int from;
	unsigned int speaks; /* whose packets begin it; both: at the same time */
	unsigned int quirks; /* of the peer, from the beginning */
	unsigned int later;  /* from when tunnels stand */
	unsigned int how;    /* of the installation, of the run */
	unsigned int node_does, peer_does;
	unsigned int condition; /* of the peer index that comes about; 0: it has one peer */
	unsigned int patience;  /* how many seconds it may take; 0: few */
};

/* What the run is for has come about, its fault apart. */
bool directed_done(const struct directed *d, uint32_t index_seen);

/* Ended by one without a name. */
extern const struct directed directed_runs[];
/* What it makes of the seed's installation. */
void directed_scenario(struct sim *s);
/* Instead of random faults. */
void directed_plan(struct sim *s);

#endif
