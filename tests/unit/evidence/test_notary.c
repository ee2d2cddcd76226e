/*
 * The folder: what it holds after each way to end, what is made anew, and what is refused because it says that the log
 * was another one. Entries are made up, the log is a number.
 */
#include "evidence/notary.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct fixture {
    char dir[64];
    struct evidence *evidence;
    struct evidence_report report;
    struct evidence_options options;
    struct evidence_signer witnesses[2];
    struct evidence_key keys[2];
    struct evidence_hasher *hasher;
    char history; /* entries of different ones differ */
    /* faults */
    struct file_io io;
    int write_error, sync_error;
    unsigned writes, syncs, broken;
    char what[256];
};

static ssize_t faulty_pwrite(void *context, int fd, const void *from, size_t len, off_t offset)
{
    struct fixture *f = context;
    f->writes++;
    if (f->write_error) {
        errno = f->write_error;
        return -1;
    }
    return file_io_system.pwrite(NULL, fd, from, len, offset);
}

static int faulty_fdatasync(void *context, int fd)
{
    struct fixture *f = context;
    f->syncs++;
    if (f->sync_error) {
        errno = f->sync_error;
        return -1;
    }
    return file_io_system.fdatasync(NULL, fd);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    if (!f || sodium_init() < 0)
        return -1;
    snprintf(f->dir, sizeof f->dir, "/tmp/relief-evidence-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    f->hasher = evidence_hasher_new();
    f->history = 'a';
    evidence_signer_make(&f->witnesses[0], "witness.example/0", EVIDENCE_COSIGNATURE);
    evidence_signer_make(&f->witnesses[1], "witness.example/1", EVIDENCE_COSIGNATURE);
    f->keys[0] = f->witnesses[0].key;
    f->keys[1] = f->witnesses[1].key;
    f->io = file_io_system;
    f->io.context = f;
    f->io.pwrite = faulty_pwrite;
    f->io.fdatasync = faulty_fdatasync;
    f->options = (struct evidence_options){.dir = f->dir, .witnesses = f->keys, .witness_count = 2, .io = &f->io};
    return 0;
}

static void path_of(const struct fixture *f, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", f->dir, name);
}

static void forget(const struct fixture *f, const char *name)
{
    char path[128];
    path_of(f, name, path);
    (void)unlink(path);
}

static int teardown(void **state)
{
    static const char *const names[] = {"key",
                                        "hashes",
                                        "state",
                                        "checkpoint",
                                        "witnessed",
                                        "hashes.damaged",
                                        "state.damaged",
                                        "checkpoint.damaged",
                                        "witnessed.damaged",
                                        "key.tmp",
                                        "state.tmp",
                                        "checkpoint.tmp"};
    struct fixture *f = *state;
    evidence_close(f->evidence);
    evidence_hasher_free(f->hasher);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        forget(f, names[i]);
    rmdir(f->dir);
    free(f);
    return 0;
}

/* ---- a log ---- */

static void leaf_of(struct fixture *f, uint64_t seq, uint8_t leaf[EVIDENCE_HASH_BYTES])
{
    char line[40];
    int len = snprintf(line, sizeof line, "%c%llu", f->history, (unsigned long long)seq);
    evidence_hash_leaf(f->hasher, line, (size_t)len, leaf);
}

static int add_up_to(struct fixture *f, uint64_t head)
{
    uint8_t leaf[EVIDENCE_HASH_BYTES];
    while (evidence_size(f->evidence) < head) {
        leaf_of(f, evidence_size(f->evidence) + 1, leaf);
        int rc = evidence_add(f->evidence, leaf);
        if (rc)
            return rc;
    }
    return 0;
}

static int publish(struct fixture *f)
{
    bool wanted;
    return evidence_publish(f->evidence, (int64_t)evidence_size(f->evidence) * 10, &wanted);
}

static int open_at(struct fixture *f, uint64_t head)
{
    int rc = evidence_open(&f->evidence, &f->options, head, &f->report);
    if (rc == 0)
        rc = add_up_to(f, head);
    if (rc == 0)
        rc = evidence_started(f->evidence, &f->report);
    if (rc == 0)
        rc = publish(f);
    if (rc == 0 && evidence_unsynced(f->evidence, NULL))
        rc = evidence_sync(f->evidence);
    if (rc) {
        evidence_close(f->evidence);
        f->evidence = NULL;
    }
    return rc;
}

static void stop(struct fixture *f, bool clean)
{
    if (clean && evidence_unsynced(f->evidence, NULL))
        assert_int_equal(evidence_sync(f->evidence), 0);
    evidence_close(f->evidence);
    f->evidence = NULL;
}

static struct evidence_checkpoint newest(struct fixture *f)
{
    struct evidence_checkpoint checkpoint;
    evidence_newest(f->evidence, &checkpoint, NULL);
    return checkpoint;
}

/* Everything that is published is right: the root by itself, and proofs of and from every size. */
static void expect_right(struct fixture *f, uint64_t head)
{
    struct evidence_tree tree = {.size = 0};
    uint8_t nodes[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES], leaf[EVIDENCE_HASH_BYTES], root[EVIDENCE_HASH_BYTES];
    struct evidence_path path;
    struct evidence_checkpoint checkpoint = newest(f);
    assert_int_equal(checkpoint.size, head);
    assert_int_equal(checkpoint.time, head * 10);
    for (uint64_t seq = 1; seq <= head; seq++) {
        leaf_of(f, seq, leaf);
        evidence_tree_add(&tree, f->hasher, leaf, nodes);
        evidence_tree_root(&tree, f->hasher, root);
        assert_int_equal(evidence_consistency(f->evidence, seq, head, &path), 0);
        assert_true(evidence_verify_consistency(f->hasher, seq, head, root, &path, checkpoint.root));
        assert_int_equal(evidence_inclusion(f->evidence, seq, head, nodes[0], &path), 0);
        assert_memory_equal(nodes[0], leaf, sizeof leaf);
        assert_true(evidence_verify_inclusion(f->hasher, seq - 1, head, leaf, &path, checkpoint.root));
        assert_int_equal(evidence_inclusion(f->evidence, 1, seq, nodes[0], &path), 0);
    }
    evidence_tree_root(&tree, f->hasher, root);
    assert_memory_equal(checkpoint.root, root, sizeof root);
    assert_int_equal(evidence_inclusion(f->evidence, head + 1, head + 1, leaf, &path), -ENOENT);
    assert_int_equal(evidence_consistency(f->evidence, 0, head + 1, &path), -ENOENT);
}

static uint64_t bytes_of(const struct fixture *f, const char *name)
{
    struct stat status;
    char path[128];
    path_of(f, name, path);
    return stat(path, &status) ? UINT64_MAX : (uint64_t)status.st_size;
}

static void flip(const struct fixture *f, const char *name, uint64_t at)
{
    char path[128];
    uint8_t byte;
    path_of(f, name, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

static void note_broken(void *context, const char *what)
{
    struct fixture *f = context;
    f->broken++;
    snprintf(f->what, sizeof f->what, "%s", what);
}

/* What relief check finds in the folder. */
static unsigned broken(struct fixture *f, uint64_t head)
{
    struct evidence_check *check;
    uint8_t leaf[EVIDENCE_HASH_BYTES];
    f->broken = 0;
    f->what[0] = '\0';
    assert_int_equal(evidence_check_open(&check, f->dir, note_broken, f), 0);
    for (uint64_t seq = 1; seq <= head; seq++) {
        leaf_of(f, seq, leaf);
        assert_int_equal(evidence_check_add(check, leaf), 0);
    }
    evidence_check_end(check);
    evidence_check_close(check);
    return f->broken;
}

/* ---- tests ---- */

static void grows_and_comes_back(void **state)
{
    struct fixture *f = *state;
    struct evidence_key key;
    assert_int_equal(open_at(f, 0), 0);
    assert_false(f->report.anew);
    key = *evidence_log_key(f->evidence);
    assert_int_equal(strlen(key.name), 23);
    assert_memory_equal(key.name, "relief/", 7);
    expect_right(f, 0);
    for (uint64_t head = 1; head <= 40; head += head % 4) { /* batches of one to three */
        assert_int_equal(add_up_to(f, head), 0);
        assert_int_equal(publish(f), 0);
        assert_int_equal(bytes_of(f, "hashes"), EVIDENCE_NODES(head) * EVIDENCE_HASH_BYTES);
        expect_right(f, head);
        if (head % 4 == 0)
            break;
    }
    for (uint64_t head = 5; head <= 60; head += 5) {
        assert_int_equal(add_up_to(f, head), 0);
        assert_int_equal(publish(f), 0);
        stop(f, head % 2);
        assert_int_equal(open_at(f, head + head % 3),
                         0); /* what was not synced comes from the log, and what came after */
        assert_false(f->report.anew);
        assert_string_equal(f->report.message, "");
        assert_memory_equal(evidence_log_key(f->evidence), &key, sizeof key);
        expect_right(f, head + head % 3);
        assert_int_equal(broken(f, head + head % 3), 0);
    }
}

static void key_file(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    char path[128];
    f->options.origin = "relief.example/one";
    assert_int_equal(open_at(f, 3), 0);
    assert_string_equal(evidence_log_key(f->evidence)->name, "relief.example/one");
    stop(f, true);
    path_of(f, "key", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    f->options.origin = "relief.example/two";
    assert_int_equal(open_at(f, 3), -EINVAL);
    assert_non_null(strstr(f->report.message, "relief.example/one"));
    f->options.origin = "";
    assert_int_equal(open_at(f, 3), 0);
    assert_string_equal(newest(f).origin, "relief.example/one");
    stop(f, true);
    flip(f, "key", 40);
    assert_int_equal(open_at(f, 3), -EUCLEAN);
    assert_non_null(strstr(f->report.message, "evidence/key is damaged"));
    assert_true(broken(f, 3) > 0);
    forget(f, "key");
    assert_int_equal(open_at(f, 3), -EUCLEAN);
    assert_non_null(strstr(f->report.message, "evidence/key is missing"));
    f->options.origin = "not a name";
    forget(f, "state"), forget(f, "checkpoint"), forget(f, "hashes");
    assert_int_equal(open_at(f, 3), -EINVAL);
}

/* A file that says nothing any more is put aside and made anew; the checkpoint is the same as before. */
static void damage_is_made_anew(void **state)
{
    static const struct {
        const char *name;
        uint64_t at;
        bool anew;
    } rows[] = {{"hashes", 70, true}, {"state", 3, true}, {"state", 71, true}, {"checkpoint", 30, false}};
    struct fixture *f = *state;
    assert_int_equal(open_at(f, 2), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct evidence_checkpoint before = newest(f);
        char aside[64];
        stop(f, true);
        assert_int_equal(broken(f, 2), 0);
        flip(f, rows[i].name, rows[i].at); /* of hashes: the root itself */
        assert_true(broken(f, 2) > 0);
        assert_non_null(strstr(f->what, rows[i].name));
        assert_int_equal(open_at(f, 2), 0);
        assert_int_equal(f->report.anew, rows[i].anew);
        assert_non_null(strstr(f->report.message, "was damaged"));
        snprintf(aside, sizeof aside, "%s.damaged", rows[i].name);
        assert_true(bytes_of(f, aside) != UINT64_MAX);
        assert_memory_equal(before.root, newest(f).root, sizeof before.root);
        expect_right(f, 2);
        assert_int_equal(broken(f, 2), 0);
    }
}

static void cut_and_missing_hashes(void **state)
{
    struct fixture *f = *state;
    char path[128];
    path_of(f, "hashes", path);
    assert_int_equal(open_at(f, 21), 0);
    for (unsigned i = 0; i < 3; i++) {
        stop(f, true);
        if (i < 2)
            assert_int_equal(truncate(path, i == 0 ? 100 : (off_t)(EVIDENCE_NODES(21) * EVIDENCE_HASH_BYTES + 1)), 0);
        else
            forget(f, "hashes");
        assert_true(broken(f, 21) > 0);
        assert_int_equal(open_at(f, 21), 0);
        assert_true(f->report.anew);
        expect_right(f, 21);
        assert_int_equal(broken(f, 21), 0);
    }
}

/* Inside of the tree, below the roots that a start looks at: found when a proof is made, and by relief check. */
static void damage_inside(void **state)
{
    struct fixture *f = *state;
    struct evidence_path path;
    uint8_t leaf[EVIDENCE_HASH_BYTES];
    assert_int_equal(open_at(f, 21), 0);
    flip(f, "hashes", 33);
    assert_int_equal(evidence_inclusion(f->evidence, 1, 21, leaf, &path), -EUCLEAN);
    assert_int_equal(evidence_inclusion(f->evidence, 20, 21, leaf, &path), 0); /* of another branch */
    assert_true(bytes_of(f, "hashes.damaged") != UINT64_MAX);
    stop(f, true);
    assert_int_equal(open_at(f, 21), 0);
    assert_true(f->report.anew);
    expect_right(f, 21);
    stop(f, true);
    for (uint64_t at = 0; at < EVIDENCE_NODES(21) * EVIDENCE_HASH_BYTES; at += 29) {
        flip(f, "hashes", at);
        assert_int_equal(broken(f, 21), 1);
        flip(f, "hashes", at);
    }
    assert_int_equal(broken(f, 21), 0);
}

static void rollback_and_fork(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(open_at(f, 20), 0);
    stop(f, true);
    for (uint64_t head = 0; head < 20; head += 19) {
        assert_int_equal(open_at(f, head), -EUCLEAN);
        assert_non_null(strstr(f->report.message, "rolled back"));
        assert_true(broken(f, head) > 0);
    }
    forget(f, "state"); /* the checkpoint still knows */
    assert_int_equal(open_at(f, 19), -EUCLEAN);
    assert_non_null(strstr(f->report.message, "evidence/checkpoint"));
    f->history = 'b'; /* and made anew from another log it is another root */
    assert_int_equal(open_at(f, 20), -EUCLEAN);
    assert_non_null(strstr(f->report.message, "another log"));
    assert_true(broken(f, 20) > 0);
    f->history = 'a';
    assert_int_equal(open_at(f, 20), 0);
    expect_right(f, 20);
}

/* Of a log whose beginning is gone nothing can be made anew. */
static void pruned(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(open_at(f, 20), 0);
    assert_int_equal(evidence_synced(f->evidence), 20);
    stop(f, true);
    f->options.pruned = 20;
    assert_int_equal(open_at(f, 22), 0);
    expect_right(f, 22);
    stop(f, true);
    flip(f, "hashes",
         EVIDENCE_NODES(15) * EVIDENCE_HASH_BYTES + 4 * EVIDENCE_HASH_BYTES); /* the root of the first 16 */
    assert_int_equal(open_at(f, 22), -EUCLEAN);
    assert_non_null(strstr(f->report.message, "pruned"));
    assert_true(bytes_of(f, "hashes") != UINT64_MAX);
}

/* What is refused leaves nothing behind that would be in the way of the next start, and advises what can be done. */
static void refused_without_a_trace(void **state)
{
    static const char *const names[] = {"key", "hashes", "state", "checkpoint", "state.damaged", "hashes.damaged"};
    struct fixture *f = *state;
    f->options.pruned = 20;
    assert_int_equal(open_at(f, 22), -EUCLEAN); /* an empty folder */
    assert_non_null(strstr(f->report.message, "evidence/key is missing"));
    assert_null(strstr(f->report.message, "new origin"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(bytes_of(f, names[i]) == UINT64_MAX);
    f->options.pruned = 0;
    assert_int_equal(evidence_open(&f->evidence, &f->options, 22, &f->report), 0);
    assert_int_equal(add_up_to(f, 3), 0);
    assert_true(bytes_of(f, "key") != UINT64_MAX);
    stop(f, false); /* the log turned out to be damaged behind entry 3 */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(bytes_of(f, names[i]) == UINT64_MAX);
    assert_int_equal(open_at(f, 20), 0);
    stop(f, true);
    for (unsigned i = 0; i < 3; i++) { /* damaged state, missing hashes, missing key: as they were */
        static const char *const lost[] = {"state", "hashes", "key"};
        f->options.pruned = 20;
        if (i == 0)
            flip(f, "state", 9);
        else
            forget(f, lost[i]);
        assert_int_equal(open_at(f, 20), -EUCLEAN);
        assert_non_null(strstr(f->report.message, "from a backup"));
        assert_null(strstr(f->report.message, "new origin"));
        assert_true((bytes_of(f, lost[i]) == UINT64_MAX) == (i > 0));
        assert_true(bytes_of(f, "state.damaged") == UINT64_MAX);
        if (i == 0)
            flip(f, "state", 9);
        f->options.pruned = 0;
        if (i < 2) {
            assert_int_equal(open_at(f, 20), 0);
            stop(f, true);
            forget(f, "hashes.damaged");
        }
    }
    assert_int_equal(open_at(f, 20), -EUCLEAN); /* a whole log can have a new origin */
    assert_non_null(strstr(f->report.message, "begin a new origin"));
}

static void a_fault_sticks(void **state)
{
    struct fixture *f = *state;
    struct evidence_checkpoint before;
    assert_int_equal(open_at(f, 5), 0);
    before = newest(f);
    f->sync_error = EIO;
    assert_int_equal(add_up_to(f, 9), 0);
    assert_int_equal(publish(f), 0);
    assert_int_equal(evidence_sync(f->evidence), -EIO);
    f->sync_error = 0;
    assert_int_equal(evidence_sync(f->evidence), -EIO);
    assert_int_equal(publish(f), -EIO);
    stop(f, false);
    assert_int_equal(open_at(f, 9), 0);
    assert_false(f->report.anew); /* the state of before still stands */
    expect_right(f, 9);
    before = newest(f);
    f->write_error = ENOSPC;
    assert_int_equal(add_up_to(f, 12), 0);
    assert_int_equal(publish(f), -ENOSPC);
    assert_memory_equal(before.root, newest(f).root, sizeof before.root); /* what is not written is not published */
    f->write_error = 0;
    stop(f, false);
    assert_int_equal(open_at(f, 12), 0);
    expect_right(f, 12);
    before = newest(f);
    f->write_error = ENOSPC; /* a shortage passes: the same call goes on then */
    assert_int_equal(add_up_to(f, 14), 0);
    assert_int_equal(publish(f), -ENOSPC);
    assert_int_equal(publish(f), -ENOSPC);
    assert_int_equal(newest(f).size, before.size);
    f->write_error = 0;
    assert_int_equal(publish(f), 0);
    assert_int_equal(newest(f).size, 14);
    f->write_error = ENOSPC;
    assert_int_equal(evidence_sync(f->evidence), -ENOSPC);
    f->write_error = 0;
    assert_int_equal(evidence_sync(f->evidence), 0);
    stop(f, false);
    assert_int_equal(open_at(f, 14), 0);
    assert_false(f->report.anew);
    expect_right(f, 14);
}

/* Nothing is synced for a batch. */
static void batches_are_not_synced(void **state)
{
    struct fixture *f = *state;
    uint64_t entries;
    bool wanted = false;
    assert_int_equal(open_at(f, 0), 0);
    unsigned syncs = f->syncs, writes = f->writes;
    for (uint64_t head = 1; head <= 50; head++) {
        assert_int_equal(add_up_to(f, head), 0);
        assert_int_equal(evidence_published(f->evidence, head == 30 ? 31 : 0), head - 1);
        assert_int_equal(evidence_publish(f->evidence, (int64_t)head * 10, &wanted), 0);
        assert_int_equal(wanted, head == 30 || head == 31); /* until what is wanted is there */
    }
    assert_int_equal(f->syncs, syncs);
    assert_int_equal(f->writes, writes + 50); /* one for each batch */
    assert_true(evidence_unsynced(f->evidence, &entries));
    assert_int_equal(entries, 50);
    assert_int_equal(evidence_sync(f->evidence), 0);
    assert_false(evidence_unsynced(f->evidence, &entries));
}

/* ---- witnesses ---- */

static struct relief_str cosigned(struct fixture *f, struct relief_buf *buf, unsigned witness, int64_t time)
{
    struct evidence_checkpoint checkpoint;
    struct evidence_note note;
    struct relief_buf line = RELIEF_BUF_INIT;
    relief_buf_clear(buf);
    evidence_newest(f->evidence, &checkpoint, buf);
    assert_true(evidence_note_parse(&note, (struct relief_str){buf->data, (uint32_t)buf->len}));
    evidence_note_sign(&line, note.body, &f->witnesses[witness], time);
    relief_buf_add(buf, line.data, line.len);
    relief_buf_deinit(&line);
    return (struct relief_str){buf->data, (uint32_t)buf->len};
}

static void cosignatures(void **state)
{
    struct fixture *f = *state;
    struct relief_buf buf = RELIEF_BUF_INIT, kept = RELIEF_BUF_INIT;
    struct evidence_witnessed witnessed;
    assert_int_equal(open_at(f, 7), 0);
    evidence_witnessed(f->evidence, &witnessed, NULL);
    assert_int_equal(witnessed.count, 0);
    assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &buf, 0, 1000)), EVIDENCE_TAKEN);
    assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &kept, 1, 1005)), EVIDENCE_TAKEN);
    assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &buf, 0, 900)),
                     EVIDENCE_TAKEN); /* older: the newer stays */
    evidence_witnessed(f->evidence, &witnessed, NULL);
    assert_int_equal(witnessed.size, 7);
    assert_int_equal(witnessed.count, 2);
    assert_int_equal(witnessed.time, 1005000);
    assert_int_equal(witnessed.by[0].time, 1000000);
    assert_int_equal(add_up_to(f, 9), 0);
    assert_int_equal(publish(f), 0);
    assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &buf, 1, 1010)), EVIDENCE_TAKEN);
    assert_int_equal(evidence_cosign(f->evidence, (struct relief_str){kept.data, (uint32_t)kept.len}), EVIDENCE_TAKEN);
    stop(f, true);
    assert_int_equal(open_at(f, 9), 0);
    evidence_witnessed(f->evidence, &witnessed, NULL);
    assert_int_equal(witnessed.size, 9);
    assert_int_equal(witnessed.count, 1);
    assert_string_equal(witnessed.by[0].name, "witness.example/1");
    stop(f, true);
    assert_int_equal(broken(f, 9), 0);
    forget(f, "state"), forget(f, "checkpoint"), forget(f, "hashes");
    assert_int_equal(open_at(f, 8), -EUCLEAN); /* what a witness has seen can't be taken back either */
    assert_non_null(strstr(f->report.message, "evidence/witnessed"));
    relief_buf_deinit(&buf);
    relief_buf_deinit(&kept);
}

