#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# As many nodes as a cluster may have, and a failover group for each: every group goes to the node that it prefers. The
# owner of the tunnel is killed, then the next one, until one node is left and owns all groups: same IKE SA, no new
# authentication. The others come back, are synced in every group and take what they prefer, or are told to.
LAB_LIMIT=300
LAB_NODES="1 2 3 4 5 6 7 8"
KILLS=7
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# Group N above 1 has an interface of its own on each node, outN. The tunnel's group does not preempt: its owners are
# killed in turn.
HF_EXTRA=$(
	units=(- primary secondary "member "{3..8})
	for group in $LAB_NODES; do
		printf 'failover group %s\n %s\n' "$group" "${units[group]}"
		[ "$group" != 1 ] || continue
		printf ' %s\n' preempt
		printf 'interface out%s\n nameif out%s\n join-failover-group %s\n' "$group" "$group" "$group"
		printf ' ip address 198.18.1%s.1 255.255.255.0\ncrypto ikev2 enable out%s\n' "$group" "$group"
	done
)

more_networks() {
	local group node
	for group in $LAB_NODES; do
		[ "$group" != 1 ] || continue
		lab_switch "br-out$group"
		for node in $LAB_NODES; do
			lab_wire "n$node" "out$group" "br-out$group"
			on_node "$node" ip addr add "198.18.1$group.1$node/24" dev "out$group"
		done
	done
}

# owned_by N: the groups that node N owns; "1 4 " are two of them.
owned_by() {
	hf "$1" --json show failover | jq -r '.failover.groups[] | select(.state == "Active") | .id' | tr '\n' ' '
}

# owner_of GROUP: the first node of $left that owns it.
owner_of() {
	local node
	for node in $left; do
		[[ " $(owned_by "$node")" != *" $1 "* ]] || { echo "$node" && return; }
	done
}

# each_preferred: each group but the tunnel's is active on the node of its number, and nowhere else.
each_preferred() {
	local node
	for node in $left; do
		[ "$(owned_by "$node" | sed 's/^1 //')" = "$(sed 's/^1 //' <<<"$node ")" ] || return 1
	done
}

# each_protected: the owner of each group says that all seven others protect it.
each_protected() {
	local node group
	for node in $left; do
		for group in $(owned_by "$node"); do
			hf "$node" --json show failover group "$group" | jq -e \
				'.failover_group | [.other_hosts[] | select(.protected)] | length == 7' >/dev/null || return 1
		done
	done
}

# each_once: every group has one owner among those that are left.
each_once() {
	local node
	[ "$(for node in $left; do owned_by "$node"; done | tr ' ' '\n' | grep . | sort -n | tr '\n' ' ')" = "$LAB_NODES " ]
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

left=$LAB_NODES
lab_up || fail "the topology does not come up"
more_networks || fail "the groups' networks do not come up"
egress_start || fail "no captures"
lab_start_peer || fail "strongSwan does not start"
for node in $LAB_NODES; do
	lab_start_corosync "$node"
done
for node in $LAB_NODES; do
	wait_for 30 "corosync quorate on n$node" quorate "$node" 8 || fail "Corosync does not come up"
done
for node in $LAB_NODES; do
	lab_start_daemon "$node"
done
wait_for 40 "each group where it is preferred" each_preferred || fail "not each group is where it is preferred"
wait_for 10 "all groups protected" each_protected || fail "not each group is protected"
peer_cmd --initiate --child net >"$LAB_DIR/initiate.log" 2>&1 || fail "the peer cannot set the tunnel up"
wait_for 5 "" peer_tunnel_up || fail "the peer has no tunnel"
before=$(peer_identity)

flow_start kills 500 120
sleep 1
for ((i = 1; i <= KILLS; i++)); do
	active=$(owner_of 1)
	lab_kill9 "n$active" holdfastd
	left=$(tr ' ' '\n' <<<"$left" | grep -vx "$active" | tr '\n' ' ')
	wait_for 5 "one owner of each group" each_once || fail "kill $i of n$active: not one owner of each group"
	same_tunnel "kill $i"
done
flow_stop kills || fail "the flow left no report"
echo "figure: $KILLS owners of eight killed in turn: gap $(flow_gap kills) ms, lost $(flow_lost kills)"
[ "$(flow_gap kills)" -lt 1000 ] || fail "a silence of $(flow_gap kills) ms"

for node in $LAB_NODES; do
	[[ " $left" = *" $node "* ]] || lab_start_daemon "$node"
done
left=$LAB_NODES
wait_for 40 "all groups protected" each_protected || fail "the restarted nodes do not protect each group"
# A group that moved three times of late is not preempted: its node asks by hand.
for group in 2 3 4 5 6 7 8; do
	[ "$(owner_of $group)" = $group ] || hf $group failover active group $group || fail "failover active group $group is refused"
done
wait_for 10 "each group where it is preferred" each_preferred || fail "not each group is back where it is preferred"
wait_for 20 "all groups protected" each_protected || fail "not each group is protected at the end"
ping_through 3 >"$LAB_DIR/ping.log" 2>&1 || fail "no ping at the end"
same_tunnel "the end"
hold_laws
