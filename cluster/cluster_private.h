/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of cluster/; nobody else includes it. The node, and what its files do for each
 * other.
 */
#ifndef HF_CLUSTER_PRIVATE_H
#define HF_CLUSTER_PRIVATE_H

#include "cluster/admission.h"
#include "cluster/bounds.h"
#include "cluster/cluster.h"
#include "cluster/config_sync.h"
#include "cluster/exec.h"
#include "cluster/group.h"
#include "cluster/member.h"
#include "statesync/records.pb-c.h"

struct cl_node {
	struct cl_node_config cfg;
	struct ss_sealer *sealer;
	uint64_t incarnation;
	struct view view;
	struct cl_ring_id quorum_ring;
	bool quorum_known, quorum_quorate;
	struct deferred *deferred;
	size_t n_deferred, cap_deferred;
	bool drained;
	bool slot_refused;    /* R14: another node has our slot, and we hold nothing */
	uint32_t slot_holder; /* R14: the node for which we are out of this view; 0: none */
	struct inet_endpoint relay;
	int64_t clock_offset_ms;    /* cluster time minus this node's guess */
	uint64_t clock_followed_ns; /* when a heartbeat last set it; 0: none has */
	uint64_t clock_since_ns; /* when another's first set it; 0: none has, or it was our own */
	uint64_t clock_far_ns;   /* since when it is far ahead of theirs; 0: it is not */
	uint64_t messages_refused;
	struct cl_failure failures[SS_SLOTS];
	struct cl_known_unit known[SS_SLOTS];
	uint32_t fenced[CL_MEMBERS_MAX]; /* nodes that were, and are in no view since */
	size_t n_fenced;
	struct cl_stats stats;
	struct exec exec;
	struct config_sync config;
	struct health health;
	struct admission admission;
	size_t n_groups;
	struct group groups[CL_GROUPS_MAX];
	/* of the running cl_step */
	uint64_t now_ns;
	uint64_t away_ns; /* since the step before this one */
	uint64_t woke_ns; /* the step that came last after a pause in which a ring can form */
	struct cl_outbox *out;
};

