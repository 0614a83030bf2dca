#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# strongSwan initiates, Holdfast responds (with different keys for the two directions); traffic passes both ways; the
# counters that Holdfast shows are those of the peer.
LAB_BESIDE=1
LAB_LIMIT=90
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

lab_start_tunnel
flow_start base 1000 4
flow_wait base || fail "the flow left no report"
[ "$(flow_lost base)" = 0 ] || fail "a flow of 1000 packets/s lost $(flow_lost base)"

active=$(active_node)
hf "$active" show crypto ikev2 sa detail
hf "$active" show crypto ipsec sa
peer=$(peer_cmd --list-sas --raw)
echo "$peer"
ours=$(hf "$active" --json show crypto ipsec sa) || fail "no JSON"
for pair in "encaps_packets packets-in" "decaps_packets packets-out"; do
	read -r mine theirs <<<"$pair"
	[ "$(jq "[.. | .$mine? // empty] | add" <<<"$ours")" = "$(peer_field "$theirs" "$peer")" ] ||
		fail "$mine is not the peer's $theirs"
done
hf "$(other "$active")" show crypto ikev2 sa | grep -q $PEER || fail "the standby does not hold the SA"
hold_laws
