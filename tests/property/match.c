/*
 * The model's matching: DESIGN 4 and fine print 16 to 45 read aloud. Donors of a request are all cities, put into
 * levels one by one and sorted; what each gives is added up from its lots. Nothing is remembered from one round to the
 * next.
 */
#include "model.h"
#include <assert.h>
#include <stdlib.h>

struct donor {
    struct relief_city *city;
    int level, ring;
    int64_t minutes, score;
};

bool model_live(const struct relief_request *request)
{
    return request->state == RELIEF_request_state_open || request->state == RELIEF_request_state_partial ||
           request->state == RELIEF_request_state_covered;
}

/* Fine print 37, 38, 42, 44: all numbers of a request follow from its legs. */
void model_recount(struct model *m, struct relief_request *request)
{
    request->covered = request->received = request->level = request->asked = 0;
    for (unsigned i = 0; i < m->dispatch_count; i++) {
        const struct relief_dispatch *leg = &m->dispatch[i];
        if (!model_same(leg->request, request->id))
            continue;
        request->covered += leg->covers;
        if (leg->state == RELIEF_dispatch_state_asked)
            request->asked += leg->covers;
        if (leg->times.received != RELIEF_NIL)
            request->received += leg->covers;
        if (leg->level > request->level)
            request->level = leg->level;
    }
    if (!model_live(request)) {
        request->open = 0;
        request->shortfall = request->quantity - request->covered;
        return;
    }
    request->open = request->quantity - request->covered;
    if (request->received == request->quantity)
        request->state = RELIEF_request_state_filled;
    else if (request->covered == 0)
        request->state = RELIEF_request_state_open;
    else
        request->state = request->open ? RELIEF_request_state_partial : RELIEF_request_state_covered;
}

/* Fine print 45. */
void model_scores(struct model *m)
{
    for (unsigned c = 0; c < m->city_count; c++) {
        model_wide promised = 0, accepted = 0;
        for (unsigned i = 0; i < m->dispatch_count; i++) {
            const struct relief_dispatch *leg = &m->dispatch[i];
            if (!model_same(leg->donor, m->city[c].code) || leg->level < 1 || leg->ordered ||
                leg->times.committed == RELIEF_NIL)
                continue;
            if (leg->times.received == RELIEF_NIL && leg->state != RELIEF_dispatch_state_lost &&
                leg->state != RELIEF_dispatch_state_reneged)
                continue;
            promised += leg->quantity;
            accepted += leg->accepted == RELIEF_NIL ? 0 : leg->accepted;
        }
        m->score[c] = promised ? (int64_t)(1000 * accepted / promised) : 1000;
    }
}

static int donor_order(const void *x, const void *y)
{
    const struct donor *a = x, *b = y;
    if (a->level != b->level)
        return a->level - b->level;
    if (a->ring != b->ring)
        return a->ring - b->ring;
    if (a->minutes != b->minutes)
        return a->minutes < b->minutes ? -1 : 1;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return relief_str_cmp(a->city->code, b->city->code);
}

/* Fine print 18, 19, 33: the level and ring at which a city is looked at; false when it is not. */
static bool level_of(struct model *m, struct relief_city *to, struct relief_city *from, struct donor *ret)
{
    struct relief_region *home = model_region(m, to->region);
    int64_t neighbour = home && home->neighbour_minutes != RELIEF_NIL ? home->neighbour_minutes : 240;
    ret->city = from;
    ret->ring = 0;
    ret->minutes = model_minutes(m, from, to);
    ret->score = m->score[from - m->city];
    if (ret->minutes != RELIEF_NIL && ret->minutes <= neighbour) {
        ret->level = 1;
        return true;
    }
    if (model_in_region(m, from->region, to->region)) {
        ret->level = 2;
        return true;
    }
    ret->level = 3;
    for (struct relief_region *up = home; up && up->parent.data; up = model_region(m, up->parent)) {
        ret->ring++;
        if (model_in_region(m, from->region, up->parent))
            return true;
    }
    return false;
}

static unsigned donors_of(struct model *m, const struct relief_request *request, struct donor *ret)
{
    struct relief_city *to = model_city(m, request->city);
    int64_t highest = request->max_level;
    if (highest == RELIEF_NIL)
        highest = to->mode == RELIEF_mode_emergency || request->priority == 1 ? 3 : 2;
    unsigned count = 0;
    for (unsigned i = 0; i < m->city_count; i++) {
        struct donor donor = {.city = &m->city[i], .score = m->score[i]};
        if (&m->city[i] == to) {
            if (!request->own_first)
                continue;
        } else if (!level_of(m, to, &m->city[i], &donor)) {
            continue;
        }
        if (donor.level <= highest && donor.minutes != RELIEF_NIL)
            ret[count++] = donor;
    }
    qsort(ret, count, sizeof *ret, donor_order);
    return count;
}

