#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The agent by itself: ocf-tester with a standalone daemon, its metadata against the schemas that are installed, what pcs
# makes of the printed commands, what it says of each state that a daemon can be in, and what it does with one that was
# killed, that hangs or that is configured for the internal role manager.
LAB_BESIDE=1
LAB_LIMIT=150
. "$(dirname "$0")/lab.sh"
need_holdfast
for tool in ocf-tester xmllint pcs cibadmin crm_verify; do
	command -v $tool >/dev/null || fail "$tool is not installed (resource-agents, libxml2-utils, pcs, pacemaker)"
done
lab_enter "$@"

SCHEMAS=/usr/share/resource-agents
agent=/run/ocf/concentrator
conf=/etc/holdfast/holdfast.conf
lab_up || fail "the topology does not come up"

# agent ACTION [VARIABLE=VALUE...]: its exit status is the agent's.
agent() {
	local action=$1
	shift
	on_node 1 env OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE=vpn OCF_RESOURCE_TYPE=concentrator \
		OCF_RESKEY_binary=/run/ocf/holdfastd OCF_RESKEY_client="$HOLDFAST" "$@" "$agent" "$action"
}

# expect STATUS ACTION [VARIABLE=VALUE...]
expect() {
	local wanted=$1 status
	shift
	agent "$@"
	status=$?
	[ $status = "$wanted" ] || fail "$*: exit status $status, not $wanted"
}

daemon_pid() {
	pgrep -x --ns "${LAB_BOX[n1]}" --nslist net holdfastd
}

no_daemon() {
	! daemon_pid
}

standalone_conf() {
	lab_holdfast_conf 1 | grep -v '^failover'
	echo "failover role-manager ${1:-pacemaker}"
}

install_conf() {
	on_node 1 bash -c "cat >$conf && chown holdfast:holdfast $conf && chmod 600 $conf"
}

# As `make install` and systemd-sysusers leave the machine; programs where that user can reach them.
on_node 1 bash -c '
	set -e
	useradd --system --no-create-home --shell /usr/sbin/nologin holdfast
	chown holdfast: /var/lib/holdfast /etc/holdfast
	chmod 755 /run
	mkdir -m 755 /run/ocf
	install -m 755 "$1" /run/ocf
	install -m 755 "$2" /run/ocf/concentrator' install "$HOLDFASTD" "$LAB_TOP/etc/ocf/concentrator.in" || fail "no user holdfast"
standalone_conf | install_conf

echo "--- metadata"
agent meta-data >"$LAB_DIR/metadata.xml" || fail "meta-data fails"
(cd $SCHEMAS && xmllint --noout --valid - <"$LAB_DIR/metadata.xml") || fail "the metadata breaks ra-api-1.dtd"
for schema in $SCHEMAS/metadata.rng /usr/share/pcs/data/ocf-1.1.rng; do
	xmllint --noout --nonet --relaxng "$schema" "$LAB_DIR/metadata.xml" || fail "the metadata breaks $schema"
	echo "figure: metadata agrees with $schema"
done

echo "--- what is printed for pcs"
# shellcheck disable=SC2016
on_node 1 bash -ec '
	mount -t tmpfs tmpfs /usr/lib/ocf/resource.d
	install -D -m 755 "$1" /usr/lib/ocf/resource.d/holdfast/concentrator
	cibadmin --empty >/run/cib.xml
	pcs() { command pcs -f /run/cib.xml "$@"; }
	pcs property set stonith-enabled=false
	. <("$2" pacemaker print-config pcs)
	crm_verify -V -x /run/cib.xml
	for meta in promotable=true promoted-max=1 notify=true; do
		grep "<nvpair .*name=\"${meta%=*}\" value=\"${meta#*=}\"" /run/cib.xml
	done
	umount /usr/lib/ocf/resource.d' pcs "$agent" "$HOLDFAST" >"$LAB_DIR/pcs.log" 2>&1 ||
	fail "the printed pcs commands: $(cat "$LAB_DIR/pcs.log")"

echo "--- ocf-tester"
on_node 1 ocf-tester -v -n vpn -o binary=/run/ocf/holdfastd -o client="$HOLDFAST" "$agent" || fail "ocf-tester fails"

