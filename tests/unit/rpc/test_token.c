/* The file of tokens: what is taken, what is refused and how it is said, and which token stands for whom. */
#include "rpc/token.h"
#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define H1 "1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "2222222222222222222222222222222222222222222222222222222222222222"

static char path[] = "/tmp/relief-tokens-XXXXXX";
static char why[TOKENS_WHY_BYTES];

static int load_bytes(struct tokens *tokens, const char *text, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    why[0] = '\0';
    return tokens_load(tokens, path, why, sizeof why);
}

static int load(struct tokens *tokens, const char *text)
{
    return load_bytes(tokens, text, strlen(text));
}

static int setup(void **state)
{
    int fd = mkstemp(path);
    (void)state;
    return fd < 0 || close(fd) != 0 || sodium_init() < 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void test_lines(void **state)
{
    struct tokens tokens = {0};
    (void)state;
    assert_int_equal(load(&tokens, ""), 0);
    assert_int_equal(tokens.count, 0);
    assert_int_equal(
        load(&tokens, "# a comment\n\n  " H1 "\tcity:420100  depot  \r\n" H2 " coordinator:zhejiang c 2026-12-31"), 0);
    assert_int_equal(tokens.count, 2);
    assert_string_equal(tokens.rows[0].identity.name, "city:420100");
    assert_string_equal(tokens.rows[0].identity.city, "420100");
    assert_string_equal(tokens.rows[0].name, "depot");
    assert_true(tokens.rows[0].until == RELIEF_TIME_MAX);
    assert_string_equal(tokens.rows[1].identity.region, "zhejiang");
    assert_true(tokens.rows[1].until == INT64_C(1798761600000)); /* 2027-01-01T00:00:00Z: to the end of the day */
    assert_int_equal(load(&tokens, H1 " auditor a 2026-12-31T06:00:01Z\n"), 0);
    assert_true(tokens.rows[0].until == INT64_C(1798696801000));
    tokens_clear(&tokens);
    tokens_clear(&tokens);
}

static void test_complaints(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {H1 " auditor\n", "line 1: a line is"},
        {H1 " auditor a 2026-12-31 more\n", "line 1: a line is"},
        {"\n# c\nrelief_secret auditor a\n", "line 3: the hash"},
        {H1 "1 auditor a\n", "line 1: the hash"},
        {"x" H1 " auditor a\n", "line 1: the hash"},
        {H1 " king a\n", "line 1: an identity"},
        {H1 " city a\n", "line 1: an identity"},
        {H1 " local a\n", "line 1: a token can't be local"},
        {H1 " auditor a/b\n", "line 1: a name"},
        {H1 " auditor a 2026-02-30\n", "line 1: the end"},
        {H1 " auditor a 2026-1-1\n", "line 1: the end"},
        {H1 " auditor a tomorrow\n", "line 1: the end"},
        {H1 " auditor a 2026-12-31T06:00:01+08\n", "line 1: the end"},
        {H1 " auditor a\n" H1 " auditor b\n", "line 2: this hash"},
        {H1 " auditor a\n" H2 " auditor a\n", "line 2: this name"},
    };
    struct tokens tokens = {0};
    (void)state;
    assert_int_equal(load(&tokens, H1 " auditor kept\n"), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(load(&tokens, bad[i].text), -EINVAL);
        if (strncmp(why, bad[i].why, strlen(bad[i].why)) != 0)
            fail_msg("%s: said '%s'", bad[i].text, why);
        assert_null(strstr(why, "secret"));
        assert_null(strstr(why, "1111"));
        assert_int_equal(tokens.count, 1); /* as before */
        assert_string_equal(tokens.rows[0].name, "kept");
    }
    assert_int_equal(load_bytes(&tokens, H1 " auditor a\0\n", sizeof H1 + 12), -EINVAL);
    assert_non_null(strstr(why, "NUL"));
    tokens_clear(&tokens);
}

static void test_who_may_read_it(void **state)
{
    static const mode_t bad[] = {0640, 0604, 0660, 0606, 0610, 0601, 0777};
    struct tokens tokens = {0};
    (void)state;
    assert_int_equal(load(&tokens, H1 " auditor a\n"), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(chmod(path, bad[i]), 0);
        assert_int_equal(tokens_load(&tokens, path, why, sizeof why), -EPERM);
        assert_non_null(strstr(why, "0600"));
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(tokens_load(&tokens, path, why, sizeof why), 0);
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(tokens_load(&tokens, path, why, sizeof why), -EPERM);
        assert_non_null(strstr(why, "belongs"));
        assert_int_equal(chown(path, 0, 0), 0);
    }
    assert_int_equal(tokens_load(&tokens, "/tmp", why, sizeof why), -EPERM);
    assert_int_equal(tokens_load(&tokens, "/nowhere/tokens", why, sizeof why), -ENOENT);
    assert_int_equal(tokens.count, 1);
    tokens_clear(&tokens);
}

static void test_find(void **state)
{
    struct tokens tokens = {0};
    char text[400], hex[2 * TOKEN_HASH_BYTES + 1];
    uint8_t hash[TOKEN_HASH_BYTES];
    const char *token = "relief_0123456789012345678901234567890123456789012";
    (void)state;
    crypto_generichash(hash, sizeof hash, (const uint8_t *)token, strlen(token), NULL, 0);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    snprintf(text, sizeof text, H1 " auditor a\n%s city:420100 depot\n" H2 " operator o\n", hex);
    assert_int_equal(load(&tokens, text), 0);
    assert_ptr_equal(tokens_find(&tokens, relief_str_of(token)), &tokens.rows[1]);
    assert_ptr_equal(tokens_get(&tokens, hash), &tokens.rows[1]);
    assert_null(tokens_find(&tokens, (struct relief_str){token, (uint32_t)strlen(token) - 1}));
    assert_null(tokens_find(&tokens, relief_str_of(H1))); /* the hash is no token */
    assert_null(tokens_find(&tokens, relief_str_of("")));
    hash[31] ^= 1;
    assert_null(tokens_get(&tokens, hash));
    tokens_clear(&tokens);
    assert_null(tokens_find(&tokens, relief_str_of(token)));
}

static void test_so_many(void **state)
{
    struct tokens tokens = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    (void)state;
    for (unsigned i = 0; i < TOKENS_MAX; i++)
        fprintf(to, "%064x auditor n%u\n", i, i);
    fflush(to);
    assert_int_equal(load_bytes(&tokens, text, len), 0);
    assert_int_equal(tokens.count, TOKENS_MAX);
    fprintf(to, H1 " auditor more\n");
    fclose(to);
    assert_int_equal(load_bytes(&tokens, text, len), -EINVAL);
    assert_int_equal(tokens.count, TOKENS_MAX);
    free(text);
    tokens_clear(&tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines), cmocka_unit_test(test_complaints), cmocka_unit_test(test_who_may_read_it),
        cmocka_unit_test(test_find),  cmocka_unit_test(test_so_many),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
