/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two releases in one cluster: every kind of cluster message and of record as the next release may
 * write it, and as this one reads and passes it on; and the schema as it must stay for older ones.
 */
#include <stdio.h>

#include "base/iana.h"
#include "ike/ike_state.h"
#include "statesync/future_schema.h"
#include "statesync/message.h"
#include "statesync/records.pb-c.h"
#include "statesync/tests/merge_harness.h"

#define GOLDEN    "statesync/tests/schema.golden"
#define LINE_MAX_ 128

/* ---- what older releases know ---- */

static const char *const types[] = {
	[PROTOBUF_C_TYPE_INT32] = "int32",       [PROTOBUF_C_TYPE_SINT32] = "sint32",
	[PROTOBUF_C_TYPE_INT64] = "int64",       [PROTOBUF_C_TYPE_SINT64] = "sint64",
	[PROTOBUF_C_TYPE_UINT32] = "uint32",     [PROTOBUF_C_TYPE_FIXED32] = "fixed32",
	[PROTOBUF_C_TYPE_UINT64] = "uint64",     [PROTOBUF_C_TYPE_FIXED64] = "fixed64",
	[PROTOBUF_C_TYPE_BOOL] = "bool",         [PROTOBUF_C_TYPE_ENUM] = "enum",
	[PROTOBUF_C_TYPE_STRING] = "string",     [PROTOBUF_C_TYPE_BYTES] = "bytes",
	[PROTOBUF_C_TYPE_SFIXED32] = "sfixed32", [PROTOBUF_C_TYPE_SFIXED64] = "sfixed64",
	[PROTOBUF_C_TYPE_FLOAT] = "float",       [PROTOBUF_C_TYPE_DOUBLE] = "double",
};

static const ProtobufCMessageDescriptor *type_of(const ProtobufCFieldDescriptor *f)
{
	return f->type == PROTOBUF_C_TYPE_MESSAGE ? f->descriptor : NULL;
}

static void field_line(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *f,
		       char line[LINE_MAX_])
{
	snprintf(line, LINE_MAX_, "%s %u %s%s %s\n", type->short_name, f->id,
		 f->label == PROTOBUF_C_LABEL_REPEATED ? "repeated " : "",
		 type_of(f) ? type_of(f)->short_name : types[f->type], f->name);
}

static bool golden_has(const char *line)
{
	char have[LINE_MAX_];
	FILE *f = fopen(GOLDEN, "r");
	bool found = false;

	assert_non_null(f);
	while (!found && fgets(have, sizeof(have), f))
		found = strcmp(have, line) == 0;
	fclose(f);
	return found;
}

/* Returns how many fields type has, and what is in it. */
static unsigned int look(const ProtobufCMessageDescriptor *type)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		char line[LINE_MAX_];

		field_line(type, f, line);
		if (!golden_has(line))
			fail_msg("not in " GOLDEN ": %s", line);
		n++;
		if (type_of(f))
			n += look(type_of(f));
	}
	return n;
}

static const ProtobufCMessageDescriptor *const roots[] = {
	&holdfast__records__descriptor,         &holdfast__ike_sa__descriptor,
	&holdfast__child_sa__descriptor,        &holdfast__lease__descriptor,
	&holdfast__counters__descriptor,        &holdfast__peer_index__descriptor,
	&holdfast__snapshot_chunk__descriptor,  &holdfast__part_chunk__descriptor,
	&holdfast__cluster_message__descriptor,
};

#define ROOTS (sizeof(roots) / sizeof(roots[0]))

static bool schema_has(const ProtobufCMessageDescriptor *type, const char *line)
{
	char have[LINE_MAX_];

	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		field_line(type, f, have);
		if (strcmp(have, line) == 0 || (type_of(f) && schema_has(type_of(f), line)))
			return true;
	}
	return false;
}

/* A number that meant something else, or another type, is misread by who does not know that. */
static void numbers_and_types_stay_what_they_were(void **state)
{
	char line[LINE_MAX_];
	FILE *f = fopen(GOLDEN, "r");
	unsigned int n = 0;

	(void)state;
	assert_non_null(f);
	for (size_t i = 0; i < ROOTS; i++)
		n += look(roots[i]);
	assert_true(n > 200);
	while (fgets(line, sizeof(line), f)) {
		bool found = *line == '#';
		for (size_t i = 0; !found && i < ROOTS; i++)
			found = schema_has(roots[i], line);
		if (!found)
			fail_msg("no longer in records.proto: %s", line);
	}
	fclose(f);
}

#ifdef HF_IMPAIRMENTS
/* ---- every kind of cluster message ---- */

static unsigned int step; /* which member of an inner oneof is set */

static void *member(ProtobufCMessage *m, size_t offset)
{
	return (uint8_t *)m + offset;
}

