/*
 * A refusal travels from the core to the peer and from the daemon to the client's caller: what can't be done, where, why.
 */
#pragma once
#include <stdint.h>
#include "schema/errors.h"
#include "schema/limits.h"

/* A refusal: the domain's answer to what can't be done. Plain data, no ownership; strings are copied in. */
struct relief_refusal {
    enum relief_error code;
    char field[96];                             /* "" when no parameter is to blame; nested as substitutes.0.give */
    char id[RELIEF_IDENTITY_BYTES_MAX + 1];     /* NOT_FOUND: the value as sent */
    char state[32];                             /* BAD_STATE */
    int64_t available;                          /* INSUFFICIENT, else RELIEF_NIL */
    char message[160];                          /* one sentence for a person */
};

/* Fills in code and message, clears the rest. Returns code. */
int relief_refuse(struct relief_refusal *refusal, enum relief_error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with the name of a parameter. */
int relief_refuse_field(struct relief_refusal *refusal, enum relief_error code, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
