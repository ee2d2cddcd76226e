/*
 * Each check of the watch can fail: a small world is told as it is, and nothing is reported; then one lie is planted
 * into an entry, into the state or into the log, and the invariant that it breaks is named.
 */
#include "watch.h"

#include "engine/entry.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define START INT64_C(1700000000000)

struct bench {
    struct store *store;
    struct core core;
    struct core_effects effects;
    struct watch *watch;
    uint64_t seq;
    unsigned reports[9];
};

static void report(void *context, int invariant, const char *what)
{
    struct bench *bench = context;
    (void)what;
    bench->reports[invariant]++;
}

static const struct core_identity local = {.name = {"local", 5}, .role = RELIEF_role_local};

static void apply(struct bench *bench, unsigned method, void *params)
{
    const struct relief_command_info *info = relief_command_by_number(method);
    struct relief_refusal refusal;
    assert_int_equal(relief_params_check(info->params, params, &refusal), 0);
    const struct core_entry entry = {
        .seq = ++bench->seq, .time = START + (int64_t)bench->seq, .who = local, .command = method, .params = params};
    assert_int_equal(core_apply(&bench->core, &entry, &bench->effects), 0);
}

static void tell(struct bench *bench, const struct core_change *changes, uint32_t count)
{
    watch_entry(bench->watch, bench->seq, START + (int64_t)bench->seq, changes, count);
}

static void step(struct bench *bench)
{
    watch_step(bench->watch, &bench->core, START + (int64_t)bench->seq);
}

