#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Three nodes, one group. The owner is killed, then the second owner: the tunnel goes on with the third node, same SPIs,
# no new authentication. With three votes a cut leaves one side silent: a standby that is cut off does not claim, an
# owner that is cut off stops by itself, and the others carry on.
LAB_LIMIT=180
LAB_NODES="1 2 3"
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# sent_by N: packets of the service address that have left node N.
sent_by() {
	count_packets "n$1" egress "$FILTER_OWN"
}

# the_others N: the nodes beside N.
the_others() {
	local node
	for node in $LAB_NODES; do
		[ "$node" = "$1" ] || echo "$node"
	done
}

# new_owner N...: one of these nodes owns, and says so alone.
new_owner() {
	local active
	active=$(active_node) && [[ " $* " = *" $active "* ]]
}

is_active_among() {
	local node
	for node; do
		is_active "$node" && return
	done
	return 1
}

# same_tunnel WHEN: the IKE SA that there was, and nobody proved itself again.
same_tunnel() {
	local node auths=0
	[ "$(peer_identity)" = "$before" ] || fail "$1: the peer has another IKE SA"
	for node in $LAB_NODES; do
		auths=$((auths + $(count_packets "n$node" egress "src host $SERVICE and ($FILTER_IKE_AUTH)")))
	done
	[ $auths = 1 ] || fail "$1: $auths IKE_AUTH responses"
}

peer_children() {
	peer_cmd --list-sas --raw | grep -o 'spi-\(in\|out\)=[0-9a-f]*' | sort
}

lab_start_tunnel
before=$(peer_identity)
children=$(peer_children)

# What the units say of each other.
hf 3 show failover >"$LAB_DIR/show3" || fail "n3 does not answer"
grep -q '^Failover unit Member-3$' "$LAB_DIR/show3" || fail "n3 does not call itself Member-3"
[ "$(grep -c 'Other host:' "$LAB_DIR/show3")" = 1 ] || fail "outside parsers take one other host"
grep -q 'Members: 3 of 3' "$LAB_DIR/show3" || fail "not three members"
[ "$(hf 3 show failover state | grep -c 'Other host')" = 2 ] || fail "show failover state does not have both others"
[ "$(hf 1 failover exec member vpn3 show version | grep -c 'vpn3')" -ge 1 ] || fail "failover exec member does not reach n3"
hf 1 failover exec mate show version >"$LAB_DIR/mate" 2>&1 && fail "failover exec mate has one meaning among three"
grep -q '^ERROR: ' "$LAB_DIR/mate" || fail "failover exec mate says: $(cat "$LAB_DIR/mate")"

# One after the other until one is left.
flow_start kills 1000 60
sleep 1
left=$LAB_NODES
for i in 1 2; do
	active=$(active_node) || fail "no active node"
	lab_kill9 "n$active" holdfastd
	left=$(tr ' ' '\n' <<<"$left" | grep -vx "$active" | tr '\n' ' ')
	# shellcheck disable=SC2086
	wait_for 5 "a new owner" new_owner $left || fail "kill $i: nobody of $left owns"
	sleep 1
	same_tunnel "kill $i"
	# R18: two seconds after a takeover they are rekeyed.
	[ "$(peer_children)" = "$children" ] || fail "kill $i: the peer has other ESP SPIs"
done
last=$(active_node)
is_protected "$last" && fail "n$last is alone and says that it is protected"
flow_stop kills || fail "the flow left no report"
echo "figure: two owners killed in turn: gap $(flow_gap kills) ms, lost $(flow_lost kills)"
[ "$(flow_gap kills)" -lt 1000 ] || fail "a silence of $(flow_gap kills) ms"
ping_through 3 >"$LAB_DIR/ping-last.log" 2>&1 || fail "no ping through the last node"

for node in $(the_others "$last"); do
	lab_start_daemon "$node"
done
wait_for 20 "all protected" all_protected || fail "the restarted nodes are not protected"
[ "$(active_node)" = "$last" ] || fail "n$last lost the group to a node that came back"

# A standby that is cut off is a minority.
cut=$(the_others "$last" | tail -n 1)
lab_cluster_link "$cut" down
sleep 4
hf "$cut" show failover | grep -q 'Quorum: NO' || fail "n$cut has quorum alone"
is_active "$cut" && fail "a standby without quorum claims"
[ "$(active_node)" = "$last" ] || fail "the owner of the majority lost the group"
[ "$(sent_by "$cut")" = "$(sleep 1; sent_by "$cut")" ] || fail "n$cut sends without quorum"
lab_cluster_link "$cut" up
wait_for 20 "all protected" all_protected || fail "n$cut is not protected again"
same_tunnel "a standby cut off"

# So is an owner that is cut off.
flow_start minority 500 60
sleep 1
lab_cluster_link "$last" down
sleep 4
# shellcheck disable=SC2046
wait_for 5 "an owner in the majority" is_active_among $(the_others "$last") || fail "nobody took over from the minority"
quiet=$(sent_by "$last")
sleep 2
[ "$(sent_by "$last")" = "$quiet" ] || fail "n$last sends without quorum"
ping_through 3 >"$LAB_DIR/ping-majority.log" 2>&1 || fail "no ping through the majority"
same_tunnel "an owner cut off"
lab_cluster_link "$last" up
wait_for 20 "one owner and protected standbys" all_protected || fail "not one owner after the link is back"
[ "$(active_node)" != "$last" ] || fail "n$last has the group again"
flow_stop minority || fail "the flow left no report"
echo "figure: the owner cut off from two others: gap $(flow_gap minority) ms, lost $(flow_lost minority)"
same_tunnel "the end"
hold_laws --partition
