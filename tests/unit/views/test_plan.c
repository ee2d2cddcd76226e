/*
 * Plans on random small worlds, with everything that can keep a donor: links, agreements with shares, floors, life,
 * levels, operators, substitutes. What a plan says can be done: applied at once it is never STALE, and the state keeps
 * every invariant. Applied again, or made up, it changes nothing, or nothing that the rules forbid. And each policy is
 * best at what it is for.
 */
#include "unit/core/world.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/key.h"
#include "views/plan.h"

#define CITIES   8u
#define REQUESTS 6u
#define WORLDS   60u

static uint64_t state;

static uint32_t below(uint32_t bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % bound);
}

static const char *city_name(uint32_t i)
{
    static char names[CITIES][8];
    snprintf(names[i], sizeof names[i], "c%u", i);
    return names[i];
}

/* ---- a world ---- */

static void add_agreement(struct world *world, uint32_t n)
{
    static char ids[CITIES][8];
    struct relief_agreement_put_params params;
    relief_shape_clear(&relief_shape_agreement_put_params, &params);
    snprintf(ids[n], sizeof ids[n], "g%u", n);
    params.id = relief_str_of(ids[n]);
    params.donor = relief_str_of(city_name(n));
    params.requester = relief_str_of(city_name((n + 1 + below(CITIES - 1)) % CITIES));
    params.commit = below(2) ? RELIEF_commit_auto : RELIEF_commit_ask;
    params.share_percent = 20 + below(81);
    params.answer_minutes = 60;
    assert_int_equal(world_apply(world, RELIEF_METHOD_agreement_put, &params), 0);
}

static void add_kinds(struct world *world, bool plain)
{
    struct relief_kind_put_params params;
    world_kind(world, "mask");
    if (plain)
        return;
    relief_shape_clear(&relief_shape_kind_put_params, &params);
    static const struct relief_substitute substitute = {.kind = {"mask", 4}, .give = 3, .for_ = 2};
    params.code = RELIEF_STR("respirator");
    params.name = params.unit = RELIEF_STR("piece");
    params.class_ = RELIEF_class_supply;
    params.min_life_days = 10;
    params.substitutes = (struct relief_list){(void *)(uintptr_t)&substitute, 1, 1};
    assert_int_equal(world_apply(world, RELIEF_METHOD_kind_put, &params), 0);
    world_gear(world, "crew", RELIEF_class_team, NULL);
    world_gear(world, "pump", RELIEF_class_equipment, "crew");
}

static void add_city(struct world *world, uint32_t i, bool plain)
{
    char id[16];
    world_city(world, city_name(i), below(3) ? "r" : "s", 0, (int64_t)below(3000000));
    for (uint32_t lot = below(4); lot > 0; lot--) {
        snprintf(id, sizeof id, "l%u", lot);
        world_stock(world, city_name(i), plain || below(2) ? "mask" : "respirator", id, 1 + below(60),
                    plain || below(2) ? RELIEF_NIL : world->now + (1 + (int64_t)below(30)) * RELIEF_DAY_MS);
    }
    if (below(2))
        world_floor(world, city_name(i), "mask", below(20));
    for (uint32_t n = plain ? 0 : below(4); n > 0; n--) {
        snprintf(id, sizeof id, "p%u-%u", i, n);
        world_asset(world, id, "pump", city_name(i));
        snprintf(id, sizeof id, "w%u-%u", i, n);
        if (below(3))
            world_asset(world, id, "crew", city_name(i));
    }
}

static const char *request_name(uint32_t i)
{
    static char names[REQUESTS][8];
    snprintf(names[i], sizeof names[i], "q%u", i);
    return names[i];
}

static void add_request(struct world *world, uint32_t i, bool plain)
{
    static const char *const kinds[] = {"mask", "respirator", "pump", "crew"};
    const char *kind = plain ? "mask" : kinds[below(4)];
    bool gear = strcmp(kind, "pump") == 0 || strcmp(kind, "crew") == 0;
    struct relief_request_submit_params params =
        world_ask(request_name(i), city_name(below(CITIES)), kind, 1 + below(gear ? 4 : 80));
    params.priority = 1 + below(5);
    params.substitutes = below(2);
    if (!plain && below(3) == 0)
        params.needed_by = world->now + (1 + (int64_t)below(600)) * RELIEF_MINUTE_MS;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
}

