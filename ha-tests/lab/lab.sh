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
# Inside the nodes the interfaces are called outside, inside and cluster. Each box is a network, mount and
# UTS namespace with private /run, /dev/shm, /var/lib/{corosync,holdfast} and /etc/holdfast, held by one
# sleeping process. All of it lives in an outer network, mount and PID namespace: nothing can leave, and
# when the script ends (or its time limit, LAB_LIMIT seconds, does) the kernel ends every process in it.
#
# Logs, captures and configurations are left in $LAB_DIR (made when unset).

LAB_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_TOP=$(cd "$LAB_SRC/../.." && pwd)

# lab_find_built NAME: where the build left a program (in a build folder, in the tree, or in $PATH).
lab_find_built() {
	local dir
	for dir in "$LAB_TOP/build" "$LAB_TOP" "$LAB_TOP/build/ha-tests/lab" "$LAB_SRC"; do
		[ -x "$dir/$1" ] && [ -f "$dir/$1" ] && { echo "$dir/$1"; return; }
	done
	command -v "$1" || echo "$LAB_TOP/$1"
}

: "${HOLDFASTD:=$(lab_find_built holdfastd)}"
: "${HOLDFAST:=$(lab_find_built holdfast)}"
: "${FLOW:=$(lab_find_built flow)}"
export HOLDFASTD HOLDFAST FLOW

SERVICE=192.0.2.1
INSIDE_SERVICE=198.51.100.1
PEER=192.0.2.2
HOSTA=198.51.100.10
HOSTB=203.0.113.10
NODE_OUTSIDE=([1]=192.0.2.11 [2]=192.0.2.12)
NODE_INSIDE=([1]=198.51.100.11 [2]=198.51.100.12)
NODE_CLUSTER=([1]=198.18.0.1 [2]=198.18.0.2)

# --- the outer namespace --------------------------------------------------------------------------------

