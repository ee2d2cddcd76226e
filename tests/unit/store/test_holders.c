/*
 * Bits of holders and marks in a tree against what they stand for, while holders come and go and cities leave and join.
 */
#include "tool.h"
#include "core/geo.h"
#include "store/holders.h"
#include <stdlib.h>

#define CITIES 1200u

struct map {
    struct store_world world; /* places only */
    struct store_kd *tree;
    struct store_holders *holders;
    struct store_marks *marks;
    uint64_t seed;
    uint32_t cities;
    bool live[CITIES], active[CITIES], left[CITIES];
};

static void map_open(struct map *map, uint64_t seed, uint32_t of_hundred)
{
    struct store_kd_place *places = calloc(CITIES, sizeof(*places));
    *map = (struct map){.seed = seed, .cities = seed % 3 ? 1 + (uint32_t)(seed * 37 % CITIES) : CITIES};
    map->world.cities = calloc(CITIES, sizeof(*map->world.cities));
    assert_non_null(places);
    assert_non_null(map->world.cities);
    map->holders = store_holders_new(map->cities / 2);
    for (uint32_t i = 0; i < map->cities; i++) {
        struct store_city *city = &map->world.cities[i];
        int64_t lat = (int64_t)tool_below(&map->seed, 1 + (uint32_t)(seed % 180) * 1000000) - 90000000;
        core_geo_point(lat, (int64_t)tool_below(&map->seed, 360000000) - 180000000, city->xyz);
        places[i] = (struct store_kd_place){.city = i, .region = 1 + i % 7};
        memcpy(places[i].xyz, city->xyz, sizeof(city->xyz));
        if (tool_below(&map->seed, 100) < of_hundred) {
            map->live[i] = true;
            map->active[i] = tool_below(&map->seed, 2);
            assert_true(store_holders_put(map->holders, i, true, map->active[i]));
            assert_false(store_holders_put(map->holders, i, true, map->active[i]));
        }
    }
    map->tree = store_kd_new(places, map->cities);
    map->marks = store_marks_new(map->tree, map->holders, &map->world);
    free(places);
}

static void map_close(struct map *map)
{
    store_kd_unref(map->tree); /* marks hold it */
    store_marks_unref(map->marks);
    store_holders_unref(map->holders);
    free(map->world.cities);
}

struct found {
    bool live, active, left;
};

/* Of the range [low, high): what is there, against the mark of its middle, its box and its regions. */
static struct found check_range(const struct map *map, uint32_t low, uint32_t high)
{
    struct found found = {0};
    if (low >= high) {
        return found;
    }
    uint32_t middle = store_kd_middle(low, high);
    const struct store_kd_node *node = &map->tree->nodes[middle];
    struct found left = check_range(map, low, middle), right = check_range(map, middle + 1, high);
    found.left = left.left || right.left || map->left[node->city];
    found.live = left.live || right.live || (map->live[node->city] && !node->gone);
    found.active = left.active || right.active || (map->active[node->city] && !node->gone);
    if (found.left) { /* a mark may stay behind one that left, never lack */
        assert_true(!found.live || store_bit(map->marks->live, middle));
        assert_true(!found.active || store_bit(map->marks->active, middle));
    } else {
        assert_int_equal(found.live, store_bit(map->marks->live, middle));
        assert_int_equal(found.active, store_bit(map->marks->active, middle));
    }
    for (uint32_t i = low; i < high; i++) {
        const double *xyz = map->world.cities[map->tree->nodes[i].city].xyz;
        assert_true(map->tree->nodes[i].region >= node->region_least &&
                    map->tree->nodes[i].region <= node->region_most);
        for (unsigned axis = 0; axis < 3; axis++) {
            assert_true((double)node->least[axis] <= xyz[axis] && xyz[axis] <= (double)node->most[axis]);
        }
    }
    return found;
}

static void check(const struct map *map)
{
    struct store_kd_range path[STORE_KD_DEPTH_MAX];
    check_range(map, 0, map->tree->count);
    for (uint32_t i = 0; i < map->cities; i++) {
        uint32_t depth = store_kd_path(map->tree, map->world.cities[i].xyz, i, path);
        assert_int_equal(store_holders_have(map->holders, i, true), map->live[i]);
        assert_int_equal(store_holders_have(map->holders, i, false), map->active[i]);
        if (map->left[i]) {
            assert_int_equal(depth, 0);
        } else {
            assert_true(depth > 0);
            assert_int_equal(store_kd_city(map->tree, store_kd_middle(path[depth - 1].low, path[depth - 1].high)), i);
        }
    }
    assert_false(store_holders_have(map->holders, map->cities + 100000, true));
}

static void test_puts(void **state)
{
    static struct map map;
    (void)state;
    for (uint64_t seed = 0; seed < 24; seed++) {
        map_open(&map, seed, seed % 4 == 0 ? 1 : seed % 4 == 1 ? 100 : 10);
        check(&map);
        for (unsigned turn = 0; turn < 400; turn++) {
            uint32_t city = tool_below(&map.seed, map.cities), what = tool_below(&map.seed, 3);
            bool changes = map.live[city] != (what > 0) || map.active[city] != (what > 1);
            map.live[city] = what > 0;
            map.active[city] = what > 1;
            assert_int_equal(store_holders_put(map.holders, city, what > 0, what > 1), changes);
            store_marks_put(map.marks, map.holders, map.world.cities[city].xyz, city);
            if (turn % 40 == 0) {
                check(&map);
            }
        }
        map_close(&map);
    }
}

static void test_leave_and_join(void **state)
{
    static struct map map;
    (void)state;
    for (uint64_t seed = 100; seed < 112; seed++) {
        map_open(&map, seed, 20);
        uint32_t joined = 0;
        for (unsigned turn = 0; turn < 100; turn++) {
            uint32_t city = tool_below(&map.seed, map.cities);
            store_kd_leave(map.tree, map.world.cities[city].xyz, city);
            map.left[city] = true;
            if (turn % 20 == 0) {
                check(&map);
            }
        }
        while (store_kd_join(map.tree, joined % map.cities, 3)) { /* until there is no room */
            assert_int_equal(store_kd_city(map.tree, map.tree->count + joined), joined % map.cities);
            assert_int_equal(store_kd_region(map.tree, map.tree->count + joined), 3);
            joined++;
        }
        assert_int_equal(joined, map.tree->late_max);
        for (uint32_t i = 0; i < joined; i++) {
            store_kd_leave(map.tree, map.world.cities[i % map.cities].xyz, i % map.cities);
            map.left[i % map.cities] = true;
        }
        check(&map);
        map_close(&map);
    }
}

static void test_empty(void **state)
{
    struct store_kd *tree = store_kd_new(NULL, 0);
    struct store_world world = {0};
    struct store_holders *holders = store_holders_new(0);
    struct store_marks *marks = store_marks_new(tree, holders, &world);
    double xyz[3] = {1, 0, 0};
    (void)state;
    assert_false(store_holders_have(holders, 0, true));
    assert_false(store_holders_put(holders, 5, false, false));
    assert_true(store_holders_put(holders, 5, true, true));
    assert_true(store_holders_have(holders, 5, false));
    store_marks_put(marks, holders, xyz, 5);
    store_kd_leave(tree, xyz, 5);
    store_kd_unref(tree);
    store_marks_unref(marks);
    store_holders_unref(holders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_puts),
        cmocka_unit_test(test_leave_and_join),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
