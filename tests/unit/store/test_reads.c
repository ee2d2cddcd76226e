/*
 * What is read, whatever the cache knows of it: random puts and reads through every stage of flushing, through rewinds
 * and reopening, against what stood there at the entry that the store says it is at; and snapshots beside them, which
 * stay what they were.
 */
#include "tool.h"
#include <stdio.h>
#include <stdlib.h>
#include "store/cache.h"

#define KEYS      300u
#define TURNS     1500u
#define VALUE_MAX (STORE_CACHE_VALUE_MAX + 500u) /* some are too long for the cache */

/* What stands under each key: 0 nothing, else what the value is made of. */
struct content {
    uint32_t of[KEYS];
};

struct reading {
    struct tool tool;
    struct content now, *at; /* at: of each entry */
    uint64_t durable, asked; /* entries; asked: a flush up to there is under way */
    uint32_t made;
    uint64_t seed;
    struct store_snapshot *snapshot;
    uint64_t snapshot_seq;
};

static uint32_t value_of(uint32_t of, char ret[VALUE_MAX])
{
    uint32_t len = of % 5 ? of % 60 : of * 37 % VALUE_MAX;
    for (uint32_t i = 0; i < len; i++)
        ret[i] = (char)(of * 31 + i);
    return len;
}

static struct core_key key_of(uint32_t i)
{
    char text[16];
    snprintf(text, sizeof text, "k%03u", i);
    return tool_key(i % 2 ? 0x81 : 0x16, text);
}

static void check_one(struct core_view *view, const struct content *content, uint32_t i)
{
    char text[VALUE_MAX];
    struct core_key key = key_of(i);
    struct relief_str value = view->ops->get(view, &key);
    assert_int_equal(value.data != NULL, content->of[i] != 0);
    if (value.data)
        assert_true(relief_str_eq(value, (struct relief_str){text, value_of(content->of[i], text)}));
}

static void check_all(struct core_view *view, const struct content *content)
{
    for (uint32_t i = 0; i < KEYS; i++)
        check_one(view, content, i);
}

/* Near to each other, so that the same keys are read, put and taken away again and again. */
static uint32_t some_key(struct reading *reading)
{
    return tool_below(&reading->seed, tool_below(&reading->seed, 4) ? 20 : KEYS);
}

static void put_some(struct reading *reading)
{
    struct core_view *view = store_view(reading->tool.store);
    char text[VALUE_MAX];
    for (uint32_t n = tool_below(&reading->seed, 20); n > 0; n--) {
        uint32_t i = some_key(reading), of = tool_below(&reading->seed, 3) ? ++reading->made : 0;
        struct core_key key = key_of(i);
        view->ops->put(view, &key, of ? (struct relief_str){text, value_of(of, text)} : RELIEF_STR_NONE);
        reading->now.of[i] = of;
        check_one(view, &reading->now, i);
        check_one(view, &reading->now, some_key(reading));
    }
    reading->at[tool_batch(&reading->tool).seq] = reading->now;
}

static void settle(struct reading *reading)
{
    while (reading->asked && store_mark(reading->tool.store).seq < reading->asked)
        tool_settle(&reading->tool);
    reading->asked = 0;
}

static struct store_mark mark_of(uint64_t seq)
{
    struct store_mark mark = {.seq = seq, .time = (int64_t)seq * 1000};
    memset(mark.hash, (int)(seq % 251) + 1, sizeof mark.hash);
    return mark;
}

static void make_durable(struct reading *reading)
{
    struct store_mark mark = mark_of(reading->tool.seq);
    reading->durable = mark.seq;
    store_durable(reading->tool.store, &mark, 0);
}

static void flush(struct reading *reading)
{
    settle(reading);
    store_flush_to(reading->tool.store, reading->tool.seq);
    reading->asked = reading->tool.seq;
    make_durable(reading);
}

/* What is not durable never was; what is durable and not in LMDB would come from the log again. */
static void rewind_all(struct reading *reading)
{
    struct tool *tool = &reading->tool;
    assert_int_equal(store_rewind(tool->store, reading->durable), 0);
    uint64_t seq = store_mark(tool->store).seq;
    assert_true(seq <= reading->durable);
    reading->now = reading->at[seq];
    tool->seq = reading->durable = seq;
    tool->noted = tool_flushed(tool);
    reading->asked = 0;
}

static void look_at_snapshot(struct reading *reading)
{
    struct store_mark mark;
    if (reading->snapshot) {
        check_all(store_snapshot_view(reading->snapshot), &reading->at[reading->snapshot_seq]);
        store_snapshot_close(reading->snapshot);
        reading->snapshot = NULL;
    } else {
        assert_int_equal(store_snapshot_open(&reading->snapshot, reading->tool.store, &mark), 0);
        reading->snapshot_seq = mark.seq;
    }
}

static void run(uint64_t seed)
{
    struct reading reading = {.seed = seed};
    reading.at = calloc(TURNS + 2, sizeof *reading.at);
    assert_non_null(reading.at);
    tool_open(&reading.tool, false);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        put_some(&reading);
        switch (tool_below(&reading.seed, 12)) {
        case 0:
        case 1:
            make_durable(&reading);
            break;
        case 2:
            flush(&reading);
            break;
        case 3:
            settle(&reading);
            break;
        case 4:
            rewind_all(&reading);
            check_all(store_view(reading.tool.store), &reading.now);
            break;
        case 5:
            if (!reading.snapshot && tool_below(&reading.seed, 4) == 0) {
                flush(&reading);
                settle(&reading);
                tool_reopen(&reading.tool);
                check_all(store_view(reading.tool.store), &reading.now);
                break;
            }
            if (!reading.snapshot) /* what stood there before it is asked for again must be the entry that it is of */
                settle(&reading);
            look_at_snapshot(&reading);
            break;
        default:
            check_one(store_view(reading.tool.store), &reading.now, some_key(&reading));
        }
    }
    check_all(store_view(reading.tool.store), &reading.now);
    if (reading.snapshot)
        look_at_snapshot(&reading);
    settle(&reading);
    tool_close(&reading.tool);
    free(reading.at);
}

static void test_reads(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
