#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Link monitoring: the active node loses its outside, then its inside link (carrier off at the switch, taken down in the
# node): it hands over what it can no longer serve, with the same IKE SA, and nothing is lost but what the dead link
# lost. With the same link dead on both nodes nobody moves, and the group goes where a link comes back first.
LAB_LIMIT=150
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# Link up and down where the cable ends in the switch: the node sees its carrier go.
unplug() {
	ip link set "n$1-$2" down
}

plug() {
	ip link set "n$1-$2" up
}

# interface_shows NODE NAMEIF STATE [BY]: as node BY (itself) says.
interface_shows() {
	hf "${4:-$1}" show monitor-interface | awk -v host="$([ "${4:-$1}" = "$1" ] && echo This || echo Other)" \
		-v want="Interface $2 " -v state="$3" '
		/ host: / { mine = $1 == host }
		mine && index($0, want) && index($0, "): " state " (") { found = 1 }
		END { exit !found }'
}

not_monitored() {
	hf "$1" show monitor-interface | grep -q "Interface $2 .*(Not-Monitored)"
}

handovers() {
	local node total=0 n
	for node in 1 2; do
		n=$(hf $node show failover statistics | awk '$1 == "interface_handovers" { print $2 }')
		total=$((total + ${n:-0}))
	done
	echo $total
}

# lose WHAT NODE: with traffic both ways, WHAT happens to NODE, which is active; its mate owns and the peer knows nothing.
lose() {
	local what=$1 node=$2 mate started owned
	shift 2
	mate=$(other "$node")
	flow_start "$what" 1000 30
	sleep 1
	started=$(now_ms)
	"$@" || fail "$what: $*"
	wait_for 3 "n$mate is active" is_active "$mate" || fail "$what: n$mate does not take over"
	owned=$(($(now_ms) - started))
	is_active "$node" && fail "$what: n$node is active as well"
	wait_for 5 "protected" pair_protected || fail "$what: not protected"
	sleep 1
	flow_stop "$what" || fail "$what: the flow left no report"
	echo "figure: $what of n$node: owned after $owned ms, gap $(flow_gap "$what") ms, lost $(flow_lost "$what") of 2000 a second"
	[ "$(flow_gap "$what")" -lt 1000 ] || fail "$what: a silence of $(flow_gap "$what") ms"
	[ "$(peer_identity)" = "$before" ] || fail "$what: the peer has another IKE SA"
	grep -q 'takeover with possibly incomplete state' "$LAB_DIR/n$mate/holdfastd.log" && fail "$what: a suspect takeover"
	return 0
}

lab_start_tunnel
before=$(peer_identity)
active=$(active_node) || fail "no active node"
mate=$(other "$active")
interface_shows "$active" outside Normal && interface_shows "$mate" inside Normal "$active" ||
	fail "the interfaces are not shown as Normal"

lose outside-carrier "$active" unplug "$active" outside
wait_for 2 "the mate knows" interface_shows "$active" outside "No Link" "$mate" || fail "n$mate does not know of the link"
grep -q '%ASA-1-105007: .*outside' "$LAB_DIR/n$active/holdfastd.log" || fail "no %ASA-1-105007"
plug "$active" outside
wait_for 3 "the link is back" interface_shows "$active" outside Normal || fail "the link does not come back"
sleep 2
is_active "$mate" || fail "the group went back by itself"

lose inside-taken-down "$mate" on_node "$mate" ip link set inside down
wait_for 2 "" interface_shows "$mate" inside "Link Down" || fail "an interface that was taken down is not shown"
on_node "$mate" ip link set inside up
wait_for 3 "the link is back" interface_shows "$mate" inside Normal || fail "the link does not come back"

# Both lose the outside: nobody is better off.
count=$(handovers)
unplug "$active" outside
unplug "$mate" outside
sleep 5
[ "$(handovers)" = "$count" ] || fail "the group moved although both links are dead"
is_active "$active" || fail "n$active is not active any more"
plug "$mate" outside
wait_for 3 "n$mate is active" is_active "$mate" || fail "the group does not go where the link is back"
wait_for 5 "the tunnel carries" ping_through 1 || fail "the tunnel does not carry again"
plug "$active" outside
sleep 3
[ "$(handovers)" = $((count + 1)) ] || fail "$(handovers) handovers, expected $((count + 1))"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"

# What is not monitored moves nothing.
for node in 1 2; do
	on_node $node bash -c 'echo "no monitor-interface inside" >>/etc/holdfast/holdfast.conf'
	lab_signal n$node holdfastd HUP
done
for node in 1 2; do
	wait_for 5 "the reload" not_monitored $node inside || fail "no monitor-interface has no effect on n$node"
done
unplug "$mate" inside
sleep 3
is_active "$mate" || fail "an interface that is not monitored moved the group"
plug "$mate" inside
hold_laws
