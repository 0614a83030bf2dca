/* SPDX-License-Identifier: Apache-2.0 */
/* The lists that views grow by. */
#include "node/cli/views.h"

#include <stdio.h>
#include <stdlib.h>

/* One more zeroed element; room is always the power of two at or above n. */
static void *grow(void **array, size_t *n, size_t size)
{
	if ((*n & (*n - 1)) == 0) {
		void *p = realloc(*array, (*n ? *n * 2 : 1) * size);
		if (!p)
			return NULL;
		*array = p;
	}
	void *element = (char *)*array + *n * size;
	memset(element, 0, size);
	(*n)++;
	return element;
}

struct view_ike *view_ike_add(struct view_ike_list *l)
{
	return grow((void **)&l->list, &l->n, sizeof(*l->list));
}

struct view_child *view_ike_add_child(struct view_ike *sa)
{
	return grow((void **)&sa->children, &sa->n_children, sizeof(*sa->children));
}

struct view_child *view_child_add(struct view_child_list *l)
{
	return grow((void **)&l->list, &l->n, sizeof(*l->list));
}

void view_ike_list_free(struct view_ike_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i].children);
	free(l->list);
	*l = (struct view_ike_list){ 0 };
}

void view_child_list_free(struct view_child_list *l)
{
	free(l->list);
	*l = (struct view_child_list){ 0 };
}

struct view_map *view_map_add(struct view_map_list *l)
{
	return grow((void **)&l->list, &l->n, sizeof(*l->list));
}

void view_map_list_free(struct view_map_list *l)
{
	free(l->list);
	*l = (struct view_map_list){ 0 };
}

bool view_counter_add(struct view_counter_list *l, const char *protocol, const char *name,
		      uint64_t value)
{
	struct view_counter *c = grow((void **)&l->list, &l->n, sizeof(*l->list));
	if (!c)
		return false;
	snprintf(c->protocol, sizeof(c->protocol), "%s", protocol);
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->value = value;
	return true;
}

void view_counter_list_free(struct view_counter_list *l)
{
	free(l->list);
	*l = (struct view_counter_list){ 0 };
}
