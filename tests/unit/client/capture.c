/*
 * Standard output and error go to files while a command runs. Commands keep no state in the process, so one after the
 * other can run here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "capture.h"
#include "client/cli/cli.h"

static char folder[64];

static const char *own_folder(void)
{
    if (!folder[0]) {
        strcpy(folder, "/tmp/relief-cli-XXXXXX");
        if (!mkdtemp(folder))
            abort();
    }
    return folder;
}

const char *test_file(const char *name, const char *content)
{
    static char paths[64][160];
    static unsigned next;
    char *path = paths[next++ % 64];
    snprintf(path, sizeof paths[0], "%s/%s", own_folder(), name);
    if (content) {
        FILE *file = fopen(path, "w");
        if (!file || fputs(content, file) < 0 || fclose(file) != 0)
            abort();
    }
    return path;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void test_files_remove(void)
{
    if (folder[0])
        nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    folder[0] = '\0';
}

static int redirect(FILE *stream, const char *path)
{
    fflush(stream);
    int old = dup(fileno(stream)), to = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (old < 0 || to < 0 || dup2(to, fileno(stream)) < 0)
        abort();
    close(to);
    return old;
}

static void restore(FILE *stream, int old)
{
    fflush(stream);
    dup2(old, fileno(stream));
    close(old);
}

static char *slurp(const char *path)
{
    char *text = calloc(1, 1 << 20);
    FILE *file = fopen(path, "r");
    if (!text || !file || (fread(text, 1, (1 << 20) - 1, file) == 0 && ferror(file)))
        abort();
    fclose(file);
    return text;
}

struct captured capture(const char *const *words)
{
    struct captured captured = {0};
    char *argv[64];
    int argc = 0;
    while (words[argc] && argc < 63) {
        argv[argc] = (char *)(uintptr_t)words[argc];
        argc++;
    }
    argv[argc] = NULL;
    char out_path[160], err_path[160];
    snprintf(out_path, sizeof out_path, "%s", test_file("stdout", NULL));
    snprintf(err_path, sizeof err_path, "%s", test_file("stderr", NULL));
    int out = redirect(stdout, out_path), err = redirect(stderr, err_path);
    captured.code = cli_run(argc, argv);
    restore(stdout, out);
    restore(stderr, err);
    captured.out = slurp(out_path);
    captured.err = slurp(err_path);
    return captured;
}

void captured_free(struct captured *captured)
{
    free(captured->out);
    free(captured->err);
}

struct captured run;

void check(int code, const char *out, const char *err)
{
    if (run.code != code || (out && !strstr(run.out, out)) || (err && !strstr(run.err, err)))
        fail_msg("exit %d (wanted %d)\nout: %s\nerr: %s\nwanted: %s / %s", run.code, code, run.out, run.err,
                 out ? out : "-", err ? err : "-");
    captured_free(&run);
}
