/*
 * rpc/sight.c: what a change looks like in the event of each reader, table by table, and which identity it names. The
 * reads are held by tests/integration/test_rights.py, through the daemon.
 */
#include "rpc/session.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static struct store *store;
static struct core core;
static struct rpc_identity who;
static struct core_identity seen_as;
static struct rpc *rpc;
static struct sight sight;

static void put(enum relief_table table, const void *record)
{
    const struct core_change change = {.table = table, .record = record};
    core_restore(&core, &change, 1);
}

static void region(const char *id, const char *parent, int64_t shares)
{
    struct relief_region record;
    relief_shape_clear(&relief_shape_region, &record);
    record.id = record.name = relief_str_of(id);
    record.parent = relief_str_of(parent);
    record.shares = shares;
    put(RELIEF_TABLE_region, &record);
}

static void city(const char *code, const char *in)
{
    struct relief_city record;
    relief_shape_clear(&relief_shape_city, &record);
    record.code = record.name = relief_str_of(code);
    record.region = relief_str_of(in);
    record.lat = record.lon = 0;
    record.mode = RELIEF_mode_normal;
    put(RELIEF_TABLE_city, &record);
}

/* east shares exactly, west lies beside it below land, which says nothing; isle is apart. */
static int setup(void **state)
{
    struct store_options options = {.dir = NULL};
    (void)state;
    rpc = calloc(1, sizeof *rpc);
    if (!rpc || store_open(&store, &options) || core_init(&core, store_view(store)) ||
        relief_arena_init(&rpc->record, 1 << 20))
        return -1;
    region("land", NULL, RELIEF_NIL);
    region("east", "land", RELIEF_shares_exact);
    region("west", "land", RELIEF_NIL);
    region("isle", NULL, RELIEF_NIL);
    city("a", "east");
    city("b", "east");
    city("c", "west");
    city("far", "isle");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    relief_arena_deinit(&rpc->record);
    core_deinit(&core);
    store_close(store);
    free(rpc);
    return 0;
}

static void read_as(const char *identity)
{
    assert_int_equal(rpc_identity_parse(&who, identity), 0);
    seen_as = rpc_identity_core(&who);
    core_sight_start(&sight.core, store_view(store), &rpc->record, &seen_as);
    sight.rpc = rpc;
    sight.looked = 0;
}

/* What the reader is told of the change: the record, or nothing. */
static bool told(enum relief_table table, const void *record, bool gone)
{
    static struct relief_dispatch room;
    const struct core_change change = {.table = table, .gone = gone, .record = record};
    return sight_change(&sight, &change, &room) != NULL;
}

