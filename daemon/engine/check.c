/*
 * The proof that a data folder holds what it promises (DESIGN 6), beside a running daemon too: nothing is written.
 *
 * The log's outcomes are applied to an empty state in memory while the chain is proved (invariants 6, 7). When that
 * state reaches the entry at which LMDB stands, the two are compared key by key, derived keys included. At the head the
 * core checks its own invariants. So the store is never trusted to describe itself. The tree of the evidence is made
 * anew beside that and compared node by node. LMDB is opened before the log: the log is then never behind it, however
 * fast a daemon writes.
 *
 * Where the log was pruned the state begins with the base that it goes on from, or, with the archives at hand, with
 * their first entry: then that base is proved too, like every other base that is met on the way, byte by byte.
 */
#include "engine/state.h"

#include "base/file.h"
#include "core/key.h"
#include "store/value.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DIFFERENCES_MAX 100u /* named one by one; a store that is wrong all over says no more with a million lines */
#define KEY_TEXT_BYTES  (3 * CORE_KEY_BYTES_MAX + 1)

struct check {
    struct core core;
    struct store *memory;
    struct store_snapshot *snapshot; /* of LMDB, NULL when it could not be read */
    struct store_mark mark;          /* where it stands */
    bool compared;
    const char *dir;
    uint64_t next_base; /* the next one on the way; UINT64_MAX: none */
    struct evidence_check *evidence;
    core_check_report *report;
    void *context;
    unsigned broken;
};

/* Of the one check of this process: keys that were compared, as seen by the clock below. */
static volatile sig_atomic_t steps, steps_seen;

