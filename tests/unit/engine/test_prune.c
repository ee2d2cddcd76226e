/* Pruning may be interrupted after any step: what is left starts, answers what it answered before, and can be pruned
 * again; the archive proves the base. */
#include "world.h"

#include "core/key.h"
#include "engine/prune.h"
#include "engine/state.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define REQUESTS  700u
#define STEPS_MAX 64u

struct pruning {
    unsigned step, last; /* ends the process at `last`; 0: never */
    unsigned told;
};

static void at_step(void *context)
{
    struct pruning *pruning = context;
    if (++pruning->step == pruning->last)
        _exit(9);
}

static int note_archived(void *context, const struct engine_archived *segments, size_t count,
                         const struct store_mark *mark)
{
    struct pruning *pruning = context;
    assert_true(count > 0 && segments[0].bytes > 0 && mark->seq > 0);
    pruning->told++;
    return 0;
}

static int prune(struct world *w, const char *archive, uint64_t below, struct pruning *pruning,
                 struct engine_pruned *ret_pruned)
{
    const struct engine_prune_options options = {.dir = w->dir,
                                                 .below = below,
                                                 .archive = archive,
                                                 .archived = note_archived,
                                                 .step = at_step,
                                                 .context = pruning};
    return engine_prune(&options, ret_pruned, &w->report);
}

/* Requests, half of the receipts with an op; small segments, so that there are many. */
static void fill(struct world *w, unsigned from, unsigned count)
{
    char id[32];
    for (unsigned n = from; n < from + count; n++) {
        WORLD_PARAMS(stock_receive, receive);
        receive.city = RELIEF_STR("B");
        receive.kind = RELIEF_STR("K");
        receive.quantity = 2;
        snprintf(id, sizeof id, "op%u", n);
        if (n % 2)
            receive.op = relief_str_of(id);
        assert_int_equal(world_command(w, RELIEF_METHOD_stock_receive, &receive), 0);
        snprintf(id, sizeof id, "q%u", n);
        assert_int_equal(world_submit(w, id, 1 + n % 3), 0);
        if (n % 20 == 19)
            assert_int_equal(world_durable(w), 0);
    }
    assert_int_equal(world_durable(w), 0);
}

struct first {
    char request[2048], receipt[2048];
};

static void answers_of(struct world *w, unsigned n, struct first *ret)
{
    char id[32];
    snprintf(id, sizeof id, "q%u", n);
    assert_int_equal(world_submit(w, id, 1 + n % 3), 0);
    assert_true(w->answer.replay);
    snprintf(ret->request, sizeof ret->request, "%s", world_answer(w));
    WORLD_PARAMS(stock_receive, receive);
    receive.city = RELIEF_STR("B");
    receive.kind = RELIEF_STR("K");
    receive.quantity = 2;
    snprintf(id, sizeof id, "op%u", n);
    receive.op = relief_str_of(id);
    assert_int_equal(world_command(w, RELIEF_METHOD_stock_receive, &receive), 0);
    assert_true(w->answer.replay);
    snprintf(ret->receipt, sizeof ret->receipt, "%s", world_answer(w));
}

static const unsigned asked[] = {1, 7, 151, REQUESTS - 1};
#define ASKED (sizeof asked / sizeof asked[0])

static void expect_whole(struct world *w, const struct first firsts[ASKED], uint64_t head)
{
    struct first now;
    world_start(w);
    assert_int_equal(engine_durable(w->engine), head);
    for (size_t i = 0; i < ASKED; i++) {
        answers_of(w, asked[i], &now);
        assert_string_equal(now.request, firsts[i].request);
        assert_string_equal(now.receipt, firsts[i].receipt);
    }
    assert_int_equal(engine_applied(w->engine), head); /* nothing was carried out again */
    WORLD_PARAMS(request_submit, other);
    other = world_asked("q1", 999);
    assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &other), RELIEF_CONFLICT);
    world_stop(w);
    int broken = engine_check(w->dir, NULL, NULL, &w->report);
    if (broken)
        print_error("%s\n", w->report.message);
    assert_int_equal(broken, 0);
}

static uint64_t prepare(struct world *w, struct first firsts[ASKED])
{
    w->segment_bytes = 64u * 1024u;
    world_start(w);
    world_found(w);
    fill(w, 0, REQUESTS);
    for (size_t i = 0; i < ASKED; i++)
        answers_of(w, asked[i], &firsts[i]);
    uint64_t head = engine_durable(w->engine);
    world_stop(w);
    return head;
}