#define RECORD(table, name)                                                                                            \
    struct relief_##table name;                                                                                        \
    relief_shape_clear(&relief_shape_##table, &name)

static const char *const readers[] = {"local",  "auditor",  "coordinator",      "city:a",           "city:b",
                                      "city:c", "city:far", "coordinator:east", "coordinator:isle", "operator"};
enum { LOCAL, AUDITOR, ALL, A, B, C, FAR, EAST, ISLE, OPERATOR, READERS };

/* Which readers are told, as one bit each. */
static unsigned who_is_told(enum relief_table table, const void *record, bool gone)
{
    unsigned told_to = 0;
    for (unsigned i = 0; i < READERS; i++) {
        read_as(readers[i]);
        told_to |= (unsigned)told(table, record, gone) << i;
    }
    return told_to;
}

#define BIT(reader) (1u << (reader))
#define SEES_ALL    (BIT(LOCAL) | BIT(AUDITOR) | BIT(ALL))
#define EVERYBODY   (BIT(READERS) - 1)
#define EXACT_A     (SEES_ALL | BIT(A) | BIT(B) | BIT(EAST))

static void test_who_is_told(void **state)
{
    RECORD(lot, lot);
    RECORD(floor, floor);
    RECORD(account, account);
    RECORD(asset, asset);
    RECORD(city, place);
    RECORD(op, op);
    RECORD(wake, wake);
    (void)state;
    lot.city = floor.city = account.city = asset.city = place.code = RELIEF_STR("a");
    asset.id = RELIEF_STR("t1");
    asset.use = RELIEF_asset_use_free;
    asset.condition = RELIEF_condition_ready;
    op.op = RELIEF_STR("o");
    op.identity = RELIEF_STR("city:c");
    assert_int_equal(who_is_told(RELIEF_TABLE_lot, &lot, false), EXACT_A);
    assert_int_equal(who_is_told(RELIEF_TABLE_floor, &floor, false), EXACT_A);
    assert_int_equal(who_is_told(RELIEF_TABLE_account, &account, false), EXACT_A);
    assert_int_equal(who_is_told(RELIEF_TABLE_asset, &asset, false), EXACT_A);
    assert_int_equal(who_is_told(RELIEF_TABLE_asset, &asset, true),
                     SEES_ALL); /* of one that is gone only the id is known */
    assert_int_equal(who_is_told(RELIEF_TABLE_city, &place, false), EVERYBODY);
    assert_int_equal(who_is_told(RELIEF_TABLE_op, &op, false), SEES_ALL | BIT(C)); /* whose it is */
    assert_int_equal(who_is_told(RELIEF_TABLE_wake, &wake, false), SEES_ALL);      /* the daemon's own notes */
}

/* Requests and legs: of a region's coordinator those of which one side lies in it; pieces are the sides' own. */
static void test_requests_and_legs(void **state)
{
    struct relief_str legs[] = {{"r/1", 3}, {"r/2", 3}}, pieces[] = {{"crane", 5}};
    struct relief_leg_lot lots[] = {{{"l", 1}, 5}};
    static struct relief_dispatch room;
    RECORD(dispatch, leg);
    RECORD(request, request);
    (void)state;
    leg.id = legs[1]; /* r/1 is not there */
    leg.request = request.id = RELIEF_STR("r");
    leg.donor = RELIEF_STR("a");
    leg.requester = request.city = RELIEF_STR("c");
    leg.kind = request.kind = RELIEF_STR("k");
    leg.assets = leg.operators = (struct relief_list){pieces, 1, 1};
    leg.lots = (struct relief_list){lots, 1, 1};
    leg.quantity = leg.covers = 5;
    leg.state = RELIEF_dispatch_state_closed;
    leg.level = 0;
    leg.ordered = 0;
    request.quantity = request.shortfall = request.received = request.open = request.covered = request.asked = 0;
    request.state = RELIEF_request_state_cancelled;
    request.priority = 3;
    request.submitted = 0;
    request.dispatches = (struct relief_list){legs, 2, 1};
    put(RELIEF_TABLE_dispatch, &leg);
    assert_int_equal(who_is_told(RELIEF_TABLE_dispatch, &leg, false), EVERYBODY & ~BIT(ISLE));
    assert_int_equal(who_is_told(RELIEF_TABLE_dispatch, &leg, true), SEES_ALL);
    assert_int_equal(who_is_told(RELIEF_TABLE_request, &request, false), EVERYBODY & ~BIT(ISLE)); /* east: by its leg */
    assert_int_equal(who_is_told(RELIEF_TABLE_request, &request, true), SEES_ALL);
    request.dispatches.count = 1;
    assert_int_equal(who_is_told(RELIEF_TABLE_request, &request, false), EVERYBODY & ~BIT(ISLE) & ~BIT(EAST));
    for (unsigned i = 0; i < READERS; i++) {
        const struct core_change change = {.table = RELIEF_TABLE_dispatch, .record = &leg};
        bool whole = i <= C
        || i == EAST; /* all, its sides, b that sees a exactly, the coordinator of one side */
        read_as(readers[i]);
        const struct relief_dispatch *shown = sight_change(&sight, &change, &room);
        if (i == ISLE)
            assert_null(shown);
        else
            assert_int_equal(shown->assets.count + shown->lots.count + shown->operators.count, whole ? 3 : 0);
    }
}

/* Whole to who sees all, to a region's coordinator, to itself, to the cities named; to others the role, if that is
 * known. */
static void test_identities(void **state)
{
    static const struct {
        const char *identity, *role;
    } rows[] = {{"city:b", "city"}, {"coordinator", "coordinator"}, {"timer", "timer"},
                {"local", "local"}, {"relief://east/city/x", NULL}, {"nobody", NULL},
                {NULL, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct relief_str identity = relief_str_of(rows[i].identity);
        for (unsigned r = 0; r < READERS; r++) {
            bool whole =
                SEES_ALL & BIT(r) || r == EAST || r == ISLE || relief_str_eq(identity, relief_str_of(readers[r]));
            read_as(readers[r]);
            assert_true(
                relief_str_eq(sight_identity(&sight, identity, false), whole ? identity : relief_str_of(rows[i].role)));
            assert_true(relief_str_eq(sight_identity(&sight, identity, true), identity));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests_and_legs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_identities, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
