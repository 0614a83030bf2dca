# SPDX-License-Identifier: Apache-2.0
# The simulator: a pair, its peers, a network and faults in one process. Built with the programs, not installed.

noinst_PROGRAMS += ha-tests/sim/holdfast-sim
ha_tests_sim_holdfast_sim_SOURCES = \
	ha-tests/sim/broken.c ha-tests/sim/broken.h \
	ha-tests/sim/cheap_dh.c \
	ha-tests/sim/directed.c \
	ha-tests/sim/event.c \
	ha-tests/sim/faults.c ha-tests/sim/faults.h \
	ha-tests/sim/faults_group.c \
	ha-tests/sim/faults_plan.c \
	ha-tests/sim/faults_slot.c \
	ha-tests/sim/faults_timed.c \
	ha-tests/sim/gateway.c \
	ha-tests/sim/laws.c ha-tests/sim/laws.h \
	ha-tests/sim/laws_admission.c \
	ha-tests/sim/laws_auth.c \
	ha-tests/sim/laws_log.c \
	ha-tests/sim/laws_peer_index.c \
	ha-tests/sim/laws_protected.c \
	ha-tests/sim/laws_spi.c \
	ha-tests/sim/laws_sync.c \
	ha-tests/sim/laws_commit.c \
	ha-tests/sim/laws_term.c \
	ha-tests/sim/laws_time.c \
	ha-tests/sim/laws_tunnels.c \
	ha-tests/sim/laws_wire.c \
	ha-tests/sim/main.c \
	ha-tests/sim/matrix.c ha-tests/sim/matrix.h \
	ha-tests/sim/multicast.c \
	ha-tests/sim/network.c \
	ha-tests/sim/node.c \
	ha-tests/sim/node_ops.c \
	ha-tests/sim/peer.c \
	ha-tests/sim/peer_childless.c \
	ha-tests/sim/runner.c ha-tests/sim/runner.h \
	ha-tests/sim/rng.c ha-tests/sim/rng.h \
	ha-tests/sim/scenario.c \
	ha-tests/sim/seeded_rand.c ha-tests/sim/seeded_rand.h \
	ha-tests/sim/seen.c ha-tests/sim/seen.h \
	ha-tests/sim/sim.c ha-tests/sim/sim.h \
	ha-tests/sim/suite_broken.c ha-tests/sim/suite_matrix.c ha-tests/sim/suites.h \
	ha-tests/sim/trace.c \
	ha-tests/sim/workload.c
ha_tests_sim_holdfast_sim_CPPFLAGS = $(libnode_la_CPPFLAGS)
ha_tests_sim_holdfast_sim_LDADD = $(node_libs)

# make sim SEED=n: one seed, a failure with as few faults as it needs. make sim SEEDS=n FIRST=k: many, and the
# matrix, of which no cell that can be reached may be empty.
FIRST = 1
SEEDS = 200
sim: ha-tests/sim/holdfast-sim
	$(AM_V_at)if test -n "$(SEED)"; then ha-tests/sim/holdfast-sim --seed "$(SEED)" --minimal; \
	else ha-tests/sim/holdfast-sim --first $(FIRST) --seeds $(SEEDS); seeds=$$?; \
	ha-tests/sim/holdfast-sim --matrix && exit $$seeds; fi

.PHONY: sim
