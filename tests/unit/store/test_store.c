/* Opening, marks, flushing, damage, snapshots, wiping, reading beside a daemon. */
#include "tool.h"
#include "store/cache.h"
#include "store/env.h"
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

static struct relief_str get(struct core_view *view, const char *text)
{
    struct core_key key = tool_key(0x81, text);
    return view->ops->get(view, &key);
}

static void put(struct core_view *view, const char *text, const char *value)
{
    struct core_key key = tool_key(0x81, text);
    view->ops->put(view, &key, relief_str_of(value));
}

static void assert_value(struct relief_str value, const char *text)
{
    assert_true(relief_str_eq(value, relief_str_of(text)));
}

static void test_reopen(void **state)
{
    (void)state;
    struct tool tool;
    tool_open(&tool, false);
    assert_int_equal(store_mark(tool.store).seq, 0);
    put(store_view(tool.store), "a", "1");
    put(store_view(tool.store), "b", "2");
    tool_flush(&tool);
    put(store_view(tool.store), "a", "3");
    put(store_view(tool.store), "b", NULL);
    struct store_mark mark = tool_batch(&tool);
    store_durable(tool.store, &mark, 0);
    put(store_view(tool.store), "c", "of a batch that did not end");
    tool_reopen(&tool); /* nothing of the open batch, so nothing new is written */
    assert_int_equal(store_mark(tool.store).seq, 1);
    assert_value(get(store_view(tool.store), "a"), "1");
    assert_value(get(store_view(tool.store), "b"), "2");
    put(store_view(tool.store), "a", "3");
    put(store_view(tool.store), "b", NULL);
    mark = tool_batch(&tool);
    store_durable(tool.store, &mark, 0);
    tool_reopen(&tool); /* what is durable is written on closing */
    struct store_mark found = store_mark(tool.store);
    assert_int_equal(found.seq, mark.seq);
    assert_int_equal(found.time, mark.time);
    assert_memory_equal(found.hash, mark.hash, sizeof(mark.hash));
    assert_value(get(store_view(tool.store), "a"), "3");
    assert_null(get(store_view(tool.store), "b").data);
    put(store_view(tool.store), "a", "4");
    tool_batch(&tool);
    tool_reopen(&tool); /* what is not durable is not written */
    assert_int_equal(store_mark(tool.store).seq, mark.seq);
    assert_value(get(store_view(tool.store), "a"), "3");
    tool_close(&tool);
}