/* plain: one kind, no shares, dates or questions: what the solver has is all there is. */
static void world_random(struct world *world, uint64_t seed, bool plain)
{
    state = seed;
    world_open(world);
    world_region(world, "top", NULL, RELIEF_commit_auto);
    world_region(world, "r", "top", RELIEF_NIL);
    world_region(world, "s", "top", RELIEF_NIL);
    add_kinds(world, plain);
    for (uint32_t i = 0; i < CITIES; i++)
        add_city(world, i, plain);
    for (uint32_t i = 0; i < CITIES; i++) {
        if (!plain && below(2))
            add_agreement(world, i);
        uint32_t to = (i + 1 + below(CITIES - 1)) % CITIES;
        if (below(2))
            world_link(world, city_name(i), city_name(to), 1 + below(900), below(4) != 0);
    }
    for (uint32_t i = 0; i < REQUESTS; i++)
        add_request(world, i, plain);
}

/* ---- plans ---- */

struct made {
    struct relief_buf bytes;
    msgpack_unpacked value;
    struct relief_arena arena;
    struct relief_plan plan;
};

static void make_in(struct world *world, const struct core_plan_scope *scope, int64_t solve_ms, struct made *ret)
{
    struct relief_refusal refusal;
    const struct views_plan_make plan = {.from = store_view(world->store),
                                         .seq = world->seq,
                                         .now = world->now,
                                         .scope = scope,
                                         .bytes_max = 1u << 20,
                                         .solve_ms = solve_ms};
    size_t used = 0;
    memset(ret, 0, sizeof *ret);
    assert_int_equal(views_plan_make(&plan, &ret->bytes, &refusal), 0);
    msgpack_unpacked_init(&ret->value);
    assert_int_equal(msgpack_unpack_next(&ret->value, ret->bytes.data, ret->bytes.len, &used), MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(relief_arena_init(&ret->arena, 64u << 20), 0);
    assert_int_equal(relief_answer_decode(&relief_shape_plan, &ret->value.data, &ret->arena, &ret->plan), 0);
}

static void make(struct world *world, const struct core_plan_scope *scope, struct made *ret)
{
    make_in(world, scope, VIEWS_PLAN_SOLVE_MS, ret);
}

static void made_free(struct made *made)
{
    msgpack_unpacked_destroy(&made->value);
    relief_arena_deinit(&made->arena);
    relief_buf_deinit(&made->bytes);
}

static struct core_plan_scope scope_of(int64_t policy, struct relief_str ids[REQUESTS])
{
    for (uint32_t i = 0; i < REQUESTS; i++)
        ids[i] = relief_str_of(request_name(i));
    return (struct core_plan_scope){
        .requests = {ids, REQUESTS, 1}, .policy = policy, .goal = RELIEF_NIL, .max_minutes = RELIEF_NIL};
}

/* Requests that ended already can't be planned for. */
static struct core_plan_scope live_scope(struct world *world, int64_t policy, struct relief_str ids[REQUESTS])
{
    struct core_plan_scope scope = scope_of(policy, ids);
    uint32_t count = 0;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        int64_t at = world_request(world, request_name(i)).state;
        if (at == RELIEF_request_state_open || at == RELIEF_request_state_partial || at == RELIEF_request_state_covered)
            ids[count++] = relief_str_of(request_name(i));
    }
    scope.requests.count = count;
    return scope;
}

static int apply(struct world *world, const struct relief_buf *bytes)
{
    struct relief_plan_apply_params params;
    relief_shape_clear(&relief_shape_plan_apply_params, &params);
    params.plan = (struct relief_str){bytes->data, (uint32_t)bytes->len};
    return world_apply(world, RELIEF_METHOD_plan_apply, &params);
}

