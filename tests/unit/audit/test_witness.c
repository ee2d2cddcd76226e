/* The rules of a witness: what it signs, what it refuses with which answer, what it keeps; and that a crash between the
 * save and the signature leaves nothing that could contradict a signature. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tools/audit/witness.h"

#define ORIGIN "relief.example/1"

static struct audit_secret log_key, witness_key;
static char folder[64];
static struct audit_witness_state witness;
static struct audit_path path;
static struct audit_note note;
static struct audit_answer answer;

/* Trees of two kinds of leaves: those of a fork differ from entry 4 on. */
static void tree_of(uint64_t size, bool fork, struct audit_tree *ret)
{
    *ret = (struct audit_tree){0};
    for (uint64_t i = 0; i < size; i++) {
        uint64_t leaf = i + (fork && i >= 3 ? 1000 : 0);
        uint8_t hash[AUDIT_HASH];
        audit_tree_leaf(&leaf, sizeof leaf, hash);
        audit_tree_add(ret, hash);
    }
}

static void make_note(const char *origin, uint64_t size, bool fork, const struct audit_secret *secret)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    struct audit_tree tree;
    uint8_t root[AUDIT_HASH];
    char base64[AUDIT_HASH_B64], line[AUDIT_SIG_LINE_MAX];
    tree_of(size, fork, &tree);
    audit_tree_root(&tree, root);
    audit_base64_write(root, AUDIT_HASH, base64);
    audit_buf_format(&text, "%s\n%llu\n%s\ntime %llu\n\n", origin, (unsigned long long)size, base64,
                     (unsigned long long)size * 1000);
    size_t len = text.len;
    audit_buf_text(&text, "\xe2\x80\x94 nobody AAAAAAA=\n");
    assert_null(audit_note_read(audit_buf_view(&text), &note));
    audit_note_sign(&note, secret, 0, line);
    text.len = len;
    audit_buf_text(&text, line);
    assert_null(audit_note_read(audit_buf_view(&text), &note));
    audit_buf_deinit(&text);
}

/* From a power of two to its double the proof is one hash: that of the leaves behind. */
static void make_proof(uint64_t from, bool fork)
{
    struct audit_tree tree;
    tree_of(2 * from, fork, &tree);
    struct audit_tree behind = {0};
    for (uint64_t i = from; i < 2 * from; i++) {
        uint64_t leaf = i + (fork && i >= 3 ? 1000 : 0);
        uint8_t hash[AUDIT_HASH];
        audit_tree_leaf(&leaf, sizeof leaf, hash);
        audit_tree_add(&behind, hash);
    }
    path.count = 1;
    audit_tree_root(&behind, path.hashes[0]);
}

static int open_it(const char *fresh)
{
    witness = AUDIT_WITNESS_INIT;
    witness.secret = witness_key;
    return audit_witness_open(&witness, folder, &log_key.key, 1, &fresh, fresh != NULL);
}

static void add(uint64_t old, uint64_t size, bool fork)
{
    make_note(ORIGIN, size, fork, &log_key);
    audit_witness_add(&witness, old, &path, &note, &answer);
}

static void assert_cosigned(void)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    static struct audit_note back;
    assert_int_equal(answer.verdict, AUDIT_COSIGNED);
    audit_note_with(&note, &log_key.key, answer.line, &text);
    assert_null(audit_note_read(audit_buf_view(&text), &back));
    assert_int_equal(audit_note_signed(&back, &witness_key.key, NULL), AUDIT_SIGNED_WELL);
    audit_buf_deinit(&text);
}

static unsigned evidence(const char *what)
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        count += strstr(entry->d_name, what) != NULL;
    closedir(dir);
    return count;
}

