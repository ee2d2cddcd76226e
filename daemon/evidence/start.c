/*
 * Opening the folder. Three kinds of trouble are told apart. What is missing or damaged without saying anything (a torn
 * file, hashes that do not lead to the root of the state) is put aside and made anew from the log, which is the truth.
 * What says, whole and signed or checksummed, that this log once had more or other entries is no damage of the
 * evidence: the log was rolled back or exchanged, and the daemon must not go on as if nothing had happened. And a key
 * that is gone can't be made anew: its signatures are what everybody outside knows this log by.
 *
 * A new origin is a way out only while the log is whole. The tree of a pruned log can't be made anew, so there nothing
 * is made or put aside that the start could not go on without, and no advice says otherwise. What a start made that is
 * refused later is taken away again.
 */
#include "evidence/inside.h"

#include "base/plant.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int say(struct evidence_report *report, int rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int say(struct evidence_report *report, int rc, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->message, sizeof report->message, format, arguments);
    va_end(arguments);
    return rc;
}

/* What to do about a log that is not the one of this folder. */
static const char *rolled_back(const struct evidence *evidence)
{
    return evidence->pruned ? "put the log back as it was, or restore folder and evidence together from a backup"
                            : "put the log back as it was, or restore folder and evidence together from a backup; only "
                              "when the loss is understood, move evidence/ away to begin a new origin";
}

/* ---- key ---- */

/* The key is not there, or can't be read. */
static int say_no_key(const struct evidence *evidence, struct evidence_report *report, const char *what)
{
    if (evidence->pruned)
        return say(report, -EUCLEAN,
                   "evidence/key %s, and the first %llu entries of the log were pruned: put the key back from a backup "
                   "made --with-key, or from the old machine",
                   what, (unsigned long long)evidence->pruned);
    return say(report, -EUCLEAN,
               "evidence/key %s: put the key back from a backup made --with-key, or move evidence/ away to begin a new "
               "origin",
               what);
}

static bool is_there(const struct evidence *evidence, const char *name)
{
    return faccessat(evidence->dir_fd, name, F_OK, 0) == 0;
}

static int make_key(struct evidence *evidence, const char *origin, struct evidence_report *report)
{
    static const char *const others[] = {"state", "checkpoint", "witnessed", "hashes"};
    char name[EVIDENCE_NAME_BYTES_MAX + 1], text[EVIDENCE_PRIVATE_TEXT + 1];
    uint8_t random[8];
    char what[64];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (is_there(evidence, others[i])) {
            snprintf(what, sizeof what, "is missing, but evidence/%s is there", others[i]);
            return say_no_key(evidence, report, what);
        }
    }
    if (evidence->pruned)
        return say_no_key(evidence, report, "is missing");
    if (origin && origin[0]) {
        if (!evidence_name_ok(relief_str_of(origin)))
            return say(report, -EINVAL,
                       "'%.100s' can't be an origin: 1 to 128 bytes of printable ASCII without space and '+'", origin);
        snprintf(name, sizeof name, "%s", origin);
    } else {
        int at = snprintf(name, sizeof name, "relief/");
        randombytes_buf(random, sizeof random);
        sodium_bin2hex(name + at, sizeof name - (size_t)at, random, sizeof random);
    }
    int rc = evidence_signer_make(&evidence->signer, name, EVIDENCE_ED25519);
    if (rc == 0) {
        evidence_signer_text(&evidence->signer, text);
        size_t len = strlen(text);
        text[len] = '\n';
        rc = evidence_file_replace(evidence->io, evidence->dir_fd, "key", text, len + 1);
        evidence->made_key = rc == 0;
        sodium_memzero(text, sizeof text);
    }
    if (rc == 0)
        rc = file_sync(evidence->io, evidence->dir_fd);
    return rc ? say(report, rc, "evidence/key: %s", strerror(-rc)) : 0;
}

