/*
 * Notes are taken apart strictly: one text for one meaning, so that two different notes never say the same and a
 * changed byte is always found. A signature line of a key that nobody gave proves nothing and is only named.
 */
#include "client/cli/evidence_note.h"
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"

#define DASH           "\xe2\x80\x94 " /* em dash and a space, before each signature */
#define PLAIN_BYTES    (4u + 64u)
#define COSIGNED_BYTES (4u + 8u + 64u)
#define KEY_TEXT_MAX   400u

/* ---- parts ---- */

static bool take_line(struct relief_str *rest, struct relief_str *ret)
{
    const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    if (!end)
        return false;
    *ret = (struct relief_str){rest->data, (uint32_t)(end - rest->data)};
    *rest = (struct relief_str){end + 1, rest->len - ret->len - 1};
    return true;
}

static bool name_ok(struct relief_str name)
{
    if (name.len == 0 || name.len > EVIDENCE_NAME_MAX)
        return false;
    for (uint32_t i = 0; i < name.len; i++) {
        if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == '+')
            return false;
    }
    return true;
}

static bool number_ok(struct relief_str text, uint64_t *ret)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 18 || (text.data[0] == '0' && text.len > 1))
        return false;
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ret = value;
    return true;
}

/* Exactly the text that the bytes have: padded, and no bits beside them. */
static bool base64(struct relief_str text, uint8_t *ret, size_t max, size_t *ret_len)
{
    const char *end = NULL;
    char again[EVIDENCE_NOTE_MAX];
    if (sodium_base642bin(ret, max, text.data, text.len, NULL, ret_len, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text.data + text.len ||
        sodium_base64_ENCODED_LEN(*ret_len, sodium_base64_VARIANT_ORIGINAL) > sizeof again)
        return false;
    sodium_bin2base64(again, sizeof again, ret, *ret_len, sodium_base64_VARIANT_ORIGINAL);
    return strlen(again) == text.len && memcmp(again, text.data, text.len) == 0;
}

/* ---- keys ---- */

static void key_id(const char *name, uint8_t type, const uint8_t bytes[32], uint8_t ret[4])
{
    crypto_hash_sha256_state state;
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t *)name, strlen(name));
    crypto_hash_sha256_update(&state, (const uint8_t *)"\n", 1);
    crypto_hash_sha256_update(&state, &type, 1);
    crypto_hash_sha256_update(&state, bytes, 32);
    crypto_hash_sha256_final(&state, hash);
    memcpy(ret, hash, 4);
}

static bool parse_key(struct evidence_key *ret, struct relief_str text, bool witness)
{
    uint8_t bytes[33], id[4], type = witness ? 4 : 1;
    size_t len = 0;
    const char *plus = memchr(text.data, '+', text.len);
    if (!plus || (size_t)(text.data + text.len - plus) < 1 + 8 + 1 + 44 || plus[9] != '+')
        return false;
    struct relief_str name = {text.data, (uint32_t)(plus - text.data)},
                      key = {plus + 10, text.len - (uint32_t)(plus + 10 - text.data)};
    if (!name_ok(name) || !base64(key, bytes, sizeof bytes, &len) || len != sizeof bytes || bytes[0] != type)
        return false;
    *ret = (struct evidence_key){.witness = witness};
    memcpy(ret->name, name.data, name.len);
    memcpy(ret->bytes, bytes + 1, 32);
    key_id(ret->name, type, ret->bytes, ret->id);
    return sodium_hex2bin(id, 4, plus + 1, 8, NULL, &len, NULL) == 0 && len == 4 && memcmp(id, ret->id, 4) == 0;
}

