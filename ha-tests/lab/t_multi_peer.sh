#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A crypto map entry with three strongSwan peers. The peer index moves 1 -> 2 -> 3 -> 1 over peers that do not answer;
# each row of its table (Cisco's "Multiple peer index transition under specific conditions") comes about before and after
# a failover; kill -9 and a switchover keep it. LAB_LONG=1 also waits for the rows that take minutes.
LAB_LIMIT=1500
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# --- three peers, the first of which is the lab's own ---------------------------------------------------
#
#	outside 192.0.2.0/24 ---+----------------+----------------+
#	                        | .2             | .3             | .4
#	                      peer             peer2            peer3      203.0.113.1 is at each of them

BOXES=(peer peer2 peer3)
ADDRESSES=("$PEER" 192.0.2.3 192.0.2.4)
PROBE=203.0.113.1

add_peer() {
	lab_box "$1" || fail "no box $1"
	lab_wire "$1" outside br-out
	in_box "$1" ip addr add "$2/24" dev outside
	in_box "$1" ip addr add $PROBE/24 dev lo
}

# peer_conf K: what is wrong at a peer is in PEER_IKE_PROPOSALS, PEER_ESP_PROPOSALS, PEER_PSK_USED and PEER_TS.
peer_conf() {
	lab_swanctl_conf "${ADDRESSES[$1]}" "$SERVICE" "${PEER_TS:-203.0.113.0/24}" 198.51.100.0/24 \
		"${PEER_PSK_USED:-$PEER_PSK}" "$HF_PSK" >"$LAB_DIR/${BOXES[$1]}/swanctl.conf"
}

peer_load() {
	peer_conf "$1"
	in_box "${BOXES[$1]}" cp "$LAB_DIR/${BOXES[$1]}/swanctl.conf" /etc/swanctl/swanctl.conf
	in_box "${BOXES[$1]}" timeout 10 swanctl --load-all --clear >"$LAB_DIR/${BOXES[$1]}/load.log" 2>&1 ||
		fail "${BOXES[$1]} does not load its configuration"
}

cable() {
	ip link set "${BOXES[$1]}-outside" "$2"
}

# --- Holdfast -------------------------------------------------------------------------------------------

groups() {
	local address
	for address in "${ADDRESSES[@]:1}"; do
		printf '%s\n' "crypto map OUT 10 set peer $address" "tunnel-group $address type ipsec-l2l" \
			"tunnel-group $address ipsec-attributes" \
			" ikev2 remote-authentication pre-shared-key $PEER_PSK" \
			" ikev2 local-authentication pre-shared-key $HF_PSK" \
			" isakmp keepalive threshold 10 retry 2"
	done
}

# A retransmission after 200 ms, the final one after 400 more: the next peer after 1.4 s.
HF_EXTRA="$(groups)
crypto ikev2 sa-init-retransmit 1 interval 200
crypto map OUT 10 set security-association lifetime kilobytes 100
crypto map OUT 10 set ikev1 transform-set OLD"

# Both nodes take a new configuration, as HF_* say.
reload() {
	local node
	for node in 1 2; do
		lab_holdfast_conf $node >"$LAB_DIR/n$node/holdfast.conf"
		on_node $node install -m 600 "$LAB_DIR/n$node/holdfast.conf" /etc/holdfast/holdfast.conf
		lab_signal n$node holdfastd HUP
	done
	sleep 0.3
}

# index_of N: "INDEX GENERATION REASON", as show crypto map of that node has it.
index_of() {
	on_node "$1" timeout 5 "$HOLDFAST" --json show crypto map |
		jq -r '.crypto_maps[0] | "\(.peer_index) \(.generation) \(.reason)"'
}

# is_index N INDEX REASON
is_index() {
	local index generation reason
	read -r index generation reason < <(index_of "$1")
	[ "$index" = "$2" ] && [ "$reason" = "$3" ] && [ -n "$generation" ]
}

# expect INDEX REASON [SECONDS]: it comes about, and is in no other way than this.
expect() {
	wait_for "${3:-5}" "" is_index "$active" "$1" "$2" ||
		fail "$round: expected peer index $1 because of '$2', found: $(index_of "$active")"
}

# forget K: the peer that was cut off gives its SAs up too.
forget() {
	in_box "${BOXES[$1]}" timeout 10 swanctl --terminate --force --ike lab >"$LAB_DIR/${BOXES[$1]}/forget.log" 2>&1
}

has_child() {
	in_box "$1" timeout 5 swanctl --list-sas --raw | grep -q 'state=ESTABLISHED.*state=INSTALLED'
}

