/*
 * What the daemon has written and reads again, damaged in any way. The first byte: 'b' a base, 'a' the first answers of
 * pruned entries, 'e' the payload of a log entry, 'v' a value of the store behind the length of its key. Bases and
 * answers get their digests made right (where the second byte is odd), so that inputs get behind them.
 *
 * A base that is taken gives a state that is written as the same bytes again; an entry that is taken is encoded again
 * as the same state of things, and its line is one that the command line reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"
#include "client/cli/canon.h"
#include "core/check.h"
#include "engine/answers.h"
#include "engine/load.h"
#include "engine/number.h"
#include "fuzz.h"
#include "schema/scan.h"
#include "store/value.h"

#define HEAD_BYTES 144u

static struct relief_buf made;

static void put_digest(size_t from, size_t to)
{
    struct engine_digest digest;
    engine_digest_init(&digest);
    engine_digest_add(&digest, made.data + from, to - from);
    engine_digest_end(&digest, (uint8_t *)made.data + to);
}

/* ---- bases ---- */

static int collect(void *context, const void *data, size_t len)
{
    relief_buf_add(context, data, len);
    return 0;
}

static void make_base(struct relief_str bytes, bool right)
{
    relief_buf_clear(&made);
    relief_buf_add_str(&made, bytes);
    if (!right || made.len < HEAD_BYTES + 2 * ENGINE_DIGEST_BYTES)
        return;
    size_t head = HEAD_BYTES + get_number((const uint8_t *)made.data + 12, 2);
    if (made.len >= head + 2 * ENGINE_DIGEST_BYTES)
        put_digest(0, head);
    put_digest(0, made.len - ENGINE_DIGEST_BYTES);
}

static void try_base(struct relief_str bytes, bool right)
{
    struct engine_base *base = NULL;
    struct store *memory = NULL;
    struct core core;
    struct relief_buf again = RELIEF_BUF_INIT;
    make_base(bytes, right);
    int rc = engine_base_open(&base, fuzz_file("one.base", made.data, made.len));
    FUZZ_CHECK(rc == 0 || rc == -EUCLEAN);
    if (rc)
        return;
    FUZZ_CHECK(store_open(&memory, &(struct store_options){0}) == 0);
    FUZZ_CHECK(core_init(&core, store_view(memory)) == 0);
    rc = engine_load_base(base, memory, &core, NULL, NULL, NULL);
    FUZZ_CHECK(rc == 0 || rc == -EUCLEAN);
    if (rc == 0) {
        FUZZ_CHECK(engine_base_write(store_view(memory), engine_base_head(base), collect, &again) == 0);
        /* Written by a program of as many tables it is the same, byte for byte. */
        FUZZ_CHECK(get_number((const uint8_t *)made.data + 136, 4) != RELIEF_TABLE_COUNT ||
                   (again.len == made.len && memcmp(again.data, made.data, made.len) == 0));
    }
    relief_buf_deinit(&again);
    core_deinit(&core);
    store_close(memory);
    engine_base_close(base);
}

/* ---- first answers ---- */

static void try_answers(struct relief_str bytes, bool right)
{
    struct engine_answers *answers = NULL;
    struct relief_buf payload = RELIEF_BUF_INIT;
    uint8_t digest[ENGINE_DIGEST_BYTES];
    uint64_t seq = 0;
    relief_buf_clear(&made);
    relief_buf_add_str(&made, bytes);
    if (right && made.len > ENGINE_DIGEST_BYTES)
        put_digest(0, made.len - ENGINE_DIGEST_BYTES);
    (void)mkdir(fuzz_path("base"), 0700);
    fuzz_file("base/00000000000000000009.answers", made.data, made.len);
    int rc = engine_answers_open(&answers, fuzz_folder());
    FUZZ_CHECK(rc == 0 || rc == -EUCLEAN);
    for (uint64_t at = 0, count = 0; rc == 0 && count < 64; at = seq + 1, count++) {
        rc = engine_answers_read(answers, at, &payload, &seq);
        FUZZ_CHECK(rc == 0 || rc == -ENOENT || rc == -EUCLEAN);
        FUZZ_CHECK(rc || seq >= at);
        if (seq == UINT64_MAX)
            break;
    }
    if (answers) {
        rc = engine_answers_prove(answers, digest);
        FUZZ_CHECK(rc == 0 || (rc == -EUCLEAN && !right));
    }
    engine_answers_close(answers);
    relief_buf_deinit(&payload);
}

/* ---- entries ---- */

static void check_entry(const struct engine_entry *entry)
{
    static const uint8_t zeros[LOG_HASH_BYTES];
    struct relief_buf line = RELIEF_BUF_INIT;
    struct canon canon = CANON_INIT;
    engine_entry_json(&line, entry, zeros, zeros);
    /* Texts of a stored record are not looked at again; the line of one that is not UTF-8 is no JSON. */
    if (!line.failed && line.len < (1u << 20) && scan_utf8(line.data, line.len)) {
        bool taken = canon_parse(&canon, (struct relief_str){line.data, (uint32_t)line.len});
        FUZZ_CHECK(taken || !canon.error || strstr(canon.error, "deep") || memchr(line.data, '\0', line.len));
    }
    canon_deinit(&canon);
    relief_buf_deinit(&line);
}

static void try_entry(struct relief_str bytes)
{
    static struct relief_arena arena;
    struct engine_entry entry;
    const struct log_record record = {.seq = 7, .payload = (const uint8_t *)bytes.data, .len = bytes.len};
    FUZZ_CHECK(arena.base || relief_arena_init(&arena, 256u << 20) == 0);
    relief_arena_reset(&arena);
    int rc = engine_entry_decode(&record, &arena, &entry);
    FUZZ_CHECK(rc == 0 || rc == -EBADMSG || rc == -ENOMEM || rc == -ENOTSUP);
    if (rc == 0)
        check_entry(&entry);
}

/* ---- values ---- */

static void try_value(struct relief_str bytes)
{
    struct fuzz_input input = {(const uint8_t *)bytes.data, (const uint8_t *)bytes.data + bytes.len};
    struct relief_str key = fuzz_take(&input, fuzz_byte(&input)), stored = fuzz_rest(&input), value;
    uint8_t check[STORE_CHECK_BYTES];
    if (store_value_open(key, stored.data, stored.len, &value)) {
        store_value_check(key, value, check);
        FUZZ_CHECK(value.len + STORE_CHECK_BYTES == stored.len && memcmp(check, value.data + value.len, 8) == 0);
    }
    relief_buf_clear(&made);
    relief_buf_add_str(&made, stored);
    store_value_check(key, stored, check);
    relief_buf_add(&made, check, sizeof check);
    FUZZ_CHECK(store_value_open(key, made.data, made.len, &value) && value.len == stored.len);
    made.data[key.len % made.len] ^= 1;
    FUZZ_CHECK(!store_value_open(key, made.data, made.len, &value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, data + size};
    uint8_t what = fuzz_byte(&input);
    bool right = fuzz_byte(&input) & 1;
    switch (what) {
    case 'b':
        try_base(fuzz_rest(&input), right);
        break;
    case 'a':
        try_answers(fuzz_rest(&input), right);
        break;
    case 'e':
        try_entry(fuzz_rest(&input));
        break;
    case 'v':
        try_value(fuzz_rest(&input));
        break;
    default:
        break;
    }
    return 0;
}
