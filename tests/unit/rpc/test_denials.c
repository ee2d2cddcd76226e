/* The journal of denials: what is one line, how much there may be of it, and that trouble with its file is only
 * counted. */
#include "rpc/denials.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct seen {
    unsigned lines;
    int64_t first, last, total;
    unsigned limit;
    char reason[200], address[100];
    bool gap;
};

static int see(void *context, const struct relief_denial *denial)
{
    struct seen *seen = context;
    if (seen->lines == seen->limit)
        return 1;
    if (!seen->lines++)
        seen->first = denial->n;
    else if (denial->n != seen->last + 1)
        seen->gap = true;
    seen->last = denial->n;
    seen->total += denial->count;
    snprintf(seen->reason, sizeof seen->reason, "%.*s", (int)denial->reason.len, denial->reason.data);
    snprintf(seen->address, sizeof seen->address, "%.*s", (int)denial->address.len, denial->address.data);
    return 0;
}

static struct seen read_all(struct denials *denials, int64_t after)
{
    struct seen seen = {.limit = UINT32_MAX};
    denials_flush(denials, INT64_MAX);
    assert_int_equal(denials_read(denials, after, see, &seen), 0);
    return seen;
}

static uint64_t dropped(const struct denials *denials)
{
    uint64_t count;
    denials_count(denials, &count);
    return count;
}

static char folder[64];

static int setup(void **state)
{
    struct denials *denials = NULL;
    snprintf(folder, sizeof folder, "/tmp/relief-denials-XXXXXX");
    if (!mkdtemp(folder) || denials_open(&denials, folder))
        return -1;
    *state = denials;
    return 0;
}

static int teardown(void **state)
{
    char path[100];
    denials_close(*state);
    snprintf(path, sizeof path, "%s/denials.jsonl", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/denials.old.jsonl", folder);
    unlink(path);
    return rmdir(folder);
}

static void denied(struct denials *denials, int64_t now, const char *address, const char *identity, const char *method)
{
    denials_add(denials, now, 1000 + now, address, identity, method, RELIEF_DENIED, "no");
}

static void test_addresses(void **state)
{
    char text[DENIAL_ADDRESS_BYTES];
    (void)state;
    denial_address(text, "tcp:10.0.0.1:4711");
    assert_string_equal(text, "tcp:10.0.0.1");
    denial_address(text, "tcp:[2001:db8::1]:4711");
    assert_string_equal(text, "tcp:[2001:db8::1]");
    denial_address(text, "unix:uid=1000,pid=7");
    assert_string_equal(text, "unix:uid=1000");
}

static void test_repeats_within_a_second(void **state)
{
    struct denials *denials = *state;
    for (int i = 0; i < 10; i++)
        denied(denials, i * 100, "a", "auditor", "m");
    assert_false(denials_flush(denials, 999));
    struct seen seen = {.limit = UINT32_MAX};
    assert_int_equal(denials_read(denials, 0, see, &seen), 0);
    assert_int_equal(seen.lines, 0); /* its window goes on */
    assert_false(denials_flush(denials, 1000));
    assert_int_equal(denials_read(denials, 0, see, &seen), 0);
    assert_int_equal(seen.lines, 1);
    assert_int_equal(seen.total, 10);
    denied(denials, 1001, "a", "auditor", "m");
    denied(denials, 1001, "a", "auditor", "other");
    denied(denials, 1001, "b", "auditor", "m");
    denied(denials, 1001, "a", NULL, "m");
    denials_add(denials, 1001, 1, "a", "auditor", "m", RELIEF_UNAUTHENTICATED, "no");
    denials_add(denials, 1001, 1, "a", "auditor", "m", RELIEF_DENIED, "for another reason");
    seen = read_all(denials, 1);
    assert_int_equal(seen.lines, 6);
    assert_int_equal(seen.first, 2);
    assert_false(seen.gap);
}

static void test_floods(void **state)
{
    struct denials *denials = *state;
    char address[20], method[20];
    for (int i = 0; i < 100; i++) {
        snprintf(method, sizeof method, "m%d", i);
        denied(denials, 0, "one", "auditor", method);
    }
    assert_int_equal(dropped(denials), 100 - DENIALS_ADDRESS_MAX);
    for (int i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "a%d", i);
        denied(denials, 0, address, NULL, "m");
    }
    assert_int_equal(dropped(denials), 100 - DENIALS_ADDRESS_MAX + 1000 - DENIALS_STRANGERS_MAX);
    denied(denials, 0, "honest", "city:1", "m"); /* there is room for those who are somebody */
    for (int i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "b%d", i);
        denied(denials, 0, address, "city:2", "m");
    }
    struct seen seen = read_all(denials, 0);
    assert_int_equal(seen.lines, DENIALS_ROWS_MAX);
    uint64_t lost, all = denials_count(denials, &lost);
    assert_int_equal(all, 2101);
    assert_int_equal((uint64_t)seen.total + lost, all);
}

