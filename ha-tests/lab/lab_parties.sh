# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# Who takes part in the lab (sourced by lab.sh): Corosync and Holdfast on the nodes, strongSwan at the peer; how they
# are configured and started, and what they say of themselves.

# --- Corosync -------------------------------------------------------------------------------------------

# The sample configuration, with the lab's key and its log on stderr. A third node is a third vote, and so is a quorum
# device, for which LAB_QNETD is the address of its server: no half is quorate by itself.
lab_corosync_conf() {
	local votes=() node
	[ -z "${LAB_QNETD:-}" ] ||
		votes=(-e "s/two_node: 1/device {\n\t\tmodel: net\n\t\tvotes: 1\n\t\ttimeout: 1500\n\t\tnet {\n\t\t\thost: $LAB_QNETD\n\t\t\talgorithm: ffsplit\n\t\t\ttls: ${LAB_QNETD_TLS:-off}\n\t\t}\n\t}/")
	for node in $LAB_NODES; do
		[ "$node" -gt 2 ] || continue
		votes+=(-e "/^nodelist {/a \\\\tnode {\n\t\tring0_addr: ${NODE_CLUSTER[node]}\n\t\tname: n$node\n\t\tnodeid: $node\n\t}"
			-e 's/two_node: 1/wait_for_all: 1/' -e 's/consensus: 150/consensus: 600/')
	done
	sed "${votes[@]}" -e 's/name: node/name: n/' -e "s|^\tcluster_name: .*|&\n\tkeyfile: $LAB_DIR/authkey|" \
		-e 's/to_stderr: no/to_stderr: yes/; s/to_\(syslog\|logfile\): yes/to_\1: no/; /logfile: /d' \
		"$LAB_TOP/etc/corosync.conf.sample"
	printf 'system {\n\tstate_dir: /var/lib/corosync\n\tallow_knet_handle_fallback: yes\n}\n'
}