int evidence_key_add(struct evidence_trust *trust, const char *text, bool witness)
{
    struct relief_buf file = RELIEF_BUF_INIT;
    struct relief_str key = relief_str_of(text);
    int code = text[0] == '@' ? evidence_read_file(&file, text + 1, KEY_TEXT_MAX) : CLI_DONE;
    if (text[0] == '@' && code == 0)
        key = (struct relief_str){file.data, (uint32_t)file.len};
    while (key.len > 0 && (key.data[key.len - 1] == '\n' || key.data[key.len - 1] == '\r'))
        key.len--;
    if (code == 0 && witness && trust->witness_count == EVIDENCE_KEYS_MAX)
        code = cli_bad("more than %u keys of witnesses", EVIDENCE_KEYS_MAX);
    struct evidence_key *to = witness ? &trust->witnesses[trust->witness_count] : &trust->log;
    if (code == 0 && (key.len == 0 || !parse_key(to, key, witness)))
        code = cli_bad("'%.*s' is no %s key: NAME+HASH+KEY, or @FILE", (int)(key.len < 100 ? key.len : 100), key.data,
                       witness ? "witness's" : "log's");
    else if (code == 0 && witness)
        trust->witness_count++;
    else if (code == 0)
        trust->has_log = true;
    relief_buf_deinit(&file);
    return code;
}

/* ---- notes ---- */

static const char *read_body(struct evidence_note *note, struct relief_str *rest)
{
    struct relief_str line[4];
    uint64_t time;
    size_t len = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (!take_line(rest, &line[i]))
            return "no checkpoint: it has fewer than four lines";
    }
    if (!name_ok(line[0]))
        return "no checkpoint: its first line is no origin";
    if (!number_ok(line[1], &note->size))
        return "no checkpoint: its second line is no size";
    if (!base64(line[2], note->root, sizeof note->root, &len) || len != sizeof note->root)
        return "no checkpoint: its third line is no root";
    if (!relief_str_starts(line[3], RELIEF_STR("time ")) ||
        !number_ok((struct relief_str){line[3].data + 5, line[3].len - 5}, &time))
        return "no checkpoint: its fourth line is no time";
    memcpy(note->origin, line[0].data, line[0].len);
    note->origin[line[0].len] = '\0';
    note->time = (int64_t)time;
    return NULL;
}

static bool log_signed(const uint8_t *bytes, size_t len, struct relief_str body, const struct evidence_key *key)
{
    return len == PLAIN_BYTES &&
           crypto_sign_verify_detached(bytes + 4, (const uint8_t *)body.data, body.len, key->bytes) == 0;
}

static bool witness_signed(const uint8_t *bytes, size_t len, struct relief_str body, const struct evidence_key *key,
                           int64_t *ret_time)
{
    char message[EVIDENCE_NOTE_MAX + 64];
    uint64_t seconds = 0;
    if (len != COSIGNED_BYTES)
        return false;
    for (unsigned i = 0; i < 8; i++)
        seconds = seconds << 8 | bytes[4 + i];
    if (seconds > (uint64_t)RELIEF_TIME_MAX / 1000)
        return false;
    int head = snprintf(message, sizeof message, "cosignature/v1\ntime %llu\n", (unsigned long long)seconds);
    memcpy(message + head, body.data, body.len);
    *ret_time = (int64_t)seconds * 1000;
    return crypto_sign_verify_detached(bytes + 12, (const uint8_t *)message, (size_t)head + body.len, key->bytes) == 0;
}

static const struct evidence_key *key_of(const struct evidence_trust *trust, struct relief_str name, const uint8_t *id)
{
    for (unsigned i = 0; i <= trust->witness_count; i++) {
        const struct evidence_key *key = i < trust->witness_count ? &trust->witnesses[i] : &trust->log;
        if (relief_str_eq(name, relief_str_of(key->name)) && memcmp(id, key->id, 4) == 0)
            return key;
    }
    return NULL;
}

