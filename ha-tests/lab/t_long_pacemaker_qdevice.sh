#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A pair as it is best run under Pacemaker: a quorum device with TLS on a third host, fencing, and Pacemaker's own
# no-quorum-policy. A planned move loses nothing. The cluster link is cut: Pacemaker stops the half without the vote, and
# the other one goes on with the same IKE SA once that half is fenced. So it does when the owner's host dies. After a power cut
# of both, who boots alone is quorate with the device's vote, and yet silent until the other one is fenced (R15).
LAB_LIMIT=260
. "$(dirname "$0")/lab.sh"
. "$LAB_SRC/lab_pacemaker.sh"
. "$LAB_SRC/lab_qdevice.sh"
need_holdfast
need_pacemaker
need_qdevice
lab_enter "$@"

HF_EXTRA="failover role-manager pacemaker"
LAB_QNETD_TLS=required

corosync_answers() {
	on_node "$1" corosync-cfgtool -s
}

boot() {
	lab_start_corosync "$1"
	wait_for 10 "Corosync of n$1" corosync_answers "$1" || fail "Corosync of n$1 does not start"
	lab_start_qdevice "$1"
}

# back N: it boots, and is a protected standby.
back() {
	boot "$1"
	start_pacemaker "$1"
	wait_for 60 "one owner and a protected standby" pair_protected || fail "n$1 does not come back as a standby"
	wait_for 10 "three votes" has_votes "$1" 3 || fail "n$1 does not have three votes"
}

sent_by() {
	count_packets "n$1" egress "$FILTER_OWN"
}

# move FROM TO: a planned one, without loss.
move() {
	wait_for 20 "scores" score_is "$2" 100 || fail "the standby's score is $(promotion_score "$2")"
	flow_start "move$2" 1000 60
	sleep 1
	on_node "$1" crm_resource --ban --resource holdfast-clone --promoted --node "n$1" || fail "crm_resource --ban"
	wait_for 30 "the move" promoted "$2" || fail "Pacemaker does not promote n$2"
	wait_for 15 "protected" pair_protected || fail "not protected after the move"
	sleep 2
	flow_stop "move$2" || fail "the flow left no report"
	on_node "$1" crm_resource --clear --resource holdfast-clone
	echo "figure: planned move to n$2: gap $(flow_gap "move$2") ms, lost $(flow_lost "move$2")"
	[ "$(flow_lost "move$2")" = 0 ] || fail "$(flow_lost "move$2") packets lost by a planned move"
	same_tunnel "the move"
}

same_tunnel() {
	ping_through 3 >/dev/null || fail "$1: the tunnel is lost"
	[ "$(peer_identity)" = "$before" ] || fail "$1: the peer has another IKE SA"
}

lab_up || fail "the topology does not come up"
egress_start || fail "no captures"
lab_start_peer || fail "strongSwan does not start"
lab_fence_agent || fail "no fencing agent"
lab_start_qnetd || fail "qnetd does not start"
for node in 1 2; do
	install_agent $node || fail "no agent on n$node"
	boot $node
done
for node in 1 2; do
	wait_for 20 "three votes on n$node" has_votes $node 3 || fail "n$node does not have three votes"
done
in_box arbiter corosync-qnetd-tool -l -v >"$LAB_DIR/arbiter/clients"
[ "$(grep -c 'TLS active:.*Yes (client certificate verified)' "$LAB_DIR/arbiter/clients")" = 2 ] || fail "not both nodes proved themselves to qnetd"
start_pacemaker 1
start_pacemaker 2
wait_for 60 "both are online" online 1 || fail "Pacemaker does not come up"
lab_load_pacemaker || fail "the printed configuration does not load"
lab_enable_fencing || fail "no fencing resource"
wait_for 40 "a promoted instance and a protected standby" pair_protected || fail "nobody is promoted"
active=$(active_node)
wait_for 10 "Pacemaker knows" promoted "$active" || fail "Pacemaker does not know that n$active is active"
peer_cmd --initiate --child net >"$LAB_DIR/initiate.log" 2>&1 && wait_for 5 "" peer_tunnel_up && ping_through 3 >/dev/null || fail "no tunnel"
before=$(peer_identity)

echo "--- planned moves"
# The device prefers the lowest node id: the cut is to hit the owner.
[ "$active" = 1 ] || move 2 1
move 1 2

echo "--- the cluster link is cut"
flow_start cut 1000 120
sleep 1
began=$(now_ms)
lab_cluster_link 2 down
wait_for 10 "the vote" has_votes 1 2 || fail "n1 does not have the vote"
wait_for 10 "no quorum" has_no_quorum 2 || fail "n2 is quorate without the vote"
wait_for 30 "n2 is stopped" no_daemon 2 || fail "Pacemaker does not stop n2, which has no quorum"
echo "figure: the half without the vote is stopped after $(($(now_ms) - began)) ms"
quiet=$(sent_by 2)
wait_for 20 "Pacemaker asks" grep -q "asked to fence n2" "$LAB_DIR/fence.log" || fail "nobody fences n2"
grep -q "asked to fence n1" "$LAB_DIR/fence.log" && fail "the half without the vote fences"
touch "$LAB_DIR/may-fence-n2"
wait_for 30 "takeover" is_active 1 || fail "n1 does not take over from a fenced node"
wait_for 10 "the tunnel carries" ping_through 1
flow_stop cut || fail "the flow left no report"
echo "figure: the cluster link cut: gap $(flow_gap cut) ms"
[ "$(sent_by 2)" = "$quiet" ] || fail "n2 sends without the vote"
same_tunnel "the cut"
lab_cluster_link 2 up
back 2
is_active 1 || fail "n1 lost the group to a node that came back"

echo "--- the owner's host dies"
touch "$LAB_DIR/may-fence-n1"
flow_start loss 1000 120
sleep 1
lab_cable 1 down
kill_node 1
wait_for 40 "takeover" is_active 2 || fail "n2 does not take over"
wait_for 10 "the tunnel carries" ping_through 1
flow_stop loss || fail "the flow left no report"
echo "figure: host lost: gap $(flow_gap loss) ms"
# Until qnetd misses the dead host, its fencing and the promotion.
[ "$(flow_gap loss)" -lt 6000 ] || fail "the loss of a host costs $(flow_gap loss) ms"
same_tunnel "the loss of a host"
lab_cable 1 up
back 1

echo "--- the power of both is cut, the device lives"
rm -f "$LAB_DIR"/may-fence-* "$LAB_DIR/fence.log"
kill_node 2
kill_node 1
quiet=$(($(sent_by 1) + $(sent_by 2)))
boot 1
start_pacemaker 1
wait_for 20 "quorate alone" has_votes 1 2 || fail "n1 is not quorate with the vote of the device"
wait_for 40 "Pacemaker asks" grep -q "asked to fence n2" "$LAB_DIR/fence.log" || fail "nobody fences n2 after a power cut"
sleep 5
is_active 1 && fail "n1 is active alone, and n2 is not fenced"
[ $(($(sent_by 1) + $(sent_by 2))) = "$quiet" ] || fail "somebody sends after a power cut"
touch "$LAB_DIR/may-fence-n2"
wait_for 40 "an empty start" is_active 1 || fail "n1 does not begin empty although n2 is fenced"
wait_for 15 "a new tunnel" ping_through 1 || fail "no tunnel after an empty start"
[ "$(peer_identity)" != "$before" ] || fail "the peer has the IKE SA that nobody holds"
before=$(peer_identity)
back 2
same_tunnel "the second node's return"
hold_laws
