/* Opening, marks, flushing, rewinding, snapshots, wiping, reading beside a daemon. */
#include "tool.h"
#include "store/env.h"
#include "store/state.h"
#include "store/value.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static void test_reopen(void **state)
{
    (void)state;
    struct tool tool;
    tool_open(&tool, false);
    assert_int_equal(store_mark(tool.store).seq, 0);
    tool_set(store_view(tool.store), "a", "1");
    tool_set(store_view(tool.store), "b", "2");
    tool_flush(&tool);
    tool_set(store_view(tool.store), "a", "3");
    tool_set(store_view(tool.store), "b", NULL);
    struct store_mark mark = tool_batch(&tool);
    store_durable(tool.store, &mark, 0);
    tool_set(store_view(tool.store), "c", "of a batch that did not end");
    tool_reopen(&tool); /* nothing of the open batch, so nothing new is written */
    assert_int_equal(store_mark(tool.store).seq, 1);
    tool_assert_value(tool_get(store_view(tool.store), "a"), "1");
    tool_assert_value(tool_get(store_view(tool.store), "b"), "2");
    tool_set(store_view(tool.store), "a", "3");
    tool_set(store_view(tool.store), "b", NULL);
    mark = tool_batch(&tool);
    store_durable(tool.store, &mark, 0);
    tool_reopen(&tool); /* what is durable is written on closing */
    struct store_mark found = store_mark(tool.store);
    assert_int_equal(found.seq, mark.seq);
    assert_int_equal(found.time, mark.time);
    assert_memory_equal(found.hash, mark.hash, sizeof(mark.hash));
    tool_assert_value(tool_get(store_view(tool.store), "a"), "3");
    assert_null(tool_get(store_view(tool.store), "b").data);
    tool_set(store_view(tool.store), "a", "4");
    tool_batch(&tool);
    tool_reopen(&tool); /* what is not durable is not written */
    assert_int_equal(store_mark(tool.store).seq, mark.seq);
    tool_assert_value(tool_get(store_view(tool.store), "a"), "3");
    tool_close(&tool);
}

/* LMDB never stands for more than the log has. */
static void test_waits_for_the_log(void **state)
{
    (void)state;
    struct tool tool;
    tool_open(&tool, false);
    tool_set(store_view(tool.store), "a", "1");
    struct store_mark first = tool_batch(&tool);
    store_flush_to(tool.store, first.seq);
    tool_set(store_view(tool.store), "a", "2");
    struct store_mark second = tool_batch(&tool);
    store_flush_to(tool.store, second.seq);
    assert_int_equal(store_flush_done(tool.store), 0);
    assert_int_equal(store_mark(tool.store).seq, 0);
    assert_int_equal(tool_flushed(&tool), 0);
    store_durable(tool.store, &first, 0);
    tool_settle(&tool);
    assert_int_equal(store_mark(tool.store).seq, first.seq);
    assert_memory_equal(store_mark(tool.store).hash, first.hash, sizeof(first.hash));
    store_durable(tool.store, &second, 0);
    tool_settle(&tool);
    assert_int_equal(store_mark(tool.store).seq, second.seq);
    store_flush_to(tool.store, second.seq); /* stands there already: at once */
    assert_int_equal(tool_flushed(&tool), 3);
    tool_close(&tool);
}

static void test_age_and_size(void **state)
{
    (void)state;
    struct tool tool;
    char text[24];
    tool_open(&tool, false);
    struct store_mark mark = tool_batch(&tool);
    store_durable(tool.store, &mark, 5000);
    tool_set(store_view(tool.store), "a", "1");
    mark = tool_batch(&tool);
    store_durable(tool.store, &mark, 5000 + STORE_FREEZE_MS - 1);
    assert_int_equal(tool_flushed(&tool), 0);
    store_durable(tool.store, &mark, 5000 + STORE_FREEZE_MS);
    tool_settle(&tool);
    assert_int_equal(store_mark(tool.store).seq, mark.seq);

    char *big = calloc(1, 65536);
    for (unsigned i = 0; store_overlay_bytes(tool.store) < STORE_FREEZE_BYTES_MAX; i++) {
        sprintf(text, "big%u", i);
        struct core_key key = tool_key(0x81, text);
        tool_put(store_view(tool.store), &key, big, 65536);
    }
    struct store_mark frozen = tool_batch(&tool); /* frozen, waits for the log */
    assert_false(store_full(tool.store));
    for (unsigned i = 0; !store_full(tool.store); i++) {
        sprintf(text, "more%u", i);
        struct core_key key = tool_key(0x81, text);
        tool_put(store_view(tool.store), &key, big, 65536);
        assert_true(i < 1000);
    }
    assert_true(store_overlay_bytes(tool.store) >= STORE_FREEZE_BYTES_MAX + STORE_GENERATION_BYTES_MAX);
    tool_batch(&tool);
    assert_true(store_full(tool.store));
    store_durable(tool.store, &frozen, 5000);
    tool_settle(&tool);
    assert_false(store_full(tool.store));
    assert_int_equal(store_mark(tool.store).seq, frozen.seq);
    free(big);
    tool_close(&tool);
}

