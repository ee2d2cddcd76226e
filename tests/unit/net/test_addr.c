/* Addresses as people write them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/addr.h"

static void test_good(void **state)
{
    struct addr addr;
    (void)state;
    assert_int_equal(addr_parse("unix:/run/reliefd/reliefd.sock", &addr, NULL), 0);
    assert_int_equal(addr.scheme, ADDR_UNIX);
    assert_string_equal(addr.path, "/run/reliefd/reliefd.sock");
    assert_int_equal(addr_parse("tcp:127.0.0.1:7470", &addr, NULL), 0);
    assert_int_equal(addr.scheme, ADDR_TCP);
    assert_string_equal(addr.host, "127.0.0.1");
    assert_int_equal(addr.port, 7470);
    assert_int_equal(addr_parse("tls:[2001:db8::1]:0", &addr, NULL), 0);
    assert_int_equal(addr.scheme, ADDR_TLS);
    assert_string_equal(addr.host, "2001:db8::1");
    assert_int_equal(addr.port, 0);
    assert_int_equal(addr_parse("tcp:depot.example:65535", &addr, NULL), 0);
    assert_int_equal(addr.port, 65535);
}

static void test_bad(void **state)
{
    static const char *const bad[] = {
        "",           "7470",         "tcp",           "tcp:",     "tcp:host",
        "tcp:host:",  "tcp::7470",    "tcp:h:65536",   "tcp:h:-1", "tcp:h:7x",
        "tcp:h: 7",   "tcp:::1:7470", "tcp:[::1]7470", "tcp:[::1", "tcp:[::g]:1",
        "unix:",      "http:host:80", "TCP:host:80",   "tcp:[]:1", "tcp:h:000001",
        "tcp:[::1]:",
    };
    struct addr addr, before;
    char path[200] = "unix:/", host[600] = "tcp:";
    const char *why;
    (void)state;
    memset(&addr, 7, sizeof addr);
    before = addr;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why = NULL;
        if (addr_parse(bad[i], &addr, &why) != -EINVAL)
            fail_msg("'%s' was taken", bad[i]);
        assert_non_null(why);
    }
    memset(path + 6, 'x', 107); /* with the slash 108: one too many */
    assert_int_equal(addr_parse(path, &addr, &why), -EINVAL);
    memset(host + 4, 'x', 300);
    memcpy(host + 304, ":1", 3);
    assert_int_equal(addr_parse(host, &addr, &why), -EINVAL);
    memmove(host + 5, host + 4, 302);
    host[4] = '[';
    memcpy(host + 300, "]:1", 4);
    assert_int_equal(addr_parse(host, &addr, &why), -EINVAL);
    assert_memory_equal(&addr, &before, sizeof addr);
    path[6 + 106] = '\0';
    assert_int_equal(addr_parse(path, &addr, &why), 0);
}

static void test_loopback(void **state)
{
    static const struct {
        const char *text;
        bool loopback;
    } rows[] = {
        {"tcp:127.0.0.1:1", true},
        {"tcp:127.9.9.9:1", true},
        {"tcp:[::1]:1", true},
        {"tcp:localhost:1", true},
        {"tcp:0.0.0.0:1", false},
        {"tcp:[::]:1", false},
        {"tcp:10.0.0.1:1", false},
        {"unix:/x", false},
        {"tcp:128.0.0.1:1", false},
        {"tcp:[::2]:1", false},
        {"tcp:127.1:1", false},
        {"tcp:127.0.0.1.example:1", false},
        {"tcp:localhost.example:1", false},
    };
    struct addr addr;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(addr_parse(rows[i].text, &addr, NULL), 0);
        if (addr_is_loopback(&addr) != rows[i].loopback)
            fail_msg("%s", rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
