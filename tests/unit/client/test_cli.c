/*
 * Whole commands against a scripted server. Exit codes are those of relief(1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "capture.h"
#include "client/cli/cli.h"
#include "client/cli/digest.h"
#include "client/cli/json_in.h"
#include "client/client.h"
#include "fake_server.h"

/* ---- words ---- */

static void test_wrong_words_list_the_right_ones(void **state)
{
    (void)state;
    run = RUN("citty", "list");
    check(2, NULL, "server region city");
    run = RUN("city", "lst");
    check(2, NULL, "put get list mode");
    run = RUN("log");
    check(2, NULL, "list head checkpoint cosign export");
    run = RUN("city", "list", "--limti", "5");
    check(2, NULL, "--after --limit");
    run = RUN("--bogus");
    check(2, NULL, "--bogus");
    run = RUN("import", "cars", "x.csv");
    check(2, NULL, "region city link");
    run = RUN("--timeout", "never", "city", "list");
    check(2, NULL, "never");
    run = RUN("city", "get");
    check(2, NULL, "--code");
}

static void test_help(void **state)
{
    (void)state;
    run = RUN("help");
    check(0, "import TABLE", NULL);
    run = RUN("help", "stock", "receive");
    check(0, "--expires", NULL);
    run = RUN("stock", "receive", "--help");
    check(0, "--expires", NULL);
    run = RUN("stock", "--help");
    check(0, "writeoff", NULL);
    run = RUN("help", "request", "submit");
    check(0, "--all-or-nothing", NULL);
    run = RUN("--version");
    check(0, "relief ", NULL);
    run = RUN("help", "nothing");
    check(2, NULL, "one of");
}

static void test_no_connection_is_3(void **state)
{
    (void)state;
    run = RUN("--server", "unix:/nonexistent/sock", "server", "ping");
    check(3, NULL, "No such file");
    run = RUN("--server", "tls:127.0.0.1:1", "server", "ping");
    check(2, NULL, "--authority FILE or RELIEF_AUTHORITY");
    run = RUN("--server", "here", "server", "ping");
    check(2, NULL, "unix:PATH");
    run = RUN("dump", "--format", "xml");
    check(2, NULL, "jsonl");
    run = RUN("dump", "--format", "csv");
    check(2, NULL, "folder");
    run = RUN("call", "server.ping", "{\"a\":1.5}");
    check(2, NULL, "whole number");
    run = RUN("call", "server.ping", "[1]");
    check(2, NULL, "object");
}

/* ---- a server that knows a few methods ---- */

struct world {
    char log[8192]; /* methods that came, with ids */
    bool applied;   /* plan.apply came with the whole plan */
    unsigned plans; /* asked for */
    bool stale;     /* what plan.apply answers */
};

/* clang-format off */
#define MEASURES(of, covered)                                                                                          \
    "{\"of\":\"" of "\",\"covered\":" #covered ",\"mean_permille\":100,\"worst_permille\":0,\"gini_permille\":0,"      \
    "\"unit_minutes\":210,\"legs\":1,\"donors\":1,\"at_zero\":0,\"expiring\":0}"
#define PLAN                                                                                                           \
    "{\"policy\":\"nearest\",\"seq\":4,\"time\":1,\"legs\":[{\"donor\":\"武汉\",\"requester\":\"b\",\"kind\":\"k\","   \
    "\"quantity\":7,\"covers\":7,\"minutes\":30}],\"requests\":[{\"city\":\"b\",\"kind\":\"k\",\"quantity\":9,"        \
    "\"covered\":7,\"reasons\":[\"3 cities: resting\"]}],\"covered\":7,\"unit_minutes\":210,\"gap_permille\":0,"       \
    "\"measures\":[" MEASURES("before", 0) "," MEASURES("after", 7) "],\"relies\":\"ef\",\"digest\":\"abc\"}"
/* clang-format on */

static const char *city_page(const struct fake_request *request)
{
    if (strcmp(fake_param(request, "after"), "2") == 0)
        return "{\"items\":[{\"code\":\"3\",\"name\":\"c\",\"region\":\"r\",\"lat\":1,\"lon\":1,\"mode\":\"normal\"}],"
               "\"next\":null}";
    return "{\"items\":[{\"code\":\"1\",\"name\":\"a\",\"region\":\"r\",\"lat\":1,\"lon\":1,\"mode\":\"normal\"},"
           "{\"code\":\"2\",\"name\":\"武汉\",\"region\":\"r\",\"lat\":1,\"lon\":1,\"mode\":\"normal\"}],\"next\":"
           "\"2\"}";
}

