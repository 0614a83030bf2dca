/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the harness. */
#ifndef HF_CLUSTER_TESTS_HARNESS_PRIVATE_H
#define HF_CLUSTER_TESTS_HARNESS_PRIVATE_H

#include "cluster/tests/harness.h"

/* Of the records that node_append() makes. */
#define TEST_KIND 77u

/* A copy of both; event_free() frees it. */
struct event *event_new(const struct cl_input *in, struct bytes data);
void event_free(struct event *e);
/* q owns e from here on. */
void push(struct queue *q, struct event *e);
/* The caller's; NULL: empty. */
struct event *pop(struct queue *q);
void append_queue(struct queue *to, struct queue *from);
/* Frees what is in it. */
void drain(struct queue *q);

/* What the node's step asked for. */
void effect(struct node *nd, const struct cl_effect *fx);
/* The node's own configuration is to go to slot, or to all (0). */
void config_offer(struct node *nd, uint8_t slot, enum cl_config_why why, uint64_t token);

#endif
