/*
 * The answers of the domain, one row each: code on the wire, whether sending the same again can help, the advice for a person.
 * E(name, retry, advice). Rows are append-only. Zero is "done"; negative values (errno) mean that the machine failed and never
 * come from this list. The command line ends with exit code 1 for all of them.
 */
#pragma once

#define RELIEF_ERRORS(E)                                                                                               \
    E(BAD_FRAME, NEVER, "send MessagePack-RPC requests [0, msgid, method, params]")                                    \
    E(FRAME_TOO_LARGE, NEVER, "split the request, or identify the connection first")                                   \
    E(BAD_METHOD, NEVER, "see 'relief help' for the methods")                                                          \
    E(BAD_PARAMS, NEVER, "correct the parameter named in field")                                                       \
    E(NOT_FOUND, NEVER, "check the id named in field, or create that record first")                                    \
    E(EXISTS, NEVER, "use another id, or update the record that is there")                                             \
    E(BAD_STATE, NEVER, "look at the record's state; this step is not open to it now")                                 \
    E(INSUFFICIENT, LATER, "ask for no more than available, or receive stock first")                                   \
    E(CONFLICT, NEVER, "this id was used with other content; use a new one")                                           \
    E(STALE, NEVER, "compute the plan again and apply the new one")                                                    \
    E(DENIED, NEVER, "this identity has no right to it")                                                               \
    E(UNAUTHENTICATED, NEVER, "identify the connection: certificate, token or mapped user")                            \
    E(UNFILLABLE, LATER, "ask for less, allow a higher level or substitutes, or drop all_or_nothing")                  \
    E(READ_ONLY, LATER, "the daemon serves reads only for now")                                                        \
    E(BUSY, LATER, "try again in a moment")                                                                            \
    E(TOO_MANY, NEVER, "ask for less at once")                                                                         \
    E(DISK_FULL, LATER, "free space on the daemon's disk")                                                             \
    E(INTERNAL, LATER, "see the daemon's log")

enum relief_error {
    RELIEF_DONE = 0,
#define E(name, retry, advice) RELIEF_##name,
    RELIEF_ERRORS(E)
#undef E
        RELIEF_ERROR_COUNT
};

/* Name on the wire ("BAD_FRAME"), advice for a person, and whether a later retry can help. Both strings are static. */
const char *relief_error_name(enum relief_error error);
const char *relief_error_advice(enum relief_error error);
int relief_error_retry(enum relief_error error);
/* The code for a name, or -1. */
int relief_error_from_name(const char *name, unsigned len);
