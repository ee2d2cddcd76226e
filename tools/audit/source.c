/*
 * Lines are given out where they were read to, without a copy. The room grows only for a line that is longer than it,
 * up to AUDIT_LINE_MAX.
 */
#include "tools/audit/source.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "tools/audit/form.h"
#include "tools/audit/pack.h"
#include "tools/audit/say.h"

#define ROOM ((size_t)1 << 20)

int audit_source_open(struct audit_source *source, const char *path)
{
    *source = (struct audit_source){.path = path, .fd = STDIN_FILENO, .text = AUDIT_BUF_INIT};
    crypto_generichash_blake2b_init(&source->digest, NULL, 0, AUDIT_HASH);
    if (strcmp(path, "-") != 0)
        source->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0)
        return audit_say("%s: %s", path, strerror(errno));
    source->data = malloc(ROOM);
    source->cap = ROOM;
    if (!source->data)
        return audit_say("no memory");
    struct audit_text first = audit_source_peek(source, 1);
    source->packed = first.len && ((unsigned char)first.data[0] >> 4 == 8 || (unsigned char)first.data[0] == 0xde);
    return 0;
}

/* Reads more behind what is there. 1, 0 at the end, -1 said. */
static int read_more(struct audit_source *source)
{
    if (source->ended)
        return 0;
    if (source->at > 0) {
        memmove(source->data, source->data + source->at, source->len - source->at);
        source->len -= source->at;
        source->at = 0;
    }
    if (source->len == source->cap) {
        size_t cap = source->cap ? source->cap * 2 : ROOM;
        char *data = cap <= AUDIT_LINE_MAX ? realloc(source->data, cap) : NULL;
        if (!data) {
            audit_say("%s:%llu: a line longer than %zu bytes, or no memory for it", source->path,
                      (unsigned long long)source->line + 1, source->cap);
            return -1;
        }
        source->data = data;
        source->cap = cap;
    }
    ssize_t got;
    do
        got = read(source->fd, source->data + source->len, source->cap - source->len);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        audit_say("%s: %s", source->path, strerror(errno));
        return -1;
    }
    source->len += (size_t)got;
    source->ended = got == 0;
    return got > 0;
}

struct audit_text audit_source_peek(struct audit_source *source, size_t want)
{
    while (source->len - source->at < want && want <= ROOM && read_more(source) == 1)
        ;
    size_t have = source->len - source->at;
    return (struct audit_text){source->data + source->at, have < want ? have : want};
}

static enum audit_got next_line(struct audit_source *source, struct audit_text *ret)
{
    size_t looked = 0;
    for (;;) {
        char *from = source->data + source->at;
        size_t have = source->len - source->at;
        char *end = have > looked ? memchr(from + looked, '\n', have - looked) : NULL;
        if (end) {
            *ret = (struct audit_text){from, (size_t)(end - from)};
            source->at += ret->len + 1;
            return AUDIT_GOT_LINE;
        }
        looked = have;
        int more = read_more(source);
        if (more < 0)
            return AUDIT_GOT_NOTHING;
        if (more == 0 && have && source->loose) {
            *ret = (struct audit_text){source->data + source->at, have};
            source->at = source->len;
            return AUDIT_GOT_LINE;
        }
        if (more == 0) {
            *ret = AUDIT_TEXT("the file ends in the middle of a line");
            source->at = source->len;
            return have ? AUDIT_GOT_BROKEN : AUDIT_GOT_END;
        }
    }
}

static enum audit_got next_packed(struct audit_source *source, struct audit_text *ret)
{
    for (;;) {
        const uint8_t *from = (const uint8_t *)source->data + source->at;
        size_t have = source->len - source->at;
        long len = have ? audit_pack_measure(from, have) : 0;
        source->text.len = 0;
        if (len > 0 && audit_pack_json(from, (size_t)len, &source->text)) {
            source->at += (size_t)len;
            if (!audit_packed_form(from, (size_t)len)) {
                *ret = AUDIT_TEXT("these are not the bytes that a dump has for it");
                return AUDIT_GOT_BROKEN;
            }
            *ret = audit_buf_view(&source->text);
            return AUDIT_GOT_LINE;
        }
        int more = len == 0 ? read_more(source) : 0;
        if (more < 0)
            return AUDIT_GOT_NOTHING;
        if (more == 0) {
            if (have == 0)
                return AUDIT_GOT_END;
            *ret = len == 0 ? AUDIT_TEXT("the file ends in the middle of a record") : AUDIT_TEXT("not MessagePack");
            source->at = source->len;
            source->ended = true;
            return AUDIT_GOT_BROKEN;
        }
    }
}

enum audit_got audit_source_next(struct audit_source *source, struct audit_text *ret_line)
{
    if (source->next)
        return source->next(source, ret_line);
    source->line++;
    return source->packed ? next_packed(source, ret_line) : next_line(source, ret_line);
}

void audit_source_digest(struct audit_source *source, struct audit_text line)
{
    /* A line stands in front of its line feed already, but for the packed ones. */
    if (!source->packed) {
        crypto_generichash_blake2b_update(&source->digest, (const uint8_t *)line.data, line.len + 1);
        return;
    }
    crypto_generichash_blake2b_update(&source->digest, (const uint8_t *)line.data, line.len);
    crypto_generichash_blake2b_update(&source->digest, (const uint8_t *)"\n", 1);
}

void audit_source_close(struct audit_source *source)
{
    if (source->fd > STDIN_FILENO)
        close(source->fd);
    source->fd = -1;
    free(source->data);
    source->data = NULL;
    audit_buf_deinit(&source->text);
}

int audit_file_read(const char *path, size_t max, struct audit_buf *ret)
{
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), result = 0;
    if (fd < 0)
        return audit_say("%s: %s", path, strerror(errno));
    ret->len = 0;
    for (;;) {
        if (!audit_buf_reserve(ret, 4096)) {
            result = audit_say("no memory");
            break;
        }
        ssize_t got = read(fd, ret->data + ret->len, 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            result = audit_say("%s: %s", path, strerror(errno));
        if (got <= 0)
            break;
        ret->len += (size_t)got;
        if (ret->len > max) {
            result = audit_say("%s: longer than %zu bytes", path, max);
            break;
        }
    }
    if (fd > STDIN_FILENO)
        close(fd);
    return result;
}
