/*
 * What the reads of the core say, against the model: stock at a moment, the legs of a preview, and the reasons of an
 * explanation (fine print 27, 31, 46). Which cities without any of the kind are listed, and whether the list ends when
 * all is covered, is left to the core; what it says about those that it lists is not.
 */
#include "probe.h"
#include <stdio.h>

static bool wrong(const char *what, const struct relief_candidate *candidate, int64_t expected)
{
    fprintf(stderr,
            "candidate %.*s of kind %.*s: %s, expected %lld, got gives %lld reason %s level %lld minutes %lld\n",
            (int)candidate->city.len, candidate->city.data, (int)candidate->kind.len, candidate->kind.data, what,
            (long long)expected, (long long)candidate->gives,
            candidate->reason == RELIEF_NIL ? "none" : relief_enum_why.names[candidate->reason],
            (long long)candidate->level, (long long)candidate->minutes);
    return false;
}

/* A city without stock that qualifies may be told either way: too short a life, or nothing. */
static int64_t plain_reason(int64_t reason)
{
    return reason == RELIEF_why_life ? RELIEF_why_nothing_available : reason;
}

/* gave: the city gave of another kind before, so its teams may be spoken for by that leg. */
static bool right_candidate(struct model *m, int64_t time, struct relief_request *request,
                            const struct relief_candidate *candidate, bool gave)
{
    struct relief_city *city = model_city(m, model_name(m, candidate->city.data, candidate->city.len));
    struct relief_str kind = model_name(m, candidate->kind.data, candidate->kind.len);
    if (!city || !model_kind(m, kind))
        return wrong("unknown", candidate, 0);
    struct model_look look = model_look(m, time, request, city, kind);
    struct relief_stock stock;
    model_stock(m, time, city->code, kind, &stock);
    if (candidate->level != look.level)
        return wrong("level", candidate, look.level);
    if (candidate->minutes != look.minutes)
        return wrong("minutes", candidate, look.minutes);
    if (candidate->gives > look.gives)
        return wrong("gives", candidate, look.gives);
    /* less than a pack of a substitute is nothing, too */
    int64_t expected =
        look.reason == RELIEF_NIL && !model_same(kind, request->kind) ? RELIEF_why_nothing_available : look.reason;
    if (candidate->reason != RELIEF_NIL && plain_reason(candidate->reason) != plain_reason(expected) && !gave)
        return wrong("reason", candidate, look.reason);
    if (candidate->available != stock.available)
        return wrong("available", candidate, stock.available);
    if (candidate->floor != stock.floor)
        return wrong("floor", candidate, stock.floor);
    if (candidate->held != stock.held || candidate->reserved != stock.reserved)
        return wrong("held or reserved", candidate, stock.held);
    return true;
}

static bool right_candidates(struct model *m, int64_t time, struct relief_request *request,
                             const struct relief_list *list)
{
    const struct relief_candidate *candidates = list->items;
    for (uint32_t i = 0; i < list->count; i++) {
        bool gave = false;
        for (uint32_t before = 0; before < i; before++)
            gave = gave || (candidates[before].gives > 0 && relief_str_eq(candidates[before].city, candidates[i].city));
        if (!right_candidate(m, time, request, &candidates[i], gave))
            return false;
    }
    return true;
}

bool probe_state(struct compare *compare, struct generator *g, struct core *core, int64_t time)
{
    struct model *m = g->m;
    if (m->city_count && m->kind_count) {
        struct relief_str city = m->city[generator_random(g, m->city_count)].code;
        struct relief_str kind = m->kind[generator_random(g, m->kind_count)].code;
        struct relief_stock expected, got;
        int64_t at = time + (int64_t)generator_random(g, 100000000); /* a reader's clock is later */
        model_stock(m, at, city, kind, &expected);
        relief_arena_reset(&compare->arena);
        core_stock(core, at, city, kind, &compare->arena, &got);
        if (!compare_record(compare, &relief_shape_stock, "stock", &expected, &got))
            return false;
    }
    if (!m->request_count)
        return true;
    struct relief_request *request = &m->request[generator_random(g, m->request_count)];
    if (!model_live(request) || !request->open)
        return true;
    struct relief_explanation got;
    struct relief_refusal refusal;
    relief_arena_reset(&compare->arena);
    int code = core_explain(core, time, request->id, &compare->arena, &got, &refusal);
    if (code) {
        fprintf(stderr, "explain of %s is refused: %s\n", request->id.data, refusal.message);
        return false;
    }
    model_scores(m);
    if (right_candidates(m, time, request, &got.candidates))
        return true;
    fprintf(stderr, "in the explanation of %s\n", request->id.data);
    return false;
}

/* The legs that the model makes for this request, as a preview; the state is as before afterwards. */
static void expect_preview(struct model *m, int64_t time, struct relief_request *request, unsigned legs,
                           struct relief_preview *ret)
{
    model_match(m, time, request);
    unsigned count = m->dispatch_count - legs;
    struct relief_preview_leg *items = model_alloc(m, (count + 1) * sizeof *items);
    for (unsigned i = 0; i < count; i++) {
        const struct relief_dispatch *leg = &m->dispatch[legs + i];
        items[i] = (struct relief_preview_leg){.donor = leg->donor,
                                               .kind = leg->kind,
                                               .quantity = leg->quantity,
                                               .covers = leg->covers,
                                               .level = leg->level,
                                               .minutes = leg->minutes,
                                               .commit = leg->state == RELIEF_dispatch_state_asked ? RELIEF_commit_ask
                                                                                                   : RELIEF_commit_auto,
                                               .lots = leg->lots,
                                               .assets = leg->assets,
                                               .operators = leg->operators};
    }
    *ret = (struct relief_preview){.quantity = request->quantity, .covered = request->covered, .open = request->open};
    ret->legs = (struct relief_list){.items = items, .count = count, .present = 1};
}

bool probe_preview(struct compare *compare, struct generator *g, struct core *core,
                   const struct relief_request_submit_params *params)
{
    struct model *m = g->m;
    struct relief_match_preview_params p;
    relief_shape_clear(&relief_shape_match_preview_params, &p);
#define F(kind, cname, wire, need, extra, help) p.cname = params->cname;
    RELIEF_ASKED(F, REQ)
#undef F
    p.explain = 1;
    struct core_identity local = {.name = RELIEF_STR("local"), .role = RELIEF_role_local};
    struct core_entry entry = {.time = g->now, .who = local, .command = RELIEF_METHOD_request_submit, .params = params};
    struct relief_refusal refusal;
    struct relief_preview got, expected;
    relief_arena_reset(&compare->arena);
    int code = core_preview(core, g->now, &local, &p, &compare->arena, &got, &refusal);
    unsigned legs = m->dispatch_count;
    struct relief_request *request = model_draft(m, &entry);
    if (!request || code) {
        bool same = !request == (code != 0);
        if (!same)
            fprintf(stderr, "preview: %s, and the model says otherwise\n", code ? refusal.message : "done");
        m->request_count -= request != NULL;
        return same;
    }
    struct relief_list candidates = got.candidates;
    struct model_bound before;
    model_bound_save(m, &before);
    model_scores(m);
    bool same = right_candidates(m, g->now, request, &candidates);
    expect_preview(m, g->now, request, legs, &expected);
    got.candidates = (struct relief_list){0};
    same = compare_record(compare, &relief_shape_preview, "preview", &expected, &got) && same;
    model_bound_restore(m, &before);
    m->dispatch_count = legs;
    m->request_count--;
    model_bound_drop(&before);
    return same;
}
