# SPDX-License-Identifier: Apache-2.0
# node: the core that joins the folders, the daemon's world around it, configuration and CLI.

include node/config/local.mk
include node/cli/local.mk

noinst_LTLIBRARIES += libnode.la
libnode_la_CPPFLAGS = -I$(top_builddir)/inc/all $(HF_GEN) $(HF_DEFS) $(HF_DIRS) $(QB_CFLAGS) $(COROSYNC_CFLAGS) \
	$(MNL_CFLAGS) $(NFTABLES_CFLAGS) $(JANSSON_CFLAGS)
libnode_la_LIBADD = $(OPENSSL_LIBS) $(QB_LIBS) $(MNL_LIBS) $(NFTABLES_LIBS) $(JANSSON_LIBS)
libnode_la_SOURCES = \
	node/address.c node/address.h \
	node/admin.c \
	node/admin_admission.c \
	node/admin_counters.c \
	node/admin_failover.c \
	node/admin_map.c \
	node/admin_show_failover.c \
	node/announce.c node/announce.h \
	node/admission.c \
	node/apart.c \
	node/background.c node/background.h \
	node/core.c node/core.h node/core_private.h \
	node/core_child.c \
	node/core_ike.c \
	node/crypto_pool.c node/crypto_pool.h \
	node/debug_keys.c node/debug_keys.h \
	node/drain_file.c node/drain_file.h \
	node/impair.c node/impair.h \
	node/link_watch.c node/link_watch.h \
	node/log_sink.c node/log_sink.h \
	node/loopback.c node/loopback.h \
	node/cpg_pace.c node/cpg_pace.h \
	node/mcast_queue.c node/mcast_queue.h \
	node/netlink.c node/netlink.h \
	node/plain.c node/plain.h \
	node/plain_jumps.c node/plain_jumps.h \
	node/privs.c node/privs.h \
	node/remote_exec.c \
	node/replay_sync.c \
	node/state_lock.c node/state_lock.h \
	node/sync_dir.c node/sync_dir.h \
	node/takeover.c \
	node/term_file.c node/term_file.h \
	node/term_writer.c node/term_writer.h \
	node/translate.c \
	node/udp_ike.c node/udp_ike.h \
	node/world.c node/world.h \
	node/world_cluster.c \
	node/world_config.c \
	node/world_config_take.c \
	node/world_datapath.c \
	node/world_links.c \
	node/world_ops.c \
	node/world_reload.c \
	node/world_ack.c \
	node/world_snapshot.c \
	node/world_state.c \
	$(node_config_sources) \
	$(node_cli_sources)

node_libs = libnode.la libcluster-adapters.la libcluster.la libstatesync-adapters.la libstatesync.la libike.la libesp.la libbase.la \
	$(OPENSSL_LIBS) $(QB_LIBS) $(COROSYNC_LIBS) $(MNL_LIBS) $(NFTABLES_LIBS) $(JANSSON_LIBS) $(PROTOBUF_C_LIBS) \
	$(ZMQ_LIBS) $(URCU_LIBS) -lpthread

sbin_PROGRAMS += holdfastd
holdfastd_SOURCES = node/main.c
holdfastd_CPPFLAGS = $(libnode_la_CPPFLAGS)
holdfastd_LDADD = $(node_libs)

node_tests = \
	node/tests/address_ns_test \
	node/tests/admin_failover_test \
	node/tests/announce_test \
	node/tests/background_test \
	node/tests/core_admission_test \
	node/tests/core_groups_test \
	node/tests/core_takeover_test \
	node/tests/core_test \
	node/tests/core_tick_test \
	node/tests/crypto_pool_test \
	node/tests/debug_keys_test \
	node/tests/drain_file_test \
	node/tests/impair_test \
	node/tests/link_watch_kernel_test \
	node/tests/link_watch_test \
	node/tests/cpg_pace_test \
	node/tests/mcast_queue_test \
	node/tests/log_sink_test \
	node/tests/loopback_test \
	node/tests/plain_ns_test \
	node/tests/plain_table_test \
	node/tests/privs_test \
	node/tests/term_file_test \
	node/tests/term_writer_test \
	node/tests/translate_test
check_PROGRAMS += $(node_tests)
thread_tests += node/tests/background_test node/tests/crypto_pool_test node/tests/drain_file_test node/tests/term_writer_test

core_harness = node/tests/core_harness.c node/tests/core_harness.h node/tests/core_ops.h
node_tests_core_admission_test_SOURCES = node/tests/core_admission_test.c $(core_harness)
node_tests_core_takeover_test_SOURCES = node/tests/core_takeover_test.c $(core_harness)
node_tests_core_test_SOURCES = node/tests/core_test.c $(core_harness)
node_tests_core_tick_test_SOURCES = node/tests/core_tick_test.c $(core_harness)
node_tests_link_watch_test_SOURCES = node/tests/link_watch_test.c node/tests/netns.c node/tests/netns.h
node_tests_plain_table_test_SOURCES = node/tests/plain_table_test.c node/tests/translate_fixtures.h
node_tests_translate_test_SOURCES = node/tests/translate_test.c node/tests/translate_fixtures.h
node_tests_core_groups_test_SOURCES = node/tests/core_groups_test.c \
	node/tests/core_groups_harness.c node/tests/core_groups_harness.h node/tests/core_ops.h
node_net_ns_harness = \
	node/tests/net_ns_harness.c node/tests/net_ns_harness.h \
	node/tests/netns.c node/tests/netns.h
node_tests_address_ns_test_SOURCES = node/tests/address_ns_test.c $(node_net_ns_harness)
node_tests_plain_ns_test_SOURCES = node/tests/plain_ns_test.c $(node_net_ns_harness)
node_tests_background_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_address_ns_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_admin_failover_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_announce_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_core_admission_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_core_groups_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_core_takeover_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_core_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_core_tick_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_crypto_pool_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_debug_keys_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_drain_file_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_impair_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_link_watch_kernel_test_CPPFLAGS = $(AM_CPPFLAGS) $(MNL_CFLAGS)
node_tests_link_watch_kernel_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_link_watch_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_cpg_pace_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_mcast_queue_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_log_sink_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_loopback_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_plain_ns_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_privs_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_term_file_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_term_writer_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_translate_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_tests_plain_table_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
