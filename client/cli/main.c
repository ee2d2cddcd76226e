/*
 * relief(1): the command line of Relief.
 */
#include <signal.h>
#include <sodium.h>
#include "client/cli/cli.h"

int main(int argc, char **argv)
{
    /* A reader that goes away (relief city list | head) ends us by a failed write, which is reported, not by a signal.
     */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on the length of files is an error of the write */
    if (sodium_init() < 0)
        return CLI_REFUSED;
    return cli_run(argc - 1, argv + 1);
}
