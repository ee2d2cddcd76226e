/*
 * JSON in the one form that dumps and log lines have (fine print 62), and in no other: keys in the order of their bytes, none
 * twice, no spaces, whole numbers in plain decimal, only what must be escaped is escaped, UTF-8. A line that this reader takes
 * is the line that the writer of the same content makes, so a proof over its bytes is a proof over what it says.
 *
 * A line becomes a flat row of nodes, each container before its members; nothing is copied and nothing allocated per value.
 */
#pragma once
#include "schema/buf.h"

enum canon_type { CANON_NULL, CANON_FALSE, CANON_TRUE, CANON_INT, CANON_TEXT, CANON_ARRAY, CANON_OBJECT };

struct canon_node {
    const char *key; /* of a member, without quotes; else NULL */
    const char *at;  /* the value's first byte */
    uint32_t key_len, len;
    uint32_t next; /* number of the first node behind the value and all in it */
    uint8_t type, escaped;
};

struct canon {
    struct canon_node *nodes; /* 0 is the whole line; its members from 1 on */
    uint32_t count, cap;
    const char *error; /* of the last line that was not taken */
    size_t error_at;   /* in bytes from its start */
};

#define CANON_INIT      ((struct canon){0})
#define CANON_DEPTH_MAX 24u /* an entry nests to 7: outcome, records, record, list, part */

void canon_deinit(struct canon *canon);
/* False: error says why. Nodes point into the line. */
bool canon_parse(struct canon *canon, struct relief_str line);
/* The member of the object at node `of`; 0 when there is none. */
uint32_t canon_get(const struct canon *canon, uint32_t of, const char *key);
/* The value as it stands in the line. */
static inline struct relief_str canon_raw(const struct canon *canon, uint32_t node)
{
    return (struct relief_str){canon->nodes[node].at, canon->nodes[node].len};
}
/* Text without quotes and escapes, in scratch (appended) when it has any; RELIEF_STR_NONE: no text. */
struct relief_str canon_str(const struct canon *canon, uint32_t node, struct relief_buf *scratch);
/* The number; 0: none. */
int64_t canon_int(const struct canon *canon, uint32_t node);
/* canon_str of a member that can't have escapes (hashes, ids, words); NONE where it has. */
struct relief_str canon_word(const struct canon *canon, uint32_t of, const char *key);
int64_t canon_member_int(const struct canon *canon, uint32_t of, const char *key);