/* cluster.c: effects */
struct cl_effect *fx_push(struct cl_node *n, enum cl_effect_kind kind, const struct group *g);
void fx_apply(struct cl_node *n, const struct group *g, const struct ss_record *r);
void fx_log(struct cl_node *n, enum log_id id, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
struct group *group_find(struct cl_node *n, uint32_t id);
static inline bool is_owner(const struct group *g)
{
	return g->role == CL_ROLE_ACTIVE || g->role == CL_ROLE_RELEASING;
}
static inline uint16_t slot_bit(uint8_t slot)
{
	return (uint16_t)(1u << slot);
}

/* role.c */
void role_change(struct cl_node *n, struct group *g, const struct role_change *c);
void role_event(struct cl_node *n, struct group *g, enum role_event event, const char *why);

/* latency.c */
void latency_sent(struct cl_node *n, struct group *g);
/* Positions behind `before` have become committed. */
void latency_committed(struct cl_node *n, struct group *g, uint64_t before);

/* history.c */
/* The state may have changed: remember it, for the reason given. */
void history_note(struct cl_node *n, struct group *g, const char *why);
/* At the end of a step: what changed without a change of role. */
void history_follow(struct cl_node *n, struct group *g);
void failure_note(struct cl_node *n, uint8_t slot, const char *why);

/* message.c */
void message_send(struct cl_node *n, uint32_t group, uint64_t term, Holdfast__ClusterMessage *m);
void message_send_group(struct cl_node *n, const struct group *g, Holdfast__ClusterMessage *m);
/* For one member, over the snapshot channel: CL_FX_SNAPSHOT_SEND or _ASK. False: not sealed. */
bool message_send_snapshot(struct cl_node *n, const struct group *g, enum cl_effect_kind kind,
			   const struct member *to, Holdfast__ClusterMessage *m);
/* For the owner directly: CL_FX_ACK. */
void message_send_ack(struct cl_node *n, const struct group *g, Holdfast__ClusterMessage *m);
void message_deliver(struct cl_node *n, const struct cl_member *from, struct bytes data);
void message_snapshot(struct cl_node *n, struct bytes data);
void message_ack(struct cl_node *n, struct bytes data);

/* What a handler is told of a delivered message. */
struct delivery {
	struct member *member; /* its sender, in the view, with slot */
	uint64_t term;
	uint64_t sequence; /* its number among what that sender has sealed */
};

/* membership.c */
void membership_view(struct cl_node *n, const struct cl_input *in);
void membership_quorum(struct cl_node *n, const struct cl_input *in);
void membership_message(struct cl_node *n, const struct cl_input *in);
void membership_disconnected(struct cl_node *n);
/* Out of this view, with what is held as a kept state (R22). */
void membership_leave(struct cl_node *n, const char *why);
bool membership_has_state(const struct cl_node *n);
void membership_free(struct cl_node *n);
/* The process in the view, or NULL; known: to look at only. */
const struct member *member_known(const struct cl_node *n, const struct cl_member *id);
struct member *member_find(struct cl_node *n, const struct cl_member *id);
struct member *member_by_slot(struct cl_node *n, uint8_t slot);
bool member_all_hello(const struct cl_node *n);
/* R11: no other member says that it may have owned terms which it does not know. */
bool member_terms_known(const struct cl_node *n, const struct group *g);
/*
 * A member that comes from elsewhere may know of a higher term or hold more of the log: hear it
 * first, but not for ever.
 */
uint64_t member_hello_heard_ns(const struct cl_node *n);
/* R15, R22: every member of the view has said in it what it holds. */
bool member_all_heard(const struct cl_node *n);
/* The view has quorum, and votequorum has not spoken of a later ring yet. */
bool membership_is_current(const struct cl_node *n);
static inline bool view_quorate(const struct cl_node *n)
{
	return n->view.joined && n->view.established && n->view.quorate;
}

/* hello.c */
void membership_hello(struct cl_node *n, const struct cl_member *from, uint8_t slot,
		      const Holdfast__Hello *h);
/* The same of another process in our slot. */
void membership_twin(struct cl_node *n, struct member *m, const Holdfast__Hello *h);
/* All fields are such that a member of a version that we understand can mean them. */
bool hello_is_sound(const struct cl_node *n, const Holdfast__Hello *h);
void membership_say_hello(struct cl_node *n);
/* R22: our own configuration is another one. */
void membership_digest(struct cl_node *n, const uint8_t digest[32]);

/* slot.c (R14) */
/* Before it is opened: what is sealed with this slot may come from m. */
bool slot_allowed(struct cl_node *n, const struct member *m, const struct ss_opened *o);
/* m says HELLO in this view; false: its slot is another one's, or this node has yielded. */
bool slot_hello(struct cl_node *n, struct member *m, uint8_t slot, const Holdfast__Hello *h);
/* m says it in our slot. */
void slot_twin(struct cl_node *n, struct member *m, const Holdfast__Hello *h);
/* A process that is refused says that it is its own, and may hold what it acknowledged. */
bool slot_contested(const struct cl_node *n, uint8_t slot);

/* ownership.c */
/* In this view, or one that has ended, there was none: what is held may be behind. */
void ownership_without_quorum(struct cl_node *n);
/* With quorum again: has anybody owned the group meanwhile? */
void ownership_consider(struct cl_node *n, struct group *g);
/* The owner may act as one: quorum, and nobody else can have owned the group without it. */
static inline bool ownership_is_sure(const struct cl_node *n, const struct group *g)
{
	return view_quorate(n) && !g->unsure;
}
/* R23: lineages (and owners) compare as (term, slot). <0, 0, >0. */
int ownership_compare(uint64_t term_a, uint8_t slot_a, uint64_t term_b, uint8_t slot_b);
/* The owner of the log that we follow is a process in the view. */
const struct member *owner_member(const struct cl_node *n, const struct group *g);
void ownership_view_changed(struct cl_node *n, struct group *g);
/*
 * Somebody says it owns the group, and it was not by a claim that we delivered (join, heal):
 * R23.
 */
void ownership_learned(struct cl_node *n, struct group *g, const struct member *m, uint64_t term,
		       uint16_t protected_set, uint64_t heartbeat);
/* A member holds synced state of (term, owner): ours may be of a losing lineage. */
void ownership_lineage(struct cl_node *n, struct group *g, uint64_t term, uint8_t owner);
/* What is held is state no more, but kept; the role is the caller's business. */
void ownership_drop_state(struct cl_node *n, struct group *g);
/* The same, and become a joiner. */
void ownership_lose_state(struct cl_node *n, struct group *g, const char *why);
/* m owns term, and its log does not go on from what is held here. */
void ownership_follow_anew(struct cl_node *n, struct group *g, const struct member *m,
			   uint64_t term, const char *why);
/* slot starts a new term of the log behind what is applied. */
void ownership_begin(struct cl_node *n, struct group *g, const struct member *m, uint64_t term);
bool ownership_protected_present(struct cl_node *n, const struct group *g);

/* claim.c */
bool claim_anybody_has_state(const struct cl_node *n, const struct group *g);
bool claim_everybody_answered(const struct cl_node *n);
bool claim_is_suspect(const struct cl_node *n, const struct group *g, enum claim_reason reason);
void claim_deliver(struct cl_node *n, struct group *g, const struct delivery *d,
		   const Holdfast__ClusterMessage *m);
void claim_consider(struct cl_node *n, struct group *g);
/* R15: an empty start is safe; it waits for nobody's word but an operator's or Pacemaker's. */
bool claim_may_begin_empty(const struct cl_node *n, const struct group *g);
/* The node that a takeover or an empty start waits for to be fenced; 0: none. */
uint32_t claim_awaits_fencing_of(const struct cl_node *n, const struct group *g);
void claim_term_written(struct cl_node *n, struct group *g, uint64_t term, bool ok);
/* Put the next term on disk now, to be claimed later. */
void claim_reserve(struct cl_node *n, struct group *g);
bool claim_is_reserved(const struct cl_node *n, const struct group *g);
void claim_forget(struct group *g);
/* Another owner begins: what was to settle has ended. */
void claim_unsettle(struct group *g);
void claim_settle(struct cl_node *n, struct group *g);
/* A member has spoken under the term of our claim. */
void claim_followed(struct cl_node *n, struct group *g, const struct member *m);
/* The owner that we follow says in another ring that it does not own the term: it gave it up. */
bool claim_taken_back(struct cl_node *n, struct group *g, const struct member *m,
		      const Holdfast__GroupStatus *s);
void claim_view_changed(struct cl_node *n, struct group *g);
/* R10: term began with a suspect takeover. */
void claim_suspect_heard(struct group *g, uint64_t term);
/* A message of our own came back. */
void claim_own_delivered(struct cl_node *n, struct group *g, uint64_t sequence);

/* term.c */
/* g->disk_term, which was set for it. */
void term_write(struct cl_node *n, struct group *g);
void term_written(struct cl_node *n, struct group *g, uint64_t term, bool ok);
void term_consider(struct cl_node *n, struct group *g);
void term_heard(struct cl_node *n, struct group *g);

/* heartbeat.c */
void heartbeat_begin(struct cl_node *n, struct group *g, uint64_t claim_emitted_ns);
void heartbeat_end(struct cl_node *n, struct group *g);
void heartbeat_send(struct cl_node *n, struct group *g);
void heartbeat_deadline_passed(struct cl_node *n, struct group *g);
/* Silence before the deadline has come. */
void heartbeat_deadline_now(struct cl_node *n, struct group *g);
/* The owner may send again, as soon as a heartbeat extends its deadline. */
void heartbeat_resume(struct cl_node *n, struct group *g);
/* So that a joiner has the time of the cluster before it has the state. */
void heartbeat_for_joiner(struct cl_node *n, struct group *g);
void heartbeat_deliver(struct cl_node *n, struct group *g, const struct delivery *d,
		       const Holdfast__ClusterMessage *m);
/* Owner: when the last one that came back was sent. */
uint64_t heartbeat_emitted_ns(const struct group *g);
uint64_t heartbeat_silent_ns(const struct cl_node *n, const struct group *g);
/* R10: too old to have everything, or nobody can say. */
bool heartbeat_is_stale(const struct cl_node *n, const struct group *g);
/* Owner, in a new view: there may have been a ring without us, and an owner in it. */
bool heartbeat_left_out(const struct cl_node *n, const struct group *g);
/* The next heartbeat is of an owner whose time we have not followed. */
void heartbeat_follow_anew(struct cl_node *n);
/* The time of before. What differs by less has only been followed meanwhile. */
void heartbeat_restore_clock(struct cl_node *n, int64_t offset_ms);
uint64_t cluster_time_ms(const struct cl_node *n, uint64_t now_ns);

/* protect.c */
void protect_begin(struct cl_node *n, struct group *g);
void protect_end(struct cl_node *n, struct group *g);
void protect_members_changed(struct cl_node *n, struct group *g);
void protect_announce(struct cl_node *n, struct group *g);
void protect_synced(struct cl_node *n, struct group *g, const struct delivery *d,
		    const Holdfast__ClusterMessage *m);
/* Our claim has settled: who said SYNCED before is protected now. */
void protect_settled(struct cl_node *n, struct group *g);
void protect_ack(struct cl_node *n, struct group *g, const struct delivery *d,
		 const Holdfast__ClusterMessage *m);
/* Owner: the standby in slot holds the log up to position. */
void protect_acked(struct cl_node *n, struct group *g, uint8_t slot, uint64_t position);
void protect_protected(struct cl_node *n, struct group *g, const struct delivery *d,
		       const Holdfast__ClusterMessage *m);
void protect_unprotected(struct cl_node *n, struct group *g, const struct delivery *d,
			 const Holdfast__ClusterMessage *m);
void protect_commit_timeout(struct cl_node *n, struct group *g);
void protect_drop(struct cl_node *n, struct group *g);
/* committed may have moved: tell, and run R6's clock. */
void protect_committed(struct cl_node *n, struct group *g, uint64_t before);
/* The standby to hand over to, a drained one only when it may be; 0: none. */
uint8_t protect_best(struct cl_node *n, const struct group *g, bool drained_too);

/* log.c */
void log_records(struct cl_node *n, struct group *g, const struct ss_record *records,
		 size_t n_records);
void log_batch(struct cl_node *n, struct group *g, const struct delivery *d,
	       const Holdfast__ClusterMessage *m);
/*
 * An entry of the log was delivered: apply, keep for the join, or find a gap. records is NULL
 * for PROTECTED.
 */
void log_deliver(struct cl_node *n, struct group *g, const struct delivery *d, uint64_t position,
		 const struct bytes *records);
enum result log_apply(struct cl_node *n, struct group *g, struct bytes records) WARN_UNUSED;
void log_replay_store(struct cl_node *n, const struct group *g);
void log_ack(struct cl_node *n, struct group *g);

/* kept.c */
/* The state is to go: keep it, should nobody have a better one. */
void kept_take(struct cl_node *n, struct group *g);
void kept_free(struct group *g);
/* Which of two states has more of the log: <0: b, >0: a, 0: no difference. */
int kept_compare(const struct state_place *a, const struct state_place *b);
/* Nobody else holds more and nobody owns the group: back to what is kept. */
void kept_consider(struct cl_node *n, struct group *g);

/* join.c */
void join_start(struct cl_node *n, struct group *g);
void join_stop(struct group *g);
void join_keep(struct cl_node *n, struct group *g, uint64_t position, const struct bytes *records);
void join_marker(struct cl_node *n, struct group *g, const struct delivery *d,
		 const Holdfast__ClusterMessage *m);
/* Another owner's snapshots were not refused. */
void join_new_owner(struct group *g);
/* No progress: ask again, or begin again. */
void join_timeout(struct cl_node *n, struct group *g);
/* An acknowledgement of ours has come back. */
void join_own_ack(struct cl_node *n, struct group *g);
void join_chunk(struct cl_node *n, struct group *g, const Holdfast__Snapshot *m);
/* Our claim has settled, or our doubt has ended: markers that came before are served. */
void join_settled(struct cl_node *n, struct group *g);
void join_request(struct cl_node *n, struct group *g, uint8_t slot,
		  const Holdfast__SnapshotRequest *m);
void join_serve_ready(struct cl_node *n, struct group *g, uint8_t slot);
/* The joiner has said SYNCED. */
void join_served(struct cl_node *n, struct group *g, uint8_t slot, uint64_t join_id);
void join_serve_stop(struct group *g, uint8_t slot);

/* admission.c (R24) */
void admission_deliver(struct cl_node *n, struct member *from, const Holdfast__Admission *m);
/* A message of ours has come back. */
void admission_own_delivered(struct cl_node *n, uint64_t sequence);
/* The members of the view are known. */
void admission_view_changed(struct cl_node *n, bool new_ring);
/* Behind our HELLO, which has the key to it. */
void admission_say(struct cl_node *n);
void admission_disconnected(struct cl_node *n);
void admission_told(struct cl_node *n, const struct cl_input *in);
/* m owns g from now on. */
void admission_owner_begins(struct cl_node *n, const struct group *g, const struct member *m);
/* Fenced or forgotten: all members are told. */
void admission_gone(struct cl_node *n, uint32_t node_id);
/* At the end of a step. */
void admission_follow(struct cl_node *n);
uint32_t admission_share(const struct cl_node *n);
uint64_t admission_deadline(const struct cl_node *n);

/* fence.c: "failover takeover fenced", "failover empty-start fenced" */
/* The owner is not in the view any more. */
void fence_owner_left(struct cl_node *n, struct group *g);
void fence_confirmed(struct cl_node *n, uint32_t node_id);
/* Who is in the view again is not fenced any more. */
void fence_view_changed(struct cl_node *n);
/* R15: with "empty-start fenced", one who is not in the view and not confirmed to be off; 0: nobody. */
uint32_t fence_missing(const struct cl_node *n);
/* R15: all are here, or with "empty-start fenced" confirmed to be off. */
bool fence_nobody_missing(const struct cl_node *n);

/* lineage.c: all of R23's question where two logs parted */
/* slot owns term from position begin on. */
void lineage_begin(struct lineage *l, uint64_t term, uint8_t slot, uint64_t begin);
/* It does not after all. */
void lineage_undo(struct lineage *l, uint64_t term);
/* The last ownership that both have; false: none. *fork: up to where they are one log; l goes up
 * to applied. */
bool lineage_fork(const struct lineage *l, uint64_t applied, const struct lineage *other,
		  struct ownership *last, uint64_t *fork);
/* fork lies within what l has of (term, slot). */
bool lineage_has(const struct lineage *l, uint64_t term, uint8_t slot, uint64_t fork);
void lineage_take(struct lineage *l, const Holdfast__GroupStatus *s);

/* part.c: the lower of two owners (R23) */
/* Before the state is dropped. */
void part_begin(struct cl_node *n, struct group *g);
void part_stop(struct group *g);
/* What is held is lost, and that is told. */
void part_give_up(struct cl_node *n, struct group *g, const char *why);
/* The datapath has stopped: its last numbers. */
void part_stopped(struct cl_node *n, struct group *g, const struct ss_record *numbers,
		  size_t count);
/* Of our own log, delivered when we do not own it any more; false: not of the part. */
bool part_own_log(struct cl_node *n, struct group *g, const struct delivery *d,
		  const Holdfast__ClusterMessage *m);
/* Something moved: send, if there is somebody who can take it. */
void part_continue(struct cl_node *n, struct group *g);
void part_taken(struct cl_node *n, struct group *g, const struct delivery *d,
		const Holdfast__ClusterMessage *m);
void part_timeout(struct cl_node *n, struct group *g);

/* merge.c: the higher one */
void merge_chunk(struct cl_node *n, struct group *g, uint8_t slot, const Holdfast__Part *m);
void merge_forget(struct group *g);
/* All of a part is here: begin when nothing else is under way. */
void merge_consider(struct cl_node *n, struct group *g);
void merge_continue(struct cl_node *n, struct group *g);
/* Our claim behind it is valid. */
void merge_settled(struct cl_node *n, struct group *g);

/* preempt.c */
void preempt_role_changed(struct cl_node *n, struct group *g, enum cl_role from);
void preempt_owner_changed(struct cl_node *n, struct group *g);
void preempt_consider(struct cl_node *n, struct group *g);
/* As the owner: whether a preempting member is kept waiting. */
bool preempt_refused(struct cl_node *n, const struct group *g);
/* This unit may own the group again. */
void preempt_available(struct cl_node *n, struct group *g);

/* health.c */
void health_told(struct cl_node *n, const struct cl_health *told);
void health_timers(struct cl_node *n);
uint64_t health_deadline(const struct cl_node *n);
void health_consider(struct cl_node *n, struct group *g);
/* Not failed by the policy, and nothing that failed came back a moment ago. */
bool health_is_good(const struct cl_node *n, const struct group *g);
/*
 * Of two members, one that its interfaces make a failed unit goes behind one that they do not: <0: a
 * first, >0: b first, 0: no difference.
 */
int health_compare(const struct cl_node *n, const struct group *g, const struct member *a,
		   const struct member *b);
const char *health_objection(struct cl_node *n, const struct group *g);
size_t health_hello(const struct cl_node *n, Holdfast__InterfaceStatus status[CL_LINKS_MAX],
		    Holdfast__InterfaceStatus *list[CL_LINKS_MAX]);
void health_heard(struct cl_node *n, struct member *m, const Holdfast__Hello *h);

/* drain.c */
void drain_set(struct cl_node *n, bool drained);
void drain_consider(struct cl_node *n, struct group *g);
/* An undrained member goes before a drained one. <0: a first, >0: b first, 0: no difference. */
static inline int drain_compare(bool a_drained, bool b_drained)
{
	return (int)a_drained - (int)b_drained;
}

/* handover.c */
/* False when there is nobody to hand over to who is not drained as well. */
bool handover_drain(struct cl_node *n, struct group *g);
void handover_go_active(struct cl_node *n, struct group *g);
void handover_go_standby(struct cl_node *n, struct group *g);
void handover_stop(struct cl_node *n, struct group *g);
void handover_request(struct cl_node *n, struct group *g, const struct delivery *d,
		      const Holdfast__ClusterMessage *m);
void handover_prepare(struct cl_node *n, struct group *g, const struct delivery *d,
		      const Holdfast__ClusterMessage *m);
void handover_ready(struct cl_node *n, struct group *g, const struct delivery *d,
		    const Holdfast__ClusterMessage *m);
void handover_cancelled(struct cl_node *n, struct group *g, const struct delivery *d,
			const Holdfast__ClusterMessage *m);
void handover_release(struct cl_node *n, struct group *g, const struct delivery *d,
		      const Holdfast__ClusterMessage *m);
void handover_prepared(struct cl_node *n, struct group *g);
/* As the owner, to a protected standby. */
void handover_to(struct cl_node *n, struct group *g, uint8_t slot);
void handover_quiesced(struct cl_node *n, struct group *g);
void handover_relay_done(struct cl_node *n, struct group *g);
/* Something moved (committed, a view, a term on disk): go on if possible. */
void handover_continue(struct cl_node *n, struct group *g);
void handover_timeout(struct cl_node *n, struct group *g);
void handover_stop_timeout(struct cl_node *n, struct group *g);
/* The role of this node or the owner changed: commands that wait for it end. */
void handover_settled(struct cl_node *n, struct group *g);

#endif
