/*
 * A note is read strictly, byte for byte, because what its readers agree on is the bytes. Signatures by unknown keys
 * are passed over, as the specification wants it; one by a known key that does not hold spoils the note.
 */
#include "tools/audit/note.h"
#include <sodium.h>
#include <stdio.h>
#include "tools/audit/sha256.h"

#define DASH "\xe2\x80\x94 " /* U+2014 and a space */

bool audit_name_ok(struct audit_text name)
{
    if (name.len == 0 || name.len > AUDIT_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == '+')
            return false;
    return true;
}

/* ---- keys ---- */

static void make_id(struct audit_key *key)
{
    uint8_t bytes[AUDIT_NAME_MAX + 34], hash[AUDIT_HASH];
    size_t len = strlen(key->name);
    memcpy(bytes, key->name, len);
    bytes[len++] = '\n';
    bytes[len++] = key->type;
    memcpy(bytes + len, key->key, sizeof key->key);
    audit_sha256(bytes, len + sizeof key->key, hash);
    memcpy(key->id, hash, sizeof key->id);
}

static bool cut(struct audit_text *text, char at, struct audit_text *ret)
{
    const char *end = text->len ? memchr(text->data, at, text->len) : NULL;
    if (!end)
        return false;
    *ret = (struct audit_text){text->data, (size_t)(end - text->data)};
    text->len -= ret->len + 1;
    text->data = end + 1;
    return true;
}

/* NAME+HASH+base64(type || 32 bytes); the caller proves the hash. */
static bool read_parts(struct audit_text text, struct audit_key *ret, uint8_t bytes[33])
{
    struct audit_text name, id;
    if (!cut(&text, '+', &name) || !cut(&text, '+', &id) || !audit_name_ok(name) ||
        !audit_hex_read(id, ret->id, sizeof ret->id) || audit_base64_read(text, bytes, 33) != 33)
        return false;
    if (bytes[0] != AUDIT_KEY_LOG && bytes[0] != AUDIT_KEY_WITNESS)
        return false;
    memcpy(ret->name, name.data, name.len);
    ret->name[name.len] = '\0';
    ret->type = bytes[0];
    return true;
}

static bool id_is_right(struct audit_key *key)
{
    uint8_t claimed[4];
    memcpy(claimed, key->id, sizeof claimed);
    make_id(key);
    return memcmp(claimed, key->id, sizeof claimed) == 0;
}

bool audit_key_read(struct audit_text text, struct audit_key *ret)
{
    uint8_t bytes[33];
    if (!read_parts(text, ret, bytes))
        return false;
    memcpy(ret->key, bytes + 1, sizeof ret->key);
    return id_is_right(ret);
}

void audit_key_write(const struct audit_key *key, char ret[AUDIT_KEY_TEXT_MAX])
{
    uint8_t bytes[33] = {key->type};
    char id[9], text[AUDIT_HASH_B64];
    memcpy(bytes + 1, key->key, sizeof key->key);
    audit_hex_write(key->id, sizeof key->id, id);
    audit_base64_write(bytes, sizeof bytes, text);
    snprintf(ret, AUDIT_KEY_TEXT_MAX, "%s+%s+%s", key->name, id, text);
}

static void from_seed(struct audit_secret *secret, const uint8_t seed[32])
{
    crypto_sign_seed_keypair(secret->key.key, secret->bytes, seed);
}

bool audit_secret_make(struct audit_secret *ret, const char *name, uint8_t type)
{
    uint8_t seed[32];
    if (!audit_name_ok(audit_text_of(name)))
        return false;
    *ret = (struct audit_secret){.key.type = type};
    snprintf(ret->key.name, sizeof ret->key.name, "%s", name);
    randombytes_buf(seed, sizeof seed);
    from_seed(ret, seed);
    sodium_memzero(seed, sizeof seed);
    make_id(&ret->key);
    return true;
}

#define PRIVATE "PRIVATE+KEY+"

