/*
 * The folder: what it holds after each way to end, what is made anew, and what is refused because it says that the log
 * was another one.
 */
#include "fixture.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void grows_and_comes_back(void **state)
{
    struct fixture *f = *state;
    struct evidence_key key;
    assert_int_equal(fixture_open_at(f, 0), 0);
    assert_false(f->report.anew);
    key = *evidence_log_key(f->evidence);
    assert_int_equal(strlen(key.name), 23);
    assert_memory_equal(key.name, "relief/", 7);
    fixture_expect_right(f, 0);
    for (uint64_t head = 1; head <= 40; head += head % 4) { /* batches of one to three */
        assert_int_equal(fixture_add_up_to(f, head), 0);
        assert_int_equal(fixture_publish(f), 0);
        assert_int_equal(fixture_bytes_of(f, "hashes"), EVIDENCE_NODES(head) * EVIDENCE_HASH_BYTES);
        fixture_expect_right(f, head);
        if (head % 4 == 0)
            break;
    }
    for (uint64_t head = 5; head <= 60; head += 5) {
        assert_int_equal(fixture_add_up_to(f, head), 0);
        assert_int_equal(fixture_publish(f), 0);
        fixture_stop(f, head % 2);
        assert_int_equal(fixture_open_at(f, head + head % 3),
                         0); /* what was not synced comes from the log, and what came after */
        assert_false(f->report.anew);
        assert_string_equal(f->report.message, "");
        assert_memory_equal(evidence_log_key(f->evidence), &key, sizeof key);
        fixture_expect_right(f, head + head % 3);
        assert_int_equal(fixture_broken(f, head + head % 3), 0);
    }
}