static void see(void *context, int invariant, const char *what)
{
    (void)context;
    print_error("invariant %d: %s\n", invariant, what);
}

static void interrupted_after_each_step(void **state)
{
    struct world *w = *state;
    struct first firsts[ASKED];
    struct engine_pruned pruned;
    char origin[64], archive[80];
    uint64_t head = prepare(w, firsts);
    snprintf(origin, sizeof origin, "%s", w->dir);
    bool over = false;
    unsigned last = 1;
    for (; !over && last < STEPS_MAX; last++) {
        world_folder(w->dir);
        world_copy(origin, w->dir);
        snprintf(archive, sizeof archive, "%s.archive", w->dir);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct pruning pruning = {.last = last};
            _exit(prune(w, archive, 1100, &pruning, &pruned) ? 1 : 0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0));
        over = WEXITSTATUS(status) == 0;
        expect_whole(w, firsts, head);
        struct pruning again = {0};
        int rc = prune(w, archive, 1100, &again, &pruned);
        if (rc)
            print_error("%s\n", w->report.message);
        assert_int_equal(rc, 0);
        expect_whole(w, firsts, head);
        const char *archives[] = {archive};
        assert_int_equal(engine_check_archived(w->dir, archives, 1, see, NULL, &w->report), 0);
        world_remove(archive);
        world_remove(w->dir);
    }
    assert_true(over && last > 8); /* answers, base, some segments, the manifest, and the same segments again */
    snprintf(w->dir, sizeof w->dir, "%s", origin);
}

static void again_and_again(void **state)
{
    struct world *w = *state;
    struct first firsts[ASKED];
    struct engine_pruned pruned;
    struct pruning pruning = {0};
    uint64_t first, head = prepare(w, firsts), before = 0, below;
    char archive[80], path[160];
    const char *archives[] = {archive};
    snprintf(archive, sizeof archive, "%s.archive", w->dir);
    assert_int_equal(prune(w, archive, 10, &pruning, &pruned), 0);
    assert_int_equal(pruned.seq, 0);
    assert_int_equal(pruning.told, 0);
    for (below = 200; below <= head; below += 150) {
        assert_int_equal(prune(w, archive, below, &pruning, &pruned), 0);
        if (pruned.seq == 0)
            continue;
        assert_true(pruned.seq > before && pruned.seq < below && pruned.answers > 0);
        before = pruned.seq;
        expect_whole(w, firsts, head);
        assert_int_equal(engine_archive_check(archive, &first, &w->report), 0);
        assert_int_equal(first, 1);
        assert_int_equal(w->report.seq, before);
        assert_int_equal(engine_check_archived(w->dir, archives, 1, see, NULL, &w->report), 0);
    }
    assert_true(before > 400);
    /* the store is made from the base */
    snprintf(path, sizeof path, "%s/store", w->dir);
    world_remove(path);
    expect_whole(w, firsts, head);
    assert_int_equal(engine_rebuild(w->dir, false, &w->report), 0);
    assert_int_equal(w->report.base, before);
    assert_int_equal(w->report.applied, head - before);
    expect_whole(w, firsts, head);
    /* what is below the base is no more; the base is the first that can be had */
    struct engine_at *at;
    assert_int_equal(engine_at_open(&at, &(struct engine_at_options){.dir = w->dir, .seq = before - 1}, &w->report),
                     -ENOENT);
    assert_int_equal(engine_at_open(&at, &(struct engine_at_options){.dir = w->dir, .seq = before}, &w->report), 0);
    engine_at_close(at);
    /* it goes on */
    world_start(w);
    fill(w, REQUESTS, 30);
    world_stop(w);
    assert_int_equal(engine_check_archived(w->dir, archives, 1, see, NULL, &w->report), 0);
    world_remove(archive);
}