/* Of every key and value that there is. */
static uint64_t state_hash(struct world *world)
{
    struct core_view *view = store_view(world->store);
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    uint64_t hash = 14695981039346656037u;
    for (unsigned space = 1; space < 256; space++) {
        core_key_start(&prefix, space);
        view->ops->scan(view, &cursor, &prefix, NULL);
        while (view->ops->next(view, &cursor, &key, &value)) {
            for (uint32_t i = 0; i < key.len; i++)
                hash = (hash ^ (uint8_t)key.data[i]) * 1099511628211u;
            for (uint32_t i = 0; i < value.len; i++)
                hash = (hash ^ (uint8_t)value.data[i]) * 1099511628211u;
        }
    }
    return hash;
}

static void check_made(const struct made *made)
{
    const struct relief_plan_leg *legs = made->plan.legs.items;
    const struct relief_plan_request *requests = made->plan.requests.items;
    int64_t covered = 0, minutes = 0;
    for (uint32_t i = 0; i < made->plan.legs.count; i++) {
        covered += legs[i].covers;
        minutes += legs[i].quantity * legs[i].minutes;
        assert_true(legs[i].quantity > 0 && legs[i].covers > 0);
    }
    assert_int_equal(made->plan.covered, covered);
    assert_int_equal(made->plan.unit_minutes, minutes);
    for (uint32_t i = 0; i < made->plan.requests.count; i++) {
        assert_true(requests[i].covered >= 0 && requests[i].covered <= requests[i].quantity);
        assert_true((requests[i].covered == requests[i].quantity) == (requests[i].reasons.count == 0));
        covered -= requests[i].covered;
    }
    assert_int_equal(covered, 0);
}

static void test_applies(void **unused)
{
    uint32_t legs = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        for (int64_t policy = 0; policy < RELIEF_policy_COUNT; policy++) {
            struct relief_str ids[REQUESTS];
            struct world world;
            struct made made;
            world_random(&world, seed, false);
            struct core_plan_scope scope = live_scope(&world, policy, ids);
            uint64_t before = state_hash(&world);
            make(&world, &scope, &made);
            assert_true(state_hash(&world) == before); /* planning changes nothing */
            check_made(&made);
            assert_int_equal(made.plan.gap_permille, 0);
            if (apply(&world, &made.bytes) != 0)
                fail_msg("seed %u, policy %s: %s", (unsigned)seed, relief_enum_policy.names[policy],
                         world.effects.refusal.message);
            world_check(&world);
            legs += made.plan.legs.count;
            if (made.plan.legs.count) {
                before = state_hash(&world);
                assert_int_equal(apply(&world, &made.bytes), RELIEF_STALE);
                assert_true(state_hash(&world) == before);
            }
            made_free(&made);
            world_close(&world);
        }
    }
    assert_true(legs > WORLDS * 4);
}

/* Of some requests only: what their legs leave or free is the others' to have, of whatever kind it is. */
static void test_applies_to_some(void **unused)
{
    uint32_t legs = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= 2 * WORLDS; seed++) {
        struct relief_str ids[REQUESTS];
        struct world world;
        struct made made;
        world_random(&world, seed, false);
        struct core_plan_scope scope = live_scope(&world, (int64_t)(seed % RELIEF_policy_COUNT), ids);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < scope.requests.count; i++)
            if (below(3) == 0)
                ids[kept++] = ids[i];
        scope.requests.count = kept;
        make(&world, &scope, &made);
        check_made(&made);
        if (apply(&world, &made.bytes) != 0)
            fail_msg("seed %u: %s", (unsigned)seed, world.effects.refusal.message);
        world_check(&world);
        legs += made.plan.legs.count;
        made_free(&made);
        world_close(&world);
    }
    assert_true(legs > WORLDS / 2);
}

static void test_rebalances(void **unused)
{
    uint32_t legs = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        struct core_plan_scope scope = {.rebalance = true,
                                        .goal = seed % 2 ? RELIEF_goal_floor : RELIEF_goal_target,
                                        .max_minutes = RELIEF_NIL,
                                        .policy = (int64_t)(seed % RELIEF_policy_COUNT)};
        struct world world;
        struct made made;
        world_random(&world, seed, seed % 3 == 0);
        for (uint32_t i = 0; i < CITIES; i++)
            world_floor(&world, city_name(i), "mask", below(60));
        make(&world, &scope, &made);
        check_made(&made);
        assert_int_equal(made.plan.gap_permille, 0);
        if (apply(&world, &made.bytes) != 0)
            fail_msg("seed %u: %s", (unsigned)seed, world.effects.refusal.message);
        world_check(&world);
        legs += made.plan.legs.count;
        made_free(&made);
        if (scope.policy == RELIEF_policy_effective) { /* nothing of it has left, and nothing is moved twice */
            make(&world, &scope, &made);
            assert_int_equal(made.plan.legs.count, 0);
            made_free(&made);
        }
        world_close(&world);
    }
    assert_true(legs > WORLDS / 2);
}

