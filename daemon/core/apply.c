/*
 * core_apply: finds the command's function, lets it check and change, matches what that made possible, and puts the
 * outcome in order. The table of functions comes from the lists of methods and commands.
 */
#include "core/work.h"
#include <assert.h>
#include <errno.h>

int core_init(struct core *core, struct core_view *view)
{
    int rc;
    *core = (struct core){.view = view, .looks_max = RELIEF_WAKE_LOOKS_MAX};
    if (!relief_buf_reserve(&core->buf, 64 * 1024))
        return -ENOMEM;
    rc = relief_arena_init(&core->scratch, CORE_ARENA_BYTES);
    if (rc == 0)
        rc = core_memo_init(&core->memo);
    if (rc)
        core_deinit(core);
    return rc;
}

void core_deinit(struct core *core)
{
    relief_buf_deinit(&core->buf);
    relief_arena_deinit(&core->scratch);
    core_memo_deinit(&core->memo);
}

int core_effects_init(struct core_effects *effects)
{
    *effects = (struct core_effects){0};
    return relief_arena_init(&effects->arena, CORE_ARENA_BYTES);
}

void core_effects_deinit(struct core_effects *effects)
{
    relief_arena_deinit(&effects->arena);
}

/* ---- the command's function ---- */

#define CASE_BUILT(noun, verb)                                                                                         \
    case RELIEF_METHOD_##noun##_##verb:                                                                                \
        return core_apply_##noun##_##verb(work, work->entry->params);
#define CASE_PLANNED(noun, verb)
#define CASE_CHANGE(noun, verb, state) CASE_##state(noun, verb)
#define CASE_SESSION(noun, verb, state)
#define CASE_QUERY(noun, verb, state)
#define CASE_LIST(noun, verb, state)
#define CASE_STREAM(noun, verb, state)

static int carry_out(struct core_work *work)
{
    switch (work->entry->command) {
#define M(number, noun, verb, kind, roles, result, state, summary) CASE_##kind(noun, verb, state)
        RELIEF_METHODS(M)
#undef M
#define C(number, name, wire, summary)                                                                                 \
    case number:                                                                                                       \
        return core_apply_##name(work, work->entry->params);
        RELIEF_COMMANDS(C)
#undef C
    default:
        return relief_refuse(&work->fx->refusal, RELIEF_BAD_METHOD, "no such command");
    }
}

/* The role column again, inside the core: what enters the log was allowed whatever the edge did. */
static int check_role(struct core_work *work)
{
    const struct relief_method_info *method = relief_method_by_number(work->entry->command);
    enum relief_role role = work->entry->who.role;
    if (!method)
        return role == RELIEF_role_local ? 0 : work_denied(work, "timers are the daemon's own");
    if (role == RELIEF_role_local || (method->roles & 1u << role))
        return 0;
    return work_denied(work, "%s is not for the role %s", method->wire, relief_enum_role.names[role]);
}

static void note_op(struct core_work *work)
{
    const struct relief_command_info *command = relief_command_by_number(work->entry->command);
    const struct relief_field *field = relief_shape_find(command->params, RELIEF_STR("op"));
    struct relief_op op = {.identity = work->entry->who.name, .seq = (int64_t)work->entry->seq};
    if (!field)
        return;
    op.op = *relief_field_str(field, work->entry->params);
    if (op.op.data)
        work_put(work, RELIEF_TABLE_op, &op);
}

/* ---- the outcome ---- */

static int compare_changes(const struct core_change *a, const struct core_change *b)
{
    struct core_key key_a, key_b;
    uint32_t len;
    int order;
    if (a->table != b->table)
        return a->table < b->table ? -1 : 1;
    core_key_record(&key_a, a->table, a->record);
    core_key_record(&key_b, b->table, b->record);
    len = key_a.len < key_b.len ? key_a.len : key_b.len;
    order = memcmp(key_a.data, key_b.data, len);
    return order ? order : (key_a.len > key_b.len) - (key_a.len < key_b.len);
}

static bool change_before(const void *a, const void *b)
{
    return compare_changes(a, b) < 0;
}

static void sort_changes(struct core_work *work)
{
    struct core_effects *fx = work->fx;
    fx->changes = work_sort(work, fx->changes, fx->count, sizeof *fx->changes, change_before);
}

/* An answer that is one of the records changed is that record in its final form. */
static void settle_answer(struct core_work *work)
{
    struct core_effects *fx = work->fx;
    fx->answer_change = -1;
    if (work->stock_answer.wanted)
        stock_answer_now(work);
    if (!fx->answer_shape)
        return;
    for (uint32_t i = 0; i < fx->count; i++) {
        struct core_change answer = {.table = fx->changes[i].table, .record = fx->answer};
        if (fx->changes[i].gone || relief_tables[fx->changes[i].table].shape != fx->answer_shape ||
            compare_changes(&fx->changes[i], &answer) != 0)
            continue;
        fx->answer_change = (int)i;
        fx->answer = fx->changes[i].record;
        return;
    }
}

int core_apply(struct core *core, const struct core_entry *entry, struct core_effects *effects)
{
    struct core_work work = {.core = core,
                             .view = core->view,
                             .arena = &effects->arena,
                             .entry = entry,
                             .fx = effects,
                             .now = entry->time,
                             .reader = ++core->memo.readers};
    int error;
    relief_arena_reset(&effects->arena);
    *effects = (struct core_effects){.arena = effects->arena, .answer_change = -1};
    error = check_role(&work);
    if (!error)
        error = carry_out(&work);
    if (error) {
        assert(effects->count == 0); /* everything is checked before the first change */
        return error;
    }
    note_op(&work);
    wake_run(&work);
    sort_changes(&work);
    settle_answer(&work);
    return 0;
}

void core_restore(struct core *core, const struct core_change *changes, uint32_t count)
{
    struct core_work work = {.core = core, .view = core->view, .arena = &core->scratch};
    for (uint32_t i = 0; i < count; i++) {
        relief_arena_reset(&core->scratch);
        work.reader = ++core->memo.readers; /* what was read for the change before is gone */
        if (changes[i].gone)
            work_remove(&work, changes[i].table, changes[i].record);
        else
            work_put(&work, changes[i].table, changes[i].record);
    }
}

int core_apply_clock_confirm(struct core_work *work, const struct relief_clock_confirm_params *params)
{
    struct relief_head *head = work_alloc(work, sizeof *head);
    relief_shape_clear(&relief_shape_head, head);
    (void)params; /* the engine's clock looks at it; the state has no clock */
    head->seq = (int64_t)work->entry->seq;
    head->time = work->now;
    work_answer(work, &relief_shape_head, head);
    return 0;
}
