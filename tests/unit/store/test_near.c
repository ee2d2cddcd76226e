/*
 * The index of holders against a plain enumeration: random maps with links, regions, idle holders and changes of all of
 * them, searched with random questions.
 */
#include "tool.h"
#include "core/geo.h"
#include "core/key.h"
#include "schema/codec.h"
#include "store/state.h"
#include <stdio.h>
#include <stdlib.h>

#define CITIES_MAX  160
#define REGIONS_MAX 14
#define KINDS       3
#define WORLDS      240

struct city {
    char code[16];
    bool there;
    int64_t lat, lon;
    unsigned region;
    int holds[KINDS]; /* 0 no, 1 active, 2 idle */
};

struct world {
    struct tool tool;
    struct core_view *view;
    uint64_t seed;
    unsigned cities, regions;
    struct city city[CITIES_MAX];
    int parent[REGIONS_MAX];              /* -1: a root */
    int64_t link[CITIES_MAX][CITIES_MAX]; /* [from][to]: -1 none, RELIEF_NIL closed, else minutes */
    int64_t permille, km_per_hour;
};

static const char *const kinds[KINDS] = {"1010101", "1010102", "boats"};

static void put_record(struct world *world, enum relief_table table, const void *record, bool gone)
{
    struct core_key key;
    struct relief_buf buf = RELIEF_BUF_INIT;
    core_key_record(&key, table, record);
    relief_record_encode(&buf, relief_tables[table].shape, record);
    assert_false(buf.failed);
    world->view->ops->put(world->view, &key, gone ? RELIEF_STR_NONE : (struct relief_str){buf.data, (uint32_t)buf.len});
    relief_buf_deinit(&buf);
}

static struct relief_str region_id(unsigned region, char text[20])
{
    snprintf(text, 20, "region%u", region);
    return relief_str_of(text);
}

static void put_region(struct world *world, unsigned region)
{
    struct relief_region record;
    char id[20], parent[20];
    relief_shape_clear(&relief_shape_region, &record);
    record.id = region_id(region, id);
    record.name = RELIEF_STR("a region");
    if (world->parent[region] >= 0) {
        record.parent = region_id((unsigned)world->parent[region], parent);
    }
    put_record(world, RELIEF_TABLE_region, &record, false);
}

static void put_city(struct world *world, unsigned number)
{
    struct relief_city record;
    char id[20];
    relief_shape_clear(&relief_shape_city, &record);
    record.code = relief_str_of(world->city[number].code);
    record.name = RELIEF_STR("a city");
    record.region = region_id(world->city[number].region, id);
    record.lat = world->city[number].lat;
    record.lon = world->city[number].lon;
    record.mode = (int64_t)tool_below(&world->seed, 2);
    put_record(world, RELIEF_TABLE_city, &record, !world->city[number].there);
}

static void put_link(struct world *world, unsigned from, unsigned to)
{
    struct relief_link record;
    struct core_key key;
    int64_t minutes = world->link[from][to];
    relief_shape_clear(&relief_shape_link, &record);
    record.from = relief_str_of(world->city[from].code);
    record.to = relief_str_of(world->city[to].code);
    record.minutes = minutes == RELIEF_NIL ? 7 : minutes;
    record.open = minutes != RELIEF_NIL;
    put_record(world, RELIEF_TABLE_link, &record, minutes == -1);
    core_key_start(&key, CORE_KEY_LINK_IN);
    core_key_str(&key, record.to);
    core_key_str(&key, record.from);
    world->view->ops->put(world->view, &key, minutes == -1 ? RELIEF_STR_NONE : RELIEF_STR(""));
}

static struct relief_str city_code(const struct world *world, unsigned city)
{
    return relief_str_of(world->city[city].code);
}

static void holder_key(struct core_key *key, struct relief_str city, unsigned kind)
{
    core_key_start(key, CORE_KEY_HOLDER);
    core_key_str(key, relief_str_of(kinds[kind]));
    core_key_str(key, city);
}

static void put_holder(struct world *world, unsigned city, unsigned kind)
{
    static const char flags[3] = {0, 0, 1};
    struct core_key key;
    int holds = world->city[city].holds[kind];
    holder_key(&key, city_code(world, city), kind);
    world->view->ops->put(world->view, &key, holds ? (struct relief_str){&flags[holds], 1} : RELIEF_STR_NONE);
}

