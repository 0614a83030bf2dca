# SPDX-License-Identifier: Apache-2.0
# ha-tests: what runs everything, and the fragments of its parts.

dist_noinst_SCRIPTS += \
	ha-tests/lint-deps \
	ha-tests/run-all

include ha-tests/bench/local.mk
include ha-tests/fuzz/local.mk
include ha-tests/lab/local.mk
include ha-tests/sim/local.mk
