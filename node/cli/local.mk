# SPDX-License-Identifier: Apache-2.0
# node/cli: what an administrator types and reads. Includes base and node/config.

node_cli_sources = \
	node/cli/commands.c node/cli/commands.h \
	node/cli/protocol.h \
	node/cli/server.c node/cli/server.h \
	node/cli/show_common.c node/cli/show_common.h \
	node/cli/show_failover.c \
	node/cli/show_ike.c \
	node/cli/show_ipsec.c \
	node/cli/show_system.c \
	node/cli/views.c node/cli/views.h

bin_PROGRAMS += holdfast
holdfast_SOURCES = node/cli/client.c
holdfast_LDADD = libnode.la libbase.la $(OPENSSL_LIBS) $(QB_LIBS) $(JANSSON_LIBS)
