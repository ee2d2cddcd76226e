/*
 * The socket is made and connected once: later the sandbox has no socket(), and Landlock lets a process that is bound
 * send to an abstract address outside only when it was connected before. A supervisor that is gone needs no word, so no
 * error is told.
 */
#include "base/supervisor.h"
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int to_supervisor = -1;
static int64_t watchdog_us; /* 0: nobody watches */
static int64_t told_us;

static void open_watchdog(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (us && (!pid || strtoll(pid, NULL, 10) == getpid()))
        watchdog_us = strtoll(us, NULL, 10);
}

void supervisor_open(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;
    if (len == 0 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* the abstract name space */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
        close(fd);
        return;
    }
    to_supervisor = fd;
    open_watchdog();
}

void supervisor_tell(const char *state)
{
    if (to_supervisor >= 0)
        (void)!send(to_supervisor, state, strlen(state), MSG_NOSIGNAL);
}

void supervisor_alive(void)
{
    struct timespec now;
    if (watchdog_us <= 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    if (told_us && now_us - told_us < watchdog_us / 2)
        return;
    told_us = now_us;
    supervisor_tell("WATCHDOG=1");
}