static void cosignatures_refused(void **state)
{
    struct fixture *f = *state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    struct evidence_checkpoint checkpoint;
    assert_int_equal(open_at(f, 7), 0);
    assert_int_equal(evidence_cosign(f->evidence, RELIEF_STR("")), EVIDENCE_NO_NOTE);
    assert_int_equal(evidence_cosign(f->evidence, RELIEF_STR("a\n\n\xe2\x80\x94 b AAAAAAAA\n")), EVIDENCE_NO_NOTE);
    evidence_newest(f->evidence, &checkpoint, &buf);
    assert_int_equal(evidence_cosign(f->evidence, (struct relief_str){buf.data, (uint32_t)buf.len}),
                     EVIDENCE_NO_WITNESS);
    cosigned(f, &buf, 0, 1000);
    buf.data[buf.len - 10] = buf.data[buf.len - 10] == 'A' ? 'B' : 'A';
    assert_int_equal(evidence_cosign(f->evidence, (struct relief_str){buf.data, (uint32_t)buf.len}),
                     EVIDENCE_NO_WITNESS);
    cosigned(f, &buf, 0, 1000);
    *strchr(buf.data, '7') = '6'; /* another size: the log's own signature does not hold */
    assert_int_equal(evidence_cosign(f->evidence, (struct relief_str){buf.data, (uint32_t)buf.len}), EVIDENCE_NOT_OURS);
    /* Signed by this very key, but over a past that this log has not. */
    struct evidence *ours = f->evidence;
    struct relief_buf other = RELIEF_BUF_INIT;
    char path[128], text[EVIDENCE_PRIVATE_TEXT + 2] = {0};
    struct evidence_signer signer;
    path_of(f, "key", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    text[strcspn(text, "\n")] = '\0';
    assert_true(evidence_signer_parse(&signer, relief_str_of(text)));
    for (unsigned i = 0; i < 2; i++) {
        struct evidence_checkpoint forged = checkpoint;
        struct evidence_note note;
        if (i == 0)
            forged.root[5] ^= 1;
        else
            forged.size = 8;
        relief_buf_clear(&other);
        evidence_checkpoint_write(&other, &forged);
        struct relief_str body = {other.data, (uint32_t)other.len};
        relief_buf_clear(&buf);
        relief_buf_add_str(&buf, body);
        relief_buf_add_char(&buf, '\n');
        evidence_note_sign(&buf, body, &signer, 0);
        evidence_note_sign(&buf, body, &f->witnesses[0], 1000);
        assert_true(evidence_note_parse(&note, (struct relief_str){buf.data, (uint32_t)buf.len}));
        assert_int_equal(evidence_cosign(ours, (struct relief_str){buf.data, (uint32_t)buf.len}), EVIDENCE_NOT_THIS);
    }
    struct evidence_witnessed witnessed;
    evidence_witnessed(ours, &witnessed, NULL);
    assert_int_equal(witnessed.count, 0);
    relief_buf_deinit(&buf);
    relief_buf_deinit(&other);
}

static void unwitnessed_is_told_once(void **state)
{
    struct fixture *f = *state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    int64_t now = 1000;
    assert_int_equal(open_at(f, 3), 0);
    assert_int_equal(evidence_watch(f->evidence, now), EVIDENCE_AS_BEFORE);
    assert_int_equal(evidence_watch(f->evidence, now + 60000), EVIDENCE_AS_BEFORE);
    assert_int_equal(evidence_watch(f->evidence, now + 60001), EVIDENCE_UNWITNESSED);
    assert_int_equal(evidence_watch(f->evidence, now + 200000), EVIDENCE_AS_BEFORE);
    assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &buf, 0, 1)), EVIDENCE_TAKEN);
    assert_int_equal(evidence_watch(f->evidence, now += 200001), EVIDENCE_WITNESSED);
    assert_int_equal(evidence_watch(f->evidence, now += 100000), EVIDENCE_AS_BEFORE);
    /* A head that moves on all the time, and a witness who keeps up: silence. */
    for (uint64_t head = 4; head < 20; head++) {
        assert_int_equal(add_up_to(f, head), 0);
        assert_int_equal(publish(f), 0);
        assert_int_equal(evidence_watch(f->evidence, now += 20000), EVIDENCE_AS_BEFORE);
        if (head % 2 == 0)
            assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &buf, 0, (int64_t)head)), EVIDENCE_TAKEN);
    }
    relief_buf_deinit(&buf);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(grows_and_comes_back),
        T(key_file),
        T(damage_is_made_anew),
        T(cut_and_missing_hashes),
        T(damage_inside),
        T(rollback_and_fork),
        T(pruned),
        T(refused_without_a_trace),
        T(a_fault_sticks),
        T(batches_are_not_synced),
        T(cosignatures),
        T(cosignatures_refused),
        T(unwitnessed_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