static void damage_of_what_is_left(void **state)
{
    static const char *const suffixes[] = {"base", "answers"};
    struct world *w = *state;
    struct first firsts[ASKED];
    struct engine_pruned pruned;
    struct pruning pruning = {0};
    char archive[80], path[200], away[200];
    prepare(w, firsts);
    snprintf(archive, sizeof archive, "%s.archive", w->dir);
    assert_int_equal(prune(w, archive, 1100, &pruning, &pruned), 0);
    assert_true(pruned.seq > 0);
    for (unsigned i = 0; i < 2; i++) { /* missing: no start, and no check that holds */
        snprintf(path, sizeof path, "%s/base/%020llu.%s", w->dir, (unsigned long long)pruned.seq, suffixes[i]);
        snprintf(away, sizeof away, "%s/away", w->dir);
        assert_int_equal(rename(path, away), 0);
        assert_int_equal(world_open(w), -EUCLEAN);
        w->engine = NULL;
        assert_true(engine_check(w->dir, NULL, NULL, &w->report) > 0);
        assert_int_equal(rename(away, path), 0);
    }
    for (unsigned i = 0; i < 2; i++) { /* one bit: the check finds it */
        struct stat info;
        char byte;
        snprintf(path, sizeof path, "%s/base/%020llu.%s", w->dir, (unsigned long long)pruned.seq, suffixes[i]);
        assert_int_equal(stat(path, &info), 0);
        for (off_t place = 3; place < info.st_size; place += info.st_size / 5) {
            int fd = open(path, O_RDWR | O_CLOEXEC);
            assert_true(fd >= 0);
            assert_int_equal(pread(fd, &byte, 1, place), 1);
            byte ^= 4;
            assert_int_equal(pwrite(fd, &byte, 1, place), 1);
            assert_true(engine_check(w->dir, NULL, NULL, &w->report) > 0);
            byte ^= 4;
            assert_int_equal(pwrite(fd, &byte, 1, place), 1);
            close(fd);
        }
    }
    assert_int_equal(engine_check(w->dir, see, NULL, &w->report), 0);
    world_remove(archive);
}

static void flip(const char *path, off_t place)
{
    char byte;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, place), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, place), 1);
    close(fd);
}

/* The base is needed where the store is lost, and not before: who can't replace the store leaves the one that works. */
static void a_rebuild_that_fails_leaves_the_store(void **state)
{
    struct world *w = *state;
    struct first firsts[ASKED];
    struct engine_pruned pruned;
    struct pruning pruning = {0};
    struct stat info;
    char archive[80], path[200], beside[200];
    uint64_t head = prepare(w, firsts);
    snprintf(archive, sizeof archive, "%s.archive", w->dir);
    assert_int_equal(prune(w, archive, 1100, &pruning, &pruned), 0);
    snprintf(beside, sizeof beside, "%s/store.new", w->dir);
    snprintf(path, sizeof path, "%s/base/%020llu.base", w->dir, (unsigned long long)pruned.seq);
    assert_int_equal(stat(path, &info), 0);
    const off_t places[] = {3, info.st_size / 2, info.st_size - 1}; /* its head, a part, its digest */
    for (unsigned i = 0; i < 3; i++) {
        flip(path, places[i]);
        assert_int_equal(engine_rebuild(w->dir, false, &w->report), -EUCLEAN);
        assert_non_null(strstr(w->report.message, "the base at entry"));
        assert_int_equal(stat(beside, &info), -1);
        if (i > 0) { /* a start looks at the head only */
            world_start(w);
            assert_int_equal(engine_durable(w->engine), head);
            world_stop(w);
        }
        flip(path, places[i]);
        expect_whole(w, firsts, head);
    }
    snprintf(path, sizeof path, "%s/log/%020llu.seg", w->dir, (unsigned long long)pruned.seq + 1);
    flip(path, 4096); /* a segment that was sealed long ago: a start does not read it, the rebuild does */
    assert_int_equal(engine_rebuild(w->dir, false, &w->report), -EUCLEAN);
    assert_non_null(strstr(w->report.message, "log damaged"));
    assert_int_equal(stat(beside, &info), -1);
    world_start(w);
    assert_int_equal(engine_durable(w->engine), head);
    world_stop(w);
    flip(path, 4096);
    assert_int_equal(engine_rebuild(w->dir, false, &w->report), 0);
    assert_int_equal(stat(beside, &info), -1);
    expect_whole(w, firsts, head);
    world_remove(archive);
}

/* A power cut: the evidence on disk ends with the entry that the log was pruned up to, and the store is ahead of both.
 */