static bool covers_kind(const struct relief_agreement *agreement, struct relief_str kind)
{
    if (!agreement->kinds.present)
        return true;
    const struct relief_str *prefix = agreement->kinds.items;
    for (uint32_t i = 0; i < agreement->kinds.count; i++) {
        if (relief_str_starts(kind, prefix[i]))
            return true;
    }
    return false;
}

/* Fine print 21: the pair's before a region's, then by id. */
static struct relief_agreement *agreement_of(struct model *m, int64_t time, struct relief_city *from,
                                             struct relief_city *to, struct relief_str kind)
{
    struct relief_agreement *best = NULL;
    for (unsigned i = 0; i < m->agreement_count; i++) {
        struct relief_agreement *a = &m->agreement[i];
        if (!model_same(a->donor, from->code) || a->ended != RELIEF_NIL || !covers_kind(a, kind))
            continue;
        if ((a->from != RELIEF_NIL && a->from > time) || (a->until != RELIEF_NIL && a->until <= time))
            continue;
        if (a->requester.data ? !model_same(a->requester, to->code) : !model_in_region(m, to->region, a->region))
            continue;
        bool pair = a->requester.data != NULL, best_pair = best && best->requester.data;
        if (!best || (pair && !best_pair) || (pair == best_pair && relief_str_cmp(a->id, best->id) < 0))
            best = a;
    }
    return best;
}

/* Fine print 20: the default of the lowest region that holds both and says something; -1: none. */
static int64_t default_of(struct model *m, struct relief_city *from, struct relief_city *to)
{
    for (struct relief_region *r = model_region(m, to->region); r;
         r = r->parent.data ? model_region(m, r->parent) : NULL) {
        if (r->agreement != RELIEF_NIL && model_in_region(m, from->region, r->id))
            return r->agreement;
    }
    return -1;
}

/* Fine print 22. */
static int64_t share_limit(struct model *m, const struct relief_agreement *agreement, struct relief_str kind,
                           int64_t available)
{
    model_wide out = 0;
    for (unsigned i = 0; i < m->dispatch_count; i++) {
        const struct relief_dispatch *leg = &m->dispatch[i];
        if (model_same(leg->agreement, agreement->id) && model_same(leg->donor, agreement->donor) &&
            model_same(leg->kind, kind) &&
            (leg->state == RELIEF_dispatch_state_asked || leg->state == RELIEF_dispatch_state_committed ||
             leg->state == RELIEF_dispatch_state_in_transit))
            out += leg->quantity;
    }
    model_wide limit = (available + out) * agreement->share_percent / 100 - out;
    return limit > 0 ? (int64_t)limit : 0;
}

static bool is_affected(struct model *m, const struct relief_request *request, struct relief_str city)
{
    if (!request->incident.data)
        return false;
    const struct relief_incident *incident = model_incident(m, request->incident);
    return (model_same(incident->origin, city) || model_listed(&incident->affected, city)) &&
           !model_listed(&incident->donating, city);
}

/* What one donor could give of one kind. */
struct offer {
    int64_t units;
    int64_t reason; /* enum relief_why, or RELIEF_NIL */
    struct relief_agreement *agreement;
    bool ask;
    struct relief_lot *lots[512]; /* that qualify, in order */
    unsigned lot_count;
    struct model_crew crew; /* of a team or equipment kind, instead */
};

/* The first pieces that qualify, each operator in the order of the pieces. */
static void take_crew(struct model *m, struct relief_dispatch *leg, const struct model_crew *crew)
{
    assert(leg->quantity <= crew->count);
    for (unsigned i = 0; i < leg->quantity; i++) {
        model_list_add(m, &leg->assets, crew->pieces[i]->id);
        if (crew->operators[i])
            model_list_add(m, &leg->operators, crew->operators[i]->id);
    }
    model_crew_book(m, leg,
                    leg->state == RELIEF_dispatch_state_asked ? RELIEF_asset_use_held : RELIEF_asset_use_reserved);
}

