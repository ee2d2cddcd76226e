/* The overlay by itself: table and tree against a sorted list, with keys that share long beginnings. */
#include "tool.h"
#include "store/hash.h"
#include "store/overlay.h"
#include <stdio.h>
#include <stdlib.h>

#define KEYS 6000

struct model {
    char key[48];
    uint32_t len;
    bool there;
    uint64_t stamp;
    uint32_t bytes;
};

static struct model models[KEYS];

static int by_key(const void *a, const void *b)
{
    const struct model *x = a, *y = b;
    return relief_str_cmp((struct relief_str){x->key, x->len}, (struct relief_str){y->key, y->len});
}

static void make_keys(uint64_t *seed)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        struct model *model = &models[i];
        memset(model, 0, sizeof(*model));
        switch (tool_below(seed, 4)) {
        case 0:
            model->len = (uint32_t)sprintf(model->key,
                                           "\x15"
                                           "city%02u kind lot%u",
                                           tool_below(seed, 20), i);
            break;
        case 1:
            model->len = (uint32_t)sprintf(model->key,
                                           "\x19"
                                           "request-of-a-long-name-%08u",
                                           i);
            break;
        case 2: /* numbers with zeros in them */
            model->key[0] = '\x83';
            model->key[5] = (char)(i >> 8);
            model->key[6] = (char)i;
            model->len = 7 + tool_below(seed, 3);
            model->key[9] = (char)tool_below(seed, 2);
            model->len = model->len > 7 ? 10 : 7;
            break;
        default:
            model->len = (uint32_t)sprintf(model->key, "%u", i);
            model->len -= model->len > 3 && tool_below(seed, 9) == 0;
        }
    }
    qsort(models, KEYS, sizeof(models[0]), by_key);
    for (uint32_t i = 1, run = 0; i < KEYS; i++) { /* each key once */
        if (by_key(&models[run], &models[i]) == 0) {
            models[i].len = (uint32_t)sprintf(models[i].key, "twice%u", i);
        } else {
            run = i;
        }
    }
    qsort(models, KEYS, sizeof(models[0]), by_key);
}

static struct relief_str key_of(const struct model *model)
{
    return (struct relief_str){model->key, model->len};
}

static uint64_t hash_of(const struct model *model)
{
    return store_hash(77, model->key, model->len);
}

static void check_entry(const struct store_entry *entry, const struct model *model)
{
    assert_true(relief_str_eq(store_entry_key(entry), key_of(model)));
    assert_int_equal(entry->value_len, model->bytes);
    for (uint32_t i = 0; i < model->bytes; i++) {
        assert_int_equal((uint8_t)entry->value[i], (uint8_t)(model->stamp + i));
    }
}

static void check_all(const struct store_overlay *overlay, uint64_t *seed)
{
    struct store_pos pos = store_overlay_seek(overlay, RELIEF_STR(""), false);
    uint32_t count = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct store_entry *entry = store_overlay_find(overlay, hash_of(&models[i]), key_of(&models[i]));
        assert_int_equal(entry != NULL, models[i].there);
        if (models[i].there) {
            assert_ptr_equal(store_overlay_at(pos), entry);
            check_entry(entry, &models[i]);
            pos = store_overlay_step(pos);
            count++;
        }
    }
    assert_null(store_overlay_at(pos));
    assert_int_equal(overlay->count, count);
    for (uint32_t turn = 0; turn < 200; turn++) { /* from anywhere */
        uint32_t at = tool_below(seed, KEYS), next = at;
        bool after = tool_below(seed, 2) == 0;
        next += after;
        while (next < KEYS && !models[next].there) {
            next++;
        }
        struct store_entry *entry = store_overlay_at(store_overlay_seek(overlay, key_of(&models[at]), after));
        if (next == KEYS) {
            assert_null(entry);
        } else {
            check_entry(entry, &models[next]);
        }
    }
}

static void set_one(struct store_overlay *overlay, struct model *model, uint64_t *seed)
{
    static char data[4096];
    model->bytes = tool_below(seed, 20) == 0 ? tool_below(seed, 4000) : tool_below(seed, 80);
    model->stamp = tool_random(seed);
    for (uint32_t i = 0; i < model->bytes; i++) {
        data[i] = (char)(model->stamp + i);
    }
    struct store_entry *entry = store_overlay_find(overlay, hash_of(model), key_of(model));
    store_overlay_set(overlay, entry, hash_of(model), key_of(model), (struct relief_str){data, model->bytes});
    model->there = true;
}

static void remove_one(struct store_overlay *overlay, struct model *model)
{
    struct store_entry *entry = store_overlay_find(overlay, hash_of(model), key_of(model));
    assert_int_equal(entry != NULL, model->there);
    if (entry) {
        store_overlay_remove(overlay, entry);
        model->there = false;
    }
}

static void test_random(void **state)
{
    (void)state;
    uint64_t seed = 1;
    struct store_overlay overlay;
    store_overlay_init(&overlay);
    for (uint32_t generation = 0; generation < 4; generation++) {
        make_keys(&seed);
        for (uint32_t phase = 0; phase < 6; phase++) {
            uint32_t sets = phase % 2 == 0 ? 9 : 1; /* grow, then shrink almost to nothing */
            for (uint32_t turn = 0; turn < 12000; turn++) {
                struct model *model = &models[tool_below(&seed, KEYS)];
                if (tool_below(&seed, 10) < sets) {
                    set_one(&overlay, model, &seed);
                } else {
                    remove_one(&overlay, model);
                }
            }
            check_all(&overlay, &seed);
        }
        for (uint32_t i = 0; i < KEYS; i++) {
            remove_one(&overlay, &models[i]);
        }
        check_all(&overlay, &seed);
        store_overlay_clear(&overlay);
    }
    store_overlay_deinit(&overlay);
    store_overlay_deinit(&overlay); /* a second time is harmless */
}

static void test_ascending(void **state)
{
    (void)state;
    uint64_t seed = 2;
    struct store_overlay overlay;
    store_overlay_init(&overlay);
    make_keys(&seed);
    for (uint32_t i = 0; i < KEYS; i++) {
        set_one(&overlay, &models[i], &seed);
    }
    check_all(&overlay, &seed);
    for (uint32_t i = 0; i < KEYS; i++) { /* a queue: from the front */
        remove_one(&overlay, &models[i]);
        if (i % 1000 == 0) {
            check_all(&overlay, &seed);
        }
    }
    check_all(&overlay, &seed);
    store_overlay_deinit(&overlay);
}

/* Rewriting and replacing for ever does not need memory for ever. */
static void test_memory_is_reused(void **state)
{
    (void)state;
    uint64_t seed = 3;
    struct store_overlay overlay;
    store_overlay_init(&overlay);
    make_keys(&seed);
    size_t bound = 0;
    for (uint32_t turn = 0; turn < 100000; turn++) {
        struct model *model = &models[tool_below(&seed, 50)];
        set_one(&overlay, model, &seed);
        if (turn % 3 == 0) {
            remove_one(&overlay, model);
        }
        bound = overlay.bytes > bound ? overlay.bytes : bound;
    }
    assert_true(bound < 1024 * 1024);
    store_overlay_deinit(&overlay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_ascending),
        cmocka_unit_test(test_memory_is_reused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
