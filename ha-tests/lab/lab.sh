# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The lab: a Holdfast pair with a real Corosync, a real strongSwan peer and hosts behind both, on one
# machine. Source this file, call `lab_enter "$@"` first and `lab_up` second.
#
#                      outside 192.0.2.0/24 (br-out)                                  203.0.113.0/24
#        watch ---------------+---------------+----------------------- peer --------------- hostb
#       .9                    |               |                     .2       .1          .10
#                             |  service .1   |                  strongSwan
#                        .11  |               |  .12             (kernel-libipsec)
#                      +------+-----+   +-----+------+
#                      |     n1     |   |     n2     |     holdfastd + corosync in each
#                      +--+------+--+   +--+------+--+
#                .11      |      |.1       |.2    |     .12
#                         |      +---------+      |
#                         |    cluster 198.18.0.0/24 (br-cluster: knet, aes256/sha256)
#                         |                       |
#        hosta -----------+-----------------------+
#       .10            inside 198.51.100.0/24 (br-in), service .1
#
# A case that sets LAB_NODES="1 2 3" before it sources this file has n3 (.13, .13, .3) beside the pair, with three votes;
# up to eight nodes go on like this.
#
# Inside the nodes the interfaces are called outside, inside and cluster. Each box is a network, mount and
# UTS namespace with private /run, /dev/shm, /var/lib/{corosync,holdfast} and /etc/holdfast, held by one
# sleeping process. All of it lives in an outer network, mount and PID namespace: nothing can leave, and
# when the script ends (or its time limit, LAB_LIMIT seconds, does) the kernel ends every process in it.
#
# Logs, captures and configurations are left in $LAB_DIR (made when unset).

LAB_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_TOP=$(cd "$LAB_SRC/../.." && pwd)

# lab_find_built NAME: where bootstrap or a build in the tree left a program, or what is installed.
lab_find_built() {
	local dir
	for dir in "$LAB_TOP/build/debug" "$LAB_TOP/build/release" "$LAB_TOP"; do
		[ -x "$dir/$1" ] && [ -f "$dir/$1" ] && { echo "$dir/$1"; return; }
	done
	command -v "$1" || echo "$LAB_TOP/$1"
}

: "${HOLDFASTD:=$(lab_find_built holdfastd)}"
: "${HOLDFAST:=$(lab_find_built holdfast)}"
: "${FLOW:=$(lab_find_built flow)}"
: "${CLOCK_STEP:=$(lab_find_built clock_step.so)}"
export HOLDFASTD HOLDFAST FLOW CLOCK_STEP

SERVICE=192.0.2.1
INSIDE_SERVICE=198.51.100.1
PEER=192.0.2.2
HOSTA=198.51.100.10
HOSTB=203.0.113.10
NODE_OUTSIDE=(- 192.0.2.1{1..8})
NODE_INSIDE=(- 198.51.100.1{1..8})
NODE_CLUSTER=(- 198.18.0.{1..8})
: "${LAB_NODES:=1 2}"

# --- the outer namespace --------------------------------------------------------------------------------

# Ends a case that cannot run: skipped where the kernel or root is missing, failed where a tool is that bootstrap
# installs.
lab_require() {
	local tool why
	for tool in unshare nsenter ip nft tcpdump corosync charon-systemd swanctl arping ping timeout; do
		command -v "$tool" >/dev/null || fail "needs $tool, which bootstrap installs"
	done
	why=$(lab_missing)
	[ -z "$why" ] || skip "$why"
}

# What the kernel or the user lacks to run the lab, in words; nothing when it can run.
lab_missing() {
	[ "$(id -u)" = 0 ] || { echo "needs root"; return; }
	[ -c /dev/net/tun ] || { echo "needs /dev/net/tun"; return; }
	unshare -n -m -p -f --kill-child --mount-proc true 2>/dev/null || echo "needs namespaces"
}

# Executes the calling script again inside the outer namespaces, bounded by LAB_LIMIT seconds. Returns at
# once in the copy that already is inside.
lab_enter() {
	if [ "${LAB_INSIDE:-}" = "$$" ]; then
		trap 'exit 130' INT TERM
		return
	fi
	lab_require
	if [ -z "${LAB_DIR:-}" ]; then
		LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-lab.XXXXXX") || exit 1
	fi
	mkdir -p "$LAB_DIR" || exit 1
	LAB_DIR=$(cd "$LAB_DIR" && pwd)
	export LAB_DIR LAB_INSIDE=1
	exec timeout --foreground -k 2 "${LAB_LIMIT:-300}" \
		unshare -n -m -p -f --kill-child --mount-proc --propagation private bash "$0" "$@"
}

