#include "world.h"
#include <stdlib.h>
#include <string.h>

static struct relief_arena reads;

void world_open(struct world *world)
{
    struct store_options options = {0};
    *world = (struct world){.now = WORLD_START_MS, .who = {.name = RELIEF_STR("local"), .role = RELIEF_role_local}};
    assert_int_equal(store_open(&world->store, &options), 0);
    assert_int_equal(core_init(&world->core, store_view(world->store)), 0);
    assert_int_equal(core_effects_init(&world->effects), 0);
    assert_int_equal(relief_arena_init(&reads, CORE_ARENA_BYTES), 0);
}

void world_close(struct world *world)
{
    relief_arena_deinit(&reads);
    core_effects_deinit(&world->effects);
    core_deinit(&world->core);
    store_close(world->store);
}

int world_setup(void **state)
{
    struct world *world = malloc(sizeof *world);
    assert_non_null(world);
    world_open(world);
    *state = world;
    return 0;
}

int world_teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static int apply_once(struct world *world, const struct core_identity *who, unsigned command, const void *params)
{
    struct core_entry entry = {world->seq + 1, world->now, *who, command, params};
    int error = core_apply(&world->core, &entry, &world->effects);
    if (!error)
        world->seq++;
    return error;
}

int world_apply(struct world *world, unsigned command, const void *params)
{
    const struct core_identity timer = {.name = RELIEF_STR("timer"), .role = RELIEF_role_local};
    const struct relief_time_wake_params wake = {.agreement = RELIEF_STR_NONE};
    int error = apply_once(world, &world->who, command, params);
    while (!error && world->effects.more)
        assert_int_equal(apply_once(world, &timer, RELIEF_COMMAND_time_wake, &wake), 0);
    return error;
}

void world_as(struct world *world, enum relief_role role, const char *place)
{
    world->who = (struct core_identity){.name = relief_str_of(relief_enum_role.names[role]), .role = role};
    if (role == RELIEF_role_city)
        world->who.city = relief_str_of(place);
    if (role == RELIEF_role_coordinator)
        world->who.region = relief_str_of(place);
}

#define CLEARED(type, name)                                                                                            \
    struct relief_##type##_params name;                                                                                \
    relief_shape_clear(&relief_shape_##type##_params, &name)

void world_region(struct world *world, const char *id, const char *parent, int64_t agreement)
{
    CLEARED(region_put, params);
    params.id = params.name = relief_str_of(id);
    params.parent = relief_str_of(parent);
    params.agreement = agreement;
    assert_int_equal(world_apply(world, RELIEF_METHOD_region_put, &params), 0);
}

void world_city(struct world *world, const char *code, const char *region, int64_t lat, int64_t lon)
{
    CLEARED(city_put, params);
    params.code = params.name = relief_str_of(code);
    params.region = relief_str_of(region);
    params.lat = lat;
    params.lon = lon;
    assert_int_equal(world_apply(world, RELIEF_METHOD_city_put, &params), 0);
}

void world_kind(struct world *world, const char *code)
{
    CLEARED(kind_put, params);
    params.code = params.name = relief_str_of(code);
    params.unit = RELIEF_STR("piece");
    params.class_ = RELIEF_class_supply;
    params.min_life_days = 0;
    assert_int_equal(world_apply(world, RELIEF_METHOD_kind_put, &params), 0);
}

void world_link(struct world *world, const char *from, const char *to, int64_t minutes, bool open)
{
    CLEARED(link_put, params);
    params.from = relief_str_of(from);
    params.to = relief_str_of(to);
    params.minutes = minutes;
    params.open = open;
    params.both = 0;
    assert_int_equal(world_apply(world, RELIEF_METHOD_link_put, &params), 0);
}

void world_stock(struct world *world, const char *city, const char *kind, const char *lot, int64_t quantity,
                 int64_t expires)
{
    CLEARED(stock_receive, params);
    params.city = relief_str_of(city);
    params.kind = relief_str_of(kind);
    params.lot = relief_str_of(lot);
    params.quantity = quantity;
    params.expires = expires;
    assert_int_equal(world_apply(world, RELIEF_METHOD_stock_receive, &params), 0);
}

void world_floor(struct world *world, const char *city, const char *kind, int64_t floor)
{
    CLEARED(stock_floor, params);
    params.city = relief_str_of(city);
    params.kind = relief_str_of(kind);
    params.floor = floor;
    assert_int_equal(world_apply(world, RELIEF_METHOD_stock_floor, &params), 0);
}

void world_gear(struct world *world, const char *code, int64_t class, const char *operator_)
{
    CLEARED(kind_put, params);
    params.code = params.name = relief_str_of(code);
    params.unit = RELIEF_STR("piece");
    params.class_ = class;
    params.min_life_days = 0;
    params.operator_ = relief_str_of(operator_);
    assert_int_equal(world_apply(world, RELIEF_METHOD_kind_put, &params), 0);
}

struct relief_asset_put_params world_asset_params(const char *id, const char *kind, const char *city)
{
    CLEARED(asset_put, params);
    params.id = relief_str_of(id);
    params.kind = relief_str_of(kind);
    params.city = relief_str_of(city);
    params.level = 4;
    params.condition = RELIEF_condition_ready;
    return params;
}

void world_asset(struct world *world, const char *id, const char *kind, const char *city)
{
    struct relief_asset_put_params params = world_asset_params(id, kind, city);
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), 0);
}

void world_mode(struct world *world, const char *city, int64_t mode)
{
    CLEARED(city_mode, params);
    params.code = relief_str_of(city);
    params.mode = mode;
    params.reason = RELIEF_STR("flood");
    assert_int_equal(world_apply(world, RELIEF_METHOD_city_mode, &params), 0);
}

