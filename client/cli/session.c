/*
 * The connection of a command. Made when a command needs it, never for help or for work on files.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/client.h"

#define TOKEN_TEXT_MAX 256  /* as the protocol has it */
#define TOKEN_BYTES    1024 /* of the file: room for what does not belong there */

/* The token of --token-file: its one word. It never comes by the command line, which others can see. */
static int read_token(const char *path, char ret[TOKEN_BYTES])
{
    FILE *file = fopen(path, "re");
    if (!file)
        return cli_bad("--token-file: %s: %s", path, strerror(errno));
    size_t len = fread(ret, 1, TOKEN_BYTES - 1, file);
    int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error)
        return cli_bad("--token-file: %s: %s", path, strerror(error));
    ret[len] = '\0';
    len = strcspn(ret, " \t\r\n");
    if (len == 0 || ret[len + strspn(ret + len, " \t\r\n")] != '\0' || len > TOKEN_TEXT_MAX)
        return cli_bad("--token-file: %s: must hold one token and nothing else", path);
    ret[len] = '\0';
    return CLI_DONE;
}

/* What no other attempt would mend is the caller's to correct: words, files, a token where it must not go. */
static bool is_usage(int error)
{
    return error == -EINVAL || error == -ENAMETOOLONG || error == -EPERM;
}

int cli_connect(struct cli *cli, bool reconnect)
{
    char token[TOKEN_BYTES], why[CLIENT_ERROR_BYTES];
    const struct relief_client_options options = {.server = cli->server,
                                                  .timeout_ms = cli->timeout_ms,
                                                  .no_reconnect = !reconnect,
                                                  .certificate = cli->certificate,
                                                  .key = cli->key,
                                                  .authority = cli->authority,
                                                  .token = cli->token_file ? token : NULL,
                                                  .error = why,
                                                  .error_size = sizeof why};
    int code = cli->token_file ? read_token(cli->token_file, token) : CLI_DONE;
    if (code)
        return code;
    int error = relief_client_open(&cli->client, &options);
    if (error == 0)
        return cli->receipt ? cli_receipts_open(cli) : CLI_DONE;
    cli->client = NULL;
    cli_say("%s", why);
    return is_usage(error) ? CLI_USAGE : CLI_UNREACHABLE;
}