static struct relief_dispatch *make_leg(struct model *m, int64_t time, struct relief_request *request,
                                        const struct donor *donor, const struct offer *offer,
                                        const struct relief_substitute *pack, int64_t packs)
{
    const struct relief_agreement *agreement = offer->agreement;
    struct relief_lot *const *lots = offer->lots;
    unsigned lot_count = offer->lot_count;
    bool ask = offer->ask;
    assert(m->dispatch_count < 65536);
    struct relief_dispatch *leg = &m->dispatch[m->dispatch_count++];
    relief_shape_clear(&relief_shape_dispatch, leg);
    leg->id = model_printf(m, "%s/%u", request->id.data, request->dispatches.count + 1);
    leg->request = request->id;
    leg->donor = donor->city->code;
    leg->requester = request->city;
    leg->kind = pack->kind;
    leg->quantity = packs * pack->give;
    leg->give = pack->give;
    leg->for_ = pack->for_;
    leg->covers = packs * pack->for_;
    leg->level = donor->level;
    leg->minutes = donor->minutes;
    leg->assets = leg->operators = (struct relief_list){.present = 1};
    leg->ordered = 0;
    leg->agreement = agreement ? agreement->id : RELIEF_STR_NONE;
    leg->eta = time + donor->minutes * 60000;
    if (request->needed_by != RELIEF_NIL)
        leg->depart_by = request->needed_by - donor->minutes * 60000;
    leg->state = ask ? RELIEF_dispatch_state_asked : RELIEF_dispatch_state_committed;
    if (ask) {
        leg->times.asked = time;
        leg->answer_by = time + (agreement ? agreement->answer_minutes : 60) * 60000;
        if (leg->depart_by != RELIEF_NIL && leg->depart_by < leg->answer_by)
            leg->answer_by = leg->depart_by;
    } else {
        leg->times.committed = time;
    }
    struct relief_leg_lot *taken = model_alloc(m, (lot_count + 1) * sizeof *taken);
    int64_t left = leg->quantity;
    uint32_t count = 0;
    for (unsigned i = 0; i < lot_count && left; i++) {
        int64_t free_units = lots[i]->quantity - lots[i]->held - lots[i]->reserved;
        int64_t units = free_units < left ? free_units : left;
        if (units <= 0)
            continue;
        *(ask ? &lots[i]->held : &lots[i]->reserved) += units;
        taken[count++] = (struct relief_leg_lot){.lot = lots[i]->lot, .quantity = units};
        left -= units;
    }
    leg->lots = (struct relief_list){.items = taken, .count = count, .present = 1};
    if (model_kind(m, leg->kind)->class_ == RELIEF_class_supply)
        assert(left == 0);
    else
        take_crew(m, leg, &offer->crew);
    model_list_add(m, &request->dispatches, leg->id);
    model_recount(m, request);
    return leg;
}

/* The reasons before stock is looked at, in the order of fine print 46. */
static int64_t why_not(struct model *m, int64_t time, struct relief_request *request, const struct donor *donor,
                       struct relief_str kind, struct offer *offer)
{
    if (model_listed(&request->excluded, donor->city->code))
        return RELIEF_why_excluded;
    if (donor->level > 0 && is_affected(m, request, donor->city->code))
        return RELIEF_why_affected;
    if (donor->minutes == RELIEF_NIL)
        return RELIEF_why_no_link;
    if (request->needed_by != RELIEF_NIL && time + donor->minutes * 60000 > request->needed_by)
        return RELIEF_why_too_late;
    if (donor->level == 0)
        return RELIEF_NIL;
    struct relief_city *to = model_city(m, request->city);
    offer->agreement = agreement_of(m, time, donor->city, to, kind);
    int64_t commit = offer->agreement ? offer->agreement->commit : default_of(m, donor->city, to);
    offer->ask = commit == RELIEF_commit_ask;
    return commit < 0 ? RELIEF_why_no_agreement : RELIEF_NIL;
}

