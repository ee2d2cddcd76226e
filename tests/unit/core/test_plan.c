/*
 * core/plan*.c where it ends early: somebody doesn't want the plan any more, at each place where that is asked for; and
 * bodies of plans that nobody computed. What plans say is looked at in tests/unit/views.
 */
#include "world.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "core/plan.h"

#define CITIES 70u /* more than are looked at between two questions */

static void city_name(char ret[8], unsigned i)
{
    snprintf(ret, 8, "c%02u", i);
}

static void add_kinds(struct world *world)
{
    static const struct relief_substitute substitutes[] = {{.kind = {"mask", 4}, .give = 1, .for_ = 1},
                                                           {.kind = {"unheard-of", 10}, .give = 1, .for_ = 1}};
    struct relief_kind_put_params params;
    world_kind(world, "mask");
    relief_shape_clear(&relief_shape_kind_put_params, &params);
    params.code = RELIEF_STR("respirator");
    params.name = params.unit = RELIEF_STR("piece");
    params.class_ = RELIEF_class_supply;
    params.substitutes = (struct relief_list){(void *)(uintptr_t)substitutes, 2, 1};
    assert_int_equal(world_apply(world, RELIEF_METHOD_kind_put, &params), 0);
    world_gear(world, "crew", RELIEF_class_team, NULL);
    world_gear(world, "pilot", RELIEF_class_team, NULL);
    world_gear(world, "pump", RELIEF_class_equipment, "crew");
}

static void ask(struct world *world, const char *id, const char *city, const char *kind, int64_t quantity)
{
    struct relief_request_submit_params params = world_ask(id, city, kind, quantity);
    params.incident = RELIEF_STR("flood");
    params.own_first = false;
    params.substitutes = true;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
}

/* One that is in force for a while, one that is not yet, one that has ended. */
static void add_agreements(struct world *world)
{
    static const struct {
        const char *id, *donor;
        int64_t from_ms, until_ms; /* from now */
    } rows[] = {{"now", "c09", -1000, 1000000}, {"later", "c11", 500000, 2000000}, {"over", "c13", RELIEF_NIL, 1000}};
    for (unsigned i = 0; i < 3; i++) {
        struct relief_agreement_put_params params;
        relief_shape_clear(&relief_shape_agreement_put_params, &params);
        params.id = relief_str_of(rows[i].id);
        params.donor = relief_str_of(rows[i].donor);
        params.requester = RELIEF_STR("c02");
        params.commit = RELIEF_commit_auto;
        params.from = rows[i].from_ms == RELIEF_NIL ? RELIEF_NIL : world->now + rows[i].from_ms;
        params.until = world->now + rows[i].until_ms;
        assert_int_equal(world_apply(world, RELIEF_METHOD_agreement_put, &params), 0);
    }
    world->now += 2000;
}

static void add_pump(struct world *world, unsigned i, const char *city)
{
    char id[16];
    snprintf(id, sizeof id, "pump%u", i);
    struct relief_asset_put_params params = world_asset_params(id, "pump", city);
    if (i % 3 == 0)
        params.operator_ = RELIEF_STR("pilot"); /* of its own; there is one */
    if (i % 5 == 0)
        params.rest_until = world->now + 600000;
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), 0);
}

static void world_wide(struct world *world)
{
    struct relief_incident_open_params flood;
    char city[8], id[16];
    world_open(world);
    world_region(world, "top", NULL, RELIEF_commit_ask);
    add_kinds(world);
    for (unsigned i = 0; i < CITIES; i++) {
        city_name(city, i);
        world_city(world, city, "top", 0, (int64_t)(10000 * i));
        world_stock(world, city, i % 2 ? "mask" : "respirator", "a", 5, RELIEF_NIL);
        if (i % 8 == 0)
            world_floor(world, city, "mask", 9);
        add_pump(world, i, city);
        snprintf(id, sizeof id, "crew%u", i);
        world_asset(world, id, "crew", city);
    }
    world_asset(world, "pilot1", "pilot", "c06");
    relief_shape_clear(&relief_shape_incident_open_params, &flood);
    flood.id = RELIEF_STR("flood");
    flood.category = RELIEF_category_natural;
    flood.level = 2;
    flood.origin = RELIEF_STR("c00");
    assert_int_equal(world_apply(world, RELIEF_METHOD_incident_open, &flood), 0);
    add_agreements(world);
    ask(world, "q1", "c01", "respirator", 400);
    ask(world, "q2", "c02", "mask", 100);
    ask(world, "q3", "c03", "pump", 4);
}

