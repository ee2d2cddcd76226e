/*
 * The daemon's clocks, moved by a test: preloaded, it adds to wall clock and boot clock what the file named by
 * RELIEF_CLOCK says, two 64-bit numbers of milliseconds in the machine's order. The file is mapped, so a change counts
 * from the next reading on. The monotonic clock stays as it is: time-outs and the loop's own waiting are real.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *ret);

static const volatile int64_t *offsets;

__attribute__((constructor)) static void map_offsets(void)
{
    const char *path = getenv("RELIEF_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, 2 * sizeof *offsets, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (at != MAP_FAILED)
        offsets = at;
    if (fd >= 0)
        close(fd);
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
    long result = syscall(SYS_clock_gettime, id, ret);
    if (result || !offsets || (id != CLOCK_REALTIME && id != CLOCK_BOOTTIME))
        return (int)result;
    int64_t ms = offsets[id == CLOCK_BOOTTIME];
    int64_t ns = ret->tv_nsec + ms % 1000 * 1000000;
    int64_t carry = ns < 0 ? -1 : ns / 1000000000;
    ret->tv_sec += (time_t)(ms / 1000 + carry);
    ret->tv_nsec = (long)(ns - carry * 1000000000);
    return 0;
}
