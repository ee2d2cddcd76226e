/*
 * The connection of a command. Made when a command needs it, never for help or for work on files.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "client/cli/cli.h"
#include "client/client.h"

#define TOKEN_TEXT_MAX 256  /* as the protocol has it */
#define TOKEN_BYTES    1024 /* of the file: room for what does not belong there */

static int bad_token(const char *path, const char *what, char *ret_why, size_t size)
{
    snprintf(ret_why, size, "--token-file: %s: %s", path, what);
    return -EINVAL;
}

/* The token of --token-file: its one word. It never comes by the command line, which others can see; so they must not
 * see the file either, as with the key of an ssh. A pipe is nobody else's. */
static int read_token(const char *path, char ret[TOKEN_BYTES], char *ret_why, size_t size)
{
    static const char space[] = " \t\r\n";
    struct stat status;
    FILE *file = fopen(path, "re");
    if (!file)
        return bad_token(path, strerror(errno), ret_why, size);
    if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & (S_IRWXO | S_IWGRP))) {
        fclose(file);
        return bad_token(path, "others can read or change it; chmod 600 it", ret_why, size);
    }
    size_t len = fread(ret, 1, TOKEN_BYTES - 1, file);
    int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error)
        return bad_token(path, strerror(error), ret_why, size);
    ret[len] = '\0';
    len = strcspn(ret, space);
    if (len == 0 || len > TOKEN_TEXT_MAX || ret[len + strspn(ret + len, space)] != '\0')
        return bad_token(path, "must hold one token and nothing else", ret_why, size);
    ret[len] = '\0';
    return 0;
}

/* What no other attempt would mend is the caller's to correct: words, files, a token where it must not go. */
static bool is_usage(int error)
{
    return error == -EINVAL || error == -ENAMETOOLONG || error == -EPERM;
}

int cli_try_connect(struct cli *cli, bool reconnect, char *ret_why, size_t size)
{
    char token[TOKEN_BYTES];
    const struct relief_client_options options = {.server = cli->server,
                                                  .timeout_ms = cli->timeout_ms,
                                                  .no_reconnect = !reconnect,
                                                  .certificate = cli->certificate,
                                                  .key = cli->key,
                                                  .authority = cli->authority,
                                                  .token = cli->token_file ? token : NULL,
                                                  .error = ret_why,
                                                  .error_size = size};
    int error = cli->token_file ? read_token(cli->token_file, token, ret_why, size) : 0;
    if (error == 0)
        error = relief_client_open(&cli->client, &options);
    if (error)
        cli->client = NULL;
    return error;
}

bool cli_may_retry(int error)
{
    return error && !is_usage(error) && error != -EPROTO;
}

int cli_connect(struct cli *cli, bool reconnect)
{
    char why[CLIENT_ERROR_BYTES];
    int error = cli_try_connect(cli, reconnect, why, sizeof why);
    if (error == 0)
        return cli->receipt ? cli_receipts_open(cli) : CLI_DONE;
    cli_say("%s", why);
    return is_usage(error) ? CLI_USAGE : CLI_UNREACHABLE;
}
