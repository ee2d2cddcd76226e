/*
 * What the program says: faults and findings on standard output, what keeps it from checking on standard error.
 */
#pragma once
#include <stdint.h>
#include "tools/audit/bytes.h"

enum audit_exit {
    AUDIT_HOLDS = 0,
    AUDIT_USAGE = 2, /* or a file that can't be read */
    AUDIT_AWAY = 3,  /* a daemon that does not answer */
    AUDIT_FAILS = 4,
};

#define AUDIT_FAULTS_SAID 20 /* a file that was cut or shifted would fill the screen */

struct audit_faults {
    uint64_t count;
};

/* "PATH:LINE: what"; without a line when it is 0. */
void audit_fault(struct audit_faults *faults, const char *path, uint64_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void audit_faults_end(const struct audit_faults *faults);
/* "relief-audit: what"; returns AUDIT_USAGE. */
int audit_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* ISO 8601 in UTC. */
void audit_time_text(int64_t seconds, char ret[32]);
/* A span in the unit that fits. */
void audit_age_text(int64_t seconds, char ret[48]);
