#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Holdfast initiates: a packet from hosta that the crypto map protects sets the tunnel up.
LAB_BESIDE=1
LAB_LIMIT=90
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

lab_up || fail "the topology does not come up"
egress_start || fail "no captures"
lab_start_peer || fail "strongSwan does not start"
lab_start_pair || fail "the pair does not come up"
[ "$(peer_ike_sas | wc -l)" = 0 ] || fail "there is an IKE SA before any traffic"
start=$(now_ms)
wait_for 10 "an answer to a ping" ping_through 1 || fail "traffic sets up no tunnel"
echo "figure: first ping answered after $(($(now_ms) - start)) ms"
wait_for 5 "" peer_tunnel_up || fail "the peer has no tunnel"
peer_cmd --list-sas --raw | grep -q 'initiator=yes' && fail "the peer was the initiator"
ping_through 5 || fail "no ping through the tunnel"
hold_laws