/* ---- made up ---- */

static void repack(struct made *made)
{
    char digest[65];
    assert_int_equal(core_plan_digest(&made->plan, &made->arena, digest), 0);
    struct relief_str kept = relief_arena_str(&made->arena, relief_str_of(digest));
    made->plan.digest = kept;
    struct relief_buf bytes = RELIEF_BUF_INIT;
    relief_pack_record(&bytes, &relief_shape_plan, &made->plan, 0);
    relief_buf_deinit(&made->bytes);
    made->bytes = bytes;
}

static void bend(struct made *made)
{
    struct relief_plan_leg *legs = made->plan.legs.items, *leg = &legs[below(made->plan.legs.count)];
    struct relief_plan_request *requests = made->plan.requests.items;
    static const int64_t numbers[] = {0, -1, 1, 2, 1000000, INT64_MAX, RELIEF_NIL};
    const int64_t number = numbers[below(sizeof numbers / sizeof *numbers)];
    switch (below(10)) {
    case 0:
        leg->quantity = number;
        break;
    case 1:
        leg->covers = number;
        break;
    case 2:
        leg->quantity = leg->covers = leg->quantity + 1 + below(50);
        break;
    case 3:
        leg->donor = relief_str_of(city_name(below(CITIES)));
        break;
    case 4:
        leg->kind = below(2) ? RELIEF_STR("mask") : RELIEF_STR("nothing");
        break;
    case 5:
        leg->request = relief_str_of(request_name(below(REQUESTS)));
        break;
    case 6:
        legs[0] = *leg; /* twice */
        break;
    case 7:
        made->plan.legs.count -= 1 + below(made->plan.legs.count);
        break;
    case 8:
        requests[0] = requests[made->plan.requests.count - 1];
        break;
    default:
        made->plan.requests.count--;
        break;
    }
}

static void test_made_up(void **unused)
{
    uint32_t refused = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= 10 * WORLDS; seed++) {
        struct relief_str ids[REQUESTS];
        struct world world;
        struct made made;
        world_random(&world, 1 + seed % WORLDS, false);
        struct core_plan_scope scope = live_scope(&world, RELIEF_policy_fair, ids);
        make(&world, &scope, &made);
        state = seed;
        if (made.plan.legs.count) {
            bend(&made);
            repack(&made);
            uint64_t before = state_hash(&world);
            int result = apply(&world, &made.bytes);
            assert_true(result >= 0);
            if (result > 0)
                assert_true(state_hash(&world) == before); /* what was done was taken back */
            refused += result > 0;
            world_check(&world);
        }
        made_free(&made);
        world_close(&world);
    }
    assert_true(refused > 4 * WORLDS);
}

/* ---- best at what it is for ---- */

static int64_t weight_of(struct world *world, const struct made *made)
{
    const struct relief_plan_request *requests = made->plan.requests.items;
    int64_t weight = 0;
    for (uint32_t i = 0; i < made->plan.requests.count; i++) {
        char id[16];
        snprintf(id, sizeof id, "%.*s", (int)requests[i].id.len, requests[i].id.data);
        weight += requests[i].covered * (6 - world_request(world, id).priority);
    }
    return weight;
}

/* Fill rates by rising order, as covered and quantity. */
static void rates_of(const struct made *made, int64_t ret[REQUESTS][2])
{
    const struct relief_plan_request *requests = made->plan.requests.items;
    for (uint32_t i = 0; i < made->plan.requests.count; i++) {
        uint32_t at = i;
        for (; at > 0 && requests[i].covered * ret[at - 1][1] < ret[at - 1][0] * requests[i].quantity; at--)
            memcpy(ret[at], ret[at - 1], sizeof ret[at]);
        ret[at][0] = requests[i].covered;
        ret[at][1] = requests[i].quantity;
    }
}

