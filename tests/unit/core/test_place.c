/*
 * core/place.c and core/rights.c: the tree of regions and its bounds, whose a place is, and which changes of places and
 * kinds have requests looked at again (fine print 11, 15, 24).
 */
#include "world.h"

#define CLEARED(method, name)                                                                                          \
    struct relief_##method##_params name;                                                                              \
    relief_shape_clear(&relief_shape_##method##_params, &name)
#define APPLY(world, method, params) world_apply(world, RELIEF_METHOD_##method, params)

static int setup(void **state)
{
    static struct world world;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_NIL);
    world_region(&world, "east", "land", RELIEF_NIL);
    world_region(&world, "west", "land", RELIEF_NIL);
    world_region(&world, "isle", NULL, RELIEF_NIL);
    world_city(&world, "a", "east", 0, 0);
    world_city(&world, "b", "west", 0, 500000); /* 78 minutes */
    world_city(&world, "far", "isle", 0, 300000);
    world_kind(&world, "tent");
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_check(*state);
    world_close(*state);
    return 0;
}

static void be_local(struct world *world)
{
    world->who = (struct core_identity){.name = RELIEF_STR("local"), .role = RELIEF_role_local};
}

static int put_region(struct world *world, const char *id, const char *parent)
{
    CLEARED(region_put, params);
    params.id = params.name = relief_str_of(id);
    params.parent = relief_str_of(parent);
    return APPLY(world, region_put, &params);
}

static int put_city(struct world *world, const char *code, const char *region)
{
    CLEARED(city_put, params);
    params.code = params.name = relief_str_of(code);
    params.region = relief_str_of(region);
    params.lat = params.lon = 0;
    return APPLY(world, city_put, &params);
}

static void assert_refused(struct world *world, int got, int error, const char *field)
{
    assert_int_equal(got, error);
    assert_string_equal(world->effects.refusal.field, field);
}

static void test_no_circle(void **state)
{
    struct world *world = *state;
    assert_refused(world, put_region(world, "new", "new"), RELIEF_BAD_PARAMS, "parent");
    assert_refused(world, put_region(world, "new", "ghost"), RELIEF_NOT_FOUND, "parent");
    assert_refused(world, put_region(world, "land", "land"), RELIEF_BAD_PARAMS, "parent");
    assert_refused(world, put_region(world, "land", "east"), RELIEF_BAD_PARAMS, "parent");
}

/* A tree is at most so many regions deep, wherever the part that is too much comes from. */
static void test_depth(void **state)
{
    struct world *world = *state;
    char id[16], above[16];
    for (int i = 0; i < RELIEF_REGION_DEPTH_MAX; i++) {
        snprintf(id, sizeof id, "d%d", i);
        snprintf(above, sizeof above, "d%d", i - 1);
        assert_int_equal(put_region(world, id, i ? above : NULL), 0);
    }
    assert_refused(world, put_region(world, "one-more", id), RELIEF_BAD_PARAMS, "parent");
    assert_refused(world, put_region(world, "d0", "isle"), RELIEF_BAD_PARAMS, "parent"); /* pushes all of them down */
    assert_int_equal(put_region(world, "d1", "isle"), 0);                                /* one less: fits */
    assert_refused(world, put_region(world, "isle", "land"), RELIEF_BAD_PARAMS, "parent");
    assert_int_equal(put_region(world, "d1", "d0"), 0);
    assert_refused(world, put_region(world, "one-more", id), RELIEF_BAD_PARAMS, "parent");
    assert_int_equal(put_city(world, "deep", id), 0); /* a city of the deepest belongs to the highest */
    world_as(world, RELIEF_role_coordinator, "d0");
    assert_int_equal(put_city(world, "deep", id), 0);
    world_as(world, RELIEF_role_coordinator, "isle");
    assert_int_equal(put_city(world, "deep", id), RELIEF_DENIED);
}

static void test_whose_regions(void **state)
{
    struct world *world = *state;
    world_as(world, RELIEF_role_coordinator, "east");
    assert_int_equal(put_region(world, "east", "land"), 0); /* its own, where it is */
    assert_int_equal(put_region(world, "east-1", "east"), 0);
    assert_int_equal(put_region(world, "west", "land"), RELIEF_DENIED);
    assert_int_equal(put_region(world, "west-1", "west"), RELIEF_DENIED);
    assert_int_equal(put_region(world, "east-1", "land"), RELIEF_DENIED); /* out of its hands */
    assert_int_equal(put_region(world, "east", NULL), RELIEF_DENIED);
    assert_int_equal(put_region(world, "root", NULL), RELIEF_DENIED);
    world_as(world, RELIEF_role_coordinator, NULL);
    assert_int_equal(put_region(world, "root", NULL), 0);
    world_as(world, RELIEF_role_coordinator, "ghost"); /* an identity may name a region that is not there */
    assert_int_equal(put_region(world, "east", "land"), RELIEF_DENIED);
}

