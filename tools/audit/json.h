/*
 * JSON as evidence has it (fine print 62): sorted keys, no spaces, integers in plain decimal, each character escaped in
 * one way or not at all. Anything else is not the text that was hashed, so it is refused. Values are kept as the bytes
 * that they are; nothing is allocated.
 */
#pragma once
#include "tools/audit/bytes.h"

#define AUDIT_JSON_DEPTH   64 /* arrays and maps in each other; records have 4 */
#define AUDIT_JSON_MEMBERS 48 /* of a map that is looked into; a record has 27 */

enum audit_json_type {
    AUDIT_JSON_NULL,
    AUDIT_JSON_BOOL,
    AUDIT_JSON_INT,
    AUDIT_JSON_STRING,
    AUDIT_JSON_ARRAY,
    AUDIT_JSON_MAP,
};

struct audit_json_member {
    struct audit_text name;  /* between the quotes, as written */
    struct audit_text value; /* all bytes of the value */
};
struct audit_json_map {
    struct audit_json_member members[AUDIT_JSON_MEMBERS];
    unsigned count;
};

/* One value from *at on; moves *at behind it. NULL, or what is wrong, and *at where. */
const char *audit_json_check(const char **at, const char *end);
/* The same for a text that must be one value. */
const char *audit_json_whole(struct audit_text text);

/* Checks a text that must be one map, and cuts it into its members, in one walk; none when something is wrong. */
const char *audit_json_open(struct audit_text text, struct audit_json_map *ret);

/*
 * The members of a map that has passed the check. False when it is no map or has too many members. The bytes of a text
 * that was not checked are not trusted either: the result is then false, or pieces of that very text.
 */
bool audit_json_map(struct audit_text value, struct audit_json_map *ret);
/* The next item of an array; *at begins as NULL. */
bool audit_json_next(struct audit_text array, const char **at, struct audit_text *ret_item);
enum audit_json_type audit_json_type(struct audit_text value);
/* The value of a member; data NULL when there is none. */
struct audit_text audit_json_find(const struct audit_json_map *map, const char *name);

bool audit_json_int(struct audit_text value, int64_t *ret);
bool audit_json_size(struct audit_text value, uint64_t *ret); /* an integer from 0 to 2^62 */
/* A string without escapes, between its quotes: what ids, hashes and words are. */
bool audit_json_plain(struct audit_text value, struct audit_text *ret);
/* A string with its escapes undone, and NUL behind it. */
bool audit_json_string(struct audit_text value, char *ret, size_t size, size_t *ret_len);
