/*
 * Everything that a witness promises is here; HTTP, the following of daemons and the command line only carry it.
 *
 * State of a log: a text file STATE.HASH, HASH the first 16 bytes of SHA-256 of its origin: a line of format, origin,
 * size, root, an empty line, the checkpoint. It is written beside, synced, renamed, and the folder synced, before the
 * signature is made. A crash in between leaves a state that was not signed yet: the same checkpoint is signed when it
 * comes again, no other.
 */
#include "tools/audit/witness.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "tools/audit/sha256.h"
#include "tools/audit/source.h"

#define FORMAT "relief-witness-state 1"
/*
 * Files of a log, two a case: whoever may hand in checkpoints must not fill the disk, nor the places of what counts.
 * Two roots of one size can only be made with the log's key, so nobody else takes their places; an old checkpoint can
 * be shown again by anybody between, and junk can be handed in as a proof by anybody.
 */
#define FORKS_MAX     32
#define ROLLBACKS_MAX 16
#define UNPROVED_MAX  8

/* ---- files ---- */

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, data, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        data += put;
        len -= (size_t)put;
    }
    return true;
}

/* Replaces a file so that a crash leaves the old one or the new one. */
static bool replace_file(struct audit_witness_state *witness, const char *name, struct audit_text text)
{
    char temporary[128];
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    close(witness->spare);
    int fd = openat(witness->folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write_all(fd, text.data, text.len) && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    good = good && renameat(witness->folder, temporary, witness->folder, name) == 0 && fsync(witness->folder) == 0;
    if (!good)
        audit_say("%s/%s: %s", witness->path, name, strerror(errno));
    witness->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return good;
}

static bool save(struct audit_witness_state *witness, const struct audit_origin *origin, uint64_t size,
                 const uint8_t root[AUDIT_HASH], struct audit_text note)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    char base64[AUDIT_HASH_B64];
    audit_base64_write(root, AUDIT_HASH, base64);
    audit_buf_format(&text, FORMAT "\n%s\n%llu\n%s\n\n", origin->keys[0].name, (unsigned long long)size, base64);
    audit_buf_add(&text, note.data, note.len);
    bool good = !text.failed && replace_file(witness, origin->file, audit_buf_view(&text));
    audit_buf_deinit(&text);
    return good;
}

/* Takes over what was saved. */
static bool remember(struct audit_origin *origin, uint64_t size, const uint8_t root[AUDIT_HASH], struct audit_text note)
{
    char *copy = note.len ? malloc(note.len) : NULL;
    if (note.len && !copy)
        return false;
    if (copy)
        memcpy(copy, note.data, note.len);
    free(origin->note);
    origin->note = copy;
    origin->note_len = note.len;
    origin->size = size;
    memcpy(origin->root, root, AUDIT_HASH);
    origin->known = true;
    return true;
}

/* ---- evidence ---- */

static unsigned count_files(const struct audit_witness_state *witness, const char *prefix)
{
    unsigned count = 0;
    const struct dirent *entry;
    int fd = openat(witness->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return UINT_MAX / 2;
    }
    while ((entry = readdir(folder)))
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(folder);
    return count;
}

/* Both checkpoints, in files KIND.LOG.SIZE.ROOT, LOG as in the name of its state; the same again makes no new ones. */
static void keep_evidence(struct audit_witness_state *witness, const struct audit_origin *origin,
                          const struct audit_note *note, const char *kind, unsigned max)
{
    char prefix[40], name[96], before[104], hash[17];
    audit_hex_write(note->root, 8, hash);
    snprintf(prefix, sizeof prefix, "%s.%.8s.", kind, origin->file + sizeof "STATE");
    snprintf(name, sizeof name, "%s%llu.%s", prefix, (unsigned long long)note->size, hash);
    if (faccessat(witness->folder, name, F_OK, 0) == 0)
        return;
    if (count_files(witness, prefix) + 2 > max) {
        if (max != UNPROVED_MAX)
            audit_say("%s holds %u files %s* already; this is not kept", witness->path, max, prefix);
        return;
    }
    snprintf(before, sizeof before, "%s.was", name);
    if (replace_file(witness, before, (struct audit_text){origin->note, origin->note_len}) &&
        replace_file(witness, name, (struct audit_text){note->text, note->len}))
        audit_say("kept: %s/%s and .was", witness->path, name);
}

/* Whether this is another refusal than the last one of this log; a daemon that is followed shows the same again. */
static bool is_news(struct audit_origin *origin, const struct audit_note *note, const char *what)
{
    if (origin->told && strcmp(origin->told, what) == 0 && origin->told_size == note->size &&
        memcmp(origin->told_root, note->root, AUDIT_HASH) == 0)
        return false;
    origin->told = what;
    origin->told_size = note->size;
    memcpy(origin->told_root, note->root, AUDIT_HASH);
    return true;
}