static void test_rules(void **state)
{
    struct audit_secret other;
    (void)state;
    assert_int_equal(open_it(NULL), AUDIT_USAGE); /* without its memory it does not begin */
    audit_witness_close(&witness);
    assert_int_equal(open_it(ORIGIN), 0);
    path.count = 0;
    add(0, 4, false);
    assert_cosigned();
    /* the same again, and with what was never the old size */
    add(4, 4, false);
    assert_cosigned();
    add(0, 4, false);
    assert_int_equal(answer.verdict, AUDIT_OTHER_SIZE);
    assert_int_equal(answer.size, 4);
    assert_false(answer.fork);
    add(9, 8, false);
    assert_int_equal(answer.verdict, AUDIT_BAD);
    /* smaller: the old size is not the one that is remembered, or it is above the checkpoint's */
    add(2, 2, false);
    assert_int_equal(answer.verdict, AUDIT_OTHER_SIZE);
    add(4, 2, false);
    assert_int_equal(answer.verdict, AUDIT_BAD);
    /* other logs, other keys */
    make_note("relief.example/2", 8, false, &log_key);
    audit_witness_add(&witness, 4, &path, &note, &answer);
    assert_int_equal(answer.verdict, AUDIT_UNKNOWN);
    assert_true(audit_secret_make(&other, ORIGIN, AUDIT_KEY_LOG));
    make_note(ORIGIN, 8, false, &other);
    audit_witness_add(&witness, 4, &path, &note, &answer);
    assert_int_equal(answer.verdict, AUDIT_UNSIGNED);
    assert_int_equal(evidence("EVIDENCE"), 0);
    /* on with a proof */
    make_proof(4, false);
    add(4, 8, false);
    assert_cosigned();
    audit_witness_close(&witness);
    /* and it remembers */
    assert_int_equal(open_it(ORIGIN), AUDIT_USAGE);
    audit_witness_close(&witness);
    assert_int_equal(open_it(NULL), 0);
    assert_int_equal(witness.origins[0].size, 8);
    audit_witness_close(&witness);
}

static void test_forks(void **state)
{
    (void)state;
    assert_int_equal(open_it(ORIGIN), 0);
    path.count = 0;
    add(0, 4, false);
    assert_cosigned();
    add(4, 4, true);
    assert_int_equal(answer.verdict, AUDIT_OTHER_SIZE);
    assert_true(answer.fork);
    assert_int_equal(evidence("EVIDENCE.fork"), 2);
    add(0, 4, true); /* the same evidence once */
    assert_true(answer.fork);
    assert_int_equal(evidence("EVIDENCE.fork"), 2);
    make_proof(4, true);
    add(4, 8, true);
    assert_int_equal(answer.verdict, AUDIT_UNPROVED);
    assert_false(answer.fork);
    assert_true(answer.unproved);
    audit_witness_answered_wrong(&witness, &witness.origins[0], &note);
    assert_int_equal(evidence("EVIDENCE.unproved"), 2);
    path.count = 0;
    add(4, 8, false); /* no proof at all */
    assert_int_equal(answer.verdict, AUDIT_UNPROVED);
    assert_true(answer.unproved);
    path.count = 1;
    add(4, 4, false); /* the head that was signed, and a hash too many: never a fork */
    assert_int_equal(answer.verdict, AUDIT_UNPROVED);
    assert_false(answer.fork || answer.unproved);
    path.count = 0;
    make_note(ORIGIN, 2, false, &log_key);
    audit_witness_rolled_back(&witness, &witness.origins[0], &note);
    assert_int_equal(evidence("EVIDENCE.rollback"), 2);
    /* nobody fills the disk with it */
    for (uint64_t size = 5; size < 80; size++) {
        add(4, size, true);
        assert_true(answer.unproved);
        audit_witness_unproved(&witness, &witness.origins[0], &note);
    }
    assert_int_equal(evidence("UNPROVED"), 8);
    for (uint64_t size = 1; size < 4; size++)
        for (unsigned i = 0; i < 10; i++) {
            make_note(ORIGIN, size, false, &log_key);
            note.root[0] = (uint8_t)i;
            audit_witness_rolled_back(&witness, &witness.origins[0], &note);
        }
    assert_int_equal(evidence("EVIDENCE.rollback"), 16);
    /* and what a stranger can make takes no place from what proves a fork */
    make_proof(4, false);
    add(4, 8, false);
    assert_cosigned();
    add(8, 8, true);
    assert_true(answer.fork);
    assert_int_equal(evidence("EVIDENCE.fork"), 4);
    make_proof(8, false);
    add(8, 16, false);
    assert_cosigned();
    audit_witness_close(&witness);
}

/* A daemon that is followed shows the same in every round. */
static void test_said_once(void **state)
{
    char name[128], line[512];
    unsigned lines = 0;
    (void)state;
    assert_int_equal(open_it(ORIGIN), 0);
    path.count = 0;
    add(0, 4, false);
    snprintf(name, sizeof name, "%s/said", folder);
    FILE *said = fopen(name, "w+");
    int before = dup(STDERR_FILENO);
    assert_true(said && before >= 0 && dup2(fileno(said), STDERR_FILENO) >= 0);
    for (unsigned i = 0; i < 3; i++)
        add(4, 4, true);
    make_note(ORIGIN, 2, false, &log_key);
    for (unsigned i = 0; i < 3; i++)
        audit_witness_rolled_back(&witness, &witness.origins[0], &note);
    make_note(ORIGIN, 8, true, &log_key);
    for (unsigned i = 0; i < 3; i++)
        audit_witness_answered_wrong(&witness, &witness.origins[0], &note);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    rewind(said);
    while (fgets(line, sizeof line, said))
        lines += strstr(line, "FORK") || strstr(line, "ROLLBACK");
    fclose(said);
    assert_int_equal(lines, 3);
    audit_witness_close(&witness);
}