static bool serve_world(struct fake *fake, int fd, int number, void *context)
{
    struct world *world = context;
    struct fake_request request;
    char answer[2048];
    (void)fake, (void)number;
    while (fake_read(fd, &request)) {
        const char *id = fake_param(&request, "id");
        size_t len = strlen(world->log);
        snprintf(world->log + len, sizeof world->log - len, "%s %s;", request.method,
                 id[0] ? id : fake_param(&request, strcmp(request.method, "stock.receive") == 0 ? "op" : "code"));
        if (strcmp(request.method, "city.list") == 0) {
            fake_answer(fd, request.msgid, city_page(&request));
        } else if (strcmp(request.method, "log.head") == 0) {
            fake_answer(fd, request.msgid, "{\"seq\":10,\"hash\":\"\",\"time\":1}");
        } else if (strcmp(request.method, "request.submit") == 0) {
            snprintf(answer, sizeof answer,
                     "{\"id\":\"%s\",\"city\":\"c\",\"kind\":\"k\",\"quantity\":5,\"state\":\"covered\",\"covered\":5,"
                     "\"open\":0,"
                     "\"dispatches\":[\"%s/1\"],\"seq\":11}",
                     id, id);
            fake_answer(fd, request.msgid, answer);
        } else if (strcmp(request.method, "dispatch.list") == 0) {
            fake_answer(
                fd, request.msgid,
                "{\"items\":[{\"id\":\"x/1\",\"donor\":\"武汉\",\"quantity\":5,\"state\":\"asked\"}],\"next\":null}");
        } else if (strcmp(request.method, "city.put") == 0 && strcmp(fake_param(&request, "name"), "bad") == 0) {
            fake_refuse(fd, request.msgid,
                        "{\"code\":\"NOT_FOUND\",\"message\":\"no region\",\"field\":\"region\",\"id\":\"r\"}");
        } else if (strcmp(request.method, "plan.rebalance") == 0 || strcmp(request.method, "plan.allocate") == 0) {
            world->plans++;
            fake_notify(fd, "progress", "{\"stage\":\"kinds\",\"done\":0,\"total\":1}");
            fake_answer(fd, request.msgid, PLAN);
        } else if (strcmp(request.method, "plan.apply") == 0) {
            const msgpack_object *plan = client_map_find(request.params, "plan");
            const msgpack_object *planned = client_map_find(plan, "digest");
            world->applied = planned && planned->via.str.size == 3 && client_map_find(plan, "legs");
            if (world->stale)
                fake_refuse(fd, request.msgid,
                            "{\"code\":\"STALE\",\"message\":\"request r changed since the plan was computed\"}");
            else
                fake_answer(fd, request.msgid, PLAN);
        } else if (strcmp(request.method, "stock.receive") == 0) {
            fake_answer(fd, request.msgid,
                        strcmp(fake_param(&request, "kind"), "old") == 0 ? "{\"seq\":3}" : "{\"seq\":12}");
        } else {
            fake_answer(fd, request.msgid, "{\"seq\":11}");
        }
        fake_request_free(&request);
    }
    return true;
}

static struct world world;
static struct fake *fake;

static int start_world(void **state)
{
    (void)state;
    world = (struct world){.applied = false};
    fake = fake_start(serve_world, &world);
    setenv("RELIEF_SERVER", fake_address(fake), 1);
    return 0;
}

static int stop_world(void **state)
{
    (void)state;
    fake_stop(fake);
    unsetenv("RELIEF_SERVER");
    return 0;
}

static void test_list_follows_its_pages(void **state)
{
    (void)state;
    run = RUN("city", "list", "--csv");
    check(0,
          "code,name,name_en,region,lat,lon,population,mode\n1,a,,r,1,1,,normal\n2,武汉,,r,1,1,,normal\n3,c,,r,1,1,,"
          "normal\n",
          NULL);
    run = RUN("--json", "city", "list");
    check(0, "\"code\":\"3\"", NULL);
    run = RUN("city", "list", "--limit", "2", "--csv");
    assert_null(strstr(run.out, "3,c"));
    check(0, "2,武汉", NULL);
}