#define COMMAND(bench, method, ...)                                                                                    \
    do {                                                                                                               \
        struct relief_##method##_params params_;                                                                       \
        relief_shape_clear(&relief_shape_##method##_params, &params_);                                                 \
        struct relief_##method##_params *p = &params_;                                                                 \
        __VA_ARGS__;                                                                                                   \
        apply(bench, RELIEF_METHOD_##method, &params_);                                                                \
    } while (0)

static void honest(struct bench *bench)
{
    tell(bench, bench->effects.changes, bench->effects.count);
    step(bench);
}

#define HONEST(bench, method, ...)                                                                                     \
    do {                                                                                                               \
        COMMAND(bench, method, __VA_ARGS__);                                                                           \
        honest(bench);                                                                                                 \
    } while (0)

static void submit(struct bench *bench, const char *id, const char *kind, int64_t quantity)
{
    COMMAND(bench, request_submit, p->id = relief_str_of(id), p->city = RELIEF_STR("B"), p->kind = relief_str_of(kind),
            p->quantity = quantity, p->priority = 3);
}

/* A gives 100 boxes and two pumps; B has asked for 10 boxes and a pump, which are committed. */
static int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    assert_int_equal(store_open(&bench->store, &(struct store_options){0}), 0);
    assert_int_equal(core_init(&bench->core, store_view(bench->store)), 0);
    assert_int_equal(core_effects_init(&bench->effects), 0);
    bench->watch = watch_new(report, bench);
    watch_open(bench->watch, &bench->core, 0, 0, 0);
    HONEST(bench, region_put, p->id = p->name = RELIEF_STR("R"), p->agreement = RELIEF_commit_auto);
    HONEST(bench, city_put, p->code = p->name = RELIEF_STR("A"), p->region = RELIEF_STR("R"),
           p->lat = p->lon = 1000000);
    HONEST(bench, city_put, p->code = p->name = RELIEF_STR("B"), p->region = RELIEF_STR("R"),
           p->lat = p->lon = 1100000);
    HONEST(bench, kind_put, p->code = p->name = RELIEF_STR("box"), p->unit = RELIEF_STR("box"),
           p->class_ = RELIEF_class_supply);
    HONEST(bench, kind_put, p->code = p->name = RELIEF_STR("pump"), p->unit = RELIEF_STR("piece"),
           p->class_ = RELIEF_class_equipment);
    HONEST(bench, stock_receive, p->city = RELIEF_STR("A"), p->kind = RELIEF_STR("box"), p->quantity = 100);
    for (char name[] = "p0"; name[1] < '2'; name[1]++)
        HONEST(bench, asset_put, p->id = relief_str_of(name), p->kind = RELIEF_STR("pump"), p->city = RELIEF_STR("A"),
               p->level = 1);
    submit(bench, "q", "box", 10);
    honest(bench);
    submit(bench, "r", "pump", 1);
    honest(bench);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(bench->reports[i], 0);
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    watch_free(bench->watch);
    core_effects_deinit(&bench->effects);
    core_deinit(&bench->core);
    store_close(bench->store);
    free(bench);
    return 0;
}

static struct relief_arena spare_arena;

/* The record as the state has it, to be told otherwise. */
#define FIND(bench, table, record, ...)                                                                                \
    struct relief_##table record = {__VA_ARGS__};                                                                      \
    assert_true(core_find((bench)->core.view, RELIEF_TABLE_##table, &spare_arena, &record))

static void plant(struct bench *bench, enum relief_table table, const void *record)
{
    const struct core_change change = {.table = table, .record = record};
    bench->seq++;
    tell(bench, &change, 1);
}

/* Only this invariant is broken. */
static void assert_broken(const struct bench *bench, int invariant)
{
    for (int i = 0; i < 9; i++)
        assert_true(i == invariant ? bench->reports[i] > 0 : bench->reports[i] == 0);
}

static void test_units_appear(void **state)
{
    struct bench *bench = *state;
    FIND(bench, account, account, .city = RELIEF_STR("A"), .kind = RELIEF_STR("box"));
    account.received++;
    plant(bench, RELIEF_TABLE_account, &account);
    assert_broken(bench, 1);
}

static void test_units_vanish(void **state)
{
    struct bench *bench = *state;
    FIND(bench, lot, lot, .city = RELIEF_STR("A"), .kind = RELIEF_STR("box"), .lot = RELIEF_STR("0"));
    lot.quantity--;
    plant(bench, RELIEF_TABLE_lot, &lot);
    assert_broken(bench, 1);
}

static void test_account_is_not_the_legs(void **state)
{
    struct bench *bench = *state;
    HONEST(bench, dispatch_depart, p->id = RELIEF_STR("q/1"));
    FIND(bench, account, account, .city = RELIEF_STR("A"), .kind = RELIEF_STR("box"));
    account.in_transit--, account.on_loan++; /* the kind's sum is right all the same */
    plant(bench, RELIEF_TABLE_account, &account);
    assert_broken(bench, 1);
}

static void test_reserved_for_nobody(void **state)
{
    struct bench *bench = *state;
    FIND(bench, lot, lot, .city = RELIEF_STR("A"), .kind = RELIEF_STR("box"), .lot = RELIEF_STR("0"));
    lot.reserved++;
    plant(bench, RELIEF_TABLE_lot, &lot);
    assert_broken(bench, 2);
}

static void test_leg_takes_more(void **state)
{
    struct bench *bench = *state;
    FIND(bench, dispatch, leg, .id = RELIEF_STR("q/1"));
    struct relief_leg_lot lot = *(const struct relief_leg_lot *)leg.lots.items;
    lot.quantity++;
    leg.lots = (struct relief_list){&lot, 1, 1};
    plant(bench, RELIEF_TABLE_dispatch, &leg);
    assert_broken(bench, 2);
}

/* The same entry says that the floor was there before the leg. */
static void tell_with_floor(struct bench *bench, bool ordered)
{
    struct core_change changes[16];
    const struct relief_floor floor = {.city = RELIEF_STR("A"),
                                       .kind = RELIEF_STR("box"),
                                       .floor = 95,
                                       .emergency_floor = RELIEF_NIL,
                                       .target = RELIEF_NIL};
    struct relief_dispatch leg;
    uint32_t count = 0;
    submit(bench, "s", "box", 5);
    changes[count++] = (struct core_change){.table = RELIEF_TABLE_floor, .record = &floor};
    for (uint32_t i = 0; i < bench->effects.count; i++) {
        assert_true(count < 16);
        changes[count] = bench->effects.changes[i];
        if (changes[count].table == RELIEF_TABLE_dispatch) {
            leg = *(const struct relief_dispatch *)changes[count].record;
            leg.ordered = ordered;
            changes[count].record = &leg;
        }
        count++;
    }
    tell(bench, changes, count);
}

static void test_below_the_floor(void **state)
{
    struct bench *bench = *state;
    tell_with_floor(bench, false);
    assert_broken(bench, 3);
}

static void test_an_order_may(void **state)
{
    struct bench *bench = *state;
    tell_with_floor(bench, true);
    assert_broken(bench, -1);
}

static void test_request_does_not_add_up(void **state)
{
    struct bench *bench = *state;
    FIND(bench, request, request, .id = RELIEF_STR("q"));
    request.open++;
    plant(bench, RELIEF_TABLE_request, &request);
    assert_broken(bench, 4);
}

static void test_request_counts_twice(void **state)
{
    struct bench *bench = *state;
    FIND(bench, request, request, .id = RELIEF_STR("q"));
    request.quantity++, request.covered++; /* adds up, and its leg knows nothing of it */
    plant(bench, RELIEF_TABLE_request, &request);
    assert_broken(bench, 4);
}

static void test_leg_covers_too_much(void **state)
{
    struct bench *bench = *state;
    FIND(bench, dispatch, leg, .id = RELIEF_STR("q/1"));
    leg.covers++;
    plant(bench, RELIEF_TABLE_dispatch, &leg);
    assert_broken(bench, 4);
}

static void test_request_forgets_its_leg(void **state)
{
    struct bench *bench = *state;
    FIND(bench, request, request, .id = RELIEF_STR("q"));
    request.dispatches = (struct relief_list){NULL, 0, 1};
    plant(bench, RELIEF_TABLE_request, &request);
    assert_broken(bench, 4);
}

/* What the entry says goes into the state as it is: nothing is matched. */
static void slip_in(struct bench *bench, const struct core_change *changes, uint32_t count)
{
    bench->seq++;
    core_restore(&bench->core, changes, count);
    tell(bench, changes, count);
    step(bench);
}

static void test_forgotten_wake(void **state)
{
    struct bench *bench = *state;
    submit(bench, "s", "box", 500);
    honest(bench);
    assert_broken(bench, -1);
    FIND(bench, lot, lot, .city = RELIEF_STR("A"), .kind = RELIEF_STR("box"), .lot = RELIEF_STR("0"));
    FIND(bench, account, account, .city = RELIEF_STR("A"), .kind = RELIEF_STR("box"));
    lot.quantity += 50, account.received += 50;
    const struct core_change changes[] = {{.table = RELIEF_TABLE_lot, .record = &lot},
                                          {.table = RELIEF_TABLE_account, .record = &account}};
    slip_in(bench, changes, 2);
    assert_broken(bench, 4);
}

/* The same for what isn't stock: an agreement of the donor, a road, the mode of the city that asks, an excluded donor.
 */
static void test_forgotten_wakes(void **state)
{
    struct bench *bench = *state;
    HONEST(bench, link_put, p->from = RELIEF_STR("A"), p->to = RELIEF_STR("B"), p->minutes = 60, p->open = 0);
    submit(bench, "s", "box", 20);
    honest(bench);
    assert_broken(bench, -1);
    FIND(bench, link, link, .from = RELIEF_STR("A"), .to = RELIEF_STR("B"));
    link.open = 1;
    slip_in(bench, &(struct core_change){.table = RELIEF_TABLE_link, .record = &link}, 1);
    assert_broken(bench, 4);

    unsigned before = bench->reports[4];
    FIND(bench, request, request, .id = RELIEF_STR("s"));
    request.priority = 1;
    slip_in(bench, &(struct core_change){.table = RELIEF_TABLE_request, .record = &request}, 1);
    assert_true(bench->reports[4] > before);
    before = bench->reports[4];
    FIND(bench, city, city, .code = RELIEF_STR("B"));
    city.mode = RELIEF_mode_emergency;
    slip_in(bench, &(struct core_change){.table = RELIEF_TABLE_city, .record = &city}, 1);
    assert_true(bench->reports[4] > before);
    before = bench->reports[4];
    struct relief_agreement agreement;
    relief_shape_clear(&relief_shape_agreement, &agreement);
    agreement.id = RELIEF_STR("a"), agreement.donor = RELIEF_STR("A"), agreement.requester = RELIEF_STR("B");
    agreement.share_percent = 100, agreement.commit = RELIEF_commit_ask, agreement.answer_minutes = 60,
    agreement.started = 1;
    slip_in(bench, &(struct core_change){.table = RELIEF_TABLE_agreement, .record = &agreement}, 1);
    assert_true(bench->reports[4] > before);
    assert_broken(bench, 4);
}

static void test_asset_in_two_legs(void **state)
{
    struct bench *bench = *state;
    submit(bench, "s", "pump", 1);
    honest(bench);
    FIND(bench, dispatch, leg, .id = RELIEF_STR("r/1"));
    FIND(bench, dispatch, other, .id = RELIEF_STR("s/1"));
    other.assets = leg.assets;
    plant(bench, RELIEF_TABLE_dispatch, &other);
    assert_broken(bench, 5);
}

static void test_asset_says_free(void **state)
{
    struct bench *bench = *state;
    FIND(bench, dispatch, leg, .id = RELIEF_STR("r/1"));
    FIND(bench, asset, asset, .id = *(const struct relief_str *)leg.assets.items);
    asset.dispatch = RELIEF_STR_NONE, asset.use = RELIEF_asset_use_free;
    plant(bench, RELIEF_TABLE_asset, &asset);
    assert_broken(bench, 5);
}

static void test_gap(void **state)
{
    struct bench *bench = *state;
    bench->seq++;
    HONEST(bench, stock_floor, p->city = RELIEF_STR("A"), p->kind = RELIEF_STR("box"), p->floor = 1);
    assert_broken(bench, 6);
}

static void test_time_falls(void **state)
{
    struct bench *bench = *state;
    watch_entry(bench->watch, ++bench->seq, START, NULL, 0);
    assert_broken(bench, 6);
}

static void test_state_is_not_the_entry(void **state)
{
    struct bench *bench = *state;
    COMMAND(bench, stock_receive, p->city = RELIEF_STR("A"), p->kind = RELIEF_STR("box"), p->quantity = 1);
    tell(bench, bench->effects.changes, bench->effects.count);
    FIND(bench, lot, lot, .city = RELIEF_STR("A"), .kind = RELIEF_STR("box"), .lot = RELIEF_STR("0"));
    lot.source = RELIEF_STR("elsewhere");
    core_restore(&bench->core, &(struct core_change){.table = RELIEF_TABLE_lot, .record = &lot}, 1);
    step(bench);
    assert_broken(bench, 7);
}

static void test_record_removed(void **state)
{
    struct bench *bench = *state;
    const struct relief_lot lot = {.city = RELIEF_STR("A"), .kind = RELIEF_STR("box"), .lot = RELIEF_STR("0")};
    bench->seq++;
    tell(bench, &(struct core_change){.table = RELIEF_TABLE_lot, .gone = true, .record = &lot}, 1);
    assert_broken(bench, 7);
}

/* A start reads the whole state: what is wrong in it is found without an entry. */
static void test_start_on_a_bad_state(void **state)
{
    struct bench *bench = *state;
    watch_open(bench->watch, &bench->core, bench->seq, START, START + (int64_t)bench->seq);
    assert_broken(bench, -1);
    FIND(bench, lot, lot, .city = RELIEF_STR("A"), .kind = RELIEF_STR("box"), .lot = RELIEF_STR("0"));
    lot.held++;
    core_restore(&bench->core, &(struct core_change){.table = RELIEF_TABLE_lot, .record = &lot}, 1);
    watch_open(bench->watch, &bench->core, bench->seq, START, START + (int64_t)bench->seq);
    assert_broken(bench, 2);
}

/* ---- the chain ---- */

struct liar {
    struct engine_entry_hasher hasher;
    uint64_t at; /* entry whose hash is wrong; 0: none */
};

static int lying_hash(void *context, const struct log_record *record, uint8_t ret_hash[LOG_HASH_BYTES])
{
    struct liar *liar = context;
    int rc = engine_entry_hash(&liar->hasher, record, ret_hash);
    if (record->seq == liar->at)
        ret_hash[0] ^= 1;
    return rc;
}

static void follow_chain(struct bench *bench, uint64_t lie)
{
    char dir[] = "/tmp/relief-watch-XXXXXX", command[64];
    struct liar liar = {.at = lie};
    struct log *log;
    struct relief_buf bytes[3] = {RELIEF_BUF_INIT, RELIEF_BUF_INIT, RELIEF_BUF_INIT};
    struct log_record records[3];
    assert_non_null(mkdtemp(dir));
    assert_int_equal(engine_entry_hasher_init(&liar.hasher), 0);
    assert_int_equal(
        log_open(&log, &(struct log_options){.dir = dir, .segment_bytes = 65536, .hash = lying_hash, .context = &liar},
                 NULL, NULL),
        0);
    for (uint64_t i = 0; i < 3; i++) {
        struct relief_city_mode_params params = {.code = RELIEF_STR("A"),
                                                 .mode = i % 2 ? RELIEF_mode_normal : RELIEF_mode_emergency,
                                                 .reason = RELIEF_STR("flood")};
        const struct core_entry entry = {.seq = i + 1,
                                         .time = START + (int64_t)bench->seq,
                                         .who = local,
                                         .command = RELIEF_METHOD_city_mode,
                                         .params = &params};
        assert_int_equal(core_apply(&bench->core, &entry, &bench->effects), 0);
        engine_entry_encode(&bytes[i], &entry, &bench->effects);
        records[i] =
            (struct log_record){.seq = i + 1, .payload = (const uint8_t *)bytes[i].data, .len = (uint32_t)bytes[i].len};
    }
    assert_int_equal(log_append(log, records, 2), 0);
    watch_log(bench->watch, log);
    assert_int_equal(log_append(log, records + 2, 1), 0);
    watch_log(bench->watch, log);
    assert_int_equal(watch_counted(bench->watch).links, 3);
    watch_log_close(bench->watch);
    log_close(log);
    engine_entry_hasher_deinit(&liar.hasher);
    for (unsigned i = 0; i < 3; i++)
        relief_buf_deinit(&bytes[i]);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void test_chain(void **state)
{
    follow_chain(*state, 0);
    assert_broken(*state, -1);
}

static void test_chain_broken(void **state)
{
    follow_chain(*state, 1);
    assert_broken(*state, 6);
}

static void test_head_broken(void **state)
{
    follow_chain(*state, 3);
    assert_broken(*state, 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_units_appear),
        TEST(test_units_vanish),
        TEST(test_account_is_not_the_legs),
        TEST(test_reserved_for_nobody),
        TEST(test_leg_takes_more),
        TEST(test_below_the_floor),
        TEST(test_an_order_may),
        TEST(test_request_does_not_add_up),
        TEST(test_request_counts_twice),
        TEST(test_leg_covers_too_much),
        TEST(test_request_forgets_its_leg),
        TEST(test_forgotten_wake),
        TEST(test_forgotten_wakes),
        TEST(test_asset_in_two_legs),
        TEST(test_asset_says_free),
        TEST(test_gap),
        TEST(test_time_falls),
        TEST(test_state_is_not_the_entry),
        TEST(test_record_removed),
        TEST(test_start_on_a_bad_state),
        TEST(test_chain),
        TEST(test_chain_broken),
        TEST(test_head_broken),
    };
    if (relief_arena_init(&spare_arena, (size_t)1 << 24))
        abort();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    relief_arena_deinit(&spare_arena);
    return failed;
}
