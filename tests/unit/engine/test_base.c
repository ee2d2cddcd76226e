/* A base holds the state, all of it and nothing else; a damaged one is refused wherever it is damaged; and the state of
 * every entry of the past comes back. */
#include "world.h"

#include "core/key.h"
#include "engine/state.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define STEPS 9u

static int collect(void *context, const void *data, size_t len)
{
    relief_buf_add(context, data, len);
    return 0;
}

/* The base of a view, as bytes. */
static struct relief_buf base_of(struct core_view *view, const struct engine_base_head *head)
{
    struct relief_buf bytes = RELIEF_BUF_INIT;
    assert_int_equal(engine_base_write(view, head, collect, &bytes), 0);
    assert_false(bytes.failed);
    return bytes;
}

static void settle_store(struct world *w)
{
    assert_int_equal(world_durable(w), 0);
    uint64_t seq = engine_durable(w->engine);
    store_flush_to(engine_store(w->engine), seq);
    while (engine_settle(w->engine) == 0 && store_mark(engine_store(w->engine)).seq < seq)
        sem_wait(&w->woken);
}

/* What stands in LMDB now. */
static struct relief_buf live(struct world *w, struct engine_base_head *ret_head)
{
    struct store_snapshot *snapshot = NULL;
    *ret_head = (struct engine_base_head){0};
    settle_store(w);
    assert_int_equal(store_snapshot_open(&snapshot, engine_store(w->engine), &ret_head->mark), 0);
    struct relief_buf bytes = base_of(store_snapshot_view(snapshot), ret_head);
    store_snapshot_close(snapshot);
    return bytes;
}

/* One entry more, a different one each time. */
static void step(struct world *w, unsigned n)
{
    char id[16];
    snprintf(id, sizeof id, "q%u", n);
    if (n % 3 == 0)
        assert_int_equal(world_submit(w, id, 3), 0);
    else
        world_receive(w, n % 3 == 1 ? "B" : "A", 2);
}

static void write_file(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    close(fd);
}

/* Loads the file into an empty state in memory. */
static int load(const char *path, struct relief_buf *ret_again)
{
    struct engine_base *base = NULL;
    struct store *memory = NULL;
    struct core core;
    int rc = engine_base_open(&base, path);
    if (rc)
        return rc;
    assert_int_equal(store_open(&memory, &(struct store_options){0}), 0);
    assert_int_equal(core_init(&core, store_view(memory)), 0);
    rc = engine_load_base(base, memory, &core, NULL, NULL, NULL);
    if (rc == 0) {
        *ret_again = base_of(store_view(memory), engine_base_head(base));
        assert_int_equal(core_check(&core, engine_base_head(base)->mark.time, true, NULL, NULL), 0);
    }
    core_deinit(&core);
    store_close(memory);
    engine_base_close(base);
    return rc;
}

static void round_trip(void **state)
{
    struct world *w = *state;
    struct engine_base_head head;
    struct relief_buf again;
    char path[128];
    for (unsigned n = 0; n < STEPS; n++)
        step(w, n);
    struct relief_buf bytes = live(w, &head);
    relief_buf_deinit(&bytes);
    head.note_len = 5;
    memcpy(head.note, "note\n", 5);
    struct store_snapshot *snapshot = NULL;
    assert_int_equal(store_snapshot_open(&snapshot, engine_store(w->engine), NULL), 0);
    bytes = base_of(store_snapshot_view(snapshot), &head);
    store_snapshot_close(snapshot);
    snprintf(path, sizeof path, "%s/one.base", w->dir);
    write_file(path, bytes.data, bytes.len);
    assert_int_equal(load(path, &again), 0);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len);
    relief_buf_deinit(&again);
    relief_buf_deinit(&bytes);
}

/* A kind that was used once stays so, though no record says it any more. */
static void the_past_of_a_kind_is_kept(void **state)
{
    struct world *w = *state;
    struct engine_base_head head;
    struct relief_buf again;
    struct core_key key;
    char path[128];
    WORLD_PARAMS(kind_put, kind);
    kind.code = kind.name = kind.unit = RELIEF_STR("E1");
    kind.class_ = RELIEF_class_equipment;
    assert_int_equal(world_command(w, RELIEF_METHOD_kind_put, &kind), 0);
    kind.code = RELIEF_STR("E2");
    assert_int_equal(world_command(w, RELIEF_METHOD_kind_put, &kind), 0);
    WORLD_PARAMS(asset_put, asset);
    asset.id = RELIEF_STR("x");
    asset.city = RELIEF_STR("A");
    asset.kind = RELIEF_STR("E1");
    assert_int_equal(world_command(w, RELIEF_METHOD_asset_put, &asset), 0);
    asset.kind = RELIEF_STR("E2");
    assert_int_equal(world_command(w, RELIEF_METHOD_asset_put, &asset), 0);
    struct relief_buf bytes = live(w, &head);
    core_key_start(&key, CORE_KEY_KIND_USED);
    core_key_str(&key, RELIEF_STR("E1"));
    assert_non_null(engine_view(w->engine)->ops->get(engine_view(w->engine), &key).data);
    assert_non_null(memmem(bytes.data, bytes.len, key.data, key.len));
    snprintf(path, sizeof path, "%s/one.base", w->dir);
    write_file(path, bytes.data, bytes.len);
    assert_int_equal(load(path, &again), 0);
    assert_memory_equal(again.data, bytes.data, bytes.len);
    relief_buf_deinit(&again);
    relief_buf_deinit(&bytes);
}