static void put_travel(struct world *world)
{
    struct relief_travel record;
    relief_shape_clear(&relief_shape_travel, &record);
    record.id = RELIEF_STR("travel");
    record.permille = world->permille;
    record.km_per_hour = world->km_per_hour;
    put_record(world, RELIEF_TABLE_travel, &record, false);
}

/* Anywhere, in a crowd, at the same place as another, at the edges of the map. */
static void place(struct world *world, unsigned number)
{
    struct city *city = &world->city[number];
    switch (tool_below(&world->seed, 8)) {
    case 0:
        city->lat = (int64_t)tool_below(&world->seed, 180000001) - 90000000;
        city->lon = (int64_t)tool_below(&world->seed, 360000001) - 180000000;
        break;
    case 1:
        city->lat = tool_below(&world->seed, 2) ? 90000000 : -90000000;
        city->lon = (int64_t)tool_below(&world->seed, 3) * 90000000;
        break;
    case 2:
        city->lat = (int64_t)tool_below(&world->seed, 1000);
        city->lon = tool_below(&world->seed, 2) ? 180000000 - (int64_t)tool_below(&world->seed, 1000)
                                                : (int64_t)tool_below(&world->seed, 1000) - 180000000;
        break;
    case 3:
        if (number > 0) {
            unsigned other = tool_below(&world->seed, number);
            city->lat = world->city[other].lat;
            city->lon = world->city[other].lon;
            break;
        }
        city->lat = city->lon = 0;
        break;
    default:
        city->lat = 30000000 + (int64_t)tool_below(&world->seed, 5000000);
        city->lon = 110000000 + (int64_t)tool_below(&world->seed, 5000000);
    }
}

static int64_t random_link(struct world *world)
{
    switch (tool_below(&world->seed, 3)) {
    case 0:
        return RELIEF_NIL;
    case 1:
        return (int64_t)tool_below(&world->seed, 6); /* ties */
    default:
        return (int64_t)tool_below(&world->seed, 900);
    }
}

/* In some worlds there is room for the bits of about one kind, and for the lists of two or three destinations. */
static void open_view(struct world *world, uint64_t seed)
{
    struct store_near *near = &world->tool.store->near;
    world->view = store_view(world->tool.store);
    near->kinds.bytes_max = seed % 5 == 1 ? 400 : near->kinds.bytes_max;
    near->world.around_bytes_max = seed % 5 < 2 ? 1500 : near->world.around_bytes_max;
}

/* What is counted is what is kept, and keeps to its bound. */
static void check_bytes(const struct world *world)
{
    const struct store_near *near = &world->tool.store->near;
    size_t kept = 0, around = 0;
    unsigned kinds_kept = 0;
    for (uint32_t i = 0; i < near->kinds.names.count; i++) {
        const struct store_kind *kind = &near->kinds.items[i];
        kinds_kept += kind->holders != NULL;
        kept += kind->holders ? store_holders_bytes(kind->holders) : 0;
        for (uint32_t k = 0; k < kind->marks_count; k++) {
            kept += store_marks_bytes(kind->marks[k].marks);
        }
    }
    for (uint32_t i = 0; i < near->world.city_names.count; i++) {
        const struct store_around *list = near->world.cities[i].around;
        around += list ? sizeof(*list) + list->count * sizeof(list->items[0]) : 0;
    }
    assert_true(kept == near->kinds.bytes && around == near->world.around_bytes);
    assert_true(kept <= near->kinds.bytes_max || kinds_kept == 1);
    assert_true(around <= near->world.around_bytes_max + sizeof(struct store_around) +
                              STORE_AROUND_MAX * sizeof(struct store_link));
}