# What is missing to run the lab, in words; nothing when it can run.
lab_missing() {
	local tool
	[ "$(id -u)" = 0 ] || { echo "needs root"; return; }
	for tool in unshare nsenter ip nft tcpdump corosync charon-systemd swanctl arping ping timeout; do
		command -v "$tool" >/dev/null || { echo "needs $tool"; return; }
	done
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
	local why
	why=$(lab_missing)
	if [ -n "$why" ]; then
		echo "skip: $why" >&2
		exit 77
	fi
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
	for node in 1 2; do
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

# lab_cluster_link N up|down
lab_cluster_link() {
	ip link set "n$1-cluster" "$2"
}

# --- Corosync -------------------------------------------------------------------------------------------

# The sample configuration, with the lab's key and its log on stderr.
lab_corosync_conf() {
	sed -e 's/name: node/name: n/' -e "s|^\tcluster_name: .*|&\n\tkeyfile: $LAB_DIR/authkey|" \
		-e 's/to_stderr: no/to_stderr: yes/; s/to_\(syslog\|logfile\): yes/to_\1: no/; /logfile: /d' \
		"$LAB_TOP/etc/corosync.conf.sample"
	printf 'system {\n\tstate_dir: /var/lib/corosync\n\tallow_knet_handle_fallback: yes\n}\n'
}

lab_start_corosync() {
	local node=$1
	[ -e "$LAB_DIR/authkey" ] || (umask 077 && head -c 256 /dev/urandom >"$LAB_DIR/authkey")
	lab_corosync_conf "$node" >"$LAB_DIR/n$node/corosync.conf"
	lab_spawn "n$node" corosync corosync -f -c "$LAB_DIR/n$node/corosync.conf"
}

# quorate N: node N is quorate in a view of two members (of one, with a second argument of 1).
quorate() {
	local members=${2:-2}
	on_node "$1" corosync-quorumtool -s | awk -v members="$members" '
		/^Quorate:/ { quorate = $2 } /^Nodes:/ { nodes = $2 }
		END { exit !(quorate == "Yes" && nodes == members) }'
}

# --- Holdfast -------------------------------------------------------------------------------------------

# Different keys for the two directions: HF_PSK is what Holdfast proves itself with, PEER_PSK what the peer does.
HF_PSK=holdfast-lab-key-a
PEER_PSK=holdfast-lab-key-b
FAILOVER_KEY=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f

# lab_holdfast_conf N: the pair's configuration: the same ASA text, but for `failover lan unit` and the slot.
# HF_IKE_LIFETIME and HF_CHILD_LIFETIME (seconds) shorten the lifetimes; HF_EXTRA adds lines.
lab_holdfast_conf() {
	local unit=([1]=primary [2]=secondary)
	cat <<-CONF
	hostname vpn$1
	interface outside
	 nameif outside
	 ip address $SERVICE 255.255.255.0 standby ${NODE_OUTSIDE[$1]}
	interface inside
	 nameif inside
	 ip address $INSIDE_SERVICE 255.255.255.0 standby ${NODE_INSIDE[$1]}
	failover
	failover lan unit ${unit[$1]}
	failover lan interface cluster cluster
	failover slot $1
	failover key hex $FAILOVER_KEY
	access-list LAB extended permit ip 198.51.100.0 255.255.255.0 203.0.113.0 255.255.255.0
	crypto ipsec ikev2 ipsec-proposal GCM
	 protocol esp encryption aes-gcm-256
	 protocol esp integrity null
	crypto map OUT 10 match address LAB
	crypto map OUT 10 set peer $PEER
	crypto map OUT 10 set ikev2 ipsec-proposal GCM
	crypto map OUT 10 set pfs group19
	crypto map OUT 10 set security-association lifetime seconds ${HF_CHILD_LIFETIME:-28800}
	crypto map OUT interface outside
	crypto isakmp identity address
	crypto ikev2 policy 10
	 encryption aes-gcm-256
	 integrity null
	 group 19
	 prf sha256
	 lifetime seconds ${HF_IKE_LIFETIME:-86400}
	crypto ikev2 enable outside
	tunnel-group $PEER type ipsec-l2l
	tunnel-group $PEER ipsec-attributes
	 ikev2 remote-authentication pre-shared-key $PEER_PSK
	 ikev2 local-authentication pre-shared-key $HF_PSK
	 isakmp keepalive threshold ${HF_DPD:-10} retry 2
	CONF
	[ -z "${HF_EXTRA:-}" ] || printf '%s\n' "$HF_EXTRA"
}

# lab_start_daemon N [OPTION...]: holdfastd in node N, with its configuration made anew and its keys exported
# (for tshark) to $LAB_DIR/nN/keys.
lab_start_daemon() {
	local node=$1
	shift
	lab_holdfast_conf "$node" >"$LAB_DIR/n$node/holdfast.conf"
	on_node "$node" cp "$LAB_DIR/n$node/holdfast.conf" /etc/holdfast/holdfast.conf
	mkdir -p "$LAB_DIR/n$node/keys"
	lab_spawn "n$node" holdfastd "$HOLDFASTD" -f -c /etc/holdfast/holdfast.conf \
		--export-keys "$LAB_DIR/n$node/keys" "$@"
}

# hf N COMMAND...: the administrator's shell on node N, one command.
hf() {
	local node=$1
	shift
	on_node "$node" timeout 5 "$HOLDFAST" "$@"
}

# is_active N / is_standby N / is_protected N, as `show failover` of that node says.
is_active() {
	hf "$1" show failover 2>/dev/null | grep -q 'This host: .* - Active'
}

is_standby() {
	hf "$1" show failover 2>/dev/null | grep -q 'This host: .* - Standby Ready'
}

is_protected() {
	hf "$1" show failover 2>/dev/null | grep -qi '\<protected\>'
}

# The number of the active node; false when there is none or two.
active_node() {
	local active=""
	is_active 1 && active=1
	is_active 2 && active=${active}2
	case $active in
	1 | 2) echo "$active" ;;
	*) return 1 ;;
	esac
}

pair_protected() {
	local node
	node=$(active_node) && is_protected "$node"
}

other() {
	echo $((3 - $1))
}

