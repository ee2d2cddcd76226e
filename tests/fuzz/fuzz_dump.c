/*
 * Dumps and exports of the log before those who prove them. The first byte: 'f' one file as it is (JSON Lines or
 * MessagePack), 'r' JSON Lines whose hashes, digest and count are made right first, as a forger would, 'c' a folder of
 * CSV: the manifest and, after each 0xff, the number of a table and its file.
 *
 * `relief verify` and `relief-audit verify` share no code and must agree on what holds. What the reader gives out is a
 * line in the one form, or it was told that something is broken. `relief replay` of a log that holds writes a dump that
 * holds.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include "client/cli/cli.h"
#include "client/cli/reader.h"
#include "fuzz.h"
#include "schema/codec.h"
#include "tools/audit/command.h"

static void write_value(struct relief_buf *buf, const struct canon *canon, uint32_t *at)
{
    const struct canon_node *node = &canon->nodes[*at];
    uint32_t end = node->next;
    bool object = node->type == CANON_OBJECT;
    struct relief_buf scratch = RELIEF_BUF_INIT;
    (*at)++;
    if (node->type == CANON_TEXT) {
        relief_json_str(buf, canon_str(canon, *at - 1, &scratch));
    } else if (node->type == CANON_INT) {
        relief_buf_add_i64(buf, canon_int(canon, *at - 1));
    } else if (node->type < CANON_ARRAY) {
        relief_buf_add_str(buf, canon_raw(canon, *at - 1));
    } else {
        relief_buf_add_char(buf, object ? '{' : '[');
        for (bool more = false; *at < end; more = true) {
            if (more)
                relief_buf_add_char(buf, ',');
            if (object)
                relief_buf_printf(buf, "\"%.*s\":", (int)canon->nodes[*at].key_len, canon->nodes[*at].key);
            write_value(buf, canon, at);
        }
        relief_buf_add_char(buf, object ? '}' : ']');
    }
    relief_buf_deinit(&scratch);
}

/* What the reader of the one form takes is what the writer of the same content makes. */
static bool is_canonical(struct canon *canon, struct relief_str line)
{
    struct relief_buf again = RELIEF_BUF_INIT;
    uint32_t at = 0;
    if (!canon_parse(canon, line))
        return false;
    write_value(&again, canon, &at);
    FUZZ_CHECK(at == canon->count);
    FUZZ_CHECK(again.len == line.len && memcmp(again.data, line.data, line.len) == 0);
    relief_buf_deinit(&again);
    return true;
}

static bool read_all(const char *path)
{
    static struct cli_reader reader;
    struct canon canon = CANON_INIT;
    struct relief_str line;
    bool strange = false;
    if (cli_reader_open(&reader, path, 0) != 0)
        return false;
    while (cli_reader_next(&reader, &line) == 1) {
        bool good = is_canonical(&canon, line);
        strange |= !good;
    }
    /* A cell that is no text is a line of no form; the digest of its file tells, behind the last row. */
    FUZZ_CHECK(!strange || reader.form == CLI_FORM_JSONL || reader.broken || reader.code);
    canon_deinit(&canon);
    cli_reader_close(&reader);
    return !strange;
}

static int relief(const char *path, const char *output)
{
    char *verify[] = {"verify", (char *)(uintptr_t)path, NULL};
    char *replay[] = {"replay", (char *)(uintptr_t)path, "-o", (char *)(uintptr_t)output, NULL};
    return output ? cli_run(4, replay) : cli_run(2, verify);
}

static void prove(const char *path)
{
    char *words[] = {(char *)(uintptr_t)path, NULL};
    char output[256];
    bool read = read_all(path);
    int own = relief(path, NULL), audit = audit_verify.run(&audit_verify, 1, words);
    FUZZ_CHECK((own == 0) == (audit == 0));
    FUZZ_CHECK(own != 0 || read);
    snprintf(output, sizeof output, "%s", fuzz_path("replayed"));
    if (relief(path, output) == 0)
        FUZZ_CHECK(relief(output, NULL) == 0);
}

/* ---- forging ---- */

#define HASH_KEY "{\"hash\":\""
#define PREV_KEY "\"prev\":\""

/* An entry's line: prev is the hash of the line before, its own is made from both. */
static void mend_entry(char *line, size_t len, char last[CLI_HASH_TEXT])
{
    const size_t cut = sizeof HASH_KEY - 1 + 64 + 2;
    char *prev = NULL;
    if (len < cut + 64 || memcmp(line, HASH_KEY, sizeof HASH_KEY - 1) != 0)
        return;
    for (char *at = line; (at = memmem(at, (size_t)(line + len - at), PREV_KEY, sizeof PREV_KEY - 1)); at++)
        prev = at;
    if (!prev || (size_t)(line + len - prev) < sizeof PREV_KEY - 1 + 64)
        return;
    memcpy(prev + sizeof PREV_KEY - 1, last, 64);
    struct cli_digest digest;
    cli_digest_init(&digest);
    cli_digest_bytes(&digest, last, 64);
    cli_digest_bytes(&digest, "{", 1);
    cli_digest_bytes(&digest, line + cut, len - cut);
    cli_digest_final(&digest, last);
    memcpy(line + sizeof HASH_KEY - 1, last, 64);
}

/* All but the last line as they are, with hashes made right, and a last line that fits them. */
static void forge(struct relief_str text, struct relief_buf *ret)
{
    struct cli_digest digest;
    char last[CLI_HASH_TEXT], sum[CLI_HASH_TEXT];
    int64_t lines = 0;
    memset(last, '0', 64);
    relief_buf_add_str(ret, text);
    cli_digest_init(&digest);
    size_t at = 0;
    for (char *end; (end = memchr(ret->data + at, '\n', ret->len - at)) && (size_t)(end - ret->data) + 1 < ret->len;) {
        size_t len = (size_t)(end - (ret->data + at));
        if (lines++ > 0)
            mend_entry(ret->data + at, len, last);
        cli_digest_bytes(&digest, ret->data + at, len + 1);
        at += len + 1;
    }
    cli_digest_final(&digest, sum);
    ret->len = at;
    cli_trailer(ret, lines ? lines - 1 : 0, sum);
    relief_buf_add_char(ret, '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, data + size};
    char name[128];
    uint8_t form = fuzz_byte(&input);
    fuzz_quiet();
    if (form != 'f' && form != 'r' && form != 'c')
        return 0;
    fuzz_folder_clear();
    struct relief_str text = form == 'c' ? fuzz_until(&input, 0xff) : fuzz_rest(&input);
    struct relief_buf forged = RELIEF_BUF_INIT;
    if (form == 'r' && text.len > 0) {
        forge(text, &forged);
        text = (struct relief_str){forged.data, (uint32_t)forged.len};
    }
    FUZZ_CHECK(mkdir(fuzz_path("dump"), 0700) == 0);
    fuzz_file(form == 'c' ? "dump/manifest.json" : "file", text.data, text.len);
    while (form == 'c' && input.at < input.end) {
        unsigned table = fuzz_byte(&input) % RELIEF_TABLE_COUNT;
        text = fuzz_until(&input, 0xff);
        snprintf(name, sizeof name, "dump/%s.csv", relief_tables[table].name);
        fuzz_file(name, text.data, text.len);
    }
    snprintf(name, sizeof name, "%s", fuzz_path(form == 'c' ? "dump" : "file"));
    prove(name);
    relief_buf_deinit(&forged);
    return 0;
}
