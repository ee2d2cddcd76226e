/* The proof finds what is wrong, says where, and finds nothing where nothing is. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct seen {
    unsigned count;
    int invariant;
    char what[512];
};

static void see(void *context, int invariant, const char *what)
{
    struct seen *seen = context;
    if (seen->count++ == 0) {
        seen->invariant = invariant;
        snprintf(seen->what, sizeof seen->what, "%s", what);
    }
}

static int check(const char *dir, struct seen *seen)
{
    struct engine_report report;
    *seen = (struct seen){0};
    int rc = engine_check(dir, see, seen, &report);
    if (rc < 0)
        snprintf(seen->what, sizeof seen->what, "%s", report.message);
    if (rc > 0)
        assert_int_equal(rc, seen->count);
    return rc;
}

static void fill(struct world *w)
{
    world_receive(w, "B", 50);
    assert_int_equal(world_submit(w, "q1", 30), 0);
    assert_int_equal(world_submit(w, "q2", 30), 0);
    assert_int_equal(world_durable(w), 0);
}

static void good_folder(void **state)
{
    struct world *w = *state;
    struct seen seen;
    fill(w);
    world_stop(w);
    int rc = check(w->dir, &seen);
    if (rc)
        print_error("%d %s\n", seen.invariant, seen.what);
    assert_int_equal(rc, 0);
}

/* In a process of its own, as the command is: LMDB may be opened once in a process. Exit code 0: nothing is broken. */
static int check_elsewhere(struct world *w)
{
    char self[] = "/proc/self/exe", option[] = "--check";
    char *arguments[] = {self, option, w->dir, NULL};
    pid_t child;
    int status;
    assert_int_equal(posix_spawn(&child, self, NULL, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int check_main(const char *dir)
{
    struct seen seen;
    int rc = check(dir, &seen);
    if (rc)
        fprintf(stderr, "check: %d, %d %s\n", rc, seen.invariant, seen.what);
    return rc != 0;
}

/* Beside the daemon, with a store that stands behind the log. */
static void beside_a_daemon(void **state)
{
    struct world *w = *state;
    fill(w);
    assert_true(store_mark(engine_store(w->engine)).seq < engine_durable(w->engine));
    assert_int_equal(check_elsewhere(w), 0);
    store_flush_to(engine_store(w->engine), 5);
    while (engine_settle(w->engine) == 0 && store_mark(engine_store(w->engine)).seq < 5)
        sem_wait(&w->woken);
    world_receive(w, "B", 1);
    assert_int_equal(world_durable(w), 0);
    assert_int_equal(check_elsewhere(w), 0);
    world_receive(w, "B", 1); /* and it did not disturb the daemon */
    assert_int_equal(world_durable(w), 0);
}

static void no_folder(void **state)
{
    struct seen seen;
    (void)state;
    assert_int_equal(check("/nonexistent/relief", &seen), -ENOENT);
    assert_int_not_equal(strlen(seen.what), 0);
}

/* The same commands at other times: the store of one beside the log of the other. */
static void store_that_does_not_follow_from_the_log(void **state)
{
    struct world *w = *state;
    struct seen seen;
    char store[128], kept[128];
    fill(w);
    world_stop(w);
    snprintf(store, sizeof store, "%s/store", w->dir);
    snprintf(kept, sizeof kept, "%s/kept", w->dir);
    world_copy(store, kept);
    world_remove(store);
    world_forget(w);
    w->wall += 1000;
    world_start(w);
    world_found(w);
    fill(w);
    world_stop(w);
    world_remove(store);
    world_copy(kept, store);
    assert_true(check(w->dir, &seen) > 1);
    assert_int_equal(seen.invariant, 7);
    assert_non_null(strstr(seen.what, "disagree"));
}

/* One flipped bit in LMDB's file, in a page that LMDB itself finds nothing wrong with. */
static void damaged_value(void **state)
{
    static const char name[] = "Zwischenlagerbezirk";
    static char bytes[1 << 20];
    struct world *w = *state;
    struct seen seen;
    char path[128];
    unsigned found = 0;
    WORLD_PARAMS(region_put, region);
    region.id = RELIEF_STR("z");
    region.name = RELIEF_STR("Zwischenlagerbezirk");
    assert_int_equal(world_command(w, RELIEF_METHOD_region_put, &region), 0);
    world_stop(w);
    snprintf(path, sizeof path, "%s/store/data.mdb", w->dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t len = pread(fd, bytes, sizeof bytes, 0);
    for (char *at = bytes; (at = memmem(at, (size_t)(bytes + len - at), name, sizeof name - 1)); at++, found++)
        assert_int_equal(pwrite(fd, "z", 1, at - bytes), 1);
    close(fd);
    assert_true(found > 0);
    assert_int_equal(check(w->dir, &seen), 1);
    assert_int_equal(seen.invariant, 7);
    assert_non_null(strstr(seen.what, "checksum"));
}

static void damaged_log(void **state)
{
    struct world *w = *state;
    struct seen seen;
    char path[128];
    uint8_t byte;
    fill(w);
    world_receive(w, "B", 1);
    assert_int_equal(world_durable(w), 0);
    world_stop(w);
    snprintf(path, sizeof path, "%s/log/00000000000000000001.seg", w->dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, 64 + 80), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, 64 + 80), 1);
    close(fd);
    assert_int_equal(check(w->dir, &seen), 1);
    assert_int_equal(seen.invariant, 6);
    assert_non_null(strstr(seen.what, "log damaged"));
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        return check_main(argv[2]);
#define T(test) cmocka_unit_test_setup_teardown(test, world_setup_open, world_teardown)
    const struct CMUnitTest tests[] = {
        T(good_folder),   T(beside_a_daemon), T(no_folder), T(store_that_does_not_follow_from_the_log),
        T(damaged_value), T(damaged_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