echo "--- a daemon that is killed, that hangs"
expect 7 monitor
expect 7 monitor OCF_RESKEY_binary=/nowhere/holdfastd OCF_RESKEY_client=/nowhere/holdfast
expect 7 promote
expect 7 demote
expect 0 start
expect 0 monitor
[ "$(awk '/^Uid:/ { print $2 }' "/proc/$(daemon_pid)/status")" = "$(on_node 1 id -u holdfast)" ] || fail "the daemon does not run as holdfast"
# As the unit has it: net_bind_service, net_admin, net_raw and ipc_lock, and huge pages.
[ "$(sed -n 's/^CapBnd:\t//p' "/proc/$(daemon_pid)/status")" = 0000000000007400 ] || fail "the daemon has other capabilities"
tr '\0' '\n' <"/proc/$(daemon_pid)/environ" | grep -qx "$(sed -n 's/^Environment=//p' "$LAB_TOP/etc/holdfastd.service.in")" ||
	fail "the daemon has another environment"
expect 0 promote
expect 8 monitor
expect 8 monitor OCF_CHECK_LEVEL=20 OCF_RESKEY_CRM_meta_role=Promoted
kill -KILL "$(daemon_pid)"
wait_for 2 "the killed daemon is gone" no_daemon || fail "the killed daemon is still there"
expect 7 monitor
expect 0 stop
expect 0 start
expect 0 promote
kill -STOP "$(daemon_pid)"
expect 9 monitor OCF_RESKEY_CRM_meta_role=Promoted
expect 0 stop OCF_RESKEY_CRM_meta_timeout=12000
[ -z "$(daemon_pid)" ] || fail "stop leaves a process"

# A daemon that is in another state than it is ($LAB_DIR/state, for jq), and writes what it is told; Pacemaker's tool for
# promotion scores, which writes the score.
cat >"$LAB_DIR/client" <<-CLIENT
	#!/bin/sh
	[ "\$1" = --json ] || { echo "\$*" >>"$LAB_DIR/told"; exit 0; }
	"$HOLDFAST" "\$@" | jq -f "$LAB_DIR/state"
CLIENT
mkdir "$LAB_DIR/bin"
cat >"$LAB_DIR/bin/crm_attribute" <<-'CRM'
	#!/bin/sh
	score="?"
	while [ $# -gt 0 ]; do
		case $1 in
		-D | --delete) score=none ;;
		-v | --update) score=$2 ;;
		esac
		shift
	done
	echo $score >"LAB/score"
CRM
sed -i "s|LAB/|$LAB_DIR/|" "$LAB_DIR/bin/crm_attribute"
chmod 755 "$LAB_DIR/client" "$LAB_DIR/bin/crm_attribute"

echo "--- what it says of each state"
ACTIVE='.enabled = true | .cluster_up = true | .this_host.state = "Active" | .group.protected = true'
STANDBY='.enabled = true | .cluster_up = true | .this_host.state = "Standby Ready"'
JOINS='.enabled = true | .cluster_up = true | .this_host.state = "Bulk Sync" | .group.may_begin_empty = false'
DEAD_LINK='.this_host.interfaces = [{nameif: "outside", monitored: true, up: false}]'
OTHER='.this_host.config_digest = "11" | .other_hosts = [{state: "Active", config_digest: "22"}]'
# says STATUS SCORE REASON ACTION ROLE DEPTH STATE: what monitor, or another action, makes of a daemon in that state.
says() {
	local status wanted=$1 score=$2 reason=$3 action=$4 role=$5 depth=$6
	echo ".failover |= ($7)" >"$LAB_DIR/state"
	: >"$LAB_DIR/score"
	agent "$action" OCF_RESKEY_client="$LAB_DIR/client" HA_SBIN_DIR="$LAB_DIR/bin" OCF_RESKEY_crm_feature_set=3.16.2 \
		OCF_RESKEY_CRM_meta_role="$role" OCF_CHECK_LEVEL="$depth" OCF_RESKEY_CRM_meta_interval=5000 \
		OCF_RESKEY_CRM_meta_timeout=4000 >"$LAB_DIR/said" 2>&1
	status=$?
	[ $status = "$wanted" ] || fail "$action, $role, depth $depth, '$7': exit status $status, not $wanted: $(cat "$LAB_DIR/said")"
	[ "$(cat "$LAB_DIR/score")" = "$score" ] || fail "$action, $role, '$7': score $(cat "$LAB_DIR/score"), not $score"
	[ -z "$reason" ] || grep -q "$reason" "$LAB_DIR/said" || fail "$action, $role, '$7': no reason '$reason': $(cat "$LAB_DIR/said")"
}
expect 0 start
says 8 1000 '' monitor Promoted 20 "$ACTIVE"
says 191 1000 'active without a protected standby' monitor Promoted 0 "$ACTIVE | .group.protected = false"
says 8 1000 '' monitor Promoted 0 "$ACTIVE | .cluster_up = false"
says 9 1000 'has lost Corosync' monitor Promoted 10 "$ACTIVE | .cluster_up = false"
says 8 50 '' monitor Promoted 0 "$ACTIVE | $DEAD_LINK"
says 9 50 'no link: outside' monitor Promoted 10 "$ACTIVE | $DEAD_LINK"
says 8 1000 '' monitor Promoted 10 "$ACTIVE"' | .this_host.interfaces = [{nameif: "outside", address: "192.0.2.77"}]'
says 9 1000 'the service addresses (192.0.2.77) are not on this host' monitor Promoted 20 \
	"$ACTIVE"' | .this_host.interfaces = [{nameif: "outside", address: "192.0.2.77"}]'