static void evidence_that_ends_where_the_log_begins(void **state)
{
    struct world *w = *state;
    struct first firsts[ASKED];
    struct engine_pruned pruned;
    struct pruning pruning = {0};
    struct engine_base *base;
    struct evidence_checkpoint before, after;
    uint8_t bytes[72];
    char archive[80], path[200];
    uint64_t head = prepare(w, firsts);
    snprintf(archive, sizeof archive, "%s.archive", w->dir);
    assert_int_equal(prune(w, archive, 1100, &pruning, &pruned), 0);
    world_start(w);
    evidence_newest(engine_evidence(w->engine), &before, NULL);
    world_stop(w);
    assert_int_equal(before.size, head);
    assert_int_equal(engine_bases_open(&base, w->dir, pruned.seq), 0);
    assert_int_equal(engine_base_head(base)->tree_size, pruned.seq);
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(pruned.seq >> (56 - 8 * i));
    memcpy(bytes + 8, engine_base_head(base)->tree_root, 32);
    engine_base_close(base);
    crypto_generichash(bytes + 40, 32, bytes, 40, NULL, 0);
    snprintf(path, sizeof path, "%s/evidence/state", w->dir);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    close(fd);
    snprintf(path, sizeof path, "%s/evidence/checkpoint", w->dir);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/evidence/hashes", w->dir);
    assert_int_equal(truncate(path, (off_t)(EVIDENCE_NODES(pruned.seq) * EVIDENCE_HASH_BYTES)), 0);
    world_start(w);
    evidence_newest(engine_evidence(w->engine), &after, NULL);
    assert_int_equal(after.size, head);
    assert_memory_equal(after.root, before.root, sizeof after.root);
    world_stop(w);
    expect_whole(w, firsts, head);
    world_remove(archive);
}

/* A pruned log can have no new origin, so none is begun, and none is advised. */
static void no_new_origin_of_a_pruned_log(void **state)
{
    static const char *const gone[] = {"key", NULL}; /* a restore from a backup without key; all of it moved away */
    struct world *w = *state;
    struct first firsts[ASKED];
    struct engine_pruned pruned;
    struct pruning pruning = {0};
    struct stat info;
    char archive[80], evidence[200], path[240], away[200];
    uint64_t head = prepare(w, firsts);
    snprintf(archive, sizeof archive, "%s.archive", w->dir);
    assert_int_equal(prune(w, archive, 1100, &pruning, &pruned), 0);
    snprintf(evidence, sizeof evidence, "%s/evidence", w->dir);
    snprintf(away, sizeof away, "%s/away", w->dir);
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        snprintf(path, sizeof path, "%s%s%s", evidence, gone[i] ? "/" : "", gone[i] ? gone[i] : "");
        assert_int_equal(rename(path, away), 0);
        assert_int_equal(world_open(w), -EUCLEAN);
        w->engine = NULL;
        assert_non_null(strstr(w->report.message, "backup made --with-key"));
        assert_null(strstr(w->report.message, "new origin"));
        assert_int_equal(stat(path, &info), -1);
        if (!gone[i]) { /* an empty folder in its place stays empty */
            assert_int_equal(mkdir(path, 0700), 0);
            assert_int_equal(world_open(w), -EUCLEAN);
            w->engine = NULL;
            assert_non_null(strstr(w->report.message, "backup made --with-key"));
            assert_int_equal(rmdir(path), 0);
        }
        assert_int_equal(rename(away, path), 0);
        expect_whole(w, firsts, head);
    }
    world_remove(archive);
}

/* Ops of before the base are dropped by their age like all others. */
static void old_ops_still_go(void **state)
{
    struct world *w = *state;
    struct first firsts[ASKED];
    struct engine_pruned pruned;
    struct pruning pruning = {0};
    char archive[80];
    prepare(w, firsts);
    snprintf(archive, sizeof archive, "%s.archive", w->dir);
    assert_int_equal(prune(w, archive, 1100, &pruning, &pruned), 0);
    world_start(w);
    assert_true(core_count(engine_view(w->engine), RELIEF_TABLE_op) > 0);
    world_advance(w, RELIEF_OP_KEEP_MS + RELIEF_DAY_MS);
    world_stop(w);
    w->wall += 1;
    world_start(w);
    world_advance(w, 1);
    while (engine_tick(w->engine) == 0)
        assert_int_equal(world_durable(w), 0);
    assert_int_equal(world_durable(w), 0);
    assert_int_equal(core_count(engine_view(w->engine), RELIEF_TABLE_op), 0);
    world_stop(w);
    assert_int_equal(engine_check(w->dir, see, NULL, &w->report), 0);
    world_remove(archive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(interrupted_after_each_step, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(again_and_again, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(damage_of_what_is_left, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_rebuild_that_fails_leaves_the_store, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(evidence_that_ends_where_the_log_begins, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(no_new_origin_of_a_pruned_log, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(old_ops_still_go, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