static void broken(struct check *check, int invariant, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void broken(struct check *check, int invariant, const char *format, ...)
{
    char what[KEY_TEXT_BYTES + 128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    check->broken++;
    if (check->report)
        check->report(check->context, invariant, what);
}

/* First byte as hex, then the parts as text with '/' between; other bytes as hex. */
static void key_text(struct relief_str key, char text[KEY_TEXT_BYTES])
{
    size_t at = 0;
    for (uint32_t i = 0; i < key.len && i < CORE_KEY_BYTES_MAX; i++) {
        uint8_t byte = (uint8_t)key.data[i];
        if (i == 0)
            at += (size_t)snprintf(text + at, KEY_TEXT_BYTES - at, "%02x ", byte);
        else if (byte == 0)
            text[at++] = '/';
        else if (byte > 0x20 && byte < 0x7f)
            text[at++] = (char)byte;
        else
            at += (size_t)snprintf(text + at, KEY_TEXT_BYTES - at, "\\%02x", byte);
    }
    text[at] = '\0';
}

struct side {
    struct core_view *view;
    struct core_cursor cursor;
    struct relief_str key, value;
    bool more;
};

static void side_start(struct side *side, struct core_view *view, const struct core_key *prefix)
{
    const struct core_key none = {.len = 0};
    side->view = view;
    view->ops->scan(view, &side->cursor, prefix, &none);
}

static void side_next(struct side *side)
{
    side->more = side->view->ops->next(side->view, &side->cursor, &side->key, &side->value);
}

/* Which side comes next: below 0 only the log's, above 0 only LMDB's. */
static int side_order(const struct side *log, const struct side *lmdb)
{
    if (!log->more || !lmdb->more)
        return log->more ? -1 : 1;
    return relief_str_cmp(log->key, lmdb->key);
}

/* A key that a walk comes by may still be one that a search does not lead to: branches are read by searches only. */
static bool search_finds(struct check *check, const struct side *lmdb)
{
    struct core_view *view = store_snapshot_view(check->snapshot);
    struct core_key key = {.len = lmdb->key.len};
    if (key.len > sizeof key.data)
        return false;
    memcpy(key.data, lmdb->key.data, key.len);
    struct relief_str value = view->ops->get(view, &key);
    return value.data && relief_str_eq(value, lmdb->value);
}

static void compare_space(struct check *check, unsigned space, unsigned *differences)
{
    struct side log = {0}, lmdb = {0};
    struct core_key prefix;
    char text[KEY_TEXT_BYTES];

    core_key_start(&prefix, space);
    side_start(&log, store_view(check->memory), &prefix);
    side_start(&lmdb, store_snapshot_view(check->snapshot), &prefix);
    side_next(&log);
    side_next(&lmdb);
    while ((log.more || lmdb.more) && *differences < DIFFERENCES_MAX) {
        int order = side_order(&log, &lmdb);
        steps = steps == SIG_ATOMIC_MAX ? 0 : steps + 1;
        if (order != 0 || !relief_str_eq(log.value, lmdb.value)) {
            key_text(order <= 0 ? log.key : lmdb.key, text);
            ++*differences;
            broken(check, 7, "key %s %s", text,
                   order < 0   ? "follows from the log and is missing in the store"
                   : order > 0 ? "is in the store and does not follow from the log"
                               : "has another value in the store than follows from the log");
        } else if (!search_finds(check, &lmdb)) {
            key_text(lmdb.key, text);
            ++*differences;
            broken(check, 7, "key %s is in the store, and a search does not find it", text);
        }
        if (order <= 0)
            side_next(&log);
        if (order >= 0)
            side_next(&lmdb);
    }
}

/*
 * The store ends the process when it meets damage; here that is what was looked for, and the way on is this. LMDB
 * believes the offsets in its pages, so a wrong one can also end in a read of memory that isn't there, or never: a
 * search that takes longer than any disk does is in a circle.
 */
#define CIRCLE_S 5

enum { BY_STORE = 1, BY_SIGNAL, BY_CLOCK };

struct way_out {
    sigjmp_buf back;
    char message[256];
    struct sigaction segv, bus, alarm; /* what was there before */
    timer_t timer;
    bool timed;
};

static struct way_out *way_out_of_signal;

static void take_way_out(void *context, const char *message)
{
    struct way_out *out = context;
    snprintf(out->message, sizeof out->message, "%s", message);
    siglongjmp(out->back, BY_STORE);
}

static void take_way_out_of_signal(int signo)
{
    if (signo != SIGALRM)
        siglongjmp(way_out_of_signal->back, BY_SIGNAL);
    if (steps == steps_seen)
        siglongjmp(way_out_of_signal->back, BY_CLOCK);
    steps_seen = steps;
}

/* The timer's signals come to this thread: to jump from another one's stack would be worse than any circle. */
static void watch_the_clock(struct way_out *out)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    const struct itimerspec every = {{CIRCLE_S, 0}, {CIRCLE_S, 0}};
    event._sigev_un._tid = gettid();
    steps_seen = steps - 1;
    out->timed = timer_create(CLOCK_MONOTONIC, &event, &out->timer) == 0;
    if (out->timed)
        timer_settime(out->timer, 0, &every, NULL);
}

static void catch_wild_reads(struct way_out *out)
{
    struct sigaction action = {.sa_handler = take_way_out_of_signal, .sa_flags = SA_RESTART};
    way_out_of_signal = out;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &out->segv);
    sigaction(SIGBUS, &action, &out->bus);
    sigaction(SIGALRM, &action, &out->alarm);
    watch_the_clock(out);
}

/* Before anything else, so that a fault in what follows does not come back for ever. */
static void let_wild_reads(struct way_out *out)
{
    if (out->timed)
        timer_delete(out->timer);
    sigaction(SIGSEGV, &out->segv, NULL);
    sigaction(SIGBUS, &out->bus, NULL);
    sigaction(SIGALRM, &out->alarm, NULL);
}

static void compare_all(struct check *check)
{
    unsigned differences = 0;
    for (unsigned space = CORE_KEY_RECORD; space <= UINT8_MAX; space++)
        compare_space(check, space, &differences);
    if (differences == DIFFERENCES_MAX)
        broken(check, 7, "more differences between store and log follow and are not named");
}

/* Whatever reads LMDB's pages. False: it ended in damage, which is reported; what it held is left as it is. */
static bool guarded(struct check *check, void (*read)(void *context), void *context)
{
    struct way_out out;
    store_fatal_handler(take_way_out, &out);
    catch_wild_reads(&out);
    int how = sigsetjmp(out.back, 1);
    if (how == 0)
        read(context);
    let_wild_reads(&out);
    store_fatal_handler(NULL, NULL);
    if (how != 0)
        broken(check, 7, "%s",
               how == BY_STORE    ? out.message
               : how == BY_SIGNAL ? "damage: LMDB's pages point to where nothing is"
                                  : "damage: a search in LMDB's pages does not end");
    return how == 0;
}