static void damage_is_found_everywhere(void **state)
{
    struct world *w = *state;
    struct engine_base_head head;
    struct relief_buf again;
    char path[128];
    for (unsigned n = 0; n < STEPS; n++)
        step(w, n);
    struct relief_buf bytes = live(w, &head);
    snprintf(path, sizeof path, "%s/one.base", w->dir);
    for (size_t at = 0; at < bytes.len; at++) {
        bytes.data[at] ^= (char)(1u << at % 8);
        write_file(path, bytes.data, bytes.len);
        assert_int_equal(load(path, &again), -EUCLEAN);
        bytes.data[at] ^= (char)(1u << at % 8);
    }
    for (size_t len = 0; len < bytes.len; len += len < 300 ? 1 : 37) {
        write_file(path, bytes.data, len);
        assert_int_equal(load(path, &again), -EUCLEAN);
    }
    relief_buf_add_char(&bytes, '\0');
    write_file(path, bytes.data, bytes.len); /* something behind the end */
    assert_int_equal(load(path, &again), -EUCLEAN);
    write_file(path, bytes.data, bytes.len - 1); /* the control */
    assert_int_equal(load(path, &again), 0);
    relief_buf_deinit(&again);
    relief_buf_deinit(&bytes);
}

/* ---- the past ---- */

static void expect_at(struct world *w, struct log *log, uint64_t seq, const struct relief_buf *expected)
{
    struct engine_at *at = NULL;
    struct engine_report report;
    struct store_snapshot *snapshot = NULL;
    struct engine_base_head head = {0};
    const struct engine_at_options options = {.dir = w->dir, .log = log, .seq = seq};
    int rc = engine_at_open(&at, &options, &report);
    if (rc)
        print_error("%s\n", report.message);
    assert_int_equal(rc, 0);
    assert_int_equal(store_snapshot_open(&snapshot, engine_at_store(at), &head.mark), 0);
    assert_int_equal(head.mark.seq, seq);
    struct relief_buf bytes = base_of(store_snapshot_view(snapshot), &head);
    assert_int_equal(bytes.len, expected->len);
    assert_memory_equal(bytes.data, expected->data, bytes.len);
    relief_buf_deinit(&bytes);
    store_snapshot_close(snapshot);
    engine_at_close(at);
}

static void nothing_is_left(struct world *w)
{
    char path[128];
    struct stat info;
    snprintf(path, sizeof path, "%s/tmp", w->dir);
    if (stat(path, &info) == 0)
        assert_int_equal(rmdir(path), 0); /* it is empty */
}

static void every_entry_of_the_past(void **state)
{
    struct world *w = *state;
    struct relief_buf past[STEPS];
    struct engine_base_head head;
    struct engine_at *at;
    struct engine_report report;
    uint64_t seqs[STEPS];
    for (unsigned n = 0; n < STEPS; n++) {
        step(w, n);
        past[n] = live(w, &head);
        seqs[n] = head.mark.seq;
        if (n == 4) { /* from here on a base is there to begin with */
            struct store_snapshot *snapshot = NULL;
            assert_int_equal(store_snapshot_open(&snapshot, engine_store(w->engine), NULL), 0);
            assert_int_equal(engine_bases_write(w->dir, store_snapshot_view(snapshot), &head), 0);
            store_snapshot_close(snapshot);
        }
    }
    for (unsigned n = 0; n < STEPS; n++)
        expect_at(w, n % 2 ? engine_log(w->engine) : NULL, seqs[n], &past[n]);
    const struct engine_at_options beyond = {.dir = w->dir, .seq = seqs[STEPS - 1] + 1};
    assert_int_equal(engine_at_open(&at, &beyond, &report), -ERANGE);
    const struct engine_at_options nothing = {.dir = w->dir, .seq = 0};
    assert_int_equal(engine_at_open(&at, &nothing, &report), 0);
    assert_int_equal(store_mark(engine_at_store(at)).seq, 0);
    engine_at_close(at);
    nothing_is_left(w);
    for (unsigned n = 0; n < STEPS; n++)
        relief_buf_deinit(&past[n]);
}

