/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A complete Pacemaker configuration for this node's daemon, in the words of
 * crmsh or of pcs. No addresses: holdfastd owns them in both role managers
 * (R19). No fencing device: only the operator knows it.
 */
#include "node/cli/show_common.h"

static const char crm[] =
	"# crm configure load update FILE\n"
	"primitive holdfast ocf:holdfast:concentrator \\\n"
	"\top start interval=0 timeout=30s \\\n"
	"\top stop interval=0 timeout=30s \\\n"
	"\top promote interval=0 timeout=30s \\\n"
	"\top demote interval=0 timeout=60s \\\n"
	"\top monitor interval=5s timeout=20s role=Promoted \\\n"
	"\top monitor interval=7s timeout=20s role=Unpromoted\n"
	"clone holdfast-clone holdfast \\\n"
	"\tmeta promotable=true promoted-max=1 clone-node-max=1 notify=true interleave=true\n";

static const char pcs[] =
	"pcs resource create holdfast ocf:holdfast:concentrator \\\n"
	"\top start interval=0 timeout=30s \\\n"
	"\top stop interval=0 timeout=30s \\\n"
	"\top promote interval=0 timeout=30s \\\n"
	"\top demote interval=0 timeout=60s \\\n"
	"\top monitor interval=5s timeout=20s role=Promoted \\\n"
	"\top monitor interval=7s timeout=20s role=Unpromoted \\\n"
	"\tpromotable holdfast-clone promoted-max=1 clone-node-max=1 notify=true interleave=true\n";

static const char before[] =
	"# Every node: \"failover role-manager pacemaker\" in its configuration, and the\n"
	"# systemd unit holdfastd disabled: Pacemaker starts it.\n"
	"# The traffic addresses are holdfastd's own: no IPaddr2, order or colocation.\n";

static const char after[] =
	"#\n"
	"# Fencing is not optional: add a stonith resource for each node and leave\n"
	"# stonith-enabled at true. Without it both halves of a pair are active in a\n"
	"# split; with three nodes or more the smaller side has no quorum and stops.\n";

void pacemaker_config(bool as_pcs, struct text *out)
{
	text_printf(out, "%s%s%s", before, as_pcs ? pcs : crm, after);
}
