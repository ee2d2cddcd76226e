/*
 * relief denials: the journal of what the daemon refused, which is a list like others under a name of its own.
 */
#include "client/cli/cli.h"

static int run_denials(struct cli *cli, int argc, char **argv)
{
    return cli_run_method(cli, relief_method_by_number(RELIEF_METHOD_server_denials), argc, argv);
}

const struct cli_command cli_command_denials = {"denials", "[--after N] [--limit N]",
                                                "who was refused what, oldest first; for auditors and operators",
                                                run_denials};
