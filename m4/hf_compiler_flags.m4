dnl SPDX-License-Identifier: Apache-2.0

dnl HF_COMPILER_FLAGS: warnings, hardening and sanitizers, as WARN_CFLAGS,
dnl HARDEN_CFLAGS, HARDEN_CPPFLAGS and HARDEN_LDFLAGS.
AC_DEFUN([HF_COMPILER_FLAGS], [
	AC_ARG_ENABLE([fatal-warnings],
		[AS_HELP_STRING([--enable-fatal-warnings], [treat warnings as errors])],
		[hf_fatal_warnings=$enableval], [hf_fatal_warnings=no])
	AC_ARG_WITH([sanitizers],
		[AS_HELP_STRING([--with-sanitizers=LIST], [address,undefined or thread; with clang, fuzzer-no-link too])],
		[hf_sanitizers=$withval], [hf_sanitizers=])
	AS_CASE([$hf_sanitizers],
		[no], [hf_sanitizers=],
		[yes], [AC_MSG_ERROR([--with-sanitizers needs a list: address,undefined or thread])])

	WARN_CFLAGS="-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla"
	AS_IF([test "x$hf_fatal_warnings" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])

	HARDEN_CPPFLAGS=
	HARDEN_CFLAGS="-fPIE -fstack-protector-strong -fno-strict-aliasing"
	HARDEN_LDFLAGS="-pie -Wl,-z,relro -Wl,-z,now"
	AS_IF([test -n "$hf_sanitizers"], [
		HARDEN_CFLAGS="$HARDEN_CFLAGS -fsanitize=$hf_sanitizers -fno-sanitize-recover=all -fno-omit-frame-pointer"
		HARDEN_LDFLAGS="$HARDEN_LDFLAGS -fsanitize=$hf_sanitizers"
	], [
		dnl glibc warns about fortification without optimisation.
		AS_CASE([" $CFLAGS "], [*" -O@<:@123gs@:>@ "*], [HARDEN_CPPFLAGS="-D_FORTIFY_SOURCE=2"])
	])
	FUZZ_LIBS=
	hf_libfuzzer=no
	AS_CASE([$hf_sanitizers], [*fuzzer*], [hf_libfuzzer=yes FUZZ_LIBS=-fsanitize=fuzzer])
	AC_SUBST([FUZZ_LIBS])
	AM_CONDITIONAL([LIBFUZZER], [test $hf_libfuzzer = yes])
	AC_SUBST([WARN_CFLAGS])
	AC_SUBST([HARDEN_CPPFLAGS])
	AC_SUBST([HARDEN_CFLAGS])
	AC_SUBST([HARDEN_LDFLAGS])
])