static void test_best(void **unused)
{
    uint32_t better = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= 3 * WORLDS; seed++) {
        struct relief_str ids[REQUESTS];
        struct world world;
        struct made made[RELIEF_policy_COUNT];
        int64_t weight[RELIEF_policy_COUNT], rates[RELIEF_policy_COUNT][REQUESTS][2];
        world_random(&world, seed, true);
        struct core_plan_scope scope = live_scope(&world, 0, ids);
        for (int64_t policy = 0; policy < RELIEF_policy_COUNT; policy++) {
            scope.policy = policy;
            make(&world, &scope, &made[policy]);
            weight[policy] = weight_of(&world, &made[policy]);
            rates_of(&made[policy], rates[policy]);
        }
        for (int policy = 0; policy < RELIEF_policy_COUNT; policy++) {
            assert_true(weight[RELIEF_policy_effective] >= weight[policy]);
            better += weight[RELIEF_policy_effective] > weight[policy];
            for (uint32_t i = 0; i < scope.requests.count; i++) {
                int64_t fair = rates[RELIEF_policy_fair][i][0] * rates[policy][i][1],
                        other = rates[policy][i][0] * rates[RELIEF_policy_fair][i][1];
                assert_true(fair >= other);
                if (fair > other)
                    break;
            }
            made_free(&made[policy]);
        }
        world_close(&world);
    }
    assert_true(better > WORLDS / 2);
}

/* ---- when there is no time ---- */

/* The best so far can be applied like any plan. */
static void test_time_is_up(void **unused)
{
    uint32_t short_of = 0, legs = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= WORLDS / 3; seed++) {
        for (int64_t policy = 1; policy < RELIEF_policy_COUNT; policy++) {
            struct relief_str ids[REQUESTS];
            struct world world;
            struct made made;
            world_random(&world, seed, seed % 2);
            struct core_plan_scope scope = live_scope(&world, policy, ids);
            make_in(&world, &scope, 0, &made);
            check_made(&made);
            short_of += made.plan.gap_permille > 0;
            legs += made.plan.legs.count;
            assert_int_equal(apply(&world, &made.bytes), 0);
            world_check(&world);
            made_free(&made);
            world_close(&world);
        }
    }
    assert_true(short_of > WORLDS / 6);
    assert_true(legs > WORLDS);
}

/* Large enough that the solver is stopped on its way: what it says of its distance from the best is so. */
static void test_how_far_from_the_best(void **unused)
{
    enum { SIDE = 60, WORLDS_LARGE = 4 };
    static char names[SIDE][8], ids[SIDE][8];
    unsigned longer = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= WORLDS_LARGE; seed++) {
        struct relief_str asked[SIDE];
        struct world world;
        struct made best, made;
        state = seed;
        world_open(&world);
        world_region(&world, "r", NULL, RELIEF_commit_auto);
        world_kind(&world, "mask");
        for (unsigned i = 0; i < SIDE; i++) {
            snprintf(names[i], sizeof names[i], "n%02u", i);
            world_city(&world, names[i], "r", below(3000000), below(3000000));
            world_stock(&world, names[i], "mask", "l", 1 + below(50), RELIEF_NIL);
        }
        for (unsigned i = 0; i < SIDE; i++) {
            snprintf(ids[i], sizeof ids[i], "a%02u", i);
            struct relief_request_submit_params params =
                world_ask(ids[i], names[i], "mask", 1 + below(seed % 2 ? 100 : 20));
            params.priority = 1 + below(5);
            params.own_first = 0;
            assert_int_equal(world_apply(&world, RELIEF_METHOD_request_submit, &params), 0);
            asked[i] = relief_str_of(ids[i]);
        }
        const struct core_plan_scope scope = {.requests = {asked, SIDE, 1},
                                              .policy = RELIEF_policy_effective,
                                              .goal = RELIEF_NIL,
                                              .max_minutes = RELIEF_NIL};
        make(&world, &scope, &best);
        make_in(&world, &scope, 0, &made);
        assert_int_equal(best.plan.gap_permille, 0);
        assert_true(made.plan.gap_permille > 0);
        int64_t most = weight_of(&world, &best), lacks = most - weight_of(&world, &made);
        int64_t more = made.plan.unit_minutes - best.plan.unit_minutes;
        longer += lacks == 0 && more > 0;
        assert_true(lacks * 1000 <= made.plan.gap_permille * most);
        if (lacks == 0)
            assert_true(more * 1000 <= made.plan.gap_permille * made.plan.unit_minutes);
        assert_int_equal(apply(&world, &made.bytes), 0);
        world_check(&world);
        made_free(&best);
        made_free(&made);
        world_close(&world);
    }
    assert_true(longer > 0);
}