static void test_whose_cities(void **state)
{
    struct world *world = *state;
    CLEARED(city_mode, mode);
    mode.code = RELIEF_STR("ghost");
    mode.mode = RELIEF_mode_emergency;
    assert_refused(world, APPLY(world, city_mode, &mode), RELIEF_NOT_FOUND, "code");
    assert_refused(world, put_city(world, "a", "ghost"), RELIEF_NOT_FOUND, "region");
    mode.code = RELIEF_STR("a");
    world_as(world, RELIEF_role_coordinator, "east");
    assert_int_equal(put_city(world, "new", "east"), 0);
    assert_int_equal(put_city(world, "b", "east"), RELIEF_DENIED);   /* taken from the west */
    assert_int_equal(put_city(world, "new", "west"), RELIEF_DENIED); /* given to it */
    assert_int_equal(APPLY(world, city_mode, &mode), 0);
    mode.code = RELIEF_STR("b");
    assert_int_equal(APPLY(world, city_mode, &mode), RELIEF_DENIED);
    world_as(world, RELIEF_role_city, "b");
    assert_int_equal(APPLY(world, city_mode, &mode), 0);
    assert_int_equal(APPLY(world, city_mode, &mode), 0); /* the mode that it has: done, nothing changes */
    assert_int_equal(world->effects.count, 0);
    mode.code = RELIEF_STR("a");
    assert_int_equal(APPLY(world, city_mode, &mode), RELIEF_DENIED);
}

static void test_links(void **state)
{
    struct world *world = *state;
    CLEARED(link_put, link);
    link.from = RELIEF_STR("a");
    link.to = RELIEF_STR("a");
    link.minutes = 10;
    link.open = 1;
    link.both = 0;
    assert_refused(world, APPLY(world, link_put, &link), RELIEF_BAD_PARAMS, "to");
    link.to = RELIEF_STR("ghost");
    assert_refused(world, APPLY(world, link_put, &link), RELIEF_NOT_FOUND, "to");
    link.from = RELIEF_STR("ghost");
    link.to = RELIEF_STR("a");
    assert_refused(world, APPLY(world, link_put, &link), RELIEF_NOT_FOUND, "from");
    world_as(world, RELIEF_role_coordinator, "east"); /* both ends have to be its own */
    link.from = RELIEF_STR("a");
    link.to = RELIEF_STR("b");
    assert_int_equal(APPLY(world, link_put, &link), RELIEF_DENIED);
    link.from = RELIEF_STR("b");
    link.to = RELIEF_STR("a");
    assert_int_equal(APPLY(world, link_put, &link), RELIEF_DENIED);
    world_as(world, RELIEF_role_coordinator, "land");
    assert_int_equal(APPLY(world, link_put, &link), 0);
    assert_int_equal(world->effects.count, 1);
    link.both = 1;
    link.minutes = 11;
    assert_int_equal(APPLY(world, link_put, &link), 0);
    assert_int_equal(world->effects.count, 2);
}

/* What counts for all is a root's coordinator's: the estimate of travel, and a kind that is there already. */
static void test_what_counts_for_all(void **state)
{
    static const struct {
        const char *region;
        int error;
    } cases[] = {{NULL, 0}, {"land", 0}, {"east", RELIEF_DENIED}, {"ghost", RELIEF_DENIED}};
    struct world *world = *state;
    CLEARED(travel_put, travel);
    CLEARED(kind_put, kind);
    travel.permille = 1400;
    travel.km_per_hour = 60;
    kind.code = kind.name = RELIEF_STR("tent");
    kind.unit = RELIEF_STR("piece");
    kind.class_ = RELIEF_class_supply;
    kind.min_life_days = 0;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        world_as(world, RELIEF_role_coordinator, cases[i].region);
        assert_int_equal(APPLY(world, travel_put, &travel), cases[i].error);
        assert_int_equal(APPLY(world, kind_put, &kind), cases[i].error);
    }
    world_as(world, RELIEF_role_coordinator, "east"); /* a new one any coordinator adds */
    kind.code = RELIEF_STR("tarp");
    assert_int_equal(APPLY(world, kind_put, &kind), 0);
    assert_int_equal(APPLY(world, kind_put, &kind), RELIEF_DENIED);
    world_as(world, RELIEF_role_operator, NULL);
    assert_int_equal(APPLY(world, travel_put, &travel), RELIEF_DENIED);
    be_local(world);
    assert_int_equal(APPLY(world, travel_put, &travel), 0);
}

