/*
 * Whole commands on dumps, logs and folders: what is written, verified, compared, replayed.
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

static void test_check_of_what_is_no_database(void **state)
{
    (void)state;
    run = RUN("check", "/nonexistent/data");
    check(2, NULL, "No such file");
    run = RUN("check", test_file("plain", "x"));
    check(2, NULL, "no folder");
    const char *folder = test_file("empty.d", NULL);
    assert_int_equal(mkdir(folder, 0700), 0);
    run = RUN("check", folder);
    check(1, NULL, "empty.d");
}

/* ---- dumps and logs ---- */

#define H64 "0000000000000000000000000000000000000000000000000000000000000000"

/* The value of a field that nobody cares about. */
static json_t *some_value(const struct relief_field *field)
{
    if (field->kind == RELIEF_F_OBJ) {
        json_t *parts = json_object();
        for (uint32_t i = 0; i < field->sub->count; i++)
            json_object_set_new(parts, field->sub->fields[i].name, some_value(&field->sub->fields[i]));
        return parts;
    }
    if (!field->required)
        return json_null();
    if (field->kind == RELIEF_F_INT || field->kind == RELIEF_F_TIME)
        return json_integer(0);
    if (field->kind == RELIEF_F_BOOL)
        return json_false();
    if (field->kind == RELIEF_F_IDS || field->kind == RELIEF_F_OBJS)
        return json_array();
    return json_string(field->kind == RELIEF_F_ENUM ? field->names->names[0] : "x");
}

/* A record of a dump from those of its fields that a test is about; a removed one stays as it is. Valid for 16 calls.
 */
static const char *full(const char *some)
{
    static struct relief_buf lines[16];
    static unsigned next;
    struct relief_buf *line = &lines[next++ % 16];
    json_t *record = json_loads(some, 0, NULL);
    const char *table = json_string_value(json_object_get(record, "t"));
    relief_buf_clear(line);
    assert_non_null(record);
    const struct relief_shape *shape = table ? relief_tables[relief_table_find(relief_str_of(table))].shape : NULL;
    for (uint32_t i = 0; shape && !json_object_get(record, "gone") && i < shape->count; i++) {
        if (!shape->fields[i].hidden && !json_object_get(record, shape->fields[i].name))
            json_object_set_new(record, shape->fields[i].name, some_value(&shape->fields[i]));
    }
    cli_json_write(line, record);
    relief_buf_add_char(line, '\0');
    json_decref(record);
    return line->data;
}

/* Lines with their trailer; records are filled up. */
static const char *sealed(const char *name, const char *header, const char *const *lines)
{
    struct relief_buf text = RELIEF_BUF_INIT;
    struct cli_digest digest;
    char hash[CLI_HASH_TEXT];
    int count = 0;
    relief_buf_printf(&text, "%s\n", header);
    for (; lines[count]; count++)
        relief_buf_printf(&text, "%s\n", strstr(lines[count], "\"hash\"") ? lines[count] : full(lines[count]));
    cli_digest_init(&digest);
    cli_digest_bytes(&digest, text.data, text.len);
    cli_digest_final(&digest, hash);
    cli_trailer(&text, count, hash);
    relief_buf_add(&text, "\n", 2);
    const char *path = test_file(name, text.data);
    relief_buf_deinit(&text);
    return path;
}

#define DUMP_HEADER "{\"format\":\"relief-dump\",\"head\":\"" H64 "\",\"seq\":5,\"time\":9,\"version\":1}"
#define LOT(q, h, r)                                                                                                   \
    "{\"city\":\"1\",\"expires\":null,\"held\":" h ",\"kind\":\"k\",\"lot\":\"0\",\"quantity\":" q ",\"reserved\":" r  \
    ",\"t\":\"lot\"}"
#define REQUEST(covered, open)                                                                                         \
    "{\"covered\":" covered ",\"dispatches\":[\"r/9\",\"r/10\"],\"id\":\"r\",\"open\":" open                           \
    ",\"quantity\":5,\"shortfall\":0,\"t\":\"request\"}"
