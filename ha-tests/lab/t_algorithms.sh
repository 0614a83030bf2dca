#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every cipher, integrity algorithm, PRF and group that Holdfast offers, with strongSwan: set up by the peer, a rekey of
# each kind, traffic, and the same again on the next owner.
LAB_BESIDE=1
LAB_LIMIT=180
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# IKE encryption, integrity, PRF, group; ESP encryption, integrity, PFS group; strongSwan's words for both.
SETS=(
	"aes-256 sha512 sha512 14 aes sha-256 31 aes256-sha512-prfsha512-modp2048 aes128-sha256-x25519"
	"aes sha256 sha256 15 aes-192 sha-384 14 aes128-sha256-prfsha256-modp3072 aes192-sha384-modp2048"
	"aes-192 sha384 sha384 31 aes-256 sha-512 21 aes192-sha384-prfsha384-x25519 aes256-sha512-ecp521"
	"aes-gcm null sha384 20 aes-gcm null - aes128gcm16-prfsha384-ecp384 aes128gcm16"
	"aes-gcm-192 null sha512 21 aes-gcm-192 null 20 aes192gcm16-prfsha512-ecp521 aes192gcm16-ecp384"
	"aes-gcm-256 null sha256 16 aes-gcm-256 null 16 aes256gcm16-prfsha256-modp4096 aes256gcm16-modp4096"
)

lab_up || fail "the topology does not come up"
egress_start || fail "no captures"
lab_start_corosync 1
lab_start_corosync 2
wait_for 20 "quorate" quorate 1 && wait_for 5 "quorate" quorate 2 || fail "Corosync is not quorate"

for set in "${SETS[@]}"; do
	read -r HF_IKE_ENCR HF_IKE_INTEG HF_IKE_PRF HF_IKE_GROUP HF_ESP_ENCR HF_ESP_INTEG pfs PEER_IKE_PROPOSALS \
		PEER_ESP_PROPOSALS <<<"$set"
	HF_PFS="crypto map OUT 10 set pfs group$pfs"
	[ "$pfs" != - ] || HF_PFS=""
	lab_start_daemon 1
	lab_start_daemon 2
	lab_start_peer || fail "strongSwan does not start"
	wait_for 15 "protected" pair_protected || fail "$set: the pair does not come up"
	peer_cmd --initiate --child net || fail "$set: no tunnel"
	ping_through 2 || fail "$set: no traffic"
	active=$(active_node)
	lab_kill9 "n$active" holdfastd
	wait_for 5 "carries" ping_through 1 || fail "$set: dead after the takeover"
	peer_cmd --rekey --child net || fail "$set: no rekey of the CHILD SA"
	peer_cmd --rekey --ike lab || fail "$set: no rekey of the IKE SA"
	ping_through 2 || fail "$set: no traffic after the rekeys"
	peer_cmd --list-sas | grep -E 'HMAC|GCM'
	echo "figure: $PEER_IKE_PROPOSALS / $PEER_ESP_PROPOSALS: up, taken over, rekeyed"
	lab_kill9 "n$(other "$active")" holdfastd
	lab_stop peer charon
done
hold_laws
