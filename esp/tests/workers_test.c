/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two workers on one SA while control installs, switches, grants and removes:
 * no number or IV twice, no packet accepted twice, nothing torn. Meant for
 * ThreadSanitizer ("make check-threads").
 */
#include "esp/tests/pair.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/rcu.h"

enum {
	WORKERS = 2,
	BURSTS = 200,
	PER_BURST = 32,
	EACH = BURSTS * PER_BURST,
	TOTAL = WORKERS * EACH
};
enum { SEALED_MAX = 160 };

struct sealed {
	uint32_t len;
	uint8_t data[SEALED_MAX];
};

struct crew {
	struct esp_datapath *dp;
	struct esp_worker *w[WORKERS];
	struct sealed *sealed; /* TOTAL */
	size_t n_sealed[WORKERS];
	uint8_t *accepted[WORKERS]; /* TOTAL each: how often packet i was accepted */
	_Atomic bool done;
	_Atomic int running;
};

struct member {
	struct crew *crew;
	unsigned int index;
};

static void crew_open(struct crew *crew, uint8_t slot)
{
	const struct esp_datapath_config cfg = { .slot = slot, .workers = WORKERS };
	*crew = (struct crew){ .dp = esp_datapath_new(&cfg) };
	assert_non_null(crew->dp);
	for (unsigned int i = 0; i < WORKERS; i++) {
		crew->w[i] = esp_worker_new(crew->dp, i);
		crew->accepted[i] = calloc(TOTAL, 1);
		assert_non_null(crew->w[i]);
	}
	esp_group_deadline(crew->dp, 0, UINT64_MAX);
	esp_group_set(crew->dp, 0, ESP_GROUP_ACTIVE, 1);
}

static void crew_close(struct crew *crew)
{
	for (unsigned int i = 0; i < WORKERS; i++) {
		esp_worker_free(crew->w[i]);
		free(crew->accepted[i]);
	}
	esp_datapath_free(crew->dp);
}

static void crew_run(struct crew *crew, void *(*fn)(void *), void (*control)(struct crew *))
{
	struct member member[WORKERS];
	pthread_t thread[WORKERS];
	atomic_store(&crew->running, WORKERS);
	for (unsigned int i = 0; i < WORKERS; i++) {
		member[i] = (struct member){ .crew = crew, .index = i };
		assert_int_equal(0, pthread_create(&thread[i], NULL, fn, &member[i]));
	}
	if (control != NULL)
		control(crew);
	for (unsigned int i = 0; i < WORKERS; i++)
		assert_int_equal(0, pthread_join(thread[i], NULL));
}

static void *seal_all(void *arg)
{
	struct member *m = arg;
	struct crew *crew = m->crew;
	struct frame *f = malloc(PER_BURST * sizeof(*f));
	struct esp_packet pkts[PER_BURST];
	rcu_worker_register();
	while (crew->n_sealed[m->index] + PER_BURST <= EACH) {
		for (size_t i = 0; i < PER_BURST; i++) {
			frame_udp(&f[i], 60, PAIR_NET_A | m->index, PAIR_NET_B | 1, (uint8_t)i);
			pkts[i] = f[i].p;
		}
		esp_worker_outbound(crew->w[m->index], PAIR_SECOND, pkts, PER_BURST);
		for (size_t i = 0; i < PER_BURST; i++) {
			if (pkts[i].verdict != ESP_V_OK || pkts[i].spi_in != PAIR_SPI_A)
				continue;
			struct sealed *s =
				&crew->sealed[m->index * EACH + crew->n_sealed[m->index]++];
			s->len = pkts[i].len;
			memcpy(s->data, pkts[i].buf + pkts[i].off, pkts[i].len);
		}
		rcu_worker_quiescent();
	}
	rcu_worker_unregister();
	free(f);
	atomic_fetch_sub(&crew->running, 1);
	return NULL;
}

static struct pair keys;

