#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# holdfast node drain: the node hands over without a loss, stays drained over a restart of its daemon and refuses to become
# active; as the last one that holds the state it takes over all the same, and gives the group back as soon as it can.
LAB_BESIDE=1
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# drained BY N: node BY says that node N is drained.
drained() {
	hf "$1" --json show failover | jq -e --arg name "vpn$2" \
		'[.failover.this_host, .failover.other_hosts[]] | map(select(.name == $name and .drained)) | length == 1' >/dev/null
}

# refused N WHY COMMAND...
refused() {
	local node=$1 why=$2 said
	shift 2
	said=$(hf "$node" "$@") && fail "n$node: '$*' is not refused"
	[ "$said" = "ERROR: $why" ] || fail "n$node: '$*' says '$said', expected '$why'"
}

lab_start_tunnel
before=$(peer_identity)
node=$(active_node)
mate=$(other "$node")
flow_start drain 1000 60
sleep 1
hf "$node" node drain || fail "node drain is refused"
wait_for 5 "n$mate is active" is_active "$mate" || fail "n$mate does not become active"
wait_for 5 "protected" pair_protected || fail "a drained standby does not protect"
sleep 2
flow_stop drain || fail "the flow left no report"
echo "figure: drain: gap $(flow_gap drain) ms, lost $(flow_lost drain)"
[ "$(flow_lost drain)" = 0 ] || fail "$(flow_lost drain) packets lost"

lab_stop "n$node" holdfastd 10
lab_start_daemon "$node"
wait_for 15 "protected" pair_protected || fail "not protected after the restart"
drained "$node" "$node" || fail "the drain did not survive the restart"
drained "$mate" "$node" || fail "n$mate does not show that n$node is drained"
refused "$node" 'this node is drained: holdfast node resume' failover active
refused "$mate" 'the standby is drained; see show failover' no failover active

lab_kill9 "n$mate" holdfastd
wait_for 5 "n$node is active" is_active "$node" || fail "the last one with the state does not take over"
wait_for 5 "a ping" ping_through 1 || fail "the tunnel is lost"
hf "$node" node drain | grep -q 'stays active' || fail "it is not said that the node has nobody to hand over to"
lab_start_daemon "$mate"
wait_for 15 "n$mate is active" is_active "$mate" || fail "the drained node keeps the group"
wait_for 10 "protected" pair_protected || fail "not protected at the end"
hf "$node" node resume || fail "node resume is refused"
wait_for 2 "resumed" eval "! drained $mate $node" || fail "n$mate still shows that n$node is drained"
hf "$node" failover active || fail "a resumed node does not become active"
wait_for 5 "n$node is active" is_active "$node" || fail "no switchover"
wait_for 5 "a ping" ping_through 1 || fail "no ping at the end"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"
hold_laws