/* Scattered keys make a flush of many pages, and the next generation shorter. */
static void test_generation_by_pages(void **state)
{
    (void)state;
    assert_int_equal(store_flush_bytes(STORE_FREEZE_BYTES_MAX, 0), STORE_FREEZE_BYTES_MAX);
    assert_int_equal(store_flush_bytes(STORE_FREEZE_BYTES_MAX, STORE_FREEZE_PAGES), STORE_FREEZE_BYTES_MAX);
    assert_int_equal(store_flush_bytes(STORE_FREEZE_BYTES_MAX, 2 * STORE_FREEZE_PAGES), STORE_FREEZE_BYTES_MAX / 2);
    assert_int_equal(store_flush_bytes(STORE_FREEZE_BYTES_MAX, UINT64_MAX), STORE_FREEZE_BYTES_MIN);
    assert_int_equal(store_flush_bytes(1, 1), STORE_FREEZE_BYTES_MIN);

    char text[16];
    struct tool tool;
    tool_open(&tool, false);
    for (unsigned i = 0; i < 20000; i++) {
        sprintf(text, "%08u", i * 7919u % 20000u);
        tool_set(store_view(tool.store), text, "value");
    }
    tool_flush(&tool);
    uint64_t packed = tool.store->flush.pages;
    assert_in_range(packed, 20000 * 20 / 4096, 20000 * 60 / 2048);
    for (unsigned i = 0; i < 20000;
         i += 500) { /* far from each other: a page each, of which neighbours in memory may count as one */
        sprintf(text, "%08u", i);
        tool_set(store_view(tool.store), text, "other");
    }
    tool_flush(&tool);
    assert_in_range(tool.store->flush.pages, 30, 40);
    tool_close(&tool);
}

/* ---- other readers ---- */

struct reading {
    struct store *store;
    uint64_t seq;
    _Atomic uint64_t *flushed; /* the last entry whose flush had ended */
    unsigned count;
};

/*
 * Every snapshot sees one moment, as many keys as its mark says, and not less than what was flushed before it was
 * opened. Two in a row may go back by a flush that has not ended: LMDB lets a reader that was held up see the commit
 * under way.
 */
static void *read_snapshots(void *context)
{
    struct reading *reading = context;
    for (uint64_t least = 0; least < reading->seq;) {
        struct store_snapshot *snapshot;
        struct store_mark mark;
        least = atomic_load(reading->flushed);
        if (store_snapshot_open(&snapshot, reading->store, &mark) != 0) {
            return NULL;
        }
        struct core_view *view = store_snapshot_view(snapshot);
        struct core_key prefix = tool_key(0x81, ""), newest;
        struct core_cursor cursor;
        struct relief_str key, value;
        unsigned count = 0;
        char text[24];
        view->ops->scan(view, &cursor, &prefix, NULL);
        while (view->ops->next(view, &cursor, &key, &value)) {
            count++;
        }
        sprintf(text, "%06u", (unsigned)mark.seq);
        newest = tool_key(0x81, text);
        bool there = mark.seq == 0 || view->ops->get(view, &newest).data;
        store_snapshot_close(snapshot);
        if (count != mark.seq || !there || mark.seq < least) {
            return NULL;
        }
        reading->count++;
    }
    return reading;
}

static void test_snapshots_on_threads(void **state)
{
    (void)state;
    struct tool tool;
    pthread_t threads[2];
    tool_open(&tool, false);
    _Atomic uint64_t flushed = 0;
    struct reading readings[2] = {{.store = tool.store, .seq = 150, .flushed = &flushed},
                                  {.store = tool.store, .seq = 150, .flushed = &flushed}};
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_snapshots, &readings[i]), 0);
    }
    for (unsigned i = 1; i <= 150; i++) { /* key N comes with entry N */
        char text[24];
        sprintf(text, "%06u", i);
        tool_set(store_view(tool.store), text, "x");
        tool_flush(&tool);
        atomic_store(&flushed, i);
    }
    for (unsigned i = 0; i < 2; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &readings[i]);
    }
    tool_close(&tool);
}

