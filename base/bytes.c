/* SPDX-License-Identifier: Apache-2.0 */
/* Owned byte strings (struct buf). */
#include "base/bytes.h"

#include <stdlib.h>

bool buf_set(struct buf *b, struct bytes src)
{
	uint8_t *p = NULL;

	if (src.len > 0) {
		p = malloc(src.len);
		if (p == NULL)
			return false;
		memcpy(p, src.p, src.len);
	}
	free(b->p); /* only now: src may borrow from b itself */
	*b = (struct buf){ .p = p, .len = src.len };
	return true;
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

void buf_move(struct buf *dst, struct buf *src)
{
	if (dst == src)
		return;
	free(dst->p);
	*dst = *src;
	*src = (struct buf){ 0 };
}