# --- boxes ----------------------------------------------------------------------------------------------

declare -A LAB_BOX=()    # box name -> pid of the process that holds its namespaces

# in_box BOX COMMAND...: runs a command in a box. With exec semantics: the pid of `in_box ... &` under
# `exec` is the command's own.
in_box() {
	local box=$1
	shift
	nsenter -t "${LAB_BOX[$box]}" -n -m -u -- "$@"
}

on_node() {
	local node=$1
	shift
	in_box "n$node" "$@"
}

# lab_box NAME: makes the namespaces of one box.
lab_box() {
	local name=$1 dir=$LAB_DIR/$1
	mkdir -p "$dir"
	unshare -n -m -u --propagation private bash -c '
		set -e
		name=$1 dir=$2
		hostname "$name"
		mount -t sysfs sysfs /sys
		mount -t tmpfs tmpfs /run
		mount -t tmpfs tmpfs /dev/shm
		mkdir -p /run/corosync /run/strongswan /run/lock /run/holdfast
		# /etc and /var/lib: the machine, read through; what is written stays with the box.
		mkdir -p "$dir/store"
		mount -t tmpfs tmpfs "$dir/store"
		for place in etc var/lib; do
			layer=$dir/store/${place//\//-}
			mkdir -p "$layer/upper" "$layer/work"
			mount -t overlay overlay -o "lowerdir=/$place,upperdir=$layer/upper,workdir=$layer/work" "/$place"
		done
		mkdir -p /etc/holdfast /var/lib/holdfast /var/lib/corosync
		# Nobody waits for a name server that cannot be reached.
		echo "127.0.0.1 localhost $name" >/etc/hosts
		: >/etc/resolv.conf
		# A disk of its own, which can be full without the others.
		mount -t tmpfs -o size=${LAB_STATE_SIZE:-1m},mode=700 state /var/lib/holdfast
		sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.conf.all.rp_filter=0 \
			net.ipv4.conf.default.rp_filter=0 net.ipv4.ip_forward=0
		ip link set lo up
		touch "$dir/ready"
		exec sleep infinity' box "$name" "$dir" >"$dir/box.log" 2>&1 &
	LAB_BOX[$name]=$!
	wait_for 5 "box $name" test -e "$dir/ready"
}

# lab_wire BOX INTERFACE BRIDGE: one cable from a box to a switch; its far end is BOX-INTERFACE.
lab_wire() {
	local box=$1 interface=$2 bridge=$3
	ip link add dev "$box-$interface" type veth peer name "$interface" netns "${LAB_BOX[$box]}"
	ip link set "$box-$interface" master "$bridge" up
	# No segmentation offload on the cable: a capture then shows every datagram by itself.
	in_box "$box" ip link set "$interface" gso_max_segs 1 up
}

lab_switch() {
	ip link add name "$1" type bridge forward_delay 0 stp_state 0 mcast_snooping 0
	ip link set "$1" up
}

# Brings the whole topology up: about one second.
lab_up() {
	local node
	mount -t tmpfs tmpfs /run
	sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	ip link set lo up
	lab_switch br-out
	lab_switch br-in
	lab_switch br-cluster
	for node in $LAB_NODES; do
		lab_box "n$node" || return 1
		lab_wire "n$node" outside br-out
		lab_wire "n$node" inside br-in
		lab_wire "n$node" cluster br-cluster
		on_node "$node" ip addr add "${NODE_OUTSIDE[node]}/24" dev outside
		on_node "$node" ip addr add "${NODE_INSIDE[node]}/24" dev inside
		on_node "$node" ip addr add "${NODE_CLUSTER[node]}/24" dev cluster
		# A default route to the peer: what is not stopped would reach hostb in clear.
		on_node "$node" ip route add default via $PEER
		on_node "$node" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.arp_announce=2
	done
	lab_box peer && lab_box hosta && lab_box hostb && lab_box watch || return 1
	lab_wire peer outside br-out
	in_box peer ip addr add $PEER/24 dev outside
	ip link add dev lab-b type veth peer name inside netns "${LAB_BOX[peer]}"
	ip link set dev lab-b netns "${LAB_BOX[hostb]}" name inside
	in_box peer ip addr add 203.0.113.1/24 dev inside
	in_box peer ip link set inside up
	in_box peer sysctl -qw net.ipv4.ip_forward=1
	# A clear packet that leaks through a node can be answered: a leak must not look like a loss.
	in_box peer ip route add 198.51.100.0/24 via $SERVICE
	in_box hostb ip addr add $HOSTB/24 dev inside
	in_box hostb ip link set inside up
	in_box hostb ip route add default via 203.0.113.1
	lab_wire hosta inside br-in
	in_box hosta ip addr add $HOSTA/24 dev inside
	in_box hosta ip route add default via $INSIDE_SERVICE
	lab_wire watch outside br-out
	in_box watch ip addr add 192.0.2.9/24 dev outside
}

# --- processes ------------------------------------------------------------------------------------------

# lab_spawn BOX LABEL COMMAND...: starts a process in a box; its pid and log are BOX/LABEL.{pid,log}.
lab_spawn() {
	local box=$1 label=$2
	shift 2
	nsenter -t "${LAB_BOX[$box]}" -n -m -u -- "$@" >>"$LAB_DIR/$box/$label.log" 2>&1 </dev/null &
	echo $! >"$LAB_DIR/$box/$label.pid"
}

lab_pid() {
	cat "$LAB_DIR/$1/$2.pid" 2>/dev/null
}

lab_alive() {
	local pid
	pid=$(lab_pid "$1" "$2") && kill -0 "$pid" 2>/dev/null
}

# lab_signal BOX LABEL SIGNAL
lab_signal() {
	local pid
	pid=$(lab_pid "$1" "$2") && kill "-$3" "$pid" 2>/dev/null
}

# lab_stop BOX LABEL [SECONDS]: SIGTERM, and SIGKILL after the given time (default 5).
lab_stop() {
	local pid
	pid=$(lab_pid "$1" "$2") || return 0
	kill -TERM "$pid" 2>/dev/null
	wait_for "${3:-5}" "" lab_gone "$1" "$2" || kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	rm -f "$LAB_DIR/$1/$2.pid"
}

lab_gone() {
	! lab_alive "$1" "$2"
}

# lab_kill9 BOX LABEL: dead when it returns.
lab_kill9() {
	local pid
	pid=$(lab_pid "$1" "$2") || return 1
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	rm -f "$LAB_DIR/$1/$2.pid"
}

# now_ms: monotonic milliseconds.
now_ms() {
	local up
	read -r up _ </proc/uptime
	echo $((10#${up/./} * 10))
}

# wait_for SECONDS WHAT COMMAND...: polls a command until it succeeds. False, with a line on stderr when
# WHAT is not empty, when the time is over.
wait_for() {
	local end=$(($(now_ms) + $1 * 1000)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		if [ "$(now_ms)" -ge "$end" ]; then
			[ -z "$what" ] || echo "lab: time is over: $what" >&2
			return 1
		fi
		sleep 0.05
	done
}

# --- cables ---------------------------------------------------------------------------------------------

# lab_cable N up|down: all three cables of a node at once, as when the machine loses power.
lab_cable() {
	local interface
	for interface in outside inside cluster; do
		ip link set "n$1-$interface" "$2"
	done
}

# lab_cluster_link N up|down. $LAB_DIR/cuts says when nodes did not hear each other, up to when they have merged.
lab_cluster_link() {
	case $2 in
	down) echo "$EPOCHREALTIME" >"$LAB_DIR/n$1/cut" ;;
	up) echo "$(<"$LAB_DIR/n$1/cut") $((EPOCHSECONDS + 5))" >>"$LAB_DIR/cuts" ;;
	esac
	ip link set "n$1-cluster" "$2"
}

# --- disks ----------------------------------------------------------------------------------------------

# lab_fill_disk N / lab_free_disk N: the file system of the state directory of node N has no room, or has it again.
lab_fill_disk() {
	on_node "$1" dd if=/dev/zero of=/var/lib/holdfast/ballast bs=4k status=none 2>/dev/null
	[ "$(on_node "$1" df --output=avail /var/lib/holdfast | tail -n 1 | tr -d ' ')" = 0 ]
}

lab_free_disk() {
	on_node "$1" rm -f /var/lib/holdfast/ballast
}

. "$LAB_SRC/lab_parties.sh"
. "$LAB_SRC/lab_measure.sh"
