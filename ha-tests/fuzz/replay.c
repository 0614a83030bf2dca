/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay [MUTANTS [SEED]]: every file of the target's corpus, and MUTANTS
 * (default 200) damaged copies of each, the same for the same SEED. This is what
 * `make check` runs where there is no clang; a large MUTANTS makes a soak.
 */
#include "ha-tests/fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 20)

static uint64_t random_state;

/* xorshift64: enough to choose what to break. */
static size_t below(size_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state % n);
}

/* One to four times: flip a bit, set a byte, cut, double a piece. data has room for INPUT_MAX.
 * Returns the new size. */
static size_t mutate(uint8_t *data, size_t size)
{
	for (size_t n = 1 + below(4); n > 0 && size > 0; n--) {
		size_t at = below(size), len = 1 + below(size - at);

		switch (below(4)) {
		case 0:
			data[at] ^= (uint8_t)(1u << below(8));
			break;
		case 1:
			data[at] = (uint8_t)below(256);
			break;
		case 2:
			memmove(data + at, data + at + len, size - at - len);
			size -= len;
			break;
		default:
			if (size + len > INPUT_MAX)
				break;
			memmove(data + at + len, data + at, size - at);
			size += len;
		}
	}
	return size;
}

/* A copy of the exact size, so that a sanitizer sees a read behind the end. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void replay_file(const char *path, unsigned long mutants)
{
	static uint8_t original[INPUT_MAX], mutant[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	size_t size;

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	size = fread(original, 1, sizeof(original), f);
	fclose(f);
	run(original, size);
	for (unsigned long i = 0; i < mutants; i++) {
		memcpy(mutant, original, size);
		run(mutant, mutate(mutant, size));
	}
}

static int is_input(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	unsigned long mutants = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
	struct dirent **files;
	int n = scandir(fuzz_corpus, &files, is_input, alphasort);

	random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	random_state = random_state != 0 ? random_state : 1; /* xorshift never leaves 0 */
	if (n <= 0) {
		fprintf(stderr, "%s: no corpus\n", fuzz_corpus);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", fuzz_corpus, files[i]->d_name);
		replay_file(path, mutants);
		free(files[i]);
	}
	free(files);
	printf("%s: %d inputs, %lu mutants of each\n", fuzz_corpus, n, mutants);
	return 0;
}
