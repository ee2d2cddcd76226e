/* Damage: flipped bits, keys and marks that lie, a file cut short. It is found, and never served. */
#include "tool.h"
#include "store/cache.h"
#include "store/env.h"
#include "store/value.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

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
            tool_get(view, "key1");
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
        tool_set(store_view(tool.store), "key0", "whole");
        tool_set(store_view(tool.store), "key1", "value");
        tool_flush(&tool);
        store_close(tool.store);
        flip(tool.dir,
             "\x81"
             "key1",
             5, byte);
        struct store_options options = {.dir = tool.dir, .map_bytes = (size_t)256 << 20};
        assert_int_equal(store_open(&tool.store, &options), 0);
        tool_assert_value(tool_get(store_view(tool.store), "key0"), "whole");
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
    tool_set(store_view(tool.store), "key0", "whole");
    tool_set(store_view(tool.store), "key1", "value");
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
        tool_set(store_view(tool.store), name, "a value that is long enough for a page to hold only some of them");
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
            assert_non_null(tool_get(store_view(tool.store), name).data);
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
    tool_assert_value(value, "value");
    assert_false(store_value_open(RELIEF_STR("key2"), stored, sizeof(stored), &value));
    assert_false(store_value_open(RELIEF_STR("key1"), stored, sizeof(stored) - 1, &value));
    assert_false(store_value_open(RELIEF_STR("key1"), stored, 3, &value));
}

static void test_damaged_mark(void **state)
{
    (void)state;
    struct tool tool;
    tool_open(&tool, false);
    tool_set(store_view(tool.store), "a", "1");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damaged_key_length),
        cmocka_unit_test(test_damaged_separator),
        cmocka_unit_test(test_check_binds_the_key),
        cmocka_unit_test(test_damaged_mark),
        cmocka_unit_test(test_shortened_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
