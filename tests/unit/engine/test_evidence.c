/*
 * The tree and the log: whatever ends the daemon, the tree is that of the durable entries when it is back, an entry
 * whose sync failed never reaches it, and a folder whose two halves do not belong together is refused.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "engine/entry.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct evidence_checkpoint newest(struct world *w)
{
    struct evidence_checkpoint checkpoint;
    evidence_newest(engine_evidence(w->engine), &checkpoint, NULL);
    return checkpoint;
}

/* The signing comes after the acknowledgement, so it is waited for: the writer wakes who wants it. */
static void published(struct world *w, uint64_t size)
{
    while (evidence_published(engine_evidence(w->engine), size) < size)
        assert_int_equal(sem_wait(&w->woken), 0);
}

/* The root of the lines that an export would have, each written out in full. */
static void expect_tree_of_log(struct world *w)
{
    struct evidence_hasher *tree_hasher = evidence_hasher_new();
    struct evidence_tree tree = {.size = 0};
    struct engine_entry_hasher hasher;
    struct log_cursor *cursor;
    struct log_record record;
    struct relief_buf line = RELIEF_BUF_INIT;
    uint8_t hash[LOG_HASH_BYTES], leaf[EVIDENCE_HASH_BYTES], nodes[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES];
    int64_t time = 0;
    assert_int_equal(engine_entry_hasher_init(&hasher), 0);
    assert_int_equal(log_cursor_open(&cursor, engine_log(w->engine), 0), 0);
    while (log_cursor_next(cursor, &record) == 1) {
        engine_entry_hash(&hasher, &record, hash);
        relief_buf_clear(&line);
        engine_entry_json(&line, &hasher.entry, record.prev, hash);
        assert_non_null(strstr((relief_buf_add_char(&line, '\0'), line.data), "{\"hash\":\""));
        evidence_hash_leaf(tree_hasher, line.data, line.len - 1, leaf);
        evidence_tree_add(&tree, tree_hasher, leaf, nodes);
        time = hasher.entry.time;
    }
    log_cursor_close(cursor);
    engine_entry_hasher_deinit(&hasher);
    published(w, tree.size);
    struct evidence_checkpoint checkpoint = newest(w);
    uint8_t root[EVIDENCE_HASH_BYTES];
    evidence_tree_root(&tree, tree_hasher, root);
    assert_int_equal(checkpoint.size, tree.size);
    assert_int_equal(checkpoint.size, engine_durable(w->engine));
    assert_int_equal(checkpoint.time, time);
    assert_memory_equal(checkpoint.root, root, sizeof root);
    evidence_hasher_free(tree_hasher);
    relief_buf_deinit(&line);
}

static void some(struct world *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        w->wall += 7;
        w->boot += 7;
        engine_turn(w->engine);
        world_receive(w, "B", 1 + i);
        if (i % 3 == 0)
            assert_int_equal(world_durable(w), 0);
    }
    assert_int_equal(world_durable(w), 0);
}

static void path_in(char path[128], const struct world *w, const char *name)
{
    snprintf(path, 128, "%s/%s", w->dir, name);
}

static unsigned broken;
static char what[300];

static void note_broken(void *context, int invariant, const char *text)
{
    (void)context;
    (void)invariant;
    broken++;
    snprintf(what, sizeof what, "%s", text);
}

static int check(const struct world *w)
{
    struct engine_report report;
    broken = 0;
    what[0] = '\0';
    return engine_check(w->dir, note_broken, NULL, &report);
}

/* ---- tests ---- */

static void grows_with_the_log(void **state)
{
    struct world *w = *state;
    world_start(w);
    expect_tree_of_log(w);
    world_found(w);
    some(w, 10);
    expect_tree_of_log(w);
    world_stop(w);
    assert_int_equal(check(w), 0);
    struct stat status;
    char path[128];
    path_in(path, w, "evidence/hashes");
    assert_int_equal(stat(path, &status), 0);
    world_start(w);
    assert_int_equal(w->report.start, ENGINE_CLEAN);
    assert_false(w->report.evidence_anew);
    assert_int_equal((uint64_t)status.st_size, EVIDENCE_NODES(engine_durable(w->engine)) * EVIDENCE_HASH_BYTES);
    expect_tree_of_log(w);
}

/* What kill -9 leaves: files as they are while it serves, evidence/state far behind. */
static void killed(void **state)
{
    struct world *w = *state;
    char first[64], dir[64];
    snprintf(first, sizeof first, "%s", w->dir);
    world_start(w);
    world_found(w);
    some(w, 40);
    published(w, engine_durable(w->engine));
    for (int store = 0; store < 2; store++) { /* with the store behind the evidence, and ahead of it */
        if (store) {
            struct store *of = engine_store(w->engine);
            store_flush_to(of, engine_durable(w->engine));
            while (store_mark(of).seq < engine_durable(w->engine)) {
                assert_int_equal(sem_wait(&w->woken), 0);
                assert_int_equal(engine_settle(w->engine), 0);
            }
        }
        world_folder(dir);
        world_copy(first, dir);
        struct engine *serving = w->engine;
        snprintf(w->dir, sizeof w->dir, "%s", dir);
        world_start(w);
        expect_tree_of_log(w);
        some(w, 5);
        expect_tree_of_log(w);
        world_stop(w);
        assert_int_equal(check(w), 0);
        world_remove(dir);
        snprintf(w->dir, sizeof w->dir, "%s", first);
        w->engine = serving;
    }
}