#define LEG(n, state, q)                                                                                               \
    "{\"assets\":[\"a1\"],\"covers\":" q ",\"donor\":\"1\",\"id\":\"r/" n                                              \
    "\",\"kind\":\"k\",\"lots\":[{\"lot\":\"0\",\"quantity\":" q                                                       \
    "}],\"operators\":[],\"request\":\"r\",\"state\":\"" state "\",\"t\":\"dispatch\"}"
#define ACCOUNT(received)                                                                                              \
    "{\"city\":\"1\",\"in_transit\":0,\"issued\":2,\"kind\":\"k\",\"lost\":0,\"on_loan\":0,\"received\":" received     \
    ",\"t\":\"account\",\"written_off\":1}"

#define CITY(code, name) "{\"code\":\"" code "\",\"name\":\"" name "\",\"t\":\"city\"}"
#define DECLINED(n)      "{\"id\":\"r/" n "\",\"state\":\"declined\",\"t\":\"dispatch\"}"

static void test_verify_dump(void **state)
{
    (void)state;
    const char *const good[] = {LOT("10", "2", "3"), REQUEST("5", "0"), LEG("9", "asked", "2"), NULL};
    const char *lines[7] = {"{\"code\":\"k\",\"class\":\"supply\",\"t\":\"kind\"}",
                            good[0],
                            good[1],
                            good[2],
                            "{\"assets\":[],\"covers\":3,\"donor\":\"1\",\"id\":\"r/"
                            "10\",\"kind\":\"k\",\"lots\":[{\"lot\":\"0\",\"quantity\":3}],\"operators\":[],"
                            "\"request\":\"r\",\"state\":\"committed\",\"t\":\"dispatch\"}",
                            ACCOUNT("13"),
                            NULL};
    run = RUN("verify", sealed("good.jsonl", DUMP_HEADER, lines));
    check(0, "6 records", NULL);
    lines[5] = ACCOUNT("14");
    run = RUN("verify", sealed("bad.jsonl", DUMP_HEADER, lines));
    check(4, "invariant 1: kind k", NULL);
    lines[5] = ACCOUNT("13");
    lines[1] = LOT("10", "2", "4");
    run = RUN("verify", sealed("bad.jsonl", DUMP_HEADER, lines));
    check(4, "invariant 2: lot 1 k 0", NULL);
    lines[1] = LOT("4", "2", "3");
    run = RUN("verify", sealed("bad.jsonl", DUMP_HEADER, lines));
    check(4, "invariant 2: held 2 and reserved 3 of 4", NULL);
    lines[1] = good[0];
    lines[2] = REQUEST("4", "0");
    run = RUN("verify", sealed("bad.jsonl", DUMP_HEADER, lines));
    check(4, "invariant 4", NULL);
    lines[2] = good[1];
    lines[4] = LEG("10", "committed", "3");
    run = RUN("verify", sealed("bad.jsonl", DUMP_HEADER, lines));
    check(4, "invariant 5: asset a1", NULL);
    lines[4] = good[0];
    run = RUN("verify", sealed("bad.jsonl", DUMP_HEADER, lines));
    check(4, "order", NULL);
}

static void test_verify_finds_a_changed_file(void **state)
{
    (void)state;
    const char *const lines[] = {LOT("10", "0", "0"), NULL};
    const char *path = sealed("d.jsonl", DUMP_HEADER, lines);
    char text[2000] = "", *at;
    FILE *file = fopen(path, "r");
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    at = strstr(text, "\"quantity\":10");
    at[11] = '2';
    run = RUN("verify", test_file("e.jsonl", text));
    check(4, "digest", NULL);
    at[11] = '1';
    *strstr(text, "{\"digest\"") = '\0';
    run = RUN("verify", test_file("e.jsonl", text));
    check(4, "missing", NULL);
    run = RUN("verify", test_file("e.jsonl", "nonsense\n"));
    check(2, NULL, "neither");
    run = RUN("verify", "/nonexistent");
    check(2, NULL, "No such file");
    run = RUN("verify", test_file("e.jsonl", ""));
    check(2, NULL, "neither");
}

