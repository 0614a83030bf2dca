/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a value: copy, clear, erase. */
#include "statesync/statesync.h"

#include "base/secret.h"

void ss_buf_wipe(struct buf *b)
{
	if (b->p != NULL)
		wipe(b->p, b->len);
	buf_free(b);
}

void ss_record_clear(struct ss_record *r)
{
	ss_buf_wipe(&r->data);
	*r = (struct ss_record){ 0 };
}

enum result ss_record_copy(struct ss_record *dst, const struct ss_record *src)
{
	struct ss_record copy = { .kind = src->kind, .key = src->key, .erase = src->erase };

	if (!buf_set(&copy.data, buf_bytes(&src->data)))
		return R_NO_MEMORY;
	ss_record_clear(dst); /* only now: src may be dst */
	*dst = copy;
	return R_OK;
}

void ss_encode_erase(enum ss_kind kind, uint64_t key, struct ss_record *out)
{
	*out = (struct ss_record){ .kind = kind, .key = key, .erase = true };
}
