#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# failover takeover fenced: the active node is cut off from the cluster and goes on. Pacemaker has it fenced; the fencing
# agent (the lab's own, in the place of fence_legacy) waits for a word from here, then kills what runs on the node and
# says that it is off. The standby takes over when that is confirmed, and not before: there are never two owners. When it
# loses its state as well it begins empty, by the same word (R15). After a power cut of both a node alone is silent. A
# stop that fails is answered by fencing.
LAB_BESIDE=1
LAB_LIMIT=200
. "$(dirname "$0")/lab.sh"
. "$LAB_SRC/lab_pacemaker.sh"
need_holdfast
need_pacemaker
lab_enter "$@"

HF_EXTRA="failover role-manager pacemaker
failover takeover fenced"

# What both nodes have said themselves.
own_packets() {
	echo $(($(count_packets n1 egress "$FILTER_OWN") + $(count_packets n2 egress "$FILTER_OWN")))
}

lab_up || fail "the topology does not come up"
egress_start || fail "no captures"
lab_start_peer || fail "strongSwan does not start"
lab_fence_agent || fail "no fencing agent"
lab_start_pacemaker || fail "Pacemaker does not come up"
lab_load_pacemaker || fail "the printed configuration does not load"
lab_enable_fencing || fail "no fencing resource"
wait_for 40 "a promoted instance and a protected standby" pair_protected || fail "nobody is promoted"
active=$(active_node)
mate=$(other "$active")
wait_for 10 "scores" score_is "$mate" 100 || fail "the standby's score is $(promotion_score "$mate")"
peer_cmd --initiate --child net >"$LAB_DIR/initiate.log" 2>&1 && wait_for 5 "" peer_tunnel_up && ping_through 3 >/dev/null || fail "no tunnel"
before=$(peer_identity)

echo "--- cut off, and not yet fenced"
flow_start fence 1000 60
sleep 1
lab_cluster_link "$active" down
wait_for 20 "Pacemaker asks" grep -q "asked to fence n$active" "$LAB_DIR/fence.log" || fail "nobody fences n$active"
sleep 3
is_active "$active" || fail "n$active is not active any more"
is_active "$mate" && fail "n$mate has taken over from a node that is not fenced"
hf "$mate" show failover | grep "Waits for the fencing of: node $active" || fail "n$mate does not say what it waits for"
ping_through 3 >/dev/null || fail "the tunnel is lost before anybody is fenced"

echo "--- fenced"
touch "$LAB_DIR/may-fence-n$active"
wait_for 30 "takeover" is_active "$mate" || fail "n$mate does not take over from a fenced node"
echo "figure: active $(($(now_ms) - $(cat "$LAB_DIR/fenced-n$active"))) ms after n$active was off"
wait_for 10 "a tunnel" ping_through 3 || fail "the tunnel is lost"
flow_stop fence || fail "the flow left no report"
echo "figure: gap $(flow_gap fence) ms"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"

echo "--- the last who held state goes as well: what was fenced is known still"
kill -KILL "$(daemon_pid "$mate")"
wait_for 30 "an empty start" is_active "$mate" || fail "n$mate does not begin empty although n$active is fenced"
wait_for 15 "a new tunnel" ping_through 3 || fail "no tunnel after an empty start"
[ "$(peer_identity)" != "$before" ] || fail "the peer has the IKE SA that nobody holds"

echo "--- the power of both is cut"
kill_node "$mate"
rm -f "$LAB_DIR"/may-fence-*
lab_cluster_link "$active" up
for node in $active $mate; do
	quiet=$(own_packets)
	lab_start_corosync "$node"
	start_pacemaker "$node"
	[ "$node" = "$active" ] || break
	sleep 5
	is_active "$node" && fail "n$node is active alone after a power cut"
	[ "$(own_packets)" = "$quiet" ] || fail "n$node sends alone after a power cut"
done
wait_for 40 "a promoted instance and a protected standby" pair_protected || fail "nobody is promoted after a power cut"
wait_for 15 "a new tunnel" ping_through 3 || fail "no tunnel after a power cut"

echo "--- a daemon that hangs, and a stop that fails"
active=$(active_node)
mate=$(other "$active")
wait_for 10 "scores" score_is "$mate" 100 || fail "the standby's score is $(promotion_score "$mate")"
# Who has waited for fencing is suspect, and synchronizes message ids (RFC 6311), which strongSwan agrees to only where
# it is the initiator. Without that another IKE SA takes the place of the one that was taken over.
peer_cmd --terminate --ike lab >"$LAB_DIR/terminate.log" 2>&1 || fail "the peer does not end the tunnel"
peer_cmd --initiate --child net >"$LAB_DIR/initiate-again.log" 2>&1 && wait_for 5 "" peer_tunnel_up || fail "no tunnel of the peer's"
before=$(peer_identity)
touch "$LAB_DIR/may-fence-n$active"
on_node "$active" touch /run/ocf/stop-fails
kill -STOP "$(daemon_pid "$active")"
wait_for 60 "takeover" is_active "$mate" || fail "n$mate does not take over after a failed stop"
no_daemon "$active" || fail "n$active was not fenced after a failed stop"
wait_for 10 "a tunnel" ping_through 3 || fail "the tunnel is lost"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA after a failed stop"
hold_laws