int world_step(struct world *world, unsigned method, const char *leg, int64_t units)
{
    union {
        struct relief_dispatch_accept_params accept; /* every step begins with the id, most go on with a quantity */
        struct relief_dispatch_decline_params reason;
        struct relief_dispatch_depart_params depart;
        struct relief_dispatch_receive_params receive;
        struct relief_dispatch_return_params back;
        struct relief_dispatch_checkin_params checkin;
    } params;
    relief_shape_clear(relief_method_by_number(method)->params, &params);
    params.accept.id = relief_str_of(leg);
    switch (method) {
    case RELIEF_METHOD_dispatch_accept:
    case RELIEF_METHOD_dispatch_return:
        params.accept.quantity = units;
        break;
    case RELIEF_METHOD_dispatch_checkin:
        params.checkin.quantity = units;
        params.checkin.condition = RELIEF_condition_ready;
        break;
    case RELIEF_METHOD_dispatch_receive:
        params.receive.accepted = units;
        params.receive.rejected = params.receive.missing = 0;
        break;
    case RELIEF_METHOD_dispatch_depart:
        break;
    default: /* decline, cancel, renege, lost */
        params.reason.reason = RELIEF_STR("because");
    }
    return world_apply(world, method, &params);
}

unsigned world_timers(struct world *world)
{
    const struct core_identity timer = {.name = RELIEF_STR("timer"), .role = RELIEF_role_local}, who = world->who;
    struct core_due due;
    unsigned count = 0;
    world->who = timer;
    for (; core_next_due(world->core.view, world->now, &due); count++)
        assert_int_equal(world_apply(world, due.command, &due.params), 0);
    world->who = who;
    return count;
}

struct relief_request_submit_params world_ask(const char *id, const char *city, const char *kind, int64_t quantity)
{
    CLEARED(request_submit, params);
    params.id = relief_str_of(id);
    params.city = relief_str_of(city);
    params.kind = relief_str_of(kind);
    params.quantity = quantity;
    params.priority = 3;
    params.own_first = 1;
    params.substitutes = params.all_or_nothing = params.explain = 0;
    params.min_level = 4;
    params.purpose = RELIEF_purpose_use;
    return params;
}

struct relief_request world_request(struct world *world, const char *id)
{
    struct relief_request request = {.id = relief_str_of(id)};
    assert_true(core_find(world->core.view, RELIEF_TABLE_request, &reads, &request));
    return request;
}

struct relief_dispatch world_leg(struct world *world, const char *id)
{
    struct relief_dispatch leg = {.id = relief_str_of(id)};
    assert_true(core_find(world->core.view, RELIEF_TABLE_dispatch, &reads, &leg));
    return leg;
}

struct relief_asset world_asset_of(struct world *world, const char *id)
{
    struct relief_asset asset = {.id = relief_str_of(id)};
    assert_true(core_find(world->core.view, RELIEF_TABLE_asset, &reads, &asset));
    return asset;
}

struct relief_account world_account_of(struct world *world, const char *city, const char *kind)
{
    struct relief_account account = {.city = relief_str_of(city), .kind = relief_str_of(kind)};
    assert_true(core_find(world->core.view, RELIEF_TABLE_account, &reads, &account));
    return account;
}

struct relief_stock world_stock_of(struct world *world, const char *city, const char *kind)
{
    struct relief_stock stock;
    core_stock(&world->core, world->now, relief_str_of(city), relief_str_of(kind), &reads, &stock);
    return stock;
}

static void complain(void *context, int invariant, const char *what)
{
    (void)context;
    print_error("invariant %d: %s\n", invariant, what);
}

/* ---- what the memo keeps is what the state says ---- */

static void check_list(struct core_view *view, const struct core_list *list)
{
    struct core_key prefix = {.len = list->prefix_len};
    struct core_cursor cursor;
    struct relief_str key, value;
    const char *ids = list->data + list->prefix_len;
    uint32_t at = 0;
    memcpy(prefix.data, list->data, list->prefix_len);
    view->ops->scan(view, &cursor, &prefix, NULL);
    while (view->ops->next(view, &cursor, &key, &value)) {
        uint32_t len = key.len - prefix.len;
        assert_true(at + len <= list->ids_len);
        assert_memory_equal(ids + at, key.data + prefix.len, len);
        at += len;
    }
    assert_int_equal(at, list->ids_len);
}

static void check_kept(struct core_view *view, enum relief_table table, const void *record)
{
    struct relief_buf bytes = RELIEF_BUF_INIT;
    struct core_key key;
    core_key_record(&key, table, record);
    relief_record_encode(&bytes, relief_tables[table].shape, record);
    struct relief_str value = view->ops->get(view, &key);
    assert_true(value.data && relief_str_eq(value, (struct relief_str){bytes.data, (uint32_t)bytes.len}));
    relief_buf_deinit(&bytes);
}

static void check_memo(struct world *world)
{
    struct core_view *view = store_view(world->store);
    const struct core_memo *memo = &world->core.memo;
    for (uint32_t i = 0; i < CORE_LISTS_SLOTS; i++)
        if (memo->lists.slots[i].hash)
            check_list(view, &memo->lists.slots[i]);
    for (uint32_t i = 0; i < CORE_MEMO_SLOTS; i++)
        if (memo->slots[i].hash && memo->slots[i].kept)
            check_kept(view, memo->slots[i].table, memo->copies + (size_t)i * CORE_MEMO_KEPT_BYTES);
}

void world_check(struct world *world)
{
    assert_int_equal(core_check(&world->core, world->now, true, complain, NULL), 0);
    check_memo(world);
}