/* Leases come in small grants; a rival child comes, carries traffic for a while, and goes. */
static void disturb(struct crew *crew)
{
	uint64_t lease = 100;
	struct esp_child_params rival = child_params(&keys, true);
	struct esp_event ev;
	for (uint32_t round = 0; atomic_load(&crew->running) > 0; round++) {
		lease += 200;
		assert_int_equal(R_OK, esp_child_grant(crew->dp, PAIR_SPI_A, lease));
		rival.spi_in = 0x10001000u + round;
		assert_int_equal(R_OK, esp_child_install(crew->dp, &rival));
		assert_int_equal(R_OK, esp_child_use_outbound(crew->dp, rival.spi_in));
		assert_int_equal(R_OK, esp_child_use_outbound(crew->dp, PAIR_SPI_A));
		assert_int_equal(R_OK, esp_child_move(crew->dp, PAIR_SPI_A, &rival.local,
						      &rival.remote, round % 2 == 0));
		const struct esp_policy policy = pair_policy(true);
		if (round % 16 == 0)
			assert_int_equal(R_OK, esp_spd_set(crew->dp, &policy, 1));
		esp_child_remove(crew->dp, rival.spi_in);
		for (unsigned int i = 0; i < WORKERS; i++)
			while (esp_worker_event(crew->w[i], &ev))
				assert_int_equal(ESP_EVENT_LEASE_LOW, ev.kind);
	}
}

static int compare_sealed(const void *x, const void *y)
{
	return memcmp(((const struct sealed *)x)->data + 4, ((const struct sealed *)y)->data + 4,
		      4);
}

static void *open_all(void *arg)
{
	struct member *m = arg;
	struct crew *crew = m->crew;
	struct frame *f = malloc(PER_BURST * sizeof(*f));
	struct esp_packet pkts[PER_BURST];
	rcu_worker_register();
	/* The two go over all packets, the second one a few bursts behind and within the window. */
	for (size_t at = 0; at + PER_BURST <= TOTAL; at += PER_BURST) {
		for (size_t i = 0; i < PER_BURST; i++) {
			const struct sealed *s = &crew->sealed[at + (i * 7) % PER_BURST];
			frame_start(&f[i], s->len);
			memcpy(frame_data(&f[i]), s->data, s->len);
			pkts[i] = f[i].p;
		}
		esp_worker_inbound(crew->w[m->index], PAIR_SECOND, pkts, PER_BURST);
		for (size_t i = 0; i < PER_BURST; i++)
			if (pkts[i].verdict == ESP_V_OK)
				crew->accepted[m->index][at + (i * 7) % PER_BURST]++;
		rcu_worker_quiescent();
	}
	rcu_worker_unregister();
	free(f);
	atomic_fetch_sub(&crew->running, 1);
	return NULL;
}

