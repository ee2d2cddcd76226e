/*
 * The daemon's clocks, moved by a test: preloaded, it adds to wall clock, boot clock and monotonic clock what the file
 * named by RELIEF_CLOCK says, three 64-bit numbers of milliseconds in the machine's order. The file is mapped, so a
 * change counts from the next reading on. Most tests leave the monotonic clock as it is: then time-outs and the loop's
 * own waiting are real. Moved with the others while the process is stopped, it makes a pause of any length.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef int timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until);

int clock_gettime(clockid_t id, struct timespec *ret);
timedwait pthread_cond_timedwait;

static const volatile int64_t *offsets;

__attribute__((constructor)) static void map_offsets(void)
{
    const char *path = getenv("RELIEF_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, 3 * sizeof *offsets, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (at != MAP_FAILED)
        offsets = at;
    if (fd >= 0)
        close(fd);
}

static void add_ms(struct timespec *to, int64_t ms)
{
    int64_t ns = to->tv_nsec + ms % 1000 * 1000000;
    int64_t carry = ns < 0 ? -1 : ns / 1000000000;
    to->tv_sec += (time_t)(ms / 1000 + carry);
    to->tv_nsec = (long)(ns - carry * 1000000000);
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
    long result = syscall(SYS_clock_gettime, id, ret);
    if (result || !offsets)
        return (int)result;
    if (id == CLOCK_REALTIME)
        add_ms(ret, offsets[0]);
    else if (id == CLOCK_BOOTTIME)
        add_ms(ret, offsets[1]);
    else if (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE)
        add_ms(ret, offsets[2]);
    return 0;
}

/* The kernel waits by its own clock; the daemon's conditions are all of the monotonic one. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
    timedwait *real;
    void *found = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec at = *until;
    *(void **)&real = found;
    add_ms(&at, offsets ? -offsets[2] : 0);
    return real(cond, mutex, &at);
}