static const struct relief_str ids[] = {{"q1", 2}, {"q2", 2}, {"q3", 2}};

static struct core_plan_scope of_requests(void)
{
    return (struct core_plan_scope){.requests = {(void *)(uintptr_t)ids, 3, 1},
                                    .policy = RELIEF_policy_nearest,
                                    .goal = RELIEF_NIL,
                                    .max_minutes = RELIEF_NIL};
}

static struct core_plan_scope of_floors(void)
{
    return (struct core_plan_scope){
        .rebalance = true, .policy = RELIEF_policy_effective, .goal = RELIEF_goal_floor, .max_minutes = 600};
}

static struct core_plan_scope of_incident(void)
{
    return (struct core_plan_scope){
        .incident = RELIEF_STR("flood"), .policy = RELIEF_policy_fair, .goal = RELIEF_NIL, .max_minutes = RELIEF_NIL};
}

/* ---- a plan by hand ---- */

struct planning {
    struct store *store;
    struct core core;
    struct core_plan plan;
    struct relief_refusal refusal;
    unsigned asked, stop_at; /* 0: never */
    unsigned told, fail_at;
    bool quiet;         /* it asks and tells nobody */
    size_t arena_bytes; /* 0: as much as there is */
};

static bool stop(void *context)
{
    struct planning *planning = context;
    return ++planning->asked == planning->stop_at;
}

static int tell(void *context, uint32_t done, uint32_t of)
{
    struct planning *planning = context;
    assert_true(done <= of);
    return ++planning->told == planning->fail_at ? -ECANCELED : 0;
}

static int look_at_kinds(struct core_plan *plan, struct relief_refusal *refusal)
{
    for (uint32_t i = 0; i < plan->kind_count; i++)
        for (uint32_t which = 0; which <= core_plan_substitutes(plan, i); which++) {
            struct core_plan_kind kind;
            int result = core_plan_kind(plan, i, which, &kind, refusal);
            if (result)
                return result;
            for (uint32_t j = 0; j < kind.pair_count; j++) {
                const struct core_plan_pair *pair = &kind.pairs[j];
                const struct core_plan_taker *taker = &plan->takers[pair->taker];
                int64_t open = taker->want - taker->got;
                assert_true(core_plan_lives(plan, &kind, pair) >= 0);
                if (plan->scope.rebalance && open > 0) /* the matcher asks nobody for these */
                    core_plan_give(plan, &kind, pair, open < pair->most ? open : pair->most);
            }
        }
    return 0;
}

/* The nearest for each, and the body of that. 0, or an error of any part. */
static int plan_all(struct planning *planning, struct world *world, const struct core_plan_scope *scope,
                    struct relief_plan *ret)
{
    struct core_plan *plan = &planning->plan;
    planning->asked = planning->told = 0;
    assert_int_equal(store_open(&planning->store, &(struct store_options){.dir = NULL}), 0);
    assert_int_equal(core_init(&planning->core, store_view(planning->store)), 0);
    *plan =
        planning->quiet ? (struct core_plan){0} : (struct core_plan){.stop = stop, .tell = tell, .context = planning};
    plan->arena_bytes = planning->arena_bytes;
    int result = core_plan_open(plan, &planning->core, store_view(world->store), world->now, scope, &planning->refusal);
    if (result)
        return result;
    result = look_at_kinds(plan, &planning->refusal);
    for (uint32_t i = 0; result == 0 && !plan->scope.rebalance && i < plan->taker_count; i++)
        core_plan_match(plan, i);
    if (result == 0)
        result = core_plan_body(plan, ret, &planning->refusal);
    return result;
}

