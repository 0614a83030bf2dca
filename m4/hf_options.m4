dnl SPDX-License-Identifier: Apache-2.0

dnl HF_WITH_IPSEC_MB: the Intel multi-buffer backend of esp/, where the library is found.
AC_DEFUN([HF_WITH_IPSEC_MB], [
	AC_ARG_WITH([ipsec-mb],
		[AS_HELP_STRING([--with-ipsec-mb], [ESP through libipsec-mb (default: where it is found)])],
		[], [with_ipsec_mb=check])
	hf_ipsec_mb=no
	AS_IF([test "x$with_ipsec_mb" != xno], [
		AC_CHECK_HEADER([intel-ipsec-mb.h],
			[AC_CHECK_LIB([IPSec_MB], [init_mb_mgr_auto], [hf_ipsec_mb=yes])])
		AS_IF([test "x$with_ipsec_mb$hf_ipsec_mb" = xyesno],
			[AC_MSG_ERROR([libipsec-mb was asked for and is not there (Debian: libipsec-mb-dev)])])
	])
	AS_IF([test $hf_ipsec_mb = yes], [
		AC_DEFINE([HAVE_IPSEC_MB], [1])
		AC_SUBST([IPSEC_MB_LIBS], [-lIPSec_MB])
	])
	AM_CONDITIONAL([HAVE_IPSEC_MB], [test $hf_ipsec_mb = yes])
])

dnl HF_WITH_IMPAIRMENTS: named faults for the tests (node/impair.h). Never in what is installed.
AC_DEFUN([HF_WITH_IMPAIRMENTS], [
	AC_ARG_ENABLE([impairments],
		[AS_HELP_STRING([--enable-impairments], [build in the named faults that the tests use])],
		[hf_impairments=$enableval], [hf_impairments=no])
	AS_IF([test "x$hf_impairments" = xyes], [AC_DEFINE([HF_IMPAIRMENTS], [1])])
])

dnl HF_INSTALL_DIRS: where units and system users belong; "make distcheck" redirects them.
AC_DEFUN([HF_INSTALL_DIRS], [
	AC_ARG_WITH([systemdsystemunitdir],
		[AS_HELP_STRING([--with-systemdsystemunitdir=DIR], [systemd units (default: PREFIX/lib/systemd/system)])],
		[], [with_systemdsystemunitdir='${prefix}/lib/systemd/system'])
	AC_SUBST([systemdsystemunitdir], [$with_systemdsystemunitdir])
	AC_ARG_WITH([ocfdir],
		[AS_HELP_STRING([--with-ocfdir=DIR], [OCF root, Pacemaker's is /usr/lib/ocf (default: PREFIX/lib/ocf)])],
		[], [with_ocfdir='${prefix}/lib/ocf'])
	AC_SUBST([ocfdir], [$with_ocfdir])
	AC_ARG_WITH([sysusersdir],
		[AS_HELP_STRING([--with-sysusersdir=DIR], [sysusers.d fragments (default: PREFIX/lib/sysusers.d)])],
		[], [with_sysusersdir='${prefix}/lib/sysusers.d'])
	AC_SUBST([sysusersdir], [$with_sysusersdir])
])

dnl HF_INCLUDE_PATHS: BUILD/inc/FOLDER holds links to exactly the folders that
dnl FOLDER may include (architecture.md, section 2), and is its only -I. What
dnl is not linked does not compile; ha-tests/lint-deps checks the rest.
AC_DEFUN([HF_INCLUDE_PATHS], [
	AC_CONFIG_COMMANDS([inc], [
		hf_link() {
			rm -rf "inc/$[1]" && mkdir -p "inc/$[1]" || return 1
			hf_top=`cd "$srcdir" && pwd`
			hf_for=$[1]
			shift
			for hf_folder in "$[@]"; do
				ln -s "$hf_top/$hf_folder" "inc/$hf_for/$hf_folder" || return 1
			done
		}
		hf_link base base &&
		hf_link esp base esp &&
		hf_link ike base ike &&
		hf_link statesync base statesync ike esp &&
		hf_link cluster base statesync cluster ike esp &&
		hf_link all base esp ike statesync cluster node ha-tests ||
			AC_MSG_ERROR([cannot make the include paths])
	])
])