static void a_failed_sync_reaches_no_tree(void **state)
{
    struct world *w = *state;
    world_start(w);
    world_found(w);
    some(w, 4);
    published(w, engine_durable(w->engine));
    struct evidence_checkpoint before = newest(w);
    world_sync_error(w, EIO);
    world_receive(w, "B", 5);
    assert_int_equal(world_durable(w), -EIO);
    assert_memory_equal(newest(w).root, before.root, sizeof before.root);
    assert_int_equal(newest(w).size, before.size);
    assert_int_equal(engine_close(w->engine), -EIO);
    w->engine = NULL;
    world_sync_error(w, 0);
    world_start(w);
    expect_tree_of_log(w); /* with the entry or without, as the log has it */
}

static ssize_t fails(void *context, int fd, const void *from, size_t len, off_t offset)
{
    (void)context;
    (void)fd;
    (void)from;
    (void)len;
    (void)offset;
    errno = EIO;
    return -1;
}

static void evidence_that_cannot_be_written(void **state)
{
    struct world *w = *state;
    static struct file_io io;
    io = file_io_system;
    w->evidence_io = &io;
    world_start(w);
    world_found(w);
    some(w, 2);
    published(w, engine_durable(w->engine));
    io.pwrite = fails;
    world_receive(w, "B", 5);
    (void)world_durable(w); /* acknowledged: the log has it */
    int rc = 0;
    while ((rc = engine_settle(w->engine)) == 0)
        assert_int_equal(sem_wait(&w->woken), 0);
    assert_int_equal(rc, -EIO);
    assert_true(engine_evidence_failed(w->engine));
    WORLD_PARAMS(stock_receive, params);
    params.city = RELIEF_STR("B");
    params.kind = RELIEF_STR("K");
    params.quantity = 1;
    assert_int_equal(world_command(w, RELIEF_METHOD_stock_receive, &params), -EROFS);
    assert_int_equal(engine_close(w->engine), -EIO);
    w->engine = NULL;
    io.pwrite = file_io_system.pwrite;
    world_start(w);
    expect_tree_of_log(w);
}

static void missing_and_damaged(void **state)
{
    struct world *w = *state;
    char path[128];
    world_start(w);
    world_found(w);
    some(w, 20);
    published(w, engine_durable(w->engine));
    struct evidence_checkpoint before = newest(w);
    world_stop(w);
    path_in(path, w, "evidence/hashes");
    assert_int_equal(truncate(path, 200), 0);
    assert_int_equal(check(w), 1);
    assert_non_null(strstr(what, "evidence/hashes"));
    world_start(w);
    assert_true(w->report.evidence_anew);
    assert_non_null(strstr(w->report.evidence, "hashes.damaged"));
    assert_memory_equal(newest(w).root, before.root, sizeof before.root);
    expect_tree_of_log(w);
    world_stop(w);
    assert_int_equal(check(w), 0);
    path_in(path, w, "evidence");
    world_remove(path);
    assert_int_equal(check(w), 1);
    assert_non_null(strstr(what, "evidence/ is missing"));
    world_start(w);
    assert_true(w->report.evidence_anew);
    assert_memory_equal(newest(w).root, before.root, sizeof before.root);
    assert_string_not_equal(newest(w).origin, before.origin);
    expect_tree_of_log(w);
    world_stop(w);
    assert_int_equal(check(w), 0);
}

/* Log and store of an earlier moment under the evidence of a later one, and of another history. */
static void rollback_and_fork(void **state)
{
    static const char *const parts[] = {"log", "store"};
    struct world *w = *state;
    char kept[64], from[128], to[128];
    world_folder(kept);
    assert_int_equal(mkdir(kept, 0700), 0);
    world_start(w);
    world_found(w);
    some(w, 3);
    world_stop(w);
    for (int i = 0; i < 2; i++) {
        path_in(from, w, parts[i]);
        snprintf(to, sizeof to, "%s/%s", kept, parts[i]);
        world_copy(from, to);
    }
    world_start(w);
    some(w, 6);
    uint64_t head = engine_durable(w->engine);
    world_stop(w);
    for (int i = 0; i < 2; i++) {
        path_in(to, w, parts[i]);
        snprintf(from, sizeof from, "%s/%s", kept, parts[i]);
        world_remove(to);
        world_copy(from, to);
    }
    assert_int_equal(world_open(w), -EUCLEAN);
    assert_non_null(strstr(w->report.message, "rolled back"));
    w->engine = NULL;
    assert_true(check(w) > 0);
    /* The same number of entries and more, but others: without the evidence the folder goes on, with it it is found
     * out. */
    path_in(from, w, "evidence");
    snprintf(to, sizeof to, "%s/evidence", kept);
    world_copy(from, to);
    world_remove(from);
    world_start(w);
    w->wall += 1000;
    engine_turn(w->engine);
    some(w, 9);
    assert_true(engine_durable(w->engine) > head);
    world_stop(w);
    world_remove(from);
    world_copy(to, from);
    assert_int_equal(world_open(w), -EUCLEAN);
    assert_non_null(strstr(w->report.message, "another log"));
    w->engine = NULL;
    assert_true(check(w) > 0);
    world_remove(kept);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(grows_with_the_log),
        T(killed),
        T(a_failed_sync_reaches_no_tree),
        T(evidence_that_cannot_be_written),
        T(missing_and_damaged),
        T(rollback_and_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