/* Two files of at most so much; numbers go on, and every page goes on where the one before ended. */
static void test_bounds(void **state)
{
    struct denials *denials = *state;
    struct stat st;
    char path[100], method[60];
    enum { LINES = 60000 };
    for (int i = 0; i < LINES; i++) {
        snprintf(method, sizeof method, "method-%d-with-a-name-that-takes-some-room", i);
        denied(denials, 0, "tcp:10.0.0.1", "auditor", method);
        if (i % (int)DENIALS_ADDRESS_MAX == (int)DENIALS_ADDRESS_MAX - 1)
            assert_false(denials_flush(denials, INT64_MAX));
    }
    assert_int_equal(dropped(denials), 0);
    struct seen seen = read_all(denials, 0);
    assert_int_equal(seen.last, LINES);
    assert_false(seen.gap);
    assert_true(seen.lines >= 30000 && seen.lines < LINES);
    for (const char *name = "denials.jsonl"; name;
         name = strcmp(name, "denials.jsonl") == 0 ? "denials.old.jsonl" : NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, name);
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_size <= DENIALS_FILE_BYTES_MAX);
    }
    for (int64_t after = seen.first - 1; after < LINES; after += 997) {
        struct seen page = {.limit = 3};
        assert_int_equal(denials_read(denials, after, see, &page), 0);
        assert_int_equal(page.first, after + 1);
        assert_int_equal(page.lines, LINES - after < 3 ? LINES - after : 3);
        assert_false(page.gap);
    }
    assert_int_equal(read_all(denials, LINES).lines, 0);
    denials_close(denials);
    assert_int_equal(denials_open(&denials, folder), 0);
    *state = denials;
    denied(denials, 0, "a", NULL, "m");
    assert_int_equal(read_all(denials, LINES - 1).last, LINES + 1);
}

static void append(const char *bytes, size_t len)
{
    char path[100];
    snprintf(path, sizeof path, "%s/denials.jsonl", folder);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* What a power cut leaves at the end: half a line, zeros, bytes of something else. */
static void test_damaged_ends(void **state)
{
    static const char zeros[5000], noise[] = "\xff\xfe{\"n\":\n}{]\n";
    struct denials *denials = *state;
    for (int64_t n = 1; n <= 5; n++) {
        denied(denials, 0, "a", "auditor", "m");
        assert_int_equal(read_all(denials, n - 1).last, n);
        denials_close(denials);
        if (n == 1)
            append("{\"address\":\"a\",", 15);
        else if (n == 2)
            append(zeros, sizeof zeros);
        else if (n == 3)
            append(noise, sizeof noise - 1);
        else if (n == 4)
            append("{\"n\":-3}\n", 9);
        assert_int_equal(denials_open(&denials, folder), 0);
        *state = denials;
    }
}

static void test_what_is_written_is_plain(void **state)
{
    struct denials *denials = *state;
    char lengthy[5000];
    denials_add(denials, 0, 1, "tcp:\x1b[31m", "city:\"\\", "a\nb", RELIEF_DENIED, "\xe5\x8c\x97\t\x7f end");
    struct seen seen = read_all(denials, 0);
    assert_int_equal(seen.lines, 1);
    assert_string_equal(seen.address, "tcp:?[31m");
    assert_string_equal(seen.reason, "????? end");
    memset(lengthy, '"', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    denials_add(denials, 0, 1, lengthy, lengthy, lengthy, RELIEF_DENIED, lengthy);
    assert_int_equal(read_all(denials, 1).lines, 1);
}

static void test_a_full_disk(void **state)
{
    struct denials *denials = *state;
    struct rlimit before, tight = {.rlim_cur = 500};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    unsigned told = 0;
    for (int i = 0; i < 10; i++) { /* the third or fourth doesn't fit whole */
        denied(denials, 0, "tcp:10.0.0.1", "auditor", "snapshot.dump");
        told += denials_flush(denials, INT64_MAX);
    }
    assert_int_equal(told, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    struct seen seen = read_all(denials, 0);
    assert_true(seen.lines >= 2 && seen.lines < 10);
    assert_int_equal(seen.lines + dropped(denials), 10);
    denied(denials, 0, "tcp:10.0.0.1", "auditor", "snapshot.dump");
    struct seen after = read_all(denials, 0);
    assert_int_equal(after.lines, seen.lines + 1);
    assert_false(after.gap);
}

static void test_no_folder(void **state)
{
    struct denials *denials = NULL;
    (void)state;
    assert_int_equal(denials_open(&denials, "/nowhere"), 0);
    denied(denials, 0, "a", NULL, "m");
    assert_true(denials_flush(denials, INT64_MAX));
    assert_int_equal(dropped(denials), 1);
    assert_int_equal(read_all(denials, 0).lines, 0);
    denials_close(denials);
    denials_close(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_addresses),    T(test_repeats_within_a_second),  T(test_floods),      T(test_bounds),
        T(test_damaged_ends), T(test_what_is_written_is_plain), T(test_a_full_disk), T(test_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
