#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bad input from the peer's own address: truncations and bit flips of every message type, ESP that is short, replayed,
# tampered or of an unknown SPI, and noise. The daemon stays, the tunnel stays, the drops are counted by reason, the log
# does not flood and memory does not grow from one round to the next.
LAB_BESIDE=1
LAB_LIMIT=240
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"
LEAK_KB=2048
LOG_LINES=3000

rss_kb() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$(lab_pid "n$active" holdfastd)/status"
}

garbage() {
	in_box peer "$LAB_SRC/garbage" "$LAB_DIR/peer/seen.pcap" $PEER $SERVICE --seed "$1" || fail "no garbage was sent"
	lab_alive "n$active" holdfastd || fail "round $1 ended the daemon"
}

lab_up && lab_start_peer && lab_start_pair || fail "the pair does not come up"
capture_start peer seen outside -Q out "$FILTER_VPN" || fail "no capture"
peer_cmd --initiate --child net && ping_through 5 || fail "no tunnel"
peer_cmd --rekey --child net && peer_cmd --rekey --ike lab || fail "no rekey"
ping_through 5 || fail "no ping after the rekeys"
capture_stop peer seen || fail "the capture is not complete"
before=$(peer_identity)
active=$(active_node)

garbage 1
sleep 2
first=$(rss_kb)
for round in 2 3 4; do
	garbage $round
done
sleep 2
last=$(rss_kb)
lines=$(wc -l <"$LAB_DIR/n$active/holdfastd.log")
hf "$active" show counters
counters=$(hf "$active" show counters | grep -cE '(ESP|IKEV2) ')
echo "figure: RSS $first kB after the first round, $last kB after the fourth; $lines log lines; $counters counted reasons"
[ $((last - first)) -lt $LEAK_KB ] || fail "memory grew by $((last - first)) kB in three rounds"
[ "$lines" -lt $LOG_LINES ] || fail "the log has $lines lines"
[ "$counters" -ge 5 ] || fail "only $counters reasons are counted"
is_active "$active" || fail "the owner changed"
ping_through 5 || fail "no ping through the tunnel"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"
