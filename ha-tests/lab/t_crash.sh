#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the active daemon, again and again at random instants, on both nodes in turn: the tunnel is carried on
# within 300 ms, with the same IKE SA. LAB_LONG=1: twenty times.
LAB_LIMIT=500
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"
TIMES=4
[ -z "${LAB_LONG:-}" ] || TIMES=20

lab_start_tunnel
before=$(peer_identity)
for ((i = 1; i <= TIMES; i++)); do
	active=$(active_node) || fail "no active node before kill $i"
	flow_start kill$i 1000 60
	mate=$(other "$active")
	sleep 0.5
	sleep "0.$(printf %03d $((RANDOM % 1000)))"
	lab_kill9 "n$active" holdfastd
	wait_for 5 "n$mate is active" is_active "$mate" || fail "kill $i: n$mate does not take over"
	# R18: for each SA what could be replayed since the checkpoint, until the paced rekey two seconds after the takeover.
	exposure=$(hf "$mate" show crypto ipsec sa detail | sed -n 's/.*replay exposure (pkts): //p' | paste -sd ' ')
	[ -n "$exposure" ] || fail "kill $i: the new owner shows no replay exposure"
	sleep 0.5
	lab_start_daemon "$active"
	wait_for 15 "protected after kill $i" pair_protected || fail "kill $i: not protected again"
	flow_stop kill$i || fail "the flow left no report"
	echo "figure: kill $i of n$active: gap $(flow_gap kill$i) ms, lost $(flow_lost kill$i); replay exposure $exposure"
	[ "$(flow_gap kill$i)" -lt 300 ] || fail "kill $i of n$active: a silence of $(flow_gap kill$i) ms"
	[ "$(peer_identity)" = "$before" ] || fail "kill $i of n$active: the peer has another IKE SA"
done
hold_laws