static void test_submit_says_its_id_first(void **state)
{
    (void)state;
    char id[27] = "";
    run = RUN("request", "submit", "--city", "c", "--kind", "k", "--quantity", "5");
    memcpy(id, run.out, 26);
    assert_int_equal(run.out[26], '\n');
    assert_non_null(strstr(run.out, "donor"));
    assert_non_null(strstr(world.log, id));
    check(0, "武汉", NULL);
    run = RUN("request", "submit", "c", "k", "5", "--json");
    assert_int_equal(strspn(run.err, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
    assert_int_equal(run.out[0], '{');
    check(0, "\"covered\":5", NULL);
    run = RUN("request", "submit", "mine", "c", "k", "5", "--csv");
    assert_null(strstr(run.out, "mine\n"));
    check(0, "x/1,", NULL);
}

/* ---- import ---- */

static void test_import_names_what_is_wrong(void **state)
{
    (void)state;
    run = RUN("import", "city",
              test_file("bad.csv", "code,name,region,lat,lon\n1,a,r,91,1\n2,b,r,1,x\n3,c\n1,a,r,1,1\n4,,r,1,1\n5 "
                                   "6,a,r,1,1\n7,g,r,1,1\n7,h,r,1,1\n"));
    assert_non_null(strstr(run.err, "bad.csv:2:4: lat"));
    assert_non_null(strstr(run.err, "bad.csv:3:5: lon"));
    assert_non_null(strstr(run.err, "bad.csv:4:2:"));
    assert_non_null(strstr(run.err, "bad.csv:6:2: name"));
    assert_non_null(strstr(run.err, "bad.csv:7:1: code"));
    assert_non_null(strstr(run.err, "bad.csv:9:1: code: the same id stands in line 8"));
    assert_string_equal(world.log, ""); /* nothing was sent */
    check(2, NULL, "nothing was applied");
    run = RUN("import", "city", test_file("unknown.csv", "code,naem,region,lat,lon\n"));
    assert_non_null(strstr(run.err, "unknown.csv:1:6: name: a required column"));
    check(2, NULL, "unknown.csv:1:2: naem: unknown column");
    run = RUN("import", "city", test_file("empty.csv", ""));
    check(2, NULL, "empty.csv:1:1");
    run = RUN("import", "city", test_file("quote.csv", "code,name,region,lat,lon\n1,\"a,r,1,1\n"));
    check(2, NULL, "does not end");
    run = RUN("import", "city", "/nonexistent.csv");
    check(2, NULL, "No such file");
    run = RUN("import", "city", test_file("map.csv", "code\n1\n"), "--map", "nix=name");
    check(2, NULL, "no such column");
    run = RUN("import", "city", test_file("map.csv", "code\n1\n"), "--map", "code=nix");
    check(2, NULL, "no such parameter");
    assert_string_equal(world.log, "");
}

static void test_import_sends_and_counts(void **state)
{
    (void)state;
    run = RUN("import", "cities",
              test_file("ok.csv", "编码,name,note,lat,lon\r\n1,a,x,30.5,114.3\r\n2,bad,y,1,1\r\n3,c,,1,1\r\n"), "--map",
              "编码=code", "--map", "note=", "--map", "=region:r");
    assert_non_null(strstr(run.err, "ok.csv:3: NOT_FOUND: no region"));
    check(1, "2 new, 0 imported before, 1 refused\n", NULL);
    assert_string_equal(world.log, "log.head ;city.put 1;city.put 2;city.put 3;");
    run = RUN("import", "stock", test_file("stock.csv", "city,kind,quantity\n1,old,5\n1,new,5\n"), "--json");
    check(0, "{\"imported_before\":1,\"new\":1,\"refused\":0}", NULL);
}

/* Equal rows are told apart by their count; the op depends on batch and row alone. */
static void test_import_ops_repeat(void **state)
{
    (void)state;
    const char *rows = "city,kind,quantity,expires\n1,k,5,\n1,k,5,\n1,k,6,+2d\n";
    char first[sizeof world.log];
    run = RUN("import", "stock", test_file("a.csv", rows));
    check(0, "3 new", NULL);
    strcpy(first, world.log);
    char *op = strstr(first, "import."), *second = strstr(op + 1, "import.");
    assert_int_equal(strcspn(op, ";"), 47);
    assert_int_not_equal(strncmp(op, second, 47), 0);
    world.log[0] = '\0';
    /* another order of columns, another line, the same batch */
    run = RUN("import", "stock", test_file("b.csv", "quantity,kind,city,expires\n\n6,k,1,+2d\n5,k,1,\n5,k,1,\n"),
              "--batch", "a.csv");
    check(0, "3 new", NULL);
    for (char *at = strstr(first, "import."); at; at = strstr(at + 1, "import.")) {
        char one[48];
        snprintf(one, sizeof one, "%.47s", at);
        assert_non_null(strstr(world.log, one));
    }
    world.log[0] = '\0';
    run = RUN("import", "stock", test_file("b.csv", rows));
    check(0, "3 new", NULL);
    char other[48];
    snprintf(other, sizeof other, "%.47s", op);
    assert_null(strstr(world.log, other));
}

/* ---- batch ---- */

static void test_batch(void **state)
{
    (void)state;
    run =
        RUN("batch", test_file("b.jsonl",
                               "{\"method\":\"log.head\"}\n\n{\"method\":\"city.put\",\"params\":{\"name\":\"bad\"}}\n"
                               "{\"method\":\"region.get\",\"params\":{\"id\":\"x\"}}"));
    check(1, "{\"result\":{\"hash\":\"\",\"seq\":10,\"time\":1}}\n{\"error\":{\"code\":\"NOT_FOUND\"", NULL);
    run = RUN("batch", test_file("c.jsonl", "{\"method\":\"log.head\"}\n{\"method\":\n{\"method\":\"log.head\"}\n"));
    assert_non_null(strstr(run.out, "\"seq\":10"));
    check(2, "{\"result\"", "line 2");
    run = RUN("batch", test_file("d.jsonl", "{\"method\":\"log.head\",\"params\":{\"x\":0.5}}\n"));
    check(0, "\"seq\":10", NULL); /* it is JSON: a daemon would refuse it, with its field */
    run = RUN("batch", test_file("e.jsonl", "{\"method\":\"log.head\",\"params\":[1]}\n"));
    check(2, NULL, "line 1");
}

static void test_rebalance_applies_only_when_told(void **state)
{
    (void)state;
    run = RUN("rebalance", "--goal", "floor");
    assert_false(world.applied);
    assert_null(strstr(world.log, "plan.apply"));
    assert_non_null(strstr(run.out, "resting"));
    check(0, "武汉   b          k ", "nothing was applied");
    run = RUN("rebalance", "--json");
    check(0, "\"digest\":\"abc\"", NULL);
    run = RUN("rebalance", "--csv");
    check(0, ",武汉,b,k,7,7,30,", NULL);
    run = RUN("rebalance", "--apply");
    assert_true(world.applied);
    check(0, "武汉", "applied: 1 legs");
    run = RUN("rebalance", "--goal", "moon");
    check(2, NULL, "floor target");
}

static void test_allocate(void **state)
{
    (void)state;
    world.applied = false;
    run = RUN("allocate");
    check(2, NULL, "policy");
    run = RUN("allocate", "cheap", "--requests", "a");
    check(2, NULL, "nearest effective fair equal");
    run = RUN("allocate", "fair", "--requests", "a|b");
    assert_false(world.applied);
    check(0, "武汉", "nothing was applied");
    const char *path = test_file("plan.json", "");
    run = RUN("allocate", "fair", "--requests", "a", "--save", path, "--json", "--apply");
    assert_true(world.applied);
    assert_ptr_equal(strchr(run.out, '\n'), run.out + strlen(run.out) - 1); /* one document */
    check(0, "\"digest\":\"abc\"", NULL);
    world.applied = false;
    run = RUN("plan", "apply", path);
    assert_true(world.applied);
    check(0, "武汉", "applied: 1 legs");
    world.stale = true;
    run = RUN("plan", "apply", path);
    check(1, NULL, "STALE: request r changed since the plan was computed");
    world.stale = false;
    run = RUN("allocate", "--help");
    check(0, "--incident", NULL);
}

static void test_plan_apply_takes_plans(void **state)
{
    (void)state;
    world.applied = false;
    run = RUN("plan", "apply");
    check(2, NULL, "FILE|-");
    run = RUN("plan", "apply", "/nonexistent");
    check(2, NULL, "/nonexistent: ");
    run = RUN("plan", "apply", test_file("half.json", "{\"policy\":"));
    check(2, NULL, "not JSON");
    run = RUN("plan", "apply", test_file("list.json", "[1]"));
    check(2, NULL, "not a plan");
    assert_false(world.applied);
}

static void test_plan_compare(void **state)
{
    (void)state;
    world.plans = 0;
    run = RUN("plan", "compare", "--goal", "floor");
    assert_int_equal(world.plans, 4);
    assert_non_null(strstr(run.out, "before"));
    check(0, "equal", NULL);
    run = RUN("plan", "compare", "--requests", "a", "--csv");
    assert_int_equal(world.plans, 8);
    assert_non_null(strstr(world.log, "plan.allocate"));
    check(0, "\neffective,7,100,0,0,210,1,1,0,0\n", NULL);
    run = RUN("plan", "compare", "--incident", "i", "--json");
    check(0, "\"of\":\"fair\"", NULL);
    run = RUN("plan", "compare", "--policy", "fair");
    check(2, NULL, "shows them all");
}

/* ---- watch ---- */

/* Two events of an entry, then the connection breaks; the second begins that entry again and ends with nobody there. */
static bool serve_events(struct fake *own, int fd, int number, void *context)
{
    static const char *const events[] = {"{\"seq\":4,\"time\":1,\"topic\":\"city\",\"method\":\"city.put\",\"cities\":["
                                         "\"1\"],\"identity\":\"local\",\"record\":{\"code\":\"first\"}}",
                                         "{\"seq\":4,\"time\":1,\"topic\":\"city\",\"method\":\"city.put\",\"cities\":["
                                         "\"1\"],\"identity\":\"local\",\"record\":{\"code\":\"second\"}}",
                                         "{\"seq\":4,\"time\":1,\"topic\":\"city\",\"method\":\"city.put\",\"cities\":["
                                         "\"1\"],\"record\":{\"code\":\"third\"}}"};
    struct fake_request request;
    (void)own, (void)context;
    if (!fake_read(fd, &request))
        return number == 0;
    fake_answer(fd, request.msgid, "{\"seq\":3}");
    for (int i = 0; i < (number == 0 ? 2 : 3); i++)
        fake_notify(fd, "event", events[i]);
    fake_request_free(&request);
    return number == 0;
}

static void test_watch_shows_each_event_once(void **state)
{
    (void)state;
    struct fake *own = fake_start(serve_events, NULL);
    /* After the second connection nobody accepts any more: the subscription times out, exit 3. */
    run = RUN("--server", fake_address(own), "--timeout", "0.3", "--csv", "watch");
    check(
        3,
        "seq,time,topic,method,cities,key,identity\n4,1970-01-01T00:00:00.001Z,city,city.put,1,first,local\n"
        "4,1970-01-01T00:00:00.001Z,city,city.put,1,second,local\n4,1970-01-01T00:00:00.001Z,city,city.put,1,third,\n",
        "connecting again");
    fake_stop(own);
}

static int remove_files(void **state)
{
    (void)state;
    test_files_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_words_list_the_right_ones),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_no_connection_is_3),
        cmocka_unit_test_setup_teardown(test_list_follows_its_pages, start_world, stop_world),
        cmocka_unit_test_setup_teardown(test_submit_says_its_id_first, start_world, stop_world),
        cmocka_unit_test_setup_teardown(test_import_names_what_is_wrong, start_world, stop_world),
        cmocka_unit_test_setup_teardown(test_import_sends_and_counts, start_world, stop_world),
        cmocka_unit_test_setup_teardown(test_import_ops_repeat, start_world, stop_world),
        cmocka_unit_test_setup_teardown(test_batch, start_world, stop_world),
        cmocka_unit_test_setup_teardown(test_rebalance_applies_only_when_told, start_world, stop_world),
        cmocka_unit_test_setup_teardown(test_allocate, start_world, stop_world),
        cmocka_unit_test_setup_teardown(test_plan_apply_takes_plans, start_world, stop_world),
        cmocka_unit_test_setup_teardown(test_plan_compare, start_world, stop_world),
        cmocka_unit_test(test_watch_shows_each_event_once),
    };
    setenv("TZ", "UTC", 1);
    unsetenv("RELIEF_SERVER");
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, remove_files);
}