static struct world *world_new(uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->seed = seed;
    tool_open(&world->tool, seed % 4 != 0);
    open_view(world, seed);
    world->cities = 1 + tool_below(&world->seed, CITIES_MAX);
    world->regions = 1 + tool_below(&world->seed, REGIONS_MAX);
    world->permille = RELIEF_ROAD_PERMILLE;
    world->km_per_hour = RELIEF_ROAD_KM_PER_HOUR;
    for (unsigned i = 0; i < world->regions; i++) {
        world->parent[i] = i > 0 && tool_below(&world->seed, 6) ? (int)tool_below(&world->seed, i) : -1;
        put_region(world, i);
    }
    unsigned dense = 1 + tool_below(&world->seed, 40); /* of a hundred: links that are recorded */
    unsigned holding = 1 + tool_below(&world->seed, 10), idle = tool_below(&world->seed, 10);
    for (unsigned i = 0; i < world->cities; i++) {
        struct city *city = &world->city[i];
        sprintf(city->code, "%0*u", 2 + (int)(i % 3), (i * 7919) % 997);
        strcat(city->code, i % 2 ? "x" : "");
        sprintf(city->code + strlen(city->code), ".%u", i);
        city->there = true;
        city->region = tool_below(&world->seed, world->regions);
        place(world, i);
        put_city(world, i);
        for (unsigned kind = 0; kind < KINDS; kind++) {
            city->holds[kind] =
                tool_below(&world->seed, 10) < holding ? (tool_below(&world->seed, 10) < idle ? 2 : 1) : 0;
            if (city->holds[kind]) {
                put_holder(world, i, kind);
            }
        }
    }
    for (unsigned from = 0; from < world->cities; from++) {
        for (unsigned to = 0; to < world->cities; to++) {
            world->link[from][to] = -1;
            if (from != to && tool_below(&world->seed, 100) < dense) {
                world->link[from][to] = random_link(world);
                put_link(world, from, to);
            }
        }
    }
    return world;
}

static void world_free(struct world *world)
{
    tool_close(&world->tool);
    free(world);
}

/* ---- the plain enumeration ---- */

struct question {
    unsigned kind, to;
    int region, but; /* -1: none */
    int64_t over;
    bool idle_too;
};

struct answer {
    unsigned city;
    int64_t minutes;
};

static struct world *sorting;

static int by_arrival(const void *a, const void *b)
{
    const struct answer *x = a, *y = b;
    if ((x->minutes == RELIEF_NIL) != (y->minutes == RELIEF_NIL)) {
        return x->minutes == RELIEF_NIL ? 1 : -1;
    }
    if (x->minutes != y->minutes) {
        return x->minutes < y->minutes ? -1 : 1;
    }
    return strcmp(sorting->city[x->city].code, sorting->city[y->city].code);
}

static bool inside(const struct world *world, unsigned region, int root)
{
    for (int at = (int)region; at >= 0; at = world->parent[at]) {
        if (at == root) {
            return true;
        }
    }
    return false;
}

static unsigned enumerate(struct world *world, const struct question *question, struct answer answers[CITIES_MAX])
{
    unsigned count = 0;
    const struct city *to = &world->city[question->to];
    for (unsigned i = 0; to->there && i < world->cities; i++) {
        const struct city *city = &world->city[i];
        int holds = city->holds[question->kind];
        if (i == question->to || !city->there || holds == 0 || (holds == 2 && !question->idle_too) ||
            (question->region >= 0 && !inside(world, city->region, question->region)) ||
            (question->but >= 0 && inside(world, city->region, question->but))) {
            continue;
        }
        int64_t minutes = world->link[i][question->to];
        if (minutes == -1) {
            minutes = core_geo_minutes(core_geo_metres(city->lat, city->lon, to->lat, to->lon), world->permille,
                                       world->km_per_hour);
        }
        if (minutes == RELIEF_NIL ? question->idle_too : minutes > question->over) {
            answers[count++] = (struct answer){i, minutes};
        }
    }
    sorting = world;
    qsort(answers, count, sizeof(answers[0]), by_arrival);
    return count;
}

/* One of them again and again, so that what is remembered of it is there when the map changes. */
static unsigned some_destination(struct world *world)
{
    return tool_below(&world->seed, 2) ? tool_below(&world->seed, world->cities) : 0;
}

static struct question random_question(struct world *world)
{
    struct question question = {.kind = tool_below(&world->seed, KINDS), .to = some_destination(world)};
    question.region = tool_below(&world->seed, 2) ? (int)tool_below(&world->seed, world->regions) : -1;
    question.but = tool_below(&world->seed, 3) ? -1 : (int)tool_below(&world->seed, world->regions);
    if (tool_below(&world->seed, 4) == 0) { /* as the matcher widens: the parent without the region below */
        question.but = (int)world->city[question.to].region;
        question.region = world->parent[question.but];
    }
    question.over = tool_below(&world->seed, 2) ? -1 : (int64_t)tool_below(&world->seed, 1200);
    question.idle_too = tool_below(&world->seed, 2);
    return question;
}

