#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The judge of the captures finds each violation of a law, seen on captures made for it.
LAB_BESIDE=1
exec python3 "$(dirname "$0")/check-capture-test"
