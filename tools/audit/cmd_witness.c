/*
 * relief-audit witness, cosign: a witness as a service, and for one checkpoint that was brought on paper or a stick.
 */
#include <event2/event.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include "tools/audit/command.h"
#include "tools/audit/follow.h"
#include "tools/audit/http.h"
#include "tools/audit/proof.h"
#include "tools/audit/source.h"
#include "tools/audit/witness.h"

struct words {
    struct audit_values words, key, log_key, state, fresh, listen, follow, interval, token, proof;
    bool once;
};

static int open_witness(struct audit_witness_state *witness, const struct words *words)
{
    struct audit_key keys[AUDIT_ORIGINS_MAX];
    unsigned count;
    int code = audit_keys(&words->log_key, AUDIT_KEY_LOG, keys, AUDIT_ORIGINS_MAX, &count);
    if (code == 0)
        code = audit_secret_file(words->key.items[0], AUDIT_KEY_WITNESS, &witness->secret);
    if (code == 0)
        code = audit_witness_open(witness, words->state.items[0], keys, count, words->fresh.items, words->fresh.count);
    return code;
}

static void close_witness(struct audit_witness_state *witness)
{
    sodium_memzero(&witness->secret, sizeof witness->secret);
    audit_witness_close(witness);
}

/* ---- cosign ---- */

static int cosign(struct audit_witness_state *witness, const struct words *words)
{
    static struct audit_note note;
    static struct audit_proof proof;
    struct audit_answer answer;
    struct audit_buf text = AUDIT_BUF_INIT;
    struct audit_path none = {.count = 0};
    int code = audit_note_file(words->words.items[0], &note);
    const char *fault = NULL;
    if (code == 0 && words->proof.count)
        code = audit_file_read(words->proof.items[0], AUDIT_PROOF_MAX, &text);
    if (code == 0 && words->proof.count)
        fault = audit_proof_read(audit_buf_view(&text), &proof);
    audit_buf_deinit(&text);
    if (fault || (words->proof.count && code == 0 && proof.kind != AUDIT_CONSISTENCY))
        return audit_say("%s: not a consistency proof%s%s", words->proof.items[0], fault ? ": " : "",
                         fault ? fault : "");
    if (code)
        return code;
    struct audit_origin *origin = audit_witness_find(witness, note.origin);
    uint64_t old = words->proof.count ? proof.from : origin ? origin->size : 0;
    if (origin && note.size < origin->size && audit_witness_signed(origin, &note)) {
        audit_witness_rolled_back(witness, origin, &note);
        return AUDIT_FAILS;
    }
    audit_witness_add(witness, old, words->proof.count ? &proof.path : &none, &note, &answer);
    if (answer.unproved)
        audit_witness_unproved(witness, origin, &note);
    switch (answer.verdict) {
    case AUDIT_COSIGNED:
        fwrite(note.text, 1, note.len, stdout);
        fputs(answer.line, stdout);
        return AUDIT_HOLDS;
    case AUDIT_UNKNOWN:
        return audit_say("%s: a checkpoint of a log whose key was not given", words->words.items[0]);
    case AUDIT_UNSIGNED:
        audit_say("%s: not signed by the log", words->words.items[0]);
        return AUDIT_FAILS;
    case AUDIT_NOT_SAVED:
        return AUDIT_USAGE;
    default:
        audit_say("%s: not signed: a consistency proof from %llu entries on is wanted", words->words.items[0],
                  (unsigned long long)answer.size);
        return AUDIT_FAILS;
    }
}

static int run_cosign(const struct audit_command *command, int argc, char **argv)
{
    static struct words words;
    struct audit_witness_state witness = AUDIT_WITNESS_INIT;
    const struct audit_option options[] = {{"--key", &words.key, NULL},     {"--log-key", &words.log_key, NULL},
                                           {"--state", &words.state, NULL}, {"--new", &words.fresh, NULL},
                                           {"--proof", &words.proof, NULL}, {NULL, NULL, NULL}};
    int code = audit_options(command, options, argc, argv, &words.words);
    if (code)
        return code < 0 ? AUDIT_HOLDS : code;
    if (words.words.count != 1 || words.key.count != 1 || words.log_key.count == 0 || words.state.count != 1 ||
        words.proof.count > 1)
        return audit_usage(command);
    code = open_witness(&witness, &words);
    if (code == 0)
        code = cosign(&witness, &words);
    close_witness(&witness);
    return code;
}

