#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# RFC 6311 with strongSwan as the peer (R10). The standby's host stands still while the active node and the peer go on
# exchanging messages; then the active node's host is lost and the other one wakes up, with message ids of the past. It
# takes over as suspect and synchronizes them: no authentication, the old SPIs, exchanges in both directions.
LAB_BESIDE=1
LAB_LIMIT=150
PEER_DPD=1
PEER_LOG=2
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# notifies EXCHANGE: source, message id and types of the notifies of its messages that left n1 or n2, or came to them.
notifies() {
	local node
	for node in 1 2; do
		tshark_keys n$node
		WIRESHARK_CONFIG_DIR="$LAB_DIR/n$node/wireshark" tshark -n -r "$LAB_DIR/n$node/all.pcap" \
			-Y "isakmp.exchangetype == $1" -T fields -e ip.src -e isakmp.messageid -e isakmp.notify.msgtype 2>/dev/null
	done
}

tshark_keys() {
	mkdir -p "$LAB_DIR/$1/wireshark"
	cat "$LAB_DIR"/n[12]/keys/ikev2_decryption_table 2>/dev/null | sort -u >"$LAB_DIR/$1/wireshark/ikev2_decryption_table"
}

authentications() {
	grep -c 'IKE_SA lab\[[0-9]*\] established between' "$LAB_DIR/peer/charon.log"
}

synchronized() {
	[ "$(hf "$1" show counters | awk '/message-id-syncs-done/ { print $3 }')" -ge 1 ]
}

lab_start_tunnel
active=$(active_node)
mate=$(other "$active")
before=$(peer_identity)
for node in 1 2; do
	capture_start n$node all outside udp port 500 or udp port 4500 || fail "no capture"
done

# Not a message of these seconds reaches the other node. What its daemon hears first when it wakes are heartbeats from
# before its Corosync stopped.
lab_signal "n$mate" holdfastd STOP
sleep 0.3
lab_signal "n$mate" corosync STOP
wait_for 10 "n$active to be unprotected" eval '! is_protected $active' || fail "n$active stays protected"
sleep 6
behind=$(grep -c 'parsed INFORMATIONAL response' "$LAB_DIR/peer/charon.log")

lab_signal "n$active" corosync KILL
lab_signal "n$active" holdfastd KILL
lab_signal "n$mate" corosync CONT
lab_signal "n$mate" holdfastd CONT
start=$(now_ms)
wait_for 15 "n$mate is active" is_active "$mate" || fail "n$mate does not become active"
hf "$mate" show failover | grep -q 'suspect takeovers: [1-9]' || fail "the takeover is not suspect"
wait_for 20 "message ids are synchronized" synchronized "$mate" || {
	hf "$mate" show counters
	fail "message ids are not synchronized"
}
echo "figure: exchanges of the peer that the new owner does not know: about $behind; synchronized $(($(now_ms) - start)) ms after its host woke up"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"
grep 'MID sync' "$LAB_DIR/peer/charon.log" || fail "strongSwan says nothing of a synchronization"

wait_for 10 "a ping" ping_through 1 || fail "no ping through the tunnel"
peer_cmd --rekey --child net >/dev/null || fail "the peer cannot rekey the CHILD SA"
peer_cmd --rekey --ike lab >/dev/null || fail "the peer cannot rekey the IKE SA"
sleep 3
wait_for 10 "a ping" ping_through 1 || fail "no ping after the rekeys"
[ "$(authentications)" = 1 ] || fail "the peer has authenticated again"
grep -q 'giving up after' "$LAB_DIR/peer/charon.log" && fail "the peer gave a request up"
for node in 1 2; do
	capture_stop n$node all || fail "the capture is not complete"
done
grep -o 'IKE_AUTH re[a-z]* 1 \[.*MSG_ID_SYN_SUP.*\]' "$LAB_DIR/peer/charon.log" || fail "not negotiated in IKE_AUTH"
notifies 37 | grep 16422 | sort -u | sed 's/^/INFORMATIONAL notifies: /'
[ "$(notifies 37 | awk '$2 ~ /^0x0*$/ && /16422/' | awk '{ print $1 }' | sort -u | wc -l)" = 2 ] ||
	fail "not a request and an answer with message id 0"
hold_laws