static const char *read_signature(struct evidence_note *note, struct relief_str line, struct relief_str body,
                                  const struct evidence_trust *trust, bool *ret_signed)
{
    uint8_t bytes[EVIDENCE_NOTE_MAX]; /* of any algorithm: what nobody gave a key for says nothing */
    size_t len = 0;
    int64_t time = 0;
    const char *space = NULL;
    if (relief_str_starts(line, RELIEF_STR(DASH)))
        space = memchr(line.data + 4, ' ', line.len - 4);
    struct relief_str name = {line.data + 4, space ? (uint32_t)(space - line.data - 4) : 0};
    if (!space || !name_ok(name) ||
        !base64((struct relief_str){space + 1, line.len - 5 - name.len}, bytes, sizeof bytes, &len) || len < 5)
        return "a signature line that is none";
    const struct evidence_key *key = key_of(trust, name, bytes);
    if (!key) {
        memcpy(note->unknown[note->unknown_count], name.data, name.len);
        note->unknown[note->unknown_count++][name.len] = '\0';
        return NULL;
    }
    if (!key->witness) {
        if (*ret_signed)
            return "the log's signature stands there twice";
        *ret_signed = true;
        return log_signed(bytes, len, body, key) ? NULL : "the log's signature does not hold";
    }
    for (unsigned i = 0; i < note->witness_count; i++) {
        if (note->witnesses[i].key == key)
            return "a witness's signature stands there twice";
    }
    if (!witness_signed(bytes, len, body, key, &time))
        return "a witness's signature does not hold";
    note->witnesses[note->witness_count].key = key;
    note->witnesses[note->witness_count++].time = time;
    return NULL;
}

const char *evidence_note_read(struct evidence_note *ret, struct relief_str text, const struct evidence_trust *trust)
{
    struct relief_str rest, line;
    bool is_signed = false;
    *ret = (struct evidence_note){.len = 0};
    if (text.len == 0 || text.len > EVIDENCE_NOTE_MAX || memchr(text.data, '\0', text.len))
        return text.len ? "no checkpoint: longer than 8 KiB, or a NUL byte" : "no checkpoint: it is empty";
    memcpy(ret->text, text.data, text.len);
    ret->len = text.len;
    rest = (struct relief_str){ret->text, ret->len};
    const char *wrong = read_body(ret, &rest);
    struct relief_str body = {ret->text, (uint32_t)(rest.data - ret->text)};
    if (wrong)
        return wrong;
    if (!take_line(&rest, &line) || line.len > 0)
        return "no checkpoint: no empty line behind its fourth";
    for (unsigned count = 0; !wrong && rest.len > 0; count++) {
        if (count == EVIDENCE_SIGNATURES_MAX || !take_line(&rest, &line))
            return count == EVIDENCE_SIGNATURES_MAX ? "more than 17 signatures" : "the last line has no end";
        wrong = read_signature(ret, line, body, trust, &is_signed);
    }
    if (!wrong && strcmp(ret->origin, trust->log.name) != 0)
        return "it is of another log than the key";
    return wrong ? wrong : is_signed ? NULL : "the log's key did not sign it";
}

int evidence_read_file(struct relief_buf *ret, const char *path, size_t max)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!file)
        return cli_bad("%s: %s", path, strerror(errno));
    while (ret->len <= max && relief_buf_reserve(ret, 4096)) {
        size_t got = fread(ret->data + ret->len, 1, 4096, file);
        ret->len += got;
        if (got == 0)
            break;
    }
    int error = ferror(file) ? errno : 0;
    if (file != stdin)
        fclose(file);
    if (error || ret->failed)
        return cli_bad("%s: %s", path, error ? strerror(error) : "no memory");
    return ret->len > max ? cli_bad("%s: longer than %zu bytes", path, max) : CLI_DONE;
}

int evidence_note_file(struct evidence_note *ret, const char *path, const struct evidence_trust *trust)
{
    struct relief_buf text = RELIEF_BUF_INIT;
    int code = evidence_read_file(&text, path, EVIDENCE_NOTE_MAX);
    const char *wrong =
        code == 0 ? evidence_note_read(ret, (struct relief_str){text.data, (uint32_t)text.len}, trust) : NULL;
    relief_buf_deinit(&text);
    if (!wrong)
        return code;
    printf("%s: %s\n", path, wrong);
    return CLI_DIFFERENT;
}
