#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Planned switchovers, with `no failover active` on the owner, with `failover active` on the standby and by stopping
# the owner (R19, R21): not one packet of 1000 per second each way is lost.
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

lab_start_tunnel
before=$(peer_identity)
for way in give-up take stop give-up; do
	active=$(active_node) || fail "no active node"
	mate=$(other "$active")
	flow_start $way 1000 60
	sleep 1
	case $way in
	give-up) hf "$active" no failover active || fail "no failover active is refused" ;;
	take) hf "$mate" failover active || fail "failover active is refused" ;;
	stop) lab_stop "n$active" holdfastd 10 ;;
	esac
	wait_for 5 "n$mate is active" is_active "$mate" || fail "$way: n$mate does not become active"
	lab_alive "n$active" holdfastd || lab_start_daemon "$active"
	wait_for 15 "protected" pair_protected || fail "$way: not protected again"
	sleep 2.5
	flow_stop $way || fail "the flow left no report"
	echo "figure: $way on n$active: gap $(flow_gap $way) ms, lost $(flow_lost $way)"
	show_counters
	[ "$(flow_lost $way)" = 0 ] || fail "$way on n$active: $(flow_lost $way) packets lost"
	[ "$(peer_identity)" = "$before" ] || fail "$way on n$active: the peer has another IKE SA"
done
hold_laws