static ProtobufCMessage *filled(const ProtobufCMessageDescriptor *type);

static size_t value_size(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(ProtobufCMessage *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	default:
		fail_msg("%s is of a type that no message had", f->name);
		return 0;
	}
}

static void fill_value(const ProtobufCFieldDescriptor *f, void *at)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)at = filled(f->descriptor);
		break;
	case PROTOBUF_C_TYPE_BYTES: {
		struct buf b = fixture_buf((uint8_t)f->id, 5);
		*(ProtobufCBinaryData *)at = (ProtobufCBinaryData){ .len = b.len, .data = b.p };
		break;
	}
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)at = 1;
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		*(uint64_t *)at = (1ull << 40) + f->id;
		break;
	default:
		*(uint32_t *)at = 1000 + f->id;
		break;
	}
}

static void fill_field(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const size_t size = value_size(f);
	void *at = member(m, f->offset);

	if (f->label != PROTOBUF_C_LABEL_REPEATED) {
		fill_value(f, at);
		return;
	}
	uint8_t *list = calloc(2, size);
	must(list != NULL);
	for (size_t i = 0; i < 2; i++)
		fill_value(f, list + i * size);
	*(void **)at = list;
	*(size_t *)member(m, f->quantifier_offset) = 2;
}

static ProtobufCMessage *new_message(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *m = calloc(1, type->sizeof_message);

	must(m != NULL);
	type->message_init(m);
	return m;
}

/* Every field, at every depth; of alternatives the one that step says. */
static ProtobufCMessage *filled(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *m = new_message(type);

	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		const bool alternative = (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
		if (alternative && i != step % type->n_fields)
			continue;
		fill_field(m, f);
		if (alternative)
			*(uint32_t *)member(m, f->quantifier_offset) = f->id;
	}
	return m;
}

/* fn for m and all that is in it. */
static void each_message(ProtobufCMessage *m, void (*fn)(ProtobufCMessage *m, unsigned int *n),
			 unsigned int *n)
{
	fn(m, n);
	for (unsigned int i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		const bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;
		if (f->type != PROTOBUF_C_TYPE_MESSAGE ||
		    ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
		     *(uint32_t *)member(m, f->quantifier_offset) != f->id))
			continue;
		ProtobufCMessage **list = repeated ? *(ProtobufCMessage ***)member(m, f->offset)
						   : (ProtobufCMessage **)member(m, f->offset);
		const size_t many = repeated ? *(size_t *)member(m, f->quantifier_offset) : 1;
		for (size_t k = 0; k < many; k++)
			if (list[k])
				each_message(list[k], fn, n);
	}
}

/* What frames other messages stays as it is (records.proto). */
static void count_extended(ProtobufCMessage *m, unsigned int *n)
{
	const bool frame = m->descriptor == &holdfast__batch__descriptor ||
			   m->descriptor == &holdfast__snapshot__descriptor;

	assert_int_equal(m->n_unknown_fields, !frame);
	if (!frame)
		assert_int_equal(m->unknown_fields[0].tag, SS_FUTURE_FIELD);
	*n += !frame;
}

/* It is the message's: not freed, but out of sight. */
static void hide_unknown(ProtobufCMessage *m, unsigned int *n)
{
	*n += m->n_unknown_fields;
	m->n_unknown_fields = 0;
}

static void show_unknown(ProtobufCMessage *m, unsigned int *n)
{
	m->n_unknown_fields = m->unknown_fields != NULL;
	*n -= m->n_unknown_fields;
}

static struct buf packed(const ProtobufCMessage *m, bool future)
{
	struct buf b = { 0 };

	ss_future_schema_write(future);
	assert_int_equal(ss_message_pack(m, &b), R_OK);
	ss_future_schema_write(false);
	return b;
}

static void old_reads_new(ProtobufCMessage *m)
{
	struct buf plain = packed(m, false), next = packed(m, true);
	unsigned int extended = 0, hidden = 0;
	ProtobufCMessage *back;

	assert_int_equal(ss_message_unpack(m->descriptor, buf_bytes(&next), &back), R_OK);
	each_message(back, count_extended, &extended);
	struct buf again = packed(back, false); /* as it is, with what was not understood */
	ASSERT_BUF(again, next);
	buf_free(&again);
	each_message(back, hide_unknown, &hidden);
	assert_int_equal(hidden, extended);
	again = packed(back, false); /* and nothing of what is known was changed by it */
	ASSERT_BUF(again, plain);
	each_message(back, show_unknown, &hidden);
	assert_int_equal(hidden, 0);
	ss_message_free(back);
	buf_free(&again);
	buf_free(&plain);
	buf_free(&next);
}