bool audit_secret_read(struct audit_text text, struct audit_secret *ret)
{
    uint8_t bytes[33];
    if (!audit_text_starts(text, AUDIT_TEXT(PRIVATE)))
        return false;
    text.data += sizeof PRIVATE - 1;
    text.len -= sizeof PRIVATE - 1;
    if (!read_parts(text, &ret->key, bytes))
        return false;
    from_seed(ret, bytes + 1);
    sodium_memzero(bytes, sizeof bytes);
    return id_is_right(&ret->key);
}

void audit_secret_write(const struct audit_secret *secret, char ret[AUDIT_KEY_TEXT_MAX])
{
    uint8_t bytes[33] = {secret->key.type};
    char id[9], text[AUDIT_HASH_B64];
    memcpy(bytes + 1, secret->bytes, 32);
    audit_hex_write(secret->key.id, sizeof secret->key.id, id);
    audit_base64_write(bytes, sizeof bytes, text);
    snprintf(ret, AUDIT_KEY_TEXT_MAX, PRIVATE "%s+%s+%s", secret->key.name, id, text);
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(text, sizeof text);
}

/* ---- notes ---- */

/* One signature line without its line feed. */
static bool read_signature(struct audit_text line, struct audit_signature *ret)
{
    uint8_t bytes[AUDIT_NOTE_MAX];
    if (!audit_text_starts(line, AUDIT_TEXT(DASH)))
        return false;
    ret->line = (struct audit_text){line.data, line.len + 1};
    line.data += sizeof DASH - 1;
    line.len -= sizeof DASH - 1;
    if (!cut(&line, ' ', &ret->name) || ret->name.len == 0 || memchr(ret->name.data, '+', ret->name.len))
        return false;
    long len = audit_base64_read(line, bytes, sizeof bytes);
    if (len <= (long)sizeof ret->id)
        return false;
    memcpy(ret->id, bytes, sizeof ret->id);
    ret->len = 0;
    if ((size_t)len - sizeof ret->id <= sizeof ret->bytes) {
        ret->len = (unsigned)((size_t)len - sizeof ret->id);
        memcpy(ret->bytes, bytes + sizeof ret->id, ret->len);
    }
    return true;
}

static const char *read_body(struct audit_text body, struct audit_note *ret)
{
    struct audit_text line = {NULL, 0}, size, root;
    if (!audit_text_line(&body, &ret->origin) || ret->origin.len == 0)
        return "no origin";
    if (!audit_text_line(&body, &size) || !audit_decimal_read(size, &ret->size))
        return "no size";
    if (!audit_text_line(&body, &root) || audit_base64_read(root, ret->root, AUDIT_HASH) != AUDIT_HASH)
        return "no root hash";
    while (audit_text_line(&body, &line)) {
        uint64_t time;
        if (line.len == 0)
            return "an empty line in the body";
        struct audit_text word = AUDIT_TEXT("time ");
        ret->timed = ret->extensions == 0 && audit_text_starts(line, word) &&
                     audit_decimal_read((struct audit_text){line.data + word.len, line.len - word.len}, &time);
        if (ret->timed)
            ret->time = (int64_t)time;
        ret->extensions++;
    }
    return NULL;
}

const char *audit_note_read(struct audit_text text, struct audit_note *ret)
{
    if (text.len > AUDIT_NOTE_MAX)
        return "longer than 8 KiB";
    ret->len = text.len;
    ret->extensions = ret->count = 0;
    ret->timed = false;
    ret->time = 0;
    if (text.len)
        memcpy(ret->text, text.data, text.len);
    ret->text[text.len] = '\0';
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)ret->text[i] < ' ' && ret->text[i] != '\n')
            return "a control character";
    if (!audit_utf8_ok(ret->text, ret->len))
        return "not UTF-8";
    /* the last empty line parts the text from the signatures */
    size_t at = ret->len;
    while (at >= 2 && !(ret->text[at - 1] == '\n' && ret->text[at - 2] == '\n'))
        at--;
    if (at < 2)
        return "no empty line before signatures";
    ret->body_len = at - 1;
    struct audit_text rest = {ret->text + at, ret->len - at}, line;
    while (audit_text_line(&rest, &line)) {
        if (ret->count == AUDIT_SIGNATURES_MAX)
            return "more than 17 signatures";
        if (!read_signature(line, &ret->signatures[ret->count++]))
            return "a signature line that is none";
    }
    if (rest.len > 0)
        return "a last line without its end";
    if (ret->count == 0)
        return "no signature";
    return read_body((struct audit_text){ret->text, ret->body_len}, ret);
}

