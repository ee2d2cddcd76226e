/*
 * The file of tokens. A token holds 256 random bits, so nobody can go through them, and a fast hash is enough: slow
 * ones are for passwords that people choose. Only hashes are kept, here as in the file, so that who reads the file, or
 * the memory of the daemon, can't act for anybody.
 *
 * The given token is hashed first and the hash compared with every row, each in constant time, so that the time tells
 * nothing about a row.
 */
#include "rpc/token.h"
#include "schema/codec.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 4u

struct reading {
    struct tokens tokens;
    unsigned cap, line;
    char *why;
    size_t why_size;
};

__attribute__((format(printf, 2, 3))) static int bad(struct reading *reading, const char *format, ...)
{
    char text[160];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(reading->why, reading->why_size, "line %u: %s", reading->line, text);
    return -EINVAL;
}

static bool hash_of(const char *hex, uint8_t ret[TOKEN_HASH_BYTES])
{
    size_t len = 0;
    const char *end = NULL;
    return strlen(hex) == 2 * TOKEN_HASH_BYTES &&
           sodium_hex2bin(ret, TOKEN_HASH_BYTES, hex, 2 * TOKEN_HASH_BYTES, NULL, &len, &end) == 0 &&
           len == TOKEN_HASH_BYTES;
}

static bool until_of(const char *text, int64_t *ret)
{
    struct tm tm = {0};
    bool day = strlen(text) == 10;
    const char *end = strptime(text, day ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!end || *end || strlen(text) != (day ? 10 : 20))
        return false;
    struct tm given = tm;
    time_t seconds = timegm(&tm);
    /* timegm takes the 31st of April for the 1st of May */
    if (tm.tm_mday != given.tm_mday || tm.tm_mon != given.tm_mon || tm.tm_year != given.tm_year || seconds < 0)
        return false;
    *ret = (int64_t)seconds * 1000 + (day ? RELIEF_DAY_MS : 0);
    return *ret <= RELIEF_TIME_MAX;
}

static int add(struct reading *reading, const struct token *row)
{
    struct tokens *tokens = &reading->tokens;
    for (unsigned i = 0; i < tokens->count; i++) {
        if (sodium_memcmp(tokens->rows[i].hash, row->hash, sizeof row->hash) == 0)
            return bad(reading, "this hash stands in the file already");
        if (strcmp(tokens->rows[i].name, row->name) == 0)
            return bad(reading, "this name stands in the file already");
    }
    if (tokens->count == TOKENS_MAX)
        return bad(reading, "there may be at most %u tokens", TOKENS_MAX);
    if (tokens->count == reading->cap) {
        unsigned cap = reading->cap ? 2 * reading->cap : 16;
        struct token *rows = realloc(tokens->rows, cap * sizeof *rows);
        if (!rows)
            return -ENOMEM;
        tokens->rows = rows;
        reading->cap = cap;
    }
    tokens->rows[tokens->count++] = *row;
    return 0;
}

static int read_line(struct reading *reading, char *line)
{
    struct token row = {.until = RELIEF_TIME_MAX};
    char *words[WORDS_MAX + 1], *save = NULL;
    unsigned count = 0;
    for (char *word = strtok_r(line, " \t\r", &save); word && count <= WORDS_MAX; word = strtok_r(NULL, " \t\r", &save))
        words[count++] = word;
    if (count == 0 || words[0][0] == '#')
        return 0;
    if (count < 3 || count > WORDS_MAX)
        return bad(reading, "a line is HASH IDENTITY NAME [UNTIL]");
    /* No word is repeated in a complaint: who pastes a token in place of its hash shall not find it in the journal. */
    if (!hash_of(words[0], row.hash))
        return bad(reading, "the hash is not 64 hex digits");
    if (rpc_identity_parse(&row.identity, words[1]) != 0)
        return bad(reading, "an identity is city:CITY, coordinator, coordinator:REGION, auditor or operator");
    if (row.identity.role == RELIEF_role_local)
        return bad(reading, "a token can't be local");
    if (!relief_id_ok(relief_str_of(words[2])))
        return bad(reading, "a name is 1 to 64 letters, digits and . _ : -");
    memcpy(row.name, words[2], strlen(words[2]));
    if (count == 4 && !until_of(words[3], &row.until))
        return bad(reading, "the end is written YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ");
    return add(reading, &row);
}

