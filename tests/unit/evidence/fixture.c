/*
 * Entries are made up, the log is a number.
 */
#include "fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

int fixture_setup(void **state)
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

void fixture_path(const struct fixture *f, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", f->dir, name);
}

void fixture_forget(const struct fixture *f, const char *name)
{
    char path[128];
    fixture_path(f, name, path);
    (void)unlink(path);
}

int fixture_teardown(void **state)
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
        fixture_forget(f, names[i]);
    rmdir(f->dir);
    free(f);
    return 0;
}

/* ---- a log ---- */

void fixture_leaf(struct fixture *f, uint64_t seq, uint8_t leaf[EVIDENCE_HASH_BYTES])
{
    char line[40];
    int len = snprintf(line, sizeof line, "%c%llu", f->history, (unsigned long long)seq);
    evidence_hash_leaf(f->hasher, line, (size_t)len, leaf);
}

int fixture_add_up_to(struct fixture *f, uint64_t head)
{
    uint8_t leaf[EVIDENCE_HASH_BYTES];
    while (evidence_size(f->evidence) < head) {
        fixture_leaf(f, evidence_size(f->evidence) + 1, leaf);
        int rc = evidence_add(f->evidence, leaf);
        if (rc)
            return rc;
    }
    return 0;
}

int fixture_publish(struct fixture *f)
{
    bool wanted;
    return evidence_publish(f->evidence, (int64_t)evidence_size(f->evidence) * 10, &wanted);
}

int fixture_open_at(struct fixture *f, uint64_t head)
{
    int rc = evidence_open(&f->evidence, &f->options, head, &f->report);
    if (rc == 0)
        rc = fixture_add_up_to(f, head);
    if (rc == 0)
        rc = evidence_started(f->evidence, &f->report);
    if (rc == 0)
        rc = fixture_publish(f);
    if (rc == 0 && evidence_unsynced(f->evidence, NULL))
        rc = evidence_sync(f->evidence);
    if (rc) {
        evidence_close(f->evidence);
        f->evidence = NULL;
    }
    return rc;
}

void fixture_stop(struct fixture *f, bool clean)
{
    if (clean && evidence_unsynced(f->evidence, NULL))
        assert_int_equal(evidence_sync(f->evidence), 0);
    evidence_close(f->evidence);
    f->evidence = NULL;
}

struct evidence_checkpoint fixture_newest(struct fixture *f)
{
    struct evidence_checkpoint checkpoint;
    evidence_newest(f->evidence, &checkpoint, NULL);
    return checkpoint;
}

/* Everything that is published is right: the root by itself, and proofs of and from every size. */
void fixture_expect_right(struct fixture *f, uint64_t head)
{
    struct evidence_tree tree = {.size = 0};
    uint8_t nodes[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES], leaf[EVIDENCE_HASH_BYTES], root[EVIDENCE_HASH_BYTES];
    struct evidence_path path;
    struct evidence_checkpoint checkpoint = fixture_newest(f);
    assert_int_equal(checkpoint.size, head);
    assert_int_equal(checkpoint.time, head * 10);
    for (uint64_t seq = 1; seq <= head; seq++) {
        fixture_leaf(f, seq, leaf);
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

uint64_t fixture_bytes_of(const struct fixture *f, const char *name)
{
    struct stat status;
    char path[128];
    fixture_path(f, name, path);
    return stat(path, &status) ? UINT64_MAX : (uint64_t)status.st_size;
}

void fixture_flip(const struct fixture *f, const char *name, uint64_t at)
{
    char path[128];
    uint8_t byte;
    fixture_path(f, name, path);
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
unsigned fixture_broken(struct fixture *f, uint64_t head)
{
    struct evidence_check *check;
    uint8_t leaf[EVIDENCE_HASH_BYTES];
    f->broken = 0;
    f->what[0] = '\0';
    assert_int_equal(evidence_check_open(&check, f->dir, note_broken, f), 0);
    for (uint64_t seq = 1; seq <= head; seq++) {
        fixture_leaf(f, seq, leaf);
        assert_int_equal(evidence_check_add(check, leaf), 0);
    }
    evidence_check_end(check);
    evidence_check_close(check);
    return f->broken;
}