probe() {
	in_box hosta ping -n -q -c 1 -W 1 $PROBE
}

# carried_by K: traffic is carried, by that peer and no other.
carried_by() {
	local k
	wait_for 15 "" probe || fail "$round: traffic sets up no tunnel"
	for k in 0 1 2; do
		if [ $k = "$1" ]; then
			has_child "${BOXES[k]}" || fail "$round: ${BOXES[k]} has no tunnel"
		else
			has_child "${BOXES[k]}" && fail "$round: ${BOXES[k]} has a tunnel, not only ${BOXES[$1]}"
		fi
	done
}

clear_ike() {
	hf "$active" clear crypto ikev2 sa >/dev/null || fail "$round: no clear"
	sleep 0.5
}

# begin: no SA, and the first peer is the current one: the clear resets the index when there is a tunnel.
begin() {
	local k
	for k in 0 1 2; do
		cable "$k" up
	done
	if [ "$(index_of "$active" | cut -d' ' -f1)" != 0 ]; then
		wait_for 15 "" probe || fail "$round: no tunnel with any peer"
	fi
	clear_ike
	[ "$(index_of "$active" | cut -d' ' -f1)" = 0 ] || fail "$round: the index is $(index_of "$active")"
}

# traffic_on: traffic that goes on, until traffic_off.
traffic_on() {
	lab_spawn hosta traffic ping -n -q -i 0.3 $PROBE
}

traffic_off() {
	lab_stop hosta traffic
}

# A tunnel with the second peer, because the first did not answer.
up_with_second() {
	begin
	cable 0 down
	carried_by 1
	expect 1 "Peer not reachable"
	cable 0 up
}

passed() {
	echo "figure: $round: $*"
}

# --- the rows -------------------------------------------------------------------------------------------

row_unreachable() {
	local start k
	begin
	for k in 0 1 2; do
		cable "$k" down
	done
	start=$(now_ms)
	traffic_on
	expect 1 "Peer not reachable" 10
	expect 2 "Peer not reachable" 10
	expect 0 "Peer not reachable" 10
	passed "1 -> 2 -> 3 -> 1 over dead peers in $(($(now_ms) - start)) ms"
	cable 2 up
	carried_by 2
	traffic_off
	expect 2 "Peer not reachable"
	passed "'Peer not reachable' moves the index, three times around to the peer that answers"
}

# row_mismatch REASON VARIABLE=VALUE: the first peer is wrong, the second is not.
row_mismatch() {
	local reason=$1
	begin
	(export "${2?}" && peer_load 0) || exit 1
	carried_by 1
	expect 1 "$reason"
	peer_load 0
	passed "'$reason' moves the index"
}

row_dpd() {
	begin
	carried_by 0
	cable 0 down
	expect 1 "DPD ack not received" 40
	forget 0
	carried_by 1
	passed "'DPD ack not received' moves the index"
}

row_rekey_mismatch() {
	up_with_second
	HF_ESP_ENCR=aes-gcm reload
	# 100 kB are used up: it is rekeyed, with what the peer does not have.
	in_box hosta ping -n -q -c 100 -i 0.01 -s 1200 $PROBE >/dev/null 2>&1
	expect 0 "Rekey failure due to proposal mismatch" 10
	reload
	passed "'Rekey failure due to proposal mismatch' resets the index"
}

row_rekey_unreachable() {
	up_with_second
	cable 1 down
	in_box hosta ping -n -q -c 150 -i 0.01 -s 1200 $PROBE >/dev/null 2>&1
	expect 0 "Rekey failure due to peer not reachable" 90
	forget 1
	cable 1 up
	passed "'Rekey failure due to peer not reachable' resets the index"
}

row_modified() {
	up_with_second
	reload
	expect 1 "Peer not reachable"
	HF_CHILD_LIFETIME=28000 reload
	expect 0 "Crypto map modification"
	reload
	passed "'Crypto map modification' resets the index, an unchanged configuration keeps it"
}

row_clear() {
	up_with_second
	clear_ike
	expect 0 "Clear crypto IKEv2 SA"
	carried_by 0
	passed "'Clear crypto IKEv2 SA' resets the index"
	up_with_second
	hf "$active" clear ipsec sa >/dev/null || fail "$round: no clear ipsec sa"
	expect 0 "Clear ipsec sa"
	carried_by 0
	passed "'Clear ipsec sa' resets the index"
}