static void end_here(void)
{
    raise(SIGKILL);
}

static void test_crash(void **state)
{
    int status;
    (void)state;
    assert_int_equal(open_it(ORIGIN), 0);
    path.count = 0;
    add(0, 4, false);
    assert_cosigned();
    audit_witness_close(&witness);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (open_it(NULL) != 0)
            _exit(1);
        witness.saved = end_here;
        make_proof(4, false);
        add(4, 8, false);
        _exit(2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    /* Nothing was signed, and yet only this one may be now. */
    assert_int_equal(open_it(NULL), 0);
    assert_int_equal(witness.origins[0].size, 8);
    make_proof(4, true);
    add(4, 8, true);
    assert_int_equal(answer.verdict, AUDIT_OTHER_SIZE);
    assert_true(answer.fork);
    path.count = 0;
    add(8, 8, false);
    assert_cosigned();
    audit_witness_close(&witness);
}

static void test_state(void **state)
{
    char name[200], command[300];
    (void)state;
    assert_int_equal(open_it(ORIGIN), 0);
    path.count = 0;
    add(0, 4, false);
    snprintf(name, sizeof name, "%s/%s", folder, witness.origins[0].file);
    struct audit_witness_state second = AUDIT_WITNESS_INIT;
    assert_int_equal(audit_witness_open(&second, folder, &log_key.key, 1, NULL, 0), AUDIT_USAGE);
    audit_witness_close(&second);
    audit_witness_close(&witness);
    /* every byte of the state is proved when it is read */
    FILE *file = fopen(name, "r+");
    assert_non_null(file);
    int c;
    for (long at = 0; fseek(file, at, SEEK_SET) == 0 && (c = getc(file)) != EOF; at += 7) {
        fseek(file, at, SEEK_SET);
        putc(c ^ 1, file);
        fflush(file);
        assert_int_equal(open_it(NULL), AUDIT_USAGE);
        audit_witness_close(&witness);
        fseek(file, at, SEEK_SET);
        putc(c, file);
        fflush(file);
    }
    fclose(file);
    assert_int_equal(open_it(NULL), 0);
    audit_witness_close(&witness);
    /* what can't be saved is not signed */
    assert_int_equal(open_it(NULL), 0);
    snprintf(command, sizeof command, "%s.tmp", name);
    assert_int_equal(symlink("/nowhere", command), 0);
    make_proof(4, false);
    add(4, 8, false);
    assert_int_equal(answer.verdict, AUDIT_NOT_SAVED);
    assert_int_equal(answer.line[0], 0);
    assert_int_equal(unlink(command), 0);
    add(4, 8, false);
    assert_cosigned();
    audit_witness_close(&witness);
}

static void test_requests(void **state)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    uint64_t old;
    static struct audit_note read;
    (void)state;
    make_note(ORIGIN, 4, false, &log_key);
    for (unsigned lines = 0; lines <= 64; lines++) {
        text.len = 0;
        audit_buf_text(&text, "old 17\n");
        for (unsigned i = 0; i < lines; i++)
            audit_buf_text(&text, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
        audit_buf_text(&text, "\n");
        audit_buf_add(&text, note.text, note.len);
        const char *fault = audit_witness_request(audit_buf_view(&text), &old, &path, &read);
        assert_int_equal(fault != NULL, lines > 63);
        if (!fault) {
            assert_int_equal(old, 17);
            assert_int_equal(path.count, lines);
            assert_int_equal(read.size, 4);
        }
    }
    static const char *const bad[] = {"",           "old\n",     "old 01\n\n", "old 1", "old 1\nx\n\n",
                                      "old -1\n\n", "old 1\n\n", "OLD 1\n\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(audit_witness_request(audit_text_of(bad[i]), &old, &path, &read));
    audit_buf_deinit(&text);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/relief-witness-XXXXXX");
    return sodium_init() < 0 || !audit_secret_make(&log_key, ORIGIN, AUDIT_KEY_LOG) ||
           !audit_secret_make(&witness_key, "w.example", AUDIT_KEY_WITNESS) || !mkdtemp(folder);
}

static int tear_down(void **state)
{
    char name[400];
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    (void)state;
    while (dir && (entry = readdir(dir))) {
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        unlink(name);
    }
    if (dir)
        closedir(dir);
    return rmdir(folder);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(test_rules), TEST(test_forks), TEST(test_said_once),
                                       TEST(test_crash), TEST(test_state), TEST(test_requests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
