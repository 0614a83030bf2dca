# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# Many planned switchovers in a row under traffic (sourced by the cases, behind lab.sh): the ways of asking for one, and
# the verdict: no packet lost at Holdfast, the counters of every hop printed (lab_hops.sh).

. "$LAB_SRC/lab_hops.sh"

# switch_start PEER: everything up and a tunnel that carries a ping. PEER is holdfast (a third one, on its own) or
# strongswan.
switch_start() {
	SWITCH_PEER=$1
	lab_up || fail "the topology does not come up"
	[ "$SWITCH_PEER" = holdfast ] || lab_start_peer || fail "strongSwan does not start"
	lab_start_pair || fail "the pair does not come up"
	switch_tunnel
}

switch_tunnel() {
	if [ "$SWITCH_PEER" = holdfast ]; then
		lab_start_peer_holdfast || fail "the third Holdfast does not come up"
	else
		peer_cmd --initiate --child net >"$LAB_DIR/initiate.log" 2>&1 || fail "the peer cannot set the tunnel up"
	fi
	wait_for 10 "a ping" ping_through 1 || fail "no ping through the tunnel"
	hops_open || fail "no counters of the hops"
	SWITCH_BEFORE=$(switch_identity)
	[ -n "$SWITCH_BEFORE" ] || fail "the peer has no tunnel"
}

# The SPIs of the peer's IKE SAs.
switch_identity() {
	if [ "$SWITCH_PEER" = holdfast ]; then
		peer_hf_identity
	else
		peer_identity
	fi
}

# --- one switchover: from node $1 to node $2; true once $2 is active -----------------------------------------

by_give_up() {
	hf "$1" no failover active && wait_for 5 "n$2 is active" is_active "$2"
}

by_take() {
	hf "$2" failover active && wait_for 5 "n$2 is active" is_active "$2"
}

# In turn: what an operator at the active node says, and one at the standby.
by_failover() {
	if [ "$1" = 1 ]; then
		by_give_up "$@"
	else
		by_take "$@"
	fi
}

by_drain() {
	hf "$1" node drain && wait_for 5 "n$2 is active" is_active "$2" && hf "$1" node resume
}

# What systemctl restart does.
by_restart() {
	hops_look
	lab_stop "n$1" holdfastd 10
	lab_start_daemon "$1"
	wait_for 5 "n$2 is active" is_active "$2"
}

by_crm() {
	on_node "$1" crm resource move holdfast-clone "n$2" force >>"$LAB_DIR/crm.log" 2>&1 &&
		wait_for 30 "n$2 is promoted" promoted "$2" "$1" && is_active "$2" &&
		on_node "$1" crm resource clear holdfast-clone >>"$LAB_DIR/crm.log" 2>&1
}

# --- many --------------------------------------------------------------------------------------------------

# switch_many WAY TIMES PPS: in a row, under one flow of PPS packets per second each way. Every other one follows at
# once, while the nodes still announce and relay; the rest begin when that has ended. Fails the case when a packet was
# lost at Holdfast.
switch_many() {
	local way=$1 times=$2 pps=$3 active mate i status began took=0
	wait_for 15 "protected" pair_protected || fail "$way: not protected before"
	hops_begin || fail "no counters of the hops"
	flow_start "$way" "$pps" 900
	sleep 1
	for ((i = 1; i <= times; i++)); do
		began=$(now_ms)
		active=$(active_node) || fail "$way $i: no active node"
		mate=$(other "$active")
		"by_$way" "$active" "$mate" || {
			show_counters
			fail "$way $i: n$mate does not become active"
		}
		wait_for 20 "protected" pair_protected || fail "$way $i: not protected again"
		took=$((took + $(now_ms) - began))
		((i % 2)) || sleep 2.5
	done
	sleep 1
	flow_stop "$way" || fail "$way: the flow left no report"
	hops_report "$way" >"$LAB_DIR/hops-$way.txt" 2>&1
	status=$?
	cat "$LAB_DIR/hops-$way.txt"
	echo "figure: $way: $times in a row, $(tail -n 1 "$LAB_DIR/hops-$way.txt"); gap $(flow_gap "$way") ms," \
		"$((took / times)) ms until protected again; the generator sent $(flow_late "$way") packets more than 5 ms late"
	[ $status = 0 ] || {
		show_counters
		fail "$way: $(tail -n 1 "$LAB_DIR/hops-$way.txt")"
	}
	[ "$(switch_identity)" = "$SWITCH_BEFORE" ] || fail "$way: the peer has another IKE SA"
}