static int read_lines(struct reading *reading, char *text, size_t len)
{
    int rc = 0;
    char *line = text, *end = text + len;
    while (rc == 0 && line < end) {
        char *feed = memchr(line, '\n', (size_t)(end - line)), *next = feed ? feed + 1 : end;
        *(feed ? feed : end) = '\0'; /* there is one byte more than the file has */
        reading->line++;
        rc = memchr(line, '\0', (size_t)(next - line - (feed ? 1 : 0))) ? bad(reading, "the line holds a NUL byte")
                                                                        : read_line(reading, line);
        line = next;
    }
    return rc;
}

static int check_owner(int fd, struct stat *ret, char *why, size_t why_size)
{
    if (fstat(fd, ret) != 0) {
        int error = -errno;
        snprintf(why, why_size, "%s", strerror(-error));
        return error;
    }
    const char *text = !S_ISREG(ret->st_mode) ? "this is no file"
                       : ret->st_mode & 077   ? "others than its owner have rights to it; it has to be 0600"
                       : ret->st_uid && ret->st_uid != geteuid() ? "it belongs neither to root nor to the daemon's user"
                       : ret->st_size > (off_t)TOKENS_FILE_BYTES_MAX ? "the file is too large"
                                                                     : NULL;
    if (!text)
        return 0;
    snprintf(why, why_size, "%s", text);
    return -EPERM;
}

int tokens_load(struct tokens *ret, const char *path, char *why, size_t why_size)
{
    struct reading reading = {.why = why, .why_size = why_size};
    struct stat st;
    char *text = NULL;
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int rc = fd < 0 ? -errno : 0;
    if (rc)
        snprintf(why, why_size, "%s", strerror(-rc));
    if (rc == 0)
        rc = check_owner(fd, &st, why, why_size);
    if (rc == 0 && !(text = malloc((size_t)st.st_size + 1)))
        rc = -ENOMEM;
    /* one read: a file that is replaced, as it should be, is whole */
    if (rc == 0 && (got = pread(fd, text, (size_t)st.st_size, 0)) < 0) {
        rc = -errno;
        snprintf(why, why_size, "%s", strerror(-rc));
    }
    if (rc == 0)
        rc = read_lines(&reading, text, (size_t)got);
    if (rc == -ENOMEM)
        snprintf(why, why_size, "no memory");
    if (fd >= 0)
        close(fd);
    free(text);
    if (rc) {
        tokens_clear(&reading.tokens);
        return rc;
    }
    tokens_clear(ret);
    *ret = reading.tokens;
    return 0;
}

void tokens_clear(struct tokens *tokens)
{
    free(tokens->rows);
    *tokens = (struct tokens){0};
}

const struct token *tokens_get(const struct tokens *tokens, const uint8_t hash[TOKEN_HASH_BYTES])
{
    const struct token *found = NULL;
    for (unsigned i = 0; i < tokens->count; i++) {
        if (sodium_memcmp(tokens->rows[i].hash, hash, TOKEN_HASH_BYTES) == 0)
            found = &tokens->rows[i]; /* and on, so that the place doesn't show */
    }
    return found;
}

const struct token *tokens_find(const struct tokens *tokens, struct relief_str text)
{
    uint8_t hash[TOKEN_HASH_BYTES];
    crypto_generichash(hash, sizeof hash, (const uint8_t *)text.data, text.len, NULL, 0);
    const struct token *found = tokens_get(tokens, hash);
    sodium_memzero(hash, sizeof hash);
    return found;
}
