# SPDX-License-Identifier: Apache-2.0
# etc: sample configurations, units, schemas.

dist_doc_DATA = etc/corosync.conf.sample
