/*
 * Pages of LMDB: a store that was written in any way is whole, in slices and while it changes; and whatever bit turns
 * in its file, either that is found, or every record can still be had.
 */
#include "tool.h"
#include "store/state.h"
#include "store/value.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMES     240u
#define VALUE_MAX 9000u /* three pages of its own */
#define TOLD      42

/* ---- a store that has seen a lot ---- */

static struct core_key name_of(unsigned i)
{
    char text[80];
    /* of many lengths, so that separators have them too */
    snprintf(text, sizeof text, "%04u%.*s", i * 7919u % 10000u, (int)(i % 60),
             "------------------------------------------------------------");
    return tool_key(0x81, text);
}

/* A round of changes, most of them of small values; what was removed and what shrank leaves free pages. */
static void change(struct tool *tool, uint64_t *random, unsigned count)
{
    static uint8_t value[VALUE_MAX];
    struct core_view *view = store_view(tool->store);
    for (unsigned i = 0; i < count; i++) {
        struct core_key key = name_of(tool_below(random, NAMES));
        uint32_t bytes = tool_below(random, 20) == 0 ? tool_below(random, VALUE_MAX) : tool_below(random, 200);
        memset(value, (int)tool_below(random, 256), bytes);
        if (tool_below(random, 3) == 0)
            tool_put(view, &key, NULL, 0);
        else
            tool_put(view, &key, value, bytes);
    }
    tool_flush(tool);
}

static enum store_pages_end look(struct tool *tool, uint32_t slice)
{
    struct store_pages pages;
    enum store_pages_end end;
    store_pages_init(&pages, &tool->store->env, NULL);
    do
        end = store_pages_look(&pages, slice);
    while (end == STORE_PAGES_MORE);
    if (end == STORE_PAGES_DAMAGED)
        print_message("%s\n", pages.fault);
    store_pages_deinit(&pages);
    return end;
}

static void test_whole(void **state)
{
    struct tool tool;
    uint64_t random = 1;
    (void)state;
    tool_open(&tool, false);
    assert_int_equal(look(&tool, UINT32_MAX), STORE_PAGES_WHOLE);
    for (unsigned round = 0; round < 30; round++) {
        change(&tool, &random, 1 + tool_below(&random, 200));
        assert_int_equal(look(&tool, UINT32_MAX), STORE_PAGES_WHOLE);
        assert_int_equal(look(&tool, 2 + tool_below(&random, 9)), STORE_PAGES_WHOLE);
    }
    tool_close(&tool);
}

/* Between two slices the tree becomes another one. */
static void test_change_between_slices(void **state)
{
    struct tool tool;
    struct store_pages pages;
    uint64_t random = 2;
    unsigned slices = 0;
    enum store_pages_end end;
    (void)state;
    tool_open(&tool, false);
    for (unsigned round = 0; round < 10; round++)
        change(&tool, &random, 300);
    store_pages_init(&pages, &tool.store->env, NULL);
    while ((end = store_pages_look(&pages, 2)) == STORE_PAGES_MORE) {
        change(&tool, &random, 20);
        slices++;
    }
    assert_int_equal(end, STORE_PAGES_WHOLE);
    assert_true(slices > 5);
    store_pages_deinit(&pages);
    tool_close(&tool);
}

/* ---- bits ---- */

struct content {
    MDB_val keys[NAMES + 8], values[NAMES + 8];
    unsigned count;
};

/* A copy of all there is. */
static void read_content(MDB_txn *txn, MDB_dbi dbi, struct content *ret)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    ret->count = 0;
    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        MDB_val *copies[] = {&ret->keys[ret->count], &ret->values[ret->count]}, *from[] = {&key, &value};
        for (unsigned i = 0; i < 2; i++) {
            *copies[i] = (MDB_val){from[i]->mv_size, malloc(from[i]->mv_size + 1)};
            memcpy(copies[i]->mv_data, from[i]->mv_data, from[i]->mv_size);
        }
        ret->count++;
    }
    mdb_cursor_close(cursor);
}

static void free_content(struct content *content)
{
    for (unsigned i = 0; i < content->count; i++) {
        free(content->keys[i].mv_data);
        free(content->values[i].mv_data);
    }
}

static bool same(MDB_val a, MDB_val b)
{
    return a.mv_size == b.mv_size && memcmp(a.mv_data, b.mv_data, a.mv_size) == 0;
}

/* By a walk and by searches. */
static void expect_content(MDB_txn *txn, MDB_dbi dbi, const struct content *content)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    for (unsigned i = 0; i < content->count; i++) {
        assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_NEXT), 0);
        assert_true(same(key, content->keys[i]) && same(value, content->values[i]));
        key = content->keys[i];
        assert_int_equal(mdb_get(txn, dbi, &key, &value), 0);
        assert_true(same(value, content->values[i]));
    }
    assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_NEXT), MDB_NOTFOUND);
    mdb_cursor_close(cursor);
}

struct file {
    int fd;
    size_t bytes;
};

static void flip(const struct file *file, size_t bit)
{
    uint8_t byte;
    assert_int_equal(pread(file->fd, &byte, 1, (off_t)(bit / 8)), 1);
    byte ^= (uint8_t)(1u << bit % 8);
    assert_int_equal(pwrite(file->fd, &byte, 1, (off_t)(bit / 8)), 1);
}