static void compare(void *context)
{
    compare_all(context);
}

struct opening {
    struct check *check;
    struct engine_report *report;
    struct store *store;
    int rc;
};

/* A file that was cut short ends a read of its mark in SIGBUS: who only reads may not lengthen it. */
static void open_lmdb(void *context)
{
    struct opening *opening = context;
    struct check *check = opening->check;
    opening->rc = engine_open_store(&opening->store, check->dir, true, NULL, opening->report);
    if (opening->rc == 0)
        opening->rc = store_snapshot_open(&check->snapshot, opening->store, &check->mark);
}

/* 0: with a snapshot, or damaged, which is reported. */
static int open_store(struct check *check, struct engine_report *ret, struct store **ret_store)
{
    struct opening opening = {.check = check, .report = ret};
    if (!guarded(check, open_lmdb, &opening)) {
        check->snapshot = NULL; /* half open: the process ends soon */
        return 0;
    }
    *ret_store = opening.store;
    if (opening.rc != -EUCLEAN)
        return opening.rc;
    broken(check, 7, "%s", ret->message[0] ? ret->message : "the store can't be read");
    return 0;
}

/* A daemon ends on such a page, even when all that can be read through it is as the log says. */
struct proof {
    struct store *store;
    int rc; /* 0: proved */
};

static void prove_pages(void *context)
{
    struct proof *proof = context;
    const struct itimerspec never = {{0, 0}, {0, 0}};
    if (way_out_of_signal->timed) /* this walk ends by itself, however slow the disk is */
        timer_settime(way_out_of_signal->timer, 0, &never, NULL);
    while ((proof->rc = store_scrub_slice(proof->store)) > 0)
        ;
}

static int check_pages(struct check *check, struct store *store, struct engine_report *ret)
{
    struct proof proof = {.store = store};
    if (!guarded(check, prove_pages, &proof) || proof.rc == 0) /* damage is reported */
        return 0;
    return engine_say(ret, proof.rc, "the store's pages can't be looked at: %s", strerror(-proof.rc));
}

/* ---- evidence ---- */

static void evidence_is_broken(void *context, const char *what)
{
    broken(context, 6, "%s", what);
}

/* Before the log is opened, which is then never behind it. */
static int open_evidence(struct check *check, struct engine_report *ret)
{
    char path[PATH_MAX];
    if (!engine_folder_path(path, sizeof path, check->dir, "evidence"))
        return -ENAMETOOLONG;
    int rc = evidence_check_open(&check->evidence, path, evidence_is_broken, check);
    return rc ? engine_say(ret, rc, "%s: %s", path, strerror(-rc)) : 0;
}

/* ---- bases ---- */

struct against {
    int fd;
    uint64_t offset;
    bool other;
};

/* The bytes that the base would have, against those that it has. */
static int compare_bytes(void *context, const void *data, size_t len)
{
    struct against *against = context;
    uint8_t window[16384];
    for (size_t at = 0; at < len && !against->other;) {
        size_t step = len - at < sizeof window ? len - at : sizeof window;
        ssize_t got = file_read(&file_io_system, against->fd, window, step, against->offset);
        if (got < 0)
            return (int)got;
        against->other = (size_t)got != step || memcmp(window, (const uint8_t *)data + at, step) != 0;
        against->offset += step;
        at += step;
    }
    return against->other ? -EUCLEAN : 0;
}