static int give_up(void *context, uint64_t done, uint64_t total)
{
    (void)total;
    *(uint64_t *)context = done;
    return -ECANCELED;
}

static void the_way_to_the_past_can_be_left(void **state)
{
    struct world *w = *state;
    struct engine_at *at;
    struct engine_report report;
    uint64_t done = 0;
    for (unsigned n = 0; n < 300; n++)
        world_receive(w, "B", 1);
    assert_int_equal(world_durable(w), 0);
    const struct engine_at_options options = {
        .dir = w->dir, .log = engine_log(w->engine), .seq = UINT64_MAX, .over = give_up, .context = &done};
    assert_int_equal(engine_at_open(&at, &options, &report), -ECANCELED);
    assert_true(done > 0 && done < engine_durable(w->engine));
    nothing_is_left(w);
}

/* ---- starts ---- */

static void put_base(struct world *w)
{
    struct engine_base_head head;
    struct store_snapshot *snapshot = NULL;
    struct relief_buf bytes = live(w, &head);
    relief_buf_deinit(&bytes);
    assert_int_equal(store_snapshot_open(&snapshot, engine_store(w->engine), NULL), 0);
    assert_int_equal(engine_bases_write(w->dir, store_snapshot_view(snapshot), &head), 0);
    store_snapshot_close(snapshot);
}

static void a_lost_store_comes_from_the_base(void **state)
{
    struct world *w = *state;
    struct engine_base_head head;
    char path[128];
    for (unsigned n = 0; n < STEPS; n++)
        step(w, n);
    put_base(w);
    step(w, STEPS);
    struct relief_buf before = live(w, &head), after;
    uint64_t base = head.mark.seq - 1;
    snprintf(path, sizeof path, "%s/store", w->dir);
    world_stop(w);
    world_remove(path);
    world_start(w);
    assert_int_equal(w->report.base, base);
    assert_int_equal(w->report.applied, 1);
    after = live(w, &head);
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.data, before.data, before.len);
    world_stop(w);
    assert_int_equal(engine_rebuild(w->dir, false, &w->report), 0); /* the log is whole: the base isn't asked */
    assert_int_equal(w->report.base, 0);
    assert_int_equal(w->report.applied, base + 1);
    assert_int_equal(engine_rebuild(w->dir, true, &w->report), 0);
    assert_int_equal(w->report.base, base);
    assert_int_equal(w->report.applied, 1);
    assert_int_equal(engine_check(w->dir, NULL, NULL, &w->report), 0);
    relief_buf_deinit(&before);
    relief_buf_deinit(&after);
}

static void a_base_of_another_past_is_found(void **state)
{
    struct world *w = *state;
    struct engine_base_head head;
    for (unsigned n = 0; n < STEPS; n++)
        step(w, n);
    settle_store(w);
    head = (struct engine_base_head){.mark = engine_head(w->engine)};
    struct store *empty = NULL;
    assert_int_equal(store_open(&empty, &(struct store_options){0}), 0);
    assert_int_equal(engine_bases_write(w->dir, store_view(empty), &head), 0); /* whole, and a lie */
    store_close(empty);
    world_stop(w);
    assert_int_equal(engine_check(w->dir, NULL, NULL, &w->report), 1);
}

static void a_log_that_is_shorter_than_its_base(void **state)
{
    struct world *w = *state;
    struct engine_base_head head;
    step(w, 0);
    settle_store(w);
    head = (struct engine_base_head){.mark = engine_head(w->engine)};
    head.mark.seq += 5;
    struct store *empty = NULL;
    assert_int_equal(store_open(&empty, &(struct store_options){0}), 0);
    assert_int_equal(engine_bases_write(w->dir, store_view(empty), &head), 0);
    store_close(empty);
    world_stop(w);
    assert_int_equal(world_open(w), -EUCLEAN);
    assert_non_null(strstr(w->report.message, "there is a base at entry"));
    w->engine = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, world_setup_open, world_teardown),
        cmocka_unit_test_setup_teardown(the_past_of_a_kind_is_kept, world_setup_open, world_teardown),
        cmocka_unit_test_setup_teardown(damage_is_found_everywhere, world_setup_open, world_teardown),
        cmocka_unit_test_setup_teardown(every_entry_of_the_past, world_setup_open, world_teardown),
        cmocka_unit_test_setup_teardown(the_way_to_the_past_can_be_left, world_setup_open, world_teardown),
        cmocka_unit_test_setup_teardown(a_lost_store_comes_from_the_base, world_setup_open, world_teardown),
        cmocka_unit_test_setup_teardown(a_base_of_another_past_is_found, world_setup_open, world_teardown),
        cmocka_unit_test_setup_teardown(a_log_that_is_shorter_than_its_base, world_setup_open, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
