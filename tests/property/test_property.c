/*
 * Random commands go to the core and to a naive model of it; after each of them the answers and the whole states have
 * to be the same. Every 50 steps, and at the end, the core's own check has to find nothing, and the outcomes applied to
 * an empty store have to give the same bytes.
 *
 *   test_property [--seed N] [--worlds W] [--steps M] [--nightly] [--flood] [--keep-going] [--trace]
 *
 * World i of a run has seed N + i; --seed N --steps M replays one of them.
 */
#include "check.h"
#include "compare.h"
#include "core/check.h"
#include "generate.h"
#include "probe.h"
#include "store/store.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK_EVERY 50
#define TIMERS_MAX  4000 /* in one step: more means that a deadline comes back for ever */

struct run {
    struct model m;
    struct generator g;
    struct compare compare;
    struct store *store, *copy;
    struct core core, restored;
    struct core_effects effects;
    struct relief_buf json;
    uint64_t seed, seq;
    int64_t last; /* T of the last entry */
    unsigned long commands, timers, wakes;
    unsigned flood;
    unsigned long by_code[RELIEF_ERROR_COUNT];
    bool trace;
};

static void show(struct run *r, const struct core_entry *entry)
{
    const struct relief_command_info *info = relief_command_by_number(entry->command);
    relief_buf_clear(&r->json);
    relief_json_record(&r->json, info->params, entry->params, NULL);
    fprintf(stderr, "seed %llu step %u seq %llu time %lld %s: %s %.*s\n", (unsigned long long)r->seed, r->g.step,
            (unsigned long long)entry->seq, (long long)entry->time, entry->who.name.data, info->wire, (int)r->json.len,
            r->json.data);
}

static const char *code_name(int code)
{
    return code ? relief_error_name((enum relief_error)code) : "done";
}

static bool same_text(const char *expected, const char *got)
{
    return strcmp(expected ? expected : "", got) == 0;
}

static bool same_refusal(const struct model_answer *answer, const struct relief_refusal *refusal)
{
    bool same = answer->code == (int)refusal->code;
    if (answer->code == RELIEF_BAD_PARAMS || answer->code == RELIEF_NOT_FOUND || answer->code == RELIEF_CONFLICT)
        same &= answer->open_field || same_text(answer->field, refusal->field);
    if (answer->code == RELIEF_NOT_FOUND)
        same &= same_text(answer->id.data, refusal->id);
    if (answer->code == RELIEF_BAD_STATE)
        same &= answer->open_state || same_text(answer->state, refusal->state);
    if (answer->code == RELIEF_INSUFFICIENT)
        same &= answer->open_available || answer->available == refusal->available;
    if (!same)
        fprintf(stderr,
                "refusal differs: expected %s field '%s' id '%s' state '%s' available %lld,\n"
                "                 got      %s field '%s' id '%s' state '%s' available %lld (%s)\n",
                code_name(answer->code), answer->field ? answer->field : "", answer->id.data ? answer->id.data : "",
                answer->state ? answer->state : "", (long long)answer->available, code_name(refusal->code),
                refusal->field, refusal->id, refusal->state, (long long)refusal->available, refusal->message);
    return same;
}

static bool same_answer(struct run *r, const struct model_answer *answer)
{
    if (answer->table == -2)
        return true; /* a timer has nobody to answer */
    if (!r->effects.answer) {
        fprintf(stderr, "there is no answer\n");
        return false;
    }
    if (answer->table == -1)
        return compare_record(&r->compare, &relief_shape_stock, "answer", &answer->stock, r->effects.answer);
    return compare_record(&r->compare, relief_tables[answer->table].shape, "answer", answer->record, r->effects.answer);
}

