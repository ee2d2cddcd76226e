/*
 * seccomp: the calls that serving and stopping take, found by running the tests under the filter. Everything else ends
 * the process, on the spot and without a handler: a call that isn't here means that somebody else is at the wheel.
 *
 * What matters is what is missing: no execve; no socket, connect or bind, so that the only new descriptors are accepted
 * connections and files; no memory that can be executed; no process (clone makes threads only), no signal to others, no
 * tracing, mounting, keys, io_uring, bpf, perf. Which files may be opened is Landlock's (files.c): the kernel can't
 * compare a path here. Calls of one turn of the loop are allowed whatever their arguments are, since the kernel then
 * remembers that and runs no filter for them (the action cache of Linux 5.11).
 *
 * clone3 hides its flags in memory, where a filter can't look: the C library takes ENOSYS for an old kernel and uses
 * clone. It loads libgcc when a thread ends by pthread_exit or is cancelled, and modules when it looks up names:
 * neither is done after the start (the first never, the second by conf/names.c).
 */
#include "sandbox/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

#define CALL(name) SCMP_SYS(name)

static const int allowed[] = {
    /* connections */
    CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2), CALL(epoll_ctl), CALL(poll), CALL(ppoll), CALL(accept4),
    CALL(accept), CALL(recvfrom), CALL(read), CALL(readv), CALL(write), CALL(writev), CALL(shutdown), CALL(getsockopt),
    CALL(getsockname), CALL(getpeername), CALL(close),
    /* files */
    CALL(openat), CALL(openat2), CALL(open), CALL(pread64), CALL(preadv), CALL(pwrite64), CALL(pwritev), CALL(lseek),
    CALL(fstat), CALL(stat), CALL(lstat), CALL(newfstatat), CALL(fstatat64), CALL(statx), CALL(statfs), CALL(fstatfs),
    CALL(access), CALL(faccessat), CALL(faccessat2), CALL(readlink), CALL(readlinkat), CALL(getcwd), CALL(getdents64),
    CALL(mkdir), CALL(mkdirat), CALL(rename), CALL(renameat), CALL(renameat2), CALL(unlink), CALL(unlinkat),
    CALL(rmdir), CALL(ftruncate), CALL(fallocate), CALL(fadvise64), CALL(fsync), CALL(fdatasync), CALL(sync_file_range),
    CALL(msync), CALL(flock),
    /* memory and threads */
    CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mlock), CALL(mlock2), CALL(munlock), CALL(futex),
    CALL(futex_waitv), CALL(set_robust_list), CALL(rseq), CALL(membarrier), CALL(sched_yield), CALL(sched_getaffinity),
    CALL(getcpu), CALL(getpriority), CALL(exit), CALL(exit_group),
    /* signals to oneself, time, chance, who one is */
    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(sigaltstack), CALL(restart_syscall),
    CALL(clock_gettime), CALL(clock_getres), CALL(gettimeofday), CALL(time), CALL(nanosleep), CALL(clock_nanosleep),
    CALL(getrandom), CALL(getpid), CALL(gettid), CALL(getppid), CALL(getuid), CALL(geteuid), CALL(getgid),
    CALL(getegid), CALL(uname), CALL(sysinfo), CALL(getrusage), CALL(times)};

/* A call with a condition on one argument, or on two. Several rows of a call: one of them must fit. */
struct row {
    int call;
    unsigned count;
    struct scmp_arg_cmp args[2];
};

#define COMPARE(index, how, a, b)                                                                                      \
    {                                                                                                                  \
        .arg = (index), .op = (how), .datum_a = (uint64_t)(a), .datum_b = (uint64_t)(b)                                \
    }
#define IS(index, value)         COMPARE(index, SCMP_CMP_EQ, value, 0)
#define BITS(index, mask, value) COMPARE(index, SCMP_CMP_MASKED_EQ, mask, value)
/* An int: the upper half of the register may hold anything. */
#define INT(index, value) BITS(index, UINT32_MAX, value)

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
/* What the C library may add; everything else, name spaces above all, is none of a thread's. */
#define THREAD_MORE (CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED)

static const struct row narrowed[] = {
    {CALL(mmap), 1, {BITS(2, PROT_EXEC, 0)}},
    {CALL(mmap2), 1, {BITS(2, PROT_EXEC, 0)}},
    {CALL(mprotect), 1, {BITS(2, PROT_EXEC, 0)}},
    {CALL(clone), 1, {BITS(0, ~(uint64_t)THREAD_MORE, THREAD_FLAGS)}},
    {CALL(sendto), 1, {IS(4, 0)}}, /* only to who is connected */
    /* nice values of the calling thread; a raise is refused without a capability anyway */
    {CALL(setpriority), 2, {INT(0, PRIO_PROCESS), INT(1, 0)}},
    {CALL(prlimit64), 2, {INT(0, 0), IS(2, 0)}}, /* own limits, read only */
    {CALL(prctl), 1, {INT(0, PR_SET_NAME)}},
    {CALL(prctl), 1, {INT(0, PR_SET_VMA)}}, /* names of mappings, given by newer C libraries */
    {CALL(ioctl), 1, {INT(1, FIONREAD)}},
    {CALL(ioctl), 1, {INT(1, FIONBIO)}},
    {CALL(ioctl), 1, {INT(1, TCGETS)}}, /* isatty */
    {CALL(fcntl), 1, {INT(1, F_GETFL)}},
    {CALL(fcntl), 1, {INT(1, F_SETFL)}},
    {CALL(fcntl), 1, {INT(1, F_GETFD)}},
    {CALL(fcntl), 1, {INT(1, F_SETFD)}},
    {CALL(fcntl), 1, {INT(1, F_DUPFD_CLOEXEC)}},
    {CALL(fcntl), 1, {INT(1, F_GETLK)}},
    {CALL(fcntl), 1, {INT(1, F_SETLK)}},
    {CALL(fcntl), 1, {INT(1, F_SETLKW)}},
    {CALL(setsockopt), 1, {INT(1, IPPROTO_TCP)}},
    {CALL(setsockopt), 2, {INT(1, SOL_SOCKET), INT(2, SO_LINGER)}},
    {CALL(setsockopt), 2, {INT(1, SOL_SOCKET), INT(2, SO_RCVBUF)}},
    {CALL(setsockopt), 2, {INT(1, SOL_SOCKET), INT(2, SO_SNDBUF)}},
    {CALL(setsockopt), 2, {INT(1, SOL_SOCKET), INT(2, SO_RCVLOWAT)}},
};

static int add_rules(scmp_filter_ctx filter)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof allowed / sizeof *allowed; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; result == 0 && i < sizeof narrowed / sizeof *narrowed; i++)
        result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, narrowed[i].call, narrowed[i].count, narrowed[i].args);
    const struct scmp_arg_cmp to_itself = INT(0, getpid());
    if (result == 0) /* abort() and raise() */
        result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(tgkill), 1, &to_itself);
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
    return result;
}

static bool kernel_has_filters(void)
{
    const uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int sandbox_limit_calls(bool report, bool *ret_done)
{
    const uint32_t otherwise = report ? SCMP_ACT_TRAP : SCMP_ACT_KILL_PROCESS;
    int result = 0;
    *ret_done = false;
    if (!kernel_has_filters())
        return 0;
    if (report && (result = sandbox_report_calls()) != 0)
        return result;
    scmp_filter_ctx filter = seccomp_init(otherwise);
    if (!filter)
        return -ENOMEM;
    result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
    if (result == 0)
        result = add_rules(filter);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    *ret_done = result == 0;
    return result;
}
