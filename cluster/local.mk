# SPDX-License-Identifier: Apache-2.0
# cluster: membership, ownership, roles. Includes base and statesync only.

noinst_LTLIBRARIES += libcluster.la
libcluster_la_CPPFLAGS = -I$(top_builddir)/inc/cluster $(HF_GEN) $(HF_DEFS)
libcluster_la_LIBADD = $(OPENSSL_LIBS) $(PROTOBUF_C_LIBS)
libcluster_la_SOURCES = \
	cluster/admission.c \
	cluster/admission.h \
	cluster/admission_ledger.c \
	cluster/bounds.h \
	cluster/claim.c \
	cluster/claim_judge.c \
	cluster/cluster.c \
	cluster/cluster.h \
	cluster/cluster_private.h \
	cluster/config_sync.c \
	cluster/config_sync.h \
	cluster/drain.c \
	cluster/exec.c \
	cluster/exec.h \
	cluster/fence.c \
	cluster/group.h \
	cluster/handover.c \
	cluster/health.c \
	cluster/heartbeat.c \
	cluster/hello.c \
	cluster/history.c \
	cluster/join.c \
	cluster/kept.c \
	cluster/latency.c \
	cluster/lineage.c \
	cluster/log.c \
	cluster/member.h \
	cluster/membership.c \
	cluster/merge.c \
	cluster/message.c \
	cluster/ownership.c \
	cluster/part.c \
	cluster/preempt.c \
	cluster/protect.c \
	cluster/role.c \
	cluster/settle.c \
	cluster/settle.h \
	cluster/slot.c \
	cluster/status.c \
	cluster/term.c \
	cluster/transport.h

# The only part that knows Corosync; linked by node/ alone.
noinst_LTLIBRARIES += libcluster-adapters.la
libcluster_adapters_la_CPPFLAGS = -I$(top_builddir)/inc/cluster $(HF_GEN) $(HF_DEFS) $(QB_CFLAGS) $(COROSYNC_CFLAGS)
libcluster_adapters_la_LIBADD = $(COROSYNC_LIBS) $(QB_LIBS)
libcluster_adapters_la_SOURCES = \
	cluster/adapters/corosync.c \
	cluster/adapters/corosync.h

# libike has what frees the state structs.
cluster_test_libs = libcluster.la libstatesync.la libike.la libbase.la $(CMOCKA_LIBS)
cluster_tests = \
	cluster/tests/ack_test \
	cluster/tests/admission_chaos_test \
	cluster/tests/admission_cut_test \
	cluster/tests/admission_ledger_test \
	cluster/tests/admission_lost_test \
	cluster/tests/admission_owner_test \
	cluster/tests/admission_share_test \
	cluster/tests/admission_word_test \
	cluster/tests/channel_test \
	cluster/tests/chaos_test \
	cluster/tests/claim_followed_test \
	cluster/tests/claim_test \
	cluster/tests/clock_test \
	cluster/tests/config_answer_test \
	cluster/tests/config_sync_test \
	cluster/tests/drain_test \
	cluster/tests/corosync_test \
	cluster/tests/disk_full_test \
	cluster/tests/exec_test \
	cluster/tests/fence_test \
	cluster/tests/handover_test \
	cluster/tests/heal_test \
	cluster/tests/health_link_test \
	cluster/tests/health_test \
	cluster/tests/heard_term_test \
	cluster/tests/hello_test \
	cluster/tests/history_test \
	cluster/tests/join_test \
	cluster/tests/kept_test \
	cluster/tests/lineage_test \
	cluster/tests/merge_refused_test \
	cluster/tests/merge_test \
	cluster/tests/ownership_test \
	cluster/tests/preempt_test \
	cluster/tests/slot_test \
	cluster/tests/protect_test \
	cluster/tests/quorum_test \
	cluster/tests/stats_test \
	cluster/tests/suspect_test \
	cluster/tests/takeover_test \
	cluster/tests/term_test \
	cluster/tests/version_test
check_PROGRAMS += $(cluster_tests)
# The tests share a cluster in memory.
cluster_harness = \
	cluster/tests/admission_fixtures.h \
	cluster/tests/fixtures.h \
	cluster/tests/harness.c cluster/tests/harness.h \
	cluster/tests/harness_effects.c \
	cluster/tests/harness_net.c \
	cluster/tests/harness_private.h
