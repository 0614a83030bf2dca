#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A crypto map entry with three strongSwan peers. The peer index moves 1 -> 2 -> 3 -> 1 over peers that do not answer;
# each row of its table (Cisco's "Multiple peer index transition under specific conditions") comes about before and after
# a failover; kill -9 and a switchover keep it.
LAB_BESIDE=1
LAB_LIMIT=500
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
RENUMBERED=203.0.114.1

add_peer() {
	lab_box "$1" || fail "no box $1"
	lab_wire "$1" outside br-out
	in_box "$1" ip addr add "$2/24" dev outside
	in_box "$1" ip addr add $PROBE/24 dev lo
}

# peer_conf K: what is wrong at a peer is in PEER_IKE_PROPOSALS, PEER_ESP_PROPOSALS, PEER_PSK_USED and PEER_TS; the
# address that it has behind a NAT in PEER_BEHIND_NAT.
peer_conf() {
	lab_swanctl_conf "${ADDRESSES[$1]}" "$SERVICE" "${PEER_TS:-203.0.113.0/24}" 198.51.100.0/24 \
		"${PEER_PSK_USED:-$PEER_PSK}" "$HF_PSK" |
		sed "s/local_addrs = .*/local_addrs = ${PEER_BEHIND_NAT:-${ADDRESSES[$1]}}/" >"$LAB_DIR/${BOXES[$1]}/swanctl.conf"
}

peer_load() {
	peer_conf "$1"
	in_box "${BOXES[$1]}" cp "$LAB_DIR/${BOXES[$1]}/swanctl.conf" /etc/swanctl/swanctl.conf
	in_box "${BOXES[$1]}" timeout 10 swanctl --load-all --clear >"$LAB_DIR/${BOXES[$1]}/load.log" 2>&1 ||
		fail "${BOXES[$1]} does not load its configuration"
}

# nat_peer2 ADDRESS: the second peer is behind a static NAT, and has that address. nat_peer2_off: as before.
nat_peer2() {
	nat_peer2_off
	in_box peer2 nft -f - <<-NFT || fail "no NAT in peer2"
	table ip static {
		chain in {
			type filter hook prerouting priority raw
			ip daddr ${ADDRESSES[1]} udp dport { 500, 4500 } ip daddr set $1
		}
		chain out {
			type filter hook postrouting priority raw
			ip saddr { $PROBE, $RENUMBERED } udp sport { 500, 4500 } ip saddr set ${ADDRESSES[1]}
		}
	}
	NFT
}