static void test_diff(void **state)
{
    (void)state;
    const char *const a[] = {LOT("10", "0", "0"), REQUEST("5", "0"), NULL};
    const char *const b[] = {LOT("11", "0", "0"), LEG("9", "asked", "2"), LEG("10", "asked", "2"), NULL};
    const char *one = sealed("a.jsonl", DUMP_HEADER, a), *two = sealed("b.jsonl", DUMP_HEADER, b);
    run = RUN("diff", one, one);
    check(0, "", NULL);
    run = RUN("diff", one, two);
    check(4, "~ lot 1 k 0: quantity 10 -> 11\n- request r\n+ dispatch r/9\n+ dispatch r/10\n", NULL);
    run = RUN("diff", one);
    check(2, NULL, "usage");
}

/* An entry with its hash, as the daemon writes it. */
static char *entry(const char *prev, int seq, const char *outcome, char ret_hash[CLI_HASH_TEXT])
{
    char *line = NULL, *rest = NULL;
    struct cli_digest digest;
    assert_true(asprintf(&rest,
                         "\"identity\":\"local\",\"method\":\"city.put\",\"outcome\":{\"records\":[%s]},\"params\":{},"
                         "\"prev\":\"%s\",\"seq\":%d,\"time\":%d}",
                         outcome, prev, seq, seq * 10) > 0);
    cli_digest_init(&digest);
    cli_digest_bytes(&digest, prev, 64);
    cli_digest_bytes(&digest, "{", 1);
    cli_digest_bytes(&digest, rest, strlen(rest));
    cli_digest_final(&digest, ret_hash);
    assert_true(asprintf(&line, "{\"hash\":\"%s\",%s", ret_hash, rest) > 0);
    free(rest);
    return line;
}

#define LOG_HEADER "{\"format\":\"relief-log\",\"from\":1,\"version\":1}"

static void test_log_is_verified_and_replayed(void **state)
{
    (void)state;
    char hash[4][CLI_HASH_TEXT];
    char two[2][4000];
    snprintf(two[0], sizeof two[0], "%s,%s", full(CITY("2", "b")), full(DECLINED("10")));
    snprintf(two[1], sizeof two[1], "%s,%s", full(DECLINED("9")), full(CITY("1", "\\u0001é")));
    char *lines[4] = {entry(H64, 1, two[0], hash[0]), NULL, NULL, NULL};
    lines[1] = entry(hash[0], 2, two[1], hash[1]);
    lines[2] = entry(hash[1], 3, "{\"code\":\"2\",\"gone\":true,\"t\":\"city\"}", hash[2]);
    const char *path = sealed("log.jsonl", LOG_HEADER, (const char *const *)lines);
    run = RUN("verify", path);
    check(0, hash[2], NULL);
    run = RUN("replay", path);
    assert_non_null(strstr(run.out, hash[2]));
    assert_non_null(strstr(run.out, "\"seq\":3,\"time\":30"));
    char records[8000];
    snprintf(records, sizeof records, "%s\n%s\n%s\n{\"digest\":", full(CITY("1", "\\u0001é")), full(DECLINED("9")),
             full(DECLINED("10")));
    check(0, records, NULL);
    char dump[200];
    snprintf(dump, sizeof dump, "%s", test_file("replayed.jsonl", NULL));
    run = RUN("replay", path, "-o", dump);
    check(0, "", NULL);
    run = RUN("verify", dump);
    check(0, "3 records", NULL);
    run = RUN("replay", dump);
    check(2, NULL, "dump");
    char *changed = strstr(lines[1], "\"r/9\"");
    changed[3] = '8';
    run = RUN("verify", sealed("log2.jsonl", LOG_HEADER, (const char *const *)lines));
    check(4, "entry 2 was changed", NULL);
    run = RUN("replay", sealed("log2.jsonl", LOG_HEADER, (const char *const *)lines), "-o", test_file("never", NULL));
    check(4, "entry 2 was changed", NULL);
    assert_int_not_equal(access(test_file("never", NULL), F_OK), 0);
    changed[3] = '9';
    const char *const gap[] = {lines[0], lines[2], NULL};
    run = RUN("verify", sealed("log3.jsonl", LOG_HEADER, gap));
    assert_non_null(strstr(run.out, "entry 3 stands where 2 should"));
    check(4, "does not follow", NULL);
    for (int i = 0; i < 3; i++)
        free(lines[i]);
}

