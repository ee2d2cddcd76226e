/* core/rights.c as a table: every role and place against a city and a region (DESIGN 7). */
#include "world.h"
#include "core/work.h"

static struct world world;

/* land > east > vale (region), west; city a in vale, b in west. */
static int setup(void **state)
{
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_NIL);
    world_region(&world, "east", "land", RELIEF_NIL);
    world_region(&world, "vale", "east", RELIEF_NIL);
    world_region(&world, "west", "land", RELIEF_NIL);
    world_city(&world, "a", "vale", 0, 0);
    world_city(&world, "b", "west", 0, 1);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static const struct {
    enum relief_role role;
    const char *place;
    bool city, region, at,
        everywhere; /* may: what is city a's, what is region vale's, either of them, what is everybody's */
} rows[] = {
    {RELIEF_role_local, NULL, true, true, true, true},
    {RELIEF_role_city, "a", true, false, true, false},
    {RELIEF_role_city, "b", false, false, false, false},
    {RELIEF_role_coordinator, NULL, false, true, true, true},
    {RELIEF_role_coordinator, "land", false, true, true, true},
    {RELIEF_role_coordinator, "east", false, true, true, false},
    {RELIEF_role_coordinator, "vale", false, true, true, false},
    {RELIEF_role_coordinator, "west", false, false, false, false},
    {RELIEF_role_coordinator, "ghost", false, false, false, false},
    {RELIEF_role_auditor, NULL, false, false, false, false},
    {RELIEF_role_operator, NULL, false, false, false, false},
};

static void test_every_role(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct relief_city a;
        struct core_entry entry = {.seq = 1, .time = world.now};
        world_as(&world, rows[i].role, rows[i].place);
        entry.who = world.who;
        struct core_work work = {.core = &world.core,
                                 .view = world.core.view,
                                 .arena = &world.effects.arena,
                                 .entry = &entry,
                                 .fx = &world.effects,
                                 .now = world.now};
        assert_true(work_city(&work, RELIEF_STR("a"), &a));
        assert_int_equal(rights_city(&work, a.code), rows[i].city ? 0 : RELIEF_DENIED);
        assert_int_equal(rights_coordinator(&work, a.region), rows[i].region ? 0 : RELIEF_DENIED);
        assert_int_equal(rights_place(&work, &a), rows[i].at ? 0 : RELIEF_DENIED);
        assert_int_equal(rights_everywhere(&work), rows[i].everywhere ? 0 : RELIEF_DENIED);
        /* a region that isn't there belongs to nobody but who has all */
        assert_int_equal(rights_coordinator(&work, RELIEF_STR("nowhere")),
                         rows[i].role == RELIEF_role_local ||
                                 (rows[i].role == RELIEF_role_coordinator && !rows[i].place)
                             ? 0
                             : RELIEF_DENIED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_every_role, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
