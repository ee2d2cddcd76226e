/* Helpers of the store's tests (tool.h). */
#include "tool.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* splitmix64 */
uint64_t tool_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void note_flushed(void *context, int error)
{
    struct tool *tool = context;
    pthread_mutex_lock(&tool->lock);
    tool->flushed++;
    tool->error = error;
    pthread_cond_broadcast(&tool->change);
    pthread_mutex_unlock(&tool->lock);
}

static void open_store(struct tool *tool)
{
    struct store_options options = {.dir = tool->dir[0] ? tool->dir : NULL,
                                    .map_bytes = (size_t)256 << 20,
                                    .flushed = note_flushed,
                                    .context = tool};
    assert_int_equal(store_open(&tool->store, &options), 0);
}

void tool_open(struct tool *tool, bool memory)
{
    *tool = (struct tool){0};
    pthread_mutex_init(&tool->lock, NULL);
    pthread_cond_init(&tool->change, NULL);
    if (!memory) {
        strcpy(tool->dir, "/tmp/relief-store-XXXXXX");
        assert_non_null(mkdtemp(tool->dir));
    }
    open_store(tool);
}

void tool_reopen(struct tool *tool)
{
    store_close(tool->store);
    tool->noted = tool->flushed; /* of the store that is gone */
    open_store(tool);
}

void tool_close(struct tool *tool)
{
    store_close(tool->store);
    if (tool->dir[0]) {
        char path[96];
        const char *const names[] = {"data.mdb", "lock.mdb"};
        for (unsigned i = 0; i < 2; i++) {
            snprintf(path, sizeof(path), "%s/%s", tool->dir, names[i]);
            unlink(path);
        }
        rmdir(tool->dir);
    }
    pthread_mutex_destroy(&tool->lock);
    pthread_cond_destroy(&tool->change);
}

struct store_mark tool_batch(struct tool *tool)
{
    struct store_mark mark = {.seq = ++tool->seq, .time = (int64_t)tool->seq * 1000};
    memset(mark.hash, (int)(mark.seq % 251) + 1, sizeof(mark.hash));
    store_batch_end(tool->store, mark.seq, mark.time);
    return mark;
}

unsigned tool_flushed(struct tool *tool)
{
    pthread_mutex_lock(&tool->lock);
    unsigned flushed = tool->flushed;
    pthread_mutex_unlock(&tool->lock);
    return flushed;
}

void tool_settle(struct tool *tool)
{
    pthread_mutex_lock(&tool->lock);
    while (tool->flushed == tool->noted) {
        pthread_cond_wait(&tool->change, &tool->lock);
    }
    tool->noted = tool->flushed;
    assert_int_equal(tool->error, 0);
    pthread_mutex_unlock(&tool->lock);
    assert_int_equal(store_flush_done(tool->store), 0);
}

void tool_flush(struct tool *tool)
{
    struct store_mark mark = tool_batch(tool);
    store_flush_to(tool->store, mark.seq);
    store_durable(tool->store, &mark, 0);
    while (store_mark(tool->store).seq < mark.seq) { /* an older overlay may go first */
        tool_settle(tool);
    }
}

struct core_key tool_key(unsigned space, const char *text)
{
    struct core_key key = {.len = 1};
    key.data[0] = (uint8_t)space;
    memcpy(key.data + 1, text, strlen(text));
    key.len += (uint32_t)strlen(text);
    return key;
}

void tool_put(struct core_view *view, const struct core_key *key, const void *data, size_t len)
{
    view->ops->put(view, key, (struct relief_str){data, (uint32_t)len});
}

struct relief_str tool_get(struct core_view *view, const char *text)
{
    struct core_key key = tool_key(0x81, text);
    return view->ops->get(view, &key);
}

void tool_set(struct core_view *view, const char *text, const char *value)
{
    struct core_key key = tool_key(0x81, text);
    view->ops->put(view, &key, relief_str_of(value));
}

void tool_assert_value(struct relief_str value, const char *text)
{
    assert_true(relief_str_eq(value, relief_str_of(text)));
}
