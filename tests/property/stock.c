/*
 * The model's stock: what cities report (fine print 26 to 32).
 */
#include "model.h"
#include <assert.h>

/* The account, which somebody in the city just reported to. */
static struct relief_account *reported(struct model *m, const struct core_entry *entry, struct relief_str city,
                                       struct relief_str kind)
{
    struct relief_account *account = model_account(m, city, kind);
    account->as_of = entry->time;
    return account;
}

static void stock_receive(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_stock_receive_params *p = entry->params;
    struct relief_str id = p->lot;
    if (!id.data)
        id = p->expires == RELIEF_NIL ? model_printf(m, "0") : model_printf(m, "%lld", (long long)p->expires);
    struct relief_lot *lot = model_lot(m, p->city, p->kind, id);
    if (lot && lot->expires != p->expires) {
        model_refuse(answer, RELIEF_CONFLICT, "expires");
        return;
    }
    if (!lot) {
        assert(m->lot_count < 16384);
        lot = &m->lot[m->lot_count++];
        *lot = (struct relief_lot){.city = p->city, .kind = p->kind, .lot = id, .expires = p->expires};
        lot->source = p->source;
    } else if (p->source.data) {
        lot->source = p->source;
    }
    lot->quantity += p->quantity;
    reported(m, entry, p->city, p->kind)->received += p->quantity;
    answer->stock.lot = id;
}

/* Takes units from lots in order: only from usable ones, or from any. Returns what can be had; takes only when it is
 * enough. */
static int64_t take_out(struct model *m, struct relief_str city, struct relief_str kind, struct relief_str only,
                        bool usable_only, int64_t time, int64_t quantity)
{
    struct relief_lot *lots[512];
    unsigned count = model_lots(m, city, kind, lots, 512);
    int64_t free_units = 0, left = quantity;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1 && free_units < quantity)
            break;
        for (unsigned i = 0; i < count; i++) {
            if ((only.data && !model_same(lots[i]->lot, only)) || (usable_only && !model_lot_usable(lots[i], time)))
                continue;
            int64_t here = lots[i]->quantity - lots[i]->held - lots[i]->reserved;
            if (pass == 0) {
                free_units += here;
            } else {
                here = here < left ? here : left;
                lots[i]->quantity -= here;
                left -= here;
            }
        }
    }
    return free_units;
}

static void stock_issue(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_stock_issue_params *p = entry->params;
    int64_t had = take_out(m, p->city, p->kind, p->lot, true, entry->time, p->quantity);
    if (had < p->quantity)
        model_short(answer, had);
    else
        reported(m, entry, p->city, p->kind), model_issued(m, entry->time, p->city, p->kind, p->quantity);
}

static void stock_writeoff(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_stock_writeoff_params *p = entry->params;
    int64_t had = take_out(m, p->city, p->kind, p->lot, false, entry->time, p->quantity);
    if (had < p->quantity)
        model_short(answer, had);
    else if (p->reason == RELIEF_writeoff_lost)
        reported(m, entry, p->city, p->kind)->lost += p->quantity;
    else
        reported(m, entry, p->city, p->kind)->written_off += p->quantity;
}

static void stock_count(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_stock_count_params *p = entry->params;
    struct relief_lot *lots[512], *lot = NULL;
    unsigned count = model_lots(m, p->city, p->kind, lots, 512), full = 0;
    for (unsigned i = 0; i < count; i++) {
        if (lots[i]->quantity) /* an empty one is not shown either */
            lot = ++full == 1 ? lots[i] : NULL;
    }
    if (count == 1)
        lot = lots[0];
    if (p->lot.data)
        lot = model_lot(m, p->city, p->kind, p->lot);
    if (!lot) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "lot");
        return;
    }
    if (p->quantity < lot->held + lot->reserved) {
        model_short(answer, 0);
        answer->open_available = true;
        return;
    }
    struct relief_account *account = reported(m, entry, p->city, p->kind);
    int64_t more = p->quantity - lot->quantity;
    *(more > 0 ? &account->received : &account->written_off) += more > 0 ? more : -more;
    lot->quantity = p->quantity;
    answer->stock.lot = lot->lot;
}

static void stock_floor(struct model *m, const struct core_entry *entry)
{
    const struct relief_stock_floor_params *p = entry->params;
    struct relief_floor *floor = MODEL_PLACE(m, floor, model_floor(m, p->city, p->kind));
    *floor = (struct relief_floor){.city = p->city,
                                   .kind = p->kind,
                                   .floor = p->floor,
                                   .emergency_floor = p->emergency_floor == RELIEF_NIL ? p->floor : p->emergency_floor,
                                   .target = p->target == RELIEF_NIL ? p->floor : p->target};
}

void model_apply_stock(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    /* City and kind are the first two parameters of all of them. */
    const struct relief_stock_get_params *at = entry->params;
    struct relief_kind *kind = model_kind(m, at->kind);
    struct relief_str lot = RELIEF_STR_NONE;
    if (entry->command == RELIEF_METHOD_stock_issue)
        lot = ((const struct relief_stock_issue_params *)entry->params)->lot;
    else if (entry->command == RELIEF_METHOD_stock_writeoff)
        lot = ((const struct relief_stock_writeoff_params *)entry->params)->lot;
    else if (entry->command == RELIEF_METHOD_stock_count)
        lot = ((const struct relief_stock_count_params *)entry->params)->lot;
    else if (entry->command == RELIEF_METHOD_stock_hold)
        lot = ((const struct relief_stock_hold_params *)entry->params)->lot;
    if (!model_city(m, at->city))
        model_not_found(answer, "city", at->city);
    else if (!kind)
        model_not_found(answer, "kind", at->kind);
    else if (lot.data && kind->class_ == RELIEF_class_supply && !model_lot(m, at->city, at->kind, lot))
        model_not_found(answer, "lot", lot);
    else if (!model_may(m, &entry->who, at->city))
        model_refuse(answer, RELIEF_DENIED, NULL);
    else if (kind->class_ != RELIEF_class_supply && entry->command != RELIEF_METHOD_stock_floor)
        model_refuse(answer, RELIEF_BAD_PARAMS, "kind");
    if (answer->code)
        return;
    switch (entry->command) {
    case RELIEF_METHOD_stock_receive:
        stock_receive(m, entry, answer);
        break;
    case RELIEF_METHOD_stock_issue:
        stock_issue(m, entry, answer);
        break;
    case RELIEF_METHOD_stock_writeoff:
        stock_writeoff(m, entry, answer);
        break;
    case RELIEF_METHOD_stock_count:
        stock_count(m, entry, answer);
        break;
    case RELIEF_METHOD_stock_hold:
        model_lot(m, at->city, at->kind, lot)->state = ((const struct relief_stock_hold_params *)entry->params)->state;
        break;
    default:
        stock_floor(m, entry);
    }
    if (!answer->code) {
        answer->table = -1;
        answer->stock.city = at->city;
        answer->stock.kind = at->kind;
        if (lot.data)
            answer->stock.lot = lot;
    }
}
