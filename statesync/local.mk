# SPDX-License-Identifier: Apache-2.0
# statesync: records, store, commit, sealing, snapshot. Includes base, statesync and ike/ike_state.h.

noinst_LTLIBRARIES += libstatesync.la
libstatesync_la_CPPFLAGS = -I$(top_builddir)/inc/statesync $(HF_GEN) $(HF_DEFS)
libstatesync_la_LIBADD = $(OPENSSL_LIBS) $(PROTOBUF_C_LIBS)
libstatesync_la_SOURCES = \
	statesync/batch.c \
	statesync/codec.c \
	statesync/codec.h \
	statesync/codec_child_sa.c \
	statesync/codec_counters.c \
	statesync/codec_ike_sa.c \
	statesync/codec_lease.c \
	statesync/codec_peer_index.c \
	statesync/commit.c \
	statesync/future_schema.c statesync/future_schema.h \
	statesync/hold.c \
	statesync/key.c \
	statesync/key.h \
	statesync/merge.c \
	statesync/message.c \
	statesync/message.h \
	statesync/part.c \
	statesync/record.c \
	statesync/seal.c \
	statesync/snapshot.c \
	statesync/statesync.h \
	statesync/store.c
nodist_libstatesync_la_SOURCES = gen/statesync/records.pb-c.c gen/statesync/records.pb-c.h

# The schema is the source; what protoc-c makes of it stays in the build folder.
gen/statesync/records.pb-c.c: statesync/records.proto
	$(AM_V_GEN)$(MKDIR_P) gen && \
	$(PROTOC_C) --proto_path=$(srcdir) --c_out=gen $(srcdir)/statesync/records.proto
gen/statesync/records.pb-c.h: gen/statesync/records.pb-c.c
	@:
BUILT_SOURCES += gen/statesync/records.pb-c.h
CLEANFILES += gen/statesync/records.pb-c.c gen/statesync/records.pb-c.h
EXTRA_DIST += statesync/records.proto

# The only part that knows ZeroMQ; linked by node/ alone.
noinst_LTLIBRARIES += libstatesync-adapters.la
libstatesync_adapters_la_CPPFLAGS = -I$(top_builddir)/inc/statesync $(HF_GEN) $(HF_DEFS) $(QB_CFLAGS) $(ZMQ_CFLAGS)
libstatesync_adapters_la_LIBADD = $(ZMQ_LIBS) $(QB_LIBS)
libstatesync_adapters_la_SOURCES = \
	statesync/adapters/watch.c \
	statesync/adapters/watch.h \
	statesync/adapters/zap.c \
	statesync/adapters/zap.h \
	statesync/adapters/zeromq.c \
	statesync/adapters/zeromq.h

# libike has what frees the state structs.
statesync_test_libs = libstatesync.la libike.la libbase.la $(CMOCKA_LIBS)
statesync_tests = \
	statesync/tests/batch_test \
	statesync/tests/codec_child_sa_test \
	statesync/tests/codec_counters_test \
	statesync/tests/codec_ike_sa_test \
	statesync/tests/commit_test \
	statesync/tests/future_schema_test \
	statesync/tests/merge_chunk_test \
	statesync/tests/merge_numbers_test \
	statesync/tests/merge_test \
	statesync/tests/message_test \
	statesync/tests/seal_test \
	statesync/tests/snapshot_test \
	statesync/tests/store_memory_test \
	statesync/tests/store_test \
	statesync/tests/upgrade_test \
	statesync/tests/zeromq_test
check_PROGRAMS += $(statesync_tests)
thread_tests += statesync/tests/snapshot_test
EXTRA_DIST += statesync/tests/schema.golden statesync/tests/fixtures.h statesync/tests/wire.h

# The tests of the merge share two stores that were one.
statesync_merge_harness = statesync/tests/merge_harness.c statesync/tests/merge_harness.h
statesync_tests_merge_chunk_test_SOURCES = statesync/tests/merge_chunk_test.c $(statesync_merge_harness)
statesync_tests_merge_numbers_test_SOURCES = statesync/tests/merge_numbers_test.c $(statesync_merge_harness)
statesync_tests_upgrade_test_SOURCES = statesync/tests/upgrade_test.c $(statesync_merge_harness)
statesync_tests_merge_test_SOURCES = statesync/tests/merge_test.c $(statesync_merge_harness)

statesync_tests_batch_test_LDADD = $(statesync_test_libs)
statesync_tests_codec_child_sa_test_LDADD = $(statesync_test_libs)
statesync_tests_codec_counters_test_LDADD = $(statesync_test_libs)
statesync_tests_codec_ike_sa_test_LDADD = $(statesync_test_libs)
statesync_tests_commit_test_LDADD = $(statesync_test_libs)
statesync_tests_future_schema_test_LDADD = $(statesync_test_libs)
statesync_tests_merge_chunk_test_LDADD = $(statesync_test_libs)
statesync_tests_merge_numbers_test_LDADD = $(statesync_test_libs)
statesync_tests_merge_test_LDADD = $(statesync_test_libs)
statesync_tests_message_test_LDADD = $(statesync_test_libs)
statesync_tests_seal_test_LDADD = $(statesync_test_libs)
statesync_tests_snapshot_test_LDADD = $(statesync_test_libs)
statesync_tests_store_memory_test_LDADD = $(statesync_test_libs)
statesync_tests_store_memory_test_LDFLAGS = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
statesync_tests_store_test_LDADD = $(statesync_test_libs)
statesync_tests_upgrade_test_LDADD = $(statesync_test_libs)
statesync_tests_zeromq_test_CPPFLAGS = $(AM_CPPFLAGS) $(ZMQ_CFLAGS)
statesync_tests_zeromq_test_LDADD = libstatesync-adapters.la $(statesync_test_libs) $(ZMQ_LIBS) $(QB_LIBS)
