# SPDX-License-Identifier: Apache-2.0
# node/cli: what an administrator types and reads. Includes base and node/config.

node_cli_sources = \
	node/cli/commands.c node/cli/commands.h \
	node/cli/keygen.c node/cli/keygen.h \
	node/cli/pacemaker.c \
	node/cli/protocol.h \
	node/cli/server.c node/cli/server.h \
	node/cli/show_admission.c \
	node/cli/show_common.c node/cli/show_common.h \
	node/cli/show_failover.c \
	node/cli/show_failover_group.c \
	node/cli/show_failover_history.c \
	node/cli/show_ike.c \
	node/cli/show_ipsec.c \
	node/cli/show_map.c \
	node/cli/show_monitor.c \
	node/cli/show_system.c \
	node/cli/show_write.c \
	node/cli/views.c node/cli/views.h

bin_PROGRAMS += holdfast
holdfast_SOURCES = node/cli/client.c
holdfast_CPPFLAGS = $(AM_CPPFLAGS) $(HF_DIRS)
holdfast_LDADD = libnode.la libbase.la $(OPENSSL_LIBS) $(QB_LIBS) $(JANSSON_LIBS)

node_cli_tests = \
	node/cli/tests/server_test \
	node/cli/tests/show_test
check_PROGRAMS += $(node_cli_tests)
node_cli_tests_server_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_cli_tests_show_test_SOURCES = \
	node/cli/tests/json_schema.c node/cli/tests/json_schema.h \
	node/cli/tests/show_test.c \
	node/cli/tests/shown_pair.c node/cli/tests/shown_pair.h
node_cli_tests_show_test_LDADD = $(node_libs) $(CMOCKA_LIBS)

dist_pkgdata_DATA = etc/show-json.schema.json
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = etc/bash-completion/holdfast

EXTRA_DIST += \
	node/cli/tests/golden/call-admission.json \
	node/cli/tests/golden/call-admission.txt \
	node/cli/tests/golden/call-admission-none.json \
	node/cli/tests/golden/call-admission-none.txt \
	node/cli/tests/golden/ikev2-stats.json \
	node/cli/tests/golden/ikev2-stats.txt \
	node/cli/tests/golden/ikev2-stats-none.json \
	node/cli/tests/golden/ikev2-stats-none.txt \
	node/cli/tests/golden/node-forget.json \
	node/cli/tests/golden/node-forget.txt \
	node/cli/tests/golden/clear-ipsec.json \
	node/cli/tests/golden/clear-ipsec.txt \
	node/cli/tests/golden/crypto-map.json \
	node/cli/tests/golden/crypto-map.txt \
	node/cli/tests/golden/crypto-map-none.json \
	node/cli/tests/golden/crypto-map-none.txt \
	node/cli/tests/golden/initiate.json \
	node/cli/tests/golden/node-drain.json \
	node/cli/tests/golden/node-drain.txt \
	node/cli/tests/golden/node-fenced.json \
	node/cli/tests/golden/node-fenced.txt \
	node/cli/tests/golden/node-resume.json \
	node/cli/tests/golden/node-resume.txt \
	node/cli/tests/golden/initiate.txt \
	node/cli/tests/golden/clear.json \
	node/cli/tests/golden/clear.txt \
	node/cli/tests/golden/counters.json \
	node/cli/tests/golden/counters.txt \
	node/cli/tests/golden/failover-group-off.json \
	node/cli/tests/golden/failover-group-off.txt \
	node/cli/tests/golden/failover-group.json \
	node/cli/tests/golden/failover-group.txt \
	node/cli/tests/golden/failover-history-none.json \
	node/cli/tests/golden/failover-history-none.txt \
	node/cli/tests/golden/failover-history.json \
	node/cli/tests/golden/failover-history.txt \
	node/cli/tests/golden/failover-off.json \
	node/cli/tests/golden/failover-off.txt \
	node/cli/tests/golden/monitor-interface-off.json \
	node/cli/tests/golden/monitor-interface-off.txt \
	node/cli/tests/golden/monitor-interface.json \
	node/cli/tests/golden/monitor-interface.txt \
	node/cli/tests/golden/failover-state-off.json \
	node/cli/tests/golden/failover-state-off.txt \
	node/cli/tests/golden/failover-state.json \
	node/cli/tests/golden/failover-state.txt \
	node/cli/tests/golden/failover-statistics-none.json \
	node/cli/tests/golden/failover-statistics-none.txt \
	node/cli/tests/golden/failover-statistics.json \
	node/cli/tests/golden/failover-statistics.txt \
	node/cli/tests/golden/failover.json \
	node/cli/tests/golden/failover.txt \
	node/cli/tests/golden/ikev2-sa-detail.json \
	node/cli/tests/golden/ikev2-sa-detail.txt \
	node/cli/tests/golden/ikev2-sa-none.json \
	node/cli/tests/golden/ikev2-sa-none.txt \
	node/cli/tests/golden/ikev2-sa.json \
	node/cli/tests/golden/ikev2-sa.txt \
	node/cli/tests/golden/ipsec-sa-detail.json \
	node/cli/tests/golden/ipsec-sa-detail.txt \
	node/cli/tests/golden/ipsec-sa-none.json \
	node/cli/tests/golden/ipsec-sa-none.txt \
	node/cli/tests/golden/ipsec-sa-peer-detail.json \
	node/cli/tests/golden/ipsec-sa-peer-detail.txt \
	node/cli/tests/golden/ipsec-sa-peer.json \
	node/cli/tests/golden/ipsec-sa-peer.txt \
	node/cli/tests/golden/ipsec-sa.json \
	node/cli/tests/golden/ipsec-sa.txt \
	node/cli/tests/golden/keygen.json \
	node/cli/tests/golden/keygen.txt \
	node/cli/tests/golden/pacemaker-crm.json \
	node/cli/tests/golden/pacemaker-crm.txt \
	node/cli/tests/golden/pacemaker-pcs.json \
	node/cli/tests/golden/pacemaker-pcs.txt \
	node/cli/tests/golden/running-config.json \
	node/cli/tests/golden/running-config.txt \
	node/cli/tests/golden/version.json \
	node/cli/tests/golden/version.txt \
	node/cli/tests/golden/write-memory.json \
	node/cli/tests/golden/write-memory.txt \
	node/cli/tests/golden/write-memory-held.json \
	node/cli/tests/golden/write-memory-held.txt \
	node/cli/tests/golden/write-standby.json \
	node/cli/tests/golden/write-standby.txt \
	node/cli/tests/golden/write-standby-refused.json \
	node/cli/tests/golden/write-standby-refused.txt
