/*
 * core/incident.c: who opens, changes and closes an incident, what an affected city may do by itself (fine print 15,
 * 25), and what agreements ask of their parties and do to requests that wait (fine print 21).
 */
#include "world.h"

#define CLEARED(method, name)                                                                                          \
    struct relief_##method##_params name;                                                                              \
    relief_shape_clear(&relief_shape_##method##_params, &name)
#define APPLY(world, method, params) world_apply(world, RELIEF_METHOD_##method, params)

static struct relief_list ids(struct relief_str *items, uint32_t count)
{
    return (struct relief_list){items, count, 1};
}

/* land holds east (a, b) and west (c); isle is apart and holds far. */
static int setup(void **state)
{
    static struct world world;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_NIL);
    world_region(&world, "east", "land", RELIEF_NIL);
    world_region(&world, "west", "land", RELIEF_NIL);
    world_region(&world, "isle", NULL, RELIEF_NIL);
    world_city(&world, "a", "east", 0, 0);
    world_city(&world, "b", "east", 0, 100000);
    world_city(&world, "c", "west", 0, 200000);
    world_city(&world, "far", "isle", 0, 300000);
    world_kind(&world, "tent");
    world_kind(&world, "water");
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

static struct relief_str affected[] = {{"b", 1}, {"c", 1}}, donating[] = {{"b", 1}};

static struct relief_incident_open_params flood(void)
{
    CLEARED(incident_open, params);
    params.id = RELIEF_STR("flood");
    params.category = RELIEF_category_natural;
    params.level = 2;
    params.origin = RELIEF_STR("a");
    params.affected = ids(affected, 2);
    params.donating = ids(donating, 1);
    params.title = RELIEF_STR("the dam broke");
    return params;
}

static struct relief_incident incident(struct world *world)
{
    assert_ptr_equal(world->effects.answer_shape, &relief_shape_incident);
    return *(const struct relief_incident *)world->effects.answer;
}

static void assert_refused(struct world *world, int got, int error, const char *field)
{
    assert_int_equal(got, error);
    assert_string_equal(world->effects.refusal.field, field);
}

static void test_what_an_opening_names_must_be_there(void **state)
{
    struct world *world = *state;
    struct relief_str ghost[] = {RELIEF_STR("ghost")}, outside[] = {RELIEF_STR("far")};
    struct relief_incident_open_params params = flood();
    params.origin = ghost[0];
    assert_refused(world, APPLY(world, incident_open, &params), RELIEF_NOT_FOUND, "origin");
    params = flood();
    params.affected = ids(ghost, 1);
    assert_refused(world, APPLY(world, incident_open, &params), RELIEF_NOT_FOUND, "affected");
    params = flood();
    params.donating = ids(ghost, 1);
    assert_refused(world, APPLY(world, incident_open, &params), RELIEF_NOT_FOUND, "donating");
    params.donating = ids(outside, 1); /* there, but not affected */
    assert_refused(world, APPLY(world, incident_open, &params), RELIEF_BAD_PARAMS, "donating");
    params.origin = ghost[0]; /* not found comes before */
    assert_refused(world, APPLY(world, incident_open, &params), RELIEF_NOT_FOUND, "origin");
    world_as(world, RELIEF_role_coordinator, "west"); /* and denied before what is wrong in it */
    params.origin = RELIEF_STR("a");
    assert_int_equal(APPLY(world, incident_open, &params), RELIEF_DENIED);
}

/* The same once more answers the record; anything else under the id is EXISTS. */
static void test_opened_again(void **state)
{
    struct world *world = *state;
    struct relief_str swapped[] = {RELIEF_STR("c"), RELIEF_STR("b")}, origin[] = {RELIEF_STR("a")};
    struct relief_incident_open_params first = flood(), other;
    world_as(world, RELIEF_role_coordinator, "east");
    assert_int_equal(APPLY(world, incident_open, &first), 0);
    assert_int_equal(incident(world).opened, WORLD_START_MS);
    world->now++;
    assert_int_equal(APPLY(world, incident_open, &first), 0);
    assert_int_equal(world->effects.count, 0);
    assert_int_equal(incident(world).opened, WORLD_START_MS);
#define OTHER(...)                                                                                                     \
    do {                                                                                                               \
        other = first;                                                                                                 \
        __VA_ARGS__;                                                                                                   \
        assert_refused(world, APPLY(world, incident_open, &other), RELIEF_EXISTS, "id");                               \
    } while (0)
    OTHER(other.category = RELIEF_category_health);
    OTHER(other.level = 1);
    OTHER(other.origin = RELIEF_STR("b"));
    OTHER(other.affected.count = 1);
    OTHER(other.affected = ids(swapped, 2));
    OTHER(other.donating = ids(origin, 1));
    OTHER(other.donating.count = 0);
    OTHER(other.title = RELIEF_STR("rain"));
    OTHER(other.title = RELIEF_STR_NONE);
#undef OTHER
}

/* What is absent stays; a city that leaves `affected` leaves `donating`. */
static void test_an_update_merges(void **state)
{
    struct world *world = *state;
    struct relief_incident_open_params open = flood();
    struct relief_str only_c[] = {RELIEF_STR("c")}, origin[] = {RELIEF_STR("a")}, ghost[] = {RELIEF_STR("ghost")};
    struct relief_incident now;
    CLEARED(incident_update, update);
    update.id = RELIEF_STR("flood");
    assert_refused(world, APPLY(world, incident_update, &update), RELIEF_NOT_FOUND, "id");
    assert_int_equal(APPLY(world, incident_open, &open), 0);
    update.category = RELIEF_category_accident;
    update.title = RELIEF_STR("sabotage");
    update.origin = RELIEF_STR("b");
    assert_int_equal(APPLY(world, incident_update, &update), 0);
    now = incident(world);
    assert_int_equal(now.category, RELIEF_category_accident);
    assert_int_equal(now.level, 2);
    assert_true(relief_str_eq(now.title, update.title));
    assert_true(relief_str_eq(now.origin, update.origin));
    assert_int_equal(now.affected.count, 2);
    assert_int_equal(now.donating.count, 1);

    relief_shape_clear(&relief_shape_incident_update_params, &update);
    update.id = open.id;
    update.level = 1;
    update.affected = ids(only_c, 1);
    assert_int_equal(APPLY(world, incident_update, &update), 0);
    now = incident(world);
    assert_int_equal(now.level, 1);
    assert_int_equal(now.affected.count, 1);
    assert_int_equal(now.donating.count, 1); /* b is the origin and so stays affected */
    update.origin = RELIEF_STR("a");
    assert_int_equal(APPLY(world, incident_update, &update), 0);
    assert_int_equal(incident(world).donating.count, 0);

    update.donating = ids(donating, 1); /* no longer affected */
    assert_refused(world, APPLY(world, incident_update, &update), RELIEF_BAD_PARAMS, "donating");
    update.donating = ids(origin, 1);
    assert_int_equal(APPLY(world, incident_update, &update), 0);
    assert_int_equal(incident(world).donating.count, 1);
    update.donating = ids(ghost, 1);
    assert_refused(world, APPLY(world, incident_update, &update), RELIEF_NOT_FOUND, "donating");
    update.affected = ids(ghost, 1);
    assert_refused(world, APPLY(world, incident_update, &update), RELIEF_NOT_FOUND, "affected");
    update.origin = ghost[0];
    assert_refused(world, APPLY(world, incident_update, &update), RELIEF_NOT_FOUND, "origin");
}

static void test_what_a_city_may_change(void **state)
{
    struct world *world = *state;
    struct relief_incident_open_params open = flood();
    struct relief_str both[] = {RELIEF_STR("b"), RELIEF_STR("c")}, only_c[] = {RELIEF_STR("c")},
                      with_a[] = {RELIEF_STR("a"), RELIEF_STR("b")};
    assert_int_equal(APPLY(world, incident_open, &open), 0);
    CLEARED(incident_update, update);
    update.id = open.id;
    world_as(world, RELIEF_role_city, "c");
    update.donating = ids(both, 2);
    assert_int_equal(APPLY(world, incident_update, &update), 0);
    assert_int_equal(incident(world).donating.count, 2);
    update.donating = ids(only_c, 1); /* would take b out */
    assert_int_equal(APPLY(world, incident_update, &update), RELIEF_DENIED);
    update.donating = ids(with_a, 2); /* would put a in */
    assert_int_equal(APPLY(world, incident_update, &update), RELIEF_DENIED);
    update.donating = ids(donating, 1);
    assert_int_equal(APPLY(world, incident_update, &update), 0);
    assert_int_equal(incident(world).donating.count, 1);
#define MORE(...)                                                                                                      \
    do {                                                                                                               \
        struct relief_incident_update_params more = update;                                                            \
        __VA_ARGS__;                                                                                                   \
        assert_int_equal(APPLY(world, incident_update, &more), RELIEF_DENIED);                                         \
    } while (0)
    MORE(more.category = RELIEF_category_health);
    MORE(more.level = 4);
    MORE(more.origin = RELIEF_STR("c"));
    MORE(more.affected = ids(affected, 2));
    MORE(more.title = RELIEF_STR("x"));
    MORE(more.donating = ((struct relief_list){NULL, 0, 0}));
#undef MORE
    world_as(world, RELIEF_role_city, "a"); /* where it began, which is not in `affected` */
    update.donating = ids(with_a, 2);
    assert_int_equal(APPLY(world, incident_update, &update), 0);
    world_as(world, RELIEF_role_city, "far"); /* has no part in it */
    assert_int_equal(APPLY(world, incident_update, &update), RELIEF_DENIED);
}

static void test_whose_an_incident_is(void **state)
{
    struct world *world = *state;
    struct relief_incident_open_params open = flood();
    CLEARED(incident_update, update);
    CLEARED(incident_close, close);
    update.id = close.id = open.id;
    assert_refused(world, APPLY(world, incident_close, &close), RELIEF_NOT_FOUND, "id");
    assert_int_equal(APPLY(world, incident_open, &open), 0);
    world_as(world, RELIEF_role_coordinator, "west");
    update.level = 1;
    assert_int_equal(APPLY(world, incident_update, &update), RELIEF_DENIED);
    assert_int_equal(APPLY(world, incident_close, &close), RELIEF_DENIED);
    world_as(world, RELIEF_role_coordinator, "east"); /* its own, but not to where it could not open one */
    update.origin = RELIEF_STR("c");
    assert_int_equal(APPLY(world, incident_update, &update), RELIEF_DENIED);
    update.origin = RELIEF_STR_NONE;
    assert_int_equal(APPLY(world, incident_update, &update), 0);
    assert_int_equal(APPLY(world, incident_close, &close), 0);
    assert_int_equal(incident(world).closed, world->now);
    assert_int_equal(APPLY(world, incident_close, &close), RELIEF_BAD_STATE);
    assert_int_equal(APPLY(world, incident_update, &update), RELIEF_BAD_STATE);
    assert_string_equal(world->effects.refusal.state, "closed");
}

/* ---- agreements ---- */

static struct relief_agreement_put_params promise(const char *id, const char *donor, const char *requester)
{
    CLEARED(agreement_put, params);
    params.id = relief_str_of(id);
    params.donor = relief_str_of(donor);
    params.requester = relief_str_of(requester);
    params.commit = RELIEF_commit_auto;
    params.share_percent = 100;
    params.answer_minutes = 60;
    return params;
}

static void test_parties(void **state)
{
    struct world *world = *state;
    struct relief_agreement_put_params put = promise("p", "ghost", "a");
    assert_refused(world, APPLY(world, agreement_put, &put), RELIEF_NOT_FOUND, "donor");
    put = promise("p", "b", "ghost");
    assert_refused(world, APPLY(world, agreement_put, &put), RELIEF_NOT_FOUND, "requester");
    put.requester = RELIEF_STR_NONE;
    assert_refused(world, APPLY(world, agreement_put, &put), RELIEF_BAD_PARAMS, "requester");
    put.region = RELIEF_STR("ghost");
    assert_refused(world, APPLY(world, agreement_put, &put), RELIEF_NOT_FOUND, "region");
    put.requester = RELIEF_STR("a");
    assert_refused(world, APPLY(world, agreement_put, &put), RELIEF_BAD_PARAMS, "requester");

    world_as(world, RELIEF_role_coordinator, "east"); /* over both sides, or not at all */
    put = promise("p", "b", "c");
    assert_int_equal(APPLY(world, agreement_put, &put), RELIEF_DENIED);
    put = promise("p", "c", "b");
    assert_int_equal(APPLY(world, agreement_put, &put), RELIEF_DENIED);
    put = promise("p", "b", "a");
    assert_int_equal(APPLY(world, agreement_put, &put), 0);

    /* what is replaced has to be its own as well, on both sides */
    be_local(world);
    struct relief_agreement_put_params other = promise("o", "c", "b"), wide = promise("w", "b", NULL);
    wide.region = RELIEF_STR("land");
    assert_int_equal(APPLY(world, agreement_put, &other), 0);
    assert_int_equal(APPLY(world, agreement_put, &wide), 0);
    world_as(world, RELIEF_role_coordinator, "east");
    put.id = other.id;
    assert_int_equal(APPLY(world, agreement_put, &put), RELIEF_DENIED);
    put.id = wide.id;
    assert_int_equal(APPLY(world, agreement_put, &put), RELIEF_DENIED);
    put.id = RELIEF_STR("p");
    put.requester = RELIEF_STR_NONE;
    put.region = RELIEF_STR("east");
    assert_int_equal(APPLY(world, agreement_put, &put), 0);
}

static void test_ending(void **state)
{
    struct world *world = *state;
    struct relief_agreement_put_params put = promise("p", "b", "a");
    CLEARED(agreement_end, end);
    end.id = put.id;
    assert_refused(world, APPLY(world, agreement_end, &end), RELIEF_NOT_FOUND, "id");
    put.until = world->now + 10;
    assert_int_equal(APPLY(world, agreement_put, &put), 0);
    world_as(world, RELIEF_role_coordinator, "west");
    assert_int_equal(APPLY(world, agreement_end, &end), RELIEF_DENIED);
    world_as(world, RELIEF_role_coordinator, "east");
    assert_int_equal(APPLY(world, agreement_end, &end), 0);
    assert_int_equal(APPLY(world, agreement_end, &end), RELIEF_BAD_STATE);
    assert_int_equal(APPLY(world, agreement_put, &put), 0); /* once more, and it passes by itself */
    world->now += 10;
    assert_int_equal(APPLY(world, agreement_end, &end), RELIEF_BAD_STATE);
    assert_string_equal(world->effects.refusal.state, "ended");
}

static void ask(struct world *world, const char *id, const char *city, const char *kind)
{
    struct relief_request_submit_params params = world_ask(id, city, kind, 5);
    params.max_level = 3;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
}

/* Requests that wait are met as soon as an agreement allows it: at once, at its `from`, or when it is widened. */
static void test_agreements_wake(void **state)
{
    struct world *world = *state;
    struct relief_agreement_put_params put = promise("p", "b", "a");
    struct relief_str water[] = {RELIEF_STR("water")}, tents[] = {RELIEF_STR("te")};
    world_stock(world, "b", "tent", "0", 100, RELIEF_NIL);
    world_stock(world, "b", "water", "0", 100, RELIEF_NIL);
    ask(world, "ra", "a", "tent");
    ask(world, "rc", "c", "tent");
    ask(world, "wa", "a", "water");
    assert_int_equal(world_request(world, "ra").covered, 0);
    put.kinds = ids(water, 1);
    put.from = world->now + 1000;
    put.until = world->now + 5000;
    assert_int_equal(APPLY(world, agreement_put, &put), 0);
    assert_int_equal(world_request(world, "wa").covered, 0);
    world->now += 999;
    assert_int_equal(world_timers(world), 0);
    world->now += 1;
    assert_int_equal(world_timers(world), 1);
    assert_int_equal(world_request(world, "wa").covered, 5);
    assert_int_equal(world_request(world, "ra").covered, 0);
    put.kinds = ids(tents, 1); /* a prefix */
    assert_int_equal(APPLY(world, agreement_put, &put), 0);
    assert_int_equal(world_request(world, "ra").covered, 5);
    assert_int_equal(world_request(world, "rc").covered, 0);
    put.requester = RELIEF_STR_NONE;
    put.region = RELIEF_STR("land");
    put.kinds = (struct relief_list){NULL, 0, 0};
    assert_int_equal(APPLY(world, agreement_put, &put), 0);
    assert_int_equal(world_request(world, "rc").covered, 5);
    ask(world, "again", "c", "tent");
    assert_int_equal(world_request(world, "again").covered, 5);
    world->now += 4000; /* `until` is no longer in force */
    world_timers(world);
    ask(world, "late", "c", "tent");
    assert_int_equal(world_request(world, "late").covered, 0);
}

/* A timer of something that is gone, or whose time has not come, changes nothing; one of nothing looks at everything.
 */
static void test_a_wake_without_reason(void **state)
{
    const struct core_identity timer = {.name = RELIEF_STR("timer"), .role = RELIEF_role_local};
    struct world *world = *state;
    struct relief_asset_put_params resting = world_asset_params("crew-1", "crew", "b");
    CLEARED(time_wake, wake);
    world_gear(world, "crew", RELIEF_class_team, NULL);
    resting.rest_until = world->now + 10;
    assert_int_equal(APPLY(world, asset_put, &resting), 0);
    world->who = timer;
    wake.agreement = RELIEF_STR("ghost");
    assert_int_equal(world_apply(world, RELIEF_COMMAND_time_wake, &wake), 0);
    assert_int_equal(world->effects.count, 0);
    wake.agreement = RELIEF_STR_NONE;
    wake.asset = RELIEF_STR("ghost");
    assert_int_equal(world_apply(world, RELIEF_COMMAND_time_wake, &wake), 0);
    assert_int_equal(world->effects.count, 0);
    wake.asset = RELIEF_STR("crew-1");
    assert_int_equal(world_apply(world, RELIEF_COMMAND_time_wake, &wake), 0);
    assert_int_equal(world->effects.count, 0);
    world->now += 10;
    assert_int_equal(world_apply(world, RELIEF_COMMAND_time_wake, &wake), 0);
    assert_int_equal(world_asset_of(world, "crew-1").rest_until, RELIEF_NIL);
    wake.asset = RELIEF_STR_NONE;
    assert_int_equal(world_apply(world, RELIEF_COMMAND_time_wake, &wake), 0);
    assert_int_equal(world->effects.count, 0);
    world_as(world, RELIEF_role_coordinator, NULL); /* timers are the daemon's own */
    assert_int_equal(world_apply(world, RELIEF_COMMAND_time_wake, &wake), RELIEF_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_an_opening_names_must_be_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_opened_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_update_merges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_city_may_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whose_an_incident_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parties, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ending, setup, teardown),
        cmocka_unit_test_setup_teardown(test_agreements_wake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_wake_without_reason, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