static int compare_base(struct check *check, const struct store_mark *mark)
{
    char name[ENGINE_BASE_NAME], folder[PATH_MAX], path[PATH_MAX];
    struct engine_base *base = NULL;
    struct against against = {.fd = -1};
    engine_base_name(name, sizeof name, mark->seq, ".base");
    if (!engine_folder_path(folder, sizeof folder, check->dir, "base") ||
        !engine_folder_path(path, sizeof path, folder, name))
        return -ENAMETOOLONG;
    int rc = engine_bases_open(&base, check->dir, mark->seq);
    if (rc == 0)
        rc = file_open(&file_io_system, AT_FDCWD, path, O_RDONLY, &against.fd);
    if (rc == 0 && memcmp(&engine_base_head(base)->mark, mark, sizeof *mark) != 0)
        rc = -EUCLEAN;
    if (rc == 0)
        rc = engine_base_write(store_view(check->memory), engine_base_head(base), compare_bytes, &against);
    file_close(&file_io_system, against.fd);
    engine_base_close(base);
    if (rc == -EUCLEAN)
        broken(check, 7, "the base at entry %llu is not what follows from the log", (unsigned long long)mark->seq);
    rc = rc == -EUCLEAN || rc == -ENOENT ? 0 : rc; /* a prune beside this may have taken it away */
    return rc ? rc : engine_bases_next(check->dir, mark->seq + 1, &check->next_base);
}

/* The first answers of what was pruned are those that the base names. */
static int check_answers(struct check *check, const struct engine_base_head *head)
{
    static const uint8_t none[ENGINE_DIGEST_BYTES];
    uint8_t digest[ENGINE_DIGEST_BYTES];
    struct engine_answers *answers = NULL;
    if (memcmp(head->answers, none, sizeof none) == 0)
        return 0;
    int rc = engine_answers_open(&answers, check->dir);
    if (rc == 0 && answers)
        rc = engine_answers_prove(answers, digest);
    if (rc == -EUCLEAN || (rc == 0 && (!answers || memcmp(digest, head->answers, sizeof digest) != 0)))
        broken(check, 8, "the first answers of entries that were pruned are missing or damaged");
    engine_answers_close(answers);
    return rc == -EUCLEAN ? 0 : rc;
}

/* The state that the log goes on from. */
static int begin_with_base(struct check *check, uint64_t seq, struct store_mark *ret_mark)
{
    struct engine_base *base = NULL;
    int rc = engine_bases_open(&base, check->dir, seq);
    if (rc == 0)
        rc = engine_load_base(base, check->memory, &check->core, NULL, NULL, NULL);
    if (rc == 0) {
        *ret_mark = engine_base_head(base)->mark;
        rc = check_answers(check, engine_base_head(base));
    }
    engine_base_close(base);
    return rc ? rc : engine_bases_next(check->dir, seq + 1, &check->next_base);
}

/* ---- the log ---- */

static void compare_store(struct check *check, const struct store_mark *mark)
{
    if (!check->snapshot || mark->seq != check->mark.seq)
        return;
    if (memcmp(mark->hash, check->mark.hash, LOG_HASH_BYTES) != 0 || mark->time != check->mark.time)
        broken(check, 7, "store and log disagree about hash or time of entry %llu", (unsigned long long)mark->seq);
    check->compared = true;
    guarded(check, compare, check);
}

static int check_entry(void *context, const struct engine_entry *entry, const struct log_record *record,
                       const struct store_mark *mark)
{
    struct check *check = context;
    (void)record;
    int rc = evidence_check_add(check->evidence, entry->leaf);
    if (rc)
        return rc;
    core_restore(&check->core, entry->changes, entry->change_count);
    compare_store(check, mark);
    return mark->seq == check->next_base ? compare_base(check, mark) : 0;
}

/* Where the state begins: nothing, or a base. 0; -EUCLEAN: reported. */
static int check_beginning(struct check *check, struct log *log, struct store_mark *mark)
{
    uint64_t first = log_first(log), lowest = 0;
    int rc = engine_bases_lowest(check->dir, first, &lowest);
    if (rc == 0)
        rc = engine_bases_next(check->dir, 1, &check->next_base);
    if (rc)
        return rc;
    if (lowest == UINT64_MAX) {
        broken(check, 6,
               "log damaged: it begins with entry %llu and there is no base that it goes on from: a segment is missing",
               (unsigned long long)first);
        return -EUCLEAN;
    }
    if (lowest > 0)
        rc = begin_with_base(check, lowest, mark);
    if (rc == -EUCLEAN)
        broken(check, 6, "the base at entry %llu is damaged", (unsigned long long)lowest);
    if (rc == 0)
        compare_store(check, mark);
    return rc;
}