/* ---- dump from a server ---- */

struct dumped {
    bool wrong;
};

static bool serve_dump(struct fake *own, int fd, int number, void *context)
{
    const struct dumped *dumped = context;
    struct fake_request request;
    struct relief_buf answer = RELIEF_BUF_INIT;
    struct cli_digest digest;
    char hash[CLI_HASH_TEXT];
    (void)own, (void)number;
    if (!fake_read(fd, &request))
        return true;
    const char *city = "{\"code\":\"1\",\"lat\":1,\"lon\":2,\"mode\":\"normal\",\"name\":\"武汉\",\"name_en\":null,"
                       "\"population\":null,\"region\":\"r\",\"t\":\"city\"}";
    cli_digest_init(&digest);
    cli_digest_line(&digest, relief_str_of(DUMP_HEADER));
    cli_digest_line(&digest, relief_str_of(city));
    cli_digest_final(&digest, hash);
    /* in the order of the fields, as the daemon sends them */
    relief_buf_add_text(&answer, "{\"msgid\":1,\"seq\":5,\"head\":\"" H64
                                 "\",\"time\":9,\"rows\":[{\"code\":\"1\",\"name\":\"武汉\","
                                 "\"name_en\":null,\"region\":\"r\",\"lat\":1,\"lon\":2,\"population\":null,"
                                 "\"mode\":\"normal\",\"t\":\"city\"}]}");
    relief_buf_add_char(&answer, '\0');
    fake_notify(fd, "rows", answer.data);
    relief_buf_clear(&answer);
    relief_buf_printf(&answer, "{\"seq\":5,\"head\":\"" H64 "\",\"records\":%d,\"digest\":\"%s\"}",
                      dumped->wrong ? 2 : 1, hash);
    relief_buf_add_char(&answer, '\0');
    fake_answer(fd, request.msgid, answer.data);
    fake_request_free(&request);
    relief_buf_deinit(&answer);
    return true;
}

static void test_dump_in_every_form(void **state)
{
    (void)state;
    struct dumped dumped = {false};
    char file[200], folder[200];
    struct fake *own = fake_start(serve_dump, &dumped);
    setenv("RELIEF_SERVER", fake_address(own), 1);
    run = RUN("dump");
    check(0, "\"name\":\"武汉\"", NULL);
    snprintf(file, sizeof file, "%s", test_file("dump.msgpack", NULL));
    run = RUN("dump", "--format", "msgpack", "-o", file);
    check(0, "", NULL);
    run = RUN("verify", file);
    check(0, "1 records", NULL);
    snprintf(folder, sizeof folder, "%s", test_file("dump.d", NULL));
    run = RUN("dump", "--format=csv", "--output", folder);
    check(0, "", NULL);
    run = RUN("verify", folder);
    check(0, "1 records", NULL);
    run = RUN("dump", "--format=csv", "--output", folder);
    check(2, NULL, "already");
    test_file("dump.d/city.csv", "code\n");
    run = RUN("verify", folder);
    check(4, "dump.d/city.csv: the file was changed", NULL);
    dumped.wrong = true;
    snprintf(file, sizeof file, "%s", test_file("wrong.jsonl", NULL));
    run = RUN("dump", "-o", file);
    check(4, NULL, "did not arrive");
    assert_int_not_equal(access(file, F_OK), 0);
    fake_stop(own);
    unsetenv("RELIEF_SERVER");
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
        cmocka_unit_test(test_check_of_what_is_no_database), cmocka_unit_test(test_verify_dump),
        cmocka_unit_test(test_verify_finds_a_changed_file),  cmocka_unit_test(test_diff),
        cmocka_unit_test(test_log_is_verified_and_replayed), cmocka_unit_test(test_dump_in_every_form),
    };
    setenv("TZ", "UTC", 1);
    unsetenv("RELIEF_SERVER");
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, remove_files);
}
