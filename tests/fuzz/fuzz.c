/*
 * See fuzz.h. libFuzzer and the sanitizers write to descriptor 2 themselves, so taking the streams away from the code
 * under test takes nothing from them.
 */
#include "fuzz.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fuzz_failed(const char *file, int line, const char *what)
{
    dprintf(STDERR_FILENO, "%s:%d: not true: %s\n", file, line, what);
    abort();
}

void fuzz_quiet(void)
{
    static FILE *nowhere;
    if (nowhere)
        return;
    nowhere = fopen("/dev/null", "we");
    FUZZ_CHECK(nowhere);
    stdout = stderr = nowhere;
}

uint8_t fuzz_byte(struct fuzz_input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

struct relief_str fuzz_take(struct fuzz_input *input, size_t len)
{
    size_t left = (size_t)(input->end - input->at);
    struct relief_str taken = {(const char *)input->at, (uint32_t)(len < left ? len : left)};
    input->at += taken.len;
    return taken;
}

struct relief_str fuzz_until(struct fuzz_input *input, uint8_t byte)
{
    size_t left = (size_t)(input->end - input->at);
    const uint8_t *end = left ? memchr(input->at, byte, left) : NULL;
    struct relief_str taken = fuzz_take(input, end ? (size_t)(end - input->at) : left);
    input->at += end != NULL;
    return taken;
}

/* ---- the folder ---- */

static char folder[128];

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about, (void)kind;
    if (place->level > 0 || !folder[0])
        remove(path);
    return 0;
}

void fuzz_folder_clear(void)
{
    if (folder[0])
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_all(void)
{
    char path[sizeof folder];
    memcpy(path, folder, sizeof path);
    folder[0] = '\0';
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    if (folder[0])
        return folder;
    tmp = tmp ? tmp : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    FUZZ_CHECK(snprintf(folder, sizeof folder, "%s/relief-fuzz-XXXXXX", tmp) < (int)sizeof folder);
    FUZZ_CHECK(mkdtemp(folder) && atexit(remove_all) == 0);
    return folder;
}

const char *fuzz_path(const char *name)
{
    static char paths[4][sizeof folder + 64];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    FUZZ_CHECK(snprintf(path, sizeof paths[0], "%s/%s", fuzz_folder(), name) < (int)sizeof paths[0]);
    return path;
}

const char *fuzz_file(const char *name, const void *data, size_t len)
{
    const char *path = fuzz_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len && close(fd) == 0);
    return path;
}
