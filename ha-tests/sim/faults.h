/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by faults.c (random instants) and faults_timed.c (chosen ones). */
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
void fault_hand_over(struct sim *s);

/* Recoveries, and what they recover from; ctx is the node. */
void fault_restart(struct sim *s, struct event *ev);
void fault_boot(struct sim *s, struct event *ev);
void fault_wake(struct sim *s, struct event *ev);
void fault_heal(struct sim *s, struct event *ev);
void fault_trains(struct sim *s, struct event *ev); /* arg: packets */

/* faults_timed.c */
void fault_owner_apart(struct sim *s);
void fault_pair_apart(struct sim *s);
void fault_at_moment(struct sim *s);
void fault_keeper(struct sim *s);
void fault_joiner(struct sim *s);
void fault_twice(struct sim *s);
void fault_flash(struct sim *s);
void fault_sleepers(struct sim *s);
void fault_disk(struct sim *s);
void fault_stale_disk(struct sim *s);
void fault_stale_apart(struct sim *s);
void fault_clock(struct sim *s);
void fault_busy_handover(struct sim *s);
void fault_late_heartbeats(struct sim *s);
void fault_asked_late(struct sim *s);
void fault_lose_packets(struct sim *s);

/* faults_group.c */
void fault_drain(struct sim *s);
void fault_link(struct sim *s);
void fault_fence_cut(struct sim *s);
void faults_group_calm(struct node *nd);

#endif
