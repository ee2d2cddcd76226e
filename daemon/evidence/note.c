/*
 * Notes. The text is taken apart strictly: one form for each number, each base64 and each line, so that what was signed
 * and what is read can't be two things. Signatures of unknown forms are carried along, as the format asks; they count
 * for nothing.
 *
 * Ed25519 is libsodium's, which refuses keys of small order and signatures that are not in their one form.
 */
#include "evidence/note.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include "schema/codec.h"
#include "schema/scan.h"

#define DASH            "\xe2\x80\x94 "
#define SIGNATURE_BYTES 64u
#define TIME_MAX        INT64_C(253402300799) /* end of the year 9999, s */

/* ---- reading ---- */

/* The next line of *text, without its line feed; false when there is none. */
static bool take_line(struct relief_str *text, struct relief_str *ret_line)
{
    const char *end = text->len ? memchr(text->data, '\n', text->len) : NULL;
    if (!end)
        return false;
    ret_line->data = text->data;
    ret_line->len = (uint32_t)(end - text->data);
    text->data = end + 1;
    text->len -= ret_line->len + 1;
    return true;
}

static bool is_text(struct relief_str text)
{
    for (uint32_t i = 0; i < text.len; i++)
        if (((unsigned char)text.data[i] < 0x20 && text.data[i] != '\n') || text.data[i] == 0x7f)
            return false;
    return scan_utf8(text.data, text.len);
}

static bool parse_signature(struct evidence_signature *ret, struct relief_str line)
{
    const uint32_t dash = sizeof DASH - 1;
    uint8_t bytes[4 + sizeof ret->bytes];
    size_t len = 0;
    if (line.len <= dash || memcmp(line.data, DASH, dash) != 0)
        return false;
    const char *name = line.data + dash, *end = line.data + line.len;
    const char *space = memchr(name, ' ', (size_t)(end - name));
    if (!space || !evidence_name_ok((struct relief_str){name, (uint32_t)(space - name)}))
        return false;
    ret->name = (struct relief_str){name, (uint32_t)(space - name)};
    ret->len = 0;
    const char *base64 = space + 1;
    if ((end - base64) % 4 != 0 || end - base64 < 8)
        return false;
    /* What is longer than any signature of ours is only looked at for its form: it is of another algorithm. */
    for (const char *at = base64; at < end; at++)
        if (!((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '+' ||
              *at == '/' || (*at == '=' && end - at <= 2)))
            return false;
    if ((size_t)(end - base64) > (sizeof bytes + 2) / 3 * 4) {
        memset(ret->id, 0, sizeof ret->id);
        return true;
    }
    if (sodium_base642bin(bytes, sizeof bytes, base64, (size_t)(end - base64), NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len < 5)
        return false;
    memcpy(ret->id, bytes, sizeof ret->id);
    memcpy(ret->bytes, bytes + 4, len - 4);
    ret->len = (uint8_t)(len - 4);
    return true;
}

/* The empty line before the signatures is the last one there is. */
static const char *find_gap(struct relief_str text)
{
    for (const char *at = text.data + text.len - 1; at > text.data; at--)
        if (at[0] == '\n' && at[-1] == '\n')
            return at;
    return NULL;
}

bool evidence_note_parse(struct evidence_note *ret_note, struct relief_str text)
{
    struct evidence_note note = {.count = 0};
    struct relief_str line;
    if (!text.data || text.len < 4 || text.len > EVIDENCE_NOTE_BYTES_MAX || text.data[text.len - 1] != '\n' ||
        !is_text(text))
        return false;
    const char *gap = find_gap(text);
    if (!gap)
        return false;
    note.body = (struct relief_str){text.data, (uint32_t)(gap - text.data)};
    struct relief_str rest = {gap + 1, (uint32_t)(text.data + text.len - (gap + 1))};
    while (take_line(&rest, &line)) {
        if (note.count == EVIDENCE_SIGNATURES_MAX || !parse_signature(&note.signatures[note.count], line))
            return false;
        note.lines[note.count++] = (struct relief_str){line.data, line.len + 1};
    }
    if (note.count == 0)
        return false;
    *ret_note = note;
    return true;
}

/* A number in its one form, at most max. */
static bool parse_number(struct relief_str text, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 19 || (text.data[0] == '0' && text.len > 1))
        return false;
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0'); /* 19 digits fit */
    }
    *ret = value;
    return value <= max;
}