static struct file open_file(const struct tool *tool)
{
    struct file file;
    char path[96];
    snprintf(path, sizeof path, "%s/data.mdb", tool->dir);
    file.fd = open(path, O_RDWR);
    assert_true(file.fd >= 0);
    file.bytes = (size_t)lseek(file.fd, 0, SEEK_END);
    return file;
}

/* Each flip by itself. The metas are left alone: LMDB has read them. */
struct bits {
    struct tool tool;
    struct file file;
    struct store_pages pages;
    MDB_txn *txn;
    struct content content;
    unsigned found, harmless;
};

static void try_bit(struct bits *bits, size_t bit)
{
    flip(&bits->file, bit);
    enum store_pages_end end = store_pages_look(&bits->pages, UINT32_MAX);
    if (end == STORE_PAGES_WHOLE) {
        expect_content(bits->txn, bits->tool.store->env.dbi, &bits->content);
        bits->harmless++;
    } else {
        assert_int_equal(end, STORE_PAGES_DAMAGED);
        bits->found++;
    }
    bits->pages.after.len = 0; /* from the beginning again */
    flip(&bits->file, bit);
}

static void test_bits(void **state)
{
    static struct bits bits;
    uint64_t random = 3;
    (void)state;
    tool_open(&bits.tool, false);
    for (unsigned round = 0; round < 6; round++)
        change(&bits.tool, &random, 150);
    bits.file = open_file(&bits.tool);
    const struct store_env *env = &bits.tool.store->env;
    store_pages_init(&bits.pages, env, NULL);
    assert_int_equal(mdb_txn_begin(env->lmdb, NULL, MDB_RDONLY, &bits.txn), 0);
    read_content(bits.txn, env->dbi, &bits.content);
    assert_true(bits.content.count > 100);
    const size_t page_bits = (size_t)8 * 4096, pages = bits.file.bytes * 8 / page_bits;
    for (size_t page = 2; page < pages; page++) {
        uint8_t head[16];
        assert_int_equal(pread(bits.file.fd, head, sizeof head, (off_t)(page * 4096)), (ssize_t)sizeof head);
        /* all bits of heads, and of the first places of nodes; of branches more than of leaves */
        for (size_t bit = 0; bit < (head[10] == 1 ? 600u : 16u * 8 + 32); bit++)
            try_bit(&bits, page * page_bits + bit);
        for (unsigned i = 0; i < 10; i++)
            try_bit(&bits, page * page_bits + tool_below(&random, (uint32_t)page_bits));
    }
    assert_true(bits.found > 1000 && bits.harmless > 1000);
    expect_content(bits.txn, env->dbi, &bits.content);
    free_content(&bits.content);
    mdb_txn_abort(bits.txn);
    store_pages_deinit(&bits.pages);
    close(bits.file.fd);
    tool_close(&bits.tool);
}

/* ---- when it is looked at ---- */

static void told(void *context, const char *message)
{
    (void)context;
    _exit(strncmp(message, "damage: ", 8) == 0 && strstr(message, "relief rebuild") ? TOLD : 1);
}

/* How a child ends that opens the folder and looks at it at once, or on the thread. */
static int end_of_look(const char *dir, bool thread)
{
    pid_t child = fork();
    int status = 0;
    assert_true(child >= 0);
    if (child == 0) {
        struct store *store;
        struct store_options options = {.dir = dir, .map_bytes = (size_t)256 << 20};
        store_fatal_handler(told, NULL);
        if (store_open(&store, &options))
            _exit(2);
        if (!thread)
            store_scrub_now(store);
        if (store_scrub_start(store))
            _exit(3);
        if (thread) {
            pthread_join(store->scrub.thread, NULL);
            _exit(0);
        }
        store_close(store);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A branch that has lost its last child: LMDB sees nothing wrong in that. */
static void lose_child(const struct tool *tool)
{
    struct file file = open_file(tool);
    unsigned lost = 0;
    for (size_t page = 2; page < file.bytes / 4096; page++) {
        uint8_t head[16];
        assert_int_equal(pread(file.fd, head, sizeof head, (off_t)(page * 4096)), (ssize_t)sizeof head);
        if (head[10] != 1)
            continue;
        head[12] = (uint8_t)(head[12] - 2); /* `lower` is even, and more than 18 */
        assert_int_equal(pwrite(file.fd, head, sizeof head, (off_t)(page * 4096)), (ssize_t)sizeof head);
        lost++;
    }
    assert_true(lost > 0);
    close(file.fd);
}

static void test_when(void **state)
{
    struct tool tool;
    uint64_t random = 4;
    (void)state;
    tool_open(&tool, false);
    change(&tool, &random, 300);
    store_close(tool.store);
    assert_int_equal(end_of_look(tool.dir, false), 0);
    assert_int_equal(end_of_look(tool.dir, true), 0);
    lose_child(&tool);
    assert_int_equal(end_of_look(tool.dir, false), TOLD);
    assert_int_equal(end_of_look(tool.dir, true), TOLD);
    tool.store = NULL;
    tool_close(&tool);
}

/* A store is closed while it is looked at. */
static void test_stop(void **state)
{
    struct tool tool;
    uint64_t random = 5;
    (void)state;
    tool_open(&tool, false);
    change(&tool, &random, 300);
    assert_int_equal(store_scrub_start(tool.store), 0);
    change(&tool, &random, 300);
    tool_close(&tool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole), cmocka_unit_test(test_change_between_slices),
        cmocka_unit_test(test_bits),  cmocka_unit_test(test_when),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
