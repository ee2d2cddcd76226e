/*
 * relief token new: makes a token and the line that stands for it in the daemon's file of tokens. Works without a
 * daemon, for whoever may write that file. The line goes to standard output, the token to standard error or into a file
 * of its own: so `relief token new ... >> FILE` keeps what belongs to the daemon and shows, once, what belongs to the
 * city. The line can't be turned back into the token.
 *
 * The hash is BLAKE2b-256 of the token's text, with nothing added: 256 random bits can't be guessed, however fast the
 * hash is. What a line may hold, daemon/rpc/token.h says.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "client/cli/cli.h"
#include "schema/codec.h"

#define RANDOM_BYTES 32u
#define PREFIX       "relief_" /* so that programs that look for lost secrets know one when they see it */
#define TOKEN_BYTES  (sizeof PREFIX + 43)
#define DAYS_MAX     36500
#define DAY_S        86400

struct wanted {
    const char *role, *city, *region, *name, *days, *until, *output;
};

static bool date_ok(const char *text)
{
    struct tm tm = {0}, given;
    const char *end = strlen(text) == 10 ? strptime(text, "%Y-%m-%d", &tm) : NULL;
    given = tm;
    return end && !*end && timegm(&tm) >= 0 && tm.tm_mday == given.tm_mday && tm.tm_mon == given.tm_mon;
}

/* The last day, in UTC as the daemon takes it. */
static int until_of(const struct wanted *wanted, char ret[16])
{
    char *end = NULL;
    ret[0] = '\0';
    if (wanted->days && wanted->until)
        return cli_bad("--days or --until, not both");
    if (wanted->until && !date_ok(wanted->until))
        return cli_bad("--until: '%s' is no date, YYYY-MM-DD", wanted->until);
    if (wanted->until)
        memcpy(ret, wanted->until, 11);
    if (wanted->days) {
        long days = strtol(wanted->days, &end, 10);
        if (end == wanted->days || *end || days < 1 || days > DAYS_MAX)
            return cli_bad("--days: '%s' is no number from 1 to %d", wanted->days, DAYS_MAX);
        time_t last = time(NULL) + (time_t)days * DAY_S;
        struct tm tm;
        strftime(ret, 16, "%Y-%m-%d", gmtime_r(&last, &tm));
    }
    return CLI_DONE;
}

/* ROLE or ROLE:PLACE. */
static int identity_of(const struct wanted *wanted, char *ret, size_t size)
{
    int64_t role = relief_enum_find(&relief_enum_role, relief_str_of(wanted->role));
    const char *place = role == RELIEF_role_city ? wanted->city : wanted->region;
    if (role < 0 || role == RELIEF_role_local)
        return cli_bad("--role is city, coordinator, auditor or operator");
    if (role == RELIEF_role_city && !wanted->city)
        return cli_bad("--role city needs --city");
    if (role != RELIEF_role_city && wanted->city)
        return cli_bad("--city goes with --role city only");
    if (role != RELIEF_role_coordinator && wanted->region)
        return cli_bad("--region goes with --role coordinator only");
    if (place && !relief_id_ok(relief_str_of(place)))
        return cli_bad("'%s' is no id: 1 to 64 letters, digits and . _ : -", place);
    snprintf(ret, size, "%s%s%s", wanted->role, place ? ":" : "", place ? place : "");
    return CLI_DONE;
}

static void make(char ret_token[TOKEN_BYTES], char ret_hash[2 * RANDOM_BYTES + 1])
{
    uint8_t random[RANDOM_BYTES], hash[RANDOM_BYTES];
    randombytes_buf(random, sizeof random);
    memcpy(ret_token, PREFIX, sizeof PREFIX);
    sodium_bin2base64(ret_token + sizeof PREFIX - 1, TOKEN_BYTES - (sizeof PREFIX - 1), random, sizeof random,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypto_generichash(hash, sizeof hash, (const uint8_t *)ret_token, strlen(ret_token), NULL, 0);
    sodium_bin2hex(ret_hash, 2 * RANDOM_BYTES + 1, hash, sizeof hash);
    sodium_memzero(random, sizeof random);
}

/* Where it belongs, before the line is printed: a line without its token is of no use, but does no harm either. */
static int hand_over(const struct wanted *wanted, const char *token)
{
    int fd = wanted->output ? open(wanted->output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : 2;
    if (fd < 0)
        return cli_bad("%s: %s", wanted->output, strerror(errno));
    size_t len = strlen(token);
    bool good = write(fd, token, len) == (ssize_t)len && write(fd, "\n", 1) == 1;
    int error = errno;
    if (wanted->output && close(fd) != 0 && good) {
        good = false;
        error = errno;
    }
    if (good)
        return CLI_DONE;
    cli_say("%s: %s", wanted->output ? wanted->output : "standard error", strerror(error));
    return CLI_REFUSED;
}

static int run_token(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct wanted wanted = {0};
    const struct cli_option options[] = {
        {"role", 0, &wanted.role, NULL, NULL},       {"city", 0, &wanted.city, NULL, NULL},
        {"region", 0, &wanted.region, NULL, NULL},   {"name", 0, &wanted.name, NULL, NULL},
        {"days", 0, &wanted.days, NULL, NULL},       {"until", 0, &wanted.until, NULL, NULL},
        {"output", 'o', &wanted.output, NULL, NULL}, {NULL, 0, NULL, NULL, NULL}};
    char identity[RELIEF_ID_BYTES_MAX + 24], until[16], token[TOKEN_BYTES], hash[2 * RANDOM_BYTES + 1];
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_token, stdout);
    if (words.count != 1 || strcmp(words.word[0], "new") != 0 || !wanted.role || !wanted.name)
        return cli_bad("usage: relief token %s", cli_command_token.usage);
    if (!relief_id_ok(relief_str_of(wanted.name)))
        return cli_bad("--name: '%s' is no id: 1 to 64 letters, digits and . _ : -", wanted.name);
    code = identity_of(&wanted, identity, sizeof identity);
    if (code == 0)
        code = until_of(&wanted, until);
    if (code)
        return code;
    make(token, hash);
    code = hand_over(&wanted, token);
    sodium_memzero(token, sizeof token);
    if (code)
        return code;
    printf("%s %s %s%s%s\n", hash, identity, wanted.name, until[0] ? " " : "", until);
    return cli_flush(stdout, CLI_DONE);
}

const struct cli_command cli_command_token = {
    "token", "new --role ROLE [--city C | --region R] --name NAME [--days N | --until DATE] [-o FILE]",
    "makes a token: its line for the daemon's file to standard output, the token itself to standard error or FILE",
    run_token};