# Corosync and Holdfast on both nodes; returns when one owns and protects (about three seconds).
lab_start_pair() {
	local node
	for node in 1 2; do
		lab_start_corosync $node
	done
	wait_for 20 "corosync quorate on n1" quorate 1 && wait_for 5 "corosync quorate on n2" quorate 2 || return 1
	for node in 1 2; do
		lab_start_daemon $node "$@"
	done
	wait_for 15 "one active node and a protected standby" pair_protected
}

# --- strongSwan -----------------------------------------------------------------------------------------

# lab_charon_conf BOX: strongswan.conf of a strongSwan with userland ESP.
lab_charon_conf() {
	cat <<-CONF
	charon-systemd {
	load = random nonce openssl aes sha1 sha2 hmac kdf gcm ctr drbg kernel-libipsec kernel-netlink socket-default vici updown
	journal {
	default = -1
	}
	filelog {
	out {
	path = /dev/stdout
	default = 1
	ike = ${PEER_LOG:-1}
	chd = ${PEER_LOG:-1}
	time_format = %T
	time_add_ms = yes
	flush_line = yes
	}
	}
	retransmit_timeout = ${PEER_RETRANSMIT:-1.0}
	}
	CONF
}

# lab_swanctl_conf LOCAL REMOTE LOCAL_TS REMOTE_TS LOCAL_PSK REMOTE_PSK: charon takes the secret whose owner is its own
# identity to prove itself, and any that matches to check the other side.
lab_swanctl_conf() {
	cat <<-CONF
	connections {
	lab {
	version = 2
	local_addrs = $1
	remote_addrs = $2
	proposals = ${PEER_IKE_PROPOSALS:-aes256gcm16-prfsha256-ecp256}
	rekey_time = ${PEER_IKE_REKEY:-0}
	reauth_time = 0
	dpd_delay = ${PEER_DPD:-0}
	local {
	auth = psk
	id = $1
	}
	remote {
	auth = psk
	id = $2
	}
	children {
	net {
	local_ts = $3
	remote_ts = $4
	esp_proposals = ${PEER_ESP_PROPOSALS:-aes256gcm16-ecp256}
	rekey_time = ${PEER_CHILD_REKEY:-0}
	dpd_action = clear
	start_action = none
	}
	}
	}
	}
	secrets {
	ike-local {
	id = $1
	secret = $5
	}
	ike-remote {
	id = $2
	secret = $6
	}
	}
	CONF
}

