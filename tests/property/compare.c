/*
 * The comparison: each record of the model is looked up in the core's state and has to be the same bytes; where it is
 * not, both are shown as canonical JSON. The number of records in each table says that the core has none beside.
 */
#include "compare.h"
#include "core/key.h"
#include <stdio.h>

int compare_init(struct compare *compare)
{
    *compare = (struct compare){0};
    return relief_arena_init(&compare->arena, (size_t)1 << 26);
}

void compare_deinit(struct compare *compare)
{
    relief_buf_deinit(&compare->one);
    relief_buf_deinit(&compare->two);
    relief_arena_deinit(&compare->arena);
}

bool compare_record(struct compare *compare, const struct relief_shape *shape, const char *what, const void *expected,
                    const void *got)
{
    relief_buf_clear(&compare->one);
    relief_buf_clear(&compare->two);
    relief_json_record(&compare->one, shape, expected, NULL);
    relief_json_record(&compare->two, shape, got, NULL);
    if (compare->one.len == compare->two.len && memcmp(compare->one.data, compare->two.data, compare->one.len) == 0)
        return true;
    fprintf(stderr, "%s differs\n  expected: %.*s\n  got:      %.*s\n", what, (int)compare->one.len, compare->one.data,
            (int)compare->two.len, compare->two.data);
    return false;
}

/* Room for any record, and its bytes in the core's state. */
static bool same_record(struct compare *compare, struct core_view *view, enum relief_table table, const void *expected)
{
    const struct relief_table_info *info = &relief_tables[table];
    struct core_key key;
    core_key_record(&key, table, expected);
    relief_buf_clear(&compare->one);
    relief_record_encode(&compare->one, info->shape, expected);
    struct relief_str bytes = view->ops->get(view, &key);
    if (bytes.data && bytes.len == compare->one.len && memcmp(bytes.data, compare->one.data, bytes.len) == 0)
        return true;
    union relief_any_record found;
    memcpy(&found, expected, info->shape->size);
    relief_arena_reset(&compare->arena);
    if (core_find(view, table, &compare->arena, &found))
        return compare_record(compare, info->shape, info->name, expected, &found);
    relief_buf_clear(&compare->one);
    relief_json_record(&compare->one, info->shape, expected, NULL);
    fprintf(stderr, "%s is not there\n  expected: %.*s\n", info->name, (int)compare->one.len, compare->one.data);
    return false;
}

static void show_table(struct compare *compare, struct core_view *view, enum relief_table table)
{
    struct core_key prefix;
    struct core_cursor cursor;
    struct relief_str key, value;
    core_key_table(&prefix, table);
    view->ops->scan(view, &cursor, &prefix, NULL);
    for (unsigned shown = 0; shown < 5 && view->ops->next(view, &cursor, &key, &value); shown++) {
        union relief_any_record record;
        relief_arena_reset(&compare->arena);
        relief_record_decode(relief_tables[table].shape, value, &compare->arena, &record);
        relief_buf_clear(&compare->one);
        relief_json_record(&compare->one, relief_tables[table].shape, &record, NULL);
        fprintf(stderr, "  %.*s\n", (int)compare->one.len, compare->one.data);
    }
}

bool compare_state(struct compare *compare, struct model *m, struct core_view *view)
{
    bool same = true;
#define T(name, cap)                                                                                                   \
    for (unsigned i = 0; i < m->name##_count; i++)                                                                     \
        same &= same_record(compare, view, RELIEF_TABLE_##name, &m->name[i]);                                          \
    if (core_count(view, RELIEF_TABLE_##name) != m->name##_count) {                                                    \
        same = false;                                                                                                  \
        fprintf(stderr, "table " #name ": expected %u records, got %lld\n", m->name##_count,                           \
                (long long)core_count(view, RELIEF_TABLE_##name));                                                     \
        show_table(compare, view, RELIEF_TABLE_##name);                                                                \
    }
    MODEL_TABLES(T)
#undef T
    int64_t open = 0;
    for (unsigned i = 0; i < m->request_count; i++)
        open += m->request[i].open > 0;
    if (core_count(view, RELIEF_TABLE_COUNT) != open) {
        same = false;
        fprintf(stderr, "requests with something open: expected %lld, got %lld\n", (long long)open,
                (long long)core_count(view, RELIEF_TABLE_COUNT));
    }
    return same;
}

bool compare_views(struct core_view *a, struct core_view *b)
{
    struct core_key all = {.len = 0};
    struct core_cursor one, two;
    struct relief_str key_a, value_a, key_b, value_b;
    a->ops->scan(a, &one, &all, NULL);
    b->ops->scan(b, &two, &all, NULL);
    for (;;) {
        bool more_a = a->ops->next(a, &one, &key_a, &value_a), more_b = b->ops->next(b, &two, &key_b, &value_b);
        if (!more_a && !more_b)
            return true;
        if (!more_a || !more_b || !relief_str_eq(key_a, key_b) || !relief_str_eq(value_a, value_b)) {
            struct relief_str key = more_a ? key_a : key_b;
            fprintf(stderr, "applying the outcomes gives another state, near key");
            for (uint32_t i = 0; i < key.len; i++)
                fprintf(stderr, key.data[i] >= ' ' && key.data[i] < 127 ? "%c" : "\\x%02x", (unsigned char)key.data[i]);
            fprintf(stderr, "\n");
            return false;
        }
    }
}
