#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A rolling upgrade, and the way back: one node after the other is restarted as the next release, which writes fields,
# records and messages that the present one does not know. A planned step loses no packet, kill -9 of either release is
# survived, the tunnel is rekeyed by both, and the peer keeps its IKE SA's identity.
LAB_LIMIT=170
. "$(dirname "$0")/lab.sh"
need_holdfast
need_impairments
lab_enter "$@"

NEXT=(--impair next-schema)

# restart N [OPTION...]: the standby, as the release that the options make it.
restart() {
	local node=$1
	shift
	lab_stop "n$node" holdfastd 10
	lab_start_daemon "$node" "$@"
	wait_for 15 "protected" pair_protected || fail "n$node $*: not protected"
}

# planned NAME COMMAND...: under traffic, nothing is lost.
planned() {
	local name=$1
	shift
	flow_start "$name" 1000 60
	sleep 0.5
	"$@"
	sleep 2.5
	flow_stop "$name" || fail "the flow left no report"
	echo "figure: $name: gap $(flow_gap "$name") ms, lost $(flow_lost "$name")"
	[ "$(flow_lost "$name")" = 0 ] || fail "$name: $(flow_lost "$name") packets lost"
}

take() {
	hf "$1" failover active || fail "failover active is refused"
	wait_for 5 "n$1 is active" is_active "$1" || fail "n$1 does not become active"
	wait_for 5 "protected" pair_protected || fail "not protected after the switchover"
}

# killed NAME N [OPTION...]: N, the owner, dies and comes back as the release that the options make it.
killed() {
	local name=$1 node=$2
	shift 2
	flow_start "$name" 1000 60
	sleep 1
	lab_kill9 "n$node" holdfastd
	sleep 1
	lab_start_daemon "$node" "$@"
	wait_for 15 "protected" pair_protected || fail "$name: not protected again"
	flow_stop "$name" || fail "the flow left no report"
	echo "figure: $name: gap $(flow_gap "$name") ms, lost $(flow_lost "$name")"
	[ "$(flow_gap "$name")" -lt 300 ] || fail "$name: a silence of $(flow_gap "$name") ms"
}

rekeyed() {
	peer_cmd --rekey --child net >"$LAB_DIR/rekey.log" 2>&1 || fail "$1: the CHILD SA is not rekeyed"
	ping_through 2 >"$LAB_DIR/ping.log" 2>&1 || fail "$1: no ping behind the rekey"
}

# What the other release does not know has come, and was neither refused nor lost.
unknown_messages() {
	hf "$1" show failover statistics >"$LAB_DIR/statistics"
	grep -qE '^ +unknown +0 +[1-9]' "$LAB_DIR/statistics" || fail "n$1 has had no message of the next release"
	grep -qE '^ +records_applied_other:? +[1-9]' "$LAB_DIR/statistics" || fail "n$1 has had no record of the next release"
	! grep -q 'REPL_REFUSED\|message refused' "$LAB_DIR/n$1/holdfastd.log" || fail "n$1 refused what it does not know"
}

lab_start_tunnel
before=$(peer_identity)
active=$(active_node) || fail "no active node"
[ "$active" = 1 ] || take 1

planned standby-to-next restart 2 "${NEXT[@]}"
planned old-to-next take 2
unknown_messages 1
rekeyed "the next release owns"
killed next-dies 2 "${NEXT[@]}"
rekeyed "the present release owns what the next one wrote"
planned again-to-next take 2
planned last-to-next restart 1 "${NEXT[@]}"
planned between-next take 1
planned back-on-standby restart 2
planned next-to-old take 2
killed old-dies 2
rekeyed "the next release owns what the present one wrote"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"
hold_laws