/* One entry to both; true when they agree. */
static bool drive(struct run *r, struct core_entry *entry)
{
    entry->seq = ++r->seq;
    if (r->trace)
        show(r, entry);
    unsigned legs = r->m.dispatch_count;
    struct model_answer answer;
    int code = core_apply(&r->core, entry, &r->effects);
    model_apply(&r->m, entry, &answer);
    bool same = true;
    if (code != answer.code) {
        fprintf(stderr, "result differs: expected %s, got %s\n", code_name(answer.code), code_name(code));
        same = false;
    }
    if (code || answer.code) {
        same = same && same_refusal(&answer, &r->effects.refusal);
    } else {
        r->last = entry->time;
        core_restore(&r->restored, r->effects.changes, r->effects.count);
        /* What a wake left for the entries behind it is missing in the first one's answer. */
        same = same && (r->effects.more || same_answer(r, &answer));
        while (r->effects.more && same) {
            struct relief_time_wake_params params;
            relief_shape_clear(&relief_shape_time_wake_params, &params);
            struct core_entry wake = {.seq = ++r->seq,
                                      .time = entry->time,
                                      .who = {.name = RELIEF_STR("timer"), .role = RELIEF_role_local},
                                      .command = RELIEF_COMMAND_time_wake,
                                      .params = &params};
            r->wakes++;
            same = core_wake_owed(store_view(r->store)) && core_apply(&r->core, &wake, &r->effects) == 0;
            core_restore(&r->restored, r->effects.changes, r->effects.count);
        }
        if (core_wake_owed(store_view(r->store)) && same) {
            fprintf(stderr, "a wake is owed that nobody asked for\n");
            same = false;
        }
    }
    same = compare_state(&r->compare, &r->m, store_view(r->store)) && same;
    same = same && check_model(&r->m, entry->time, legs);
    same = same && probe_state(&r->compare, &r->g, &r->core, entry->time);
    r->by_code[code > 0 && code < RELIEF_ERROR_COUNT ? code : 0]++;
    if (!same)
        show(r, entry);
    return same;
}

static void broken(void *context, int invariant, const char *what)
{
    (void)context;
    fprintf(stderr, "core_check: invariant %d: %s\n", invariant, what);
}

static bool check_core(struct run *r)
{
    bool right = core_check(&r->core, r->last, true, broken, NULL) == 0;
    return compare_views(store_view(r->store), store_view(r->copy)) && right;
}

/* An agreement began or passed its end, or an asset has rested, since the last entry: what is due has to be done before
 * the next command. */
static bool something_turns(struct run *r, int64_t until)
{
    for (unsigned i = 0; i < r->m.agreement_count; i++) {
        const struct relief_agreement *a = &r->m.agreement[i];
        if ((a->from != RELIEF_NIL && a->from > r->last && a->from <= until) ||
            (a->until != RELIEF_NIL && a->until > r->last && a->until <= until))
            return true;
    }
    for (unsigned i = 0; i < r->m.asset_count; i++) {
        if (r->m.asset[i].rest_until != RELIEF_NIL && r->m.asset[i].rest_until <= until)
            return true;
    }
    return false;
}

/* Carries out what is due, at its time, as the daemon's timer would. */
static bool timers(struct run *r, int64_t until)
{
    struct core_due due;
    for (unsigned count = 0; core_next_due(store_view(r->store), until, &due); count++) {
        int64_t next = model_next_due(&r->m);
        if (count > TIMERS_MAX || !model_knows_due(&r->m, &due) || due.time > until || due.time > next) {
            fprintf(stderr, "not what is due: command %u time %lld id %s, until %lld; the model's next is %lld\n",
                    due.command, (long long)due.time, due.id, (long long)until, (long long)next);
            return false;
        }
        int64_t at = due.time + (due.command == RELIEF_COMMAND_time_lapse); /* fine print 47 */
        struct core_entry entry = {.time = at > r->last ? at : r->last, .command = due.command, .params = &due.params};
        entry.who = (struct core_identity){.name = RELIEF_STR("local"), .role = RELIEF_role_local};
        /* The model compares strings by address. */
        if (due.command == RELIEF_COMMAND_time_lapse)
            due.params.lapse.dispatch =
                model_name(&r->m, due.params.lapse.dispatch.data, due.params.lapse.dispatch.len);
        if (due.command == RELIEF_COMMAND_time_expire && due.params.expire.request.data)
            due.params.expire.request =
                model_name(&r->m, due.params.expire.request.data, due.params.expire.request.len);
        if (due.command == RELIEF_COMMAND_time_wake && due.params.wake.agreement.data)
            due.params.wake.agreement =
                model_name(&r->m, due.params.wake.agreement.data, due.params.wake.agreement.len);
        if (due.command == RELIEF_COMMAND_time_wake && due.params.wake.asset.data)
            due.params.wake.asset = model_name(&r->m, due.params.wake.asset.data, due.params.wake.asset.len);
        r->timers++;
        if (!drive(r, &entry))
            return false;
    }
    if (model_next_due(&r->m) <= until) {
        fprintf(stderr, "something is due at %lld, until %lld, that core_next_due doesn't know\n",
                (long long)model_next_due(&r->m), (long long)until);
        return false;
    }
    return true;
}