lab_start_corosync() {
	local node=$1
	lab_make_user "$node" || return 1
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

# lab_tunnel_conf HOSTNAME OUTSIDE INSIDE LOCAL REMOTE PEER OWN_PSK PEER_PSK: the ASA text that a concentrator needs for the
# lab's one tunnel: its addresses, both networks and both keys. HF_IKE_* and HF_ESP_* choose algorithms, HF_PFS is the
# whole line of PFS.
lab_tunnel_conf() {
	cat <<-CONF
	hostname $1
	interface outside
	 nameif outside
	 ip address $2 255.255.255.0
	interface inside
	 nameif inside
	 ip address $3 255.255.255.0
	access-list LAB extended permit ip $4 255.255.255.0 $5 255.255.255.0
	crypto ipsec ikev2 ipsec-proposal GCM
	 protocol esp encryption ${HF_ESP_ENCR:-aes-gcm-256}
	 protocol esp integrity ${HF_ESP_INTEG:-null}
	crypto map OUT 10 match address LAB
	crypto map OUT 10 set peer $6
	crypto map OUT 10 set ikev2 ipsec-proposal GCM
	${HF_PFS-crypto map OUT 10 set pfs group19}
	crypto map OUT interface outside
	crypto isakmp identity address
	crypto ikev2 policy 10
	 encryption ${HF_IKE_ENCR:-aes-gcm-256}
	 integrity ${HF_IKE_INTEG:-null}
	 group ${HF_IKE_GROUP:-19}
	 prf ${HF_IKE_PRF:-sha256}
	crypto ikev2 enable outside
	tunnel-group $6 type ipsec-l2l
	tunnel-group $6 ipsec-attributes
	 ikev2 local-authentication pre-shared-key $7
	 ikev2 remote-authentication pre-shared-key $8
	CONF
}

# lab_holdfast_conf N: the pair's configuration: the same ASA text, but for `failover lan unit` and the slot.
# HF_IKE_LIFETIME and HF_CHILD_LIFETIME (seconds) shorten the lifetimes; HF_EXTRA adds lines.
lab_holdfast_conf() {
	local unit=(- primary secondary "member "{3..8}) node
	cat <<-CONF
	failover
	failover lan unit ${unit[$1]}
	failover cluster-name holdfast
	failover slot $1
	failover key hex $FAILOVER_KEY
	CONF
	lab_tunnel_conf "vpn$1" $SERVICE $INSIDE_SERVICE 198.51.100.0 203.0.113.0 $PEER $HF_PSK $PEER_PSK
	cat <<-CONF
	crypto map OUT 10 set security-association lifetime seconds ${HF_CHILD_LIFETIME:-28800}
	crypto ikev2 policy 10
	 lifetime seconds ${HF_IKE_LIFETIME:-86400}
	tunnel-group $PEER ipsec-attributes
	 isakmp keepalive threshold ${HF_DPD:-10} retry 2
	CONF
	[ -z "${HF_EXTRA:-}" ] || printf '%s\n' "$HF_EXTRA"
	[ ! -e "$LAB_DIR/n$1/snapshot.key" ] ||
		for node in $LAB_NODES; do
			[ "$node" = "$1" ] && sed -n '/^failover/p' "$LAB_DIR/n$1/keygen" || cat "$LAB_DIR/n$node/public"
		done
}

# lab_make_key N: a fresh key for the snapshot channel; the daemons of both nodes have it from their next start on.
lab_make_key() {
	mkdir -p "$LAB_DIR/n$1"
	rm -f "$LAB_DIR/n$1/snapshot.key"
	"$HOLDFAST" cluster keygen "$LAB_DIR/n$1/snapshot.key" slot "$1" >"$LAB_DIR/n$1/keygen" || return 1
	grep ' public-key ' "$LAB_DIR/n$1/keygen" >"$LAB_DIR/n$1/public"
}

# lab_start_daemon N [OPTION...]: holdfastd in node N, with its configuration made anew and its keys exported
# (for tshark) to $LAB_DIR/nN/keys.
lab_start_daemon() {
	local node=$1
	shift
	lab_holdfast_conf "$node" >"$LAB_DIR/n$node/holdfast.conf"
	on_node "$node" install -m 600 "$LAB_DIR/n$node/holdfast.conf" /etc/holdfast/holdfast.conf
	mkdir -p "$LAB_DIR/n$node/keys"
	lab_as_installed "$node" || return 1
	[ ! -e "$LAB_DIR/n$node/installed" ] || on_node "$node" chown holdfast: /etc/holdfast/holdfast.conf
	lab_spawn "n$node" holdfastd $(lab_clocks "$node") $(lab_run_as "$node") -f -c /etc/holdfast/holdfast.conf \
		-s /var/lib/holdfast "$@"
}

# lab_make_user N: as systemd-sysusers does, and Corosync lets it in.
lab_make_user() {
	[ ! -e "$LAB_DIR/n$1/uidgid.d" ] || return 0
	# shellcheck disable=SC2016
	on_node "$1" bash -ec '
		echo holdfast:x:59999:59999::/:/usr/sbin/nologin >>/etc/passwd
		echo holdfast:x:59999: >>/etc/group
		install -D -m 644 "$1/corosync-uidgid.conf" "$2/uidgid.d/holdfast" # beside corosync.conf
		' user "$LAB_TOP/etc" "$LAB_DIR/n$1"
}

# lab_as_installed N: from here on the daemon of node N is what systemd makes of it: that user, with the unit's capabilities,
# in the folders that tmpfiles makes. What the user cannot reach needs root: clocks of its own, a key for the snapshot
# channel below $LAB_DIR.
lab_as_installed() {
	[ -z "${LAB_CLOCKS:-}" ] && [ -e "$LAB_DIR/n$1/uidgid.d" ] && [ ! -e "$LAB_DIR/n$1/installed" ] &&
		[ ! -e "$LAB_DIR/n$1/snapshot.key" ] || return 0
	# shellcheck disable=SC2016
	on_node "$1" bash -ec '
		while read -r type path mode user group _; do
			[ "$type" != d ] || install -d -m "$mode" -o "$user" -g "$group" "$path"
		done <"$2/holdfast.tmpfiles"
		chmod 755 /run
		mkdir /run/exported-keys
		mount --bind "$3/keys" /run/exported-keys
		chown holdfast: /run/exported-keys
		touch /run/holdfastd
		mount --bind "$1" /run/holdfastd' installed "$HOLDFASTD" "$LAB_TOP/etc" "$LAB_DIR/n$1" || return 1
	touch "$LAB_DIR/n$1/installed"
}

# lab_run_as N: what comes before the daemon's arguments.
lab_run_as() {
	local capabilities
	if [ ! -e "$LAB_DIR/n$1/installed" ]; then
		echo "$HOLDFASTD --export-keys $LAB_DIR/n$1/keys"
		return
	fi
	capabilities=-all$(sed -n 's/^AmbientCapabilities=//p' "$LAB_TOP/etc/holdfastd.service.in" | tr '[:upper:]' '[:lower:]' |
		sed 's/\(^\| *\)cap_/,+/g')
	echo "setpriv --reuid holdfast --regid holdfast --init-groups --no-new-privs --bounding-set=$capabilities" \
		"--inh-caps=$capabilities --ambient-caps=$capabilities /run/holdfastd --export-keys /run/exported-keys"
}

# With LAB_CLOCKS set every daemon has clocks of its own: node N has been up for N weeks longer than the machine (a time
# namespace), and its wall clock is off by what lab_wall_clock said last.
lab_clocks() {
	[ -n "${LAB_CLOCKS:-}" ] || return
	[ -e "$LAB_DIR/n$1/clock" ] || lab_wall_clock "$1" 0
	echo "unshare --time --boottime $(($1 * 604800)) env LD_PRELOAD=$CLOCK_STEP CLOCK_STEP_FILE=$LAB_DIR/n$1/clock"
}

# lab_wall_clock N SECONDS: a step, to so many seconds from the machine's clock.
lab_wall_clock() {
	printf '%-20s' "$2" 1<>"$LAB_DIR/n$1/clock"
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
	hf "$1" show failover 2>/dev/null | grep -q 'Protected: yes'
}

# The number of the active node; false when there is none or two.
active_node() {
	local active="" node
	for node in $LAB_NODES; do
		is_active "$node" && active=$active$node
	done
	[ ${#active} = 1 ] && echo "$active"
}

pair_protected() {
	local node
	node=$(active_node) && is_protected "$node"
}

other() {
	echo $((3 - $1))
}

# protected_members N: how many standbys node N calls protected.
protected_members() {
	hf "$1" show failover 2>/dev/null | grep -c 'Member .*, protected'
}

all_protected() {
	local node nodes
	read -ra nodes <<<"$LAB_NODES"
	node=$(active_node) && is_protected "$node" && [ "$(protected_members "$node")" = $((${#nodes[@]} - 1)) ]
}

# Corosync and Holdfast on all nodes; returns when one owns and protects (about three seconds).
lab_start_pair() {
	local node nodes
	read -ra nodes <<<"$LAB_NODES"
	for node in "${nodes[@]}"; do
		lab_start_corosync "$node"
	done
	for node in "${nodes[@]}"; do
		wait_for 20 "corosync quorate on n$node" quorate "$node" ${#nodes[@]} || return 1
	done
	for node in "${nodes[@]}"; do
		lab_start_daemon "$node" "$@"
	done
	wait_for 15 "one active node and protected standbys" all_protected
}

# --- a third Holdfast as the peer: no failover, no Corosync -----------------------------------------------

# The configuration of a concentrator on its own. HF_PEER_EXTRA adds lines.
lab_peer_holdfast_conf() {
	lab_tunnel_conf vpn3 $PEER 203.0.113.1 203.0.113.0 198.51.100.0 $SERVICE $PEER_PSK $HF_PSK
	[ -z "${HF_PEER_EXTRA:-}" ] || printf '%s\n' "$HF_PEER_EXTRA"
}

lab_start_peer_holdfast() {
	lab_peer_holdfast_conf >"$LAB_DIR/peer/holdfast.conf"
	in_box peer install -m 600 "$LAB_DIR/peer/holdfast.conf" /etc/holdfast/holdfast.conf
	mkdir -p "$LAB_DIR/peer/keys"
	lab_spawn peer holdfastd "$HOLDFASTD" -f -c /etc/holdfast/holdfast.conf -s /var/lib/holdfast \
		--export-keys "$LAB_DIR/peer/keys"
	wait_for 10 "the third Holdfast" peer_hf initiate crypto map OUT 10
}

# peer_hf COMMAND...: the administrator's shell of the third Holdfast.
peer_hf() {
	in_box peer timeout 5 "$HOLDFAST" "$@"
}

# The third Holdfast's view: both SPIs of its IKE SAs that are ready.
peer_hf_identity() {
	peer_hf --json show crypto ikev2 sa | jq -r '.ikev2_sas[] | select(.status == "READY") | [.local_spi, .remote_spi] | join(" ")'
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
	half_open_timeout = 8
	}
	CONF
}

# lab_swanctl_conf LOCAL REMOTE LOCAL_TS REMOTE_TS LOCAL_PSK REMOTE_PSK: charon proves itself with the secret whose
# owners are both ends, and tries every secret of the other end to check it.
lab_swanctl_conf() {
	cat <<-CONF
	connections {
	lab {
	version = 2
	local_addrs = $1
	remote_addrs = $2
	proposals = ${PEER_IKE_PROPOSALS:-aes256gcm16-prfsha256-ecp256}
	rekey_time = ${PEER_IKE_REKEY:-0}
	over_time = 1h
	rand_time = 0
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
	life_time = 1h
	rand_time = 0
	dpd_action = clear
	start_action = none
	}
	}
	}
	}
	secrets {
	ike-local {
	id-local = $1
	id-remote = $2
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

# peer_cmd OPTION...: swanctl at the peer, or at the one that PEER_BOX names.
peer_cmd() {
	in_box "${PEER_BOX:-peer}" timeout 30 swanctl "$@"
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
	local state children
	[ "$(peer_ike_sas | wc -l)" = 1 ] || return 1
	read -r _ state _ _ children < <(peer_ike_sas)
	[ "$state" = ESTABLISHED ] && [ "$children" -ge 1 ]
}
