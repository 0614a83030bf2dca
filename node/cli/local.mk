# SPDX-License-Identifier: Apache-2.0
# node/cli: what an administrator types and reads. Includes base and node/config.

node_cli_sources = \
	node/cli/commands.c node/cli/commands.h node/cli/commands_private.h \
	node/cli/commands_show.c \
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
	node/cli/tests/show_groups_test \
	node/cli/tests/show_test
check_PROGRAMS += $(node_cli_tests)
node_cli_tests_server_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_cli_shown = \
	node/cli/tests/json_schema.c node/cli/tests/json_schema.h \
	node/cli/tests/shown.h \
	node/cli/tests/shown_pair.c node/cli/tests/shown_pair.h
node_cli_tests_show_groups_test_SOURCES = node/cli/tests/show_groups_test.c $(node_cli_shown)
node_cli_tests_show_groups_test_LDADD = $(node_libs) $(CMOCKA_LIBS)
node_cli_tests_show_test_SOURCES = node/cli/tests/show_test.c $(node_cli_shown)
node_cli_tests_show_test_LDADD = $(node_libs) $(CMOCKA_LIBS)

dist_pkgdata_DATA = etc/show-json.schema.json
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = etc/bash-completion/holdfast

EXTRA_DIST += node/cli/tests/golden
