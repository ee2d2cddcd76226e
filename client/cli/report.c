/*
 * Messages for people, on standard error, and how the result of a call becomes an exit code.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "client/cli/cli.h"

static void __attribute__((format(printf, 1, 0))) say(const char *format, va_list args)
{
    fputs("relief: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void cli_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

int cli_bad(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    return CLI_USAGE;
}

void cli_say_refusal(const struct relief_refusal *refusal, const char *where)
{
    fprintf(stderr, "relief: %s%s%s: %s", where ? where : "", where ? ": " : "", relief_error_name(refusal->code),
            refusal->message[0] ? refusal->message : "refused");
    if (refusal->field[0])
        fprintf(stderr, " (field %s%s%s)", refusal->field, refusal->id[0] ? ", id " : "", refusal->id);
    if (refusal->state[0])
        fprintf(stderr, " (state %s)", refusal->state);
    if (refusal->available != RELIEF_NIL)
        fprintf(stderr, " (available %lld)", (long long)refusal->available);
    fprintf(stderr, "\nrelief: advice: %s\n", relief_error_advice(refusal->code));
}

int cli_result(struct cli *cli, int result, const struct relief_answer *answer, const char *where)
{
    const struct relief_refusal *refusal = relief_answer_refusal(answer);
    if (result == 0)
        return CLI_DONE;
    if (refusal) {
        cli_say_refusal(refusal, where);
        return CLI_REFUSED;
    }
    if (result == -ENOMEM || result == -EMSGSIZE || result == -EINVAL) {
        cli_say("%s%s%s", where ? where : "", where ? ": " : "", strerror(-result));
        return result == -ENOMEM ? CLI_REFUSED : CLI_USAGE;
    }
    const char *why = cli->client ? relief_client_error(cli->client) : "";
    cli_say("%s%s%s", where ? where : "", where ? ": " : "", why[0] ? why : strerror(-result));
    return result == -EKEYREJECTED ? CLI_REFUSED : CLI_UNREACHABLE;
}

const char *cli_plain_message(const struct relief_refusal *refusal)
{
    size_t len = strlen(refusal->field);
    const char *message = refusal->message;
    return len > 0 && strncmp(message, refusal->field, len) == 0 && message[len] == ':' ? message + len + 2 : message;
}

int cli_flush(FILE *out, int code)
{
    if (fflush(out) == 0 && !ferror(out))
        return code;
    cli_say("cannot write: %s", strerror(errno));
    return code ? code : CLI_REFUSED;
}