void audit_witness_rolled_back(struct audit_witness_state *witness, struct audit_origin *origin,
                               const struct audit_note *note)
{
    if (!is_news(origin, note, "rollback"))
        return;
    audit_say("ROLLBACK of %s: it shows %llu entries, %llu were witnessed", origin->keys[0].name,
              (unsigned long long)note->size, (unsigned long long)origin->size);
    keep_evidence(witness, origin, note, "EVIDENCE.rollback", ROLLBACKS_MAX);
}

/* ---- opening ---- */

static bool parse_state(struct audit_origin *origin, struct audit_text text)
{
    struct audit_text line, name, number, base64, empty;
    uint8_t root[AUDIT_HASH], none[AUDIT_HASH];
    uint64_t size;
    struct audit_note *note;
    if (!audit_text_line(&text, &line) || !audit_text_eq(line, AUDIT_TEXT(FORMAT)) || !audit_text_line(&text, &name) ||
        !audit_text_eq(name, audit_text_of(origin->keys[0].name)) || !audit_text_line(&text, &number) ||
        !audit_decimal_read(number, &size) || !audit_text_line(&text, &base64) ||
        audit_base64_read(base64, root, sizeof root) != (long)sizeof root || !audit_text_line(&text, &empty) ||
        empty.len != 0)
        return false;
    audit_sha256("", 0, none);
    if (size == 0 && text.len == 0)
        return memcmp(root, none, sizeof none) == 0 && remember(origin, size, root, text);
    note = malloc(sizeof *note);
    bool good = note && !audit_note_read(text, note) && audit_text_eq(note->origin, name) && note->size == size &&
                memcmp(note->root, root, sizeof root) == 0 && audit_witness_signed(origin, note);
    free(note);
    return good && remember(origin, size, root, text);
}

static int load(struct audit_witness_state *witness, struct audit_origin *origin, bool fresh)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    uint8_t none[AUDIT_HASH];
    char *path = NULL;
    int code = 0;
    bool there = faccessat(witness->folder, origin->file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && fresh)
        return audit_say("--new %s: %s/%s has its state already", origin->keys[0].name, witness->path, origin->file);
    if (!there && !fresh)
        return audit_say(
            "%s: no state in %s. Was it lost? Only a log that was never witnessed here is begun with --new %s",
            origin->keys[0].name, witness->path, origin->keys[0].name);
    if (!there) {
        audit_sha256("", 0, none);
        return save(witness, origin, 0, none, AUDIT_TEXT("")) && remember(origin, 0, none, AUDIT_TEXT(""))
                   ? 0
                   : AUDIT_USAGE;
    }
    if (asprintf(&path, "%s/%s", witness->path, origin->file) < 0)
        return audit_say("no memory");
    code = audit_file_read(path, AUDIT_NOTE_MAX + 512, &text);
    if (code == 0 && !parse_state(origin, audit_buf_view(&text)))
        code = audit_say("%s: damaged, or not signed by the keys of %s", path, origin->keys[0].name);
    audit_buf_deinit(&text);
    free(path);
    return code;
}

static int add_key(struct audit_witness_state *witness, const struct audit_key *key)
{
    struct audit_origin *origin = audit_witness_find(witness, audit_text_of(key->name));
    uint8_t hash[AUDIT_HASH];
    char hex[33];
    if (!origin) {
        if (witness->count == AUDIT_ORIGINS_MAX)
            return audit_say("at most %d logs", AUDIT_ORIGINS_MAX);
        origin = &witness->origins[witness->count++];
        audit_sha256(key->name, strlen(key->name), hash);
        audit_hex_write(hash, 16, hex);
        snprintf(origin->file, sizeof origin->file, "STATE.%s", hex);
    }
    if (origin->key_count == sizeof origin->keys / sizeof *origin->keys)
        return audit_say("%s: at most 4 keys", key->name);
    origin->keys[origin->key_count++] = *key;
    return 0;
}

