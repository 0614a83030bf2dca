# SPDX-License-Identifier: Apache-2.0
# Benchmarks: built and run by hand or by "./bootstrap soak"; they print, they never fail.

EXTRA_PROGRAMS += ha-tests/bench/bench_esp
CLEANFILES += ha-tests/bench/bench_esp$(EXEEXT)
ha_tests_bench_bench_esp_SOURCES = ha-tests/bench/bench_esp.c
ha_tests_bench_bench_esp_LDADD = libesp.la libbase.la $(IPSEC_MB_LIBS)

bench: ha-tests/bench/bench_esp
	$(AM_V_at)ha-tests/bench/bench_esp

.PHONY: bench
