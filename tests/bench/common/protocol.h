/* What each server is sent for the same request, and what its answers mean. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "workload.h"

#define MESSAGE_BYTES_MAX 160u /* of a request, in every protocol */

struct answer {
    uint32_t slot;           /* of the request, where the protocol numbers them */
    bool none;               /* a message that answers nothing: an event */
    bool failed, told;       /* told: it says what was found */
    uint64_t asked, covered; /* units */
    unsigned legs;           /* donors */
    char error[120];
};

struct protocol {
    const char *name;
    bool in_order; /* answers have no number: they come in the order of the requests */
    bool refills;  /* the server's stock is that of the workload, not a thousandfold: it is filled up as work goes on */
    unsigned slot_at;     /* where the number of a request stands, four bytes */
    unsigned id_from_end; /* where its id stands, counted from the end: twelve digits or eight bytes */
    bool id_digits;
    size_t (*request)(uint8_t *out, const struct wl_request *request, uint32_t cities, uint32_t kinds);
    size_t (*refill)(uint8_t *out, uint32_t kind);
    /* Bytes that the first answer in `data` takes, 0 when it is not all there. Ends the process when it is none at all.
     */
    size_t (*answer)(const uint8_t *data, size_t len, struct answer *ret_answer);
    void (*greet)(int fd); /* what comes before the first request; the descriptor blocks */
};

const struct protocol *protocol_find(const char *name);
void protocol_stamp(const struct protocol *protocol, uint8_t *message, size_t len, uint32_t slot, uint64_t id);
/* Codes of cities and kinds as Relief knows them: three digits up to a thousand of them, then five. */
void protocol_code(char *out, size_t size, char letter, uint32_t number, uint32_t count);