static void ask(struct world *world, const char *id, int64_t max_level)
{
    struct relief_request_submit_params params = world_ask(id, "a", "tent", 5);
    params.max_level = max_level;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
    assert_int_equal(world_request(world, id).covered, 0);
}

static int tune_region(struct world *world, const char *id, const char *parent, int64_t agreement, int64_t minutes)
{
    CLEARED(region_put, params);
    params.id = params.name = relief_str_of(id);
    params.parent = relief_str_of(parent);
    params.agreement = agreement;
    params.neighbour_minutes = minutes;
    return APPLY(world, region_put, &params);
}

/* More minutes make neighbours, a default makes donors, another parent moves the rings. */
static void test_a_region_wakes(void **state)
{
    struct world *world = *state;
    world_stock(world, "b", "tent", "0", 100, RELIEF_NIL);
    assert_int_equal(tune_region(world, "east", "land", RELIEF_NIL, 60), 0);
    assert_int_equal(tune_region(world, "land", NULL, RELIEF_commit_auto, RELIEF_NIL), 0);
    ask(world, "near", 1);
    assert_int_equal(tune_region(world, "east", "land", RELIEF_NIL, 77), 0);
    assert_int_equal(world_request(world, "near").covered, 0);
    assert_int_equal(tune_region(world, "east", "land", RELIEF_NIL, 78), 0);
    assert_int_equal(world_request(world, "near").covered, 5);
    assert_int_equal(world_leg(world, "near/1").level, 1);
    assert_int_equal(tune_region(world, "east", "land", RELIEF_NIL, 10), 0);
    assert_int_equal(tune_region(world, "land", NULL, RELIEF_NIL, RELIEF_NIL), 0);
    ask(world, "default", 3);
    assert_int_equal(tune_region(world, "land", NULL, RELIEF_commit_auto, RELIEF_NIL), 0);
    assert_int_equal(world_request(world, "default").covered, 5);
    assert_int_equal(tune_region(world, "west", "isle", RELIEF_NIL, RELIEF_NIL), 0);
    ask(world, "ring", 3);
    assert_int_equal(tune_region(world, "west", "land", RELIEF_NIL, RELIEF_NIL), 0);
    assert_int_equal(world_request(world, "ring").covered, 5);
    assert_int_equal(tune_region(world, "east", "land", RELIEF_NIL, RELIEF_NIL), 0); /* back to 240 */
    assert_int_equal(tune_region(world, "east", "land", RELIEF_NIL, 240), 0);        /* the same */
}

/* city.put with another place, or with a mode, does what moving there or city.mode would do. */
static void test_a_city_wakes(void **state)
{
    struct world *world = *state;
    CLEARED(stock_floor, floor);
    CLEARED(city_put, city);
    struct relief_city now;
    assert_int_equal(tune_region(world, "land", NULL, RELIEF_commit_auto, RELIEF_NIL), 0);
    world_stock(world, "b", "tent", "0", 100, RELIEF_NIL);
    floor.city = RELIEF_STR("b");
    floor.kind = RELIEF_STR("tent");
    floor.floor = 100;
    floor.emergency_floor = 90;
    assert_int_equal(APPLY(world, stock_floor, &floor), 0);
    ask(world, "r", 3);
    city.code = city.name = RELIEF_STR("b");
    city.region = RELIEF_STR("west");
    city.lat = 0;
    city.lon = 500000;
    city.mode = RELIEF_mode_emergency;
    assert_int_equal(APPLY(world, city_put, &city), 0);
    assert_int_equal(world_request(world, "r").covered, 5);
    city.mode = RELIEF_NIL; /* keeps the mode */
    city.name = RELIEF_STR("B");
    assert_int_equal(APPLY(world, city_put, &city), 0);
    now = *(const struct relief_city *)world->effects.answer;
    assert_int_equal(now.mode, RELIEF_mode_emergency);
    assert_true(relief_str_eq(now.name, city.name));

    /* from another root it gives nothing; moved home it does */
    city.region = RELIEF_STR("isle");
    assert_int_equal(APPLY(world, city_put, &city), 0);
    ask(world, "q", 3);
    city.region = RELIEF_STR("west");
    assert_int_equal(APPLY(world, city_put, &city), 0);
    assert_int_equal(world_request(world, "q").covered, 5);

    /* too far to arrive in time; a little north, it is near enough */
    struct relief_request_submit_params late = world_ask("n", "far", "tent", 1);
    late.max_level = 3;
    late.needed_by = world->now + 30 * RELIEF_MINUTE_MS;
    be_local(world);
    assert_int_equal(tune_region(world, "isle", "land", RELIEF_commit_auto, RELIEF_NIL), 0);
    world_floor(world, "b", "tent", 0);
    assert_int_equal(APPLY(world, request_submit, &late), 0);
    assert_int_equal(world_request(world, "n").covered, 0);
    city.lat = 1000;
    city.lon = 301000;
    assert_int_equal(APPLY(world, city_put, &city), 0);
    assert_int_equal(world_request(world, "n").covered, 1);
}