static void shared_sa_gives_no_number_twice_and_accepts_none_twice(void **state)
{
	(void)state;
	struct crew out, in;
	keys.t = gcm128_esn();
	keys.to_a = keys_for(&keys.t, 1);
	keys.to_b = keys_for(&keys.t, 2);
	crew_open(&out, 1);
	crew_open(&in, 2);
	struct esp_child_params of_a = child_params(&keys, true), of_b = child_params(&keys, false);
	const struct esp_policy policy = pair_policy(true);
	of_a.lease_end = 50;
	assert_int_equal(R_OK, esp_spd_set(out.dp, &policy, 1));
	assert_int_equal(R_OK, esp_child_install(out.dp, &of_a));
	assert_int_equal(R_OK, esp_child_use_outbound(out.dp, PAIR_SPI_A));
	assert_int_equal(R_OK, esp_child_install(in.dp, &of_b));

	out.sealed = in.sealed = calloc(TOTAL, sizeof(struct sealed));
	assert_non_null(out.sealed);
	crew_run(&out, seal_all, disturb);
	size_t n = out.n_sealed[0];
	memmove(&out.sealed[n], &out.sealed[EACH], out.n_sealed[1] * sizeof(out.sealed[0]));
	n += out.n_sealed[1];
	memset(&out.sealed[n], 0, (TOTAL - n) * sizeof(out.sealed[0]));
	assert_true(n >= TOTAL - 2 * PER_BURST);
	qsort(out.sealed, n, sizeof(out.sealed[0]), compare_sealed);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *esp = out.sealed[i].data;
		assert_true(i == 0 || get32(esp + 4) != get32(out.sealed[i - 1].data + 4));
		assert_int_equal(0x10000000u, get32(esp + 8));
		assert_int_equal(get32(esp + 4), get32(esp + 12));
	}
	struct esp_child_stats st;
	assert_int_equal(R_OK, esp_child_stats(out.dp, PAIR_SPI_A, &st));
	assert_int_equal(n, st.out_packets);
	assert_true(st.seq_next <= st.lease_end);

	crew_run(&in, open_all, NULL);
	size_t accepted = 0;
	for (size_t i = 0; i < n; i++) {
		const unsigned int times = in.accepted[0][i] + in.accepted[1][i];
		assert_true(times <= 1);
		accepted += times;
	}
	assert_int_equal(R_OK, esp_child_stats(in.dp, PAIR_SPI_B, &st));
	assert_int_equal(accepted, st.in_packets);
	assert_true(accepted > n / 2);
	free(out.sealed);
	crew_close(&out);
	crew_close(&in);
	secret_wipe(&keys.to_a.encr);
	secret_wipe(&keys.to_b.encr);
}

/* ---- a wrapped table, as the simulator uses ---- */

static struct {
	size_t calls;
	uint64_t iv[64];
} record;

static void *wrapped_key_new(const struct esp_transform *row, struct esp_crypto *c,
			     const struct esp_key_params *p)
{
	return row->inner->key_new(row->inner, c, p);
}

static void wrapped_key_free(const struct esp_transform *row, void *key)
{
	row->inner->key_free(row->inner, key);
}

static void wrapped_seal(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
			 size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *iv = ops[i].esp + ESP_HEADER_LEN;
		record.iv[record.calls++] = (uint64_t)get32(iv) << 32 | get32(iv + 4);
	}
	row->inner->seal(row->inner, c, ops, n);
}

static void wrapped_open(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
			 size_t n)
{
	row->inner->open(row->inner, c, ops, n);
}

static void a_wrapped_row_sees_every_seal_call(void **state)
{
	(void)state;
	struct pair p = { .t = gcm128_esn() };
	struct esp_crypto *c = esp_crypto_new(0);
	struct esp_transform rows[2] = { *esp_transform_find(esp_transforms(), c, &p.t) };
	rows[0].inner = esp_transform_find(esp_transforms(), c, &p.t);
	rows[0].key_new = wrapped_key_new;
	rows[0].key_free = wrapped_key_free;
	rows[0].seal = wrapped_seal;
	rows[0].open = wrapped_open;
	p.to_a = keys_for(&p.t, 1);
	p.to_b = keys_for(&p.t, 2);
	p.a = side_new(1, rows);
	p.b = side_new(2, rows);
	const struct esp_child_params of_a = child_params(&p, true), of_b = child_params(&p, false);
	const struct esp_policy policy = pair_policy(true);
	assert_int_equal(R_OK, esp_spd_set(p.a.dp, &policy, 1));
	side_activate(&p.a, 1);
	side_activate(&p.b, 1);
	pair_install(&p, true, &of_a);
	pair_install(&p, false, &of_b);
	for (size_t i = 0; i < 10; i++) {
		struct frame f;
		packet_to_b(&p, &f, 100);
		assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	}
	assert_int_equal(10, record.calls);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(UINT64_C(1) << 60 | (i + 1), record.iv[i]);
	pair_close(&p);
	esp_crypto_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_sa_gives_no_number_twice_and_accepts_none_twice),
		cmocka_unit_test(a_wrapped_row_sees_every_seal_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