static void plan_end(struct planning *planning)
{
    core_plan_close(&planning->plan);
    core_deinit(&planning->core);
    store_close(planning->store);
}

static void test_ends_when_nobody_wants_it(void **state)
{
    const struct core_plan_scope scopes[] = {of_requests(), of_incident(), of_floors()};
    struct world world;
    (void)state;
    world_wide(&world);
    for (unsigned i = 0; i < 3; i++) {
        unsigned stopped = 0, refused = 0;
        int result = -ETIME;
        for (unsigned at = 1; result == -ETIME; at++) {
            struct planning planning = {.stop_at = at};
            struct relief_plan body;
            result = plan_all(&planning, &world, &scopes[i], &body);
            assert_true(result == 0 || result == -ETIME);
            assert_int_equal(planning.asked, result ? at : planning.asked);
            stopped += result != 0;
            plan_end(&planning);
        }
        assert_true(stopped >= 4);
        result = -ECANCELED;
        for (unsigned at = 1; result; at++) {
            struct planning planning = {.fail_at = at};
            struct relief_plan body;
            result = plan_all(&planning, &world, &scopes[i], &body);
            assert_true(result == 0 || result == -ECANCELED);
            refused += result != 0;
            plan_end(&planning);
        }
        assert_true(refused >= 1);
    }
    world_check(&world);
    world_close(&world);
}

/* ---- bounds ---- */

/* A plan that its memory does not hold is refused, wherever that shows, and says so. */
static void test_too_large(void **state)
{
    const struct core_plan_scope scopes[] = {of_requests(), of_incident(), of_floors()};
    struct world world;
    (void)state;
    world_wide(&world);
    for (unsigned i = 0; i < 3; i++) {
        unsigned refused = 0;
        int result = RELIEF_TOO_MANY;
        for (size_t bytes = 64u << 10; result; bytes += 2048) {
            struct planning planning = {.quiet = true, .arena_bytes = bytes};
            struct relief_plan body;
            result = plan_all(&planning, &world, &scopes[i], &body);
            if (result) {
                assert_int_equal(result, RELIEF_TOO_MANY);
                assert_non_null(strstr(planning.refusal.message, "too large"));
                refused++;
            }
            if (planning.plan.full && planning.plan.arena.base) { /* and stays so */
                const uint32_t legs = planning.plan.leg_count;
                struct core_plan_kind kind;
                assert_int_equal(core_plan_kind(&planning.plan, 0, 0, &kind, &planning.refusal), RELIEF_TOO_MANY);
                core_plan_match(&planning.plan, 0);
                assert_int_equal(core_plan_body(&planning.plan, &body, &planning.refusal), RELIEF_TOO_MANY);
                assert_int_equal(planning.plan.leg_count, legs);
            }
            plan_end(&planning);
        }
        assert_true(refused >= 2);
    }
    world_check(&world);
    world_close(&world);
}

