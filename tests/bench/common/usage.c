/* All from /proc, but for instructions: those come from the processor's counters, where the kernel lets us have them.
 */
#include <dirent.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "usage.h"

static FILE *open_proc(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return fopen(path, "r");
}

/* The fields of /proc/PID/stat behind the name: state, parent, ... */
static bool read_stat(pid_t pid, pid_t *ret_parent, double *ret_cpu)
{
    char line[1024];
    FILE *file = open_proc(pid, "stat");
    bool good = false;
    int parent;
    unsigned long user, system;
    if (!file)
        return false;
    if (fgets(line, sizeof line, file)) {
        const char *behind = strrchr(line, ')');
        good = behind &&
               sscanf(behind + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &parent, &user, &system) == 3;
    }
    fclose(file);
    if (good) {
        *ret_parent = parent;
        *ret_cpu = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    }
    return good;
}

static void add_memory(pid_t pid, struct usage *usage)
{
    char line[256];
    unsigned long value;
    FILE *file = open_proc(pid, "status");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "VmRSS: %lu", &value) == 1)
            usage->rss_kb += value;
        else if (sscanf(line, "RssAnon: %lu", &value) == 1)
            usage->anon_kb += value;
    }
    if (file)
        fclose(file);
}

/* The server and the processes that it started itself. */
static void each_process(pid_t pid, void (*visit)(pid_t pid, void *arg), void *arg)
{
    DIR *dir = pid ? opendir("/proc") : NULL;
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        pid_t other = (pid_t)atoi(entry->d_name), parent;
        double cpu;
        if (other > 0 && (other == pid || (read_stat(other, &parent, &cpu) && parent == pid)))
            visit(other, arg);
    }
    if (dir)
        closedir(dir);
}

static void add_process(pid_t pid, void *arg)
{
    struct usage *usage = arg;
    pid_t parent;
    double cpu;
    if (read_stat(pid, &parent, &cpu))
        usage->cpu += cpu;
    add_memory(pid, usage);
}

static void read_machine(struct usage *usage)
{
    unsigned long t[8];
    double hz = (double)sysconf(_SC_CLK_TCK);
    FILE *file = fopen("/proc/stat", "r");
    if (!file)
        return;
    if (fscanf(file, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", t, t + 1, t + 2, t + 3, t + 4, t + 5, t + 6, t + 7) == 8) {
        usage->busy = (double)(t[0] + t[1] + t[2] + t[5] + t[6]) / hz;
        usage->steal = (double)t[7] / hz;
    }
    fclose(file);
}

static void read_device(const char *device, struct usage *usage)
{
    char line[512], name[64];
    FILE *file = *device ? fopen("/proc/diskstats", "r") : NULL;
    while (file && fgets(line, sizeof line, file)) {
        unsigned long sectors, flushes = 0;
        int got = sscanf(line, "%*d %*d %63s %*u %*u %*u %*u %*u %*u %lu %*u %*u %*u %*u %*u %*u %*u %*u %lu", name,
                         &sectors, &flushes);
        if (got >= 2 && !strcmp(name, device)) {
            usage->device_bytes = (double)sectors * 512.0;
            usage->flushes = (double)flushes;
        }
    }
    if (file)
        fclose(file);
}

static void find_device(const char *folder, char *ret_device)
{
    struct stat stat_;
    char line[512], name[64];
    FILE *file = stat(folder, &stat_) == 0 ? fopen("/proc/diskstats", "r") : NULL;
    while (file && fgets(line, sizeof line, file)) {
        unsigned major_, minor_;
        if (sscanf(line, "%u %u %63s", &major_, &minor_, name) == 3 && makedev(major_, minor_) == stat_.st_dev)
            strcpy(ret_device, name);
    }
    if (file)
        fclose(file);
}

static void count_thread(struct usage_of *of, pid_t thread)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_HW_INSTRUCTIONS,
                                   .inherit = 1,
                                   .exclude_hv = 1};
    if (of->counted == sizeof of->counters / sizeof of->counters[0])
        return;
    long fd = syscall(SYS_perf_event_open, &attr, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd >= 0)
        of->counters[of->counted++] = (int)fd;
}

static void count_process(pid_t pid, void *arg)
{
    char path[64];
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    while (dir && (entry = readdir(dir)))
        if (atoi(entry->d_name) > 0)
            count_thread(arg, (pid_t)atoi(entry->d_name));
    if (dir)
        closedir(dir);
}

void usage_open(struct usage_of *of, pid_t pid, const char *folder)
{
    *of = (struct usage_of){.pid = pid};
    if (folder)
        find_device(folder, of->device);
}

void usage_count(struct usage_of *of)
{
    if (!of->counted)
        each_process(of->pid, count_process, of);
}

void usage_read(const struct usage_of *of, struct usage *ret_usage)
{
    *ret_usage = (struct usage){.instructions = of->counted ? 0 : NAN, .device_bytes = NAN, .flushes = NAN};
    each_process(of->pid, add_process, ret_usage);
    for (unsigned i = 0; i < of->counted; i++) {
        uint64_t value;
        if (read(of->counters[i], &value, sizeof value) == (ssize_t)sizeof value)
            ret_usage->instructions += (double)value;
    }
    read_machine(ret_usage);
    read_device(of->device, ret_usage);
}
