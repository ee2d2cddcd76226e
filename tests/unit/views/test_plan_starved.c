/*
 * Plans for which memory fails at every place, under each policy, with time and without: -ENOMEM and nothing else, and
 * the state that was read is as it was. The store of the plan's own state is spared: it can't go on without memory, by
 * its contract (core/view.h).
 */
#include "core/world.h"
#include "starve.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "views/plan.h"

int __real_store_open(struct store **ret_store, const struct store_options *options);
int __wrap_store_open(struct store **ret_store, const struct store_options *options);
struct core_view *__real_store_view(struct store *store);
struct core_view *__wrap_store_view(struct store *store);

int __wrap_store_open(struct store **ret_store, const struct store_options *options)
{
    bool was_on = starve_off();
    int result = __real_store_open(ret_store, options);
    starve_on(was_on);
    return result;
}

/* ---- the plan's view ---- */

static struct core_view *real;
static bool planning; /* whose view is asked for */

static struct relief_str spared_get(struct core_view *view, const struct core_key *key)
{
    bool was_on = starve_off();
    (void)view;
    struct relief_str value = real->ops->get(real, key);
    starve_on(was_on);
    return value;
}

static void spared_put(struct core_view *view, const struct core_key *key, struct relief_str value)
{
    bool was_on = starve_off();
    (void)view;
    real->ops->put(real, key, value);
    starve_on(was_on);
}

static void spared_scan(struct core_view *view, struct core_cursor *cursor, const struct core_key *prefix,
                        const struct core_key *after)
{
    bool was_on = starve_off();
    (void)view;
    real->ops->scan(real, cursor, prefix, after);
    starve_on(was_on);
}

static bool spared_next(struct core_view *view, struct core_cursor *cursor, struct relief_str *ret_key,
                        struct relief_str *ret_value)
{
    bool was_on = starve_off();
    (void)view;
    bool more = real->ops->next(real, cursor, ret_key, ret_value);
    starve_on(was_on);
    return more;
}

static struct core_near *spared_near_begin(struct core_view *view, const struct core_near_query *query)
{
    bool was_on = starve_off();
    (void)view;
    struct core_near *near = real->ops->near_begin(real, query);
    starve_on(was_on);
    return near;
}

static bool spared_near_next(struct core_view *view, struct core_near *near, struct core_holder *ret)
{
    bool was_on = starve_off();
    (void)view;
    bool more = real->ops->near_next(real, near, ret);
    starve_on(was_on);
    return more;
}

static void spared_near_end(struct core_view *view, struct core_near *near)
{
    (void)view;
    real->ops->near_end(real, near);
}

static const struct core_view_ops spared_ops = {.get = spared_get,
                                                .put = spared_put,
                                                .scan = spared_scan,
                                                .next = spared_next,
                                                .near_begin = spared_near_begin,
                                                .near_next = spared_near_next,
                                                .near_end = spared_near_end};
static struct core_view spared = {.ops = &spared_ops};

struct core_view *__wrap_store_view(struct store *store)
{
    struct core_view *view = __real_store_view(store);
    if (!planning)
        return view;
    real = view;
    return &spared;
}

/* ---- worlds ---- */

#define CITIES 4

/* Cities in a row that have two lots each and two kinds, of which one stands in for the other; teams that pumps need.
 */
static void make_world(struct world *world)
{
    static const struct relief_substitute substitute = {.kind = {"mask", 4}, .give = 3, .for_ = 2};
    struct relief_kind_put_params params;
    char city[16], id[16];
    world_open(world);
    world_region(world, "r", NULL, RELIEF_commit_auto);
    world_kind(world, "mask");
    relief_shape_clear(&relief_shape_kind_put_params, &params);
    params.code = RELIEF_STR("respirator");
    params.name = params.unit = RELIEF_STR("piece");
    params.class_ = RELIEF_class_supply;
    params.substitutes = (struct relief_list){(void *)(uintptr_t)&substitute, 1, 1};
    assert_int_equal(world_apply(world, RELIEF_METHOD_kind_put, &params), 0);
    world_gear(world, "crew", RELIEF_class_team, NULL);
    world_gear(world, "pump", RELIEF_class_equipment, "crew");
    for (int i = 0; i < CITIES; i++) {
        snprintf(city, sizeof city, "c%d", i);
        world_city(world, city, "r", 0, 20000 * (int64_t)i);
        world_stock(world, city, "mask", "soon", 20 + 5 * i, world->now + RELIEF_DAY_MS / 12);
        world_stock(world, city, "mask", "late", 30 - 5 * i, RELIEF_NIL);
        world_floor(world, city, "mask", 40 * (i % 2));
        world_floor(world, city, "respirator", 10 * i);
        world_stock(world, city, "respirator", "l", 15, RELIEF_NIL);
        snprintf(id, sizeof id, "pump%d", i);
        world_asset(world, id, "pump", city);
        snprintf(id, sizeof id, "crew%d", i);
        world_asset(world, id, "crew", city);
    }
}