/* A unit from every city to every request: more legs than there is room for at first. */
static void test_many_legs(void **state)
{
    static const struct relief_str many[] = {{"m1", 2}, {"m2", 2}, {"m3", 2}, {"m4", 2}};
    const struct core_plan_scope scope = {
        .requests = {(void *)(uintptr_t)many, 4, 1}, .goal = RELIEF_NIL, .max_minutes = RELIEF_NIL};
    struct planning planning = {.quiet = true};
    struct core_plan *plan = &planning.plan;
    struct core_plan_kind kind;
    struct relief_plan body;
    struct world world;
    char city[8];
    (void)state;
    world_open(&world);
    world_region(&world, "top", NULL, RELIEF_commit_auto);
    world_kind(&world, "mask");
    for (unsigned i = 0; i < CITIES; i++) {
        city_name(city, i);
        world_city(&world, city, "top", 0, 10000 * (int64_t)i);
        world_stock(&world, city, "mask", "a", 20, RELIEF_NIL);
    }
    for (unsigned i = 0; i < 4; i++) { /* the first take it all; planned anew, it is free again */
        struct relief_request_submit_params params = world_ask(many[i].data, "c00", "mask", 1000);
        assert_int_equal(world_apply(&world, RELIEF_METHOD_request_submit, &params), 0);
    }
    assert_int_equal(store_open(&planning.store, &(struct store_options){.dir = NULL}), 0);
    assert_int_equal(core_init(&planning.core, store_view(planning.store)), 0);
    *plan = (struct core_plan){0};
    assert_int_equal(
        core_plan_open(plan, &planning.core, store_view(world.store), world.now, &scope, &planning.refusal), 0);
    assert_int_equal(core_plan_kind(plan, 0, 0, &kind, &planning.refusal), 0);
    for (uint32_t i = 0; i < kind.pair_count; i++)
        assert_int_equal(core_plan_give(plan, &kind, &kind.pairs[i], 1), 1);
    assert_true(kind.pair_count > 256);
    assert_int_equal(core_plan_kind(plan, 0, 1, &kind, &planning.refusal), 0); /* it has no substitute */
    assert_int_equal(kind.pair_count, 0);
    assert_int_equal(core_plan_body(plan, &body, &planning.refusal), 0);
    assert_true(body.legs.count > 256 && body.covered == body.legs.count);
    plan_end(&planning);
    world_close(&world);
}

/* ---- scopes ---- */

static void add_region_beside(struct world *world)
{
    char kind[16];
    struct relief_stock_floor_params floor;
    world_region(world, "beside", "top", RELIEF_commit_auto);
    world_city(world, "b1", "beside", 100000, 0);
    world_city(world, "b2", "beside", 100000, 10000);
    world_stock(world, "b1", "mask", "soon", 50, world->now + RELIEF_DAY_MS / 24);
    world_stock(world, "b1", "mask", "late", 1000, RELIEF_NIL); /* more than the open requests take */
    for (unsigned i = 0; i < 70; i++) {                         /* kinds, of which b2 has too little */
        snprintf(kind, sizeof kind, "k%u", i);
        world_kind(world, kind);
        world_floor(world, "b2", kind, 3);
        if (i % 2)
            world_stock(world, "b1", kind, "a", 2, RELIEF_NIL);
    }
    relief_shape_clear(&relief_shape_stock_floor_params, &floor);
    floor.city = RELIEF_STR("b2");
    floor.kind = RELIEF_STR("mask");
    floor.floor = 1;
    floor.target = 40;
    assert_int_equal(world_apply(world, RELIEF_METHOD_stock_floor, &floor), 0);
}

/* Units that reach a city by the plan. */
static int64_t reaches(const struct relief_plan *body, struct relief_str city, struct relief_str kind)
{
    const struct relief_plan_leg *legs = body->legs.items;
    int64_t sum = 0;
    for (uint32_t i = 0; i < body->legs.count; i++)
        if (relief_str_eq(legs[i].requester, city) && relief_str_eq(legs[i].kind, kind))
            sum += legs[i].quantity;
    return sum;
}