static bool is_named(const char *name, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

int audit_witness_open(struct audit_witness_state *witness, const char *path, const struct audit_key *keys,
                       unsigned key_count, const char *const *fresh, unsigned fresh_count)
{
    int code = 0;
    witness->path = strdup(path);
    if (!witness->path)
        return audit_say("no memory");
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return audit_say("%s: %s", path, strerror(errno));
    witness->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (witness->folder < 0)
        return audit_say("%s: %s", path, strerror(errno));
    if (flock(witness->folder, LOCK_EX | LOCK_NB) != 0)
        return audit_say("%s: another witness uses it", path);
    witness->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (unsigned i = 0; i < key_count && code == 0; i++)
        code = add_key(witness, &keys[i]);
    for (unsigned i = 0; i < fresh_count && code == 0; i++)
        if (!audit_witness_find(witness, audit_text_of(fresh[i])))
            code = audit_say("--new %s: no key of such a log was given", fresh[i]);
    for (unsigned i = 0; i < witness->count && code == 0; i++)
        code = load(witness, &witness->origins[i], is_named(witness->origins[i].keys[0].name, fresh, fresh_count));
    return code;
}

void audit_witness_close(struct audit_witness_state *witness)
{
    for (unsigned i = 0; i < witness->count; i++)
        free(witness->origins[i].note);
    if (witness->folder >= 0)
        close(witness->folder);
    if (witness->spare >= 0)
        close(witness->spare);
    free(witness->path);
    *witness = AUDIT_WITNESS_INIT;
}

/* ---- the rules ---- */

struct audit_origin *audit_witness_find(struct audit_witness_state *witness, struct audit_text origin)
{
    for (unsigned i = 0; i < witness->count; i++)
        if (audit_text_eq(audit_text_of(witness->origins[i].keys[0].name), origin))
            return &witness->origins[i];
    return NULL;
}

bool audit_witness_signed(const struct audit_origin *origin, const struct audit_note *note)
{
    bool good = false;
    for (unsigned i = 0; i < origin->key_count; i++) {
        enum audit_signed result = audit_note_signed(note, &origin->keys[i], NULL);
        if (result == AUDIT_SIGNED_WRONG)
            return false;
        good |= result == AUDIT_SIGNED_WELL;
    }
    return good;
}

static void fork_found(struct audit_witness_state *witness, struct audit_origin *origin, const struct audit_note *note,
                       const char *what, const char *kind, unsigned max)
{
    if (!is_news(origin, note, kind))
        return;
    audit_say("FORK of %s: %llu entries were witnessed, and now it shows %llu that %s", origin->keys[0].name,
              (unsigned long long)origin->size, (unsigned long long)note->size, what);
    keep_evidence(witness, origin, note, kind, max);
}

void audit_witness_unproved(struct audit_witness_state *witness, const struct audit_origin *origin,
                            const struct audit_note *note)
{
    keep_evidence(witness, origin, note, "UNPROVED", UNPROVED_MAX);
}

void audit_witness_answered_wrong(struct audit_witness_state *witness, struct audit_origin *origin,
                                  const struct audit_note *note)
{
    fork_found(witness, origin, note, "are not shown to begin with them", "EVIDENCE.unproved", ROLLBACKS_MAX);
}

void audit_witness_add(struct audit_witness_state *witness, uint64_t old, const struct audit_path *path,
                       const struct audit_note *note, struct audit_answer *ret)
{
    struct audit_origin *origin = audit_witness_find(witness, note->origin);
    *ret = (struct audit_answer){.verdict = AUDIT_UNKNOWN};
    if (!origin || !origin->known)
        return;
    ret->size = origin->size;
    ret->verdict = AUDIT_UNSIGNED;
    if (!audit_witness_signed(origin, note))
        return;
    ret->verdict = AUDIT_BAD;
    if (old > note->size)
        return;
    ret->verdict = AUDIT_OTHER_SIZE;
    /* Whatever was said of the old size: two roots of one size are a fork. */
    if (note->size == origin->size && memcmp(note->root, origin->root, AUDIT_HASH) != 0) {
        ret->fork = true;
        fork_found(witness, origin, note, "are others", "EVIDENCE.fork", FORKS_MAX);
        return;
    }
    if (old != origin->size)
        return;
    ret->verdict = AUDIT_UNPROVED;
    if (!audit_tree_consistent(origin->size, origin->root, note->size, note->root, path)) {
        /* The path may be at fault; what that means depends on who brought it. The signed head itself with a path too
         * many is no case at all. */
        ret->unproved = note->size > origin->size;
        return;
    }
    ret->verdict = AUDIT_NOT_SAVED;
    struct audit_text text = {note->text, note->len};
    if (note->size > origin->size) {
        if (!save(witness, origin, note->size, note->root, text) || !remember(origin, note->size, note->root, text))
            return;
        origin->saved_at = ++witness->saves;
    }
    if (witness->saved)
        witness->saved();
    audit_note_sign(note, &witness->secret, (int64_t)time(NULL), ret->line);
    ret->verdict = AUDIT_COSIGNED;
}

const char *audit_witness_request(struct audit_text body, uint64_t *ret_old, struct audit_path *ret_path,
                                  struct audit_note *ret_note)
{
    struct audit_text line, word = AUDIT_TEXT("old ");
    if (!audit_text_line(&body, &line) || !audit_text_starts(line, word) ||
        !audit_decimal_read((struct audit_text){line.data + word.len, line.len - word.len}, ret_old))
        return "no old size";
    ret_path->count = 0;
    for (;;) {
        if (!audit_text_line(&body, &line))
            return "no empty line behind the proof";
        if (line.len == 0)
            break;
        if (ret_path->count == 63)
            return "more than 63 hashes";
        if (audit_base64_read(line, ret_path->hashes[ret_path->count++], AUDIT_HASH) != AUDIT_HASH)
            return "a proof line that is no hash";
    }
    return audit_note_read(body, ret_note);
}
