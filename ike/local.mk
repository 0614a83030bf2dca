# SPDX-License-Identifier: Apache-2.0
# ike: the sans-I/O protocol engine. Includes base and ike only.

noinst_LTLIBRARIES += libike.la
libike_la_CPPFLAGS = -I$(top_builddir)/inc/ike $(HF_DEFS)
libike_la_LIBADD = $(OPENSSL_LIBS)
libike_la_SOURCES = \
	ike/admission.c \
	ike/auth_psk.c \
	ike/child_sa.c \
	ike/cookie.c \
	ike/cookie.h \
	ike/crypto.c \
	ike/crypto.h \
	ike/doubt.c \
	ike/effects.c \
	ike/engine.c \
	ike/engine.h \
	ike/ike.h \
	ike/ike_config.c \
	ike/ike_config.h \
	ike/ike_export.c \
	ike/ike_import.c \
	ike/ike_sa.c \
	ike/ike_state.c \
	ike/ike_state.h \
	ike/ikev1.c \
	ike/ikev1.h \
	ike/jobs.c \
	ike/jobs.h \
	ike/keymat.h \
	ike/keymat_v2.c \
	ike/lifetime.c \
	ike/message.c \
	ike/message.h \
	ike/multi_peer.c \
	ike/nat_detect.c \
	ike/nat_detect.h \
	ike/payload.h \
	ike/payload_auth.c \
	ike/payload_delete.c \
	ike/payload_id.c \
	ike/payload_ke.c \
	ike/payload_nonce.c \
	ike/payload_notify.c \
	ike/payload_rules.c \
	ike/payload_sa.c \
	ike/payload_sk.c \
	ike/payload_sync.c \
	ike/payload_ts.c \
	ike/proposal.c \
	ike/proposal.h \
	ike/proposal_offer.c \
	ike/proposal_offer.h \
	ike/receive.c \
	ike/request.c \
	ike/retransmit.c \
	ike/ts_narrow.c \
	ike/ts_narrow.h \
	ike/tunnel.c \
	ike/tunnel_manager.c \
	ike/tunnel_manager.h \
	ike/v2.h \
	ike/v2_child.c \
	ike/v2_cookie.c \
	ike/v2_create_child_sa.c \
	ike/v2_exchange.c \
	ike/v2_ike_auth.c \
	ike/v2_ike_sa_init.c \
	ike/v2_informational.c \
	ike/v2_msgid_sync.c \
	ike/v2_rekey_collision.c \
	ike/v2_rekey_ike.c \
	ike/v2_replay_sync.c \
	ike/v2_transitions.c

ike_test_libs = libike.la libbase.la $(CMOCKA_LIBS)
ike_tests = \
	ike/tests/cookie_test \
	ike/tests/crypto_test \
	ike/tests/engine_admission_test \
	ike/tests/engine_close_test \
	ike/tests/engine_doubt_test \
	ike/tests/engine_init_test \
	ike/tests/engine_msgid_sync_test \
	ike/tests/engine_multi_peer_test \
	ike/tests/engine_noise_test \
	ike/tests/engine_orphan_test \
	ike/tests/engine_peer_reset_test \
	ike/tests/engine_refusal_test \
	ike/tests/engine_rekey_test \
	ike/tests/engine_replay_sync_test \
	ike/tests/engine_setup_test \
	ike/tests/engine_sync_refusal_test \
	ike/tests/engine_table_test \
	ike/tests/engine_takeover_test \
	ike/tests/golden_test \
	ike/tests/jobs_test \
	ike/tests/message_test \
	ike/tests/payload_test \
	ike/tests/proposal_test \
	ike/tests/sk_test \
	ike/tests/ts_narrow_test \
	ike/tests/tunnel_manager_test
check_PROGRAMS += $(ike_tests)
EXTRA_DIST += \
	ike/tests/fixtures \
	ike/tests/hex.h \
	ike/tests/wire.h

# The engine tests share a world of two engines and a network.
ike_engine_harness = \
	ike/tests/engine_harness.c ike/tests/engine_harness.h \
	ike/tests/engine_harness_commands.c \
	ike/tests/engine_harness_config.c \
	ike/tests/engine_harness_datapath.c \
	ike/tests/engine_harness_net.c \
	ike/tests/engine_harness_private.h