static void test_scopes(void **state)
{
    static const struct relief_str masks[] = {{"mask", 4}};
    struct core_plan_scope scope;
    struct relief_plan body;
    struct world world;
    (void)state;
    world_wide(&world);
    add_region_beside(&world);
    struct planning planning = {.quiet = true};

    scope = of_floors(); /* of one region: its own cities need and give */
    scope.region = RELIEF_STR("beside");
    scope.max_minutes = RELIEF_NIL;
    assert_int_equal(plan_all(&planning, &world, &scope, &body), 0);
    assert_int_equal(body.requests.count, 71);
    assert_int_equal(reaches(&body, RELIEF_STR("b2"), RELIEF_STR("mask")), 1);
    assert_int_equal(reaches(&body, RELIEF_STR("b2"), RELIEF_STR("k1")), 2);
    assert_int_equal(reaches(&body, RELIEF_STR("b2"), RELIEF_STR("k2")), 0);
    plan_end(&planning);

    scope.goal = RELIEF_goal_target;
    scope.kinds = (struct relief_list){(void *)(uintptr_t)masks, 1, 1};
    assert_int_equal(plan_all(&planning, &world, &scope, &body), 0);
    assert_int_equal(body.requests.count, 1);
    assert_int_equal(reaches(&body, RELIEF_STR("b2"), RELIEF_STR("mask")), 40);
    plan_end(&planning);

    scope = of_requests(); /* whose cities are not all within */
    scope.within = RELIEF_STR("beside");
    assert_int_not_equal(plan_all(&planning, &world, &scope, &body), 0);
    plan_end(&planning);
    scope = of_incident();
    scope.within = RELIEF_STR("top");
    assert_int_equal(plan_all(&planning, &world, &scope, &body), 0);
    assert_int_equal(body.requests.count, 3);
    plan_end(&planning);
    world_check(&world);
    world_close(&world);
}

/* ---- bodies that nobody computed ---- */

struct body {
    struct relief_plan plan;
    struct relief_plan_leg legs[200], *leg;
    struct relief_plan_request requests[3], *request;
};

#define BEND(name, statement)                                                                                          \
    static void name(struct body *body)                                                                                \
    {                                                                                                                  \
        statement;                                                                                                     \
    }
BEND(as_it_was, (void)body)
BEND(no_legs, body->plan.legs = (struct relief_list){0})
BEND(no_requests, body->plan.requests = (struct relief_list){0})
BEND(no_policy, body->plan.policy = RELIEF_NIL)
BEND(no_relies, body->plan.relies = RELIEF_STR_NONE)
BEND(short_relies, body->plan.relies.len--)
BEND(no_donor, body->leg->donor = RELIEF_STR_NONE)
BEND(no_requester, body->leg->requester = RELIEF_STR_NONE)
BEND(no_leg_kind, body->leg->kind = RELIEF_STR_NONE)
BEND(covers_nothing, body->leg->covers = 0)
BEND(moves_nothing, body->leg->quantity = 0)
BEND(for_nobody, body->leg->request = RELIEF_STR_NONE)
BEND(no_city, body->request->city = RELIEF_STR_NONE)
BEND(no_kind, body->request->kind = RELIEF_STR_NONE)
BEND(no_id, body->request->id = RELIEF_STR_NONE)
BEND(goal_of_requests, body->plan.goal = RELIEF_goal_floor)
BEND(unknown_region, body->plan.region = RELIEF_STR("nowhere"))
BEND(other_city, body->request->city = RELIEF_STR("c05"))
BEND(other_kind, body->request->kind = RELIEF_STR("crew"))
BEND(other_quantity, body->request->quantity++)
BEND(fewer_requests, body->plan.requests.count--)

static const struct {
    void (*bend)(struct body *body);
    int answer;
} bends[] = {
    {no_legs, RELIEF_BAD_PARAMS},       {no_requests, RELIEF_BAD_PARAMS},  {no_policy, RELIEF_BAD_PARAMS},
    {no_relies, RELIEF_BAD_PARAMS},     {short_relies, RELIEF_BAD_PARAMS}, {no_donor, RELIEF_BAD_PARAMS},
    {no_requester, RELIEF_BAD_PARAMS},  {no_leg_kind, RELIEF_BAD_PARAMS},  {covers_nothing, RELIEF_BAD_PARAMS},
    {moves_nothing, RELIEF_BAD_PARAMS}, {for_nobody, RELIEF_BAD_PARAMS},   {no_city, RELIEF_BAD_PARAMS},
    {no_kind, RELIEF_BAD_PARAMS},       {no_id, RELIEF_BAD_PARAMS},        {goal_of_requests, RELIEF_BAD_PARAMS},
    {unknown_region, RELIEF_NOT_FOUND}, {other_city, RELIEF_STALE},        {other_kind, RELIEF_STALE},
    {other_quantity, RELIEF_STALE},     {fewer_requests, RELIEF_STALE},    {as_it_was, 0}};