struct told {
    unsigned requests, solving, kinds, end_at;
};

static int note_told(void *context, const char *stage, uint32_t done, uint32_t of)
{
    struct told *told = context;
    assert_true(done <= of || strcmp(stage, "solving") == 0);
    told->requests += strcmp(stage, "requests") == 0;
    told->solving += strcmp(stage, "solving") == 0;
    told->kinds += strcmp(stage, "kinds") == 0;
    return told->end_at && told->solving == told->end_at ? -EPIPE : 0;
}

/* One large kind tells how far it is, while it is looked at and while it is solved; whom nobody listens to ends. */
static void test_tells(void **unused)
{
    struct relief_refusal refusal;
    struct told all = {0};
    unsigned ended = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct relief_str ids[REQUESTS];
        struct relief_buf bytes = RELIEF_BUF_INIT;
        struct told told = {0};
        struct world world;
        world_random(&world, seed, true);
        struct core_plan_scope scope = live_scope(&world, RELIEF_policy_fair, ids);
        struct views_plan_make plan = {.from = store_view(world.store),
                                       .seq = world.seq,
                                       .now = world.now,
                                       .scope = &scope,
                                       .bytes_max = 1u << 20,
                                       .solve_ms = VIEWS_PLAN_SOLVE_MS,
                                       .tell = note_told,
                                       .context = &told};
        assert_int_equal(views_plan_make(&plan, &bytes, &refusal), 0);
        assert_int_equal(told.kinds, 1);
        assert_true(told.requests >= scope.requests.count);
        all.solving += told.solving;
        if (told.solving >= 2) {
            told = (struct told){.end_at = 2};
            assert_int_equal(views_plan_make(&plan, &bytes, &refusal), -EPIPE);
            assert_int_equal(told.solving, 2);
            ended++;
        }
        relief_buf_deinit(&bytes);
        world_close(&world);
    }
    assert_true(all.solving > 20 && ended > 2);
}

/* ---- ties (fine print 58) ---- */

static void plain_world(struct world *world)
{
    world_open(world);
    world_region(world, "r", NULL, RELIEF_commit_auto);
    world_kind(world, "mask");
    for (unsigned i = 0; i < CITIES; i++)
        world_city(world, city_name(i), "r", 0, 0);
}

static void ask(struct world *world, const char *id, const char *city, int64_t quantity)
{
    struct relief_request_submit_params params = world_ask(id, city, "mask", quantity);
    params.own_first = 0;
    params.substitutes = 1;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
}

static void expect_legs(struct world *world, int64_t policy, const char *ids[], uint32_t count, const char *wanted)
{
    struct relief_str names[REQUESTS];
    struct made made;
    char text[256] = "";
    for (uint32_t i = 0; i < count; i++)
        names[i] = relief_str_of(ids[i]);
    const struct core_plan_scope scope = {
        .requests = {names, count, 1}, .policy = policy, .goal = RELIEF_NIL, .max_minutes = RELIEF_NIL};
    make(world, &scope, &made);
    const struct relief_plan_leg *legs = made.plan.legs.items;
    for (uint32_t i = 0; i < made.plan.legs.count; i++) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%.*s-%.*s:%lld ", (int)legs[i].donor.len, legs[i].donor.data,
                 (int)legs[i].request.len, legs[i].request.data, (long long)legs[i].quantity);
    }
    assert_string_equal(text, wanted);
    made_free(&made);
}

/* All are equally far: donors in the order of their codes, to requests in the order of their ids, not of their times.
 */
