# SPDX-License-Identifier: Apache-2.0
# esp: SAD, SPD, transforms, workers, packet I/O. Includes base.

noinst_LTLIBRARIES += libesp.la
libesp_la_CPPFLAGS = -I$(top_builddir)/inc/esp $(HF_DEFS)
libesp_la_LIBADD = $(OPENSSL_LIBS) $(URCU_LIBS) $(IPSEC_MB_LIBS) -lpthread
libesp_la_SOURCES = \
	esp/child.c \
	esp/datapath.c esp/datapath.h \
	esp/esp.h \
	esp/inbound.c \
	esp/io.h \
	esp/io_raw.c \
	esp/io_socket.c \
	esp/io_tun.c \
	esp/io_udp.c \
	esp/outbound.c \
	esp/pending.c \
	esp/relay.c esp/relay.h \
	esp/replay_window.c esp/replay_window.h \
	esp/sad.c \
	esp/selector.c esp/selector.h \
	esp/spd.c \
	esp/transform.h \
	esp/transform_cbc_hmac.c \
	esp/transform_gcm_evp.c \
	esp/transform_gcm_mb.c \
	esp/transform_table.c \
	esp/verdict.c esp/verdict.def \
	esp/worker.c esp/worker.h \
	esp/worker_thread.c

esp_test_libs = libesp.la libbase.la $(CMOCKA_LIBS)
esp_tests = \
	esp/tests/datapath_test \
	esp/tests/io_test \
	esp/tests/ownership_test \
	esp/tests/policy_test \
	esp/tests/relay_test \
	esp/tests/replay_window_test \
	esp/tests/transform_test \
	esp/tests/workers_test
check_PROGRAMS += $(esp_tests)
thread_tests += esp/tests/io_test esp/tests/replay_window_test esp/tests/workers_test

esp_tests_datapath_test_SOURCES = esp/tests/datapath_test.c esp/tests/hex.h esp/tests/pair.h \
	esp/tests/fixtures/esp_packets.h
esp_tests_datapath_test_LDADD = $(esp_test_libs)
esp_tests_io_test_SOURCES = esp/tests/io_test.c esp/tests/pair.h
esp_tests_io_test_LDADD = $(esp_test_libs)
esp_tests_ownership_test_SOURCES = esp/tests/ownership_test.c esp/tests/pair.h
esp_tests_ownership_test_LDADD = $(esp_test_libs)
esp_tests_policy_test_SOURCES = esp/tests/policy_test.c esp/tests/pair.h
esp_tests_policy_test_LDADD = $(esp_test_libs)
esp_tests_relay_test_LDADD = $(esp_test_libs)
esp_tests_replay_window_test_LDADD = $(esp_test_libs)
esp_tests_transform_test_SOURCES = esp/tests/transform_test.c esp/tests/hex.h \
	esp/tests/fixtures/esp_packets.h
esp_tests_transform_test_LDADD = $(esp_test_libs)
esp_tests_workers_test_SOURCES = esp/tests/workers_test.c esp/tests/pair.h
esp_tests_workers_test_LDADD = $(esp_test_libs) -lpthread