ike_engine_sync_harness = $(ike_engine_harness) \
	ike/tests/engine_sync_harness.c ike/tests/engine_sync_harness.h
ike_engine_multi_peer_harness = $(ike_engine_harness) \
	ike/tests/engine_multi_peer_harness.c ike/tests/engine_multi_peer_harness.h
ike_tests_engine_admission_test_SOURCES = ike/tests/engine_admission_test.c $(ike_engine_harness)
ike_tests_engine_close_test_SOURCES = ike/tests/engine_close_test.c $(ike_engine_harness)
ike_tests_engine_doubt_test_SOURCES = ike/tests/engine_doubt_test.c $(ike_engine_harness)
ike_tests_engine_init_test_SOURCES = ike/tests/engine_init_test.c $(ike_engine_harness)
ike_tests_engine_msgid_sync_test_SOURCES = ike/tests/engine_msgid_sync_test.c $(ike_engine_sync_harness)
ike_tests_engine_multi_peer_test_SOURCES = ike/tests/engine_multi_peer_test.c $(ike_engine_multi_peer_harness)
ike_tests_engine_noise_test_SOURCES = ike/tests/engine_noise_test.c $(ike_engine_harness)
ike_tests_engine_orphan_test_SOURCES = ike/tests/engine_orphan_test.c $(ike_engine_harness)
ike_tests_engine_peer_reset_test_SOURCES = ike/tests/engine_peer_reset_test.c $(ike_engine_multi_peer_harness)
ike_tests_engine_refusal_test_SOURCES = ike/tests/engine_refusal_test.c $(ike_engine_harness)
ike_tests_engine_rekey_test_SOURCES = ike/tests/engine_rekey_test.c $(ike_engine_harness)
ike_tests_engine_replay_sync_test_SOURCES = ike/tests/engine_replay_sync_test.c $(ike_engine_sync_harness)
ike_tests_engine_setup_test_SOURCES = ike/tests/engine_setup_test.c $(ike_engine_harness)
ike_tests_engine_sync_refusal_test_SOURCES = ike/tests/engine_sync_refusal_test.c $(ike_engine_sync_harness)
ike_tests_engine_takeover_test_SOURCES = ike/tests/engine_takeover_test.c $(ike_engine_harness)

ike_tests_cookie_test_LDADD = $(ike_test_libs)
ike_tests_crypto_test_LDADD = $(ike_test_libs)
ike_tests_engine_admission_test_LDADD = $(ike_test_libs)
ike_tests_engine_close_test_LDADD = $(ike_test_libs)
ike_tests_engine_doubt_test_LDADD = $(ike_test_libs)
ike_tests_engine_init_test_LDADD = $(ike_test_libs)
ike_tests_engine_msgid_sync_test_LDADD = $(ike_test_libs)
ike_tests_engine_multi_peer_test_LDADD = $(ike_test_libs)
ike_tests_engine_noise_test_LDADD = $(ike_test_libs)
ike_tests_engine_orphan_test_LDADD = $(ike_test_libs)
ike_tests_engine_peer_reset_test_LDADD = $(ike_test_libs)
ike_tests_engine_refusal_test_LDADD = $(ike_test_libs)
ike_tests_engine_rekey_test_LDADD = $(ike_test_libs)
ike_tests_engine_replay_sync_test_LDADD = $(ike_test_libs)
ike_tests_engine_setup_test_LDADD = $(ike_test_libs)
ike_tests_engine_sync_refusal_test_LDADD = $(ike_test_libs)
ike_tests_engine_table_test_LDADD = $(ike_test_libs)
ike_tests_engine_takeover_test_LDADD = $(ike_test_libs)
ike_tests_golden_test_LDADD = $(ike_test_libs)
ike_tests_jobs_test_LDADD = $(ike_test_libs) $(OPENSSL_LIBS)
ike_tests_message_test_LDADD = $(ike_test_libs)
ike_tests_payload_test_LDADD = $(ike_test_libs)
ike_tests_proposal_test_LDADD = $(ike_test_libs)
ike_tests_sk_test_LDADD = $(ike_test_libs)
ike_tests_ts_narrow_test_LDADD = $(ike_test_libs)
ike_tests_tunnel_manager_test_LDADD = $(ike_test_libs)