static bool step(struct run *r)
{
    generator_tick(&r->g);
    if (r->g.now < r->last)
        r->g.now = (r->last + 9) / 10 * 10;
    bool late = generator_random(&r->g, 25) == 0 && !something_turns(r, r->g.now);
    if (!late && !timers(r, r->g.now))
        return false;
    generator_next(&r->g);
    struct core_entry entry = {.time = r->g.now, .who = r->g.who, .command = r->g.command, .params = &r->g.params};
    r->commands++;
    if (entry.command == RELIEF_METHOD_request_submit && !probe_preview(&r->compare, &r->g, &r->core, entry.params)) {
        show(r, &entry);
        return false;
    }
    return drive(r, &entry) && (r->g.step % CHECK_EVERY || check_core(r));
}

static bool world(struct run *r, uint64_t seed, unsigned steps)
{
    struct store_options options = {.dir = NULL};
    int error = store_open(&r->store, &options);
    if (!error)
        error = store_open(&r->copy, &options);
    if (!error)
        error = core_init(&r->core, store_view(r->store));
    if (!error)
        error = core_init(&r->restored, store_view(r->copy));
    assert(!error);
    (void)error;
    r->seed = seed;
    if (seed % 2 && !r->flood)
        r->core.looks_max = 1 + (uint32_t)(seed % 13); /* wakes go on after a few looks: as if the world were large */
    r->seq = 0;
    r->last = 0;
    generator_start(&r->g, &r->m, seed, r->flood);
    bool same = true;
    for (unsigned i = 0; i < steps && same; i++)
        same = step(r);
    same = same && check_core(r);
    if (!same)
        fprintf(stderr, "replay: test_property --seed %llu --steps %u --trace\n\n", (unsigned long long)seed,
                r->g.step);
    core_deinit(&r->core);
    core_deinit(&r->restored);
    store_close(r->store);
    store_close(r->copy);
    model_reset(&r->m);
    return same;
}

static uint64_t number(const char *text, const char *name)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno || *end || end == text) {
        fprintf(stderr, "%s: not a number: %s\n", name, text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, worlds = 1, steps = 500, failed = 0;
    bool keep_going = false;
    static struct run run;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--nightly") == 0) {
            worlds = 10000;
        } else if (strcmp(argv[i], "--keep-going") == 0) {
            keep_going = true;
        } else if (strcmp(argv[i], "--flood") == 0) {
            run.flood = 1400; /* enough for more than RELIEF_WAKE_LEGS_MAX legs at once */
        } else if (strcmp(argv[i], "--trace") == 0) {
            run.trace = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
            seed = number(argv[++i], "--seed");
        } else if (i + 1 < argc && strcmp(argv[i], "--worlds") == 0) {
            worlds = number(argv[++i], "--worlds");
        } else if (i + 1 < argc && strcmp(argv[i], "--steps") == 0) {
            steps = number(argv[++i], "--steps");
        } else {
            fprintf(stderr, "usage: test_property [--seed N] [--worlds W] [--steps M] [--nightly] [--flood] "
                            "[--keep-going] [--trace]\n");
            return 2;
        }
    }
    model_init(&run.m);
    int error = compare_init(&run.compare);
    if (!error)
        error = core_effects_init(&run.effects);
    if (error) {
        fprintf(stderr, "no memory: %s\n", strerror(-error));
        return 1;
    }
    for (uint64_t i = 0; i < worlds && (keep_going || !failed); i++)
        failed += !world(&run, seed + i, (unsigned)steps);
    printf("%lu commands, %lu timers, %lu wakes that went on; refused:", run.commands, run.timers, run.wakes);
    for (int code = 1; code < RELIEF_ERROR_COUNT; code++) {
        if (run.by_code[code])
            printf(" %s %lu", code_name(code), run.by_code[code]);
    }
    printf("\n%llu of %llu worlds differ\n", (unsigned long long)failed, (unsigned long long)worlds);
    core_effects_deinit(&run.effects);
    compare_deinit(&run.compare);
    relief_buf_deinit(&run.json);
    model_deinit(&run.m);
    return failed ? 1 : 0;
}
