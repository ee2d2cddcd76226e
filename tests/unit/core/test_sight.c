/* core/sight.c: who sees how much of a city, which sums, and what is left of a candidate (DESIGN 7). */
#include "world.h"
#include "core/sight.h"

static struct relief_arena arena;

static void region(struct world *world, const char *id, const char *parent, int64_t shares)
{
    struct relief_region_put_params params;
    relief_shape_clear(&relief_shape_region_put_params, &params);
    params.id = params.name = relief_str_of(id);
    params.parent = relief_str_of(parent);
    params.shares = shares;
    assert_int_equal(world_apply(world, RELIEF_METHOD_region_put, &params), 0);
}

/* land > north > (valley, hills), land > south; isle is a root of its own. */
static int setup(void **state)
{
    static struct world world;
    world_open(&world);
    assert_int_equal(relief_arena_init(&arena, (size_t)1 << 20), 0);
    region(&world, "land", NULL, RELIEF_NIL);
    region(&world, "north", "land", RELIEF_shares_exact);
    region(&world, "valley", "north", RELIEF_NIL);
    region(&world, "hills", "north", RELIEF_shares_nothing);
    region(&world, "south", "land", RELIEF_NIL);
    region(&world, "isle", NULL, RELIEF_shares_exact);
    world_city(&world, "vale", "valley", 0, 0);
    world_city(&world, "ford", "valley", 0, 1);
    world_city(&world, "peak", "hills", 0, 2);
    world_city(&world, "crag", "hills", 0, 3);
    world_city(&world, "port", "south", 0, 4);
    world_city(&world, "dock", "south", 0, 5);
    world_city(&world, "reef", "isle", 0, 6);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    relief_arena_deinit(&arena);
    world_close(*state);
    return 0;
}

static struct core_sight sight_as(struct world *world, enum relief_role role, const char *place)
{
    struct core_sight sight;
    world_as(world, role, place);
    core_sight_start(&sight, world->core.view, &arena, &world->who);
    return sight;
}

static enum relief_shares of(struct core_sight *sight, const char *city)
{
    size_t used = arena.used;
    enum relief_shares first = core_sight_of(sight, relief_str_of(city));
    assert_int_equal(core_sight_of(sight, relief_str_of(city)), first); /* looked at last: the same again */
    assert_int_equal(arena.used, used);
    return first;
}

static void test_who_sees_everything(void **state)
{
    static const enum relief_role roles[] = {RELIEF_role_local, RELIEF_role_auditor, RELIEF_role_coordinator};
    for (unsigned i = 0; i < 3; i++) {
        struct core_sight sight = sight_as(*state, roles[i], NULL);
        assert_int_equal(of(&sight, "vale"), RELIEF_shares_exact);
        assert_int_equal(of(&sight, "reef"), RELIEF_shares_exact);
        assert_true(core_sight_sums(&sight, RELIEF_STR("isle")));
        assert_true(core_sight_sums(&sight, RELIEF_STR_NONE));
        assert_true(core_sight_sums_whole(&sight, RELIEF_STR("isle")));
        assert_false(core_sight_is_regional(&sight));
        assert_int_equal(core_sight_ours(&sight)->count, 0);
    }
}

/* The lowest region that holds both and says so decides; nobody says: available; none holds both: nothing. */
static void test_a_city(void **state)
{
    struct core_sight vale = sight_as(*state, RELIEF_role_city, "vale"), peak, port, ghost;
    assert_int_equal(of(&vale, "vale"), RELIEF_shares_exact);
    assert_int_equal(of(&vale, "ford"), RELIEF_shares_exact); /* valley is silent, north says so */
    assert_int_equal(of(&vale, "peak"), RELIEF_shares_exact); /* north holds both; hills is peak's alone */
    assert_int_equal(of(&vale, "port"), RELIEF_shares_available);
    assert_int_equal(of(&vale, "reef"), RELIEF_shares_nothing);
    assert_int_equal(of(&vale, "nowhere"), RELIEF_shares_nothing);
    peak = sight_as(*state, RELIEF_role_city, "peak");
    assert_int_equal(of(&peak, "crag"), RELIEF_shares_nothing);
    assert_int_equal(of(&peak, "vale"), RELIEF_shares_exact);
    port = sight_as(*state, RELIEF_role_city, "port");
    assert_int_equal(of(&port, "dock"), RELIEF_shares_available);
    ghost = sight_as(*state, RELIEF_role_city, "nowhere"); /* narrowed to before it was put */
    assert_int_equal(of(&ghost, "nowhere"), RELIEF_shares_exact);
    assert_int_equal(of(&ghost, "vale"), RELIEF_shares_nothing);
    assert_false(core_sight_is_regional(&vale));
}

