#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A third vote without a third node: corosync-qnetd in a box of its own, which both nodes reach over the inside network.
# The cluster link is cut. The half that gets the vote owns, the other one is silent by its deadline: once the owner keeps
# the vote (the standby must not claim), once it loses it (the standby takes over, with the same IKE SA).
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
. "$LAB_SRC/lab_qdevice.sh"
need_holdfast
need_qdevice
lab_enter "$@"

sent_by() {
	count_packets "n$1" egress "$FILTER_OWN"
}

# last_sent N: when node N said anything itself for the last time, in ms since 1970.
last_sent() {
	tcpdump -tt -n -r "$LAB_DIR/n$1/egress.pcap" "$FILTER_OWN" 2>/dev/null | awk 'END { printf "%d\n", $1 * 1000 }'
}

lab_up || fail "the topology does not come up"
egress_start || fail "no captures"
lab_start_peer || fail "strongSwan does not start"
lab_start_qnetd || fail "qnetd does not start"
for node in 1 2; do
	lab_start_corosync $node
done
for node in 1 2; do
	wait_for 20 "corosync quorate on n$node" quorate $node || fail "n$node is not quorate"
done
# The device is expected, and not there yet: it is no member.
lab_start_daemon 1
lab_start_daemon 2
for node in 1 2; do
	lab_start_qdevice $node
done
for node in 1 2; do
	wait_for 20 "three votes on n$node" has_votes $node 3 || fail "n$node does not have three votes"
done
wait_for 15 "one active node and a protected standby" pair_protected || fail "the pair does not come up"
peer_cmd --initiate --child net >"$LAB_DIR/initiate.log" 2>&1 || fail "the peer cannot set the tunnel up"
ping_through 3 >"$LAB_DIR/ping.log" 2>&1 || fail "no ping through the tunnel"
hf 1 show failover | grep 'Members: 2 of 2' || fail "the vote of the device counts as a member"
before=$(peer_identity)

# cut_and_heal NAME: flows through the cut; sets winner and loser, the halves with the vote and without it.
cut_and_heal() {
	local quiet cut silent
	flow_start "$1" 1000 60
	sleep 1
	cut=$(date +%s%3N)
	lab_cluster_link 1 down
	for winner in 1 2; do
		loser=$(other $winner)
		wait_for 8 "" has_votes $winner 2 && break
	done
	has_votes "$winner" 2 || fail "$1: neither half has the vote"
	wait_for 8 "no quorum" has_no_quorum "$loser" || fail "$1: n$loser is quorate without the vote"
	wait_for 5 "the owner" is_active "$winner" || fail "$1: n$winner has the vote and is not active"
	sleep 2
	quiet=$(sent_by "$loser")
	sleep 1.5
	[ "$(sent_by "$loser")" = "$quiet" ] || fail "$1: n$loser sends without quorum behind its deadline"
	silent=$(($(last_sent "$loser") - cut))
	[ $silent -lt 2200 ] || fail "$1: n$loser, without quorum, sent $silent ms after the cut"
	[ $silent -ge 0 ] || silent=0
	ping_through 3 >"$LAB_DIR/ping-$1.log" 2>&1 || fail "$1: no ping through the half with the vote"
	lab_cluster_link 1 up
	wait_for 20 "protected" pair_protected || fail "$1: not one owner and a protected standby after the link is back"
	is_active "$winner" || fail "$1: n$winner lost the group"
	flow_stop "$1" || fail "the flow left no report"
	echo "figure: $1: the vote to n$winner; n$loser silent $silent ms after the cut; gap $(flow_gap "$1") ms, lost $(flow_lost "$1")"
	[ "$(peer_identity)" = "$before" ] || fail "$1: the peer has another IKE SA"
}

for way in first second; do
	owner=$(active_node)
	cut_and_heal "$way"
	[ "$owner" = "$winner" ] && kept=yes || lost=yes
	[ "$way" = second ] || { hf "$(other "$winner")" failover active && wait_for 5 "a handover" is_active "$(other "$winner")"; } ||
		fail "no handover"
	wait_for 10 "protected" pair_protected || fail "not protected after a handover"
done
[ -n "${kept:-}" ] && [ -n "${lost:-}" ] || fail "the vote went to the owner both times, or to the standby"
hold_laws
