/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by faults.c (random instants), faults_timed.c (chosen ones), faults_group.c and
 * faults_plan.c (which, and when). */
#ifndef HF_SIM_FAULTS_H
#define HF_SIM_FAULTS_H

#include "ha-tests/sim/sim.h"

/* So many ms from now, and some. */
uint64_t fault_soon(struct sim *s, uint64_t low_ms, uint64_t high_ms);
/* Of the group that the fault is meant for. */
struct node *fault_owner(struct sim *s);
/* Another than nd (or NULL) that is up and holds what has been replicated there; NULL: none. */
struct node *fault_holder(struct sim *s, const struct node *nd);
bool fault_holds(const struct node *nd);
struct member *fault_member(struct node *nd);
/* Any node but this one (or NULL). */
struct node *fault_anybody(struct sim *s, const struct node *but);
/* Mostly the owner. */
struct node *fault_victim(struct sim *s);
bool fault_hand_over(struct sim *s);

/* Recoveries, and what they recover from; ctx is the node. */
void fault_restart(struct sim *s, struct event *ev);
void fault_boot(struct sim *s, struct event *ev);
void fault_wake(struct sim *s, struct event *ev);
void fault_heal(struct sim *s, struct event *ev);
void fault_trains(struct sim *s, struct event *ev); /* arg: packets */
/* What has stopped, and may sleep, is started when it has. */
void fault_start_again(struct sim *s, struct event *ev);
void fault_fast_again(struct sim *s, struct event *ev);

/* One that this run's breakage needs; false: it is not the time for it. */
bool fault_provoke(struct sim *s);

/* faults_timed.c; as begin of struct fault_kind */
bool fault_owner_apart(struct sim *s);
bool fault_pair_apart(struct sim *s);
bool fault_at_moment(struct sim *s);
bool fault_keeper(struct sim *s);
bool fault_joiner(struct sim *s);
bool fault_twice(struct sim *s);
bool fault_flash(struct sim *s);
bool fault_sleepers(struct sim *s);
bool fault_disk(struct sim *s);
bool fault_stale_disk(struct sim *s);
bool fault_stale_apart(struct sim *s);
bool fault_clock(struct sim *s);
bool fault_busy_handover(struct sim *s);
bool fault_late_heartbeats(struct sim *s);
bool fault_back_in_time(struct sim *s);
bool fault_asked_late(struct sim *s);
bool fault_lose_packets(struct sim *s);

/* faults_slot.c */
bool fault_twin(struct sim *s);
bool fault_twin_apart(struct sim *s);
void faults_slot_calm(struct node *nd);

/* faults_group.c */
bool fault_drain(struct sim *s);
bool fault_link(struct sim *s);
bool fault_fence_cut(struct sim *s);
void faults_group_calm(struct node *nd);

#endif