# lab_start_charon BOX: with the strongswan.conf and swanctl/swanctl.conf that are in $LAB_DIR/BOX.
lab_start_charon() {
	local box=$1
	lab_charon_conf >"$LAB_DIR/$box/strongswan.conf"
	# shellcheck disable=SC2016
	in_box "$box" bash -c '
		cp "$1/strongswan.conf" /etc/strongswan.conf
		cp "$1/swanctl.conf" /etc/swanctl/swanctl.conf
		rm -rf /etc/swanctl/conf.d/* /etc/strongswan.d/*
		for kind in bliss ecdsa pkcs12 pkcs8 private pubkey rsa x509 x509aa x509ac x509ca x509crl x509ocsp; do
			mkdir -p /etc/swanctl/$kind
		done' conf "$LAB_DIR/$box"
	lab_spawn "$box" charon charon-systemd
	wait_for 5 "strongSwan in $box" in_box "$box" swanctl --load-all || return 1
}

lab_start_peer() {
	lab_swanctl_conf $PEER $SERVICE 203.0.113.0/24 198.51.100.0/24 "${PEER_PSK_USED:-$PEER_PSK}" "$HF_PSK" \
		>"$LAB_DIR/peer/swanctl.conf"
	lab_start_charon peer
}

# peer_cmd OPTION...: swanctl at the peer.
peer_cmd() {
	in_box peer timeout 30 swanctl "$@"
}

# The peer's view, one line per IKE SA: unique id, state, initiator SPI, responder SPI, number of installed children.
peer_ike_sas() {
	peer_cmd --list-sas --raw | sed -n 's/^list-sa event {\([^ ]*\) {\(.*\)}}$/\2/p' | while read -r sa; do
		echo "$(peer_field uniqueid "$sa") $(peer_field state "$sa") $(peer_field initiator-spi "$sa")" \
			"$(peer_field responder-spi "$sa") $(grep -o 'state=INSTALLED' <<<"$sa" | wc -l)"
	done
}

# peer_field NAME LINE: the first value with that name in a raw swanctl line.
peer_field() {
	local rest=${2#*"$1="}
	[ "$rest" != "$2" ] && echo "${rest%% *}"
}

# The tunnel stands: exactly one IKE SA, established, with an installed child.
peer_tunnel_up() {
	local id state rest children
	[ "$(peer_ike_sas | wc -l)" = 1 ] || return 1
	read -r id state rest rest children < <(peer_ike_sas)
	[ "$state" = ESTABLISHED ] && [ "$children" -ge 1 ]
}

# --- traffic and captures -------------------------------------------------------------------------------

# ping_through [COUNT]: hosta to hostb.
ping_through() {
	in_box hosta ping -n -q -c "${1:-1}" -i 0.2 -W 2 $HOSTB
}

# flow_start NAME PPS SECONDS: a flow each way between hosta and hostb; flow_wait NAME ends it and leaves
# its two reports in $LAB_DIR/hosta/NAME.json (what hosta received) and hostb/NAME.json.
flow_start() {
	local name=$1 pps=$2 seconds=$3
	lab_flow_side hostb "$name" $HOSTB $HOSTA "$pps" "$seconds"
	lab_flow_side hosta "$name" $HOSTA $HOSTB "$pps" "$seconds"
}

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

# capture_start BOX NAME INTERFACE TCPDUMP-ARGUMENT...: $LAB_DIR/BOX/NAME.pcap. For a node's own egress: -Q out.
capture_start() {
	local box=$1 name=$2 interface=$3
	shift 3
	lab_spawn "$box" "capture-$name" tcpdump -i "$interface" -n -s 0 -B 8192 -U --immediate-mode -Z root \
		-w "$LAB_DIR/$box/$name.pcap" "$@"
	wait_for 5 "capture $name in $box" grep -q 'listening on' "$LAB_DIR/$box/capture-$name.log"
}

# capture_stop BOX NAME: false when the kernel dropped packets: such a capture proves nothing.
capture_stop() {
	sleep 0.2
	lab_stop "$1" "capture-$2"
	if grep -qE '^[1-9][0-9]* packets dropped by kernel' "$LAB_DIR/$1/capture-$2.log"; then
		echo "lab: capture $2 in $1 is not complete" >&2
		return 1
	fi
}

# Captures at both nodes' own egress, from before the first packet. egress_stop ends them.
egress_start() {
	capture_start n1 egress outside -Q out && capture_start n2 egress outside -Q out
}

egress_stop() {
	capture_stop n1 egress && capture_stop n2 egress
}

# count_packets BOX NAME FILTER
count_packets() {
	tcpdump -n -r "$LAB_DIR/$1/$2.pcap" "$3" 2>/dev/null | wc -l
}

# tcpdump filters. An IKE message on port 4500 starts with four zero bytes (RFC 7296 section 2.23).
FILTER_IKE='udp port 500 or (udp port 4500 and udp[8:4] = 0)'
FILTER_VPN='udp port 500 or udp port 4500 or ip proto 50'
FILTER_IKE_AUTH='(udp port 500 and udp[26] = 35) or (udp port 4500 and udp[8:4] = 0 and udp[30] = 35)'
FILTER_CLEAR='net 198.51.100.0/24 and net 203.0.113.0/24'

# --- verdicts -------------------------------------------------------------------------------------------

# fail WHY: a test case ends here. run-tests prints the last line that starts with "why:".
fail() {
	echo "why: $*"
	exit 1
}

# need_holdfast: test cases of the daemon are skipped when it is not built.
need_holdfast() {
	[ -x "$HOLDFASTD" ] && [ -x "$HOLDFAST" ] || { echo "why: holdfastd is not built"; exit 77; }
}
