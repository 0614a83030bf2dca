# SPDX-License-Identifier: Apache-2.0
# The lab: the traffic tool (built with the programs, not installed) and the scripts. run-tests runs the cases.
noinst_PROGRAMS += flow
flow_SOURCES = ha-tests/lab/flow.c
flow_LDADD = -lpthread

# Steps the wall clock of one daemon; a program of its own kind, since libraries here are static.
clock_step.so: ha-tests/lab/clock_step.c
	$(AM_V_GEN)$(CC) -shared -fPIC -O1 -Wall -Wextra -Wconversion -o $@ $<
noinst_DATA = clock_step.so
CLEANFILES += clock_step.so

LAB_CASES = \
	ha-tests/lab/t_long_pacemaker_qdevice.sh \
	ha-tests/lab/t_algorithms.sh \
	ha-tests/lab/t_arp.sh \
	ha-tests/lab/t_bad_config.sh \
	ha-tests/lab/t_capture_laws.sh \
	ha-tests/lab/t_check_capture.sh \
	ha-tests/lab/t_check_hops.sh \
	ha-tests/lab/t_clock_step.sh \
	ha-tests/lab/t_cluster_keys.sh \
	ha-tests/lab/t_corosync_crash.sh \
	ha-tests/lab/t_crash.sh \
	ha-tests/lab/t_die_at.sh \
	ha-tests/lab/t_drain.sh \
	ha-tests/lab/t_disk_full.sh \
	ha-tests/lab/t_long_eight_nodes.sh \
	ha-tests/lab/t_fail_closed.sh \
	ha-tests/lab/t_failover_exec.sh \
	ha-tests/lab/t_fencing.sh \
	ha-tests/lab/t_garbage.sh \
	ha-tests/lab/t_host_loss.sh \
	ha-tests/lab/t_ikev2_initiator.sh \
	ha-tests/lab/t_ikev2_responder.sh \
	ha-tests/lab/t_lab.sh \
	ha-tests/lab/t_link_loss.sh \
	ha-tests/lab/t_multi_peer.sh \
	ha-tests/lab/t_msgid_sync.sh \
	ha-tests/lab/t_ocf_agent.sh \
	ha-tests/lab/t_pacemaker.sh \
	ha-tests/lab/t_partition.sh \
	ha-tests/lab/t_power_cut.sh \
	ha-tests/lab/t_preempt.sh \
	ha-tests/lab/t_qdevice.sh \
	ha-tests/lab/t_random_kills.sh \
	ha-tests/lab/t_rekey.sh \
	ha-tests/lab/t_replay_sync.sh \
	ha-tests/lab/t_rolling_upgrade.sh \
	ha-tests/lab/t_sigstop.sh \
	ha-tests/lab/t_systemd_units.sh \
	ha-tests/lab/t_three_nodes.sh \
	ha-tests/lab/t_two_groups.sh \
	ha-tests/lab/t_snapshot_channel.sh \
	ha-tests/lab/t_switchover.sh \
	ha-tests/lab/t_write_standby.sh \
	ha-tests/lab/t_write_standby_channel.sh \
	ha-tests/lab/t_switchover_many.sh \
	ha-tests/lab/t_switchover_pacemaker.sh \
	ha-tests/lab/t_switchover_strongswan.sh \
	ha-tests/lab/t_wrong_psk.sh

dist_noinst_SCRIPTS += \
	ha-tests/chaos \
	ha-tests/lab/charon-keys \
	ha-tests/lab/check-capture \
	ha-tests/lab/check-capture-test \
	ha-tests/lab/check-hops \
	ha-tests/lab/check-hops-test \
	ha-tests/lab/demo \
	ha-tests/lab/garbage \
	ha-tests/lab/run-tests \
	$(LAB_CASES)

EXTRA_DIST += \
	ha-tests/chaos_report.sh \
	ha-tests/lab/clock_step.c \
	ha-tests/lab/lab.sh \
	ha-tests/lab/lab_hops.sh \
	ha-tests/lab/lab_measure.sh \
	ha-tests/lab/lab_pacemaker.sh \
	ha-tests/lab/lab_parties.sh \
	ha-tests/lab/lab_qdevice.sh \
	ha-tests/lab/lab_switchover.sh
