/*
 * Output files that appear when they are complete. A reader never sees half a dump under its name, and a failed run
 * leaves what was there before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/cli/cli.h"
#include "client/cli/outfile.h"

int cli_outfile_open(struct cli_outfile *out, const char *path)
{
    *out = (struct cli_outfile){.file = stdout};
    if (!path || strcmp(path, "-") == 0)
        return CLI_DONE;
    out->file = NULL;
    out->path = strdup(path);
    if (!out->path || asprintf(&out->temporary, "%s.tmp.%ld", path, (long)getpid()) < 0) {
        out->temporary = NULL;
        cli_outfile_abort(out);
        return cli_bad("no memory");
    }
    out->file = fopen(out->temporary, "wxe");
    if (out->file)
        return CLI_DONE;
    int code = cli_bad("%s: %s", out->temporary, strerror(errno));
    free(out->temporary);
    out->temporary = NULL;
    cli_outfile_abort(out);
    return code;
}

int cli_outfile_commit(struct cli_outfile *out)
{
    if (!out->path)
        return cli_flush(out->file, CLI_DONE);
    bool good = fflush(out->file) == 0 && !ferror(out->file) && fsync(fileno(out->file)) == 0;
    int error = errno;
    good = fclose(out->file) == 0 && good;
    out->file = NULL;
    if (good && rename(out->temporary, out->path) == 0) {
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