/* Fine print 22, 27, 28: available, share and the lots that qualify. */
static int64_t units_of(struct model *m, int64_t time, const struct donor *donor, const struct relief_kind *kind,
                        struct offer *offer)
{
    int64_t on_hand = 0, bound = 0, unusable = 0, qualifying = 0;
    int64_t lives = time + donor->minutes * 60000 + kind->min_life_days * RELIEF_DAY_MS;
    struct relief_lot *lots[512];
    unsigned count = model_lots(m, donor->city->code, kind->code, lots, 512);
    for (unsigned i = 0; i < count; i++) {
        on_hand += lots[i]->quantity;
        bound += lots[i]->held + lots[i]->reserved;
        if (!model_lot_usable(lots[i], time)) {
            unusable += lots[i]->quantity;
        } else if (lots[i]->expires == RELIEF_NIL || lots[i]->expires >= lives) {
            qualifying += lots[i]->quantity - lots[i]->held - lots[i]->reserved;
            offer->lots[offer->lot_count++] = lots[i];
        }
    }
    int64_t units = on_hand - unusable - bound - model_floor_now(m, donor->city, kind->code);
    if (units > 0 && offer->agreement) {
        int64_t limit = share_limit(m, offer->agreement, kind->code, units);
        units = limit < units ? limit : units;
    }
    units = qualifying < units ? qualifying : units;
    return units > 0 ? units : 0;
}

/* The same for teams and equipment (fine print 49, 50). */
static int64_t pieces_of(struct model *m, int64_t time, const struct donor *donor, const struct relief_kind *kind,
                         int64_t min_level, struct offer *offer)
{
    model_pick(m, time, time + donor->minutes * 60000, donor->city, kind, min_level, false, &offer->crew);
    int64_t units = offer->crew.left;
    if (units > 0 && offer->agreement) {
        int64_t limit = share_limit(m, offer->agreement, kind->code, units);
        units = limit < units ? limit : units;
    }
    units = offer->crew.count < units ? offer->crew.count : units;
    return units > 0 ? units : 0;
}

static void look_at(struct model *m, int64_t time, struct relief_request *request, const struct donor *donor,
                    const struct relief_kind *kind, struct offer *ret)
{
    ret->units = ret->lot_count = ret->crew.count = 0;
    ret->agreement = NULL;
    ret->ask = false;
    ret->reason = why_not(m, time, request, donor, kind->code, ret);
    if (ret->reason != RELIEF_NIL)
        return;
    if (kind->class_ == RELIEF_class_supply)
        ret->units = units_of(m, time, donor, kind, ret);
    else
        ret->units = pieces_of(m, time, donor, kind, request->min_level, ret);
    if (!ret->units)
        ret->reason = kind->class_ == RELIEF_class_supply ? (int64_t)RELIEF_why_nothing_available : ret->crew.why;
}

/* What one donor gives of one kind; makes the leg. */
static bool take(struct model *m, int64_t time, struct relief_request *request, const struct donor *donor,
                 const struct relief_substitute *pack)
{
    struct relief_kind *kind = model_kind(m, pack->kind);
    if (!kind)
        return false;
    struct offer offer;
    look_at(m, time, request, donor, kind, &offer);
    int64_t packs = offer.units / pack->give, wanted = request->open / pack->for_;
    packs = wanted < packs ? wanted : packs;
    if (packs <= 0)
        return false;
    make_leg(m, time, request, donor, &offer, pack, packs);
    return true;
}

struct model_look model_look(struct model *m, int64_t time, struct relief_request *request, struct relief_city *city,
                             struct relief_str kind)
{
    struct relief_city *to = model_city(m, request->city);
    struct donor donor = {.city = city};
    if (city != to && !level_of(m, to, city, &donor))
        donor.level = -1;
    struct offer offer;
    look_at(m, time, request, &donor, model_kind(m, kind), &offer);
    return (struct model_look){
        .level = donor.level, .minutes = donor.minutes, .gives = offer.units, .reason = offer.reason};
}

/* One leg per donor, kind and match (fine print 36): what a kind lists twice, or itself, counts once. */
static bool listed_before(const struct relief_kind *kind, uint32_t at)
{
    const struct relief_substitute *items = kind->substitutes.items;
    bool before = model_same(items[at].kind, kind->code);
    for (uint32_t i = 0; i < at; i++)
        before |= model_same(items[i].kind, items[at].kind);
    return before;
}

bool model_match(struct model *m, int64_t time, struct relief_request *request)
{
    if (!model_live(request) || !request->open)
        return false;
    struct donor donors[64];
    unsigned count = donors_of(m, request, donors);
    bool made = false;
    struct relief_kind *kind = model_kind(m, request->kind);
    uint32_t steps = 1 + (request->substitutes ? kind->substitutes.count : 0);
    for (uint32_t step = 0; step < steps; step++) {
        struct relief_substitute pack = {.kind = request->kind, .give = 1, .for_ = 1};
        if (step)
            pack = ((const struct relief_substitute *)kind->substitutes.items)[step - 1];
        if (step && listed_before(kind, step - 1))
            continue;
        for (unsigned i = 0; i < count && request->open; i++)
            made |= take(m, time, request, &donors[i], &pack);
    }
    return made;
}

