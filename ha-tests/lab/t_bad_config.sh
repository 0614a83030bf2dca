#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A wrong configuration: a message with file, line, column and what was expected, exit status 1, nothing started.
LAB_BESIDE=1
LAB_LIMIT=60
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

lab_up || fail "the topology does not come up"
lab_start_corosync 1
lab_start_corosync 2
wait_for 20 "quorate" quorate 1 || fail "Corosync is not quorate"
conf=$LAB_DIR/n1/bad.conf

# refused LINE WRONG-TEXT: with this text in place of that line, holdfastd refuses, and names the place.
refused() {
	local mode number status
	lab_holdfast_conf 1 | sed "s|^$1\$|$2|" >"$conf"
	number=$(grep -n -F -- "$2" "$conf" | head -n 1 | cut -d: -f1)
	[ -n "$number" ] || fail "the case is wrong: no line $1"
	chmod 600 "$conf"
	for mode in "-f -c" -t; do
		# shellcheck disable=SC2086
		on_node 1 timeout 10 "$HOLDFASTD" $mode "$conf" >"$LAB_DIR/n1/bad.log" 2>&1
		status=$?
		cat "$LAB_DIR/n1/bad.log"
		[ $status = 1 ] || fail "$2: exit status $status with $mode"
		grep -qE "^([^ ]*/)?bad\.conf:$number:[0-9]+: " "$LAB_DIR/n1/bad.log" || fail "$2: the message does not name line $number"
		grep -qi 'expected' "$LAB_DIR/n1/bad.log" || fail "$2: the message does not say what was expected"
	done
	[ -z "$(on_node 1 ip -o tuntap list)" ] || fail "$2: a TUN device was made"
	[ -z "$(on_node 1 nft list ruleset)" ] || fail "$2: nftables were touched"
}

refused ' group 19' ' group 99'
refused ' encryption aes-gcm-256' ' encryption aes-gcm-512'
refused "crypto map OUT 10 set peer $PEER" 'crypto map OUT 10 set peer 192.0.2.256'
refused 'access-list LAB extended permit ip .*' 'access-list LAB extended permit ip 198.51.100.0 255.255.255.0'
refused 'failover key hex .*' 'failover key hex 0011'
