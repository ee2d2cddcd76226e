/*
 * Lines for the operator on standard error: `level=err id=20 text="..." key=value ...`, rows of schema/messages.h.
 * Any thread; a line is one write.
 */
#pragma once
#include "schema/messages.h"

/* Appends the formatted key=value pairs; values with spaces are quoted by the caller through notice_quote. */
void notice(enum relief_message message, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct notice_text {
    char text[400];
};
/* The text in quotes, cut at the size of the struct; bytes that could break a line or fool a terminal become '?'. */
struct notice_text notice_quote(const char *text);