says 0 100 '' monitor Unpromoted 20 "$STANDBY"
says 0 45 '' monitor Unpromoted 0 "$STANDBY | $DEAD_LINK"
says 190 100 "the configuration differs from the active node's" monitor Unpromoted 0 "$STANDBY | $OTHER"
says 190 none 'not synced: Bulk Sync' monitor Unpromoted 0 "$JOINS"
says 0 10 '' monitor Unpromoted 0 "$JOINS | .group.may_begin_empty = true"
says 1 none 'never synced (Bulk Sync)' promote Unpromoted 0 "$JOINS"
says 0 none '' notify Unpromoted 0 "$JOINS"
expect 0 stop

echo "--- when a node counts as fenced"
echo '.failover.group.awaits_fencing_of = 2' >"$LAB_DIR/state"
cat >"$LAB_DIR/bin/crm_mon" <<-CRM
	#!/bin/sh
	cat "$LAB_DIR/crm_mon.xml"
CRM
chmod 755 "$LAB_DIR/bin/crm_mon"
# told_when ENABLED ONLINE UNCLEAN TARGET STATUS: what the daemon is told when Pacemaker says so of node n2.
told_when() {
	cat >"$LAB_DIR/crm_mon.xml" <<-XML
		<pacemaker-result>
		  <cluster_options stonith-enabled="$1" symmetric-cluster="true"/>
		  <nodes>
		    <node name="n1" id="1" online="true" standby="false" unclean="false" type="member"/>
		    <node name="n2" id="2" online="$2" standby="false" unclean="$3" type="member"/>
		  </nodes>
		  <fence_history>
		    <fence_event action="reboot" target="$4" client="pacemaker-controld.405" status="$5"/>
		  </fence_history>
		</pacemaker-result>
	XML
	: >"$LAB_DIR/told"
	agent monitor OCF_RESKEY_client="$LAB_DIR/client" PATH="$LAB_DIR/bin:$PATH" >/dev/null 2>&1
	cat "$LAB_DIR/told"
}
expect 0 start
[ "$(told_when true false false n2 success)" = "node fenced 2" ] || fail "a node that is fenced is not told"
for case in "false false false n2 success" "true true false n2 success" "true false true n2 success" \
	"true false false n2 failed" "true false false n1 success"; do
	# shellcheck disable=SC2086
	[ -z "$(told_when $case)" ] || fail "told to be fenced: $case"
done
expect 0 stop

echo "--- wrong configurations"
standalone_conf internal | install_conf
expect 6 start
[ -z "$(daemon_pid)" ] || fail "a start that failed leaves a process"
echo "failover key hex 0011" | install_conf
expect 0 validate-all
expect 6 validate-all OCF_CHECK_LEVEL=10
expect 6 start
expect 5 start OCF_RESKEY_user=nobody-here
expect 5 start OCF_RESKEY_binary=/nowhere/holdfastd
expect 3 migrate_to
