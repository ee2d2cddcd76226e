/*
 * Signed notes, checkpoints and keys as daemon/evidence/FORMAT.md has them (C2SP signed-note, tlog-checkpoint,
 * tlog-cosignature).
 */
#pragma once
#include "tools/audit/bytes.h"

#define AUDIT_NAME_MAX       128
#define AUDIT_NOTE_MAX       8192
#define AUDIT_SIGNATURES_MAX 17 /* the log's own and 16 witnesses' */
#define AUDIT_KEY_LOG        0x01
#define AUDIT_KEY_WITNESS    0x04
#define AUDIT_KEY_TEXT_MAX   256 /* of a verifier or private key: 12 + name + hash + base64 of 33 bytes */
#define AUDIT_SIG_LINE_MAX   256 /* dash, name, base64 of 76 bytes */

struct audit_key {
    char name[AUDIT_NAME_MAX + 1];
    uint8_t type; /* AUDIT_KEY_LOG or AUDIT_KEY_WITNESS */
    uint8_t id[4];
    uint8_t key[32];
};
struct audit_secret {
    struct audit_key key;
    uint8_t bytes[64]; /* as libsodium has it: seed, then public key */
};

struct audit_signature {
    struct audit_text line; /* all of it, with its line feed */
    struct audit_text name;
    uint8_t id[4];
    unsigned len; /* of `bytes`, behind the id; 0: of a kind that is not read here */
    uint8_t bytes[72];
};

struct audit_note {
    size_t len, body_len;
    struct audit_text origin;
    uint64_t size;
    uint8_t root[AUDIT_HASH];
    unsigned extensions; /* lines behind the root */
    bool timed;          /* there is just one, and it is `time T` */
    int64_t time;
    unsigned count;
    struct audit_signature signatures[AUDIT_SIGNATURES_MAX];
    char text[AUDIT_NOTE_MAX + 1]; /* the pieces above point into it, so a note is not copied */
};

bool audit_key_read(struct audit_text text, struct audit_key *ret);
void audit_key_write(const struct audit_key *key, char ret[AUDIT_KEY_TEXT_MAX]);
bool audit_name_ok(struct audit_text name);
/* A new pair of keys; false when the name is none. */
bool audit_secret_make(struct audit_secret *ret, const char *name, uint8_t type);
bool audit_secret_read(struct audit_text text, struct audit_secret *ret);
void audit_secret_write(const struct audit_secret *secret, char ret[AUDIT_KEY_TEXT_MAX]);

/* NULL, or what is wrong. */
const char *audit_note_read(struct audit_text text, struct audit_note *ret);
enum audit_signed {
    AUDIT_SIGNED_NOT,   /* no signature by this key */
    AUDIT_SIGNED_WELL,  /* and every one by it holds */
    AUDIT_SIGNED_WRONG, /* one does not hold */
};
/* ret_seconds: of a witness, when it signed (its newest signature); else left alone. */
enum audit_signed audit_note_signed(const struct audit_note *note, const struct audit_key *key, int64_t *ret_seconds);
/* The note with the signatures of one key only, and `more` lines behind them. */
void audit_note_with(const struct audit_note *note, const struct audit_key *key, const char *more,
                     struct audit_buf *ret);
/* A further signature line, with its line feed: a log's signature or a witness's cosignature. */
void audit_note_sign(const struct audit_note *note, const struct audit_secret *secret, int64_t seconds,
                     char ret[AUDIT_SIG_LINE_MAX]);
