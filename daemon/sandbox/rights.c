/*
 * Privileges of the process itself. Capabilities go by the raw calls: three lines of libcap would be a library more.
 * Some of the prctls are refused to a process without rights, which then has nothing to drop; what counts is looked at
 * in the end.
 */
#include "sandbox/inside.h"
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPABILITY_MAX 63 /* two words of 32 */

static int drop_capabilities(bool keep_ports)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3], kept[_LINUX_CAPABILITY_U32S_3] = {0};
    if (syscall(SYS_capget, &head, had) != 0)
        return -errno;
    if (!(had[0].permitted | had[1].permitted | had[0].inheritable | had[1].inheritable))
        return 0; /* a plain user, and perhaps under a filter that has no capset */
    if (keep_ports)
        kept[0].permitted = kept[0].effective = had[0].permitted & 1u << CAP_NET_BIND_SERVICE;
    /* Not permitted to a plain user, who can't gain anything from the bounding set: there are no new privileges. */
    for (int capability = 0; capability <= CAPABILITY_MAX; capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* not on kernels before 4.3 */
    return syscall(SYS_capset, &head, kept) != 0 ? -errno : 0;
}

int sandbox_drop_rights(bool keep_ports)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
#ifndef RELIEF_SANDBOX_WITHOUT_CALLS /* the leak checker traces its own process */
    /* Memory holds keys and what cities don't show each other: no core, and no other process of this user looks in. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return -errno;
#endif
    return drop_capabilities(keep_ports);
}