/* What was pruned, from the first entry on. */
static int check_archive(struct check *check, const char *dir, struct store_mark *mark, struct engine_report *ret)
{
    struct engine_entry_hasher hasher;
    struct log *log = NULL;
    int rc = engine_entry_hasher_init(&hasher);
    if (rc)
        return rc;
    rc = engine_open_log(&log, dir, &(struct engine_options){0}, true, &hasher, ret);
    if (rc == 0)
        rc = engine_walk(log, mark, check_entry, check, ret);
    log_close(log);
    engine_entry_hasher_deinit(&hasher);
    if (rc == -EUCLEAN)
        broken(check, 6, "%s: %s", dir, ret->message);
    return rc;
}

static int check_log(struct check *check, struct log *log, const char *const *archives, unsigned archive_count,
                     struct engine_report *ret)
{
    struct store_mark mark = {0};
    int rc = archive_count ? engine_bases_next(check->dir, 1, &check->next_base) : check_beginning(check, log, &mark);
    if (rc == 0 && archive_count)
        compare_store(check, &mark);
    for (unsigned i = 0; rc == 0 && i < archive_count; i++)
        rc = check_archive(check, archives[i], &mark, ret);
    if (rc)
        return rc == -EUCLEAN ? 0 : rc;
    ret->base = archive_count ? 0 : mark.seq;
    rc = archive_count ? 0 : evidence_check_begin(check->evidence, mark.seq);
    if (rc)
        return rc;
    bool behind = mark.seq > check->mark.seq; /* a start makes such a store anew from the base */
    rc = engine_walk(log, &mark, check_entry, check, ret);
    ret->seq = mark.seq;
    if (rc == -EUCLEAN) {
        broken(check, 6, "%s", ret->message);
        return 0;
    }
    if (rc)
        return rc;
    evidence_check_end(check->evidence);
    if (check->snapshot && !check->compared && !(behind && ret->base))
        broken(check, 6, "the store stands at entry %llu, but the log ends with entry %llu",
               (unsigned long long)check->mark.seq, (unsigned long long)mark.seq);
    /* Deadlines that have passed by now are the timer's next entries: until then a match may be possible that was not
     * made. */
    struct core_due due;
    bool fixed_point = !core_next_due(store_view(check->memory), mark.time, &due);
    check->broken += core_check(&check->core, mark.time, fixed_point, check->report, check->context);
    return 0;
}

int engine_check(const char *dir, core_check_report *report, void *context, struct engine_report *ret)
{
    return engine_check_archived(dir, NULL, 0, report, context, ret);
}

int engine_check_archived(const char *dir, const char *const *archives, unsigned archive_count,
                          core_check_report *report, void *context, struct engine_report *ret)
{
    struct check check = {.report = report, .context = context, .dir = dir};
    const struct engine_options options = {0};
    struct engine_entry_hasher hasher;
    struct store *store = NULL;
    struct log *log = NULL;
    bool core_ready = false;

    *ret = (struct engine_report){0};
    int rc = engine_entry_hasher_init(&hasher);
    if (rc)
        return engine_say(ret, rc, "%s", strerror(-rc));
    rc = open_store(&check, ret, &store);
    if (rc == 0)
        rc = open_evidence(&check, ret);
    if (rc == 0)
        rc = engine_open_log(&log, dir, &options, true, &hasher, ret);
    if (rc == -EUCLEAN) {
        broken(&check, 6, "%s", ret->message);
        rc = 0;
        goto out;
    }
    if (rc == 0)
        rc = store_open(&check.memory, &(struct store_options){0});
    if (rc == 0)
        rc = core_init(&check.core, store_view(check.memory));
    core_ready = rc == 0;
    if (rc == 0)
        rc = check_log(&check, log, archives, archive_count, ret);
    if (rc == 0 && check.broken == 0 && check.snapshot) /* else what was found says more */
        rc = check_pages(&check, store, ret);
out:
    if (core_ready)
        core_deinit(&check.core);
    evidence_check_close(check.evidence);
    store_close(check.memory);
    store_snapshot_close(check.snapshot);
    store_close(store);
    log_close(log);
    engine_entry_hasher_deinit(&hasher);
    if (rc && !ret->message[0])
        engine_say(ret, rc, "%s: %s", dir, strerror(-rc));
    return rc ? rc : check.broken > INT_MAX ? INT_MAX : (int)check.broken;
}