static int open_key(struct evidence *evidence, const char *origin, struct evidence_report *report)
{
    struct relief_buf text = RELIEF_BUF_INIT;
    int rc = evidence_file_read(evidence->io, evidence->dir_fd, "key", &text);
    if (rc == 0 && text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    if (rc == -ENOENT)
        rc = make_key(evidence, origin, report);
    else if (rc && rc != -EFBIG)
        say(report, rc, "evidence/key: %s", strerror(-rc));
    else if (rc || !evidence_signer_parse(&evidence->signer, (struct relief_str){text.data, (uint32_t)text.len}) ||
             evidence->signer.key.type != EVIDENCE_ED25519)
        rc = say_no_key(evidence, report, "is damaged");
    else if (origin && origin[0] && strcmp(origin, evidence->signer.key.name) != 0)
        rc = say(report, -EINVAL,
                 "the log's origin is %s since its key was made, but the configuration says %s: correct it there",
                 evidence->signer.key.name, origin);
    if (text.data)
        sodium_memzero(text.data, text.cap);
    relief_buf_deinit(&text);
    return rc;
}

/* ---- what the folder claims ---- */

static int too_much(const struct evidence *evidence, const struct evidence_claim *claim, const char *file,
                    uint64_t head, struct evidence_report *report)
{
    if (!claim->there || claim->size <= head)
        return 0;
    return say(report, -EUCLEAN,
               "evidence/%s knows %llu entries, but the log ends with entry %llu: it was rolled back; %s", file,
               (unsigned long long)claim->size, (unsigned long long)head, rolled_back(evidence));
}

static int set_aside(struct evidence *evidence, const char *name, struct evidence_report *report)
{
    int rc = evidence_file_aside(evidence->io, evidence->dir_fd, name);
    if (rc == 0)
        rc = file_sync(evidence->io, evidence->dir_fd);
    if (rc)
        return say(report, rc, "putting aside evidence/%s: %s", name, strerror(-rc));
    return say(report, 0, "evidence/%s was damaged and is now evidence/%s.damaged", name, name);
}

/* 0, there or not. A file that can't be read as what it should be is put aside. */
static int read_state(struct evidence *evidence, struct evidence_report *report)
{
    struct relief_buf bytes = RELIEF_BUF_INIT;
    int rc = evidence_file_read(evidence->io, evidence->dir_fd, "state", &bytes);
    if (rc == -EFBIG || (rc == 0 && !evidence_state_parse(&evidence->state, &bytes)))
        rc = evidence->pruned ? 0 : set_aside(evidence, "state", report); /* open_hashes refuses it */
    else if (rc == -ENOENT)
        rc = 0;
    else if (rc)
        say(report, rc, "evidence/state: %s", strerror(-rc));
    relief_buf_deinit(&bytes);
    return rc;
}

static int read_note(struct evidence *evidence, const char *name, struct evidence_claim *claim,
                     struct evidence_report *report)
{
    struct relief_buf bytes = RELIEF_BUF_INIT;
    struct evidence_checkpoint checkpoint;
    struct evidence_note note;
    int rc = evidence_file_read(evidence->io, evidence->dir_fd, name, &bytes);
    if (rc == -ENOENT) {
        rc = 0;
    } else if (rc && rc != -EFBIG) {
        say(report, rc, "evidence/%s: %s", name, strerror(-rc));
    } else if (rc || !evidence_own_note(&note, &checkpoint, (struct relief_str){bytes.data, (uint32_t)bytes.len},
                                        &evidence->signer.key)) {
        rc = set_aside(evidence, name, report);
    } else {
        *claim = (struct evidence_claim){.there = true, .size = checkpoint.size};
        memcpy(claim->root, checkpoint.root, sizeof claim->root);
        if (claim == &evidence->witnessed_claim)
            evidence_witnessed_load(evidence, &note, &checkpoint);
    }
    relief_buf_deinit(&bytes);
    return rc;
}

static int read_claims(struct evidence *evidence, uint64_t head, struct evidence_report *report)
{
    int rc = read_state(evidence, report);
    if (rc == 0)
        rc = read_note(evidence, "checkpoint", &evidence->checkpoint, report);
    if (rc == 0)
        rc = read_note(evidence, "witnessed", &evidence->witnessed_claim, report);
    if (PLANT("no-rollback-check"))
        evidence->state.there = evidence->checkpoint.there = evidence->witnessed_claim.there = false;
    if (rc == 0)
        rc = too_much(evidence, &evidence->witnessed_claim, "witnessed", head, report);
    if (rc == 0)
        rc = too_much(evidence, &evidence->checkpoint, "checkpoint", head, report);
    if (rc == 0)
        rc = too_much(evidence, &evidence->state, "state", head, report);
    return rc;
}

/* ---- hashes ---- */

/* 0: the file holds the tree of the state. -EUCLEAN: it does not. */
static int read_hashes(struct evidence *evidence, uint64_t head)
{
    struct evidence_hashes hashes = {.io = evidence->io, .fd = evidence->hashes_fd};
    const struct evidence_reader reader = {evidence_hashes_read, &hashes, evidence->hasher};
    uint8_t root[EVIDENCE_HASH_BYTES];
    uint64_t bytes = 0;
    int rc = evidence_hashes_bytes(evidence->hashes_fd, &bytes);
    if (rc == 0 && bytes > EVIDENCE_NODES(head) * EVIDENCE_HASH_BYTES)
        rc = -EUCLEAN; /* behind the end of the log stands nothing that belongs here */
    if (rc == 0)
        rc = evidence_read_tree(&reader, evidence->state.size, &evidence->tree);
    if (rc == 0)
        evidence_tree_root(&evidence->tree, evidence->hasher, root);
    if (rc == 0 && memcmp(root, evidence->state.root, sizeof root) != 0)
        rc = -EUCLEAN;
    return rc;
}

static int make_hashes(struct evidence *evidence)
{
    int rc = file_open(evidence->io, evidence->dir_fd, "hashes", O_RDWR | O_CREAT, &evidence->hashes_fd);
    evidence->made_hashes |= rc == 0;
    return rc;
}

/* They are missing, damaged, or of no state that is known. */
static int begin_hashes(struct evidence *evidence, uint64_t head, struct evidence_report *report)
{
    uint64_t bytes = 0;
    int rc = evidence->hashes_fd < 0 ? make_hashes(evidence) : 0;
    evidence->tree = (struct evidence_tree){.size = 0};
    report->anew = head > 0;
    if (rc == 0)
        rc = evidence_hashes_bytes(evidence->hashes_fd, &bytes);
    if (rc || bytes == 0)
        return rc;
    file_close(evidence->io, evidence->hashes_fd);
    evidence->hashes_fd = -1;
    rc = set_aside(evidence, "hashes", report);
    return rc ? rc : make_hashes(evidence);
}

static int open_hashes(struct evidence *evidence, uint64_t head, struct evidence_report *report)
{
    int rc = file_open(evidence->io, evidence->dir_fd, "hashes", O_RDWR, &evidence->hashes_fd);
    if (rc == 0 && evidence->state.there)
        rc = read_hashes(evidence, head);
    else if (rc == 0 || rc == -ENOENT)
        rc = -EUCLEAN;
    if (evidence->pruned > 0 && (rc == -EUCLEAN || (rc == 0 && evidence->state.size < evidence->pruned)))
        return say(report, -EUCLEAN,
                   "the first %llu entries of the log were pruned, and evidence/hashes or evidence/state is missing, "
                   "damaged or older: "
                   "put evidence/ back from a backup",
                   (unsigned long long)evidence->pruned);
    if (rc == -EUCLEAN)
        rc = begin_hashes(evidence, head, report);
    evidence->written = EVIDENCE_NODES(evidence->tree.size);
    return rc ? say(report, rc, "evidence/hashes: %s", strerror(-rc)) : 0;
}

/* ---- life ---- */

static int open_parts(struct evidence *evidence, const struct evidence_options *options, uint64_t head,
                      struct evidence_report *report)
{
    evidence->hasher = evidence_hasher_new();
    evidence->reader_hasher = evidence_hasher_new();
    if (!evidence->hasher || !evidence->reader_hasher || sodium_init() < 0)
        return say(report, -ENOMEM, "evidence: no memory, or no random numbers");
    int rc = file_open_dir(evidence->io, options->dir, options->pruned == 0, &evidence->dir_fd);
    if (rc == -ENOENT && options->pruned)
        return say(report, -EUCLEAN,
                   "the first %llu entries of the log were pruned, and evidence/ is missing: put it back from a backup "
                   "made --with-key, or from the old machine",
                   (unsigned long long)options->pruned);
    if (rc)
        return say(report, rc, "%s: %s", options->dir, strerror(-rc));
    rc = open_key(evidence, options->origin, report);
    if (rc == 0)
        rc = read_claims(evidence, head, report);
    if (rc == 0)
        rc = open_hashes(evidence, head, report);
    return rc;
}

int evidence_open(struct evidence **ret_evidence, const struct evidence_options *options, uint64_t head,
                  struct evidence_report *report)
{
    *report = (struct evidence_report){0};
    struct evidence *evidence = calloc(1, sizeof *evidence);
    if (!evidence)
        return say(report, -ENOMEM, "evidence: %s", strerror(ENOMEM));
    evidence->io = options->io ? options->io : &file_io_system;
    evidence->dir_fd = evidence->hashes_fd = -1;
    evidence->pruned = options->pruned;
    evidence->witness_count = options->witness_count;
    for (unsigned i = 0; i < options->witness_count; i++)
        evidence->witnesses[i] = options->witnesses[i];
    evidence->witnessed_synced = true;
    pthread_mutex_init(&evidence->lock, NULL);
    pthread_mutex_init(&evidence->reading, NULL);
    int rc = open_parts(evidence, options, head, report);
    if (rc) {
        evidence_close(evidence);
        return rc;
    }
    *ret_evidence = evidence;
    return 0;
}

/* A refused start leaves the folder as it was: the key of an origin that nobody ever saw would stand in the way later.
 */
static void take_back(const struct evidence *evidence)
{
    if (evidence->started)
        return;
    if (evidence->made_hashes)
        (void)file_unlink(evidence->io, evidence->dir_fd, "hashes");
    if (evidence->made_key)
        (void)file_unlink(evidence->io, evidence->dir_fd, "key");
}

void evidence_close(struct evidence *evidence)
{
    if (!evidence)
        return;
    take_back(evidence);
    file_close(evidence->io, evidence->hashes_fd);
    file_close(evidence->io, evidence->dir_fd);
    evidence_hasher_free(evidence->hasher);
    evidence_hasher_free(evidence->reader_hasher);
    relief_buf_deinit(&evidence->nodes);
    relief_buf_deinit(&evidence->next);
    relief_buf_deinit(&evidence->note);
    relief_buf_deinit(&evidence->witnessed_note);
    relief_buf_deinit(&evidence->merged);
    evidence_signer_wipe(&evidence->signer);
    pthread_mutex_destroy(&evidence->lock);
    pthread_mutex_destroy(&evidence->reading);
    free(evidence);
}

/* ---- the end of the start ---- */

static int compare(struct evidence *evidence, const struct evidence_claim *claim, const char *file,
                   struct evidence_report *report)
{
    struct evidence_hashes hashes = {.io = evidence->io, .fd = evidence->hashes_fd};
    const struct evidence_reader reader = {evidence_hashes_read, &hashes, evidence->hasher};
    uint8_t root[EVIDENCE_HASH_BYTES];
    if (!claim->there)
        return 0;
    int rc = evidence_read_root(&reader, claim->size, root);
    if (rc)
        return say(report, rc, "evidence/hashes: %s", strerror(-rc));
    if (memcmp(root, claim->root, sizeof root) == 0)
        return 0;
    return say(report, -EUCLEAN,
               "the first %llu entries of the log are not those that evidence/%s knows: this is another log; %s",
               (unsigned long long)claim->size, file, rolled_back(evidence));
}

int evidence_started(struct evidence *evidence, struct evidence_report *report)
{
    int rc = evidence_write_nodes(evidence);
    if (rc)
        return say(report, rc, "evidence/hashes: %s", strerror(-rc));
    rc = compare(evidence, &evidence->witnessed_claim, "witnessed", report);
    if (rc == 0)
        rc = compare(evidence, &evidence->checkpoint, "checkpoint", report);
    if (rc == 0)
        rc = compare(evidence, &evidence->state, "state", report);
    evidence->ever_synced =
        evidence->state.there && evidence->checkpoint.there && evidence->state.size == evidence->checkpoint.size;
    evidence->synced = evidence->state.there ? evidence->state.size : 0;
    evidence->started = rc == 0;
    return rc;
}