# The peer refuses to rekey the IKE SA with another group; so it expires.
row_timeout() {
	HF_IKE_LIFETIME=120 reload
	up_with_second
	HF_IKE_LIFETIME=120 HF_IKE_GROUP=20 reload
	expect 0 "Rekey failure due to proposal mismatch" 120
	expect 0 "IKEv2 SA timeout" 60
	reload
	passed "'IKEv2 SA timeout' resets the index"
}

row_responder() {
	begin
	in_box peer2 timeout 20 swanctl --initiate --child net >"$LAB_DIR/peer2/initiate.log" 2>&1 &&
		fail "$round: a peer that is not the current one may set up a tunnel"
	in_box peer timeout 20 swanctl --initiate --child net >"$LAB_DIR/peer/initiate.log" 2>&1 ||
		fail "$round: the current peer may not set up a tunnel"
	carried_by 0
	passed "only the current peer is answered"
}

row_manual() {
	begin
	hf "$active" initiate crypto map OUT 10 || fail "$round: no manual trigger"
	wait_for 5 "" has_child peer || fail "$round: the manual trigger sets up no tunnel"
	passed "a manual trigger sets the tunnel up"
}

rows() {
	row_unreachable
	row_mismatch "Phase 1 proposal mismatch" PEER_IKE_PROPOSALS=aes128gcm16-prfsha256-ecp384
	row_mismatch "Phase 2 proposal mismatch" PEER_ESP_PROPOSALS=aes128gcm16-ecp256
	row_mismatch "Traffic selectors mismatch during AUTH phase" PEER_TS=203.0.114.0/24
	row_mismatch "Authentication failure" PEER_PSK_USED=wrong
	row_dpd
	row_rekey_mismatch
	row_modified
	row_clear
	row_responder
	row_manual
	[ -z "${LAB_LONG:-}" ] || row_rekey_unreachable
	[ -z "${LAB_LONG:-}" ] || row_timeout
}

# --- failover -------------------------------------------------------------------------------------------

restart_dead() {
	lab_start_daemon "$1"
	wait_for 15 "protected again" pair_protected || fail "$round: not protected again"
}

# kept WHAT: the new owner has the index, its generation and reason, and carries the tunnel on.
kept() {
	[ "$(index_of "$active")" = "$was" ] || fail "$1: the index was $was, now $(index_of "$active")"
	carried_by 1
	[ "$(index_of "$active")" = "$was" ] || fail "$1: the index was $was, now $(index_of "$active")"
	passed "$1 keeps the index: $was"
}

switch_to_other() {
	hf "$(other "$active")" failover active || fail "no switchover"
	wait_for 10 "a switchover" is_active "$(other "$active")" || fail "no switchover"
	active=$(other "$active")
	wait_for 15 "protected" pair_protected || fail "not protected after the switchover"
}

kill_owner() {
	lab_kill9 "n$active" holdfastd
	active=$(other "$active")
	wait_for 5 "a takeover" is_active "$active" || fail "no takeover"
}

# Between two peers: the one that died has moved the index; the next owner never tries the peer before.
killed_between_peers() {
	local before
	begin
	read -r _ before _ < <(index_of "$active")
	cable 0 down
	cable 1 down
	traffic_on
	expect 1 "Peer not reachable" 10
	capture_start watch between outside "udp port 500 and src host $SERVICE and dst host ${ADDRESSES[0]}"
	local dead=$active
	kill_owner
	expect 2 "Peer not reachable" 10
	carried_by 2
	traffic_off
	[ "$(index_of "$active" | cut -d' ' -f2)" = $((before + 2)) ] ||
		fail "the generation was $before, now: $(index_of "$active")"
	capture_stop watch between || fail "the capture is not complete"
	[ "$(count_packets watch between ip)" = 0 ] || fail "the next owner goes back to the first peer"
	passed "killed between two peers, the next owner goes on with the second"
	restart_dead "$dead"
}

lab_up || fail "the topology does not come up"
add_peer peer2 192.0.2.3
add_peer peer3 192.0.2.4
egress_start || fail "no captures"
for k in 0 1 2; do
	peer_conf $k
	lab_start_charon "${BOXES[k]}" || fail "strongSwan does not start in ${BOXES[k]}"
done
lab_start_pair || fail "the pair does not come up"
active=$(active_node) || fail "no active node"

round="before a failover"
rows
round="failover"
up_with_second
was=$(index_of "$active")
switch_to_other
kept "a switchover"
dead=$active
kill_owner
kept "kill -9"
restart_dead "$dead"
killed_between_peers
round="after a failover"
rows
hf "$active" show crypto map
hold_laws
