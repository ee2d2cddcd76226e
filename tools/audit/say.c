/*
 * One way to say things, so that every fault names its file and line.
 */
#include "tools/audit/say.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void audit_fault(struct audit_faults *faults, const char *path, uint64_t line, const char *format, ...)
{
    va_list args;
    if (faults->count++ >= AUDIT_FAULTS_SAID)
        return;
    if (line)
        printf("%s:%llu: ", path, (unsigned long long)line);
    else
        printf("%s: ", path);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void audit_faults_end(const struct audit_faults *faults)
{
    if (faults->count > AUDIT_FAULTS_SAID)
        printf("and %llu more\n", (unsigned long long)(faults->count - AUDIT_FAULTS_SAID));
}

int audit_say(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("relief-audit: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return AUDIT_USAGE;
}

void audit_time_text(int64_t seconds, char ret[32])
{
    struct tm parts;
    time_t when = (time_t)seconds;
    if (seconds < 0 || seconds > INT64_C(253402300799) || !gmtime_r(&when, &parts) ||
        strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(ret, 32, "%lld s", (long long)seconds);
}

void audit_age_text(int64_t seconds, char ret[48])
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    const char *when = seconds < 0 ? "in the future" : "ago";
    uint64_t span = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
    unsigned i = 0;
    while (i < 3 && span < 2 * (uint64_t)units[i].seconds)
        i++;
    snprintf(ret, 48, "%llu %s %s", (unsigned long long)(span / (uint64_t)units[i].seconds), units[i].name, when);
}
