/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target is one file that defines these two. With clang it is linked
 * with -fsanitize=fuzzer; everywhere else with replay.c, whose main() feeds it
 * the corpus, and mutants of it.
 */
#ifndef HF_HA_TESTS_FUZZ_FUZZ_H
#define HF_HA_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Folder of the inputs that `make check` replays, from the source folder. */
extern const char *const fuzz_corpus;

/* libFuzzer's entry. Always 0; a broken promise aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