static void key_file(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    char path[128];
    f->options.origin = "relief.example/one";
    assert_int_equal(fixture_open_at(f, 3), 0);
    assert_string_equal(evidence_log_key(f->evidence)->name, "relief.example/one");
    fixture_stop(f, true);
    fixture_path(f, "key", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    f->options.origin = "relief.example/two";
    assert_int_equal(fixture_open_at(f, 3), -EINVAL);
    assert_non_null(strstr(f->report.message, "relief.example/one"));
    f->options.origin = "";
    assert_int_equal(fixture_open_at(f, 3), 0);
    assert_string_equal(fixture_newest(f).origin, "relief.example/one");
    fixture_stop(f, true);
    fixture_flip(f, "key", 40);
    assert_int_equal(fixture_open_at(f, 3), -EUCLEAN);
    assert_non_null(strstr(f->report.message, "evidence/key is damaged"));
    assert_true(fixture_broken(f, 3) > 0);
    fixture_forget(f, "key");
    assert_int_equal(fixture_open_at(f, 3), -EUCLEAN);
    assert_non_null(strstr(f->report.message, "evidence/key is missing"));
    f->options.origin = "not a name";
    fixture_forget(f, "state"), fixture_forget(f, "checkpoint"), fixture_forget(f, "hashes");
    assert_int_equal(fixture_open_at(f, 3), -EINVAL);
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
    assert_int_equal(fixture_open_at(f, 2), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct evidence_checkpoint before = fixture_newest(f);
        char aside[64];
        fixture_stop(f, true);
        assert_int_equal(fixture_broken(f, 2), 0);
        fixture_flip(f, rows[i].name, rows[i].at); /* of hashes: the root itself */
        assert_true(fixture_broken(f, 2) > 0);
        assert_non_null(strstr(f->what, rows[i].name));
        assert_int_equal(fixture_open_at(f, 2), 0);
        assert_int_equal(f->report.anew, rows[i].anew);
        assert_non_null(strstr(f->report.message, "was damaged"));
        snprintf(aside, sizeof aside, "%s.damaged", rows[i].name);
        assert_true(fixture_bytes_of(f, aside) != UINT64_MAX);
        assert_memory_equal(before.root, fixture_newest(f).root, sizeof before.root);
        fixture_expect_right(f, 2);
        assert_int_equal(fixture_broken(f, 2), 0);
    }
}

static void cut_and_missing_hashes(void **state)
{
    struct fixture *f = *state;
    char path[128];
    fixture_path(f, "hashes", path);
    assert_int_equal(fixture_open_at(f, 21), 0);
    for (unsigned i = 0; i < 3; i++) {
        fixture_stop(f, true);
        if (i < 2)
            assert_int_equal(truncate(path, i == 0 ? 100 : (off_t)(EVIDENCE_NODES(21) * EVIDENCE_HASH_BYTES + 1)), 0);
        else
            fixture_forget(f, "hashes");
        assert_true(fixture_broken(f, 21) > 0);
        assert_int_equal(fixture_open_at(f, 21), 0);
        assert_true(f->report.anew);
        fixture_expect_right(f, 21);
        assert_int_equal(fixture_broken(f, 21), 0);
    }
}

/* Inside of the tree, below the roots that a start looks at: found when a proof is made, and by relief check. */
static void damage_inside(void **state)
{
    struct fixture *f = *state;
    struct evidence_path path;
    uint8_t leaf[EVIDENCE_HASH_BYTES];
    assert_int_equal(fixture_open_at(f, 21), 0);
    fixture_flip(f, "hashes", 33);
    assert_int_equal(evidence_inclusion(f->evidence, 1, 21, leaf, &path), -EUCLEAN);
    assert_int_equal(evidence_inclusion(f->evidence, 20, 21, leaf, &path), 0); /* of another branch */
    assert_true(fixture_bytes_of(f, "hashes.damaged") != UINT64_MAX);
    fixture_stop(f, true);
    assert_int_equal(fixture_open_at(f, 21), 0);
    assert_true(f->report.anew);
    fixture_expect_right(f, 21);
    fixture_stop(f, true);
    for (uint64_t at = 0; at < EVIDENCE_NODES(21) * EVIDENCE_HASH_BYTES; at += 29) {
        fixture_flip(f, "hashes", at);
        assert_int_equal(fixture_broken(f, 21), 1);
        fixture_flip(f, "hashes", at);
    }
    assert_int_equal(fixture_broken(f, 21), 0);
}

static void rollback_and_fork(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open_at(f, 20), 0);
    fixture_stop(f, true);
    for (uint64_t head = 0; head < 20; head += 19) {
        assert_int_equal(fixture_open_at(f, head), -EUCLEAN);
        assert_non_null(strstr(f->report.message, "rolled back"));
        assert_true(fixture_broken(f, head) > 0);
    }
    fixture_forget(f, "state"); /* the checkpoint still knows */
    assert_int_equal(fixture_open_at(f, 19), -EUCLEAN);
    assert_non_null(strstr(f->report.message, "evidence/checkpoint"));
    f->history = 'b'; /* and made anew from another log it is another root */
    assert_int_equal(fixture_open_at(f, 20), -EUCLEAN);
    assert_non_null(strstr(f->report.message, "another log"));
    assert_true(fixture_broken(f, 20) > 0);
    f->history = 'a';
    assert_int_equal(fixture_open_at(f, 20), 0);
    fixture_expect_right(f, 20);
}

/* Of a log whose beginning is gone nothing can be made anew. */
static void pruned(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open_at(f, 20), 0);
    assert_int_equal(evidence_synced(f->evidence), 20);
    fixture_stop(f, true);
    f->options.pruned = 20;
    assert_int_equal(fixture_open_at(f, 22), 0);
    fixture_expect_right(f, 22);
    fixture_stop(f, true);
    fixture_flip(f, "hashes",
                 EVIDENCE_NODES(15) * EVIDENCE_HASH_BYTES + 4 * EVIDENCE_HASH_BYTES); /* the root of the first 16 */
    assert_int_equal(fixture_open_at(f, 22), -EUCLEAN);
    assert_non_null(strstr(f->report.message, "pruned"));
    assert_true(fixture_bytes_of(f, "hashes") != UINT64_MAX);
}