/* Class and unit are fixed once a kind was used; what else changes how it is matched wakes its requests. */
static void test_kinds(void **state)
{
    struct world *world = *state;
    struct relief_substitute stand_in[] = {{RELIEF_STR("tarp"), 2, 1}};
    CLEARED(kind_put, kind);
    kind.code = kind.name = RELIEF_STR("tent");
    kind.unit = RELIEF_STR("box");
    kind.class_ = RELIEF_class_equipment;
    kind.min_life_days = 0;
    assert_int_equal(APPLY(world, kind_put, &kind), 0); /* never used: may become anything */
    assert_true(((const struct relief_kind *)world->effects.answer)->returnable);
    kind.class_ = RELIEF_class_supply;
    assert_int_equal(APPLY(world, kind_put, &kind), 0);
    assert_false(((const struct relief_kind *)world->effects.answer)->returnable);
    world_kind(world, "tarp");
    assert_int_equal(tune_region(world, "land", NULL, RELIEF_commit_auto, RELIEF_NIL), 0);
    world_stock(world, "b", "tarp", "0", 100, RELIEF_NIL);
    struct relief_request_submit_params params = world_ask("s", "a", "tent", 5);
    params.max_level = 3;
    params.substitutes = 1;
    assert_int_equal(APPLY(world, request_submit, &params), 0);
    kind.unit = RELIEF_STR("crate");
    assert_int_equal(APPLY(world, kind_put, &kind), RELIEF_BAD_STATE);
    assert_string_equal(world->effects.refusal.state, "used");
    kind.unit = RELIEF_STR("box");
    kind.class_ = RELIEF_class_team;
    assert_int_equal(APPLY(world, kind_put, &kind), RELIEF_BAD_STATE);
    kind.class_ = RELIEF_class_supply;
    kind.substitutes = (struct relief_list){stand_in, 1, 1};
    assert_int_equal(APPLY(world, kind_put, &kind), 0);
    assert_int_equal(world_request(world, "s").covered, 5);
    assert_int_equal(world_leg(world, "s/1").quantity, 10);
    for (int i = 0; i < 4; i++) { /* one thing of the list changes each time */
        if (i == 0)
            stand_in[0].give = 3;
        else if (i == 1)
            stand_in[0].for_ = 2;
        else if (i == 2)
            stand_in[0].kind = RELIEF_STR("water"); /* not there yet: gives nothing until it is */
        else
            kind.operator_ = RELIEF_STR("crew");
        assert_int_equal(APPLY(world, kind_put, &kind), 0);
        assert_int_equal(world_request(world, "s").covered, 5);
    }

    /* life that must remain: what was too old may go when less is asked */
    kind.operator_ = RELIEF_STR_NONE;
    kind.min_life_days = 10;
    assert_int_equal(APPLY(world, kind_put, &kind), 0);
    world_stock(world, "b", "tent", "short", 100, world->now + 2 * RELIEF_DAY_MS);
    params = world_ask("life", "a", "tent", 5);
    params.max_level = 3;
    assert_int_equal(APPLY(world, request_submit, &params), 0);
    assert_int_equal(world_request(world, "life").covered, 0);
    kind.min_life_days = 1;
    assert_int_equal(APPLY(world, kind_put, &kind), 0);
    assert_int_equal(world_request(world, "life").covered, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_circle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whose_regions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whose_cities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_counts_for_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_region_wakes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_city_wakes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
