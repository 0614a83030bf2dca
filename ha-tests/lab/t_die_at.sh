#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 at every message boundary (holdfastd --impair die-at=...): at four points of every exchange, as requester and
# as responder. No death costs a tunnel: the exchange is finished by the next owner, and one tunnel stands that carries
# traffic. Each run says where it died. LAB_LONG=1 runs the whole matrix; the short version one point of each row.
#
#   DIE_AT="after-commit:IKE_AUTH:response:auth ..."  runs only these
LAB_BESIDE=1
LAB_LIMIT=${LAB_LONG:+3000}
LAB_LIMIT=${LAB_LIMIT:-590}
. "$(dirname "$0")/lab.sh"
need_holdfast
need_impairments
lab_enter "$@"

POINTS=(before-commit after-commit before-send after-send)
# exchange:direction:what brings it about
ROWS=(
	IKE_SA_INIT:response:peer-initiates
	IKE_AUTH:response:peer-initiates
	IKE_SA_INIT:request:we-initiate
	IKE_AUTH:request:we-initiate
	CREATE_CHILD_SA:response:peer-rekeys-child
	CREATE_CHILD_SA:response:peer-rekeys-ike
	INFORMATIONAL:response:peer-deletes-child
	INFORMATIONAL:response:peer-asks-liveness
	CREATE_CHILD_SA:request:we-rekey-child
	CREATE_CHILD_SA:request:we-rekey-ike
	INFORMATIONAL:request:we-ask-liveness
	INFORMATIONAL:request:we-delete
)
LONG_ROWS=' we-rekey-child we-rekey-ike '       # wait for the ASA's shortest lifetime, two minutes

# The ping comes first: it is what makes the next owner set a tunnel up that no record knew.
tunnel_carries() {
	ping_through 1 && peer_tunnel_up
}

# How often the peer has seen an IKE_AUTH succeed.
authentications() {
	grep -c 'IKE_SA lab\[[0-9]*\] established between' "$LAB_DIR/peer/charon.log"
}

# Both daemons anew, the one on n1 active and with the impairment.
pair_with() {
	local node
	peer_cmd --terminate --ike lab --force --timeout 1
	for node in 1 2; do
		lab_kill9 n$node holdfastd
	done
	lab_start_daemon 1 --impair "$1"
	lab_start_daemon 2
	wait_for 15 "protected" pair_protected || fail "the pair does not come up with $1"
	is_active 1 || hf 1 failover active
	wait_for 5 "n1 is active" is_active 1 || fail "n1 does not become active"
	wait_for 5 "protected" pair_protected || fail "n1 is not protected"
}

provoke() {
	case $1 in
	peer-initiates) peer_cmd --initiate --child net ;;
	peer-rekeys-child) peer_cmd --rekey --child net ;;
	peer-rekeys-ike) peer_cmd --rekey --ike lab ;;
	peer-deletes-child) peer_cmd --terminate --child net ;;
	we-initiate) ping_through 1 ;;
	we-delete) hf 1 clear crypto ikev2 sa ;;
	*) ;;
	esac
}

lifetimes_of() {
	HF_CHILD_LIFETIME=28800 HF_IKE_LIFETIME=86400 HF_DPD=3600 PEER_DPD=0
	case $1 in
	we-rekey-child) HF_CHILD_LIFETIME=120 ;;
	we-rekey-ike) HF_IKE_LIFETIME=120 ;;
	we-ask-liveness) HF_DPD=10 ;;
	peer-asks-liveness) PEER_DPD=2s ;;
	esac
}

run_case() {
	local point=$1 exchange=$2 direction=$3 way=$4
	local impairment="die-at=$point:$exchange:$direction" before="" authenticated status
	lifetimes_of "$way"
	lab_stop peer charon
	lab_start_peer || fail "strongSwan does not start"
	pair_with "$impairment"
	case $way in
	*initiate*) ;;
	*)
		peer_cmd --initiate --child net && tunnel_carries || fail "$impairment ($way): no tunnel to begin with"
		before=$(peer_identity)
		;;
	esac
	authenticated=$(authentications)
	provoke "$way" &
	wait_for 130 "death by $impairment" lab_gone n1 holdfastd || fail "$impairment ($way): it did not die"
	wait $!
	status=$?
	grep 'impairment: dying' "$LAB_DIR/n1/holdfastd.log" | tail -n 1
	# What was deleted on purpose is set up anew by the same traffic.
	wait_for 20 "" tunnel_carries || fail "$impairment ($way): no tunnel afterwards"
	case $way in
	peer-initiates) [ $status = 0 ] || fail "$impairment ($way): the peer's exchange did not end well" ;;
	we-initiate | we-delete) ;;
	*)
		[ "$(authentications)" = "$authenticated" ] || fail "$impairment ($way): authenticated again"
		[[ $way = *rekey*-ike ]] || [ "$(peer_identity)" = "$before" ] ||
			fail "$impairment ($way): the peer has another IKE SA"
		;;
	esac
	is_active 2 || fail "$impairment ($way): n2 is not active"
	echo "figure: $impairment ($way): died, carried on"
}

lab_up || fail "the topology does not come up"
egress_start || fail "no captures"
lab_start_peer || fail "strongSwan does not start"
lab_start_corosync 1
lab_start_corosync 2
wait_for 20 "quorate" quorate 1 && wait_for 5 "quorate" quorate 2 || fail "Corosync is not quorate"

if [ -n "${DIE_AT:-}" ]; then
	for one in $DIE_AT; do
		IFS=: read -r point exchange direction way <<<"$one"
		run_case "$point" "$exchange" "$direction" "$way"
	done
else
	turn=0
	for row in "${ROWS[@]}"; do
		IFS=: read -r exchange direction way <<<"$row"
		if [ -z "${LAB_LONG:-}" ]; then
			[[ $LONG_ROWS = *" $way "* ]] && continue
			points=("${POINTS[turn++ % 4]}")
		else
			points=("${POINTS[@]}")
		fi
		for point in "${points[@]}"; do
			# R2: our own half-open SA has no record, so there is nothing to commit.
			[[ $exchange:$direction = IKE_SA_INIT:request && $point = *-commit ]] && continue
			run_case "$point" "$exchange" "$direction" "$way"
		done
	done
fi
hold_laws
