# SPDX-License-Identifier: Apache-2.0
# Fuzz targets. "make check" replays each one's corpus and mutants of it; configured with
# CC=clang --with-sanitizers=fuzzer-no-link,address,undefined they are libFuzzer programs ("make fuzzers").

fuzz_targets = \
	ha-tests/fuzz/fuzz_config \
	ha-tests/fuzz/fuzz_esp_open \
	ha-tests/fuzz/fuzz_ike_message \
	ha-tests/fuzz/fuzz_ike_payloads \
	ha-tests/fuzz/fuzz_ike_sk \
	ha-tests/fuzz/fuzz_record \
	ha-tests/fuzz/fuzz_replica
EXTRA_DIST += \
	ha-tests/fuzz/corpus/config \
	ha-tests/fuzz/corpus/esp_open \
	ha-tests/fuzz/corpus/ike_message \
	ha-tests/fuzz/corpus/ike_payloads \
	ha-tests/fuzz/corpus/ike_sk \
	ha-tests/fuzz/corpus/record

if LIBFUZZER
EXTRA_PROGRAMS += $(fuzz_targets)
fuzz_support = ha-tests/fuzz/fuzz.h
else
check_PROGRAMS += $(fuzz_targets)
fuzz_support = ha-tests/fuzz/fuzz.h ha-tests/fuzz/replay.c
endif

ha_tests_fuzz_fuzz_config_SOURCES = ha-tests/fuzz/fuzz_config.c $(fuzz_support)
ha_tests_fuzz_fuzz_config_LDADD = $(node_libs) $(FUZZ_LIBS)
ha_tests_fuzz_fuzz_esp_open_SOURCES = ha-tests/fuzz/fuzz_esp_open.c esp/tests/fixtures/esp_packets.h esp/tests/hex.h \
	$(fuzz_support)
ha_tests_fuzz_fuzz_esp_open_LDADD = libesp.la libbase.la $(FUZZ_LIBS)
ha_tests_fuzz_fuzz_ike_message_SOURCES = ha-tests/fuzz/fuzz_ike_message.c $(fuzz_support)
ha_tests_fuzz_fuzz_ike_message_LDADD = libike.la libbase.la $(FUZZ_LIBS)
ha_tests_fuzz_fuzz_ike_payloads_SOURCES = ha-tests/fuzz/fuzz_ike_payloads.c $(fuzz_support)
ha_tests_fuzz_fuzz_ike_payloads_LDADD = libike.la libbase.la $(FUZZ_LIBS)
ha_tests_fuzz_fuzz_ike_sk_SOURCES = ha-tests/fuzz/fuzz_ike_sk.c $(fuzz_support)
ha_tests_fuzz_fuzz_ike_sk_LDADD = libike.la libbase.la $(FUZZ_LIBS)
ha_tests_fuzz_fuzz_record_SOURCES = ha-tests/fuzz/fuzz_record.c $(fuzz_support)
ha_tests_fuzz_fuzz_record_LDADD = libstatesync.la libike.la libbase.la $(FUZZ_LIBS)
ha_tests_fuzz_fuzz_replica_SOURCES = ha-tests/fuzz/fuzz_replica.c $(fuzz_support)
ha_tests_fuzz_fuzz_replica_LDADD = $(node_libs) $(FUZZ_LIBS)

fuzzers: $(fuzz_targets)
.PHONY: fuzzers
