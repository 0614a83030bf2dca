/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers and refusals of every transform row, each backend by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/iana.h"
#include "esp/transform.h"
#include "esp/tests/fixtures/esp_packets.h"
#include "esp/tests/hex.h"

#define PACKET_MAX 2048

struct subject {
	const struct esp_transform *row;
	struct esp_crypto *crypto;
	struct esp_keys keys;
	void *seal_key;
	void *open_key;
};

static void *new_key(const struct subject *s, enum esp_direction direction)
{
	const struct esp_key_params p = { .keys = &s->keys, .direction = direction, .workers = 1 };
	void *key = s->row->key_new(s->row, s->crypto, &p);
	assert_non_null(key);
	return key;
}

static struct subject subject(const struct esp_transform *row, const struct esp_vector_set *set)
{
	struct subject s = { .row = row, .crypto = esp_crypto_new(0) };
	uint8_t raw[PACKET_MAX];
	assert_non_null(s.crypto);
	assert_int_equal(R_OK, secret_set(&s.keys.encr, bytes(raw, unhex(set->encr_key, raw))));
	assert_int_equal(R_OK, secret_set(&s.keys.integ, bytes(raw, unhex(set->integ_key, raw))));
	s.seal_key = new_key(&s, ESP_SEAL);
	s.open_key = new_key(&s, ESP_OPEN);
	return s;
}

static void subject_free(struct subject *s)
{
	s->row->key_free(s->row, s->seal_key);
	s->row->key_free(s->row, s->open_key);
	secret_wipe(&s->keys.encr);
	secret_wipe(&s->keys.integ);
	esp_crypto_free(s->crypto);
}

static struct esp_op op_of(const struct subject *s, const struct esp_vector_set *set, uint64_t seq,
			   uint8_t *esp, size_t len)
{
	return (struct esp_op){
		.key = s->open_key,
		.esp = esp,
		.text_len = (uint32_t)(len - esp_transform_head(s->row) - s->row->icv),
		.seq_hi = (uint32_t)(seq >> 32),
		.esn = set->esn,
	};
}

/* Opening gives the text; sealing the text with the same IV gives the packet back, byte for
 * byte. */
static void check_vector(const struct subject *s, const struct esp_vector_set *set,
			 const struct esp_vector *v)
{
	uint8_t esp[PACKET_MAX], want[PACKET_MAX], plain[PACKET_MAX];
	const size_t len = unhex(v->esp, esp);
	const size_t plain_len = unhex(v->plain, plain);
	memcpy(want, esp, len);
	struct esp_op op = op_of(s, set, v->seq, esp, len);
	s->row->open(s->row, s->crypto, &op, 1);
	assert_true(op.ok);
	assert_true(plain_len <= op.text_len);
	assert_memory_equal(plain, esp + esp_transform_head(s->row), plain_len);
	memset(esp + len - s->row->icv, 0, s->row->icv);
	op.ok = false;
	op.key = s->seal_key;
	s->row->seal(s->row, s->crypto, &op, 1);
	assert_true(op.ok);
	assert_memory_equal(want, esp, len);
}

/* Every bit of the packet and of the implied high sequence bits is covered by the ICV. */
static void check_tampering(const struct subject *s, const struct esp_vector_set *set,
			    const struct esp_vector *v)
{
	uint8_t esp[PACKET_MAX], good[PACKET_MAX];
	static const uint8_t zero[PACKET_MAX];
	const size_t len = unhex(v->esp, good);
	for (size_t bit = 0; bit < len * 8; bit++) {
		memcpy(esp, good, len);
		esp[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		struct esp_op op = op_of(s, set, v->seq, esp, len);
		s->row->open(s->row, s->crypto, &op, 1);
		assert_false(op.ok);
		assert_memory_equal(zero, esp + esp_transform_head(s->row), op.text_len);
	}
	memcpy(esp, good, len);
	struct esp_op op = op_of(s, set, v->seq + (UINT64_C(1) << 32), esp, len);
	s->row->open(s->row, s->crypto, &op, 1);
	assert_int_equal(!set->esn, op.ok);
}

static size_t for_each_row(const struct esp_vector_set *set, bool tamper)
{
	size_t rows = 0;
	for (const struct esp_transform *row = esp_transforms(); row->encr != 0; row++) {
		if (row->encr != set->encr || row->key_bits != set->key_bits ||
		    row->integ != set->integ)
			continue;
		struct subject s = subject(row, set);
		if (row->usable(s.crypto)) {
			for (size_t i = 0; i < set->n; i++)
				check_vector(&s, set, &set->packet[i]);
			if (tamper)
				check_tampering(&s, set, &set->packet[0]);
			rows++;
		}
		subject_free(&s);
	}
	return rows;
}

static void linux_packets_open_and_seal_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(linux_esp) / sizeof(linux_esp[0]); i++)
		assert_true(for_each_row(&linux_esp[i], true) >= 1);
}

static void draft_mcgrew_packets_open_and_seal_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(draft_mcgrew_gcm_test) / sizeof(draft_mcgrew_gcm_test[0]);
	     i++)
		assert_true(for_each_row(&draft_mcgrew_gcm_test[i], i == 0) >= 1);
}

static void faster_backend_stands_first_and_unknown_is_refused(void **state)
{
	(void)state;
	struct esp_crypto *c = esp_crypto_new(0);
	const struct esp_transforms gcm = { .encr = ENCR_AES_GCM_16, .key_bits = 256 };
	const struct esp_transforms odd = { .encr = ENCR_AES_GCM_16, .key_bits = 96 };
	const struct esp_transforms bare = { .encr = ENCR_AES_CBC, .key_bits = 128 };
	const struct esp_transform *row = esp_transform_find(esp_transforms(), c, &gcm);
	assert_non_null(row);
	assert_string_equal(c->mb != NULL ? "ipsec-mb" : "openssl", row->backend);
	assert_null(esp_transform_find(esp_transforms(), c, &odd));
	/* RFC 8221 section 5: never encryption without integrity. */
	assert_null(esp_transform_find(esp_transforms(), c, &bare));
	esp_crypto_free(c);
}

static void without_the_library_the_other_backend_is_chosen(void **state)
{
	(void)state;
	struct esp_crypto *c = esp_crypto_new(0);
	const struct esp_transforms gcm = { .encr = ENCR_AES_GCM_16, .key_bits = 128 };
	void *mb = c->mb;
	c->mb = NULL;
	const struct esp_transform *row = esp_transform_find(esp_transforms(), c, &gcm);
	assert_non_null(row);
	assert_string_equal("openssl", row->backend);
	c->mb = mb;
	esp_crypto_free(c);
}

static void random_bytes_do_not_repeat(void **state)
{
	(void)state;
	struct esp_crypto *c = esp_crypto_new(0);
	enum { DRAWS = 1000 };
	static uint8_t iv[DRAWS][16];
	for (size_t i = 0; i < DRAWS; i++) {
		assert_true(esp_crypto_random(c, iv[i], sizeof(iv[i])));
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(iv[i], iv[j], sizeof(iv[i]));
	}
	esp_crypto_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linux_packets_open_and_seal_alike),
		cmocka_unit_test(draft_mcgrew_packets_open_and_seal_alike),
		cmocka_unit_test(faster_backend_stands_first_and_unknown_is_refused),
		cmocka_unit_test(without_the_library_the_other_backend_is_chosen),
		cmocka_unit_test(random_bytes_do_not_repeat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
