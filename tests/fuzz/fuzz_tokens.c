/*
 * The file of tokens. What is taken is written again as lines that give the same rows; what is refused leaves the rows
 * that were there before, and the reason repeats no word of the file that could be a token.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sodium.h>
#include "fuzz.h"
#include "rpc/token.h"

#define WORD_MIN 8u /* a shorter one is no token, and may stand in a sentence by chance */

static struct tokens tokens;

static void write_row(FILE *to, const struct token *row)
{
    char hex[2 * TOKEN_HASH_BYTES + 1], until[40] = "";
    time_t seconds = (time_t)(row->until / 1000);
    struct tm tm;
    sodium_bin2hex(hex, sizeof hex, row->hash, sizeof row->hash);
    gmtime_r(&seconds, &tm);
    if (row->until != RELIEF_TIME_MAX)
        strftime(until, sizeof until, " %Y-%m-%dT%H:%M:%SZ", &tm);
    fprintf(to, "%s %s %s%s\n", hex, row->identity.name, row->name, until);
}

static void check_taken(void)
{
    static struct tokens again;
    char why[256] = "", *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    FUZZ_CHECK(to && tokens.count <= TOKENS_MAX);
    bool written = true;
    for (unsigned i = 0; i < tokens.count; i++) {
        const struct token *row = &tokens.rows[i];
        FUZZ_CHECK(row->identity.known && row->identity.role != RELIEF_role_local && row->name[0]);
        FUZZ_CHECK(row->until >= 0 && row->until <= RELIEF_TIME_MAX);
        FUZZ_CHECK(tokens_get(&tokens, row->hash) == row);
        written &= row->until == RELIEF_TIME_MAX || row->until < RELIEF_TIME_MAX - RELIEF_DAY_MS;
        write_row(to, row);
    }
    FUZZ_CHECK(fclose(to) == 0);
    if (written && len <= TOKENS_FILE_BYTES_MAX) {
        FUZZ_CHECK(tokens_load(&again, fuzz_file("again", text, len), why, sizeof why) == 0);
        FUZZ_CHECK(again.count == tokens.count);
        for (unsigned i = 0; i < again.count; i++)
            FUZZ_CHECK(memcmp(again.rows[i].hash, tokens.rows[i].hash, TOKEN_HASH_BYTES) == 0 &&
                       strcmp(again.rows[i].name, tokens.rows[i].name) == 0 &&
                       strcmp(again.rows[i].identity.name, tokens.rows[i].identity.name) == 0 &&
                       again.rows[i].until == tokens.rows[i].until);
    }
    free(text);
}

static void check_reason(const char *why, const uint8_t *data, size_t size)
{
    char word[128];
    size_t len = 0;
    FUZZ_CHECK(why[0]);
    for (size_t i = 0; i <= size; i++) {
        bool inside = i < size && data[i] > ' ' && data[i] < 0x7f;
        if (inside && len + 1 < sizeof word)
            word[len++] = (char)data[i];
        if (inside)
            continue;
        word[len] = '\0';
        FUZZ_CHECK(len < WORD_MIN || strncmp(word, "relief_", 7) != 0 || !strstr(why, word));
        len = 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[256] = "";
    FUZZ_CHECK(sodium_init() >= 0);
    unsigned before = tokens.count;
    const struct token *rows = tokens.rows;
    int rc = tokens_load(&tokens, fuzz_file("tokens", data, size), why, sizeof why);
    FUZZ_CHECK(rc == 0 || rc == -EINVAL || rc == -EPERM);
    if (rc == 0)
        check_taken();
    else
        FUZZ_CHECK(tokens.count == before && tokens.rows == rows);
    if (rc)
        check_reason(why, data, size);
    FUZZ_CHECK(!tokens_find(&tokens, RELIEF_STR("relief_")));
    tokens_clear(&tokens);
    return 0;
}
