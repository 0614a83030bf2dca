#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# RFC 6311's IPSEC_REPLAY_COUNTER_SYNC, Holdfast to Holdfast (R18): after a kill -9 takeover the new owner asks the peer, a
# third Holdfast, to leave numbers out, and it does. Then a packet that the dead owner may have received is refused,
# none that comes now is, and no ESP sequence number is used twice.
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# notifies BOX EXCHANGE: source and types of the notifies in its messages, of the capture "all".
notifies() {
	WIRESHARK_CONFIG_DIR="$LAB_DIR/$1/wireshark" tshark -n -r "$LAB_DIR/$1/all.pcap" \
		-Y "isakmp.exchangetype == $2" -T fields -e ip.src -e isakmp.messageid -e isakmp.notify.msgtype 2>/dev/null
}

# counter COMMAND... NAME: the value of a row of show counters, as COMMAND runs it; it has no row for what is 0.
counter() {
	"${@:1:$#-1}" show counters | awk -v name="${*: -1}" '$2 == name { n = $3 } END { print n + 0 }'
}

answered() {
	[ "$(counter peer_hf replay-counter-syncs-answered)" -ge 1 ]
}

# inject FILE: sends the last ESP packet of a capture once more, from the box "watch".
inject() {
	in_box watch python3 - "$1" <<-'PYTHON'
	import socket, struct, sys
	data, at, last = open(sys.argv[1], "rb").read(), 24, None
	while at + 16 <= len(data):
	    kept = struct.unpack_from("<IIII", data, at)[2]
	    last, at = data[at + 16 + 14:at + 16 + kept], at + 16 + kept
	s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
	s.sendto(last, (socket.inet_ntoa(last[16:20]), 0))
	PYTHON
}

lab_up || fail "the topology does not come up"
egress_start && capture_start peer egress outside -Q out || fail "no captures"
capture_start peer all outside udp port 500 or udp port 4500 || fail "no capture"
lab_start_pair || fail "the pair does not come up"
lab_start_peer_holdfast || fail "the third Holdfast does not come up"
wait_for 10 "a ping" ping_through 1 || fail "no ping through the tunnel"
before=$(peer_hf_identity)
active=$(active_node)
mate=$(other "$active")

flow_start takeover 1000 60
sleep 3
capture_start peer late outside -Q out ip proto 50 || fail "no capture"
sleep 0.3
start=$(now_ms)
lab_kill9 "n$active" holdfastd
wait_for 5 "n$mate is active" is_active "$mate" || fail "n$mate does not take over"
capture_stop peer late || fail "the capture is not complete"
wait_for 10 "the peer was asked" answered || {
	hf "$mate" show counters
	fail "the peer was never asked to leave numbers out"
}
asked=$(($(now_ms) - start))
sleep 1
flow_stop takeover || fail "the flow left no report"
echo "figure: gap $(flow_gap takeover) ms, the peer has left numbers out after $asked ms"
[ "$(peer_hf_identity)" = "$before" ] || fail "the peer has another IKE SA"

# What comes now comes through; what came once is refused, also by an owner who never saw it.
flow_start after 1000 60
sleep 2
flow_stop after || fail "the flow left no report"
[ "$(flow_lost after)" = 0 ] || fail "$(flow_lost after) packets lost behind the synchronization"
for reason in in-REPLAY in-REPLAY_OLD; do
	[ "$(counter hf "$mate" $reason)" = 0 ] || fail "n$mate: $reason"
	[ "$(counter peer_hf $reason)" = 0 ] || fail "the peer: $reason"
done
inject "$LAB_DIR/peer/late.pcap" || fail "nothing injected"
sleep 0.3
[ $(($(counter hf "$mate" in-REPLAY) + $(counter hf "$mate" in-REPLAY_OLD))) = 1 ] ||
	fail "a packet that the former owner may have received is not refused"

capture_stop peer all || fail "the capture is not complete"
mkdir -p "$LAB_DIR/peer/wireshark"
cp "$LAB_DIR/peer/keys/ikev2_decryption_table" "$LAB_DIR/peer/wireshark/"
notifies peer 35 | grep -c 16421 | sed 's/^/IKE_AUTH messages that offer IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED: /'
[ "$(notifies peer 35 | grep 16421 | awk '{ print $1 }' | sort -u | wc -l)" = 2 ] || fail "not offered by both"
notifies peer 37 | grep 16423 | sort -u | sed 's/^/INFORMATIONAL notifies: /'
notifies peer 37 | grep 16423 | grep -q "^$SERVICE" || fail "no IPSEC_REPLAY_COUNTER_SYNC from the new owner"

capture_stop peer egress || fail "the capture is not complete"
"$LAB_SRC/check-capture" --esn --from $PEER --keys "$LAB_DIR/peer/keys" "peer=$LAB_DIR/peer/egress.pcap" ||
	fail "what the peer sent breaks a law"
hold_laws --esn
