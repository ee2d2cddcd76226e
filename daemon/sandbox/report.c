/*
 * For whoever looks for a call that is missing in calls.c: the kernel sends SIGSYS instead of ending the process, and
 * the handler says which call it was. The line takes no lock and no memory, and the names were made before. The process
 * ends as it would have: nothing of a call that was refused is to go on.
 */
#include "sandbox/inside.h"
#include "base/notice.h"
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

#define CALLS_MAX 512 /* Linux 6 has 470 */

static const char *names[CALLS_MAX];

static void say(int call, const void *context)
{
    const char *name = call >= 0 && call < CALLS_MAX && names[call] ? names[call] : "?";
    unsigned long long args[3] = {0};
#if defined(__x86_64__)
    const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;
    args[0] = (unsigned long long)registers[REG_RDI];
    args[1] = (unsigned long long)registers[REG_RSI];
    args[2] = (unsigned long long)registers[REG_RDX];
#elif defined(__aarch64__)
    for (int i = 0; i < 3; i++)
        args[i] = ((const ucontext_t *)context)->uc_mcontext.regs[i];
#else
    (void)context;
#endif
    notice(RELIEF_MESSAGE_CALL_REFUSED, "call=%d name=%s args=%#llx,%#llx,%#llx", call, name, args[0], args[1],
           args[2]);
}

static void on_refused(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    say(info->si_syscall, context);
    _exit(EXIT_FAILURE);
}

int sandbox_report_calls(void)
{
    struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO};
    for (int i = 0; i < CALLS_MAX; i++)
        names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i); /* kept until the end */
    sigfillset(&action.sa_mask);
    return sigaction(SIGSYS, &action, NULL) != 0 ? -errno : 0;
}