const struct audit_command audit_cosign = {
    "cosign", "--key FILE --log-key VKEY --state DIR [--new NAME] [--proof FILE] NOTE",
    "Cosigns one checkpoint by the rules of a witness and prints it with the cosignature.", run_cosign};

/* ---- the service ---- */

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    event_base_loopexit(context, NULL);
}

static int serve(struct audit_witness_state *witness, struct words *words, uint64_t interval, struct event_base *base)
{
    struct audit_http *http = NULL;
    struct audit_follows *follows = NULL;
    struct event *ends[2] = {evsignal_new(base, SIGTERM, on_signal, base), evsignal_new(base, SIGINT, on_signal, base)};
    int code = 0;
    for (unsigned i = 0; i < 2; i++)
        if (!ends[i] || event_add(ends[i], NULL) != 0)
            code = audit_say("no memory");
    if (code == 0 && words->listen.count)
        code = audit_http_open(&http, base, witness, words->listen.items, words->listen.count);
    if (code == 0 && words->follow.count)
        code = audit_follow_open(&follows, base, witness, words->follow.items, words->follow.count,
                                 audit_one(&words->token, NULL), interval, words->once);
    if (code == 0) {
        char name[AUDIT_KEY_TEXT_MAX];
        audit_key_write(&witness->secret.key, name);
        fprintf(stderr, "witness %s\n", name);
        audit_http_ready(http);
        event_base_dispatch(base);
        code = follows && words->once ? audit_follow_result(follows) : AUDIT_HOLDS;
    }
    audit_follow_close(follows);
    audit_http_close(http);
    for (unsigned i = 0; i < 2; i++)
        if (ends[i])
            event_free(ends[i]);
    return code;
}

static int run_witness(const struct audit_command *command, int argc, char **argv)
{
    static struct words words;
    struct audit_witness_state witness = AUDIT_WITNESS_INIT;
    struct event_base *base = NULL;
    uint64_t interval;
    const struct audit_option options[] = {{"--key", &words.key, NULL},       {"--log-key", &words.log_key, NULL},
                                           {"--state", &words.state, NULL},   {"--new", &words.fresh, NULL},
                                           {"--listen", &words.listen, NULL}, {"--follow", &words.follow, NULL},
                                           {"--token", &words.token, NULL},   {"--interval", &words.interval, NULL},
                                           {"--once", NULL, &words.once},     {NULL, NULL, NULL}};
    int code = audit_options(command, options, argc, argv, &words.words);
    if (code)
        return code < 0 ? AUDIT_HOLDS : code;
    if (words.words.count || words.key.count != 1 || words.log_key.count == 0 || words.state.count != 1 ||
        words.listen.count + words.follow.count == 0 || (words.once && (words.listen.count || !words.follow.count)))
        return audit_usage(command);
    if (!audit_number(audit_one(&words.interval, "10"), 1, 86400, &interval))
        return audit_say("--interval: 1 to 86400 seconds");
    signal(SIGPIPE, SIG_IGN);
    code = open_witness(&witness, &words);
    if (code == 0 && !(base = event_base_new()))
        code = audit_say("no memory");
    if (code == 0)
        code = serve(&witness, &words, interval, base);
    if (base)
        event_base_free(base);
    close_witness(&witness);
    return code;
}

const struct audit_command audit_witness = {
    "witness",
    "--key FILE --log-key VKEY[,...] --state DIR [--new NAME]... [--listen HOST:PORT]... [--follow ADDR]... "
    "[--token FILE] [--interval S] [--once]",
    "Cosigns checkpoints over HTTP (C2SP tlog-witness) and those of daemons that it follows; refuses forks.",
    run_witness};
