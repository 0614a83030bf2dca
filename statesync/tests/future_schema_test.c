/* SPDX-License-Identifier: Apache-2.0 */
/* The additional fields of a later release are in every message, and go no further than a pack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "statesync/future_schema.h"
#include "statesync/records.pb-c.h"

#ifdef HF_IMPAIRMENTS
struct parts {
	Holdfast__ClusterMessage m;
	Holdfast__Hello hello;
	Holdfast__GroupStatus group[2];
	Holdfast__GroupStatus *list[2];
	Holdfast__Endpoint relay;
};

static void hello_fill(struct parts *p)
{
	holdfast__cluster_message__init(&p->m);
	holdfast__hello__init(&p->hello);
	holdfast__endpoint__init(&p->relay);
	for (size_t i = 0; i < 2; i++) {
		holdfast__group_status__init(&p->group[i]);
		p->group[i].group = (uint32_t)i + 1;
		p->list[i] = &p->group[i];
	}
	p->hello.node_id = 7;
	p->hello.relay = &p->relay;
	p->hello.n_group = 2;
	p->hello.group = p->list;
	p->m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HELLO;
	p->m.hello = &p->hello;
}

static void assert_extended(const ProtobufCMessage *m)
{
	assert_int_equal(m->n_unknown_fields, 1);
	assert_int_equal(m->unknown_fields[0].tag, SS_FUTURE_FIELD);
}

static void every_message_and_what_is_in_it_has_the_field(void **state)
{
	struct parts p;
	struct buf packed = { 0 }, plain = { 0 };
	ProtobufCMessage *back;

	(void)state;
	hello_fill(&p);
	assert_int_equal(ss_message_pack(&p.m.base, &plain), R_OK);
	ss_future_schema_write(true);
	assert_int_equal(ss_message_pack(&p.m.base, &packed), R_OK);
	ss_future_schema_write(false);
	assert_int_equal(ss_message_unpack(&holdfast__cluster_message__descriptor,
					   buf_bytes(&packed), &back),
			 R_OK);
	const Holdfast__ClusterMessage *m = (const Holdfast__ClusterMessage *)back;
	assert_extended(&m->base);
	assert_extended(&m->hello->base);
	assert_extended(&m->hello->relay->base);
	assert_extended(&m->hello->group[0]->base);
	assert_extended(&m->hello->group[1]->base);
	assert_int_equal(m->hello->node_id, 7);
	assert_int_equal(m->hello->group[1]->group, 2);
	ss_message_free(back);
	/* and the caller's message is as it was */
	assert_int_equal(ss_message_pack(&p.m.base, &packed), R_OK);
	assert_int_equal(packed.len, plain.len);
	assert_memory_equal(packed.p, plain.p, plain.len);
	buf_free(&packed);
	buf_free(&plain);
}

static enum result count(void *ctx, const struct ss_record *r)
{
	assert_int_equal(r->kind, SS_FUTURE_KIND);
	(*(size_t *)ctx)++;
	return R_OK;
}

/* records.proto: frames stay as they are, and the present release takes the batch. */
static void frames_stay_as_they_are(void **state)
{
	struct ss_record records[10];
	struct buf packed = { 0 };
	size_t n = 0, erased = 0;

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		ss_future_record(i, &records[i]);
		erased += records[i].erase;
	}
	assert_int_equal(erased, 2);
	ss_future_schema_write(true);
	assert_int_equal(ss_batch_pack(records, 10, &packed), R_OK);
	ss_future_schema_write(false);
	assert_int_equal(ss_batch_unpack(buf_bytes(&packed), count, &n), R_OK);
	assert_int_equal(n, 10);
	for (size_t i = 0; i < 10; i++)
		ss_record_clear(&records[i]);
	buf_free(&packed);
}
#else
static void a_release_build_writes_its_own_schema(void **state)
{
	(void)state;
	assert_false(ss_future_schema());
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HF_IMPAIRMENTS
		cmocka_unit_test(every_message_and_what_is_in_it_has_the_field),
		cmocka_unit_test(frames_stay_as_they_are),
#else
		cmocka_unit_test(a_release_build_writes_its_own_schema),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
