# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# A real Pacemaker on both nodes, which starts the daemons by the agent (sourced by the cases that need it).

need_pacemaker() {
	local tool
	for tool in pacemakerd crm crm_mon crm_resource crm_attribute; do
		command -v $tool >/dev/null || fail "$tool is not installed (pacemaker, crmsh)"
	done
}

# The agent where Pacemaker looks for it. The daemon logs to a file and exports its keys, as in the other cases.
install_agent() {
	local node=$1
	lab_holdfast_conf "$node" >"$LAB_DIR/n$node/holdfast.conf"
	mkdir -p "$LAB_DIR/n$node/keys"
	cat >"$LAB_DIR/n$node/launcher" <<-LAUNCHER
	#!/bin/bash
	[ "\$1" != -t ] || exec "$HOLDFASTD" "\$@"
	setsid "$HOLDFASTD" -f --export-keys "$LAB_DIR/n$node/keys" "\$@" >>"$LAB_DIR/n$node/holdfastd.log" 2>&1 </dev/null &
	LAUNCHER
	# shellcheck disable=SC2016
	on_node "$node" bash -c '
		set -e
		install -m 600 "$1/holdfast.conf" /etc/holdfast/holdfast.conf
		mkdir -p /run/ocf /run/resource-agents
		install -m 755 "$1/launcher" /run/ocf/holdfastd
		mount -t tmpfs tmpfs /usr/lib/ocf/resource.d
		mkdir -p /usr/lib/ocf/resource.d/holdfast
		sed "s|@sbindir@|/run/ocf|; s|@bindir@/holdfast|$2|; s|^user_default=.*|user_default=root|" "$3" \
			>/usr/lib/ocf/resource.d/holdfast/concentrator
		chmod 755 /usr/lib/ocf/resource.d/holdfast/concentrator
		mount -t tmpfs tmpfs /var/log
		mkdir /var/log/crmsh
		install -d -o hacluster -g haclient -m 770 /var/log/pacemaker
		rm -rf /var/lib/pacemaker/cib/* /var/lib/pacemaker/pengine/*' \
		install "$LAB_DIR/n$node" "$HOLDFAST" "$LAB_TOP/etc/ocf/concentrator.in"
}

start_pacemaker() {
	lab_spawn "n$1" pacemakerd env PCMK_logfile="$LAB_DIR/n$1/pacemaker.log" PCMK_dc_deadtime=5s pacemakerd -f
}

daemon_pid() {
	pgrep -x --ns "${LAB_BOX[n$1]}" --nslist net holdfastd
}

online() {
	[ "$(on_node "$1" crm_mon -1 2>/dev/null | sed -n 's/.* Online: \[ \(.*\) \].*/\1/p')" = "n1 n2" ]
}

# promoted N [BY]: as Pacemaker on node BY (on N itself) sees it, the promoted instance is on node N.
promoted() {
	on_node "${2:-$1}" crm_mon -1 2>/dev/null | grep -qE "(Promoted|Masters): \[ n$1 \]"
}

# promotion_score N: what the agent on node N said last; empty when it said none.
promotion_score() {
	on_node "$1" crm_attribute --promotion=holdfast --node "n$1" --query --quiet 2>/dev/null
}

score_is() {
	[ "$(promotion_score "$1")" = "$2" ]
}

no_daemon() {
	[ -z "$(daemon_pid "$1")" ]
}

# Corosync and Pacemaker on both nodes, with the agent, and no resource yet.
lab_start_pacemaker() {
	local node
	for node in 1 2; do
		install_agent $node || return 1
		lab_start_corosync $node
	done
	wait_for 20 "quorate" quorate 1 && wait_for 5 "quorate" quorate 2 || return 1
	start_pacemaker 1
	start_pacemaker 2
	wait_for 60 "both are online" online 1
}

# The configuration as it is printed, with intervals that suit a test.
lab_load_pacemaker() {
	"$HOLDFAST" pacemaker print-config crm | sed 's/interval=5s/interval=2s/; s/interval=7s/interval=3s/' \
		>"$LAB_DIR/pacemaker-crm.txt"
	on_node 1 crm configure property stonith-enabled=false &&
		on_node 1 crm -F configure load update "$LAB_DIR/pacemaker-crm.txt"
}
