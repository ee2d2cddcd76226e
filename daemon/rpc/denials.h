/*
 * The journal of denials: who was refused what, for auditors and operators. DATA/denials.jsonl and the file before it, each of
 * a bounded size. It is no evidence: nothing of it is synced, and what can't be written is dropped and counted, because service goes on.
 *
 * The same denial of the same address within a second is one line with a count. One address has so many lines a second and all have so many
 * together, those that nobody knows half of them, so that a flood can't push out what others did.
 */
#pragma once
#include <stdint.h>
#include "schema/methods.h"
#include "schema/refusal.h"

#define DENIALS_FILE_BYTES_MAX (4u << 20) /* two of them: 30,000 lines at least */
#define DENIALS_WINDOW_MS      1000       /* repeats within it are counted in one line */
#define DENIALS_ROWS_MAX       64u        /* lines of one window */
#define DENIALS_STRANGERS_MAX  32u        /* of them, from peers without an identity */
#define DENIALS_ADDRESS_MAX    8u         /* of them, from one address */

struct denials;

/* Where a connection comes from, without its port: the host, or the uid at the other end of a unix socket. */
#define DENIAL_ADDRESS_BYTES 80u
void denial_address(char ret[DENIAL_ADDRESS_BYTES], const char *peer);

/* 0 or -errno; -ENOMEM only: when the file can't be had, what comes is dropped and counted until it can. */
int denials_open(struct denials **ret, const char *dir);
void denials_close(struct denials *denials);
/* time: what the line says. identity and method may be NULL. Text is copied; what isn't printable ASCII becomes '?'. */
void denials_add(struct denials *denials, int64_t now_ms, int64_t time, const char *address, const char *identity,
                 const char *method, enum relief_error code, const char *reason);
/* Writes the lines whose window has ended; INT64_MAX: all. True when that failed and the time before had not. */
bool denials_flush(struct denials *denials, int64_t now_ms);
/*
 * The lines behind `after`, in their order, until `each` returns other than 0: 1 to end. 0 or -errno. Strings live until the next call of
 * each. What waits is written before.
 */
int denials_read(struct denials *denials, int64_t after, int (*each)(void *context, const struct relief_denial *denial),
                 void *context);
/* Denials ever, and those of which nothing was written. */
uint64_t denials_count(const struct denials *denials, uint64_t *ret_dropped);
