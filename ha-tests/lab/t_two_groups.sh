#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Active/active: two failover groups with networks, a peer and hosts of their own, each active on another node. kill -9
# of one node: the other owns both, and its own group does not feel it. The node comes back and preempts what it prefers.
# "failover active group 2" moves that group alone.
#
#	group 1   outside 192.0.2.0/24, inside 198.51.100.0/24, as in lab.sh
#	group 2   outside2 198.18.10.0/24: service .1, peer2 .2, nodes .11 .12; inside2 198.18.20.0/24: service .1, hosta2 .10;
#	          behind peer2 198.18.30.0/24: hostb2 .10
LAB_LIMIT=180
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

SERVICE2=198.18.10.1 PEER2=198.18.10.2 HOSTA2=198.18.20.10 HOSTB2=198.18.30.10
HF_EXTRA="interface outside2
 nameif outside2
 join-failover-group 2
 ip address $SERVICE2 255.255.255.0
interface inside2
 nameif inside2
 join-failover-group 2
 ip address 198.18.20.1 255.255.255.0
failover group 1
 primary
 preempt
failover group 2
 secondary
 preempt
access-list LAB2 extended permit ip 198.18.20.0 255.255.255.0 198.18.30.0 255.255.255.0
crypto map OUT2 10 match address LAB2
crypto map OUT2 10 set peer $PEER2
crypto map OUT2 10 set ikev2 ipsec-proposal GCM
crypto map OUT2 10 set pfs group19
crypto map OUT2 interface outside2
crypto ikev2 enable outside2
tunnel-group $PEER2 type ipsec-l2l
tunnel-group $PEER2 ipsec-attributes
 ikev2 remote-authentication pre-shared-key $PEER_PSK
 ikev2 local-authentication pre-shared-key $HF_PSK
 isakmp keepalive threshold 10 retry 2"

# The networks of the second group, its peer and the hosts behind both.
second_networks() {
	local node
	lab_switch br-out2
	lab_switch br-in2
	for node in 1 2; do
		lab_wire "n$node" outside2 br-out2
		lab_wire "n$node" inside2 br-in2
		on_node $node ip addr add 198.18.10.1$node/24 dev outside2
		on_node $node ip addr add 198.18.20.1$node/24 dev inside2
	done
	lab_box peer2 && lab_box hosta2 && lab_box hostb2 || return 1
	lab_wire peer2 outside br-out2
	in_box peer2 ip addr add $PEER2/24 dev outside
	ip link add dev lab-b2 type veth peer name inside netns "${LAB_BOX[peer2]}"
	ip link set dev lab-b2 netns "${LAB_BOX[hostb2]}" name inside
	in_box peer2 ip addr add 198.18.30.1/24 dev inside
	in_box peer2 ip link set inside up
	in_box peer2 sysctl -qw net.ipv4.ip_forward=1
	in_box hostb2 ip addr add $HOSTB2/24 dev inside
	in_box hostb2 ip link set inside up
	in_box hostb2 ip route add default via 198.18.30.1
	lab_wire hosta2 inside br-in2
	in_box hosta2 ip addr add $HOSTA2/24 dev inside
	in_box hosta2 ip route add default via 198.18.20.1
}

# group N GROUP FIELD: what node N says of the group.
group() {
	hf "$1" --json show failover 2>/dev/null | jq -r ".failover.groups[] | select(.id == $2) | .$3"
}

# owned N1 N2: group 1 is active on N1 and group 2 on N2, and on no other node; protected says that both are protected.
owned() {
	local node group want=([1]=$1 [2]=$2)
	for group in 1 2; do
		for node in 1 2; do
			if [ "$node" = "${want[group]}" ]; then
				[ "$(group "$node" $group state)" = Active ] || return 1
			else
				[ "$(group "$node" $group state)" != Active ] || return 1
			fi
		done
	done
}

protected() {
	owned "$1" "$2" && [ "$(group "$1" 1 protected)" = true ] && [ "$(group "$2" 2 protected)" = true ]
}

second_flow() {
	lab_flow_side hostb2 "$1" $HOSTB2 $HOSTA2 "$2" "$3"
	lab_flow_side hosta2 "$1" $HOSTA2 $HOSTB2 "$2" "$3"
}

# figure2 NAME FILTER: of the reports of the second group's hosts.
figure2() {
	jq -s "$2" "$LAB_DIR/hosta2/$1.json" "$LAB_DIR/hostb2/$1.json"
}

second_stop() {
	local box
	for box in hosta2 hostb2; do
		lab_signal $box "flow-$1" TERM
	done
	for box in hosta2 hostb2; do
		wait "$(lab_pid $box "flow-$1")"
		[ -s "$LAB_DIR/$box/$1.json" ] || return 1
	done
}

identities() {
	peer_identity
	PEER_BOX=peer2 peer_identity
}

lab_up && second_networks || fail "the topology does not come up"
egress_start || fail "no captures"
for node in 1 2; do
	capture_start "n$node" egress2 outside2 -Q out || fail "no captures"