static struct core_near *begin(struct world *world, const struct question *question)
{
    char region[20], but[20];
    struct core_near_query query = {.kind = relief_str_of(kinds[question->kind]),
                                    .to = relief_str_of(world->city[question->to].code),
                                    .over_minutes = question->over,
                                    .idle_too = question->idle_too};
    if (question->region >= 0) {
        query.region = region_id((unsigned)question->region, region);
    }
    if (question->but >= 0) {
        query.but_region = region_id((unsigned)question->but, but);
    }
    return world->view->ops->near_begin(world->view, &query);
}

static void ask_that(struct world *world, const struct question *question)
{
    struct answer answers[CITIES_MAX];
    unsigned count = enumerate(world, question, answers);
    struct core_near *near = begin(world, question);
    struct core_holder holder;
    for (unsigned i = 0; i < count; i++) {
        assert_true(world->view->ops->near_next(world->view, near, &holder));
        assert_true(relief_str_eq(holder.city, relief_str_of(world->city[answers[i].city].code)));
        assert_true(holder.minutes == answers[i].minutes);
        if (tool_below(&world->seed, 60) == 0) { /* often the first few are enough */
            world->view->ops->near_end(world->view, near);
            return;
        }
    }
    assert_false(world->view->ops->near_next(world->view, near, &holder));
    assert_false(world->view->ops->near_next(world->view, near, &holder));
    world->view->ops->near_end(world->view, near);
}

/* The marks themselves, whether the index answers for them or not. */
static void check_marks(struct world *world)
{
    for (unsigned kind = 0; kind < KINDS; kind++) {
        unsigned city = tool_below(&world->seed, world->cities);
        int holds = world->city[city].holds[kind];
        struct core_key key;
        holder_key(&key, city_code(world, city), kind);
        struct relief_str value = world->view->ops->get(world->view, &key);
        assert_int_equal(value.data != NULL, holds != 0);
        assert_true(!holds || (value.len == 1 && *value.data == (holds == 2)));
        holder_key(&key, RELIEF_STR("nowhere"), kind);
        assert_null(world->view->ops->get(world->view, &key).data);
    }
}

static void ask(struct world *world)
{
    check_marks(world);
    struct question question = random_question(world);
    ask_that(world, &question);
}

static unsigned number_of(const struct world *world, struct relief_str code)
{
    unsigned city = 0;
    while (!relief_str_eq(code, relief_str_of(world->city[city].code))) {
        city++;
        assert_true(city < world->cities);
    }
    return city;
}

static void change_holder(struct world *world)
{
    unsigned city = tool_below(&world->seed, world->cities), kind = tool_below(&world->seed, KINDS);
    world->city[city].holds[kind] = (int)tool_below(&world->seed, 3);
    put_holder(world, city, kind);
}

static void change(struct world *world)
{
    unsigned city = tool_below(&world->seed, world->cities), other = some_destination(world);
    switch (tool_below(&world->seed, 30)) {
    case 0: /* moves */
        place(world, city);
        put_city(world, city);
        break;
    case 1: /* to another region, or only its mode */
        world->city[city].region =
            tool_below(&world->seed, 2) ? tool_below(&world->seed, world->regions) : world->city[city].region;
        put_city(world, city);
        break;
    case 2: /* goes, comes back */
        world->city[city].there = !world->city[city].there;
        put_city(world, city);
        break;
    case 3: {
        unsigned region = tool_below(&world->seed, world->regions);
        if (region > 0 && tool_below(&world->seed, 2)) {
            world->parent[region] = tool_below(&world->seed, 4) ? (int)tool_below(&world->seed, region) : -1;
        }
        put_region(world, region);
        break;
    }
    case 4:
        world->permille = 1 + (int64_t)tool_below(&world->seed, 5000);
        world->km_per_hour = 1 + (int64_t)tool_below(&world->seed, 200);
        put_travel(world);
        break;
    case 5:
    case 6:
    case 7:
        if (city != other) {
            world->link[city][other] = tool_below(&world->seed, 3) ? random_link(world) : -1;
            put_link(world, city, other);
        }
        break;
    default:
        change_holder(world);
    }
}

