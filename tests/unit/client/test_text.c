/*
 * What people write and read: CSV, times, values of parameters, tables, ids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "client/cli/cli.h"
#include "client/cli/csv.h"
#include "client/cli/view.h"
#include "client/client.h"

/* ---- CSV ---- */

static struct cli_csv csv;

static void open_csv(const char *text)
{
    cli_csv_close(&csv);
    cli_csv_open(&csv, text, strlen(text));
}

static void assert_cell(unsigned column, const char *text)
{
    assert_true(column < csv.count);
    assert_int_equal(csv.cells[column].text.len, strlen(text));
    assert_memory_equal(csv.cells[column].text.data, text, strlen(text));
}

static void test_csv_rows(void **state)
{
    (void)state;
    open_csv("\xef\xbb\xbf"
             "a,\"b \"\"q\"\", c\",\r\n\n\"two\nlines\",x,\"\"\nlast");
    assert_int_equal(cli_csv_next(&csv), 1);
    assert_int_equal(csv.count, 3);
    assert_cell(0, "a");
    assert_cell(1, "b \"q\", c");
    assert_cell(2, "");
    assert_int_equal(cli_csv_next(&csv), 1);
    assert_int_equal(csv.row_line, 3);
    assert_cell(0, "two\nlines");
    assert_int_equal(csv.cells[1].line, 4);
    assert_cell(2, "");
    assert_int_equal(cli_csv_next(&csv), 1);
    assert_int_equal(csv.row_line, 5);
    assert_cell(0, "last");
    assert_int_equal(cli_csv_next(&csv), 0);
    assert_int_equal(cli_csv_next(&csv), 0);
}

static void assert_csv_fails(const char *text, unsigned line, unsigned column)
{
    int got;
    open_csv(text);
    while ((got = cli_csv_next(&csv)) == 1)
        continue;
    assert_int_equal(got, -1);
    assert_int_equal(csv.error_line, line);
    assert_int_equal(csv.error_column, column);
}

static void test_csv_faults_are_placed(void **state)
{
    (void)state;
    assert_csv_fails("a,b\n1,\"2", 2, 2);
    assert_csv_fails("a,b\n1,2\n\"1\"x,2\n", 3, 1);
    assert_csv_fails("a,b\n1,2\"3\n", 2, 2);
    char *wide = calloc(1, 70000 + 3);
    memset(wide, 'x', 70000);
    assert_csv_fails(wide, 1, 1);
    memset(wide, ',', 300);
    wide[300] = '\0';
    assert_csv_fails(wide, 1, 257);
    free(wide);
    cli_csv_open(&csv, "a\0b", 3);
    assert_int_equal(cli_csv_next(&csv), -1);
    cli_csv_close(&csv);
}

/* ---- times ---- */

#define NOW INT64_C(1700000000000)

static int64_t ms_of(const char *text, bool end_of_day)
{
    int64_t ms = -1;
    return cli_time_parse(relief_str_of(text), NOW, end_of_day, &ms) ? ms : -1;
}

