/*
 * In which order what is given up.
 *
 * Landlock binds the calling thread and the threads that it starts from then on; only seccomp can be put on all threads
 * at once (TSYNC). So files and capabilities go while there is one thread, before the engine starts its own, and with
 * that recovery, which reads what a crash or a bad disk left, is bound already. Opening files, sockets and listeners
 * takes calls that serving doesn't, so the filter comes last, right before `ready`, on all threads; every later thread
 * (a dump, a report) inherits both.
 *
 * What needs more of the machine than a bound process has is done before: names of users, groups and hosts (which may
 * load modules and ask servers), folders above sockets, the supervisor's socket, OpenSSL's configuration.
 *
 * Capabilities are dropped for root too. A daemon that root starts then reads and writes what root owns, as any user
 * does, and not what belongs to others: files that it made there would be root's, and out of reach for the owner. Only
 * CAP_NET_BIND_SERVICE stays until the listeners are open, where one has a port below 1024; the engine's threads keep
 * it, but the filter has no socket() and no bind() for them.
 *
 * Where the kernel lacks one of the two, the daemon runs on with the other and says so once.
 */
#include "sandbox/inside.h"
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>

#define PORTS_PRIVILEGED 1024u

static bool has_low_port(const struct sandbox_options *options)
{
    for (unsigned i = 0; i < options->port_count; i++) {
        if (options->ports[i] > 0 && options->ports[i] < PORTS_PRIVILEGED)
            return true;
    }
    return false;
}

int sandbox_enclose(struct sandbox *ret, const struct sandbox_options *options)
{
    *ret = (struct sandbox){.wanted = options->calls};
    int result = sandbox_drop_rights(has_low_port(options));
#ifdef RELIEF_SANDBOX_WITHOUT_CALLS
    ret->wanted = SANDBOX_CALLS_OFF;
#endif
#ifdef RELIEF_SANDBOX_WITHOUT_FILES
    return result;
#else
    if (result || !options->files)
        return result;
    result = sandbox_limit_files(options, &ret->files);
    ret->lacks_files = result == 0 && ret->files == 0;
    return result;
#endif
}

int sandbox_seal(struct sandbox *sandbox)
{
    bool done = false;
    int result = sandbox_drop_rights(false);
    if (result || sandbox->wanted == SANDBOX_CALLS_OFF)
        return result;
    result = sandbox_limit_calls(sandbox->wanted == SANDBOX_CALLS_REPORT, &done);
    if (done)
        sandbox->calls = sandbox->wanted;
    sandbox->lacks_calls = result == 0 && !done;
    return result;
}

void sandbox_text(const struct sandbox *sandbox, char ret[SANDBOX_TEXT_BYTES])
{
    const char *calls = sandbox->calls == SANDBOX_CALLS_ON ? "calls" : sandbox->calls ? "report" : "";
    if (sandbox->files)
        snprintf(ret, SANDBOX_TEXT_BYTES, "%s%sfiles:%d", calls, *calls ? "," : "", sandbox->files);
    else
        snprintf(ret, SANDBOX_TEXT_BYTES, "%s", *calls ? calls : "none");
}
