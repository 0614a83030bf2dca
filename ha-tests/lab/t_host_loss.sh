#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The active host disappears (no cable, no process): carried on within 1500 ms, with the same IKE SA, on both nodes in
# turn. The host that comes back becomes a protected standby and takes nothing away.
LAB_LIMIT=180
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

lab_start_tunnel
before=$(peer_identity)
for i in 1 2; do
	active=$(active_node) || fail "no active node"
	flow_start loss$i 1000 60
	sleep 1
	lab_cable "$active" down
	lab_kill9 "n$active" holdfastd
	lab_kill9 "n$active" corosync
	wait_for 5 "n$(other "$active") is active" is_active "$(other "$active")" || fail "nobody takes over from n$active"
	sleep 1
	lab_cable "$active" up
	lab_start_corosync "$active"
	wait_for 15 "n$active is a member again" quorate "$active" || fail "n$active does not come back"
	lab_start_daemon "$active"
	wait_for 15 "protected" pair_protected || fail "not protected again"
	is_active "$(other "$active")" || fail "n$active took the group back by itself"
	flow_stop loss$i || fail "the flow left no report"
	echo "figure: loss of n$active: gap $(flow_gap loss$i) ms, lost $(flow_lost loss$i)"
	[ "$(flow_gap loss$i)" -lt 1500 ] || fail "loss of n$active: a silence of $(flow_gap loss$i) ms"
	[ "$(peer_identity)" = "$before" ] || fail "loss of n$active: the peer has another IKE SA"
done
hold_laws