static void test_ties(void **unused)
{
    const char *ids[] = {"b", "a", "c"};
    struct world world;
    (void)unused;
    plain_world(&world);
    world_stock(&world, "c3", "mask", "l", 5, RELIEF_NIL);
    world_stock(&world, "c1", "mask", "l", 4, RELIEF_NIL);
    world_stock(&world, "c2", "mask", "l", 7, RELIEF_NIL);
    ask(&world, "b", "c5", 6);
    world.now++;
    ask(&world, "a", "c6", 6);
    world.now++;
    ask(&world, "c", "c7", 6);
    expect_legs(&world, RELIEF_policy_effective, ids, 2, "c2-b:5 c3-b:1 c1-a:4 c2-a:2 ");
    expect_legs(&world, RELIEF_policy_effective, ids, 3, "c2-b:5 c3-b:1 c1-a:4 c2-a:2 c3-c:4 ");
    expect_legs(&world, RELIEF_policy_fair, ids, 3, "c2-b:5 c1-a:4 c2-a:2 c3-c:5 ");
    expect_legs(&world, RELIEF_policy_equal, ids, 3, "c2-b:5 c1-a:4 c2-a:2 c3-c:5 ");
    world_close(&world);
}

/* Who of two that want the same has the unit more is the shorter way's to say. */
static void test_fair_goes_the_shorter_way(void **unused)
{
    const char *ids[] = {"a", "b", "c"};
    struct world world;
    (void)unused;
    plain_world(&world);
    world_link(&world, "c1", "c5", 100, true);
    world_link(&world, "c1", "c6", 30, true);
    world_link(&world, "c1", "c7", 20, true);
    world_stock(&world, "c1", "mask", "l", 7, RELIEF_NIL);
    ask(&world, "a", "c5", 6);
    ask(&world, "b", "c6", 6);
    ask(&world, "c", "c7", 5);
    expect_legs(&world, RELIEF_policy_fair, ids, 2, "c1-a:3 c1-b:4 ");
    expect_legs(&world, RELIEF_policy_fair, ids, 3, "c1-a:2 c1-b:3 c1-c:2 ");
    world_close(&world);
}

/* What stands in is shared out like the kind itself, with what each has of that: 20 only a can have, 60 in 30 packs. */
static void test_substitutes_are_shared(void **unused)
{
    const char *ids[] = {"a", "b"};
    struct world world;
    (void)unused;
    plain_world(&world);
    static const struct relief_substitute substitute = {.kind = {"gauze", 5}, .give = 3, .for_ = 2};
    struct relief_kind_put_params params;
    world_kind(&world, "gauze");
    relief_shape_clear(&relief_shape_kind_put_params, &params);
    params.code = RELIEF_STR("mask");
    params.name = params.unit = RELIEF_STR("piece");
    params.class_ = RELIEF_class_supply;
    params.min_life_days = 0;
    params.substitutes = (struct relief_list){(void *)(uintptr_t)&substitute, 1, 1};
    assert_int_equal(world_apply(&world, RELIEF_METHOD_kind_put, &params), 0);
    world_stock(&world, "c1", "gauze", "l", 91, RELIEF_NIL);
    world_stock(&world, "c2", "mask", "l", 20, RELIEF_NIL);
    world_link(&world, "c2", "c6", 100, false);
    ask(&world, "a", "c5", 60);
    ask(&world, "b", "c6", 60);
    expect_legs(&world, RELIEF_policy_fair, ids, 2, "c2-a:20 c1-a:30 c1-b:60 ");
    expect_legs(&world, RELIEF_policy_effective, ids, 2, "c2-a:20 c1-a:60 c1-b:30 ");
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_applies),
                                       cmocka_unit_test(test_applies_to_some),
                                       cmocka_unit_test(test_rebalances),
                                       cmocka_unit_test(test_made_up),
                                       cmocka_unit_test(test_best),
                                       cmocka_unit_test(test_time_is_up),
                                       cmocka_unit_test(test_how_far_from_the_best),
                                       cmocka_unit_test(test_tells),
                                       cmocka_unit_test(test_ties),
                                       cmocka_unit_test(test_fair_goes_the_shorter_way),
                                       cmocka_unit_test(test_substitutes_are_shared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
