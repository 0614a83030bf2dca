/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a configuration out of matched lines, and writing one back: what
 * the cmd_*.c files share. Internal to node/config.
 */
#ifndef HF_NODE_CONFIG_BUILD_H
#define HF_NODE_CONFIG_BUILD_H

#include "node/config/arena.h"
#include "node/config/grammar.h"

enum config_mode {
	MODE_GLOBAL = 1,
	MODE_INTERFACE,
	MODE_OBJECT,
	MODE_FAILOVER_GROUP,
	MODE_IKE_POLICY,
	MODE_PROPOSAL,
	MODE_TUNNEL_GROUP,
	MODE_KEPT,    /* below a line of a family that is kept: its lines are kept too */
	MODE_UNKNOWN, /* below a line that no table knows: as MODE_KEPT, for indented lines */
};

#define WEAK_MAX DIAGNOSTICS_MAX

/* A weak algorithm that was named. Objects that are removed again by "no" leave it:
 * the file still asks for it. */
struct weak_use {
	struct config_where where;
	char word[16];
};

/* Objects that are found by their names. */
enum build_kind {
	BUILD_NAME,
	BUILD_OBJECT,
	BUILD_ACL,
	BUILD_MAP_ENTRY,
	BUILD_TUNNEL_GROUP,
	BUILD_KINDS
};

struct build_index {
	struct hashmap *positions; /* 1 + position of each of the first n */
	size_t n;
};

struct build {
	struct config *cfg;
	struct diagnostics *diag;
	struct grammar grammar;
	unsigned int line_no;
	const struct line *line;
	struct failure failure; /* how far the rows came that did not match the line */
	enum config_mode mode;
	size_t item;        /* index of the object that the mode is about */
	const char *header; /* the line that opened the mode */
	struct weak_use weak[WEAK_MAX];
	size_t n_weak;
	const struct grammar_row *warned[64]; /* rows whose first kept line was reported */
	size_t n_warned;
	size_t unknown;   /* kept lines that no table knows */
	bool named_group; /* a tunnel-group with keys that a peer may name in IKE_AUTH */
	struct build_index index[BUILD_KINDS];
	struct hashmap *aces; /* the lines that lists have, as config_ace_text */
	bool no_memory;
};

/*
 * One more zeroed element; *array moves. NULL when out of memory, which the
 * build remembers.
 */
void *build_grow(struct build *b, void **array, size_t *n, size_t size);
#define BUILD_GROW(b, array, n) \
	((__typeof__(array))build_grow((b), (void **)&(array), &(n), sizeof(*(array))))
/* Take element i out of an array. */
void build_remove(void *array, size_t *n, size_t size, size_t i);
#define BUILD_REMOVE(array, n, i) build_remove((array), &(n), sizeof(*(array)), (i))
#define BUILD_NONE                SIZE_MAX
/* The position of an object in its array, BUILD_NONE when there is none; not for map entries. */
size_t build_find(struct build *b, enum build_kind kind, const char *name);
size_t build_find_entry(struct build *b, const char *map, uint32_t seq);
/* Objects of this kind have other positions now. */
void build_moved(struct build *b, enum build_kind kind);
/* A copy that lives with the configuration; "" when out of memory. */
const char *build_string(struct build *b, const char *s);
struct config_where build_where(const struct build *b, const struct match *m);
/* Place of one argument. */
struct config_where build_arg_where(const struct build *b, const struct arg *a);
void build_error(struct build *b, struct config_where where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void build_warning(struct build *b, struct config_where where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void build_weak(struct build *b, const struct arg *a);
/* Keep the present line. */
void build_keep(struct build *b);
/* apply of rows that are valid on an ASA and have no meaning here: keep, and say so once per
 * row. */
void apply_keep(void *ctx, const struct match *m);
/* As apply_keep, for what costs no function: nothing is said. */
void apply_keep_silently(void *ctx, const struct match *m);
/* *s becomes the key of the argument; a masked one leaves it empty and returns true. */
bool build_secret(struct build *b, struct secret *s, const struct arg *a, bool hex);

/* Resolve references and defaults, check, and mark what is inactive. */
void config_resolve(struct build *b);
/* For config_tunnel_group_by_*: the tunnel-groups stay as and where they are. */
enum result config_index(struct config *cfg) WARN_UNUSED;
/* What of failover snapshot-channel only the whole file can tell. */
void snapshot_channel_resolve(struct build *b);
/* Which interfaces are monitored. */
void monitoring_resolve(struct build *b);
/* Writes cfg->digest. R_CRYPTO, R_NO_MEMORY. */
enum result config_seal_digest(struct config *cfg) WARN_UNUSED;

/* State of writing a running-config. */
struct running {
	struct text *out;
	const struct config *cfg;
	bool mask;
	unsigned int without; /* enum row_flags: rows with one of them are left out */
	unsigned int only;    /* rows with one of them; 0: all */
	const void *item;     /* the object that the table's rows describe */
};

void running_emit(struct running *r, const struct grammar_row *row, const char *const *values);
/* Values by slot; NULL leaves an optional part out. */
#define EMIT(r, row, ...) running_emit((r), (row), (const char *const[]){ __VA_ARGS__, NULL })
/* Emit with one argument that is a secret: before may hold arguments in front of it. */
void running_emit_secret(struct running *r, const struct grammar_row *row, const char *before,
			 const struct secret *key, bool hex);

#define NUMBER_TEXT_MAX 24
const char *number_text(uint64_t v, char out[NUMBER_TEXT_MAX]);
/* "255.255.255.0" of a v4 prefix. */
const char *mask_text(const struct inet_prefix *p, char out[INET_TEXT_MAX]);

extern const struct grammar_table config_tables[];

extern const struct grammar_row rows_system[], rows_interface[], rows_object[], rows_access_list[],
	rows_failover[], rows_monitor[], rows_snapshot_channel[], rows_failover_group[],
	rows_network[], rows_proposal[], rows_ipsec[], rows_crypto_map[], rows_map_binding[],
	rows_ike[], rows_ike_policy[], rows_tunnel_group[], rows_kept[];

#endif
