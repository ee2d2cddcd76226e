/*
 * Log lines of the daemon. Standard error is where systemd and every other supervisor look, so there is no file, no
 * rotation and no syslog here. A line is built in one buffer and written at once, so that lines of several threads
 * never mix.
 */
#include "base/notice.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define NOTICE_LINE_BYTES 1024 /* the longest is damage with its path and reason */

static const struct {
    int id;
    const char *level, *text, *advice;
} rows[] = {
#define N(id, name, level, text, advice) {id, level, text, advice},
    RELIEF_MESSAGES(N)
#undef N
};

struct notice_text notice_quote(const char *text)
{
    struct notice_text quoted;
    size_t at = 0;
    quoted.text[at++] = '"';
    for (; *text && at < sizeof quoted.text - 2; text++) {
        unsigned char c = (unsigned char)*text;
        quoted.text[at++] = c < 0x20 || c == 0x7f || c == '"' || c == '\\' ? '?' : (char)c;
    }
    quoted.text[at++] = '"';
    quoted.text[at] = 0;
    return quoted;
}

void notice(enum relief_message message, const char *format, ...)
{
    char line[NOTICE_LINE_BYTES];
    size_t at = 0, row = 0;
    while (row + 1 < sizeof rows / sizeof rows[0] && rows[row].id != (int)message)
        row++;
    int len = snprintf(line, sizeof line, "level=%s id=%d text=\"%s\"", rows[row].level, rows[row].id, rows[row].text);
    at = (size_t)len;
    if (rows[row].advice[0]) {
        len = snprintf(line + at, sizeof line - at, " advice=\"%s\"", rows[row].advice);
        at += (size_t)len;
    }
    if (format[0] && at < sizeof line - 2) {
        line[at++] = ' ';
        va_list args;
        va_start(args, format);
        len = vsnprintf(line + at, sizeof line - at, format, args);
        va_end(args);
        at += len < 0 ? 0 : (size_t)len;
    }
    if (at > sizeof line - 1)
        at = sizeof line - 1;
    line[at++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, at);
    (void)written; /* nobody is left to tell */
}
