#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The units, as they are installed: systemd knows every line of them, the programs they name are there, and what they leave
# the daemon is no more than it was (systemd-analyze security, in tenths).
LAB_BESIDE=1
LAB_LIMIT=60
. "$(dirname "$0")/lab.sh"
need_holdfast
command -v systemd-analyze >/dev/null || fail "systemd-analyze is not installed (systemd)"
lab_enter "$@"

units=$LAB_DIR/units
mkdir -p "$units" "$LAB_DIR/sbin"
install -m 755 "$HOLDFASTD" "$LAB_DIR/sbin/holdfastd"
sed "s|@sbindir@|$LAB_DIR/sbin|" "$LAB_TOP/etc/holdfastd.service.in" >"$units/holdfastd.service"
sed "s|@nft@|$(command -v nft)|" "$LAB_TOP/etc/holdfast-guard.service.in" >"$units/holdfast-guard.service"
grep -n '@[a-z]*@' "$units"/* && fail "something is not replaced"

systemd-analyze verify --man=no "$units"/*.service >"$LAB_DIR/verify" 2>&1 || fail "systemd-analyze verify fails: $(cat "$LAB_DIR/verify")"
grep holdfast "$LAB_DIR/verify" && fail "systemd-analyze verify says: $(cat "$LAB_DIR/verify")"

# exposed UNIT TENTHS
exposed() {
	systemd-analyze security --offline=yes --threshold="$2" "$units/$1" >"$LAB_DIR/security" 2>&1 ||
		fail "$1 is open wider than $2: $(tail -n 1 "$LAB_DIR/security")"
	echo "figure: $(sed -n 's/^[^A-Z]*Overall/overall/p' "$LAB_DIR/security" | sed 's/[^ -~]//g')"
}
exposed holdfastd.service 21
exposed holdfast-guard.service 42
