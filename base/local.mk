# SPDX-License-Identifier: Apache-2.0
# base: bytes, wire cursors, secrets, addresses, log, containers. Includes base only.

noinst_LTLIBRARIES += libbase.la
libbase_la_CPPFLAGS = -I$(top_builddir)/inc/base $(HF_DEFS)
libbase_la_LIBADD = $(OPENSSL_LIBS) $(URCU_LIBS)
libbase_la_SOURCES = \
	base/broken_rule.c base/broken_rule.def base/broken_rule.h \
	base/bytes.c base/bytes.h \
	base/hashmap.c base/hashmap.h \
	base/iana.c base/iana.h \
	base/inet.c base/inet.h \
	base/ipsec_sa.c base/ipsec_sa.h \
	base/log.c base/log.h base/log_ids.def \
	base/log_limiter.c \
	base/must.h \
	base/rcu.c base/rcu.h \
	base/result.c base/result.h \
	base/secret.c base/secret.h \
	base/spsc_ring.c base/spsc_ring.h \
	base/timer_queue.c base/timer_queue.h \
	base/wire_reader.c base/wire_reader.h \
	base/wire_writer.c base/wire_writer.h

# A program without _SOURCES is made of its own name with .c.
base_test_libs = libbase.la $(CMOCKA_LIBS)
base_tests = \
	base/tests/bytes_test \
	base/tests/hashmap_test \
	base/tests/iana_test \
	base/tests/inet_test \
	base/tests/ipsec_sa_test \
	base/tests/log_test \
	base/tests/rcu_test \
	base/tests/result_test \
	base/tests/secret_test \
	base/tests/spsc_ring_test \
	base/tests/timer_queue_test \
	base/tests/wire_reader_test \
	base/tests/wire_writer_test
check_PROGRAMS += $(base_tests)
thread_tests += base/tests/rcu_test base/tests/spsc_ring_test

base_tests_bytes_test_LDADD = $(base_test_libs)
base_tests_hashmap_test_LDADD = $(base_test_libs)
base_tests_iana_test_LDADD = $(base_test_libs)
base_tests_inet_test_LDADD = $(base_test_libs)
base_tests_ipsec_sa_test_LDADD = $(base_test_libs)
base_tests_log_test_LDADD = $(base_test_libs)
base_tests_rcu_test_LDADD = $(base_test_libs) -lpthread
base_tests_result_test_LDADD = $(base_test_libs)
base_tests_secret_test_LDADD = $(base_test_libs)
base_tests_spsc_ring_test_LDADD = $(base_test_libs) -lpthread
base_tests_timer_queue_test_LDADD = $(base_test_libs)
base_tests_wire_reader_test_LDADD = $(base_test_libs)
base_tests_wire_writer_test_LDADD = $(base_test_libs)
