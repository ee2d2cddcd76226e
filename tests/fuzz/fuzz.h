/*
 * What the targets share: input taken in small pieces, a folder of the process, and a check that is told where the code
 * under test has no voice.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "schema/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As assert, in every build, and also where fuzz_quiet has taken standard error away. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_failed(const char *file, int line, const char *what);

/* What the code under test says on standard output and standard error goes nowhere from here on. */
void fuzz_quiet(void);

/* Bytes that are still to be taken; behind the end come zeros. */
struct fuzz_input {
    const uint8_t *at, *end;
};
uint8_t fuzz_byte(struct fuzz_input *input);
/* At most `len` bytes. */
struct relief_str fuzz_take(struct fuzz_input *input, size_t len);
/* What stands before the next such byte, or all that is left; the byte is taken too. */
struct relief_str fuzz_until(struct fuzz_input *input, uint8_t byte);
static inline struct relief_str fuzz_rest(struct fuzz_input *input)
{
    return fuzz_take(input, (size_t)(input->end - input->at));
}

/*
 * A folder of this process, in memory where it can be; removed at exit. An input of its own for every run:
 * fuzz_folder_clear takes away all that stands in it.
 */
const char *fuzz_folder(void);
void fuzz_folder_clear(void);
/* FOLDER/NAME, valid until the next call but three. */
const char *fuzz_path(const char *name);
/* Makes or replaces FOLDER/NAME; its path. */
const char *fuzz_file(const char *name, const void *data, size_t len);
