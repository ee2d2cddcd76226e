/*
 * relief-audit: checks what Relief hands out as evidence, and witnesses it for others. It is written from
 * daemon/evidence/FORMAT.md and shares no code with the daemon, so that a fault there does not hide itself here.
 */
#include <sodium.h>
#include <stdio.h>
#include "tools/audit/command.h"

static const struct audit_command *const commands[] = {&audit_verify, &audit_consistency, &audit_key_command,
                                                       &audit_cosign, &audit_witness};
#define COMMANDS (sizeof commands / sizeof *commands)

static int help(void)
{
    puts("relief-audit: checks Relief's evidence without trusting the daemon\n");
    for (unsigned i = 0; i < COMMANDS; i++)
        printf("relief-audit %s %s\n    %s\n", commands[i]->name, commands[i]->usage, commands[i]->summary);
    puts("\nexit: 0 holds, 4 fails, 2 usage or a file that can't be read, 3 no connection, 1 the daemon refused");
    return AUDIT_HOLDS;
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0)
        return audit_say("libsodium does not start");
    if (argc < 2)
        return audit_say("usage: relief-audit COMMAND ...; --help lists the commands");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help();
    if (strcmp(argv[1], "--version") == 0)
        return puts("relief-audit " RELIEF_VERSION) < 0 ? AUDIT_USAGE : AUDIT_HOLDS;
    for (unsigned i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i]->name) != 0)
            continue;
        int code = commands[i]->run(commands[i], argc - 2, argv + 2);
        if (fflush(stdout) != 0)
            return audit_say("standard output can't be written");
        return code;
    }
    return audit_say("%s: no such command; relief-audit --help lists them", argv[1]);
}
