/* Who may become whom: every pair of roles, and coordinators along a tree of regions. */
#include "rpc/identity.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

struct world {
    struct store *store;
    struct core core;
    struct relief_arena arena;
};

static void region(struct world *w, const char *id, const char *parent)
{
    struct relief_region record;
    relief_shape_clear(&relief_shape_region, &record);
    record.id = record.name = relief_str_of(id);
    record.parent = relief_str_of(parent);
    struct core_change change = {.table = RELIEF_TABLE_region, .record = &record};
    core_restore(&w->core, &change, 1);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct store_options options = {.dir = NULL};
    if (!w || store_open(&w->store, &options) || core_init(&w->core, store_view(w->store)) ||
        relief_arena_init(&w->arena, 1 << 20))
        return -1;
    region(w, "nation", NULL);
    region(w, "east", "nation");
    region(w, "zhejiang", "east");
    region(w, "west", "nation");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    relief_arena_deinit(&w->arena);
    core_deinit(&w->core);
    store_close(w->store);
    free(w);
    return 0;
}

static void texts(void **state)
{
    (void)state;
    static const char *const good[] = {"local",   "city:330100", "coordinator", "coordinator:east",
                                       "auditor", "operator"};
    static const char *const bad[] = {"",        "city",      "city:",     "city:a b",    "king",
                                      "local:x", "auditor:x", "operator:", "coordinator:"};
    struct rpc_identity identity;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(rpc_identity_parse(&identity, good[i]), 0);
        assert_string_equal(identity.name, good[i]);
        assert_true(identity.known);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (rpc_identity_parse(&identity, bad[i]) == 0)
            fail_msg("%s was taken", bad[i]);
}

/* The code that `from` gets when it wants to be `to`. */
static int narrow(struct world *w, const char *from, const char *to)
{
    struct rpc_identity have = {.known = false}, want, got;
    struct relief_server_hello_params params;
    struct relief_refusal refusal;
    if (from)
        assert_int_equal(rpc_identity_parse(&have, from), 0);
    assert_int_equal(rpc_identity_parse(&want, to), 0);
    relief_shape_clear(&relief_shape_server_hello_params, &params);
    params.role = want.role;
    params.city = want.city[0] ? relief_str_of(want.city) : RELIEF_STR_NONE;
    params.region = want.region[0] ? relief_str_of(want.region) : RELIEF_STR_NONE;
    int result = rpc_identity_narrow(store_view(w->store), &w->arena, &have, &params, &got, &refusal);
    if (result == 0)
        assert_string_equal(got.name, to);
    return result;
}

static void narrowing(void **state)
{
    static const char *const all[] = {"local",
                                      "city:a",
                                      "city:b",
                                      "coordinator",
                                      "coordinator:nation",
                                      "coordinator:east",
                                      "coordinator:zhejiang",
                                      "coordinator:west",
                                      "coordinator:nope",
                                      "auditor",
                                      "operator"};
    enum { LOCAL, A, B, ALL, NATION, EAST, ZHEJIANG, WEST, NOPE, COUNT = 11 };
    for (int from = 0; from < COUNT; from++) {
        for (int to = 0; to < COUNT; to++) {
            bool good = from == LOCAL || from == to || (from == ALL && to >= NATION && to <= NOPE) ||
                        (from == NATION && to >= EAST && to <= WEST) || (from == EAST && to == ZHEJIANG);
            if (narrow(*state, all[from], all[to]) != (good ? 0 : RELIEF_DENIED))
                fail_msg("%s to %s", all[from], all[to]);
        }
        assert_int_equal(narrow(*state, NULL, all[from]), RELIEF_UNAUTHENTICATED);
    }
}

static void roles(void **state)
{
    (void)state;
    struct rpc_identity identity;
    const struct relief_method_info *dump = relief_method_find(RELIEF_STR("snapshot.dump"));
    static const struct {
        const char *name;
        bool may;
    } rows[] = {{"local", true}, {"auditor", true}, {"city:a", false}, {"coordinator", false}, {"operator", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(rpc_identity_parse(&identity, rows[i].name), 0);
        assert_int_equal(rpc_identity_may(&identity, dump), rows[i].may);
    }
}

/* What a hello asks for must fit its role, before anything else is looked at. */
static void asked(void **state)
{
    static const struct {
        int64_t role;
        bool city, region;
        const char *field; /* NULL: fits */
    } rows[] = {
        {RELIEF_NIL, false, false, NULL},
        {RELIEF_NIL, true, false, "city"},
        {RELIEF_NIL, false, true, "region"},
        {RELIEF_role_city, true, false, NULL},
        {RELIEF_role_city, false, false, "city"},
        {RELIEF_role_city, true, true, "region"},
        {RELIEF_role_coordinator, false, false, NULL},
        {RELIEF_role_coordinator, false, true, NULL},
        {RELIEF_role_coordinator, true, true, "city"},
        {RELIEF_role_auditor, false, false, NULL},
        {RELIEF_role_auditor, false, true, "region"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct relief_server_hello_params params;
        struct relief_refusal refusal;
        relief_shape_clear(&relief_shape_server_hello_params, &params);
        params.role = rows[i].role;
        params.city = relief_str_of(rows[i].city ? "a" : NULL);
        params.region = relief_str_of(rows[i].region ? "east" : NULL);
        assert_int_equal(rpc_identity_asked(&params, &refusal), rows[i].field ? RELIEF_BAD_PARAMS : 0);
        if (rows[i].field)
            assert_string_equal(refusal.field, rows[i].field);
    }
}

/* A hello without a role changes nothing, whoever says it. */
static void no_role(void **state)
{
    struct world *w = *state;
    struct rpc_identity have, got;
    struct relief_server_hello_params params;
    struct relief_refusal refusal;
    relief_shape_clear(&relief_shape_server_hello_params, &params);
    assert_int_equal(rpc_identity_parse(&have, "city:a"), 0);
    assert_int_equal(rpc_identity_narrow(store_view(w->store), &w->arena, &have, &params, &got, &refusal), 0);
    assert_string_equal(got.name, "city:a");
    have = (struct rpc_identity){.known = false};
    assert_int_equal(rpc_identity_narrow(store_view(w->store), &w->arena, &have, &params, &got, &refusal), 0);
    assert_false(got.known);
}

/* The core gets the place that belongs to the role, and nothing where there is none. */
static void for_the_core(void **state)
{
    static const struct {
        const char *name, *city, *region;
    } rows[] = {{"local", NULL, NULL},
                {"city:a", "a", NULL},
                {"coordinator", NULL, NULL},
                {"coordinator:east", NULL, "east"},
                {"auditor", NULL, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rpc_identity identity;
        assert_int_equal(rpc_identity_parse(&identity, rows[i].name), 0);
        struct core_identity core = rpc_identity_core(&identity);
        assert_true(relief_str_eq(core.name, relief_str_of(rows[i].name)));
        assert_int_equal(core.role, identity.role);
        assert_true(relief_str_eq(core.city, relief_str_of(rows[i].city)));
        assert_true(relief_str_eq(core.region, relief_str_of(rows[i].region)));
        assert_int_equal(core.city.data == NULL, rows[i].city == NULL);
        assert_int_equal(core.region.data == NULL, rows[i].region == NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test_setup_teardown(narrowing, setup, teardown),
        cmocka_unit_test(roles),
        cmocka_unit_test(asked),
        cmocka_unit_test_setup_teardown(no_role, setup, teardown),
        cmocka_unit_test(for_the_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
