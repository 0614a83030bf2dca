#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real Pacemaker decides who is active (failover role-manager pacemaker), with the configuration that `holdfast
# pacemaker print-config crm` prints: promotion, a planned move while the peer rekeys (R19, no packet lost), a daemon that
# is killed, loss of a node, and a node that was never synced, which is not promoted.
LAB_BESIDE=1
LAB_LIMIT=260
. "$(dirname "$0")/lab.sh"
. "$LAB_SRC/lab_pacemaker.sh"
need_holdfast
need_pacemaker
lab_enter "$@"

HF_EXTRA="failover role-manager pacemaker"

# The peer rekeys its CHILD SA twice a second, until it is stopped.
rekeying() {
	while sleep 0.5; do
		peer_cmd --rekey --child net
	done >"$LAB_DIR/rekeying.log" 2>&1
}

# CHILD SAs that there were in the peer.
children() {
	grep -cE '(\] |outbound )CHILD_SA net\{[0-9]+\} established' "$LAB_DIR/peer/charon.log"
}

lab_up || fail "the topology does not come up"
egress_start || fail "no captures"
lab_start_peer || fail "strongSwan does not start"
began=$(now_ms)
lab_start_pacemaker || fail "Pacemaker does not come up"
echo "figure: Pacemaker is up after $(($(now_ms) - began)) ms"

lab_load_as_printed || fail "the printed configuration does not load as it is: $(cat "$LAB_DIR/load-crm.log")"
lab_load_pacemaker || fail "the printed configuration does not load with other intervals"
wait_for 40 "a promoted instance and a protected standby" pair_protected || fail "nobody is promoted"
active=$(active_node)
wait_for 10 "Pacemaker knows" promoted "$active" || fail "Pacemaker does not know that n$active is active"
echo "figure: promoted n$active"
peer_cmd --initiate --child net && wait_for 5 "" peer_tunnel_up && ping_through 3 || fail "no tunnel"
before=$(peer_identity)

echo "--- planned move"
mate=$(other "$active")
wait_for 10 "scores" score_is "$mate" 100 || fail "the standby's score is $(promotion_score "$mate")"
wait_for 10 "scores" score_is "$active" 1000 || fail "the active node's score is $(promotion_score "$active")"
flow_start move 1000 60
sleep 2
rekeying &
rekeying=$!
made=$(children)
on_node "$active" crm_resource --ban --resource holdfast-clone --promoted --node "n$active" || fail "crm_resource --ban"
wait_for 30 "the move" promoted "$mate" || fail "Pacemaker does not promote n$mate"
made=$(($(children) - made))
is_active "$mate" || fail "n$mate is promoted and not active"
sleep 1
kill $rekeying
wait_for 15 "protected" pair_protected || fail "not protected after the move"
sleep 3
flow_stop move || fail "the flow left no report"
on_node "$active" crm_resource --clear --resource holdfast-clone
echo "figure: planned move: gap $(flow_gap move) ms, lost $(flow_lost move), $made rekeys meanwhile"
[ "$made" -gt 0 ] || fail "the peer has not rekeyed during the planned move"
[ "$(flow_lost move)" = 0 ] || fail "$(flow_lost move) packets lost by a planned move"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA after the move"

echo "--- the active node loses its outside link"
active=$(active_node) || fail "no active node after the move"
mate=$(other "$active")
wait_for 10 "scores" score_is "$mate" 100 || fail "the standby's score is $(promotion_score "$mate")"
flow_start link 1000 90
sleep 1
ip link set "n$active-outside" down
wait_for 20 "n$mate is active" is_active "$mate" || fail "Pacemaker does not move the group away from a dead link"
wait_for 20 "Pacemaker knows" promoted "$mate" || fail "Pacemaker does not know that n$mate is active"
wait_for 15 "protected" pair_protected || fail "not protected after the loss of a link"
wait_for 10 "scores" score_is "$active" 45 || fail "with a dead link the standby's score is $(promotion_score "$active"), expected 45"
ip link set "n$active-outside" up
flow_stop link || fail "the flow left no report"
echo "figure: outside link lost: gap $(flow_gap link) ms"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA after the loss of a link"

echo "--- the daemon is killed"
active=$(active_node) || fail "no active node after the move"
mate=$(other "$active")
flow_start crash 1000 90
sleep 1
kill -KILL "$(daemon_pid "$active")"
wait_for 30 "takeover" is_active "$mate" || fail "n$mate does not take over"
wait_for 30 "recovery" pair_protected || fail "n$active does not come back"
wait_for 20 "Pacemaker knows" promoted "$mate" || fail "Pacemaker does not know that n$mate is active"
flow_stop crash || fail "the flow left no report"
echo "figure: daemon killed: gap $(flow_gap crash) ms"
ping_through 3 || fail "the tunnel is lost"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA after the crash"

echo "--- a node is lost"
active=$mate mate=$(other "$mate")
wait_for 10 "scores" score_is "$mate" 100 || fail "the standby's score is $(promotion_score "$mate")"
flow_start loss 1000 90
sleep 1
lab_cable "$active" down
kill_node "$active"
wait_for 40 "takeover" is_active "$mate" || fail "n$mate does not take over"
flow_stop loss || fail "the flow left no report"
echo "figure: node lost: gap $(flow_gap loss) ms"
ping_through 3 || fail "the tunnel is lost"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA after the loss"

echo "--- a node that was never synced"
lost=$active
on_node "$lost" sed -i 's/^failover key hex .*/failover key hex '"$(printf 'ab%.0s' {1..32})"'/' /etc/holdfast/holdfast.conf
lab_cable "$lost" up
lab_start_corosync "$lost"
wait_for 20 "quorate" quorate "$lost" || fail "n$lost does not come back to Corosync"
start_pacemaker "$lost"
wait_for 40 "both are online" online "$mate" || fail "n$lost does not come back to Pacemaker"
wait_for 20 "the daemon of n$lost" hf "$lost" show failover || fail "the daemon of n$lost is not started"
on_node "$mate" crm_attribute --node "n$mate" --name standby --update on || fail "n$mate cannot be put into standby"
wait_for 40 "n$mate in standby" no_daemon "$mate" || fail "the daemon of n$mate is not stopped"
sleep 8
hf "$lost" show failover || fail "the daemon of n$lost is gone"
[ -z "$(promotion_score "$lost")" ] || fail "n$lost, never synced, has the score $(promotion_score "$lost")"
is_active "$lost" && fail "n$lost, never synced, is active"
promoted "$lost" && fail "n$lost, never synced, is promoted"
hold_laws