static void test_times(void **state)
{
    (void)state;
    setenv("TZ", "Asia/Shanghai", 1);
    tzset();
    assert_int_equal(ms_of("1970-01-01T00:00:00Z", false), 0);
    assert_int_equal(ms_of("2026-05-01T08:00+08:00", false), ms_of("2026-05-01T00:00:00Z", false));
    assert_int_equal(ms_of("2026-05-01T08:00+0800", false), ms_of("2026-05-01T08:00", false));
    assert_int_equal(ms_of("2026-05-01 08:00:00.25", false), ms_of("2026-05-01T00:00:00.250Z", false));
    assert_int_equal(ms_of("2026-05-01T00:00-03", false), ms_of("2026-05-01T03:00Z", false));
    assert_int_equal(ms_of("2026-05-01", false), ms_of("2026-05-01T00:00+08:00", false));
    assert_int_equal(ms_of("2026-05-01", true), ms_of("2026-05-01T23:59:59.999+08:00", false));
    assert_int_equal(ms_of("2024-12-31", true), ms_of("2025-01-01", false) - 1);
    assert_int_equal(ms_of("2026-05-01T12:00", true), ms_of("2026-05-01T12:00", false));
    assert_int_equal(ms_of("+90m", false), NOW + 90 * 60000);
    assert_int_equal(ms_of("+2d", true), NOW + 2 * RELIEF_DAY_MS);
    assert_int_equal(ms_of("1830268799999", false), INT64_C(1830268799999));
    static const char *const wrong[] = {"",
                                        "tomorrow",
                                        "2026-13-01",
                                        "2026-02-29",
                                        "2026-05-01T24:00",
                                        "2026-05-01T08:60",
                                        "2026-05-01T08:00+8",
                                        "2026-05-01T08:00Zx",
                                        "+m",
                                        "+9",
                                        "+99999999999w",
                                        "-5",
                                        "2026-05",
                                        "2026-05-01T",
                                        "20260501T080000Z",
                                        "+-5m"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(ms_of(wrong[i], false), -1);
    char text[40];
    cli_time_text(text, ms_of("2026-05-01T00:00:00Z", false), false);
    assert_string_equal(text, "2026-05-01T08:00:00+08:00");
    cli_time_text(text, ms_of("2026-05-01T00:00:00.007Z", false), true);
    assert_string_equal(text, "2026-05-01T00:00:00.007Z");
    setenv("TZ", "America/St_Johns", 1);
    tzset();
    cli_time_text(text, ms_of("2026-01-01T00:00:00Z", false), false);
    assert_string_equal(text, "2025-12-31T20:30:00-03:30");
    setenv("TZ", "Europe/Berlin", 1); /* a day of 23 hours */
    tzset();
    assert_int_equal(ms_of("2026-03-29", true) + 1 - ms_of("2026-03-29", false), 23 * 3600000);
    setenv("TZ", "UTC", 1);
    tzset();
}

/* ---- values ---- */

static struct relief_arena arena;
static struct cli_parse parse;

static bool set(const struct relief_shape *shape, void *record, const char *field, const char *text)
{
    const struct relief_field *found = relief_shape_find(shape, relief_str_of(field));
    assert_non_null(found);
    parse = (struct cli_parse){.arena = &arena, .now_ms = NOW};
    return cli_value_set(&parse, found, record, relief_str_of(text));
}

static void test_degrees(void **state)
{
    (void)state;
    struct relief_city_put_params city;
    const struct relief_shape *shape = &relief_shape_city_put_params;
    static const struct {
        const char *text;
        int64_t micro;
    } cases[] = {{"30.5928", 30592800},  {"-0.5", -500000}, {".25", 250000},        {"180", 180000000},
                 {"-180", -180000000},   {"181", 181},      {"30592800", 30592800}, {"114.3055001", 114305500},
                 {"1.0000005", 1000001}, {"0", 0},          {"+5.", 5000000}};
    relief_shape_clear(shape, &city);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(set(shape, &city, "lon", cases[i].text));
        assert_int_equal(city.lon, cases[i].micro);
    }
    static const char *const wrong[] = {"", "-", ".", "1e3", "200.5", "12,5", "0x10", "1.2.3", "nan"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(set(shape, &city, "lat", wrong[i]));
}

static void test_numbers_and_words(void **state)
{
    (void)state;
    struct relief_city_put_params city;
    const struct relief_shape *shape = &relief_shape_city_put_params;
    relief_shape_clear(shape, &city);
    assert_true(set(shape, &city, "population", "9223372036854775807"));
    assert_int_equal(city.population, INT64_MAX);
    static const char *const wrong[] = {"", "1.0", "9223372036854775808", "-9223372036854775808", "1 ", "-"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(set(shape, &city, "population", wrong[i]));
    assert_true(set(shape, &city, "mode", "emergency"));
    assert_int_equal(city.mode, RELIEF_mode_emergency);
    assert_false(set(shape, &city, "mode", "panic"));
    assert_non_null(strstr(parse.error, "normal emergency"));
    assert_false(set(shape, &city, "name", "\xff"));
}

static void test_lists(void **state)
{
    (void)state;
    struct relief_kind_put_params kind;
    struct relief_asset_put_params asset;
    struct relief_agreement_put_params agreement;
    relief_shape_clear(&relief_shape_kind_put_params, &kind);
    assert_true(set(&relief_shape_kind_put_params, &kind, "substitutes", "a:b:2:3|c:1:1"));
    assert_int_equal(kind.substitutes.count, 2);
    const struct relief_substitute *first = kind.substitutes.items;
    assert_true(relief_str_eq(first->kind, RELIEF_STR("a:b"))); /* ids may hold colons */
    assert_int_equal(first->give, 2);
    assert_int_equal(first->for_, 3);
    assert_false(set(&relief_shape_kind_put_params, &kind, "substitutes", "a:1"));
    assert_non_null(strstr(parse.error, "kind:give:for"));
    assert_false(set(&relief_shape_kind_put_params, &kind, "substitutes", "a:1:1||b:1:1"));
    relief_shape_clear(&relief_shape_asset_put_params, &asset);
    assert_true(
        set(&relief_shape_asset_put_params, &asset, "certificates", "water, deep:2026-05-01T08:00:00Z|b:2026-05-01"));
    const struct relief_certificate *certificates = asset.certificates.items;
    assert_int_equal(asset.certificates.count, 2);
    assert_true(relief_str_eq(certificates[0].name, RELIEF_STR("water, deep")));
    assert_int_equal(certificates[1].until, ms_of("2026-05-01", true));
    relief_shape_clear(&relief_shape_agreement_put_params, &agreement);
    assert_true(set(&relief_shape_agreement_put_params, &agreement, "kinds", "01,02|03"));
    assert_int_equal(agreement.kinds.count, 3);
    assert_true(set(&relief_shape_agreement_put_params, &agreement, "kinds", ""));
    assert_int_equal(agreement.kinds.present, 1); /* covers nothing, which is not the same as absent */
    assert_int_equal(agreement.kinds.count, 0);
}

/* ---- flags ---- */

static int parse_words(struct cli_params *params, unsigned method, bool own_id, int argc, char **argv)
{
    struct cli cli = {.view = &cli_view_text};
    assert_int_equal(cli_params_init(params, relief_method_by_number(method)), 0);
    int code = cli_params_parse(&cli, params, NULL, own_id, argc, argv);
    return code ? code : cli_params_verify(params);
}

#define WORDS(...)                                                                                                     \
    (int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[])                                                \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

static void test_flags(void **state)
{
    (void)state;
    struct cli_params params;
    assert_int_equal(parse_words(&params, RELIEF_METHOD_city_put, false,
                                 WORDS("1", "--region", "r", "n", "-33.9", "151.2", "--name-en=N")),
                     0);
    struct relief_city_put_params *city = params.record;
    assert_true(relief_str_eq(city->name, RELIEF_STR("n")));
    assert_true(relief_str_eq(city->name_en, RELIEF_STR("N")));
    assert_int_equal(city->lat, -33900000);
    cli_params_deinit(&params);
    assert_int_equal(parse_words(&params, RELIEF_METHOD_link_put, false, WORDS("a", "b", "5", "--no-open", "--both")),
                     0);
    struct relief_link_put_params *link = params.record;
    assert_int_equal(link->open, 0);
    assert_int_equal(link->both, 1);
    cli_params_deinit(&params);
    assert_int_equal(
        parse_words(&params, RELIEF_METHOD_link_put, false, WORDS("a", "b", "5", "--open=false", "--", "--json")),
        CLI_USAGE);
    cli_params_deinit(&params);
    assert_int_equal(parse_words(&params, RELIEF_METHOD_request_submit, true, WORDS("c", "k", "5")),
                     CLI_USAGE); /* id is not set */
    struct relief_request_submit_params *request = params.record;
    assert_null(request->id.data);
    assert_int_equal(request->quantity, 5);
    cli_params_deinit(&params);
    assert_int_equal(
        parse_words(&params, RELIEF_METHOD_request_submit, true, WORDS("i", "c", "k", "5", "--no-own-first")), 0);
    request = params.record;
    assert_true(relief_str_eq(request->id, RELIEF_STR("i")));
    assert_int_equal(request->own_first, 0);
    assert_int_equal(request->priority, RELIEF_NIL); /* defaults are the daemon's */
    cli_params_deinit(&params);
}

static void test_flags_that_are_wrong(void **state)
{
    (void)state;
    struct cli_params params;
    static char *const cases[][4] = {{"a", "b", "5", "--open=maybe"}, {"a", "b", "5", "--from=x"},
                                     {"a", "b", "5", "--minuts=4"},   {"a", "b", "5", "c"},
                                     {"a", "b", "-1", "--both"},      {"a", "b", "5", "--from"},
                                     {"a b", "b", "5", "--both"}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *argv[4];
        memcpy(argv, cases[i], sizeof argv);
        assert_int_equal(parse_words(&params, RELIEF_METHOD_link_put, false, 4, argv), CLI_USAGE);
        cli_params_deinit(&params);
    }
}

/* ---- tables ---- */

static char *written(FILE *file, char **text)
{
    fclose(file);
    return *text;
}

static void test_width(void **state)
{
    (void)state;
    assert_int_equal(cli_width(RELIEF_STR("武汉市")), 6);
    assert_int_equal(cli_width(RELIEF_STR("abc")), 3);
    assert_int_equal(cli_width(RELIEF_STR("e\xcc\x81")), 1);
    assert_int_equal(cli_width(RELIEF_STR("\xf0\x9f\x9a\x91")), 2);
    assert_int_equal(cli_width(RELIEF_STR("\x1b[2J")), 4);
    assert_int_equal(cli_width(RELIEF_STR("\xff\xfe")), 2);
}

static void test_table_is_aligned(void **state)
{
    (void)state;
    struct relief_city cities[2];
    for (int i = 0; i < 2; i++)
        relief_shape_clear(&relief_shape_city, &cities[i]);
    cities[0] = (struct relief_city){.code = RELIEF_STR("1"),
                                     .name = RELIEF_STR("武汉市"),
                                     .region = RELIEF_STR("hubei"),
                                     .lat = 5,
                                     .lon = 6,
                                     .population = 12345,
                                     .mode = RELIEF_mode_normal};
    cities[1] = (struct relief_city){.code = RELIEF_STR("22"),
                                     .name = RELIEF_STR("Paris\x1b"),
                                     .region = RELIEF_STR("idf"),
                                     .lat = 7,
                                     .lon = 8,
                                     .population = RELIEF_NIL,
                                     .mode = RELIEF_mode_emergency};
    struct relief_list items = {cities, 2, 1};
    struct cli_list list;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    cli_list_init(&list, file, &relief_shape_city, NULL);
    cli_view_text.page(&list, &(struct cli_page){&items, NULL});
    cli_view_text.end(&list);
    assert_string_equal(written(file, &text), "code  name    region  lat  lon  population  mode\n"
                                              "1     武汉市  hubei     5    6       12345  normal\n"
                                              "22    Paris?  idf       7    8              emergency\n");
    free(text);
}

/* Every view fills every slot, and shows every field of every table. */
static void test_every_view_has_every_slot(void **state)
{
    (void)state;
    for (unsigned v = 0; v < 3; v++) {
        const struct cli_view *view = cli_views[v];
        assert_non_null(view->name);
        assert_non_null(view->record);
        assert_non_null(view->page);
        assert_non_null(view->end);
        for (int t = 0; t < RELIEF_TABLE_COUNT; t++) {
            union relief_any_record record;
            const struct relief_shape *shape = relief_tables[t].shape;
            struct relief_list items = {&record, 1, 1};
            struct cli_list list;
            char *text = NULL;
            size_t size = 0;
            memset(&record, 0, sizeof record);
            relief_shape_clear(shape, &record);
            for (uint32_t f = 0; f < shape->count; f++) {
                if (shape->fields[f].kind == RELIEF_F_INT)
                    *relief_field_i64(&shape->fields[f], &record) = 4711;
            }
            FILE *file = open_memstream(&text, &size);
            cli_list_init(&list, file, shape, NULL);
            view->page(&list, &(struct cli_page){&items, NULL});
            view->end(&list);
            view->record(file, shape, &record, NULL);
            written(file, &text);
            for (uint32_t f = 0; f < shape->count; f++) {
                if (shape->fields[f].kind == RELIEF_F_INT)
                    assert_non_null(strstr(text, shape->fields[f].name));
            }
            free(text);
        }
    }
}

static void test_csv_cells_are_quoted(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    static const char *const cells[] = {"plain", "a,b", "say \"x\"", "two\nlines", " edge", ""};
    for (unsigned i = 0; i < 6; i++) {
        cli_csv_cell(file, relief_str_of(cells[i]));
        fputc(i == 5 ? '\n' : ',', file);
    }
    written(file, &text);
    assert_string_equal(text, "plain,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\" edge\",\n");
    open_csv(text); /* and read back */
    assert_int_equal(cli_csv_next(&csv), 1);
    for (unsigned i = 0; i < 6; i++)
        assert_cell(i, cells[i]);
    cli_csv_close(&csv);
    free(text);
}

/* ---- ids ---- */

static void test_ids_are_ordered_by_time(void **state)
{
    (void)state;
    char before[27] = "", id[27];
    for (int i = 0; i < 20; i++) {
        int64_t ms = cli_now_ms();
        relief_make_id(id);
        assert_int_equal(strlen(id), 26);
        assert_int_equal(strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
        assert_true(strcmp(before, id) < 0);
        strcpy(before, id);
        while (cli_now_ms() <= ms + 1)
            poll(NULL, 0, 0); /* into the next millisecond */
    }
    relief_make_id(id);
    relief_make_id(before);
    assert_string_not_equal(id, before);
}

static void test_addresses(void **state)
{
    (void)state;
    struct client_address address;
    assert_int_equal(client_address_parse(&address, "tcp:[::1]:7470"), 0);
    assert_string_equal(address.host, "::1");
    assert_string_equal(address.port, "7470");
    assert_int_equal(client_address_parse(&address, "unix:/a b"), 0);
    assert_string_equal(address.host, "/a b");
    assert_false(address.tls);
    static const char *const tls[][3] = {{"tls:h", "h", "7471"},
                                         {"tls:h.example:1", "h.example", "1"},
                                         {"tls:[::1]", "::1", "7471"},
                                         {"tls:[fe80::1%eth0]:99", "fe80::1%eth0", "99"}};
    for (unsigned i = 0; i < sizeof tls / sizeof *tls; i++) {
        assert_int_equal(client_address_parse(&address, tls[i][0]), 0);
        assert_true(address.tls && address.family == CLIENT_TCP);
        assert_string_equal(address.host, tls[i][1]);
        assert_string_equal(address.port, tls[i][2]);
    }
    static const char *const wrong[] = {
        "",     "unix:",     "tcp:",   "tcp:host", "tcp::1",   "tcp:::1:5",  "tcp:h:70000", "tcp:h:x",   "http://x",
        "tls:", "tls::7471", "tls:h:", "tls:::1",  "tls:[::1", "tls:[::1]7", "tls:[]:1",    "tcp:[::1]", "tls:h:1:2"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(client_address_parse(&address, wrong[i]), -22);
    char text[64];
    setenv("RELIEF_SOCKET", "/s", 1);
    unsetenv("RELIEF_SERVER");
    client_address_default(text, sizeof text);
    assert_string_equal(text, "unix:/s");
    setenv("RELIEF_SERVER", "tcp:a:1", 1);
    client_address_default(text, sizeof text);
    assert_string_equal(text, "tcp:a:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_rows),
        cmocka_unit_test(test_csv_faults_are_placed),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_degrees),
        cmocka_unit_test(test_numbers_and_words),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_flags_that_are_wrong),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_table_is_aligned),
        cmocka_unit_test(test_every_view_has_every_slot),
        cmocka_unit_test(test_csv_cells_are_quoted),
        cmocka_unit_test(test_ids_are_ordered_by_time),
        cmocka_unit_test(test_addresses),
    };
    if (relief_arena_init(&arena, 1 << 20) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    relief_arena_deinit(&arena);
    return failed;
}
