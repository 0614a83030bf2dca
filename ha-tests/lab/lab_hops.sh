# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# Where packets of a flow got lost (sourced by the cases that need it). Each box counts the flow's packets where they
# come in and go out, in clear and as ESP, in a table of its own that no daemon touches:
#
#   hosta sent .. hosta out -> nodes in .. nodes to TUN .. (nodes ESP out) -> peer ESP in .. peer from TUN .. peer out
#   -> hostb in .. hostb received, and the same the other way round
#
# so every packet that one hop counted and the next did not was lost between these two. hops_begin starts, hops_report
# prints the table. What drops at a hop says of itself (reasons) is printed under it: sockets, devices, qdiscs, the IP
# layer, the datapath's verdicts.
#
# A train of UDP datagrams (UDP_SEGMENT) counts once where it goes out: what Holdfast sends as ESP in UDP is counted
# where it comes in only.

HOP_BOXES=(hosta n1 n2 peer hostb)

hops_table() {
	cat <<-'NFT'
	table ip hops {
		counter in_inside { }
		counter out_inside { }
		counter from_tun { }
		counter to_tun { }
		counter esp_in { }
		counter esp_out { }
		counter esp_udp_out { }
		chain pre {
			type filter hook prerouting priority -310
			iifname "inside" udp dport 5001 counter name in_inside
			iifname { "hf0", "ipsec0" } udp dport 5001 counter name from_tun
			iifname "outside" meta l4proto esp counter name esp_in
			iifname "outside" udp dport 4500 @th,64,32 != 0 counter name esp_in
		}
		chain post {
			type filter hook postrouting priority 310
			oifname "inside" udp dport 5001 counter name out_inside
			oifname { "hf0", "ipsec0" } udp dport 5001 counter name to_tun
			oifname "outside" meta l4proto esp counter name esp_out
			oifname "outside" udp sport 4500 @th,64,32 != 0 counter name esp_udp_out
		}
	}
	NFT
}

# Before the first flow.
hops_open() {
	local box
	for box in "${HOP_BOXES[@]}"; do
		hops_table | in_box "$box" nft -f - || return 1
	done
}

# hops_begin: from here on; what was counted before is forgotten.
hops_begin() {
	local box
	for box in "${HOP_BOXES[@]}"; do
		in_box "$box" nft reset counters table ip hops >/dev/null || return 1
	done
	rm -f "$LAB_DIR"/reasons.*
	hops_look
}

# hops_look: what the daemons and the kernel say of drops now. Once more before a daemon ends and after it is there
# again: its counters and its devices go with it.
hops_look() {
	local box n dropped
	n=$(find "$LAB_DIR" -maxdepth 1 -name 'reasons.*' | wc -l)
	for box in "${HOP_BOXES[@]}"; do
		hop_reasons "$box" | sed "s/^/$box /"
	done >"$LAB_DIR/reasons.$(printf %04d "$n")"
	# Per processor, of the whole machine.
	while read -r _ dropped _; do
		echo "machine backlog $((16#$dropped))"
	done </proc/net/softnet_stat >>"$LAB_DIR/reasons.$(printf %04d "$n")"
}

# hop_reasons BOX: "NAME VALUE" for everything in a box that counts drops.
hop_reasons() {
	# shellcheck disable=SC2016
	in_box "$1" bash -c '
		for f in /sys/class/net/*/statistics/[rt]x_dropped /sys/class/net/*/statistics/[rt]x_errors; do
			read -r value <"$f" && f=${f#/sys/class/net/} && echo "device-${f/\/statistics\//-} $value"
		done
		awk "FNR > 1 { split(\$2, at, \":\"); print \"socket-udp-\" at[2], \$NF }" /proc/net/udp
		awk "FNR > 1 { split(\$2, at, \":\"); print \"socket-raw-\" at[2], \$NF }" /proc/net/raw
		awk "\$1 == was { for (i = 2; i <= NF; i++)
				if (name[i] ~ /Discards|NoRoutes|AddrErrors|HdrErrors|TruncatedPkts|Fails|RcvbufErrors|SndbufErrors|NoPorts|InErrors/)
					print \"ip-\" substr(\$1, 1, length(\$1) - 1) \"-\" name[i], \$i
				was = \"\"; next }
			{ was = \$1; split(\$0, name) }" /proc/net/snmp /proc/net/netstat
		tc -s qdisc show | awk "/^qdisc/ { name = \$2 \"-\" \$5 } /dropped/ { sub(/,/, \"\", \$7); print \"qdisc-\" name, \$7 }"'
	in_box "$1" timeout 5 "$HOLDFAST" show counters 2>/dev/null |
		awk '$3 ~ /^[0-9]+$/ { print "holdfast-" $1 "-" $2, $3 }'
}

# hops_report FLOW: after its end. The table; false when a packet was lost at Holdfast. The last line is a summary.
hops_report() {
	local box
	hops_look
	for box in "${HOP_BOXES[@]}"; do
		in_box "$box" nft -j list counters table ip hops >"$LAB_DIR/hops.$box" || return 2
	done
	"$LAB_SRC/check-hops" "$LAB_DIR" "$1"
}
