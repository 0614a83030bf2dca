# SPDX-License-Identifier: Apache-2.0
# The lab: the traffic tool (built with the programs, not installed) and the scripts that go into the archive.
noinst_PROGRAMS += flow
flow_SOURCES = ha-tests/lab/flow.c
flow_LDADD = -lpthread

dist_noinst_SCRIPTS += \
	ha-tests/lab/lab.sh
