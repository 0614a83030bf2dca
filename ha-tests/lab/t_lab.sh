#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lab itself, without Holdfast: Corosync is encrypted and quorate, strongSwan in the place of the pair has a tunnel
# with the peer, a flow loses nothing in it, and the captures are complete, lawful and decrypted with the peer's keys.
LAB_BESIDE=1
LAB_LIMIT=90
. "$(dirname "$0")/lab.sh"
[ -x "$FLOW" ] || fail "flow is not built"
lab_enter "$@"
PEER_LOG=4

lab_up || fail "the topology does not come up"
lab_start_corosync 1
lab_start_corosync 2
wait_for 20 "quorate" quorate 1 && wait_for 5 "quorate" quorate 2 || fail "Corosync is not quorate"
on_node 1 corosync-cmapctl -g totem.crypto_cipher | grep -q aes256 || fail "Corosync does not encrypt"

on_node 1 ip addr add $SERVICE/24 dev outside
on_node 1 ip addr add $INSIDE_SERVICE/24 dev inside
lab_swanctl_conf $SERVICE $PEER 198.51.100.0/24 203.0.113.0/24 $HF_PSK $PEER_PSK >"$LAB_DIR/n1/swanctl.conf"
lab_start_charon n1 && lab_start_peer || fail "strongSwan does not start"
egress_start || fail "no captures"
peer_cmd --initiate --child net || fail "the peer cannot initiate"
wait_for 5 "" peer_tunnel_up || fail "no tunnel"
flow_start base 1000 3
flow_wait base || fail "the flow left no report"
[ "$(flow_lost base)" = 0 ] || fail "the flow lost $(flow_lost base) packets"
peer_cmd --rekey --child net || fail "no rekey"
ping_through 5 || fail "no ping after the rekey"
egress_stop || fail "the captures are not complete"
"$LAB_SRC/charon-keys" "$LAB_DIR/peer/charon.log" "$LAB_DIR/keys"
"$LAB_SRC/check-capture" --keys "$LAB_DIR/keys" "n1=$LAB_DIR/n1/egress.pcap" "n2=$LAB_DIR/n2/egress.pcap" ||
	fail "the captures break a law"

# A member that is gone is seen after token + consensus; the other half of the pair stays quorate.
lab_cable 2 down
start=$(now_ms)
wait_for 5 "one member" quorate 1 1 || fail "n1 does not see that n2 is gone"
echo "figure: membership change after $(($(now_ms) - start)) ms"
