/*
 * relief-audit verify: files of any kind, each proved by itself, and all of them against each other. What signed things
 * say about the log (roots, leaves, times) becomes claims that the log is held to as it is read once, from the first
 * entry to the last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include "tools/audit/command.h"
#include "tools/audit/dump.h"
#include "tools/audit/log.h"
#include "tools/audit/proof.h"
#include "tools/audit/trust.h"

enum type { LOG, DUMP, FOLDER, NOTE, PROOF, UNKNOWN };

struct item {
    const char *path;
    enum type type;
    bool against_log; /* a dump that the log must give */
    union {
        struct audit_note *note;
        struct audit_proof *proof;
    };
};

struct verify {
    struct item items[5 * AUDIT_VALUES_MAX];
    unsigned count;
    struct audit_trust trust;
    struct audit_faults faults;
    struct audit_claim *claims;
    size_t claim_count;
    struct audit_log log;
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

static int load_proof(struct item *item)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    item->proof = malloc(sizeof *item->proof);
    if (!item->proof)
        return audit_say("no memory");
    int code = audit_file_read(item->path, AUDIT_PROOF_MAX, &text);
    const char *fault = code ? NULL : audit_proof_read(audit_buf_view(&text), item->proof);
    if (fault)
        code = audit_say("%s: not a proof: %s", item->path, fault);
    audit_buf_deinit(&text);
    return code;
}

static int load_note(struct item *item)
{
    item->note = malloc(sizeof *item->note);
    return item->note ? audit_note_file(item->path, item->note) : audit_say("no memory");
}

static int add_item(struct verify *verify, const char *path, enum type wanted, bool against_log)
{
    static const char *const names[] = {"log export", "dump", "folder", "checkpoint", "proof or receipt"};
    struct item *item = &verify->items[verify->count];
    *item = (struct item){.path = path, .type = type_of(path), .against_log = against_log};
    if (item->type == UNKNOWN)
        return AUDIT_USAGE;
    if (wanted != UNKNOWN && item->type != wanted)
        return audit_say("%s: not a %s", path, names[wanted]);
    verify->count++;
    verify->has_log |= item->type == LOG;
    if (item->type == NOTE)
        return load_note(item);
    return item->type == PROOF ? load_proof(item) : 0;
}

/* The checkpoints of an item. */
static unsigned notes_of(const struct item *item, const struct audit_note *ret[2])
{
    if (item->type == NOTE) {
        ret[0] = item->note;
        return 1;
    }
    if (item->type != PROOF)
        return 0;
    ret[0] = &item->proof->note;
    ret[1] = &item->proof->from_note;
    return item->proof->kind == AUDIT_CONSISTENCY ? 2 : 1;
}

/* ---- what is signed ---- */

static void claim(struct verify *verify, const struct item *item)
{
    const struct audit_note *notes[2];
    unsigned count = notes_of(item, notes);
    for (unsigned i = 0; i < count; i++) {
        struct audit_claim *root = &verify->claims[verify->claim_count++];
        *root = (struct audit_claim){.path = item->path, .seq = notes[i]->size, .time = -1};
        memcpy(root->hash, notes[i]->root, AUDIT_HASH);
        if (notes[i]->timed)
            root->time = notes[i]->time;
    }
    if (item->type == PROOF && item->proof->kind != AUDIT_CONSISTENCY) {
        struct audit_claim *leaf = &verify->claims[verify->claim_count++];
        *leaf = (struct audit_claim){.path = item->path, .seq = item->proof->seq, .leaf = true, .time = -1};
        memcpy(leaf->hash, item->proof->leaf, AUDIT_HASH);
    }
}

