#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same as t_write_standby with 'failover snapshot-channel': the configuration goes over TCP, as snapshots do (R22).
LAB_BESIDE=1
WITH_CHANNEL=1
. "$(dirname "$0")/t_write_standby.sh"
