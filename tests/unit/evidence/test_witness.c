/* Witnesses: whose cosignatures are taken, and what is said when there are none. */
#include "fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct relief_str cosigned(struct fixture *f, struct relief_buf *buf, unsigned witness, int64_t time)
{
    struct evidence_checkpoint checkpoint;
    struct evidence_note note;
    struct relief_buf line = RELIEF_BUF_INIT;
    relief_buf_clear(buf);
    evidence_newest(f->evidence, &checkpoint, buf);
    assert_true(evidence_note_parse(&note, (struct relief_str){buf->data, (uint32_t)buf->len}));
    evidence_note_sign(&line, note.body, &f->witnesses[witness], time);
    relief_buf_add(buf, line.data, line.len);
    relief_buf_deinit(&line);
    return (struct relief_str){buf->data, (uint32_t)buf->len};
}

static void cosignatures(void **state)
{
    struct fixture *f = *state;
    struct relief_buf buf = RELIEF_BUF_INIT, kept = RELIEF_BUF_INIT;
    struct evidence_witnessed witnessed;
    assert_int_equal(fixture_open_at(f, 7), 0);
    evidence_witnessed(f->evidence, &witnessed, NULL);
    assert_int_equal(witnessed.count, 0);
    assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &buf, 0, 1000)), EVIDENCE_TAKEN);
    assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &kept, 1, 1005)), EVIDENCE_TAKEN);
    assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &buf, 0, 900)),
                     EVIDENCE_TAKEN); /* older: the newer stays */
    evidence_witnessed(f->evidence, &witnessed, NULL);
    assert_int_equal(witnessed.size, 7);
    assert_int_equal(witnessed.count, 2);
    assert_int_equal(witnessed.time, 1005000);
    assert_int_equal(witnessed.by[0].time, 1000000);
    assert_int_equal(fixture_add_up_to(f, 9), 0);
    assert_int_equal(fixture_publish(f), 0);
    assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &buf, 1, 1010)), EVIDENCE_TAKEN);
    assert_int_equal(evidence_cosign(f->evidence, (struct relief_str){kept.data, (uint32_t)kept.len}), EVIDENCE_TAKEN);
    fixture_stop(f, true);
    assert_int_equal(fixture_open_at(f, 9), 0);
    evidence_witnessed(f->evidence, &witnessed, NULL);
    assert_int_equal(witnessed.size, 9);
    assert_int_equal(witnessed.count, 1);
    assert_string_equal(witnessed.by[0].name, "witness.example/1");
    fixture_stop(f, true);
    assert_int_equal(fixture_broken(f, 9), 0);
    fixture_forget(f, "state"), fixture_forget(f, "checkpoint"), fixture_forget(f, "hashes");
    assert_int_equal(fixture_open_at(f, 8), -EUCLEAN); /* what a witness has seen can't be taken back either */
    assert_non_null(strstr(f->report.message, "evidence/witnessed"));
    relief_buf_deinit(&buf);
    relief_buf_deinit(&kept);
}

static void cosignatures_refused(void **state)
{
    struct fixture *f = *state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    struct evidence_checkpoint checkpoint;
    assert_int_equal(fixture_open_at(f, 7), 0);
    assert_int_equal(evidence_cosign(f->evidence, RELIEF_STR("")), EVIDENCE_NO_NOTE);
    assert_int_equal(evidence_cosign(f->evidence, RELIEF_STR("a\n\n\xe2\x80\x94 b AAAAAAAA\n")), EVIDENCE_NO_NOTE);
    evidence_newest(f->evidence, &checkpoint, &buf);
    assert_int_equal(evidence_cosign(f->evidence, (struct relief_str){buf.data, (uint32_t)buf.len}),
                     EVIDENCE_NO_WITNESS);
    cosigned(f, &buf, 0, 1000);
    buf.data[buf.len - 10] = buf.data[buf.len - 10] == 'A' ? 'B' : 'A';
    assert_int_equal(evidence_cosign(f->evidence, (struct relief_str){buf.data, (uint32_t)buf.len}),
                     EVIDENCE_NO_WITNESS);
    cosigned(f, &buf, 0, 1000);
    *strchr(buf.data, '7') = '6'; /* another size: the log's own signature does not hold */
    assert_int_equal(evidence_cosign(f->evidence, (struct relief_str){buf.data, (uint32_t)buf.len}), EVIDENCE_NOT_OURS);
    /* Signed by this very key, but over a past that this log has not. */
    struct evidence *ours = f->evidence;
    struct relief_buf other = RELIEF_BUF_INIT;
    char path[128], text[EVIDENCE_PRIVATE_TEXT + 2] = {0};
    struct evidence_signer signer;
    fixture_path(f, "key", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    text[strcspn(text, "\n")] = '\0';
    assert_true(evidence_signer_parse(&signer, relief_str_of(text)));
    for (unsigned i = 0; i < 2; i++) {
        struct evidence_checkpoint forged = checkpoint;
        struct evidence_note note;
        if (i == 0)
            forged.root[5] ^= 1;
        else
            forged.size = 8;
        relief_buf_clear(&other);
        evidence_checkpoint_write(&other, &forged);
        struct relief_str body = {other.data, (uint32_t)other.len};
        relief_buf_clear(&buf);
        relief_buf_add_str(&buf, body);
        relief_buf_add_char(&buf, '\n');
        evidence_note_sign(&buf, body, &signer, 0);
        evidence_note_sign(&buf, body, &f->witnesses[0], 1000);
        assert_true(evidence_note_parse(&note, (struct relief_str){buf.data, (uint32_t)buf.len}));
        assert_int_equal(evidence_cosign(ours, (struct relief_str){buf.data, (uint32_t)buf.len}), EVIDENCE_NOT_THIS);
    }
    struct evidence_witnessed witnessed;
    evidence_witnessed(ours, &witnessed, NULL);
    assert_int_equal(witnessed.count, 0);
    relief_buf_deinit(&buf);
    relief_buf_deinit(&other);
}

static void unwitnessed_is_told_once(void **state)
{
    struct fixture *f = *state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    int64_t now = 1000;
    assert_int_equal(fixture_open_at(f, 3), 0);
    assert_int_equal(evidence_watch(f->evidence, now), EVIDENCE_AS_BEFORE);
    assert_int_equal(evidence_watch(f->evidence, now + 60000), EVIDENCE_AS_BEFORE);
    assert_int_equal(evidence_watch(f->evidence, now + 60001), EVIDENCE_UNWITNESSED);
    assert_int_equal(evidence_watch(f->evidence, now + 200000), EVIDENCE_AS_BEFORE);
    assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &buf, 0, 1)), EVIDENCE_TAKEN);
    assert_int_equal(evidence_watch(f->evidence, now += 200001), EVIDENCE_WITNESSED);
    assert_int_equal(evidence_watch(f->evidence, now += 100000), EVIDENCE_AS_BEFORE);
    /* A head that moves on all the time, and a witness who keeps up: silence. */
    for (uint64_t head = 4; head < 20; head++) {
        assert_int_equal(fixture_add_up_to(f, head), 0);
        assert_int_equal(fixture_publish(f), 0);
        assert_int_equal(evidence_watch(f->evidence, now += 20000), EVIDENCE_AS_BEFORE);
        if (head % 2 == 0)
            assert_int_equal(evidence_cosign(f->evidence, cosigned(f, &buf, 0, (int64_t)head)), EVIDENCE_TAKEN);
    }
    relief_buf_deinit(&buf);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(cosignatures),
        T(cosignatures_refused),
        T(unwitnessed_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
