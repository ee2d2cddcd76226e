/*
 * sync FOLDER SECONDS: how long one fdatasync of 4 KiB takes in a file that is there already, all zeroes, as a segment
 * of the log is. What every durable answer waits for at least once.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hist.h"

#define FILE_BYTES (16 << 20)
#define PAGE       4096

int main(int argc, char **argv)
{
    static struct hist hist;
    static char page[PAGE];
    char path[4096];
    if (argc != 3)
        return fputs("sync FOLDER SECONDS\n", stderr), 2;
    snprintf(path, sizeof path, "%s/sync.tmp", argv[1]);
    int fd = open(path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
    for (off_t at = 0; fd >= 0 && at < FILE_BYTES; at += PAGE)
        if (pwrite(fd, page, PAGE, at) != PAGE)
            return perror(path), 1;
    if (fd < 0 || fsync(fd))
        return perror(path), 1;
    unlink(path);
    uint64_t end = now_ns() + (uint64_t)(atof(argv[2]) * 1e9), from;
    for (off_t at = 0; (from = now_ns()) < end; at = (at + PAGE) % FILE_BYTES) {
        memset(page, (int)(hist.count & 0x7f), 64);
        if (pwrite(fd, page, PAGE, at) != PAGE || fdatasync(fd))
            return perror("fdatasync"), 1;
        hist_add(&hist, now_ns() - from);
    }
    printf("label=fdatasync n=%lu p50_us=%.0f p99_us=%.0f max_us=%.0f\n", (unsigned long)hist.count, hist_us(&hist, 50),
           hist_us(&hist, 99), (double)hist.max / 1e3);
    return 0;
}
