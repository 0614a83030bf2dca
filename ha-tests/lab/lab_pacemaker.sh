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

# The agent where Pacemaker looks for it; while /run/ocf/stop-fails is there its stop fails. The daemon logs to a file and exports its keys, as in the other cases.
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
			>/run/ocf/concentrator
		printf "%s\n" "#!/bin/sh" "[ \$1 != stop ] || [ ! -e /run/ocf/stop-fails ] || exit 1" \
			"exec /run/ocf/concentrator \"\$@\"" >/usr/lib/ocf/resource.d/holdfast/concentrator
		chmod 755 /run/ocf/concentrator /usr/lib/ocf/resource.d/holdfast/concentrator
		mount -t tmpfs tmpfs /var/log
		mkdir /var/log/crmsh
		install -d -o hacluster -g haclient -m 770 /var/log/pacemaker
		rm -rf /var/lib/pacemaker/cib/* /var/lib/pacemaker/pengine/*
		# Nobody waits 20 s for a DC that may be there already.
		cibadmin --empty | sed "s|<crm_config/>|<crm_config><cluster_property_set id=\"lab\">\
			<nvpair id=\"lab-dc\" name=\"dc-deadtime\" value=\"2s\"/></cluster_property_set></crm_config>|" \
			>"$1/cib.xml"
		install -o hacluster -g haclient -m 600 "$1/cib.xml" /var/lib/pacemaker/cib/cib.xml' \
		install "$LAB_DIR/n$node" "$HOLDFAST" "$LAB_TOP/etc/ocf/concentrator.in"
}

start_pacemaker() {
	lab_spawn "n$1" pacemakerd env PCMK_logfile="$LAB_DIR/n$1/pacemaker.log" pacemakerd -f
}

# kill_node N: what runs on the node ends at once, as when its power is cut.
kill_node() {
	local pid
	for pid in $(pgrep --ns "${LAB_BOX[n$1]}" --nslist net 'pacemaker|corosync|holdfastd'); do
		kill -KILL "$pid"
	done
}

daemon_pid() {
	pgrep -x --ns "${LAB_BOX[n$1]}" --nslist net holdfastd
}

online() {
	[ "$(on_node "$1" crm_mon -1 2>/dev/null | sed -n 's/.* Online: \[ \(.*\) \].*/\1/p')" = "n1 n2" ]
}

# promoted N [BY]: as Pacemaker on node BY (on N itself) sees it, the promoted instance is on node N.
promoted() {
	on_node "${2:-$1}" crm_resource --resource holdfast-clone --locate 2>/dev/null | grep -qE ": n$1 (Promoted|Master)"
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

# The configuration as it is printed: loaded without --force there is no question and nothing to complain of but what the
# lab leaves out, the fencing.
lab_load_as_printed() {
	"$HOLDFAST" pacemaker print-config crm >"$LAB_DIR/printed-crm.txt"
	on_node 1 crm configure property stonith-enabled=false &&
		on_node 1 crm configure load update "$LAB_DIR/printed-crm.txt" >"$LAB_DIR/load-crm.log" 2>&1 &&
		! grep -v 'not fencing unseen nodes' "$LAB_DIR/load-crm.log" | grep -iE 'error|warning|commit'
}

# The configuration with intervals that suit a test.
lab_load_pacemaker() {
	"$HOLDFAST" pacemaker print-config crm | sed 's/interval=5s/interval=2s/; s/interval=7s/interval=3s/' \
		>"$LAB_DIR/pacemaker-crm.txt"
	on_node 1 crm configure property stonith-enabled=false &&
		on_node 1 crm -F configure load update "$LAB_DIR/pacemaker-crm.txt"
}

# --- fencing --------------------------------------------------------------------------------------------

# A fencing agent in the place of fence_legacy, the one that Pacemaker brings: asked to fence node nN it says so in
# $LAB_DIR/fence.log, waits until $LAB_DIR/may-fence-nN exists, kills what runs on the node, and writes when that was.
lab_fence_agent() {
	local node
	cat >"$LAB_DIR/fence" <<-'AGENT'
	#!/bin/bash
	action="" node=""
	while IFS='=' read -r name value; do
		case $name in
		action) action=$value ;;
		port | plug | nodename) node=$value ;;
		esac
	done < <([ "${1:-}" = -o ] && echo "action=$2" || cat)
	case $action in
	metadata)
		cat <<-END
		<?xml version="1.0"?>
		<resource-agent name="fence_legacy" shortdesc="the lab's">
		<longdesc>The lab's</longdesc>
		<parameters>
		<parameter name="action" unique="0" required="1"><content type="string" default="off"/></parameter>
		<parameter name="port" unique="1" required="0"><content type="string"/></parameter>
		</parameters>
		<actions><action name="off"/><action name="reboot"/><action name="monitor"/><action name="status"/>
		<action name="metadata"/></actions>
		</resource-agent>
		END
		;;
	off | reboot)
		echo "asked to fence $node" >>"LAB/fence.log"
		until [ -e "LAB/may-fence-$node" ]; do sleep 0.1; done
		for pid in $(pgrep --ns "$(cat "LAB/box-$node")" --nslist net 'pacemaker|corosync|holdfastd|fence_legacy'); do
			kill -KILL "$pid"
		done
		read -r up _ </proc/uptime
		echo $((10#${up/./} * 10)) >"LAB/fenced-$node"
		;;
	esac
	exit 0
	AGENT
	sed -i "s|LAB/|$LAB_DIR/|g" "$LAB_DIR/fence"
	chmod 755 "$LAB_DIR/fence"
	for node in 1 2; do
		echo "${LAB_BOX[n$node]}" >"$LAB_DIR/box-n$node"
		on_node $node mount --bind "$LAB_DIR/fence" /usr/sbin/fence_legacy || return 1
	done
}

lab_enable_fencing() {
	on_node 1 crm -F configure primitive fence stonith:fence_legacy params pcmk_host_list="n1 n2" \
		pcmk_host_check=static-list pcmk_off_timeout=120s pcmk_reboot_timeout=120s op monitor interval=0 &&
		on_node 1 crm configure property stonith-enabled=true stonith-timeout=120s
}
