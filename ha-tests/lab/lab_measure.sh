# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# What a test case measures and how it ends (sourced by lab.sh): flows, captures, verdicts.

# --- traffic and captures -------------------------------------------------------------------------------

# ping_through [COUNT]: hosta to hostb.
ping_through() {
	in_box hosta ping -n -q -c "${1:-1}" -i 0.2 -W 2 $HOSTB
}

# flow_start NAME PPS SECONDS: a flow each way between hosta and hostb. Its end (flow_wait, or flow_stop before the
# time is over) leaves two reports: $LAB_DIR/hosta/NAME.json, what hosta received, and hostb/NAME.json.
flow_start() {
	local name=$1 pps=$2 seconds=$3
	lab_flow_side hostb "$name" $HOSTB $HOSTA "$pps" "$seconds"
	lab_flow_side hosta "$name" $HOSTA $HOSTB "$pps" "$seconds"
}

# lab_flow_side BOX NAME LOCAL REMOTE PPS SECONDS
lab_flow_side() {
	lab_spawn "$1" "flow-$2" "$FLOW" --local "$3" --remote "$4" --pps "$5" --seconds "$6" --report "$LAB_DIR/$1/$2.json"
}

# flow_stop NAME: no more is sent; waits for what is still under way and for the reports.
flow_stop() {
	lab_signal hosta "flow-$1" TERM
	lab_signal hostb "flow-$1" TERM
	flow_wait "$1"
}

flow_wait() {
	local box pid
	for box in hosta hostb; do
		pid=$(lab_pid $box "flow-$1") && wait "$pid"
	done
	[ -s "$LAB_DIR/hosta/$1.json" ] && [ -s "$LAB_DIR/hostb/$1.json" ]
}

# flow_gap NAME: longest silence at either receiver, in whole milliseconds; flow_lost NAME: lost both ways.
flow_gap() {
	jq -s 'map(.silence_ms) | max | ceil' "$LAB_DIR/hosta/$1.json" "$LAB_DIR/hostb/$1.json"
}

flow_lost() {
	jq -s 'map(.lost) | add' "$LAB_DIR/hosta/$1.json" "$LAB_DIR/hostb/$1.json"
}

# flow_late NAME: how many packets both senders sent more than 5 ms after their time: the machine was too slow for them.
flow_late() {
	jq -s 'map(.late) | add' "$LAB_DIR/hosta/$1.json" "$LAB_DIR/hostb/$1.json"
}

# capture_start BOX NAME INTERFACE TCPDUMP-ARGUMENT...: $LAB_DIR/BOX/NAME.pcap. For a node's own egress: -Q out.
capture_start() {
	local box=$1 name=$2 interface=$3
	shift 3
	rm -f "$LAB_DIR/$box/capture-$name.log"
	lab_spawn "$box" "capture-$name" tcpdump -i "$interface" -n -s 2048 -B 32768 -U --immediate-mode -Z root \
		-w "$LAB_DIR/$box/$name.pcap" "$@"
	wait_for 5 "capture $name in $box" grep -q 'listening on' "$LAB_DIR/$box/capture-$name.log"
}

# capture_stop BOX NAME: false when the kernel dropped packets: such a capture proves nothing.
capture_stop() {
	local dropped
	sleep 0.2
	lab_stop "$1" "capture-$2"
	dropped=$(sed -n 's/ packets dropped by kernel$//p' "$LAB_DIR/$1/capture-$2.log")
	[ "$dropped" = 0 ] && return
	echo "lab: capture $2 in $1 misses ${dropped:-all} packets" >&2
	return 1
}

# Captures at the nodes' own egress, from before the first packet. egress_stop ends them.
egress_start() {
	local node
	for node in $LAB_NODES; do
		capture_start "n$node" egress outside -Q out || return 1
	done
}

egress_stop() {
	local node
	for node in $LAB_NODES; do
		capture_stop "n$node" egress || return 1
	done
}

# count_packets BOX NAME FILTER
count_packets() {
	tcpdump -n -r "$LAB_DIR/$1/$2.pcap" "$3" 2>/dev/null | wc -l
}

# tcpdump filters. An IKE message on port 4500 starts with four zero bytes (RFC 7296 section 2.23).
FILTER_IKE='udp port 500 or (udp port 4500 and udp[8:4] = 0)'
FILTER_VPN='udp port 500 or udp port 4500 or ip proto 50'
FILTER_IKE_AUTH='(udp port 500 and udp[26] = 35) or (udp port 4500 and udp[8:4] = 0 and udp[30] = 35)'
# What a node says itself: it also forwards what comes to it after it lost the service address.
FILTER_OWN="src host $SERVICE and ($FILTER_VPN)"
FILTER_CLEAR='net 198.51.100.0/24 and net 203.0.113.0/24'

# --- verdicts -------------------------------------------------------------------------------------------

# fail WHY: a test case ends here; run-tests prints the reason.
fail() {
	echo "why: $*"
	exit 1
}

# skip WHY: only where the kernel or root is missing. What bootstrap installs or builds must be there.
skip() {
	echo "why: $*"
	exit 77
}

need_holdfast() {
	[ -x "$HOLDFASTD" ] && [ -x "$HOLDFAST" ] || fail "holdfastd is not built"
	[ -x "$FLOW" ] || fail "flow is not built"
}

# need_impairments: the build can die at chosen points (configure --enable-impairments).
need_impairments() {
	"$HOLDFASTD" --help 2>&1 | grep -q -- --impair || skip "built without impairments"
}

# Every counted reason at the nodes, into the log of a case.
show_counters() {
	local node
	for node in $LAB_NODES; do
		echo "n$node:"
		hf "$node" show counters
	done
}

# lab_start_tunnel [OPTION...]: everything up and a tunnel set up by the peer that carries a ping. The options are
# holdfastd's. Captures at both nodes' egress run from before the first packet.
lab_start_tunnel() {
	lab_up || fail "the topology does not come up"
	egress_start || fail "no captures"
	lab_start_peer || fail "strongSwan does not start"
	lab_start_pair "$@" || fail "the pair does not come up"
	peer_cmd --initiate --child net >"$LAB_DIR/initiate.log" 2>&1 || fail "the peer cannot set the tunnel up"
	wait_for 5 "" peer_tunnel_up || fail "the peer has no tunnel"
	ping_through 3 >"$LAB_DIR/ping.log" 2>&1 || fail "no ping through the tunnel"
}

# hold_laws [OPTION...]: ends the captures at the nodes' egress and judges them with the keys that the daemons exported.
hold_laws() {
	local node keys=() captures=()
	egress_stop || fail "the captures are not complete"
	for node in $LAB_NODES; do
		keys+=(--keys "$LAB_DIR/n$node/keys")
		captures+=("n$node=$LAB_DIR/n$node/egress.pcap")
	done
	[[ " $* " != *" --partition "* ]] || [ ! -e "$LAB_DIR/cuts" ] || set -- "$@" --cuts "$LAB_DIR/cuts"
	"$LAB_SRC/check-capture" --from $SERVICE "${keys[@]}" "$@" "${captures[@]}" || fail "the captures break a law"
}

# What the peer holds on to, to be compared before and after an event: unique id and both SPIs of its IKE SAs.
peer_identity() {
	peer_ike_sas | awk '{ print $1, $3, $4 }'
}