static void ask(struct world *world, const char *id, const char *city, const char *kind, int64_t quantity)
{
    struct relief_request_submit_params params = world_ask(id, city, kind, quantity);
    params.substitutes = true;
    params.own_first = false;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
}

static void make_requests(struct world *world)
{
    ask(world, "q1", "c0", "mask", 70);
    ask(world, "q2", "c3", "mask", 70);
    ask(world, "q3", "c1", "respirator", 80);
    ask(world, "q4", "c2", "pump", 3);
}

static int tell(void *context, const char *stage, uint32_t done, uint32_t of)
{
    (void)context;
    (void)stage;
    (void)done;
    (void)of;
    return 0;
}

static void starve_plan(struct world *world, const struct core_plan_scope *scope, int64_t solve_ms)
{
    struct relief_refusal refusal;
    struct relief_buf bytes = RELIEF_BUF_INIT;
    const struct views_plan_make make = {.from = store_view(world->store),
                                         .seq = world->seq,
                                         .now = world->now,
                                         .scope = scope,
                                         .bytes_max = 1u << 20,
                                         .solve_ms = solve_ms,
                                         .tell = tell};
    unsigned failed = 0;
    int result = 0;
    planning = true;
    STARVE_EACH(starved, result = views_plan_make(&make, &bytes, &refusal), {
        assert_int_equal(result, starved ? -ENOMEM : 0);
        failed += starved;
        relief_buf_deinit(&bytes);
    });
    planning = false;
    assert_true(failed >= 6);
}

static void test_allocate(void **state)
{
    static const struct relief_str ids[] = {{"q1", 2}, {"q2", 2}, {"q3", 2}, {"q4", 2}};
    struct world world;
    (void)state;
    make_world(&world);
    make_requests(&world);
    for (int64_t policy = 0; policy < RELIEF_policy_COUNT; policy++) {
        const struct core_plan_scope scope = {.requests = {(void *)(uintptr_t)ids, 4, 1},
                                              .policy = policy,
                                              .goal = RELIEF_NIL,
                                              .max_minutes = RELIEF_NIL};
        starve_plan(&world, &scope, VIEWS_PLAN_SOLVE_MS);
        starve_plan(&world, &scope, 0);
    }
    world_check(&world);
    world_close(&world);
}

static void test_rebalance(void **state)
{
    struct world world;
    (void)state;
    make_world(&world);
    for (int64_t policy = 0; policy < RELIEF_policy_COUNT; policy++) {
        const struct core_plan_scope scope = {
            .rebalance = true, .policy = policy, .goal = RELIEF_goal_floor, .max_minutes = 600};
        starve_plan(&world, &scope, VIEWS_PLAN_SOLVE_MS);
        starve_plan(&world, &scope, 0);
    }
    world_check(&world);
    world_close(&world);
}

static void wake(void *context)
{
    (void)context;
}

/* Where it is asked for: either there is a worker, or nothing is left of it. */
static void test_start(void **state)
{
    static const struct relief_str ids[] = {{"q1", 2}, {"q2", 2}};
    struct views_plan *plan = NULL;
    struct world world;
    unsigned failed = 0;
    int result = 0;
    (void)state;
    make_world(&world);
    make_requests(&world);
    const struct views_plan_options options = {.store = world.store,
                                               .scope = {.requests = {(void *)(uintptr_t)ids, 2, 1},
                                                         .policy = RELIEF_policy_fair,
                                                         .goal = RELIEF_NIL,
                                                         .max_minutes = RELIEF_NIL},
                                               .now = world.now,
                                               .bytes_max = 1u << 20,
                                               .wake = wake};
    STARVE_EACH(starved, result = views_plan_start(&plan, &options), {
        assert_int_equal(result, starved ? -ENOMEM : 0);
        failed += starved;
    });
    assert_true(failed >= 3);
    views_plan_free(plan);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocate), cmocka_unit_test(test_rebalance),
                                       cmocka_unit_test(test_start)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
