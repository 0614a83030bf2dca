#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# failover exec between the two real daemons, also when the other one is stopped, dies or is gone, and what show failover
# history, state and statistics say after a real switchover.
LAB_BESIDE=1
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# A running-config of more than one piece.
HF_EXTRA=$(for i in $(seq 1 600); do
	echo "access-list LONG extended permit ip host 198.18.$((i / 250)).$((i % 250)) host 203.0.113.10"
done)
lab_up || fail "no topology"
lab_start_pair || fail "no pair"
active=$(active_node) || fail "no active node"
mate=$(other "$active")
scratch=$LAB_DIR/scratch

# runs N STATUS COMMAND...: on node N, ends with this status; what it printed is in $scratch.
runs() {
	local node=$1 wanted=$2 status
	shift 2
	on_node "$node" timeout 20 "$HOLDFAST" "$@" >"$scratch" 2>&1
	status=$?
	[ $status = "$wanted" ] || fail "'$*' on n$node: status $status, expected $wanted: $(head -c 200 "$scratch")"
}

says() {
	grep -q -- "$1" "$scratch" || fail "expected '$1': $(head -c 300 "$scratch")"
}

# --- whom ---
for node in 1 2; do
	runs $node 0 failover exec mate show version
	says "^vpn$(other $node) up"
	runs $node 0 failover exec active show version
	says "^vpn$active up"
	runs $node 0 failover exec standby show version
	says "^vpn$mate up"
	for name in vpn1 1; do
		runs $node 0 failover exec member $name show version
		says "^vpn1 up"
	done
done

# --- answers: long ones whole, JSON, and the other's status ---
hf "$mate" show running-config >"$LAB_DIR/there"
[ "$(stat -c %s "$LAB_DIR/there")" -gt 32000 ] || fail "the configuration is too short to test with"
runs "$active" 0 failover exec mate show running-config
cmp -s "$scratch" "$LAB_DIR/there" || fail "a long answer is not what the other one says itself"
runs "$active" 0 --json failover exec mate show failover state
says '"state": "Standby Ready"'
runs "$active" 2 failover exec mate show nothing
says "'nothing' is not valid here"
runs "$active" 1 failover exec mate clear crypto ikev2 sa
says "this unit is not active"
runs "$active" 2 failover exec mate failover exec mate show version
says "cannot be nested"
runs "$active" 1 failover exec member vpn7 show version
says "no member is called vpn7"

# --- a switchover that the other one is told to do, and its rows ---
runs "$active" 0 failover exec mate failover active
wait_for 5 "n$mate is active" is_active "$mate" || fail "failover exec mate failover active did not move the group"
wait_for 5 "protected" pair_protected || fail "not protected again"
runs "$active" 0 show failover history
says '^Active  *Active Drain  *handover$'
says '^Active Drain  *Standby Ready  *handover$'
runs "$mate" 0 show failover history
says '^Standby Ready  *Just Active  *handover$'
says '^Just Active  *Active  *handover$'
says "^[0-9:]* UTC [A-Z][a-z]* [0-9]* 20[0-9][0-9]$"
runs "$mate" 0 show failover state
says '^        Sync Done$'
says '^        Corosync up$'
says '^               Standby Ready  None$'
runs "$active" 0 show failover state
says '^        Sync Done - STANDBY$'
runs "$mate" 0 show failover group 1
says '^        Group 1       State:          Active$'
runs "$mate" 0 show failover
says "Member vpn$active: slot $active, Standby Ready, protected, configuration same"
runs "$active" 0 show failover statistics
says '^        exec_request  *[1-9]'
says '^        Acknowledgement: [1-9][0-9]* measured, p50 [0-9]*, p99 [0-9]*'
echo "figure: $(sed -n 's/^ *Acknowledgement: //p' "$scratch")"

# --- the other one is stopped, dies, is gone ---
lab_signal "n$active" holdfastd STOP
from=$(now_ms)
runs "$mate" 1 failover exec mate show version
says "vpn$active, the unit in slot $active did not answer in time"
took=$(($(now_ms) - from))
{ [ $took -ge 4500 ] && [ $took -le 8000 ]; } || fail "the time limit took $took ms"
on_node "$mate" timeout 20 "$HOLDFAST" failover exec mate show version >"$LAB_DIR/left" 2>&1 &
asking=$!
sleep 0.5
lab_kill9 "n$active" holdfastd
wait $asking && fail "a dead unit has answered"
grep -q "left the cluster before it answered" "$LAB_DIR/left" || fail "$(cat "$LAB_DIR/left")"
runs "$mate" 1 failover exec mate show version
says "there is no other unit in the cluster"
runs "$mate" 0 show failover state
says '^               Not Detected   Comm Failure             [0-9:]* UTC '
exit 0
