/* SPDX-License-Identifier: Apache-2.0 */
/* Two owners of one log (R23): the log up to the fork, what each did since, and their merge. */
#ifndef HF_STATESYNC_TESTS_MERGE_HARNESS_H
#define HF_STATESYNC_TESTS_MERGE_HARNESS_H

#include "statesync/tests/fixtures.h"

#define FORK 10u

/* The log up to the fork, and then one for each owner. */
extern struct ss_store *higher, *lower;
/* Of the last merge. */
extern struct ss_merge_result out;

/* IKE SA 1 with CHILD SA 300, on both sides. */
int setup(void **state);
int teardown(void **state);
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* These consume the record. */
void put(struct ss_store *st, uint64_t position, struct ss_record r);
void both(struct ss_record r);
void erase(struct ss_store *st, enum ss_kind kind, uint64_t key);

struct ss_record ike_sa(uint64_t spi, uint32_t next_id, uint8_t stage, uint64_t replaced_by);
struct ss_record child_sa(uint32_t spi, uint64_t ike_spi, uint64_t rekey_at_ms);
struct ss_record lease(uint32_t spi, uint64_t end);
/* window: bit k of its only word: edge - k was seen. */
struct ss_record counters(uint32_t spi, uint64_t next, uint64_t edge, uint64_t window, bool used);

/* lower comes in chunks of max bytes and is merged into higher; what comes out is applied. */
void merge(size_t max);

void assert_counts(uint64_t taken, uint64_t anew, uint64_t rekeyed);
/* What higher has. */
struct ike_sa_state ike_now(uint64_t spi);
struct ss_counters counters_now(uint32_t spi);

#endif