/* The loop reads and writes while the store's thread writes what is frozen. */
static void test_work_while_flushing(void **state)
{
    (void)state;
    struct tool tool;
    uint64_t seed = 5;
    static unsigned model[3000]; /* 0: absent, else value + 1 */
    tool_open(&tool, false);
    struct core_view *view = store_view(tool.store);
    for (unsigned turn = 0; turn < 40; turn++) {
        for (unsigned i = 0; i < 400; i++) {
            char text[24], value[24];
            unsigned at = tool_below(&seed, 3000);
            model[at] = tool_below(&seed, 4) ? tool_below(&seed, 100) + 1 : 0;
            sprintf(text, "%05u", at);
            sprintf(value, "%u", model[at]);
            tool_set(view, text, model[at] ? value : NULL);
            at = tool_below(&seed, 3000);
            sprintf(text, "%05u", at);
            sprintf(value, "%u", model[at]);
            tool_assert_value(tool_get(view, text), model[at] ? value : NULL);
        }
        struct core_cursor cursor;
        struct core_key prefix = tool_key(0x81, "");
        struct relief_str key, value;
        unsigned count = 0;
        view->ops->scan(view, &cursor, &prefix, NULL);
        while (view->ops->next(view, &cursor, &key, &value)) {
            count++;
        }
        for (unsigned i = 0; i < 3000; i++) {
            count -= model[i] > 0;
        }
        assert_int_equal(count, 0);
        struct store_mark mark = tool_batch(&tool);
        store_flush_to(tool.store, mark.seq);
        store_durable(tool.store, &mark, turn);
        if (turn % 3 == 2) {
            tool_settle(&tool);
        }
    }
    tool_flush(&tool);
    tool_close(&tool);
}

static void test_read_only(void **state)
{
    (void)state;
    struct tool tool;
    struct store *reader;
    tool_open(&tool, false);
    tool_set(store_view(tool.store), "a", "1");
    tool_flush(&tool);
    store_close(tool.store);
    struct store_options options = {.dir = tool.dir, .map_bytes = (size_t)256 << 20, .read_only = true};
    assert_int_equal(store_open(&reader, &options), 0);
    assert_int_equal(store_mark(reader).seq, 1);
    tool_assert_value(tool_get(store_view(reader), "a"), "1");
    tool_set(store_view(reader), "a", "the tail of the log, in memory only");
    store_batch_end(reader, 2, 2);
    tool_assert_value(tool_get(store_view(reader), "a"), "the tail of the log, in memory only");
    assert_int_equal(store_wipe(reader), -EROFS);
    store_close(reader);
    options.dir = "/tmp/relief-store-nowhere";
    assert_int_equal(store_open(&reader, &options), -ENOENT);
    options = (struct store_options){.dir = tool.dir, .map_bytes = (size_t)256 << 20};
    assert_int_equal(store_open(&tool.store, &options), 0);
    tool_assert_value(tool_get(store_view(tool.store), "a"), "1");
    tool_close(&tool);
}

static void wipe(bool memory)
{
    struct tool tool;
    tool_open(&tool, memory);
    tool_set(store_view(tool.store), "a", "1");
    if (!memory) {
        tool_flush(&tool);
        tool_set(store_view(tool.store), "b", "frozen");
        struct store_mark mark = tool_batch(&tool);
        store_flush_to(tool.store, mark.seq);
    }
    tool_set(store_view(tool.store), "c", "active");
    assert_int_equal(store_wipe(tool.store), 0);
    assert_int_equal(store_mark(tool.store).seq, 0);
    assert_null(tool_get(store_view(tool.store), "a").data);
    assert_null(tool_get(store_view(tool.store), "b").data);
    assert_null(tool_get(store_view(tool.store), "c").data);
    tool.seq = 0;
    tool_set(store_view(tool.store), "d", "2");
    if (!memory) {
        tool_flush(&tool);
        tool_reopen(&tool);
        assert_int_equal(store_mark(tool.store).seq, 1);
    }
    tool_assert_value(tool_get(store_view(tool.store), "d"), "2");
    assert_null(tool_get(store_view(tool.store), "a").data);
    tool_close(&tool);
}

static void test_wipe(void **state)
{
    (void)state;
    wipe(true);
    wipe(false);
}

static void wait_flushed(struct tool *tool, unsigned flushed)
{
    pthread_mutex_lock(&tool->lock);
    while (tool->flushed < flushed) {
        pthread_cond_wait(&tool->change, &tool->lock);
    }
    assert_int_equal(tool->flushed, flushed);
    pthread_mutex_unlock(&tool->lock);
}

