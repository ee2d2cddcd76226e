/* The table of errors.h, looked up by number and by name. */
#include "schema/errors.h"
#include <string.h>

enum { NEVER, LATER };

static const struct {
    const char *name, *advice;
    int retry;
} rows[RELIEF_ERROR_COUNT] = {[RELIEF_DONE] = {"DONE", "", NEVER},
#define E(name, retry, advice) [RELIEF_##name] = {#name, advice, retry},
                              RELIEF_ERRORS(E)
#undef E
};

static unsigned row_of(enum relief_error error)
{
    return (unsigned)error < RELIEF_ERROR_COUNT ? (unsigned)error : RELIEF_INTERNAL;
}

const char *relief_error_name(enum relief_error error)
{
    return rows[row_of(error)].name;
}

const char *relief_error_advice(enum relief_error error)
{
    return rows[row_of(error)].advice;
}

int relief_error_retry(enum relief_error error)
{
    return rows[row_of(error)].retry;
}

int relief_error_from_name(const char *name, unsigned len)
{
    for (unsigned i = RELIEF_DONE + 1; i < RELIEF_ERROR_COUNT; i++)
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
            return (int)i;
    return -1;
}