static void test_worlds(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < WORLDS; seed++) {
        struct world *world = world_new(seed);
        for (unsigned turn = 0; turn < 120; turn++) {
            ask(world);
            check_bytes(world);
            for (unsigned i = tool_below(&world->seed, 4); i > 0; i--) {
                change(world);
            }
            if (turn % 50 == 49 && world->tool.dir[0]) {
                tool_flush(&world->tool);
            }
        }
        if (world->tool.dir[0]) { /* read anew from LMDB */
            tool_flush(&world->tool);
            tool_reopen(&world->tool);
            open_view(world, seed);
        }
        for (unsigned turn = 0; turn < 20; turn++) {
            ask(world);
        }
        world_free(world);
    }
}

/* Holders change while four searches go on: nobody comes twice, and nobody who stood there all the time is passed over.
 */
static void test_changes_meanwhile(void **state)
{
    (void)state;
    for (uint64_t seed = 1000; seed < 1060; seed++) {
        struct world *world = world_new(seed);
        struct question questions[4];
        struct core_near *near[4];
        struct answer answers[4][CITIES_MAX];
        unsigned counts[4], seen[4][CITIES_MAX] = {{0}}, hard = (unsigned)(seed % 3);
        bool touched[CITIES_MAX] = {false}, ended[4] = {false};
        for (unsigned i = 0; i < 4; i++) {
            questions[i] = random_question(world);
            counts[i] = enumerate(world, &questions[i], answers[i]);
            near[i] = begin(world, &questions[i]);
        }
        for (unsigned turn = 0; turn < 4 * CITIES_MAX + 4; turn++) {
            unsigned i = turn % 4;
            struct core_holder holder;
            if (!ended[i] && world->view->ops->near_next(world->view, near[i], &holder)) {
                assert_int_equal(seen[i][number_of(world, holder.city)]++, 0);
            } else {
                ended[i] = true;
            }
            unsigned city = tool_below(&world->seed, world->cities), kind = tool_below(&world->seed, KINDS);
            touched[city] = true;
            world->city[city].holds[kind] = (int)tool_below(&world->seed, 3);
            put_holder(world, city, kind);
            if (hard == 1 &&
                tool_below(&world->seed, 10) == 0) { /* the map changes too: nothing is promised but sanity */
                memset(touched, 1, sizeof(touched));
                change(world);
            }
        }
        for (unsigned i = 0; i < 4; i++) {
            assert_true(ended[i]);
            for (unsigned k = 0; k < counts[i]; k++) {
                unsigned city = answers[i][k].city;
                assert_true(touched[city] || seen[i][city] == 1);
            }
            world->view->ops->near_end(world->view, near[i]);
        }
        for (unsigned turn = 0; turn < 20; turn++) {
            ask(world);
        }
        world_free(world);
    }
}

/* Holders that come one by one, everywhere. */
static void test_growing(void **state)
{
    (void)state;
    struct world *world = world_new(4242);
    for (unsigned i = 0; i < world->cities; i++) {
        for (unsigned kind = 0; kind < KINDS; kind++) {
            world->city[i].holds[kind] = 0;
            put_holder(world, i, kind);
        }
    }
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned i = 0; i < world->cities; i++) {
            world->city[i].holds[0] = round % 2 ? 0 : 1 + (int)(i % 5 == 0);
            put_holder(world, i, 0);
            ask(world);
        }
    }
    world_free(world);
}

/* Cities that come one by one, and go and move: lists of late ones fill, trees are built again. */
static void test_coming(void **state)
{
    (void)state;
    for (uint64_t seed = 2000; seed < 2008; seed++) {
        struct world *world = world_new(seed);
        for (unsigned i = 1; i < world->cities; i++) {
            world->city[i].there = false;
            put_city(world, i);
        }
        for (unsigned round = 0; round < 4; round++) {
            for (unsigned i = 1; i < world->cities; i++) {
                world->city[i].there = round != 1 || i % 3;
                if (round == 2) {
                    place(world, i);
                } else if (round == 3) {
                    world->city[i].region = tool_below(&world->seed, world->regions);
                }
                put_city(world, i);
                change_holder(world);
                ask(world);
                ask(world);
            }
        }
        world_free(world);
    }
}

/* All move into one region, whose tree was built when there were few: its list of late ones fills before that of all.
 */