/* No space: it is told and tried again, reads go on, the next start finds the last whole flush. */
static void test_failed_flush(void **state)
{
    (void)state;
    struct tool tool;
    tool_open(&tool, false);
    tool_set(store_view(tool.store), "a", "1");
    tool_flush(&tool);
    char *big = calloc(1, 8 << 20);
    for (unsigned i = 0; i < 40; i++) { /* more than the 256 MiB of the map */
        char text[16];
        sprintf(text, "big%u", i);
        struct core_key key = tool_key(0x81, text);
        tool_put(store_view(tool.store), &key, big, 8 << 20);
    }
    free(big);
    tool_set(store_view(tool.store), "a", "2");
    struct store_mark mark = tool_batch(&tool);
    store_flush_to(tool.store, mark.seq);
    store_durable(tool.store, &mark, 0);
    wait_flushed(&tool, 2);
    assert_int_equal(tool.error, -ENOSPC);
    assert_int_equal(store_flush_done(tool.store), 0);
    assert_int_equal(store_shortage(tool.store), -ENOSPC);
    tool_assert_value(tool_get(store_view(tool.store), "a"), "2");
    store_retry(tool.store, STORE_RETRY_MS - 1);
    assert_int_equal(tool_flushed(&tool), 2);
    store_retry(tool.store, STORE_RETRY_MS);
    wait_flushed(&tool, 3);
    assert_int_equal(store_flush_done(tool.store), 0);
    assert_int_equal(store_shortage(tool.store), -ENOSPC);
    assert_int_equal(store_mark(tool.store).seq, 1);
    mark = tool_batch(&tool);
    store_durable(tool.store, &mark, 10000);
    tool_reopen(&tool);
    assert_int_equal(store_mark(tool.store).seq, 1);
    tool_assert_value(tool_get(store_view(tool.store), "a"), "1");
    tool_close(&tool);
}

/* What could not be written is taken back for another reason: nothing is left that would find out that there is room
 * again. */
static void test_rewind_in_a_shortage(void **state)
{
    (void)state;
    struct tool tool;
    tool_open(&tool, false);
    tool_set(store_view(tool.store), "a", "1");
    tool_flush(&tool);
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = (struct rlimit){.rlim_cur = 8192, .rlim_max = before.rlim_max}; /* LMDB's first pages and no more */
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    tool_set(store_view(tool.store), "a", "2");
    struct store_mark mark = tool_batch(&tool);
    store_flush_to(tool.store, mark.seq);
    store_durable(tool.store, &mark, 0);
    wait_flushed(&tool, 2);
    assert_int_equal(store_flush_done(tool.store), 0);
    assert_int_equal(store_shortage(tool.store), -EFBIG);
    assert_int_equal(store_rewind(tool.store, 1), 0);
    assert_int_equal(store_shortage(tool.store), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    tool_assert_value(tool_get(store_view(tool.store), "a"), "1");
    tool.seq = 1;
    tool.noted = tool_flushed(&tool);
    tool_set(store_view(tool.store), "a", "3");
    tool_flush(&tool);
    tool_reopen(&tool);
    assert_int_equal(store_mark(tool.store).seq, 2);
    tool_assert_value(tool_get(store_view(tool.store), "a"), "3");
    tool_close(&tool);
}

/* Back to what LMDB has, from every place that a newer value can be in. */
static void test_rewind(void **state)
{
    (void)state;
    struct tool tool;
    tool_open(&tool, false);
    struct core_view *view = store_view(tool.store);
    tool_set(view, "a", "1");
    tool_set(view, "b", "1");
    tool_flush(&tool);
    for (unsigned round = 0; round < 3; round++) {
        tool_assert_value(tool_get(view, "a"), "1"); /* it is in the cache now */
        tool_set(view, "a", "2");
        struct core_key b = tool_key(0x81, "b");
        view->ops->put(view, &b, RELIEF_STR_NONE);
        if (round > 0) {
            struct store_mark mark = tool_batch(&tool); /* frozen, and not durable */
            store_flush_to(tool.store, mark.seq);
            tool_set(view, "a", "3");
            tool_set(view, "c", "3");
        }
        if (round == 2) {
            tool_batch(&tool);
        }
        assert_int_equal(store_rewind(tool.store, 1), 0);
        assert_int_equal(store_mark(tool.store).seq, 1);
        tool_assert_value(tool_get(view, "a"), "1");
        tool_assert_value(tool_get(view, "b"), "1");
        assert_null(tool_get(view, "c").data);
        tool.seq = 1;
    }
    tool_set(view, "c", "4");
    tool_flush(&tool);
    tool_reopen(&tool);
    view = store_view(tool.store);
    tool_assert_value(tool_get(view, "a"), "1");
    tool_assert_value(tool_get(view, "c"), "4");
    tool_close(&tool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_waits_for_the_log),
        cmocka_unit_test(test_age_and_size),
        cmocka_unit_test(test_generation_by_pages),
        cmocka_unit_test(test_snapshots_on_threads),
        cmocka_unit_test(test_work_while_flushing),
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_wipe),
        cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_failed_flush),
        cmocka_unit_test(test_rewind_in_a_shortage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