config_fixtures = $(cluster_harness) cluster/tests/config_fixtures.h
health_fixtures = $(cluster_harness) cluster/tests/health_fixtures.h
merge_fixtures = $(cluster_harness) cluster/tests/merge_fixtures.h

cluster_tests_ack_test_SOURCES = cluster/tests/ack_test.c $(cluster_harness)
cluster_tests_admission_chaos_test_SOURCES = cluster/tests/admission_chaos_test.c $(cluster_harness)
cluster_tests_admission_cut_test_SOURCES = cluster/tests/admission_cut_test.c $(cluster_harness)
cluster_tests_admission_ledger_test_SOURCES = cluster/tests/admission_ledger_test.c $(cluster_harness)
cluster_tests_admission_lost_test_SOURCES = cluster/tests/admission_lost_test.c $(cluster_harness)
cluster_tests_admission_owner_test_SOURCES = cluster/tests/admission_owner_test.c $(cluster_harness)
cluster_tests_admission_share_test_SOURCES = cluster/tests/admission_share_test.c $(cluster_harness)
cluster_tests_admission_word_test_SOURCES = cluster/tests/admission_word_test.c $(cluster_harness)
cluster_tests_channel_test_SOURCES = cluster/tests/channel_test.c $(cluster_harness)
cluster_tests_claim_followed_test_SOURCES = cluster/tests/claim_followed_test.c $(cluster_harness)
cluster_tests_chaos_test_SOURCES = cluster/tests/chaos_test.c $(cluster_harness)
cluster_tests_clock_test_SOURCES = cluster/tests/clock_test.c $(cluster_harness)
cluster_tests_config_answer_test_SOURCES = cluster/tests/config_answer_test.c $(config_fixtures)
cluster_tests_config_sync_test_SOURCES = cluster/tests/config_sync_test.c $(config_fixtures)
cluster_tests_drain_test_SOURCES = cluster/tests/drain_test.c $(cluster_harness)
cluster_tests_disk_full_test_SOURCES = cluster/tests/disk_full_test.c $(cluster_harness)
cluster_tests_exec_test_SOURCES = cluster/tests/exec_test.c $(cluster_harness)
cluster_tests_fence_test_SOURCES = cluster/tests/fence_test.c $(cluster_harness)
cluster_tests_heal_test_SOURCES = cluster/tests/heal_test.c $(cluster_harness)
cluster_tests_heard_term_test_SOURCES = cluster/tests/heard_term_test.c $(cluster_harness)
cluster_tests_handover_test_SOURCES = cluster/tests/handover_test.c $(cluster_harness)
cluster_tests_health_link_test_SOURCES = cluster/tests/health_link_test.c $(health_fixtures)
cluster_tests_health_test_SOURCES = cluster/tests/health_test.c $(health_fixtures)
cluster_tests_hello_test_SOURCES = cluster/tests/hello_test.c $(cluster_harness)
cluster_tests_history_test_SOURCES = cluster/tests/history_test.c $(cluster_harness)
cluster_tests_join_test_SOURCES = cluster/tests/join_test.c $(cluster_harness)
cluster_tests_lineage_test_SOURCES = cluster/tests/lineage_test.c $(cluster_harness)
cluster_tests_kept_test_SOURCES = cluster/tests/kept_test.c $(cluster_harness)
cluster_tests_merge_refused_test_SOURCES = cluster/tests/merge_refused_test.c $(merge_fixtures)
cluster_tests_merge_test_SOURCES = cluster/tests/merge_test.c $(merge_fixtures)
cluster_tests_ownership_test_SOURCES = cluster/tests/ownership_test.c $(cluster_harness)
cluster_tests_preempt_test_SOURCES = cluster/tests/preempt_test.c $(cluster_harness)
cluster_tests_slot_test_SOURCES = cluster/tests/slot_test.c $(cluster_harness)
cluster_tests_protect_test_SOURCES = cluster/tests/protect_test.c $(cluster_harness)
cluster_tests_quorum_test_SOURCES = cluster/tests/quorum_test.c $(cluster_harness)
cluster_tests_stats_test_SOURCES = cluster/tests/stats_test.c $(cluster_harness)
cluster_tests_suspect_test_SOURCES = cluster/tests/suspect_test.c $(cluster_harness)
cluster_tests_claim_test_SOURCES = cluster/tests/claim_test.c $(cluster_harness)
cluster_tests_takeover_test_SOURCES = cluster/tests/takeover_test.c $(cluster_harness)
cluster_tests_term_test_SOURCES = cluster/tests/term_test.c $(cluster_harness)
cluster_tests_version_test_SOURCES = cluster/tests/version_test.c $(cluster_harness)
cluster_tests_channel_test_CPPFLAGS = $(AM_CPPFLAGS) $(ZMQ_CFLAGS)
cluster_tests_channel_test_LDADD = libstatesync-adapters.la $(cluster_test_libs) $(ZMQ_LIBS) $(QB_LIBS)
# Corosync's own functions are in the test.
cluster_tests_corosync_test_CPPFLAGS = $(AM_CPPFLAGS) $(QB_CFLAGS) $(COROSYNC_CFLAGS)
cluster_tests_corosync_test_LDADD = libcluster-adapters.la libbase.la $(CMOCKA_LIBS) $(QB_LIBS)
cluster_tests_admission_chaos_test_LDADD = $(cluster_test_libs)
cluster_tests_admission_cut_test_LDADD = $(cluster_test_libs)
cluster_tests_admission_ledger_test_LDADD = $(cluster_test_libs)
cluster_tests_admission_lost_test_LDADD = $(cluster_test_libs)
cluster_tests_admission_owner_test_LDADD = $(cluster_test_libs)
cluster_tests_admission_share_test_LDADD = $(cluster_test_libs)
cluster_tests_admission_word_test_LDADD = $(cluster_test_libs)
cluster_tests_ack_test_LDADD = $(cluster_test_libs)
cluster_tests_claim_followed_test_LDADD = $(cluster_test_libs)
cluster_tests_chaos_test_LDADD = $(cluster_test_libs)
cluster_tests_clock_test_LDADD = $(cluster_test_libs)
cluster_tests_config_answer_test_LDADD = $(cluster_test_libs)
cluster_tests_config_sync_test_LDADD = $(cluster_test_libs)
cluster_tests_drain_test_LDADD = $(cluster_test_libs)
cluster_tests_disk_full_test_LDADD = $(cluster_test_libs)
cluster_tests_exec_test_LDADD = $(cluster_test_libs)
cluster_tests_fence_test_LDADD = $(cluster_test_libs)
cluster_tests_heal_test_LDADD = $(cluster_test_libs)
cluster_tests_heard_term_test_LDADD = $(cluster_test_libs)
cluster_tests_handover_test_LDADD = $(cluster_test_libs)
cluster_tests_health_link_test_LDADD = $(cluster_test_libs)
cluster_tests_health_test_LDADD = $(cluster_test_libs)
cluster_tests_hello_test_LDADD = $(cluster_test_libs)
cluster_tests_history_test_LDADD = $(cluster_test_libs)
cluster_tests_join_test_LDADD = $(cluster_test_libs)
cluster_tests_lineage_test_LDADD = $(cluster_test_libs)
cluster_tests_kept_test_LDADD = $(cluster_test_libs)
cluster_tests_merge_refused_test_LDADD = $(cluster_test_libs)
cluster_tests_merge_test_LDADD = $(cluster_test_libs)
cluster_tests_ownership_test_LDADD = $(cluster_test_libs)
cluster_tests_preempt_test_LDADD = $(cluster_test_libs)
cluster_tests_slot_test_LDADD = $(cluster_test_libs)
cluster_tests_protect_test_LDADD = $(cluster_test_libs)
cluster_tests_quorum_test_LDADD = $(cluster_test_libs)
cluster_tests_stats_test_LDADD = $(cluster_test_libs)
cluster_tests_suspect_test_LDADD = $(cluster_test_libs)
cluster_tests_claim_test_LDADD = $(cluster_test_libs)
cluster_tests_takeover_test_LDADD = $(cluster_test_libs)
cluster_tests_term_test_LDADD = $(cluster_test_libs)
cluster_tests_version_test_LDADD = $(cluster_test_libs)

# For looking at a real Corosync by hand: make cluster/tests/corosync_probe
EXTRA_PROGRAMS += cluster/tests/corosync_probe
cluster_tests_corosync_probe_LDADD = libcluster-adapters.la libbase.la $(QB_LIBS)