static int apply(struct world *world, struct body *body, struct relief_arena *arena)
{
    struct relief_plan_apply_params params;
    struct relief_buf bytes = RELIEF_BUF_INIT;
    char digest[65];
    assert_int_equal(core_plan_digest(&body->plan, arena, digest), 0);
    body->plan.digest = relief_str_of(digest);
    relief_pack_record(&bytes, &relief_shape_plan, &body->plan, 0);
    assert_false(bytes.failed);
    relief_shape_clear(&relief_shape_plan_apply_params, &params);
    params.plan = (struct relief_str){bytes.data, (uint32_t)bytes.len};
    int result = world_apply(world, RELIEF_METHOD_plan_apply, &params);
    relief_buf_deinit(&bytes);
    return result;
}

static void test_bodies_that_nobody_computed(void **state)
{
    const struct core_plan_scope scope = of_requests();
    struct planning planning = {0};
    struct relief_plan made;
    struct world world;
    (void)state;
    world_wide(&world);
    assert_int_equal(plan_all(&planning, &world, &scope, &made), 0);
    assert_true(made.legs.count > 0 && made.legs.count <= 200);
    assert_int_equal(made.requests.count, 3);
    for (size_t i = 0; i < sizeof bends / sizeof *bends; i++) {
        struct body body = {.plan = made, .leg = body.legs + made.legs.count / 2, .request = body.requests + 2};
        memcpy(body.legs, made.legs.items, made.legs.count * sizeof *body.legs);
        memcpy(body.requests, made.requests.items, sizeof body.requests);
        body.plan.legs.items = body.legs;
        body.plan.requests.items = body.requests;
        bends[i].bend(&body);
        int result = apply(&world, &body, &planning.plan.arena);
        if (result != bends[i].answer)
            fail_msg("%zu: %d, not %d: %s", i, result, bends[i].answer, world.effects.refusal.message);
    }
    world_check(&world);
    plan_end(&planning);
    world_close(&world);
}

static void give_entry_bytes(struct world *world, size_t bytes)
{
    relief_arena_deinit(&world->effects.arena);
    assert_int_equal(relief_arena_init(&world->effects.arena, bytes), 0);
}

/* So does an entry that can't hold what the plan does; what it had done is taken back. */
static void test_too_large_for_an_entry(void **state)
{
    struct core_plan_scope scopes[] = {of_requests(), of_floors()};
    struct world world;
    (void)state;
    world_wide(&world);
    add_region_beside(&world);
    scopes[1].region = RELIEF_STR("beside");
    scopes[1].max_minutes = RELIEF_NIL;
    for (unsigned i = 0; i < 2; i++) {
        struct planning planning = {.quiet = true};
        struct relief_plan made;
        struct body body = {0};
        unsigned refused = 0;
        int result = RELIEF_TOO_MANY;
        assert_int_equal(plan_all(&planning, &world, &scopes[i], &made), 0);
        assert_true(made.legs.count > 0 && made.legs.count <= 200);
        memcpy(body.legs, made.legs.items, made.legs.count * sizeof *body.legs);
        body.plan = made;
        body.plan.legs.items = body.legs;
        for (size_t bytes = 160u << 10; result; bytes += 32768) {
            give_entry_bytes(&world, bytes);
            result = apply(&world, &body, &planning.plan.arena);
            if (result) {
                assert_int_equal(result, RELIEF_TOO_MANY);
                world_check(&world);
                refused++;
            }
        }
        assert_true(refused >= 4);
        give_entry_bytes(&world, CORE_ARENA_BYTES);
        world_check(&world);
        plan_end(&planning);
        if (!scopes[i].rebalance)
            continue;
        assert_int_equal(plan_all(&planning, &world, &scopes[i], &made), 0); /* all of it is on its way */
        assert_int_equal(made.legs.count, 0);
        ((struct relief_plan_request *)made.requests.items)[0].quantity++;
        body.plan = made;
        assert_int_equal(apply(&world, &body, &planning.plan.arena), RELIEF_STALE);
        assert_non_null(strstr(world.effects.refusal.message, "the stock of"));
        struct relief_arena small;
        char digest[65];
        assert_int_equal(relief_arena_init(&small, 4096), 0);
        assert_non_null(relief_arena_alloc(&small, 4096 - 8));
        body.plan.legs.count = 1;
        body.plan.legs.items = body.legs;
        assert_int_equal(core_plan_digest(&body.plan, &small, digest), -ENOMEM);
        relief_arena_deinit(&small);
        plan_end(&planning);
    }
    world_close(&world);
}

