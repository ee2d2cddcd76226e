/*
 * relief-audit verify: files of any kind, each proved by itself, and all of them against each other. What signed things
 * say about the log (roots, leaves, times) is gathered first (book.h); the log is held to it as it is read once, from
 * the first entry to the last.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include "tools/audit/book.h"
#include "tools/audit/command.h"
#include "tools/audit/dump.h"

enum type { LOG, DUMP, FOLDER, NOTE, PROOF, UNKNOWN };

struct item {
    const char *path;
    enum type type;
    bool against_log; /* a dump that the log must give */
    size_t fold;      /* of a dump, its fold */
};

struct verify {
    struct item items[5 * AUDIT_VALUES_MAX];
    unsigned count;
    struct audit_trust trust;
    struct audit_faults faults;
    struct audit_book book;
    struct audit_log log;
    struct audit_fold folds[5 * AUDIT_VALUES_MAX];
    size_t fold_count;
    bool has_log;
};

/* ---- what is it ---- */

static enum type type_of(const char *path)
{
    struct audit_source source;
    struct stat status;
    enum type type = UNKNOWN;
    if (strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return FOLDER;
    if (strcmp(path, "-") == 0)
        return LOG; /* a pipe can't be read twice; the largest is what is piped */
    if (audit_source_open(&source, path) == 0) {
        struct audit_text first = audit_source_peek(&source, 64);
        if (source.packed)
            type = DUMP;
        else if (audit_text_starts(first, AUDIT_TEXT("{\"format\":\"relief-dump\"")))
            type = DUMP;
        else if (audit_text_starts(first, AUDIT_TEXT("{\"format\":\"relief-log\"")))
            type = LOG;
        else if (audit_text_starts(first, AUDIT_TEXT("{\"checkpoint\":")))
            type = PROOF;
        else if (first.len && first.data[0] != '{')
            type = NOTE;
        else
            audit_say("%s: neither a dump, a log export, a checkpoint, a proof nor a receipt", path);
    }
    audit_source_close(&source);
    return type;
}

static int add_item(struct verify *verify, const char *path, enum type wanted, bool against_log)
{
    static const char *const names[] = {"log export", "dump", "folder", "checkpoint", "proof or receipt"};
    struct item *item = &verify->items[verify->count];
    *item = (struct item){.path = path, .type = type_of(path), .against_log = against_log};
    if (item->type == UNKNOWN)
        return AUDIT_USAGE;
    if (wanted != UNKNOWN && item->type != wanted && !(wanted == DUMP && item->type == FOLDER))
        return audit_say("%s: not a %s", path, names[wanted]);
    verify->count++;
    verify->log.keep |= verify->has_log && item->type == LOG;
    verify->has_log |= item->type == LOG;
    return 0;
}

/* ---- what is long ---- */

static int open_source(struct audit_source *source, const struct item *item, struct audit_faults *faults)
{
    return item->type == FOLDER ? audit_folder_open(source, item->path, faults) : audit_source_open(source, item->path);
}

static void close_source(struct audit_source *source)
{
    if (source->next)
        audit_folder_close(source);
    audit_source_close(source);
}

static int open_dump(const struct item *item, struct audit_source *source, struct audit_dump *ret)
{
    struct audit_text line;
    struct audit_faults faults = {0}; /* what is wrong is said when it is read */
    const char *path = item->path;
    int code = open_source(source, item, &faults);
    if (code == 0 && (audit_source_next(source, &line) != AUDIT_GOT_LINE || !audit_dump_header(line, ret)))
        code = audit_say("%s: not a dump of version 1", path);
    close_source(source);
    return code;
}

static int read_logs(struct verify *verify)
{
    char root[AUDIT_HASH_B64];
    uint8_t hash[AUDIT_HASH];
    for (unsigned i = 0; i < verify->count; i++) {
        struct item *item = &verify->items[i];
        struct audit_source source;
        uint64_t before = verify->faults.count;
        if (item->type != LOG)
            continue;
        int code = audit_source_open(&source, item->path);
        if (code == 0)
            code = audit_log_file(&verify->log, &source, &verify->faults);
        audit_source_close(&source);
        if (code)
            return code;
        if (verify->faults.count > before)
            continue;
        audit_tree_root(&verify->log.tree, hash);
        audit_base64_write(hash, sizeof hash, root);
        printf("%s: the chain holds up to entry %llu, head %s%s%s\n", item->path, (unsigned long long)verify->log.seq,
               verify->log.head[0] ? verify->log.head : "unknown", verify->log.whole ? ", tree root " : "",
               verify->log.whole ? root : "");
    }
    audit_log_end(&verify->log, &verify->faults);
    return 0;
}

static int read_dump(struct verify *verify, const struct item *item, struct audit_fold *fold)
{
    struct audit_source source;
    struct audit_dump dump = {0};
    uint64_t before = verify->faults.count;
    int code = open_source(&source, item, &verify->faults);
    if (code == 0)
        code = audit_dump_file(&source, &dump, fold, &verify->faults);
    close_source(&source);
    if (code == 0 && verify->faults.count == before)
        printf("%s: dump at entry %llu, %llu records, digest and invariants hold%s%s\n", item->path,
               (unsigned long long)dump.seq, (unsigned long long)dump.records,
               item->type == FOLDER ? ", every file is as the manifest says" : "",
               !fold ? ""
               : fold->reached < dump.seq
                   ? ", head and time are the log's; its records can't be compared without entry 1"
                   : ", and the log's outcomes give exactly these records");
    return code;
}

/* What the log must say of each dump's moment is gathered while it is read, once. */
static int open_folds(struct verify *verify)
{
    int code = 0;
    for (unsigned i = 0; i < verify->count && code == 0; i++) {
        struct item *item = &verify->items[i];
        struct audit_source source;
        struct audit_dump dump = {0};
        if (item->type != DUMP && item->type != FOLDER)
            continue;
        code = open_dump(item, &source, &dump);
        if (code)
            return code;
        item->fold = verify->fold_count++;
        audit_fold_init(&verify->folds[item->fold], dump.seq);
    }
    verify->log.folds = verify->folds;
    verify->log.fold_count = verify->fold_count;
    return code;
}

static int read_dumps(struct verify *verify)
{
    int code = 0;
    for (unsigned i = 0; i < verify->count && code == 0; i++) {
        const struct item *item = &verify->items[i];
        struct audit_fold *fold = verify->has_log ? &verify->folds[item->fold] : NULL;
        if (item->type != DUMP && item->type != FOLDER)
            continue;
        if (item->against_log && !fold)
            return audit_say("--dump %s: give the log export that must yield it", item->path);
        if (item->against_log && fold->met && fold->reached < fold->seq && verify->faults.count == 0)
            return audit_say("--dump %s: the log must begin with entry 1", item->path);
        code = read_dump(verify, item, fold);
    }
    return code;
}

/* The log, and the dumps beside it. */
static int read_long(struct verify *verify)
{
    int code = verify->has_log ? open_folds(verify) : 0;
    if (code == 0 && verify->has_log)
        code = read_logs(verify);
    if (code == 0)
        code = read_dumps(verify);
    for (size_t i = 0; i < verify->fold_count; i++)
        audit_fold_deinit(&verify->folds[i]);
    audit_log_deinit(&verify->log);
    return code;
}

static bool is_signed(const struct item *item)
{
    return item->type == NOTE || item->type == PROOF;
}

static int read_signed(struct verify *verify)
{
    int code = 0;
    verify->book.trust = &verify->trust;
    verify->book.now = (int64_t)time(NULL);
    for (unsigned i = 0; i < verify->count && code == 0; i++) {
        const struct item *item = &verify->items[i];
        if (is_signed(item) && verify->trust.log_count == 0)
            code = audit_say("a signature says nothing without the log's key: --key NAME+HASH+KEY, or a file with it");
        else if (item->type == NOTE)
            code = audit_book_note(&verify->book, item->path, &verify->faults);
        else if (item->type == PROOF)
            code = audit_book_proofs(&verify->book, item->path, &verify->faults);
    }
    return code;
}

static int prove(struct verify *verify)
{
    int code = read_signed(verify);
    if (code)
        return code;
    audit_book_compare(&verify->book, &verify->faults);
    if (!verify->has_log)
        audit_book_lead(&verify->book, &verify->faults);
    audit_claims_sort(verify->book.claims, verify->book.count);
    verify->log.claims = verify->book.claims;
    verify->log.claim_count = verify->book.count;
    return read_long(verify);
}

static int add_items(struct verify *verify, const struct audit_values *values, enum type wanted, bool against_log)
{
    int code = 0;
    for (unsigned i = 0; i < values->count && code == 0; i++)
        code = add_item(verify, values->items[i], wanted, against_log);
    return code;
}

static int run(const struct audit_command *command, int argc, char **argv)
{
    static struct verify verify;
    struct audit_values words = {.count = 0}, keys = {.count = 0}, witnesses = {.count = 0}, min = {.count = 0},
                        checkpoints = {.count = 0}, dumps = {.count = 0}, receipts = {.count = 0},
                        proofs = {.count = 0};
    const struct audit_option options[] = {{"--key", &keys, NULL},          {"--witness", &witnesses, NULL},
                                           {"--witnesses-min", &min, NULL}, {"--checkpoint", &checkpoints, NULL},
                                           {"--dump", &dumps, NULL},        {"--receipt", &receipts, NULL},
                                           {"--proof", &proofs, NULL},      {NULL, NULL, NULL}};
    uint64_t wanted = 0;
    verify = (struct verify){.count = 0};
    int code = audit_options(command, options, argc, argv, &words);
    if (code)
        return code < 0 ? AUDIT_HOLDS : code;
    if (words.count + checkpoints.count + receipts.count + proofs.count == 0)
        return audit_usage(command);
    if (dumps.count > 1)
        return audit_say("--dump: one of them");
    code = audit_keys(&keys, AUDIT_KEY_LOG, verify.trust.logs, AUDIT_TRUST_MAX, &verify.trust.log_count);
    if (code == 0)
        code = audit_keys(&witnesses, AUDIT_KEY_WITNESS, verify.trust.witnesses, AUDIT_TRUST_MAX,
                          &verify.trust.witness_count);
    if (code == 0 && min.count && !audit_number(min.items[0], 0, audit_trust_witnesses(&verify.trust), &wanted))
        code = audit_say("--witnesses-min %s: from 0 to the number of different witness keys, %u", min.items[0],
                         audit_trust_witnesses(&verify.trust));
    verify.trust.witnesses_min = min.count ? (unsigned)wanted : verify.trust.witness_count > 0;
    if (code == 0)
        code = add_items(&verify, &words, UNKNOWN, false);
    if (code == 0)
        code = add_items(&verify, &checkpoints, NOTE, false);
    if (code == 0)
        code = add_items(&verify, &dumps, DUMP, true);
    if (code == 0)
        code = add_items(&verify, &receipts, PROOF, false);
    if (code == 0)
        code = add_items(&verify, &proofs, PROOF, false);
    if (code == 0)
        code = prove(&verify);
    audit_faults_end(&verify.faults);
    audit_book_deinit(&verify.book);
    return verify.faults.count ? AUDIT_FAILS : code;
}

const struct audit_command audit_verify = {
    "verify",
    "FILE... [--key VKEY] [--witness VKEY]... [--witnesses-min N] [--checkpoint NOTE]... [--dump DUMP] "
    "[--receipt FILE]... [--proof FILE]...",
    "Proves dumps, log exports, checkpoints, proofs and receipts, each by itself and all against each other.", run};
