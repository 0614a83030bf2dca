/* SPDX-License-Identifier: Apache-2.0 */
/* Times and sizes of the cluster logic. Private to cluster/. */
#ifndef HF_CLUSTER_BOUNDS_H
#define HF_CLUSTER_BOUNDS_H

#define MS    1000000ull
#define NEVER UINT64_MAX

#define VOTES_OF_MAJORITY 3u /* so many make one side of a cut the majority, and the other not */

#define DEFAULT_DEADLINE_MS  2000
#define DEFAULT_HEARTBEAT_MS 100
#define COMMIT_MARGIN_MS     200  /* R6: above token + consensus */
#define RELEASE_MARGIN_MS    50   /* R6, R10: above the commit timeout, for clocks that differ */
#define SILENCE_MARGIN_MS    200  /* R12: above the deadline */
#define CLAIM_RANK_MS        100  /* between candidates of a takeover */
#define CLAIM_RETRY_MS       100  /* after a claim that was refused */
#define TERM_RETRY_MS        1000 /* after a term that could not be written (R11) */
#define SETTLE_ROTATIONS     2    /* R9, R24: of the token (settle.h) */
#define HEARD_TERM_MS        1000 /* until a term that others own is written: first the takeover */
#define DOUBT_TERM_ROOM      4    /* terms that others may claim behind a claim of ours */
#define EMPTY_RANK_MS        500  /* R15: between candidates of an empty start */
#define EMPTY_TERM_ROOM      16   /* terms that a missing member may have owned */
#define HELLO_GRACE_MS       1000 /* a takeover waits for a HELLO so long */
#define LOST_TERM_ROOM       64   /* terms that a node without its file may have owned (R11) */
#define JOIN_RETRY_MS        5000 /* no progress of a snapshot: a new marker */
#define JOIN_ASK_MS          500  /* no progress: what was on its way is lost, ask again */
#define JOIN_REFUSED_MS      500  /* a snapshot was refused: the next one comes later; doubles */
#define JOIN_REFUSED_MAX_MS  8000
#define JOIN_CALM_MS         60000 /* none was refused for so long */
#define HANDOVER_MS          1000  /* each phase of a handover */
#define PREEMPT_WAIT_MS      5000  /* after a request that led to nothing; doubles */
#define PREEMPT_WAIT_MAX_MS  300000
#define PREEMPT_WINDOW_MS    600000
#define DRAIN_WAIT_MS        2000 /* after a handover that came to nothing */
#define HEALTH_WAIT_MS       2000 /* between two handovers for links; doubles */
#define HEALTH_WAIT_MAX_MS   10000
#define HEALTH_WINDOW_MS     60000 /* so long without one: calm */
#define RELAY_MAX_MS         5000  /* a stop waits for stragglers (R19) no longer */
#define ANNOUNCE_MS          500   /* between two SYNCED that nobody answered */
#define BATCH_BYTES_MAX \
	60000u /* one message: Corosync's own limit is far above, its latency is not */
#define SNAPSHOT_CHUNK_BYTES  48000u
#define SNAPSHOT_CREDIT       16u         /* R22: chunks on their way to one joiner */
#define JOIN_BUFFER_BYTES_MAX (64u << 20) /* R22: overflow restarts the join */
#define DEFERRED_MAX          8192u
#define PART_OWN_MS           2000  /* R23: what we appended last comes back in this time */
#define PART_ASK_MS           500   /* no answer: what was on its way is lost */
#define PART_KEEP_MS          60000 /* nobody took what we held: it is given up */

#endif