/* What an older release leaves out is there as its default. */
static void new_reads_old(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *back, *m = new_message(type);
	struct buf empty = packed(m, false);

	assert_int_equal(empty.len, 0);
	assert_int_equal(ss_message_unpack(type, buf_bytes(&empty), &back), R_OK);
	assert_int_equal(back->n_unknown_fields, 0);
	ss_message_free(back);
	buf_free(&empty);
	protobuf_c_message_free_unpacked(m, NULL);
}

static void every_kind_of_message_is_understood_both_ways(void **state)
{
	const ProtobufCMessageDescriptor *type = &holdfast__cluster_message__descriptor;
	unsigned int kinds = 0;

	(void)state;
	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCMessageDescriptor *body = type->fields[i].descriptor;
		const bool steps = body == &holdfast__admission__descriptor;
		for (unsigned int s = 0; s < (steps ? body->n_fields : 1); s++) {
			ProtobufCMessage *m = new_message(type);
			step = s;
			*(ProtobufCMessage **)member(m, type->fields[i].offset) = filled(body);
			*(uint32_t *)member(m,
					    type->fields[i].quantifier_offset) = type->fields[i].id;
			old_reads_new(m);
			protobuf_c_message_free_unpacked(m, NULL);
		}
		new_reads_old(body);
		kinds++;
	}
	assert_true(kinds >= 25);
}

/* ---- every kind of record ---- */

#define IKE_SPI 7u
#define SPI     700u

static struct ss_record make_ike_sa(void)
{
	struct ike_sa_state s = {
		.spi_i = 5,
		.spi_r = IKE_SPI,
		.stage = IKE_SA_ESTABLISHED,
		.connection = "peer",
		.local = fixture_endpoint(1, 500),
		.remote = fixture_endpoint(2, 4500),
		.sk_d = fixture_secret(1, 32),
		.next_request_id = 4,
		.birth_term = 3,
		.ids_term = 4,
		.anew = true,
	};
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_ike_sa(&s, &r), R_OK);
	ike_sa_state_clear(&s);
	return r;
}

static struct ss_record again_ike_sa(const struct ss_record *r)
{
	struct ike_sa_state s;
	struct ss_record again = { 0 };

	assert_int_equal(ss_decode_ike_sa(r, &s), R_OK);
	assert_int_equal(ss_encode_ike_sa(&s, &again), R_OK);
	ike_sa_state_clear(&s);
	return again;
}

static struct ss_record make_child_sa(void)
{
	struct child_sa_state s = {
		.spi_in = SPI,
		.spi_out = 701,
		.ike_spi = IKE_SPI,
		.stage = CHILD_SA_ESTABLISHED,
		.local = fixture_endpoint(1, 500),
		.remote = fixture_endpoint(2, 4500),
		.local_ts = fixture_ts(1, 4),
		.remote_ts = fixture_ts(2, 4),
		.birth_term = 3,
		.lease_end = 1000,
	};
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_child_sa(&s, &r), R_OK);
	child_sa_state_clear(&s);
	return r;
}

static struct ss_record again_child_sa(const struct ss_record *r)
{
	struct child_sa_state s;
	struct ss_record again = { 0 };

	assert_int_equal(ss_decode_child_sa(r, &s), R_OK);
	assert_int_equal(ss_encode_child_sa(&s, &again), R_OK);
	child_sa_state_clear(&s);
	return again;
}

static struct ss_record make_lease(void)
{
	const struct ss_lease l = { .spi_in = SPI, .lease_end = 5000, .rate_pps = 9, .term = 3 };
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_lease(&l, &r), R_OK);
	return r;
}

static struct ss_record again_lease(const struct ss_record *r)
{
	struct ss_record again = { 0 };
	struct ss_lease l;

	assert_int_equal(ss_decode_lease(r, &l), R_OK);
	assert_int_equal(ss_encode_lease(&l, &again), R_OK);
	return again;
}

static struct ss_record make_counters(void)
{
	const struct ss_counters c = {
		.spi_in = SPI, .in_right_edge = 50, .at_ms = 8, .in_packets = 40, .rekey = true
	};
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_counters(&c, &r), R_OK);
	return r;
}

static struct ss_record again_counters(const struct ss_record *r)
{
	struct ss_record again = { 0 };
	struct ss_counters c;

	assert_int_equal(ss_decode_counters(r, &c), R_OK);
	assert_int_equal(ss_encode_counters(&c, &again), R_OK);
	buf_free(&c.in_bitmap);
	return again;
}

static struct ss_record make_peer_index(void)
{
	const struct peer_index_state p = {
		.map = "OUT", .seq = 10, .index = 1, .generation = 4, .map_digest = 77
	};
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_peer_index(&p, &r), R_OK);
	return r;
}

