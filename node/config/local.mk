# SPDX-License-Identifier: Apache-2.0
# node/config: the command tables and the configuration that they build. Includes base and itself.

node_config_sources = \
	node/config/algorithms.c node/config/algorithms.h \
	node/config/arena.c node/config/arena.h \
	node/config/build.c node/config/build.h \
	node/config/check.c \
	node/config/cmd_access_list.c \
	node/config/cmd_crypto_map.c \
	node/config/cmd_failover.c \
	node/config/cmd_ike.c \
	node/config/cmd_interface.c \
	node/config/cmd_snapshot_channel.c \
	node/config/cmd_ipsec.c \
	node/config/cmd_kept.c \
	node/config/cmd_monitor.c \
	node/config/cmd_system.c \
	node/config/cmd_tunnel_group.c \
	node/config/diagnostics.c node/config/diagnostics.h \
	node/config/grammar.c node/config/grammar.h \
	node/config/grammar_help.c \
	node/config/grammar_syntax.c node/config/grammar_syntax.h \
	node/config/grammar_types.c node/config/grammar_types.h \
	node/config/import.c node/config/import.h \
	node/config/index.c \
	node/config/line.c \
	node/config/load.c \
	node/config/member_key.c node/config/member_key.h \
	node/config/model.c node/config/model.h \
	node/config/replica.c node/config/replica.h \
	node/config/running.c \
	node/config/save.c node/config/save.h \
	node/config/tables.c \
	node/config/text.c node/config/text.h

node_config_tests = \
	node/config/tests/config_errors_test \
	node/config/tests/config_model_test \
	node/config/tests/config_no_test \
	node/config/tests/grammar_test \
	node/config/tests/key_file_test \
	node/config/tests/replica_test \
	node/config/tests/save_test
check_PROGRAMS += $(node_config_tests)
node_config_tests_config_errors_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_config_tests_config_model_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_config_tests_config_no_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_config_tests_grammar_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_config_tests_key_file_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_config_tests_replica_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_config_tests_save_test_LDFLAGS = -Wl,--wrap=stat
node_config_tests_save_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
EXTRA_DIST += node/config/tests/asa-paste.txt node/config/tests/asa-paste.running \
	node/config/tests/asa-paste.diagnostics node/config/tests/fixtures.h
