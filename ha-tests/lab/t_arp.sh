#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# R20: the service addresses die with the process. A third host that asks for the address gets one answer to each
# question, from the owner: before a kill, after it, and after the dead node's daemon came back.
LAB_BESIDE=1
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# answers BOX ADDRESS: asks three times by broadcast; prints how many answers came and from how many machines.
answers() {
	local out interface=outside
	[ "$1" = watch ] || interface=inside
	out=$(in_box "$1" arping -b -c 3 -w 4 -I $interface "$2")
	echo "$(grep -c 'reply from' <<<"$out") $(grep -o '\[[0-9A-Fa-f:]*\]' <<<"$out" | sort -u | wc -l)"
}

one_answer() {
	local got
	answers hosta $INSIDE_SERVICE >"$LAB_DIR/inside" &
	got=$(answers watch $SERVICE)
	wait $!
	[ "$got" = "3 1" ] || fail "$1: outside: three questions got (answers, machines) $got"
	got=$(cat "$LAB_DIR/inside")
	[ "$got" = "3 1" ] || fail "$1: inside: three questions got (answers, machines) $got"
}

lab_start_tunnel
one_answer "before"
for i in 1 2; do
	active=$(active_node) || fail "no active node"
	lab_kill9 "n$active" holdfastd
	sleep 0.05
	on_node "$active" ip -4 -o addr | grep -qE " ($SERVICE|$INSIDE_SERVICE)/" && fail "n$active keeps the address 50 ms after the kill"
	wait_for 5 "takeover" is_active "$(other "$active")" || fail "no takeover"
	one_answer "after kill $i"
	lab_start_daemon "$active"
	wait_for 15 "protected" pair_protected || fail "not protected again"
	one_answer "after n$active came back"
done