/* A donor that has something above its floor and nothing above its target gives by the one goal and not by the other.
 */
static void test_goals(void **state)
{
    struct relief_stock_floor_params floor;
    struct planning planning = {.quiet = true};
    struct core_plan_scope scope = of_floors();
    struct relief_plan body;
    struct world world;
    (void)state;
    world_open(&world);
    world_region(&world, "top", NULL, RELIEF_commit_auto);
    world_kind(&world, "mask");
    world_city(&world, "b1", "top", 0, 0);
    world_city(&world, "b2", "top", 0, 10000);
    world_stock(&world, "b1", "mask", "a", 50, RELIEF_NIL);
    world_floor(&world, "b2", "mask", 10);
    relief_shape_clear(&relief_shape_stock_floor_params, &floor);
    floor.city = RELIEF_STR("b1");
    floor.kind = RELIEF_STR("mask");
    floor.floor = 0;
    floor.target = 50;
    assert_int_equal(world_apply(&world, RELIEF_METHOD_stock_floor, &floor), 0);
    assert_int_equal(plan_all(&planning, &world, &scope, &body), 0);
    assert_int_equal(reaches(&body, RELIEF_STR("b2"), RELIEF_STR("mask")), 10);
    plan_end(&planning);
    scope.goal = RELIEF_goal_target;
    assert_int_equal(plan_all(&planning, &world, &scope, &body), 0);
    assert_int_equal(body.legs.count, 0);
    const struct relief_plan_request *request = body.requests.items;
    assert_int_equal(request->reasons.count, 1);
    assert_non_null(strstr(((const struct relief_str *)request->reasons.items)->data, "nothing above floor"));
    plan_end(&planning);
    world_close(&world);
}

/* A request that was closed meanwhile. */
static void test_closed_meanwhile(void **state)
{
    const struct core_plan_scope scope = of_requests();
    struct relief_request_cancel_params cancel;
    struct planning planning = {.quiet = true};
    struct body body = {0};
    struct relief_plan made;
    struct world world;
    (void)state;
    world_wide(&world);
    assert_int_equal(plan_all(&planning, &world, &scope, &made), 0);
    body.plan = made;
    relief_shape_clear(&relief_shape_request_cancel_params, &cancel);
    cancel.id = RELIEF_STR("q2");
    cancel.reason = RELIEF_STR("over");
    assert_int_equal(world_apply(&world, RELIEF_METHOD_request_cancel, &cancel), 0);
    assert_int_equal(apply(&world, &body, &planning.plan.arena), RELIEF_STALE);
    world_check(&world);
    plan_end(&planning);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_when_nobody_wants_it),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_many_legs),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_bodies_that_nobody_computed),
        cmocka_unit_test(test_too_large_for_an_entry),
        cmocka_unit_test(test_goals),
        cmocka_unit_test(test_closed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