static void move_in(struct world *world)
{
    for (unsigned i = 0; i < world->cities; i++) {
        world->city[i].region = i ? 0 : 1;
        world->city[i].holds[0] = 1;
        put_city(world, i);
        put_holder(world, i, 0);
    }
    for (unsigned i = 1; i < world->cities; i++) {
        struct question question = {
            .to = 1 + i % (world->cities - 1), .region = 1, .but = -1, .over = -1, .idle_too = true};
        world->city[i].region = 1;
        put_city(world, i);
        ask_that(world, &question);
    }
}

static void test_moving_in(void **state)
{
    unsigned tried = 0;
    (void)state;
    for (uint64_t seed = 4000; tried < 4; seed++) {
        struct world *world = world_new(seed);
        if (world->cities > 100 && world->regions > 1) {
            move_in(world);
            tried++;
        }
        world_free(world);
    }
}

/* Cities that came late go while a search has them before it: nobody comes twice, and nobody who stays is passed over.
 */
static void test_late_ones_go(void **state)
{
    (void)state;
    for (uint64_t seed = 5000; seed < 5010; seed++) {
        struct world *world = world_new(seed);
        unsigned cities = world->cities < 60 ? world->cities : 60, seen[CITIES_MAX] = {0};
        struct question question = {.region = -1, .but = -1, .over = -1, .idle_too = true};
        struct core_holder holder;
        for (unsigned i = 1; i < world->cities; i++) {
            world->city[i].there = false;
            put_city(world, i);
        }
        ask_that(world, &question);
        for (unsigned i = 1; i < cities; i++) {
            world->city[i].there = true;
            world->city[i].holds[0] = 1;
            put_city(world, i);
            put_holder(world, i, 0);
        }
        struct core_near *near = begin(world, &question);
        for (unsigned i = 1; i < cities; i += 2) {
            world->city[i].there = false;
            put_city(world, i);
        }
        while (world->view->ops->near_next(world->view, near, &holder)) {
            seen[number_of(world, holder.city)]++;
        }
        for (unsigned i = 1; i < cities; i++) {
            assert_true(i % 2 ? seen[i] <= 1 : seen[i] == 1);
        }
        world->view->ops->near_end(world->view, near);
        world_free(world);
    }
}

/* One place for all, a ring around a pole, both sides of the antimeridian: everything is a tie or a seam. */
static void test_seams(void **state)
{
    (void)state;
    for (uint64_t seed = 3000; seed < 3012; seed++) {
        struct world *world = world_new(seed);
        for (unsigned i = 0; i < world->cities; i++) {
            struct city *city = &world->city[i];
            city->lat = seed % 3 == 0 ? 35000000 : seed % 3 == 1 ? 89999000 : (int64_t)tool_below(&world->seed, 3) - 1;
            city->lon = seed % 3 == 0   ? 135000000
                        : seed % 3 == 1 ? (int64_t)i * 2000000 - 180000000
                                        : (i % 2 ? 180000000 : -180000000) + (i % 2 ? -1 : 1) * (int64_t)(i / 4) * 9000;
            put_city(world, i);
        }
        for (unsigned turn = 0; turn < 200; turn++) {
            ask(world);
            change_holder(world);
        }
        world_free(world);
    }
}

static void test_unknown(void **state)
{
    (void)state;
    struct world *world = world_new(7);
    struct core_near_query query = {
        .kind = RELIEF_STR("nothing"), .to = relief_str_of(world->city[0].code), .over_minutes = -1};
    struct core_holder holder;
    struct core_near *near = world->view->ops->near_begin(world->view, &query);
    assert_false(world->view->ops->near_next(world->view, near, &holder));
    world->view->ops->near_end(world->view, near);
    query.kind = relief_str_of(kinds[0]);
    query.to = RELIEF_STR("nowhere");
    near = world->view->ops->near_begin(world->view, &query);
    assert_false(world->view->ops->near_next(world->view, near, &holder));
    world->view->ops->near_end(world->view, near);
    query.to = relief_str_of(world->city[0].code);
    query.region = RELIEF_STR("no-region");
    near = world->view->ops->near_begin(world->view, &query);
    assert_false(world->view->ops->near_next(world->view, near, &holder));
    world->view->ops->near_end(world->view, near);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worlds), cmocka_unit_test(test_changes_meanwhile), cmocka_unit_test(test_growing),
        cmocka_unit_test(test_coming), cmocka_unit_test(test_moving_in),         cmocka_unit_test(test_late_ones_go),
        cmocka_unit_test(test_seams),  cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