/* What is refused leaves nothing behind that would be in the way of the next start, and advises what can be done. */
static void refused_without_a_trace(void **state)
{
    static const char *const names[] = {"key", "hashes", "state", "checkpoint", "state.damaged", "hashes.damaged"};
    struct fixture *f = *state;
    f->options.pruned = 20;
    assert_int_equal(fixture_open_at(f, 22), -EUCLEAN); /* an empty folder */
    assert_non_null(strstr(f->report.message, "evidence/key is missing"));
    assert_null(strstr(f->report.message, "new origin"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(fixture_bytes_of(f, names[i]) == UINT64_MAX);
    f->options.pruned = 0;
    assert_int_equal(evidence_open(&f->evidence, &f->options, 22, &f->report), 0);
    assert_int_equal(fixture_add_up_to(f, 3), 0);
    assert_true(fixture_bytes_of(f, "key") != UINT64_MAX);
    fixture_stop(f, false); /* the log turned out to be damaged behind entry 3 */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(fixture_bytes_of(f, names[i]) == UINT64_MAX);
    assert_int_equal(fixture_open_at(f, 20), 0);
    fixture_stop(f, true);
    for (unsigned i = 0; i < 3; i++) { /* damaged state, missing hashes, missing key: as they were */
        static const char *const lost[] = {"state", "hashes", "key"};
        f->options.pruned = 20;
        if (i == 0)
            fixture_flip(f, "state", 9);
        else
            fixture_forget(f, lost[i]);
        assert_int_equal(fixture_open_at(f, 20), -EUCLEAN);
        assert_non_null(strstr(f->report.message, "from a backup"));
        assert_null(strstr(f->report.message, "new origin"));
        assert_true((fixture_bytes_of(f, lost[i]) == UINT64_MAX) == (i > 0));
        assert_true(fixture_bytes_of(f, "state.damaged") == UINT64_MAX);
        if (i == 0)
            fixture_flip(f, "state", 9);
        f->options.pruned = 0;
        if (i < 2) {
            assert_int_equal(fixture_open_at(f, 20), 0);
            fixture_stop(f, true);
            fixture_forget(f, "hashes.damaged");
        }
    }
    assert_int_equal(fixture_open_at(f, 20), -EUCLEAN); /* a whole log can have a new origin */
    assert_non_null(strstr(f->report.message, "begin a new origin"));
}

static void a_fault_sticks(void **state)
{
    struct fixture *f = *state;
    struct evidence_checkpoint before;
    assert_int_equal(fixture_open_at(f, 5), 0);
    before = fixture_newest(f);
    f->sync_error = EIO;
    assert_int_equal(fixture_add_up_to(f, 9), 0);
    assert_int_equal(fixture_publish(f), 0);
    assert_int_equal(evidence_sync(f->evidence), -EIO);
    f->sync_error = 0;
    assert_int_equal(evidence_sync(f->evidence), -EIO);
    assert_int_equal(fixture_publish(f), -EIO);
    fixture_stop(f, false);
    assert_int_equal(fixture_open_at(f, 9), 0);
    assert_false(f->report.anew); /* the state of before still stands */
    fixture_expect_right(f, 9);
    before = fixture_newest(f);
    f->write_error = ENOSPC;
    assert_int_equal(fixture_add_up_to(f, 12), 0);
    assert_int_equal(fixture_publish(f), -ENOSPC);
    assert_memory_equal(before.root, fixture_newest(f).root,
                        sizeof before.root); /* what is not written is not published */
    f->write_error = 0;
    fixture_stop(f, false);
    assert_int_equal(fixture_open_at(f, 12), 0);
    fixture_expect_right(f, 12);
    before = fixture_newest(f);
    f->write_error = ENOSPC; /* a shortage passes: the same call goes on then */
    assert_int_equal(fixture_add_up_to(f, 14), 0);
    assert_int_equal(fixture_publish(f), -ENOSPC);
    assert_int_equal(fixture_publish(f), -ENOSPC);
    assert_int_equal(fixture_newest(f).size, before.size);
    f->write_error = 0;
    assert_int_equal(fixture_publish(f), 0);
    assert_int_equal(fixture_newest(f).size, 14);
    f->write_error = ENOSPC;
    assert_int_equal(evidence_sync(f->evidence), -ENOSPC);
    f->write_error = 0;
    assert_int_equal(evidence_sync(f->evidence), 0);
    fixture_stop(f, false);
    assert_int_equal(fixture_open_at(f, 14), 0);
    assert_false(f->report.anew);
    fixture_expect_right(f, 14);
}

/* Nothing is synced for a batch. */
static void batches_are_not_synced(void **state)
{
    struct fixture *f = *state;
    uint64_t entries;
    bool wanted = false;
    assert_int_equal(fixture_open_at(f, 0), 0);
    unsigned syncs = f->syncs, writes = f->writes;
    for (uint64_t head = 1; head <= 50; head++) {
        assert_int_equal(fixture_add_up_to(f, head), 0);
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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
