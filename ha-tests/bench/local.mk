# SPDX-License-Identifier: Apache-2.0
# Benchmarks: built and run by hand or by "./bootstrap soak"; they print, they never fail.

EXTRA_PROGRAMS += ha-tests/bench/bench_esp ha-tests/bench/ike_clients ha-tests/bench/machine
CLEANFILES += ha-tests/bench/bench_esp$(EXEEXT) ha-tests/bench/ike_clients$(EXEEXT) ha-tests/bench/machine$(EXEEXT)
dist_noinst_SCRIPTS += ha-tests/bench/bench-ha
ha_tests_bench_bench_esp_SOURCES = ha-tests/bench/bench_esp.c
ha_tests_bench_bench_esp_LDADD = libesp.la libbase.la $(IPSEC_MB_LIBS)
ha_tests_bench_ike_clients_SOURCES = \
	ha-tests/bench/ike_client.c ha-tests/bench/ike_client.h \
	ha-tests/bench/ike_clients.c
ha_tests_bench_ike_clients_LDADD = $(node_libs)
ha_tests_bench_machine_SOURCES = ha-tests/bench/machine.c
ha_tests_bench_machine_LDADD = libbase.la -lpthread

# With huge pages, as the daemon's unit sets them, for both contenders.
bench: ha-tests/bench/bench_esp
	$(AM_V_at)GLIBC_TUNABLES=glibc.malloc.hugetlb=1 ha-tests/bench/bench_esp

# COUNT=n: so many peers, 10000 when not given.
bench-ha: all ha-tests/bench/ike_clients ha-tests/bench/machine
	$(AM_V_at)HOLDFASTD=$(abs_builddir)/holdfastd HOLDFAST=$(abs_builddir)/holdfast \
		IKE_CLIENTS=$(abs_builddir)/ha-tests/bench/ike_clients \
		MACHINE=$(abs_builddir)/ha-tests/bench/machine $(srcdir)/ha-tests/bench/bench-ha $(COUNT)

.PHONY: bench bench-ha