static int request_order(const void *x, const void *y)
{
    const struct relief_request *a = *(struct relief_request *const *)x, *b = *(struct relief_request *const *)y;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    if (a->submitted != b->submitted)
        return a->submitted < b->submitted ? -1 : 1;
    return relief_str_cmp(a->id, b->id);
}

void model_rematch(struct model *m, int64_t time)
{
    static struct relief_request *open[16384];
    unsigned count = 0;
    for (unsigned i = 0; i < m->request_count; i++) {
        if (model_live(&m->request[i]) && m->request[i].open)
            open[count++] = &m->request[i];
    }
    qsort(open, count, sizeof *open, request_order);
    model_scores(m);
    bool changed = true;
    for (unsigned round = 0; changed; round++) {
        assert(round <
               16); /* matching only takes; a second round finding something would be an error of the contract */
        changed = false;
        for (unsigned i = 0; i < count; i++)
            changed |= model_match(m, time, open[i]);
    }
}

/* Fine print 48: what is free, whatever agreement, share and floor say. */
static int64_t order_free(struct model *m, int64_t time, const struct donor *donor, const struct relief_kind *kind,
                          int64_t min_level, struct offer *ret)
{
    int64_t arrival = time + donor->minutes * 60000, units = 0;
    ret->lot_count = ret->crew.count = 0;
    if (kind->class_ != RELIEF_class_supply) {
        model_pick(m, time, arrival, donor->city, kind, min_level, true, &ret->crew);
        return ret->crew.count;
    }
    struct relief_lot *lots[512];
    unsigned count = model_lots(m, donor->city->code, kind->code, lots, 512);
    for (unsigned i = 0; i < count; i++) {
        if (!model_lot_usable(lots[i], time) ||
            (lots[i]->expires != RELIEF_NIL && lots[i]->expires < arrival + kind->min_life_days * RELIEF_DAY_MS))
            continue;
        units += lots[i]->quantity - lots[i]->held - lots[i]->reserved;
        ret->lots[ret->lot_count++] = lots[i];
    }
    return units;
}

/* A region holds both cities: one superior can order. */
static bool one_tree(struct model *m, struct relief_str a, struct relief_str b)
{
    for (unsigned i = 0; i < m->region_count; i++)
        if (model_in_region(m, model_city(m, a)->region, m->region[i].id) &&
            model_in_region(m, model_city(m, b)->region, m->region[i].id))
            return true;
    return false;
}

void model_apply_order(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_dispatch_order_params *p = entry->params;
    struct relief_request *request = model_request(m, p->request);
    if (!request)
        model_not_found(answer, "request", p->request);
    else if (!model_city(m, p->donor))
        model_not_found(answer, "donor", p->donor);
    else if (!model_may(m, &entry->who, request->city) || !model_may(m, &entry->who, p->donor) ||
             (entry->who.role == RELIEF_role_coordinator && !one_tree(m, request->city, p->donor)))
        model_refuse(answer, RELIEF_DENIED, NULL);
    else if (!model_live(request))
        model_bad_state(answer, &relief_enum_request_state, request->state);
    else if (model_city(m, request->city)->mode != RELIEF_mode_emergency)
        model_bad_state(answer, &relief_enum_mode, RELIEF_mode_normal);
    else if (p->quantity > request->open)
        model_refuse(answer, RELIEF_BAD_PARAMS, "quantity");
    if (answer->code)
        return;
    struct relief_city *to = model_city(m, request->city), *from = model_city(m, p->donor);
    struct relief_substitute pack = {.kind = request->kind, .give = 1, .for_ = 1};
    struct donor donor = {.city = from};
    struct offer offer = {.agreement = NULL};
    if (from != to && !level_of(m, to, from, &donor))
        donor.level = 3;
    int64_t units = 0;
    if (donor.minutes != RELIEF_NIL)
        units = order_free(m, entry->time, &donor, model_kind(m, request->kind), request->min_level, &offer);
    if (units < p->quantity) {
        model_short(answer, units);
        return;
    }
    struct relief_dispatch *leg = make_leg(m, entry->time, request, &donor, &offer, &pack, p->quantity);
    leg->ordered = 1;
    leg->ordered_by = model_name(m, entry->who.name.data, entry->who.name.len);
    leg->reason = p->reason;
    model_done(answer, RELIEF_TABLE_dispatch, leg);
}
