/*
 * Words of the command line; keys and notes that are named there.
 */
#include "tools/audit/command.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include "tools/audit/source.h"

int audit_usage(const struct audit_command *command)
{
    return audit_say("usage: relief-audit %s %s", command->name, command->usage);
}

static int take_option(const struct audit_option *option, const char *value)
{
    if (option->values->count == AUDIT_VALUES_MAX)
        return audit_say("%s: at most %d of them", option->name, AUDIT_VALUES_MAX);
    option->values->items[option->values->count++] = value;
    return 0;
}

int audit_options(const struct audit_command *command, const struct audit_option *options, int argc, char **argv,
                  struct audit_values *ret_words)
{
    const struct audit_option rest = {"FILE", ret_words, NULL};
    int code = 0;
    for (int i = 0; i < argc && code == 0; i++) {
        const char *equals = strchr(argv[i], '=');
        const struct audit_option *option = options;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            printf("usage: relief-audit %s %s\n%s\n", command->name, command->usage, command->summary);
            return -1;
        }
        if (argv[i][0] != '-' || strcmp(argv[i], "-") == 0) {
            code = take_option(&rest, argv[i]);
            continue;
        }
        size_t len = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        while (option->name && (strlen(option->name) != len || memcmp(option->name, argv[i], len) != 0))
            option++;
        if (!option->name) {
            audit_say("%.*s: no such option", (int)len, argv[i]);
            return audit_usage(command);
        }
        if (option->flag && !equals)
            *option->flag = true;
        else if (option->flag || (!equals && i + 1 == argc))
            code = audit_say("%s %s", option->name, option->flag ? "takes no value" : "wants a value");
        else
            code = take_option(option, equals ? equals + 1 : argv[++i]);
    }
    return code;
}

const char *audit_one(const struct audit_values *values, const char *otherwise)
{
    return values->count ? values->items[values->count - 1] : otherwise;
}

bool audit_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
    return audit_decimal_read(audit_text_of(text), ret) && *ret >= low && *ret <= high;
}

/* ---- keys ---- */

static int take_key(struct audit_text text, const char *where, uint8_t type, struct audit_key *ret, unsigned max,
                    unsigned *count)
{
    while (text.len && text.data[text.len - 1] == '\n')
        text.len--;
    if (*count == max)
        return audit_say("at most %u keys", max);
    if (!audit_key_read(text, &ret[*count]))
        return audit_say("%s: not a verifier key (NAME+HASH+KEY), nor a file with one", where);
    if (ret[*count].type != type)
        return audit_say("%s: the key of a %s, and a %s's is wanted", where, type == AUDIT_KEY_LOG ? "witness" : "log",
                         type == AUDIT_KEY_LOG ? "log" : "witness");
    ++*count;
    return 0;
}

static int take_key_file(const char *path, uint8_t type, struct audit_key *ret, unsigned max, unsigned *count)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    int code = audit_file_read(path, 4096, &text);
    if (code == 0)
        code = take_key(audit_buf_view(&text), path, type, ret, max, count);
    audit_buf_deinit(&text);
    return code;
}

int audit_keys(const struct audit_values *values, uint8_t type, struct audit_key *ret, unsigned max,
               unsigned *ret_count)
{
    int code = 0;
    *ret_count = 0;
    for (unsigned i = 0; i < values->count && code == 0; i++) {
        const char *at = values->items[i];
        struct audit_key whole;
        struct stat status;
        /* A name may hold a comma itself. */
        if (audit_key_read(audit_text_of(at), &whole)) {
            code = take_key(audit_text_of(at), at, type, ret, max, ret_count);
            continue;
        }
        if (stat(at, &status) == 0) {
            code = take_key_file(at, type, ret, max, ret_count);
            continue;
        }
        while (code == 0 && at) {
            const char *comma = strchr(at, ',');
            size_t len = comma ? (size_t)(comma - at) : strlen(at);
            code = take_key((struct audit_text){at, len}, at, type, ret, max, ret_count);
            at = comma ? comma + 1 : NULL;
        }
    }
    return code;
}

int audit_secret_file(const char *path, uint8_t type, struct audit_secret *ret)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    struct stat status;
    if (stat(path, &status) != 0)
        return audit_say("%s: %s", path, strerror(errno));
    if (S_ISREG(status.st_mode) && status.st_mode & 077)
        return audit_say("%s: others may read this private key; chmod 600 it, or make a new one", path);
    int code = audit_file_read(path, 4096, &text);
    struct audit_text view = audit_buf_view(&text);
    if (view.len && view.data[view.len - 1] == '\n')
        view.len--;
    if (code == 0 && (!audit_secret_read(view, ret) || ret->key.type != type))
        code = audit_say("%s: not the private key of a %s", path, type == AUDIT_KEY_LOG ? "log" : "witness");
    if (text.data)
        sodium_memzero(text.data, text.cap);
    audit_buf_deinit(&text);
    return code;
}

int audit_note_file(const char *path, struct audit_note *ret)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    int code = audit_file_read(path, AUDIT_NOTE_MAX + 1, &text);
    const char *fault = code ? NULL : audit_note_read(audit_buf_view(&text), ret);
    if (fault)
        code = audit_say("%s: not a checkpoint: %s", path, fault);
    audit_buf_deinit(&text);
    return code;
}
