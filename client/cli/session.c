/*
 * The connection of a command. Made when a command needs it, never for help or for work on files.
 */
#include <errno.h>
#include <string.h>
#include "client/cli/cli.h"

int cli_connect(struct cli *cli, bool reconnect)
{
    const struct relief_client_options options = {
        .server = cli->server, .timeout_ms = cli->timeout_ms, .no_reconnect = !reconnect};
    int error = relief_client_open(&cli->client, &options);
    if (error == 0)
        return cli->receipt ? cli_receipts_open(cli) : CLI_DONE;
    cli->client = NULL;
    if (error == -EINVAL || error == -ENAMETOOLONG)
        return cli_bad("'%s' is not an address: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT", cli->server);
    if (error == -EPROTONOSUPPORT)
        cli_say("%s: this build has no TLS; use the unix socket, or TCP on a loopback address", cli->server);
    else
        cli_say("no connection to %s: %s", cli->server, strerror(-error));
    return CLI_UNREACHABLE;
}
