#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who may begin, with "failover takeover fenced" and the internal role manager, and what the operator says ("node
# fenced"). A host is lost: the standby waits until the host is confirmed to be off. Then the last daemon that held state
# is restarted: it is alone and quorate still, since it has met wait_for_all long ago, and waits for the same word (R15).
# The power of both is cut: who boots alone is silent; with the second one they begin empty and the peer is set up anew.
LAB_BESIDE=1
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

HF_EXTRA="failover takeover fenced"

# What both nodes have said themselves.
own_packets() {
	echo $(($(count_packets n1 egress "$FILTER_OWN") + $(count_packets n2 egress "$FILTER_OWN")))
}

# cut_power N: no process and no cable. give_power N: cables; nothing runs.
cut_power() {
	lab_cable "$1" down
	lab_kill9 "n$1" holdfastd
	lab_kill9 "n$1" corosync
}

give_power() {
	lab_cable "$1" up
}

says_it_waits() {
	hf "$1" show failover | grep -q "Waits for the fencing of: node $2"
}

# waits N FOR WHAT: node N is there, not active, says whom it waits for, and has been silent for 3 s.
waits() {
	local quiet
	sleep 0.5
	quiet=$(own_packets)
	sleep 2.5
	wait_for 5 "" says_it_waits "$1" "$2" || fail "$3: n$1 does not say that it waits for node $2"
	is_active "$1" && fail "$3: n$1 is active"
	[ "$(own_packets)" = "$quiet" ] || fail "$3: n$1 sends"
}

without_quorum() {
	on_node "$1" corosync-quorumtool -s | grep -q '^Quorate: *No'
}

lab_start_tunnel
before=$(peer_identity)
active=$(active_node)
mate=$(other "$active")

echo "--- a host is lost"
cut_power "$active"
waits "$mate" "$active" "host lost"
hf "$mate" node fenced "$mate" 2>/dev/null && fail "a member is taken for fenced"
hf "$mate" node fenced 7 2>/dev/null && fail "a node that there is not is taken for fenced"
is_active "$mate" && fail "n$mate takes over by a word on another node"
began=$(now_ms)
hf "$mate" node fenced "$active" || fail "node fenced is refused"
wait_for 5 "takeover" is_active "$mate" || fail "n$mate does not take over"
echo "figure: active $(($(now_ms) - began)) ms after node fenced"
ping_through 3 >/dev/null || fail "the tunnel is lost"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"

echo "--- the last holder of state, restarted, alone, quorate"
lab_kill9 "n$mate" holdfastd
lab_start_daemon "$mate"
quorate "$mate" 1 || fail "n$mate is not quorate"
wait_for 5 "the daemon" hf "$mate" show failover || fail "the daemon of n$mate does not answer"
waits "$mate" "$active" "empty"
hf "$mate" node fenced "$active" || fail "node fenced is refused"
wait_for 5 "an empty start" is_active "$mate" || fail "n$mate does not begin"
wait_for 10 "a new tunnel" ping_through 1 || fail "no tunnel after an empty start"
[ "$(peer_identity)" != "$before" ] || fail "the peer has the IKE SA that nobody holds"
wait_for 5 "" peer_tunnel_up || fail "the peer has not one tunnel"

echo "--- the power of both is cut"
before=$(peer_identity)
cut_power "$mate"
give_power "$active"
quiet=$(own_packets)
lab_start_corosync "$active"
wait_for 10 "Corosync alone" without_quorum "$active" || fail "n$active is quorate alone after a power cut, or not up"
lab_start_daemon "$active"
wait_for 10 "the daemon" hf "$active" show failover || fail "the daemon of n$active does not answer"
sleep 3
without_quorum "$active" || fail "n$active is quorate alone after a power cut"
is_active "$active" && fail "n$active is active alone after a power cut"
hf "$active" node fenced "$mate" || fail "node fenced is refused"
sleep 1
is_active "$active" && fail "n$active begins without quorum"
[ "$(own_packets)" = "$quiet" ] || fail "n$active sends alone after a power cut"
give_power "$mate"
lab_start_corosync "$mate"
wait_for 10 "quorate" quorate "$active" || fail "not quorate together"
lab_start_daemon "$mate"
wait_for 10 "one owner and a protected standby" pair_protected || fail "nobody begins after a power cut"
wait_for 10 "a new tunnel" ping_through 1 || fail "no tunnel after a power cut"
[ "$(peer_identity)" != "$before" ] || fail "the peer has the IKE SA that nobody holds"
wait_for 5 "" peer_tunnel_up || fail "the peer has not one tunnel"
hold_laws
