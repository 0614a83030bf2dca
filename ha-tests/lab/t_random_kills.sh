#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the active daemon at random instants while both sides rekey all the time and traffic flows: no death costs
# a tunnel or a re-authentication. Twenty kills with LAB_LONG=1, else six. Each says when it came and what it cost;
# KILL_SEED repeats the instants.
KILLS=${LAB_LONG:+20}
KILLS=${KILLS:-6}
LAB_LIMIT=$((60 + KILLS * 25))
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# strongSwan rekeys its CHILD SA every few seconds, its IKE SA every dozen; every takeover makes Holdfast rekey too.
PEER_CHILD_REKEY=4s PEER_IKE_REKEY=11s PEER_DPD=3s
lab_start_tunnel

auths() {
	grep -c 'authentication of .* successful' "$LAB_DIR/peer/charon.log"
}

seed=${KILL_SEED:-$EPOCHSECONDS}
RANDOM=$seed
echo "figure: KILL_SEED=$seed"
auths_before=$(auths)
flow_start kills 1000 $((KILLS * 25))
for ((i = 1; i <= KILLS; i++)); do
	wait_for 15 "protected" pair_protected || fail "kill $i: not protected"
	ms=$((RANDOM % 5000))
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
	active=$(active_node) || fail "kill $i: no active node"
	mate=$(other "$active")
	lab_kill9 "n$active" holdfastd
	wait_for 5 "n$mate is active" is_active "$mate" || fail "kill $i: n$mate does not become active"
	lab_start_daemon "$active"
	wait_for 10 "the tunnel carries" ping_through 1 || fail "kill $i: the tunnel is dead"
	echo "figure: kill $i: n$active, ${ms} ms after it was protected; the tunnel carries on"
done
wait_for 15 "protected" pair_protected || fail "not protected at the end"
flow_stop kills || fail "the flow left no report"
echo "figure: $KILLS kills: longest gap $(flow_gap kills) ms, lost $(flow_lost kills)"
[ "$(auths)" = "$auths_before" ] || fail "the peer authenticated again"
# While the peer rekeys its IKE SA it has two.
wait_for 5 "" peer_tunnel_up || fail "the peer has $(peer_ike_sas | wc -l) IKE SAs"
gap=$(flow_gap kills)
[ "${gap%.*}" -lt 1500 ] || fail "a silence of $gap ms"
hold_laws
