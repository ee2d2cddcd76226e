/* A read of LMDB's pages that faults ends in store_fatal; any other fault ends the process as ever. In children. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "store/value.h"
#include "store/wild.h"

#define TOLD 42

static void told(void *context, const char *message)
{
    (void)context;
    _exit(strncmp(message, "damage: ", 8) == 0 ? TOLD : 1);
}

/* How a child ends that reads where nothing is. */
static int end_of_read(int reading)
{
    const volatile char *nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    int status = 0;
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        store_fatal_handler(told, NULL);
        store_wild_watch();
        store_wild_reading = reading;
        _exit(*nothing);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(munmap((void *)(uintptr_t)nothing, 4096), 0);
    return status;
}

static void test_read_of_pages(void **state)
{
    (void)state;
    int status = end_of_read(1);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), TOLD);
}

static void test_any_other_read(void **state)
{
    (void)state;
    int status = end_of_read(0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_of_pages),
        cmocka_unit_test(test_any_other_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
