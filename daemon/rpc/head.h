/*
 * The outer shape of a message: [0, msgid, method, params] or [2, method, params]. Read by hand, so that msgpack-c sees
 * parameters only, and only when no limit is exceeded inside.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "schema/refusal.h"
#include "schema/str.h"

enum head_kind { HEAD_BAD, HEAD_REQUEST, HEAD_NOTIFICATION };

struct head {
    enum head_kind kind;
    uint32_t msgid;
    struct relief_str method;
    uint32_t param_count; /* elements of the params array */
    struct relief_str params; /* the bytes of the first of them; empty when there is none */
};

/* The message is one whole MessagePack value, as the scanner says. */
void head_parse(const uint8_t *data, size_t len, struct head *ret);

/*
 * Names the first place inside params where a limit is exceeded or text is not UTF-8: BAD_PARAMS with field. Iterative; looks at each byte
 * once. The limits are those that the scanner had. params is one whole MessagePack value.
 */
void head_fault(struct relief_str params, uint32_t depth_max, uint32_t elements_max, struct relief_refusal *refusal);