static void test_a_regions_coordinator(void **state)
{
    struct core_sight north = sight_as(*state, RELIEF_role_coordinator, "north"), valley, ghost;
    assert_true(core_sight_is_regional(&north));
    assert_int_equal(of(&north, "vale"), RELIEF_shares_exact);
    assert_int_equal(of(&north, "crag"), RELIEF_shares_exact); /* below it, whatever hills tells cities */
    assert_int_equal(of(&north, "port"), RELIEF_shares_available);
    assert_int_equal(of(&north, "reef"), RELIEF_shares_nothing);
    valley = sight_as(*state, RELIEF_role_coordinator, "valley");
    assert_int_equal(of(&valley, "crag"), RELIEF_shares_exact); /* outside; north shares exactly */
    ghost = sight_as(*state, RELIEF_role_coordinator, "nowhere");
    assert_int_equal(of(&ghost, "vale"), RELIEF_shares_nothing);
}

/* An operator runs the daemon and sees nobody's stock. */
static void test_an_operator(void **state)
{
    struct core_sight sight = sight_as(*state, RELIEF_role_operator, NULL);
    assert_int_equal(of(&sight, "vale"), RELIEF_shares_nothing);
    assert_int_equal(core_sight_ours(&sight)->count, 0);
    assert_false(core_sight_sums(&sight, RELIEF_STR("land")));
    assert_false(core_sight_is_regional(&sight));
}

static void test_sums(void **state)
{
    struct core_sight vale = sight_as(*state, RELIEF_role_city, "vale"), peak, north;
    assert_false(core_sight_sums(&vale, RELIEF_STR_NONE));
    assert_true(core_sight_sums(&vale, RELIEF_STR("valley")));
    assert_true(core_sight_sums(&vale, RELIEF_STR("land")));
    assert_false(core_sight_sums(&vale, RELIEF_STR("hills")));
    assert_false(core_sight_sums(&vale, RELIEF_STR("isle")));
    assert_true(core_sight_sums_whole(&vale, RELIEF_STR("valley"))); /* north says it for the valley */
    assert_true(core_sight_sums_whole(&vale, RELIEF_STR("north")));
    assert_false(core_sight_sums_whole(&vale, RELIEF_STR("land"))); /* nobody says it for the land */
    assert_false(core_sight_sums_whole(&vale, RELIEF_STR("isle")));
    peak = sight_as(*state, RELIEF_role_city, "peak");
    assert_false(core_sight_sums_whole(&peak, RELIEF_STR("hills")));
    assert_false(core_sight_sums_whole(&peak, RELIEF_STR("north"))); /* its hills share nothing */
    north = sight_as(*state, RELIEF_role_coordinator, "north");
    assert_true(core_sight_sums(&north, RELIEF_STR("north")));
    assert_true(core_sight_sums(&north, RELIEF_STR("hills")));
    assert_false(core_sight_sums(&north, RELIEF_STR("land")));
    assert_false(core_sight_sums(&north, RELIEF_STR("nowhere")));
    assert_true(core_sight_sums_whole(&north, RELIEF_STR("hills")));
}

static void test_candidates(void **state)
{
    struct core_sight vale = sight_as(*state, RELIEF_role_city, "vale");
    static const struct {
        const char *city;
        bool available, rest;
    } cases[] = {{"ford", true, true}, {"port", true, false}, {"reef", false, false}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct relief_candidate candidate = {
            .city = relief_str_of(cases[i].city), .available = 1, .floor = 2, .held = 3, .reserved = 4, .gives = 1};
        core_sight_candidate(&vale, &candidate);
        assert_int_equal(candidate.available, cases[i].available ? 1 : RELIEF_NIL);
        assert_int_equal(candidate.floor, cases[i].rest ? 2 : RELIEF_NIL);
        assert_int_equal(candidate.held, cases[i].rest ? 3 : RELIEF_NIL);
        assert_int_equal(candidate.reserved, cases[i].rest ? 4 : RELIEF_NIL);
        assert_int_equal(candidate.gives, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_sees_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_city, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_regions_coordinator, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_operator, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sums, setup, teardown),
        cmocka_unit_test_setup_teardown(test_candidates, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