/* LMDB never stands for more than the log has. */
static void test_waits_for_the_log(void **state)
{
    (void)state;
    struct tool tool;
    tool_open(&tool, false);
    put(store_view(tool.store), "a", "1");
    struct store_mark first = tool_batch(&tool);
    store_flush_to(tool.store, first.seq);
    put(store_view(tool.store), "a", "2");
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
    put(store_view(tool.store), "a", "1");
    mark = tool_batch(&tool);
    store_durable(tool.store, &mark, 5000 + STORE_FREEZE_MS - 1);
    assert_int_equal(tool_flushed(&tool), 0);
    store_durable(tool.store, &mark, 5000 + STORE_FREEZE_MS);
    tool_settle(&tool);
    assert_int_equal(store_mark(tool.store).seq, mark.seq);

    char *big = calloc(1, 65536);
    for (unsigned i = 0; store_overlay_bytes(tool.store) < STORE_FREEZE_BYTES; i++) {
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
    assert_true(store_overlay_bytes(tool.store) >= STORE_FREEZE_BYTES + STORE_GENERATION_BYTES_MAX);
    tool_batch(&tool);
    assert_true(store_full(tool.store));
    store_durable(tool.store, &frozen, 5000);
    tool_settle(&tool);
    assert_false(store_full(tool.store));
    assert_int_equal(store_mark(tool.store).seq, frozen.seq);
    free(big);
    tool_close(&tool);
}

/* Values that were read stay where they are until the next put, even when their slots are wanted by other keys. */
static void test_cache(void **state)
{
    (void)state;
    struct store_cache cache;
    struct relief_str first, second;
    const uint64_t hash = UINT64_C(5) << 17, same_slot = hash + 1;
    store_cache_init(&cache);
    assert_false(store_cache_find(&cache, hash, RELIEF_STR("a"), &first));
    store_cache_note(&cache, hash, RELIEF_STR("a"), RELIEF_STR("one"));
    assert_true(store_cache_find(&cache, hash, RELIEF_STR("a"), &first));
    assert_value(first, "one");
    store_cache_note(&cache, same_slot, RELIEF_STR("b"), RELIEF_STR("two"));
    assert_false(store_cache_find(&cache, same_slot, RELIEF_STR("b"), &second));
    assert_value(first, "one");
    store_cache_forget(&cache, UINT64_C(9) << 17, RELIEF_STR("c")); /* a put of another key */
    store_cache_note(&cache, same_slot, RELIEF_STR("b"), RELIEF_STR_NONE);
    assert_true(store_cache_find(&cache, same_slot, RELIEF_STR("b"), &second));
    assert_null(second.data);
    assert_false(store_cache_find(&cache, hash, RELIEF_STR("a"), &first));
    store_cache_forget(&cache, same_slot, RELIEF_STR("b"));
    assert_false(store_cache_find(&cache, same_slot, RELIEF_STR("b"), &second));
    store_cache_deinit(&cache);
}

/* ---- damage ---- */

static jmp_buf fatal_jump;
static char fatal_text[512];

static void note_fatal(void *context, const char *message)
{
    (void)context;
    snprintf(fatal_text, sizeof(fatal_text), "%s", message);
    longjmp(fatal_jump, 1);
}

/* Turns one bit of the value stored under key, through LMDB itself. */
static void flip(const char *dir, const void *name, size_t len, size_t byte)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {len, (void *)(uintptr_t)name}, data;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_mapsize(env, (size_t)256 << 20), 0);
    assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_get(txn, dbi, &key, &data), 0);
    size_t bytes = data.mv_size;
    uint8_t *copy = malloc(bytes);
    assert_non_null(copy);
    memcpy(copy, data.mv_data, bytes);
    copy[byte % bytes] ^= 0x10;
    data.mv_data = copy;
    assert_int_equal(mdb_put(txn, dbi, &key, &data, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    free(copy);
}

static void expect_damage(struct tool *tool, bool by_scan)
{
    struct core_view *view = store_view(tool->store);
    store_fatal_handler(note_fatal, NULL);
    fatal_text[0] = '\0';
    if (setjmp(fatal_jump) == 0) {
        if (by_scan) {
            struct core_cursor cursor;
            struct core_key prefix = tool_key(0x81, "");
            struct relief_str key, value;
            view->ops->scan(view, &cursor, &prefix, NULL);
            while (view->ops->next(view, &cursor, &key, &value)) {
            }
        } else {
            get(view, "key1");
        }
        fail_msg("the damage was not found");
    }
    store_fatal_handler(NULL, NULL);
    assert_non_null(strstr(fatal_text, "%81key1"));
}

static void test_damage(void **state)
{
    (void)state;
    for (size_t byte = 0; byte < 5 + STORE_CHECK_BYTES; byte += 3) {
        struct tool tool;
        tool_open(&tool, false);
        put(store_view(tool.store), "key0", "whole");
        put(store_view(tool.store), "key1", "value");
        tool_flush(&tool);
        store_close(tool.store);
        flip(tool.dir,
             "\x81"
             "key1",
             5, byte);
        struct store_options options = {.dir = tool.dir, .map_bytes = (size_t)256 << 20};
        assert_int_equal(store_open(&tool.store, &options), 0);
        assert_value(get(store_view(tool.store), "key0"), "whole");
        expect_damage(&tool, false);
        expect_damage(&tool, true);
        tool_close(&tool);
    }
}

/* One flipped bit makes a key 32 KiB longer than cursors have room for. */
static void test_damaged_key_length(void **state)
{
    (void)state;
    const struct relief_str name = RELIEF_STR("\x81"
                                              "key1");
    struct tool tool;
    char path[256];
    unsigned flips = 0;
    tool_open(&tool, false);
    put(store_view(tool.store), "key0", "whole");
    put(store_view(tool.store), "key1", "value");
    tool_flush(&tool);
    store_close(tool.store);

    snprintf(path, sizeof path, "%s/data.mdb", tool.dir);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    off_t size = lseek(fd, 0, SEEK_END);
    uint8_t *file = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(file != MAP_FAILED);
    for (uint8_t *at = file + 1; (at = memmem(at, (size_t)(file + size - at), name.data, name.len)); at += name.len) {
        at[-1] ^= 0x80; /* before a key in a page stand two bytes of its length, the lower one first */
        flips++;
    }
    assert_true(flips > 0);
    munmap(file, (size_t)size);
    close(fd);

    struct store_options options = {.dir = tool.dir, .map_bytes = (size_t)256 << 20};
    assert_int_equal(store_open(&tool.store, &options), 0);
    struct core_view *view = store_view(tool.store);
    store_fatal_handler(note_fatal, NULL);
    fatal_text[0] = '\0';
    if (setjmp(fatal_jump) == 0) {
        struct core_cursor cursor;
        struct core_key prefix = tool_key(0x81, "");
        struct relief_str key, value;
        view->ops->scan(view, &cursor, &prefix, NULL);
        while (view->ops->next(view, &cursor, &key, &value)) {
        }
        fail_msg("the damage was not found");
    }
    store_fatal_handler(NULL, NULL);
    assert_non_null(strstr(fatal_text, "damage"));
    tool_close(&tool);
}

/* Makes the first separator of each branch page of LMDB's format larger than every key; says how many there were. */
static unsigned raise_separators(const char *dir)
{
    char path[256];
    unsigned raised = 0;
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    size_t size = (size_t)lseek(fd, 0, SEEK_END), page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(file != MAP_FAILED);
    for (uint8_t *page = file + 2 * page_bytes; page < file + size; page += page_bytes) {
        if (page[10] != 1 || page[11] != 0) /* flags of a branch page */
            continue;
        uint8_t *node = page + (page[18] | page[19] << 8); /* the second: the first one has no key */
        memset(node + 8 + 1, 0xff, 2);                     /* behind the head of a node and the first byte of its key */
        raised++;
    }
    munmap(file, size);
    close(fd);
    return raised;
}

/* A search that a wrong separator leads to another leaf must not say that the key isn't there. */
static void test_damaged_separator(void **state)
{
    (void)state;
    struct tool tool;
    char name[16];
    volatile unsigned found = 0, refused = 0;
    tool_open(&tool, false);
    for (unsigned i = 0; i < 400; i++) {
        snprintf(name, sizeof name, "key%03u", i);
        put(store_view(tool.store), name, "a value that is long enough for a page to hold only some of them");
    }
    tool_flush(&tool);
    store_close(tool.store);
    assert_true(raise_separators(tool.dir) > 0);
    struct store_options options = {.dir = tool.dir, .map_bytes = (size_t)256 << 20};
    assert_int_equal(store_open(&tool.store, &options), 0);
    store_fatal_handler(note_fatal, NULL);
    for (volatile unsigned i = 0; i < 400; i++) { /* in no order: a search that begins beside the key needs no branch */
        snprintf(name, sizeof name, "key%03u", i * 171 % 400);
        if (setjmp(fatal_jump) == 0) {
            assert_non_null(get(store_view(tool.store), name).data);
            found++;
        } else {
            refused++;
        }
    }
    store_fatal_handler(NULL, NULL);
    assert_true(found > 0 && refused > 0);
    tool_close(&tool);
}

/* A value that was written under another key does not pass. */
static void test_check_binds_the_key(void **state)
{
    (void)state;
    uint8_t stored[5 + STORE_CHECK_BYTES] = "value";
    struct relief_str value;
    store_value_check(RELIEF_STR("key1"), RELIEF_STR("value"), stored + 5);
    assert_true(store_value_open(RELIEF_STR("key1"), stored, sizeof(stored), &value));
    assert_value(value, "value");
    assert_false(store_value_open(RELIEF_STR("key2"), stored, sizeof(stored), &value));
    assert_false(store_value_open(RELIEF_STR("key1"), stored, sizeof(stored) - 1, &value));
    assert_false(store_value_open(RELIEF_STR("key1"), stored, 3, &value));
}

static void test_damaged_mark(void **state)
{
    (void)state;
    struct tool tool;
    tool_open(&tool, false);
    put(store_view(tool.store), "a", "1");
    tool_flush(&tool);
    store_close(tool.store);
    flip(tool.dir, STORE_META_KEY, STORE_META_KEY_BYTES, 9);
    struct store_options options = {.dir = tool.dir, .map_bytes = (size_t)256 << 20};
    assert_int_equal(store_open(&tool.store, &options), -EUCLEAN);
    tool.store = NULL;
    tool_close(&tool);
}

/* A file that ends too early is an error or is harmless, never the end of the process by a signal. */
static void test_shortened_file(void **state)
{
    (void)state;
    struct tool tool;
    char path[96];
    tool_open(&tool, false);
    char *big = calloc(1, 100000);
    for (unsigned i = 0; i < 50; i++) {
        char text[16];
        sprintf(text, "%u", i);
        struct core_key key = tool_key(0x81, text);
        tool_put(store_view(tool.store), &key, big, 100000);
    }
    free(big);
    tool_flush(&tool);
    store_close(tool.store);
    snprintf(path, sizeof(path), "%s/data.mdb", tool.dir);
    assert_int_equal(truncate(path, 3 * 4096), 0);
    struct store_options options = {.dir = tool.dir, .map_bytes = (size_t)256 << 20};
    tool.store = NULL;
    int error = 0;
    store_fatal_handler(note_fatal, NULL);
    if (setjmp(fatal_jump) == 0) {
        error = store_open(&tool.store, &options);
        if (error == 0) {
            struct core_cursor cursor;
            struct core_key prefix = tool_key(0x81, "");
            struct relief_str key, value;
            store_view(tool.store)->ops->scan(store_view(tool.store), &cursor, &prefix, NULL);
            while (store_view(tool.store)->ops->next(store_view(tool.store), &cursor, &key, &value)) {
            }
            fail_msg("50 values of a file without pages");
        }
    }
    store_fatal_handler(NULL, NULL);
    assert_true(error < 0 || strstr(fatal_text, "damage"));
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
        put(store_view(tool.store), text, "x");
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
            put(view, text, model[at] ? value : NULL);
            at = tool_below(&seed, 3000);
            sprintf(text, "%05u", at);
            sprintf(value, "%u", model[at]);
            assert_value(get(view, text), model[at] ? value : NULL);
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
    put(store_view(tool.store), "a", "1");
    tool_flush(&tool);
    store_close(tool.store);
    struct store_options options = {.dir = tool.dir, .map_bytes = (size_t)256 << 20, .read_only = true};
    assert_int_equal(store_open(&reader, &options), 0);
    assert_int_equal(store_mark(reader).seq, 1);
    assert_value(get(store_view(reader), "a"), "1");
    put(store_view(reader), "a", "the tail of the log, in memory only");
    store_batch_end(reader, 2, 2);
    assert_value(get(store_view(reader), "a"), "the tail of the log, in memory only");
    assert_int_equal(store_wipe(reader), -EROFS);
    store_close(reader);
    options.dir = "/tmp/relief-store-nowhere";
    assert_int_equal(store_open(&reader, &options), -ENOENT);
    options = (struct store_options){.dir = tool.dir, .map_bytes = (size_t)256 << 20};
    assert_int_equal(store_open(&tool.store, &options), 0);
    assert_value(get(store_view(tool.store), "a"), "1");
    tool_close(&tool);
}

static void wipe(bool memory)
{
    struct tool tool;
    tool_open(&tool, memory);
    put(store_view(tool.store), "a", "1");
    if (!memory) {
        tool_flush(&tool);
        put(store_view(tool.store), "b", "frozen");
        struct store_mark mark = tool_batch(&tool);
        store_flush_to(tool.store, mark.seq);
    }
    put(store_view(tool.store), "c", "active");
    assert_int_equal(store_wipe(tool.store), 0);
    assert_int_equal(store_mark(tool.store).seq, 0);
    assert_null(get(store_view(tool.store), "a").data);
    assert_null(get(store_view(tool.store), "b").data);
    assert_null(get(store_view(tool.store), "c").data);
    tool.seq = 0;
    put(store_view(tool.store), "d", "2");
    if (!memory) {
        tool_flush(&tool);
        tool_reopen(&tool);
        assert_int_equal(store_mark(tool.store).seq, 1);
    }
    assert_value(get(store_view(tool.store), "d"), "2");
    assert_null(get(store_view(tool.store), "a").data);
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
    put(store_view(tool.store), "a", "1");
    tool_flush(&tool);
    char *big = calloc(1, 8 << 20);
    for (unsigned i = 0; i < 40; i++) { /* more than the 256 MiB of the map */
        char text[16];
        sprintf(text, "big%u", i);
        struct core_key key = tool_key(0x81, text);
        tool_put(store_view(tool.store), &key, big, 8 << 20);
    }
    free(big);
    put(store_view(tool.store), "a", "2");
    struct store_mark mark = tool_batch(&tool);
    store_flush_to(tool.store, mark.seq);
    store_durable(tool.store, &mark, 0);
    wait_flushed(&tool, 2);
    assert_int_equal(tool.error, -ENOSPC);
    assert_int_equal(store_flush_done(tool.store), 0);
    assert_int_equal(store_shortage(tool.store), -ENOSPC);
    assert_value(get(store_view(tool.store), "a"), "2");
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
    assert_value(get(store_view(tool.store), "a"), "1");
    tool_close(&tool);
}

/* What could not be written is taken back for another reason: nothing is left that would find out that there is room
 * again. */
static void test_rewind_in_a_shortage(void **state)
{
    (void)state;
    struct tool tool;
    tool_open(&tool, false);
    put(store_view(tool.store), "a", "1");
    tool_flush(&tool);
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = (struct rlimit){.rlim_cur = 8192, .rlim_max = before.rlim_max}; /* LMDB's first pages and no more */
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    put(store_view(tool.store), "a", "2");
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
    assert_value(get(store_view(tool.store), "a"), "1");
    tool.seq = 1;
    tool.noted = tool_flushed(&tool);
    put(store_view(tool.store), "a", "3");
    tool_flush(&tool);
    tool_reopen(&tool);
    assert_int_equal(store_mark(tool.store).seq, 2);
    assert_value(get(store_view(tool.store), "a"), "3");
    tool_close(&tool);
}

/* Back to what LMDB has, from every place that a newer value can be in. */
static void test_rewind(void **state)
{
    (void)state;
    struct tool tool;
    tool_open(&tool, false);
    struct core_view *view = store_view(tool.store);
    put(view, "a", "1");
    put(view, "b", "1");
    tool_flush(&tool);
    for (unsigned round = 0; round < 3; round++) {
        assert_value(get(view, "a"), "1"); /* it is in the cache now */
        put(view, "a", "2");
        struct core_key b = tool_key(0x81, "b");
        view->ops->put(view, &b, RELIEF_STR_NONE);
        if (round > 0) {
            struct store_mark mark = tool_batch(&tool); /* frozen, and not durable */
            store_flush_to(tool.store, mark.seq);
            put(view, "a", "3");
            put(view, "c", "3");
        }
        if (round == 2) {
            tool_batch(&tool);
        }
        assert_int_equal(store_rewind(tool.store, 1), 0);
        assert_int_equal(store_mark(tool.store).seq, 1);
        assert_value(get(view, "a"), "1");
        assert_value(get(view, "b"), "1");
        assert_null(get(view, "c").data);
        tool.seq = 1;
    }
    put(view, "c", "4");
    tool_flush(&tool);
    tool_reopen(&tool);
    view = store_view(tool.store);
    assert_value(get(view, "a"), "1");
    assert_value(get(view, "c"), "4");
    tool_close(&tool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_waits_for_the_log),
        cmocka_unit_test(test_age_and_size),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damaged_key_length),
        cmocka_unit_test(test_damaged_separator),
        cmocka_unit_test(test_check_binds_the_key),
        cmocka_unit_test(test_damaged_mark),
        cmocka_unit_test(test_shortened_file),
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
