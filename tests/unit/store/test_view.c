/*
 * The contract of core_view: the same random operations on a store in memory and on one with LMDB below, at every stage
 * of flushing, against a sorted array.
 */
#include "tool.h"
#include "core/key.h"
#include <stdio.h>
#include <stdlib.h>

#define MODEL_MAX 8192
#define VALUE_MAX 6000

struct pair {
    char key[40];
    char *value;
    uint32_t len;
    uint64_t changed; /* the step of its last change */
    bool there;
};

struct model {
    struct pair pairs[MODEL_MAX]; /* by key; never taken out */
    uint32_t count;
    uint64_t step;
};

static struct pair *model_find(struct model *model, const char *key, bool make)
{
    uint32_t low = 0, high = model->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (strcmp(model->pairs[mid].key, key) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (low < model->count && strcmp(model->pairs[low].key, key) == 0) {
        return &model->pairs[low];
    }
    if (!make) {
        return NULL;
    }
    assert_true(model->count < MODEL_MAX);
    memmove(&model->pairs[low + 1], &model->pairs[low], (model->count++ - low) * sizeof(model->pairs[0]));
    memset(&model->pairs[low], 0, sizeof(model->pairs[0]));
    strcpy(model->pairs[low].key, key);
    return &model->pairs[low];
}

/* Keys without NUL, so that strcmp is their order. The first bytes are spaces that the index of holders does not watch.
 */
static unsigned rising; /* turns of a run: keys of requests and operations come near the greatest one (store/tops.h) */

static void random_key(char ret[40], uint64_t *seed)
{
    if (tool_below(seed, 3) == 0) {
        static const int tables[] = {RELIEF_TABLE_request, RELIEF_TABLE_dispatch, RELIEF_TABLE_op};
        sprintf(ret, "%c%04u", CORE_KEY_RECORD + tables[tool_below(seed, 3)], rising / 4 + tool_below(seed, 40));
        return;
    }
    static const char *const prefixes[] = {"\x16"
                                           "aa.",
                                           "\x16"
                                           "ab.",
                                           "\x81"
                                           "q",
                                           "\x83", "\xf0"};
    sprintf(ret, "%s%0*u", prefixes[tool_below(seed, 5)], (int)tool_below(seed, 2) * 6 + 1, tool_below(seed, 300));
}

static struct core_key key_of(const char *text)
{
    struct core_key key = {.len = (uint32_t)strlen(text)};
    memcpy(key.data, text, key.len);
    return key;
}

static void check_value(const struct pair *pair, struct relief_str value)
{
    if (!pair || !pair->there) {
        assert_null(value.data);
        return;
    }
    assert_non_null(value.data);
    assert_int_equal(value.len, pair->len);
    assert_memory_equal(value.data, pair->value, pair->len);
}

static void model_set(struct model *model, const char *key, struct relief_str value)
{
    struct pair *pair = model_find(model, key, true);
    char *copy = malloc(VALUE_MAX + 1);
    assert_non_null(copy);
    if (value.len > 0) {
        memcpy(copy, value.data, value.len);
    }
    free(pair->value);
    pair->value = copy;
    pair->len = value.len;
    pair->there = value.data != NULL;
    pair->changed = ++model->step;
}

static void random_put(struct core_view *view, struct model *model, uint64_t *seed)
{
    static char data[VALUE_MAX];
    char text[40], other[40];
    random_key(text, seed);
    struct core_key key = key_of(text);
    struct relief_str value = {data, 0};
    switch (tool_below(seed, 8)) {
    case 0:
    case 1:
        value = RELIEF_STR_NONE;
        break;
    case 2: { /* a value of the map itself, or a part of it */
        random_key(other, seed);
        struct core_key from = key_of(tool_below(seed, 2) ? other : text);
        value = view->ops->get(view, &from);
        if (value.len > 1) {
            uint32_t skip = tool_below(seed, value.len);
            value.data += skip;
            value.len -= skip;
        }
        break;
    }
    default:
        value.len = tool_below(seed, 40) == 0 ? tool_below(seed, VALUE_MAX) : tool_below(seed, 120);
        for (uint32_t i = 0; i < value.len; i++) {
            data[i] = (char)tool_random(seed);
        }
    }
    model_set(model, text, value); /* first: the put may end the value */
    view->ops->put(view, &key, value);
    check_value(model_find(model, text, false), view->ops->get(view, &key));
}

static void random_gets(struct core_view *view, struct model *model, uint64_t *seed)
{
    char text[8][40];
    struct relief_str values[8];
    for (unsigned i = 0; i < 8; i++) { /* all stay valid until the next put */
        random_key(text[i], seed);
        struct core_key key = key_of(text[i]);
        values[i] = view->ops->get(view, &key);
    }
    for (unsigned i = 0; i < 8; i++) {
        check_value(model_find(model, text[i], false), values[i]);
    }
}

/* A whole scan, compared pair by pair. */
static void check_scan(struct core_view *view, const struct model *model, const char *prefix, const char *after)
{
    struct core_key start = key_of(prefix), from = key_of(after);
    struct core_cursor cursor;
    struct relief_str key, value;
    view->ops->scan(view, &cursor, &start, from.len > 0 ? &from : NULL);
    for (uint32_t i = 0; i < model->count; i++) {
        const struct pair *pair = &model->pairs[i];
        if (!pair->there || strncmp(pair->key, prefix, strlen(prefix)) != 0 ||
            (after[0] && strcmp(pair->key, after) <= 0)) {
            continue;
        }
        assert_true(view->ops->next(view, &cursor, &key, &value));
        assert_int_equal(key.len, strlen(pair->key));
        assert_memory_equal(key.data, pair->key, key.len);
        check_value(pair, value);
    }
    assert_false(view->ops->next(view, &cursor, &key, &value));
    assert_false(view->ops->next(view, &cursor, &key, &value)); /* the end stays the end */
}

static void random_scan(struct core_view *view, struct model *model, uint64_t *seed)
{
    static const char *const prefixes[] = {"",
                                           "\x16",
                                           "\x16"
                                           "aa.",
                                           "\x16"
                                           "ab.1",
                                           "\x81",
                                           "\x83"
                                           "0",
                                           "\xf0",
                                           "\x84"};
    char after[40] = "";
    if (tool_below(seed, 2)) {
        random_key(after, seed);
    }
    check_scan(view, model, prefixes[tool_below(seed, 8)], after);
}

/* Scans with puts between the steps: in order, nothing twice, and all that did not change meanwhile. */
static void scans_with_puts(struct core_view *view, struct model *model, uint64_t *seed)
{
    enum { SCANS = 20 }; /* more than keep their place */
    struct core_cursor cursors[SCANS];
    char last[SCANS][40];
    uint32_t at[SCANS] = {0};
    bool ended[SCANS] = {false};
    uint64_t began = model->step;
    for (unsigned i = 0; i < SCANS; i++) {
        struct core_key prefix = key_of(i % 2 ? "\x16" : "");
        view->ops->scan(view, &cursors[i], &prefix, NULL);
        last[i][0] = '\0';
    }
    for (unsigned turn = 0; turn < 600; turn++) {
        unsigned i = tool_below(seed, SCANS);
        struct relief_str key, value;
        if (ended[i]) {
            continue;
        }
        char text[40] = "\xff";
        ended[i] = !view->ops->next(view, &cursors[i], &key, &value);
        if (!ended[i]) {
            assert_true(key.len < sizeof(text));
            memcpy(text, key.data, key.len);
            text[key.len] = '\0';
            assert_true(strcmp(text, last[i]) > 0);
            check_value(model_find(model, text, false), value);
        }
        for (; at[i] < model->count && strcmp(model->pairs[at[i]].key, last[i]) <= 0; at[i]++) {
        }
        for (uint32_t k = 0; k < model->count; k++) { /* nothing that stood there all the time was passed over */
            const struct pair *pair = &model->pairs[k];
            bool inside =
                strcmp(pair->key, last[i]) > 0 && strcmp(pair->key, text) < 0 && (i % 2 == 0 || pair->key[0] == '\x16');
            assert_false(inside && pair->there && pair->changed <= began);
        }
        strcpy(last[i], text);
        if (tool_below(seed, 3) == 0) {
            random_put(view, model, seed);
        }
    }
}

struct stages {
    bool frozen;  /* an overlay waits for the log */
    bool writing; /* the thread has it */
    struct store_mark mark;
};

/* Moves the flushing one stage on: nothing, frozen, being written, done. */
static void advance(struct tool *tool, struct stages *stages)
{
    struct store_mark mark = tool_batch(tool);
    if (!tool->dir[0]) {
        return;
    }
    if (!stages->frozen) {
        store_flush_to(tool->store, mark.seq);
        stages->mark = mark;
        stages->frozen = true;
    } else if (!stages->writing) {
        store_durable(tool->store, &stages->mark, 0);
        stages->writing = true;
    } else {
        tool_settle(tool);
        assert_int_equal(store_mark(tool->store).seq, stages->mark.seq);
        stages->frozen = stages->writing = false;
    }
}

static void run(bool memory, uint64_t seed)
{
    struct tool tool;
    struct stages stages = {0};
    struct model *model = calloc(1, sizeof(*model));
    tool_open(&tool, memory);
    for (unsigned turn = 0; turn < 1500; turn++) {
        rising = turn;
        struct core_view *view = store_view(tool.store);
        for (unsigned i = tool_below(&seed, 40); i > 0; i--) {
            random_put(view, model, &seed);
        }
        random_gets(view, model, &seed);
        random_scan(view, model, &seed);
        if (turn % 100 == 0) {
            scans_with_puts(view, model, &seed);
        }
        if (tool_below(&seed, 6) == 0) {
            advance(&tool, &stages);
            random_scan(view, model, &seed);
        }
        if (!memory && turn % 300 == 299) {
            while (stages.frozen) {
                advance(&tool, &stages);
            }
            tool_flush(&tool);
            tool_reopen(&tool);
            check_scan(store_view(tool.store), model, "", "");
        }
    }
    check_scan(store_view(tool.store), model, "", "");
    while (stages.frozen) {
        advance(&tool, &stages);
    }
    tool_close(&tool);
    for (uint32_t i = 0; i < model->count; i++) {
        free(model->pairs[i].value);
    }
    free(model);
}

static void test_memory(void **state)
{
    (void)state;
    run(true, 11);
}

static void test_lmdb(void **state)
{
    (void)state;
    run(false, 12);
    run(false, 13);
}

/* A queue that is worked off from its front: the scan from the start stays right, before and after flushes. */
static void queue(bool memory)
{
    struct tool tool;
    tool_open(&tool, memory);
    struct core_view *view = store_view(tool.store);
    struct core_key prefix = tool_key(0x83, "");
    char text[24];
    for (unsigned i = 0; i < 3000; i++) {
        sprintf(text, "%06u", i);
        struct core_key key = tool_key(0x83, text);
        tool_put(view, &key, "x", 1);
    }
    if (!memory) {
        tool_flush(&tool);
    }
    for (unsigned i = 0; i < 3000; i++) {
        struct core_cursor cursor;
        struct relief_str key, value;
        view->ops->scan(view, &cursor, &prefix, NULL);
        assert_true(view->ops->next(view, &cursor, &key, &value));
        sprintf(text, "%06u", i);
        assert_memory_equal(key.data + 1, text, 6);
        struct core_key first = tool_key(0x83, text);
        view->ops->put(view, &first, RELIEF_STR_NONE);
        if (i % 500 == 400) { /* something comes in before the front, and goes */
            struct core_key before = tool_key(0x83, "000100");
            tool_put(view, &before, "y", 1);
            view->ops->scan(view, &cursor, &prefix, NULL);
            assert_true(view->ops->next(view, &cursor, &key, &value));
            assert_memory_equal(key.data + 1, "000100", 6);
            view->ops->put(view, &before, RELIEF_STR_NONE);
        }
        if (!memory && i % 1000 == 700) {
            tool_flush(&tool);
        }
    }
    struct core_cursor cursor;
    struct relief_str key, value;
    for (unsigned turn = 0; turn < 2; turn++) {
        view->ops->scan(view, &cursor, &prefix, NULL);
        assert_false(view->ops->next(view, &cursor, &key, &value));
    }
    struct core_key late = tool_key(0x83, "9");
    tool_put(view, &late, "z", 1);
    view->ops->scan(view, &cursor, &prefix, NULL);
    assert_true(view->ops->next(view, &cursor, &key, &value));
    tool_close(&tool);
}

static void test_queue(void **state)
{
    (void)state;
    queue(true);
    queue(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_lmdb),
        cmocka_unit_test(test_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