static void report_proof(const struct item *item)
{
    const struct audit_proof *proof = item->proof;
    if (proof->kind == AUDIT_CONSISTENCY)
        printf("%s: the first %llu of %llu entries of %.*s are unchanged\n", item->path,
               (unsigned long long)proof->from, (unsigned long long)proof->size, (int)proof->note.origin.len,
               proof->note.origin.data);
    else
        printf("%s: entry %llu is in the signed tree of %llu entries of %.*s\n", item->path,
               (unsigned long long)proof->seq, (unsigned long long)proof->size, (int)proof->note.origin.len,
               proof->note.origin.data);
}

static void report_note(const struct item *item)
{
    char root[AUDIT_HASH_B64], when[32];
    audit_base64_write(item->note->root, AUDIT_HASH, root);
    audit_time_text(item->note->time / 1000, when);
    printf("%s: checkpoint of %.*s, %llu entries until %s, root %s, signed\n", item->path, (int)item->note->origin.len,
           item->note->origin.data, (unsigned long long)item->note->size, when, root);
}

static void prove_signed(struct verify *verify, const struct item *item)
{
    const struct audit_note *notes[2];
    unsigned count = notes_of(item, notes);
    uint64_t before = verify->faults.count;
    for (unsigned i = 0; i < count; i++)
        audit_trust_signed(&verify->trust, item->path, notes[i], &verify->faults);
    const char *fault = item->type == PROOF ? audit_proof_check(item->proof) : NULL;
    if (fault)
        audit_fault(&verify->faults, item->path, 0, "%s", fault);
    if (item->type == NOTE && verify->faults.count == before) {
        report_note(item);
        audit_trust_witnessed(&verify->trust, item->path, item->note, (int64_t)time(NULL), &verify->faults);
    } else if (item->type == PROOF && verify->faults.count == before) {
        report_proof(item);
    }
    claim(verify, item);
}

static void prove_pairs(struct verify *verify)
{
    const struct audit_note *ours[2], *theirs[2];
    for (unsigned i = 0; i < verify->count; i++) {
        unsigned count = notes_of(&verify->items[i], ours);
        for (unsigned j = 0; j < i; j++) {
            unsigned others = notes_of(&verify->items[j], theirs);
            for (unsigned a = 0; a < count; a++)
                for (unsigned b = 0; b < others; b++)
                    audit_trust_pair(verify->items[i].path, ours[a], verify->items[j].path, theirs[b], &verify->faults);
        }
    }
}

/* Whether some consistency proof leads from one checkpoint to another. Its roots are the signed ones of its own notes,
 * which prove_pairs has compared with these. */
static bool linked(const struct verify *verify, const struct audit_note *from, const struct audit_note *to)
{
    if (from->size == to->size)
        return true;
    for (unsigned i = 0; i < verify->count; i++) {
        const struct item *item = &verify->items[i];
        if (item->type == PROOF && item->proof->kind == AUDIT_CONSISTENCY && item->proof->from == from->size &&
            item->proof->size == to->size && audit_text_eq(item->proof->note.origin, to->origin))
            return true;
    }
    return false;
}

/* Without the log: a receipt beside checkpoints must lead to one of them. */
static void prove_links(struct verify *verify)
{
    for (unsigned i = 0; i < verify->count; i++) {
        const struct item *receipt = &verify->items[i];
        bool any = false, good = false;
        if (receipt->type != PROOF || receipt->proof->kind == AUDIT_CONSISTENCY)
            continue;
        for (unsigned j = 0; j < verify->count; j++) {
            if (verify->items[j].type != NOTE)
                continue;
            any = true;
            good |= audit_text_eq(receipt->proof->note.origin, verify->items[j].note->origin) &&
                    linked(verify, &receipt->proof->note, verify->items[j].note);
        }
        if (any && !good)
            audit_fault(&verify->faults, receipt->path, 0,
                        "nothing leads from its tree of %llu entries to a checkpoint that was given: a consistency "
                        "proof is wanted (--proof), or the log",
                        (unsigned long long)receipt->proof->size);
    }
}

/* ---- what is long ---- */

