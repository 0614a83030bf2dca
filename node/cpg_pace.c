/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cpg_pace.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

void cpg_pace_sent(struct cpg_pace *p, struct cpg_sent what)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 8;
		p->sent = realloc(p->sent, p->cap * sizeof(*p->sent));
		must(p->sent);
	}
	p->sent[p->n++] = what;
}

bool cpg_pace_back(struct cpg_pace *p, struct cpg_sent *what)
{
	if (!p->n)
		return false;
	*what = p->sent[0];
	memmove(p->sent, p->sent + 1, --p->n * sizeof(*p->sent));
	return true;
}

void cpg_pace_clear(struct cpg_pace *p)
{
	free(p->sent);
	*p = (struct cpg_pace){ 0 };
}
