#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The judge of the hops finds each loss and says where it was, seen on counters made for it.
LAB_BESIDE=1
exec python3 "$(dirname "$0")/check-hops-test"