nat_peer2_off() {
	in_box peer2 nft delete table ip static 2>/dev/null
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

# A retransmission after 100 ms, the final one after 200 more: the next peer after 0.7 s. Other requests: 1.4 s.
HF_EXTRA="$(groups)
crypto ikev2 sa-init-retransmit 1 interval 100
crypto ikev2 retransmit 1 interval 200
crypto map OUT 10 set security-association lifetime kilobytes 100
crypto map OUT 10 set ikev1 transform-set OLD"

loads() {
	grep -c 'configuration loaded' "$LAB_DIR/n$active/holdfastd.log"
}

# reloaded LOADS: the active node has loaded its file once more than that, and the standby has what it has.
reloaded() {
	local digest
	[ "$(loads)" -gt "$1" ] || return 1
	digest=$(hf 1 --json show failover | jq -r .failover.this_host.config_digest)
	[ -n "$digest" ] && [ "$digest" = "$(hf 2 --json show failover | jq -r .failover.this_host.config_digest)" ]
}

# Both nodes take a new configuration, as HF_* say.
reload() {
	local node loads
	loads=$(loads)
	for node in 1 2; do
		lab_holdfast_conf $node >"$LAB_DIR/n$node/holdfast.conf"
		on_node $node cp "$LAB_DIR/n$node/holdfast.conf" /etc/holdfast/holdfast.conf
		lab_signal n$node holdfastd HUP
	done
	wait_for 10 "" reloaded "$loads" || fail "$round: a reload is not in force on both nodes"
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
declare -A seen=()
expect() {
	seen[$2]=1
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
	in_box hosta ping -n -q -c 1 -W 0.3 $PROBE
}

# The lifetime of the CHILD SA in kilobytes: it has to be rekeyed.
use_up() {
	in_box hosta ping -n -q -c 100 -i 0.005 -W 0.2 -s 1200 $PROBE >/dev/null 2>&1
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

no_sa() {
	[ "$(hf "$active" --json show crypto ikev2 sa | jq '.ikev2_sas | length')" = 0 ]
}

clear_ike() {
	hf "$active" clear crypto ikev2 sa >/dev/null || fail "$round: no clear"
	wait_for 5 "" no_sa || fail "$round: there is an IKE SA after the clear"
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
	# After a whole round traffic waits 5 s, an operator does not.
	hf "$active" initiate crypto map OUT 10 || fail "$round: no manual trigger"
	carried_by 2
	traffic_off
	expect 2 "Peer not reachable"
	passed "'Peer not reachable' moves the index, three times around to the peer that answers"
}

# What the log says of an attempt that failed with both IKE versions, and of the next one.
MOVED="752003 752012 752014 752012 752015 752003 752016"

# said_since LINE: the numbers 752xxx behind that line of the log.
said_since() {
	sed "1,$1d" "$LAB_DIR/n$active/holdfastd.log" | sed -n 's/.*%ASA-.-\(752...\):.*/\1/p' | paste -sd ' '
}

# row_mismatch REASON VARIABLE=VALUE: the first peer is wrong, the second is not.
row_mismatch() {
	local reason=$1 from
	begin
	(export "${2?}" && peer_load 0) || exit 1
	from=$(wc -l <"$LAB_DIR/n$active/holdfastd.log")
	carried_by 1
	expect 1 "$reason"
	[ "$(said_since "$from")" = "$MOVED" ] || fail "$round: '$reason' was logged as $(said_since "$from")"
	peer_load 0
	passed "'$reason' moves the index"
}

# A peer that is silent would cost 12.7 s, one that refuses is left after the third time.
row_phase1() {
	local start
	HF_EXTRA="$HF_EXTRA
	crypto ikev2 sa-init-retransmit 5 interval 100" reload
	start=$(now_ms)
	row_mismatch "Phase 1 proposal mismatch" PEER_IKE_PROPOSALS=aes128gcm16-prfsha256-ecp384
	[ $(($(now_ms) - start)) -lt 6000 ] || fail "$round: the peer that refused was left after $(($(now_ms) - start)) ms"
	grep -q 'NO_PROPOSAL_CHOSEN in answer to IKE_SA_INIT, sent 3 times' "$LAB_DIR/n$active/holdfastd.log" ||
		fail "$round: not left after three refusals"
	reload
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
	# It is rekeyed with what the peer does not have.
	use_up
	expect 0 "Rekey failure due to proposal mismatch" 10
	reload
	passed "'Rekey failure due to proposal mismatch' resets the index"
}

# The peer protects its own address, and gets another one. strongSwan learns of it with the next IKE SA; what it
# answers to a rekey of the CHILD SA with the old address is TS_UNACCEPTABLE.
row_rekey_ts() {
	nat_peer2 $PROBE
	PEER_BEHIND_NAT=$PROBE PEER_TS=dynamic peer_load 1
	up_with_second
	nat_peer2 $RENUMBERED
	in_box peer2 timeout 10 swanctl --rekey --ike lab >"$LAB_DIR/peer2/rekey.log" 2>&1 ||
		fail "$round: the peer does not rekey the IKE SA"
	use_up
	expect 0 "Traffic selectors mismatch during rekey" 10
	grep -q 'N(TS_UNACCEPT)' "$LAB_DIR/peer2/charon.log" || fail "$round: strongSwan did not answer TS_UNACCEPTABLE"
	clear_ike
	nat_peer2_off
	peer_load 1
	passed "'Traffic selectors mismatch during rekey' resets the index"
}

row_rekey_unreachable() {
	up_with_second
	cable 1 down
	use_up
	expect 0 "Rekey failure due to peer not reachable" 10
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

# The peer is out of reach and the rekey of its CHILD SA, which is asked 12.4 s long, is not given up yet when the lifetime
# of the IKE SA ends: nothing has reset the index before.
row_timeout() {
	local before
	HF_IKE_LIFETIME=10 HF_EXTRA="$HF_EXTRA
	crypto ikev2 retransmit 3 interval 400" reload
	up_with_second
	read -r _ before _ < <(index_of "$active")
	cable 1 down
	use_up
	expect 0 "IKEv2 SA timeout" 15
	[ "$(index_of "$active" | cut -d' ' -f2)" = $((before + 1)) ] ||
		fail "$round: the index was reset otherwise before: $(index_of "$active"), generation $before"
	forget 1
	cable 1 up
	wait_for 8 "" no_sa || fail "$round: the IKE SA that has expired stays"
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

# THE table; HA switchover has its turn between the two rounds.
TABLE=("Peer not reachable" "Phase 1 proposal mismatch" "Phase 2 proposal mismatch" "DPD ack not received"
	"Traffic selectors mismatch during AUTH phase" "Authentication failure"
	"Rekey failure due to peer not reachable" "Rekey failure due to proposal mismatch"
	"Traffic selectors mismatch during rekey" "Crypto map modification" "Clear crypto IKEv2 SA" "Clear ipsec sa"
	"IKEv2 SA timeout")

rows() {
	local reason
	seen=()
	row_unreachable
	row_phase1
	row_mismatch "Phase 2 proposal mismatch" PEER_ESP_PROPOSALS=aes128gcm16-ecp256
	row_mismatch "Traffic selectors mismatch during AUTH phase" PEER_TS=203.0.114.0/24
	row_mismatch "Authentication failure" PEER_PSK_USED=wrong
	row_dpd
	row_rekey_unreachable
	row_rekey_mismatch
	row_rekey_ts
	row_modified
	row_clear
	row_timeout
	row_responder
	row_manual
	for reason in "${TABLE[@]}"; do
		[ -n "${seen[$reason]:-}" ] || fail "$round: no row for '$reason'"
	done
}

# --- failover -------------------------------------------------------------------------------------------

restart_dead() {
	lab_start_daemon "$1"
	wait_for 15 "protected again" pair_protected || fail "$round: not protected again"
}

# map_text INDEX GENERATION REASON: show crypto map in the ASA's shape.
map_text() {
	local address
	echo 'Crypto Map "OUT" 10 ipsec-isakmp'
	for address in "${ADDRESSES[@]}"; do
		echo "        Peer = $address"
	done
	cat <<-MAP
	        Extended IP access list LAB
	            access-list LAB extended permit ip 198.51.100.0 255.255.255.0 203.0.113.0 255.255.255.0
	        Current peer: ${ADDRESSES[$1]}
	        Peer index: $1, generation: $2, reason: $3
	        Security association lifetime: 100 kilobytes/28800 seconds
	        PFS (Y/N): Y
	        DH group:  group19
	        IKEv2 proposals={ GCM, }
	        IKEv1: configured, not available
	        Interfaces using crypto map OUT:
	                outside

	MAP
}

# shows N WHAT: node N has the index, its generation and reason as they were.
shows() {
	local index generation reason
	read -r index generation reason <<<"$was"
	diff <(map_text "$index" "$generation" "$reason") <(hf "$1" show crypto map) ||
		fail "$2: n$1 shows another crypto map than before"
}

# kept WHAT: the new owner has the index, its generation and reason, and carries the tunnel on.
kept() {
	shows "$active" "$1"
	carried_by 1
	shows "$active" "$1"
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
in_box peer2 ip addr add $RENUMBERED/32 dev lo
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
shows "$active" "before"
shows "$(other "$active")" "before, the standby"
switch_to_other
kept "a switchover"
shows "$(other "$active")" "a switchover, the standby"
dead=$active
kill_owner
kept "kill -9"
restart_dead "$dead"
shows "$dead" "kill -9, the standby that came back"
killed_between_peers
round="after a failover"
rows
hold_laws
