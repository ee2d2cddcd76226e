/*
 * Output files that appear when they are complete. A reader never sees half a dump under its name, and a failed run
 * leaves what was there before.
 *
 * That goes for regular files, and for the file that a symbolic link leads to. A device, a pipe or a socket keeps its
 * place: what is written goes straight into it, for a rename would put a file where it stood.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/cli/cli.h"
#include "client/cli/outfile.h"

static int failed(struct cli_outfile *out, const char *path, int error)
{
    cli_outfile_abort(out);
    return cli_bad("%s: %s", path, strerror(error));
}

/* What is no regular file, as it is. */
static int open_direct(struct cli_outfile *out, const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    out->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (out->file)
        return CLI_DONE;
    int error = errno;
    if (fd >= 0)
        close(fd);
    return failed(out, path, error);
}

/* `found`: what stands under the name now, NULL for nothing. */
static int open_beside(struct cli_outfile *out, const struct stat *found)
{
    if (asprintf(&out->temporary, "%s.tmp.%ld", out->path, (long)getpid()) < 0) {
        out->temporary = NULL;
        cli_outfile_abort(out);
        return cli_bad("no memory");
    }
    out->file = fopen(out->temporary, "wxe");
    if (!out->file) {
        int code = cli_bad("%s: %s", out->temporary, strerror(errno));
        free(out->temporary); /* not ours */
        out->temporary = NULL;
        cli_outfile_abort(out);
        return code;
    }
    if (!found || fchmod(fileno(out->file), found->st_mode & 0777) == 0) /* who could not read it still can't */
        return CLI_DONE;
    int code = cli_bad("%s: %s", out->temporary, strerror(errno));
    cli_outfile_abort(out);
    return code;
}

int cli_outfile_open(struct cli_outfile *out, const char *path)
{
    struct stat status, link;
    *out = (struct cli_outfile){.file = stdout};
    if (!path || strcmp(path, "-") == 0)
        return CLI_DONE;
    out->file = NULL;
    bool there = stat(path, &status) == 0;
    if (!there && lstat(path, &link) == 0)
        return cli_bad("%s is a link that leads nowhere", path);
    out->path = there ? realpath(path, NULL) : strdup(path);
    if (!out->path)
        return failed(out, path, errno);
    return there && !S_ISREG(status.st_mode) ? open_direct(out, path) : open_beside(out, there ? &status : NULL);
}

int cli_outfile_commit(struct cli_outfile *out)
{
    if (!out->path)
        return cli_flush(out->file, CLI_DONE);
    bool good = fflush(out->file) == 0 && !ferror(out->file) && (!out->temporary || fsync(fileno(out->file)) == 0);
    int error = errno;
    good = fclose(out->file) == 0 && good;
    out->file = NULL;
    if (good && (!out->temporary || rename(out->temporary, out->path) == 0)) {
        free(out->temporary);
        out->temporary = NULL;
        return CLI_DONE;
    }
    cli_say("%s: %s", out->path, strerror(good ? errno : error));
    return CLI_REFUSED;
}

void cli_outfile_abort(struct cli_outfile *out)
{
    if (out->file && out->path)
        fclose(out->file);
    if (out->temporary)
        unlink(out->temporary);
    free(out->temporary);
    free(out->path);
    *out = (struct cli_outfile){0};
}