static struct ss_record again_peer_index(const struct ss_record *r)
{
	struct ss_record again = { 0 };
	struct peer_index_state p;

	assert_int_equal(ss_decode_peer_index(r, &p), R_OK);
	assert_int_equal(ss_encode_peer_index(&p, &again), R_OK);
	return again;
}

static const struct row {
	enum ss_kind kind;
	struct ss_record (*make)(void);
	struct ss_record (*again)(const struct ss_record *r); /* decoded and encoded */
} rows[] = {
	{ SS_IKE_SA, make_ike_sa, again_ike_sa },
	{ SS_CHILD_SA, make_child_sa, again_child_sa },
	{ SS_LEASE, make_lease, again_lease },
	{ SS_COUNTERS, make_counters, again_counters },
	{ SS_PEER_INDEX, make_peer_index, again_peer_index },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct ss_record of_next_release(const struct row *row)
{
	ss_future_schema_write(true);
	struct ss_record r = row->make();
	ss_future_schema_write(false);
	return r;
}

static void every_kind_of_record_is_read(void **state)
{
	(void)state;
	assert_int_equal(ROWS, SS_PEER_INDEX);
	for (size_t i = 0; i < ROWS; i++) {
		struct ss_record plain = rows[i].make(), next = of_next_release(&rows[i]);
		struct ss_record read = rows[i].again(&next);

		assert_true(next.data.len > plain.data.len);
		assert_int_equal(plain.kind, rows[i].kind);
		assert_int_equal(read.key, plain.key);
		ASSERT_BUF(read.data, plain.data);
		ss_record_clear(&plain);
		ss_record_clear(&next);
		ss_record_clear(&read);
	}
}

/* One of each kind, and one of a kind that nobody knows. */
static size_t next_records(struct ss_record r[ROWS + 1])
{
	for (size_t i = 0; i < ROWS; i++)
		r[i] = of_next_release(&rows[i]);
	ss_future_record(3, &r[ROWS]);
	return ROWS + 1;
}

static void assert_has_all(const struct ss_store *st)
{
	struct ss_record r[ROWS + 1];
	const size_t n = next_records(r);

	for (size_t i = 0; i < n; i++) {
		const struct ss_record *got = ss_store_get(st, (enum ss_kind)r[i].kind, r[i].key);
		assert_non_null(got);
		ASSERT_BUF(got->data, r[i].data);
		ss_record_clear(&r[i]);
	}
}

static enum result apply(void *ctx, const struct ss_record *r)
{
	return ss_store_apply(ctx, r);
}

/* As the log brings them. */
static void log_into(struct ss_store *st)
{
	struct ss_record r[ROWS + 1];
	const size_t n = next_records(r);
	struct buf batch = { 0 };

	assert_int_equal(ss_batch_pack(r, n, &batch), R_OK);
	assert_int_equal(ss_batch_unpack(buf_bytes(&batch), apply, st), R_OK);
	ss_buf_wipe(&batch);
	for (size_t i = 0; i < n; i++)
		ss_record_clear(&r[i]);
}

static void a_snapshot_has_what_was_not_understood(void **state)
{
	struct ss_store *st = ss_store_new(fixture_seed);
	struct ss_snapshot_reader *reader = ss_snapshot_reader_new(fixture_seed);
	struct buf chunk = { 0 };
	bool end = false;

	(void)state;
	assert_non_null(st);
	log_into(st);
	assert_has_all(st);
	struct ss_snapshot_writer *writer = ss_snapshot_cut(st, 9);
	while (!end && ss_snapshot_next(writer, 100, &chunk)) {
		assert_int_equal(ss_snapshot_read(reader, buf_bytes(&chunk), &end), R_OK);
		ss_buf_wipe(&chunk);
	}
	struct ss_store *got = ss_snapshot_take(reader);
	assert_non_null(got);
	assert_has_all(got);
	ss_snapshot_writer_free(writer);
	ss_snapshot_reader_free(reader);
	ss_store_free(got);
	ss_store_free(st);
}

/* R23: what one side alone has goes over whole. */
static void a_merge_has_what_was_not_understood(void **state)
{
	(void)state;
	ss_store_at(lower, FORK + 1);
	log_into(lower);
	merge(100);
	assert_int_equal(out.taken, 1);
	assert_has_all(higher);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_types_stay_what_they_were),
#ifdef HF_IMPAIRMENTS
		cmocka_unit_test(every_kind_of_message_is_understood_both_ways),
		cmocka_unit_test(every_kind_of_record_is_read),
		cmocka_unit_test(a_snapshot_has_what_was_not_understood),
		T(a_merge_has_what_was_not_understood),
#endif
	};
	return cmocka_run_group_tests_name("upgrade", tests, NULL, NULL);
}