static int open_dump(const char *path, struct audit_source *source, struct audit_dump *ret)
{
    struct audit_text line;
    int code = audit_source_open(source, path);
    if (code == 0 && (audit_source_next(source, &line) != AUDIT_GOT_LINE || !audit_dump_header(line, ret)))
        code = audit_say("%s: not a dump of version 1", path);
    audit_source_close(source);
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
    struct audit_dump dump;
    uint64_t before = verify->faults.count;
    int code = audit_source_open(&source, item->path);
    if (code == 0)
        code = audit_dump_file(&source, &dump, fold, &verify->faults);
    audit_source_close(&source);
    if (code == 0 && verify->faults.count == before)
        printf("%s: dump at entry %llu, %llu records, digest and invariants hold%s\n", item->path,
               (unsigned long long)dump.seq, (unsigned long long)dump.records,
               fold ? ", and the log's outcomes give exactly these records" : "");
    return code;
}

static int read_dumps(struct verify *verify)
{
    int code = 0;
    for (unsigned i = 0; i < verify->count && code == 0; i++) {
        const struct item *item = &verify->items[i];
        if (item->type == FOLDER)
            code = audit_folder(item->path, &verify->faults);
        else if (item->type == DUMP && !item->against_log)
            code = read_dump(verify, item, NULL);
    }
    return code;
}

/* The log and the dump that it must give, if any. */
static int read_long(struct verify *verify, const struct item *against)
{
    struct audit_fold fold;
    struct audit_source source;
    struct audit_dump dump;
    int code = 0;
    if (against) {
        if (!verify->has_log)
            return audit_say("--dump %s: give the log export that must yield it", against->path);
        code = open_dump(against->path, &source, &dump);
        if (code)
            return code;
        audit_fold_init(&fold, dump.seq);
        verify->log.fold = &fold;
    }
    if (verify->has_log)
        code = read_logs(verify);
    if (code == 0 && against)
        code = read_dump(verify, against, &fold);
    if (against)
        audit_fold_deinit(&fold);
    return code ? code : read_dumps(verify);
}

static int prove(struct verify *verify)
{
    const struct item *against = NULL;
    bool any_signed = false;
    for (unsigned i = 0; i < verify->count; i++) {
        any_signed |= verify->items[i].type == NOTE || verify->items[i].type == PROOF;
        if (verify->items[i].against_log)
            against = &verify->items[i];
    }
    if (any_signed && verify->trust.log_count == 0)
        return audit_say("a signature says nothing without the log's key: --key NAME+HASH+KEY, or a file with it");
    verify->claims = calloc(3 * (size_t)verify->count + 1, sizeof *verify->claims);
    if (!verify->claims)
        return audit_say("no memory");
    for (unsigned i = 0; i < verify->count; i++)
        if (verify->items[i].type == NOTE || verify->items[i].type == PROOF)
            prove_signed(verify, &verify->items[i]);
    prove_pairs(verify);
    if (!verify->has_log)
        prove_links(verify);
    audit_claims_sort(verify->claims, verify->claim_count);
    verify->log.claims = verify->claims;
    verify->log.claim_count = verify->claim_count;
    return read_long(verify, against);
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
    if (code == 0 && min.count && !audit_number(min.items[0], 0, verify.trust.witness_count, &wanted))
        code = audit_say("--witnesses-min %s: from 0 to the number of witness keys, %u", min.items[0],
                         verify.trust.witness_count);
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
    for (unsigned i = 0; i < verify.count; i++)
        if (verify.items[i].type == NOTE || verify.items[i].type == PROOF)
            free(verify.items[i].note);
    free(verify.claims);
    return verify.faults.count ? AUDIT_FAILS : code;
}

const struct audit_command audit_verify = {
    "verify",
    "FILE... [--key VKEY] [--witness VKEY]... [--witnesses-min N] [--checkpoint NOTE]... [--dump DUMP] "
    "[--receipt FILE]... [--proof FILE]...",
    "Proves dumps, log exports, checkpoints, proofs and receipts, each by itself and all against each other.", run};
