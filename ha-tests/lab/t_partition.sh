#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Split brain: the cluster link is cut while both nodes reach the peer. Both halves of a pair stay quorate, so both may
# own; whatever they send, no IV is used twice (law 1). After the link is back there is one owner and a tunnel.
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

lab_start_tunnel
flow_start cut 1000 60
sleep 1
lab_cluster_link 1 down
sleep 4
is_active 1 && is_active 2 && both=yes
lab_cluster_link 1 up
wait_for 20 "one owner and a protected standby" pair_protected || fail "not one owner and one protected standby after healing"
wait_for 20 "a tunnel" ping_through 1 || fail "no tunnel after healing"
flow_stop cut || fail "the flow left no report"
echo "figure: both active: ${both:-no}; gap $(flow_gap cut) ms, lost $(flow_lost cut)"
hold_laws --partition
