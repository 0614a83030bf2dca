#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# IKE and CHILD SAs are rekeyed under a flow of 2000 packets/s each way. Every missing packet is attributed: what
# Holdfast took in it gave out, so none is lost at Holdfast. The short version sees the peer's rekeys; LAB_LONG=1 takes
# longer than two minutes, the ASA's shortest lifetime, and sees those of both sides.
LAB_LIMIT=300
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"
HF_IKE_LIFETIME=120 HF_CHILD_LIFETIME=120
if [ -z "${LAB_LONG:-}" ]; then
	SECONDS_OF_FLOW=20 CHILDREN_MIN=4
	PEER_CHILD_REKEY=5s PEER_IKE_REKEY=8s
else
	SECONDS_OF_FLOW=150 CHILDREN_MIN=3
fi

# The peer's rekeys in the long version: with lifetimes on both sides the shorter one always wins.
peer_rekeys() {
	sleep 3
	peer_cmd --rekey --child net
	sleep 3
	peer_cmd --rekey --ike lab
}

# Datagrams that carry a flow packet of 128 bytes: 28 + 128 + trailer 4, ESP 8, IV 8, ICV 16, UDP 8.
FILTER_FLOW='udp port 4500 and udp[4:2] = 200'

lab_start_tunnel
active=$(active_node)
capture_start "n$active" flow-in outside -Q in "$FILTER_FLOW" || fail "no capture"
capture_start "n$active" flow-out outside -Q out "$FILTER_FLOW" || fail "no capture"
flow_start rekey 2000 $SECONDS_OF_FLOW
[ -z "${LAB_LONG:-}" ] || peer_rekeys &
flow_wait rekey || fail "the flow left no report"
capture_stop "n$active" flow-in && capture_stop "n$active" flow-out || fail "the captures are not complete"

# The trailers have the size of the flow's packets: 20 each way.
trailers=20
from_a=$(jq .sent "$LAB_DIR/hosta/rekey.json")
to_a=$(jq .received "$LAB_DIR/hosta/rekey.json")
out=$(($(count_packets "n$active" flow-out "$FILTER_FLOW") - trailers))
in=$(($(count_packets "n$active" flow-in "$FILTER_FLOW") - trailers))
children=$(grep -cE '(\] |outbound )CHILD_SA net\{[0-9]+\} established' "$LAB_DIR/peer/charon.log")
ikes=$(grep -c 'IKE_SA lab\[[0-9]*\] \(rekeyed\|established\) between' "$LAB_DIR/peer/charon.log")
echo "figure: $children CHILD SAs, $ikes IKE SAs; lost $(flow_lost rekey) in all; at Holdfast: $((from_a - out)) out, $((in - to_a)) in"
show_counters
[ "$children" -ge $CHILDREN_MIN ] && [ "$ikes" -ge 2 ] || fail "too few rekeys"
if [ -n "${LAB_LONG:-}" ]; then
	grep -q 'parsed CREATE_CHILD_SA request .* N(REKEY_SA)' "$LAB_DIR/peer/charon.log" || fail "Holdfast rekeyed no CHILD SA"
	[ "$ikes" -ge 3 ] || fail "Holdfast rekeyed no IKE SA"
fi
[ $((from_a - out)) -le 0 ] || fail "$((from_a - out)) packets of hosta were lost at Holdfast"
[ $((in - to_a)) -le 0 ] || fail "$((in - to_a)) packets for hosta were lost at Holdfast"
[ "$(flow_gap rekey)" -lt 1000 ] || fail "a silence of $(flow_gap rekey) ms"
wait_for 5 "" peer_tunnel_up || fail "the tunnel does not stand"
hold_laws