done
lab_start_peer || fail "strongSwan does not start"
lab_swanctl_conf $PEER2 $SERVICE2 198.18.30.0/24 198.18.20.0/24 "$PEER_PSK" "$HF_PSK" >"$LAB_DIR/peer2/swanctl.conf"
lab_start_charon peer2 || fail "the second strongSwan does not start"
for node in 1 2; do
	lab_start_corosync $node
done
for node in 1 2; do
	wait_for 20 "corosync quorate on n$node" quorate $node || fail "no quorum"
done
for node in 1 2; do
	lab_start_daemon $node
done
wait_for 25 "group 1 on n1, group 2 on n2" protected 1 2 || fail "not active/active"
peer_cmd --initiate --child net >"$LAB_DIR/initiate.log" 2>&1 || fail "the peer cannot set the tunnel up"
PEER_BOX=peer2 peer_cmd --initiate --child net >"$LAB_DIR/initiate2.log" 2>&1 || fail "the second peer cannot"
ping_through 3 >"$LAB_DIR/ping.log" 2>&1 || fail "no ping through group 1"
in_box hosta2 ping -n -q -c 3 -i 0.2 -W 2 $HOSTB2 >"$LAB_DIR/ping2.log" 2>&1 || fail "no ping through group 2"
before=$(identities)
[ "$(wc -l <<<"$before")" = 2 ] || fail "not one IKE SA at each peer"

# Each group's addresses and SAs are where it is active, and nowhere else.
on_node 1 ip addr show | grep -q "inet $SERVICE/32" || fail "n1 does not have the address of group 1"
on_node 1 ip addr show | grep -q "inet $SERVICE2/32" && fail "n1 has the address of group 2"
on_node 2 ip addr show | grep -q "inet $SERVICE2/32" || fail "n2 does not have the address of group 2"
hf 1 show failover >"$LAB_DIR/show1"
grep -q '^Group 1  *State:  *Active$' "$LAB_DIR/show1" || fail "show failover of n1 does not say that group 1 is active"
[ "$(grep -c 'Other host:' "$LAB_DIR/show1")" = 1 ] || fail "outside parsers take one other host"
hf 1 show failover state >"$LAB_DIR/state1"
hf 1 show failover group 2 | grep -q 'Preferred unit: Secondary, preempt on' || fail "group 2 is not shown"

# One node dies: its group moves, the other one does not notice.
flow_start kill 500 60
second_flow kill 500 60
sleep 1
lab_kill9 n1 holdfastd
wait_for 5 "both groups on n2" owned 2 2 || fail "n2 does not own both groups"
sleep 1
[ "$(identities)" = "$before" ] || fail "after the kill: other IKE SAs"

# It comes back, synced in both groups, and takes back what it prefers.
lab_start_daemon 1
wait_for 25 "active/active again" protected 1 2 || fail "n1 does not preempt group 1"
sleep 1
flow_stop kill && second_stop kill || fail "the flows left no report"
echo "figure: kill of n1 and its return: group 1 gap $(flow_gap kill) ms, lost $(flow_lost kill);" \
	"group 2 gap $(figure2 kill 'map(.silence_ms) | max | ceil') ms, lost $(figure2 kill 'map(.lost) | add')"
[ "$(flow_gap kill)" -lt 1000 ] || fail "group 1: a silence of $(flow_gap kill) ms"
[ "$(figure2 kill 'map(.lost) | add')" = 0 ] || fail "group 2 lost packets, which never moved"

# A group moves alone, and loses nothing.
second_flow move 500 60
sleep 1
hf 1 failover active group 2 || fail "failover active group 2 is refused"
wait_for 5 "both groups on n1" owned 1 1 || fail "n1 does not own both groups"
wait_for 5 "protected" protected 1 1 || fail "not protected on n1"
sleep 3
hf 1 no failover active group 2 || fail "no failover active group 2 is refused"
wait_for 5 "active/active" protected 1 2 || fail "group 2 did not go back alone"
sleep 3
second_stop move || fail "the flow left no report"
echo "figure: group 2 moved to n1 and back: lost $(figure2 move 'map(.lost) | add')"
[ "$(figure2 move 'map(.lost) | add')" = 0 ] || fail "group 2: $(figure2 move 'map(.lost) | add') packets lost in handovers"

# Stopping a node hands over all that it owns.
lab_stop n2 holdfastd 15
wait_for 2 "both groups on n1" owned 1 1 || fail "n1 does not own both groups after n2 was stopped"
in_box hosta2 ping -n -q -c 3 -i 0.2 -W 2 $HOSTB2 >"$LAB_DIR/ping3.log" 2>&1 || fail "no ping through group 2 on n1"
ping_through 3 >"$LAB_DIR/ping4.log" 2>&1 || fail "no ping through group 1"
[ "$(identities)" = "$before" ] || fail "at the end: other IKE SAs"
hf 1 show failover >"$LAB_DIR/show-end"
for node in 1 2; do
	capture_stop "n$node" egress2 || fail "the captures are not complete"
done
"$LAB_SRC/check-capture" --from $SERVICE2 --keys "$LAB_DIR/n1/keys" --keys "$LAB_DIR/n2/keys" \
	"n1=$LAB_DIR/n1/egress2.pcap" "n2=$LAB_DIR/n2/egress2.pcap" || fail "the captures of group 2 break a law"
hold_laws