/* libsodium's decoder takes some bytes past ASCII for digits, so what was read has to be what it would write. */
static bool parse_root(struct relief_str text, uint8_t ret[EVIDENCE_HASH_BYTES])
{
    char again[sodium_base64_ENCODED_LEN(EVIDENCE_HASH_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    size_t len;
    if (sodium_base642bin(ret, EVIDENCE_HASH_BYTES, text.data, text.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len != EVIDENCE_HASH_BYTES)
        return false;
    sodium_bin2base64(again, sizeof again, ret, len, sodium_base64_VARIANT_ORIGINAL);
    return relief_str_eq(text, relief_str_of(again));
}

bool evidence_checkpoint_parse(struct evidence_checkpoint *ret_checkpoint, struct relief_str body)
{
    struct evidence_checkpoint checkpoint = {.size = 0};
    struct relief_str origin, size, root, time;
    uint64_t number = 0;
    if (!take_line(&body, &origin) || !take_line(&body, &size) || !take_line(&body, &root) ||
        !take_line(&body, &time) || body.len != 0)
        return false;
    if (!evidence_name_ok(origin) || !parse_number(size, INT64_MAX, &checkpoint.size))
        return false;
    memcpy(checkpoint.origin, origin.data, origin.len);
    if (!parse_root(root, checkpoint.root))
        return false;
    if (time.len < 5 || memcmp(time.data, "time ", 5) != 0 ||
        !parse_number((struct relief_str){time.data + 5, time.len - 5}, INT64_MAX, &number))
        return false;
    checkpoint.time = (int64_t)number;
    *ret_checkpoint = checkpoint;
    return true;
}

/* ---- writing ---- */

static void add_base64(struct relief_buf *buf, const uint8_t *bytes, size_t len)
{
    relief_base64(buf, (struct relief_str){(const char *)bytes, (uint32_t)len});
}

void evidence_checkpoint_write(struct relief_buf *buf, const struct evidence_checkpoint *checkpoint)
{
    relief_buf_add_text(buf, checkpoint->origin);
    relief_buf_printf(buf, "\n%" PRIu64 "\n", checkpoint->size);
    add_base64(buf, checkpoint->root, sizeof checkpoint->root);
    relief_buf_printf(buf, "\ntime %" PRId64 "\n", checkpoint->time);
}

/* ---- signatures ---- */

/* What a cosignature is over: a time and the body. False: the body is longer than a note. */
static bool cosigned_text(char text[EVIDENCE_NOTE_BYTES_MAX + 64], int64_t time, struct relief_str body,
                          size_t *ret_len)
{
    if (body.len > EVIDENCE_NOTE_BYTES_MAX)
        return false;
    int start = snprintf(text, 64, "cosignature/v1\ntime %" PRId64 "\n", time);
    memcpy(text + start, body.data, body.len);
    *ret_len = (size_t)start + body.len;
    return true;
}

void evidence_note_sign(struct relief_buf *buf, struct relief_str body, const struct evidence_signer *signer,
                        int64_t time)
{
    char text[EVIDENCE_NOTE_BYTES_MAX + 64];
    uint8_t bytes[4 + 8 + SIGNATURE_BYTES];
    size_t at = 4, len = 0;
    memcpy(bytes, signer->key.id, 4);
    if (signer->key.type == EVIDENCE_COSIGNATURE) {
        for (unsigned i = 0; i < 8; i++)
            bytes[at++] = (uint8_t)((uint64_t)time >> (56 - 8 * i));
        if (!cosigned_text(text, time, body, &len)) {
            buf->failed = true;
            return;
        }
        crypto_sign_detached(bytes + at, NULL, (const unsigned char *)text, len, signer->secret);
    } else {
        crypto_sign_detached(bytes + at, NULL, (const unsigned char *)body.data, body.len, signer->secret);
    }
    relief_buf_add_text(buf, DASH);
    relief_buf_add_text(buf, signer->key.name);
    relief_buf_add_char(buf, ' ');
    add_base64(buf, bytes, at + SIGNATURE_BYTES);
    relief_buf_add_char(buf, '\n');
}

static bool verify(const struct evidence_note *note, const struct evidence_signature *signature,
                   const struct evidence_key *key, int64_t *ret_time)
{
    char text[EVIDENCE_NOTE_BYTES_MAX + 64];
    uint64_t time = 0;
    size_t len = 0;
    if (key->type == EVIDENCE_ED25519)
        return signature->len == SIGNATURE_BYTES &&
               crypto_sign_verify_detached(signature->bytes, (const unsigned char *)note->body.data, note->body.len,
                                           key->bytes) == 0;
    if (signature->len != 8 + SIGNATURE_BYTES)
        return false;
    for (unsigned i = 0; i < 8; i++)
        time = time << 8 | signature->bytes[i];
    if (time > TIME_MAX || !cosigned_text(text, (int64_t)time, note->body, &len))
        return false;
    *ret_time = (int64_t)time;
    return crypto_sign_verify_detached(signature->bytes + 8, (const unsigned char *)text, len, key->bytes) == 0;
}

/* A second line of the same key that does not hold makes the note a bad one: somebody changed it. */
bool evidence_note_verify(const struct evidence_note *note, const struct evidence_key *key, int64_t *ret_time,
                          unsigned *ret_line)
{
    bool found = false;
    for (unsigned i = 0; i < note->count; i++) {
        const struct evidence_signature *signature = &note->signatures[i];
        int64_t time = 0;
        if (memcmp(signature->id, key->id, sizeof key->id) != 0 ||
            !relief_str_eq(signature->name, relief_str_of(key->name)))
            continue;
        if (!verify(note, signature, key, &time))
            return false;
        if (!found && ret_time)
            *ret_time = time;
        if (!found && ret_line)
            *ret_line = i;
        found = true;
    }
    return found;
}