/* What a witness signs. */
static size_t cosigned(const struct audit_note *note, int64_t seconds, char ret[AUDIT_NOTE_MAX + 64])
{
    int len = snprintf(ret, 64, "cosignature/v1\ntime %lld\n", (long long)seconds);
    memcpy(ret + len, note->text, note->body_len);
    return (size_t)len + note->body_len;
}

static bool holds(const struct audit_note *note, const struct audit_key *key, const struct audit_signature *signature,
                  int64_t *ret_seconds)
{
    char message[AUDIT_NOTE_MAX + 64];
    uint64_t seconds = 0;
    if (key->type == AUDIT_KEY_LOG)
        return signature->len == 64 && crypto_sign_verify_detached(signature->bytes, (const uint8_t *)note->text,
                                                                   note->body_len, key->key) == 0;
    for (int i = 0; i < 8; i++)
        seconds = seconds << 8 | signature->bytes[i];
    if (signature->len != 72 || seconds > INT64_MAX)
        return false;
    size_t len = cosigned(note, (int64_t)seconds, message);
    if (crypto_sign_verify_detached(signature->bytes + 8, (const uint8_t *)message, len, key->key) != 0)
        return false;
    *ret_seconds = (int64_t)seconds;
    return true;
}

enum audit_signed audit_note_signed(const struct audit_note *note, const struct audit_key *key, int64_t *ret_seconds)
{
    enum audit_signed result = AUDIT_SIGNED_NOT;
    int64_t newest = -1;
    for (unsigned i = 0; i < note->count; i++) {
        const struct audit_signature *signature = &note->signatures[i];
        int64_t seconds = 0;
        if (!audit_text_eq(signature->name, audit_text_of(key->name)) || memcmp(signature->id, key->id, 4) != 0)
            continue;
        if (!holds(note, key, signature, &seconds))
            return AUDIT_SIGNED_WRONG;
        result = AUDIT_SIGNED_WELL;
        newest = seconds > newest ? seconds : newest;
    }
    if (result == AUDIT_SIGNED_WELL && key->type == AUDIT_KEY_WITNESS && ret_seconds)
        *ret_seconds = newest;
    return result;
}

void audit_note_with(const struct audit_note *note, const struct audit_key *key, const char *more,
                     struct audit_buf *ret)
{
    audit_buf_add(ret, note->text, note->body_len + 1);
    for (unsigned i = 0; i < note->count; i++) {
        const struct audit_signature *signature = &note->signatures[i];
        if (audit_text_eq(signature->name, audit_text_of(key->name)) && memcmp(signature->id, key->id, 4) == 0)
            audit_buf_add(ret, signature->line.data, signature->line.len);
    }
    audit_buf_text(ret, more);
}

void audit_note_sign(const struct audit_note *note, const struct audit_secret *secret, int64_t seconds,
                     char ret[AUDIT_SIG_LINE_MAX])
{
    char message[AUDIT_NOTE_MAX + 64], text[105];
    uint8_t bytes[4 + 8 + 64];
    size_t head = 4, len = note->body_len;
    memcpy(bytes, secret->key.id, 4);
    memcpy(message, note->text, note->body_len);
    if (secret->key.type == AUDIT_KEY_WITNESS) {
        len = cosigned(note, seconds, message);
        for (int i = 0; i < 8; i++)
            bytes[head++] = (uint8_t)((uint64_t)seconds >> (56 - 8 * i));
    }
    crypto_sign_detached(bytes + head, NULL, (const uint8_t *)message, len, secret->bytes);
    audit_base64_write(bytes, head + 64, text);
    snprintf(ret, AUDIT_SIG_LINE_MAX, DASH "%s %s\n", secret->key.name, text);
}
