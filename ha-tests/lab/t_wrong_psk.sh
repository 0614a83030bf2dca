#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A peer with a wrong pre-shared key gets AUTHENTICATION_FAILED; the log names the peer and the tunnel-group; nothing
# half-open is left, on either node. The other way round, Holdfast refuses a peer that proves itself with a wrong key.
LAB_BESIDE=1
LAB_LIMIT=90
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"
PEER_PSK_USED=not-the-key

lab_up || fail "the topology does not come up"
egress_start || fail "no captures"
lab_start_peer || fail "strongSwan does not start"
lab_start_pair || fail "the pair does not come up"
peer_cmd --initiate --child net && fail "a tunnel with a wrong key"
grep -q 'received AUTHENTICATION_FAILED' "$LAB_DIR/peer/charon.log" || fail "no AUTHENTICATION_FAILED"
active=$(active_node)
grep -i 'auth' "$LAB_DIR/n$active/holdfastd.log" | grep -q "$PEER" || fail "the log does not name the peer"

# As initiator: the peer's answer does not verify.
wait_for 4 "an answer" ping_through 1 && fail "a ping through a tunnel that must not be"
sleep 2
peer_tunnel_up && fail "the peer has a tunnel"
for node in 1 2; do
	left=$(hf $node --json show crypto ikev2 sa | jq '.ikev2_sas | length')
	[ "$left" = 0 ] || fail "n$node: $left IKE SAs are left"
done
hold_laws
