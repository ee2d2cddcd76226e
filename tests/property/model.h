/*
 * A naive model of the whole domain of supplies, teams and equipment, written from DESIGN, PROTOCOL and the fine print alone: plain arrays,
 * linear loops, no index, no incremental wake. After every command all open requests are matched again from scratch. It
 * shares the record structs with the product (schema/tables.h) so that the two can be compared byte for byte, and
 * nothing else.
 */
#pragma once
#include "core/apply.h"
#include "schema/methods.h"
#include "schema/tables.h"

#define MODEL_TABLES(T)                                                                                                \
    T(region, 64)                                                                                                      \
    T(city, 64)                                                                                                        \
    T(link, 4096)                                                                                                      \
    T(kind, 32)                                                                                                        \
    T(floor, 1024)                                                                                                     \
    T(lot, 16384) T(asset, 4096) T(incident, 4096) T(agreement, 4096) T(request, 16384) T(dispatch, 65536) T(account, 2048)           \
        T(travel, 1)

/* Sums and products that may pass 63 bits. */
__extension__ typedef __int128 model_wide;

/* Strings and lists of one world: freed all at once when the world ends. */
struct model_chunk;

struct model {
#define T(table, cap)                                                                                                  \
    struct relief_##table *table;                                                                                      \
    unsigned table##_count;
    MODEL_TABLES(T)
#undef T
    int64_t score[64]; /* of each city, computed before each round of matching (fine print 45) */
    struct model_chunk *chunks;
    struct model_name **names; /* interned strings: equal text is the same pointer */
};

/* What an answer has to be. NULL or RELIEF_NIL with `open_...`: the contract leaves it open. */
struct model_answer {
    int code;
    const char *field;
    struct relief_str id;
    const char *state;
    int64_t available;
    bool open_field, open_state, open_available;
    bool open_code; /* several codes are right: only that it is refused */
    /* when done: the record, or the stock of a city and kind */
    int table; /* -1: stock, -2: none */
    const void *record;
    struct relief_stock stock;
};

void model_init(struct model *m);
void model_deinit(struct model *m);
void model_reset(struct model *m);
void *model_alloc(struct model *m, size_t bytes);
struct relief_str model_name(struct model *m, const char *text, size_t len);
struct relief_str model_printf(struct model *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool model_same(struct relief_str a, struct relief_str b)
{
    return a.data == b.data;
}

/* ---- lookups (model.c) ---- */
struct relief_region *model_region(struct model *m, struct relief_str id);
struct relief_city *model_city(struct model *m, struct relief_str code);
struct relief_link *model_link(struct model *m, struct relief_str from, struct relief_str to);
struct relief_kind *model_kind(struct model *m, struct relief_str code);
struct relief_floor *model_floor(struct model *m, struct relief_str city, struct relief_str kind);
struct relief_lot *model_lot(struct model *m, struct relief_str city, struct relief_str kind, struct relief_str lot);
struct relief_asset *model_asset(struct model *m, struct relief_str id);
struct relief_incident *model_incident(struct model *m, struct relief_str id);
struct relief_agreement *model_agreement(struct model *m, struct relief_str id);
struct relief_request *model_request(struct model *m, struct relief_str id);
struct relief_dispatch *model_dispatch(struct model *m, struct relief_str id);
struct relief_account *model_account(struct model *m, struct relief_str city, struct relief_str kind);
/* Units used in a city: the account's sum, and the day's. */
void model_issued(struct model *m, int64_t time, struct relief_str city, struct relief_str kind, int64_t units);
bool model_in_region(struct model *m, struct relief_str region, struct relief_str top);
bool model_listed(const struct relief_list *list, struct relief_str id);
void model_list_add(struct model *m, struct relief_list *list, struct relief_str id);
/* Metres by long double; *ret_tie when the value is too near to a rounding tie to be compared. */
int64_t model_metres(int64_t lat_a, int64_t lon_a, int64_t lat_b, int64_t lon_b, bool *ret_tie);
/* RELIEF_NIL: closed. */
int64_t model_minutes(struct model *m, const struct relief_city *from, const struct relief_city *to);
bool model_lot_usable(const struct relief_lot *lot, int64_t time);
int64_t model_floor_now(struct model *m, const struct relief_city *city, struct relief_str kind);
void model_stock(struct model *m, int64_t time, struct relief_str city, struct relief_str kind,
                 struct relief_stock *ret);
/* Lots of a city and kind: first expired first, none last, then id. Returns how many; at most cap. */
unsigned model_lots(struct model *m, struct relief_str city, struct relief_str kind, struct relief_lot **ret,
                    unsigned cap);

/* ---- assets (assets.c) ---- */
/* Ready and rested. */
bool model_asset_usable(const struct relief_asset *asset, int64_t time);
/* Adds the assets of a city and kind to the numbers of its stock. */
void model_asset_stock(struct model *m, int64_t time, struct relief_str city, struct relief_str kind,
                       struct relief_stock *stock);
/* The team kind that a piece needs with it: its own, else its kind's; absent: none. */
struct relief_str model_operator_of(const struct relief_asset *piece, const struct relief_kind *kind);
/* All pieces that may go, in order, each with its operator or NULL. */
struct model_crew {
    struct relief_asset *pieces[512], *operators[512];
    unsigned count;
    int64_t why;  /* when there are none: enum relief_why */
    int64_t left; /* usable and free above the floor; may be negative */
};
/* Ordered: the floor of the operators' kind keeps nobody. */
void model_pick(struct model *m, int64_t time, int64_t arrival, struct relief_city *city,
                const struct relief_kind *kind, int64_t min_level, bool ordered, struct model_crew *ret);
/* All assets and operators of the leg get this use. */
void model_crew_book(struct model *m, const struct relief_dispatch *leg, int64_t use);
/* These assets are free; condition RELIEF_NIL, city absent: as they were. */
void model_crew_home(struct model *m, const struct relief_list *assets, int64_t first, int64_t count,
                     int64_t condition, struct relief_str city);
/* Keeps the first units, with their operators. */
void model_crew_cut(struct model *m, struct relief_dispatch *leg, int64_t units);
/* Each may leave now: ready, rested, and certified until it arrives. */
bool model_crew_ready(struct model *m, int64_t time, const struct relief_dispatch *leg);
/* Each operator changes the donor's account of its own kind by so many. */
void model_crew_account(struct model *m, const struct relief_dispatch *leg, int64_t in_transit, int64_t on_loan);
void model_apply_asset(struct model *m, const struct core_entry *entry, struct model_answer *answer);

/* ---- matching (match.c) ---- */
bool model_live(const struct relief_request *request);
void model_recount(struct model *m, struct relief_request *request);
/* Matches one request; true when a leg was made. */
bool model_match(struct model *m, int64_t time, struct relief_request *request);
/* Matches all open requests in order until nothing changes. */
void model_rematch(struct model *m, int64_t time);
void model_scores(struct model *m);
/* What one city gives for what is open of a request, and why nothing (fine print 46); level -1: it is not looked at. */
struct model_look {
    int64_t level, minutes, gives;
    int64_t reason; /* enum relief_why, RELIEF_NIL when it gives */
};
struct model_look model_look(struct model *m, int64_t time, struct relief_request *request, struct relief_city *city,
                             struct relief_str kind);
/* The request of a request.submit, checked and stored but not matched; NULL when it is refused. */
struct relief_request *model_draft(struct model *m, const struct core_entry *entry);

/* What matching binds, to be put back after a trial (requests.c). */
struct model_bound {
    struct relief_lot *lots;
    struct relief_asset *assets;
};
void model_bound_save(struct model *m, struct model_bound *ret);
void model_bound_restore(struct model *m, const struct model_bound *bound);
void model_bound_drop(struct model_bound *bound);

/* ---- legs (legs.c) ---- */
void model_leg_release(struct model *m, struct relief_dispatch *leg);
void model_leg_end(struct model *m, struct relief_dispatch *leg, int state, int64_t time, struct relief_str reason);
void model_leg_cut(struct model *m, struct relief_dispatch *leg, int64_t quantity);
void model_exclude(struct model *m, struct relief_request *request, struct relief_str donor);
void model_apply_leg(struct model *m, const struct core_entry *entry, struct model_answer *answer);
/* A superior's order (match.c). */
void model_apply_order(struct model *m, const struct core_entry *entry, struct model_answer *answer);

/* ---- commands ---- */
/* The record's place: that of the one with the same key, or a new one at the end. */
#define MODEL_PLACE(m, t, found) ((found) ? (found) : &(m)->t[(m)->t##_count++])

void model_apply(struct model *m, const struct core_entry *entry, struct model_answer *answer);
void model_apply_stock(struct model *m, const struct core_entry *entry, struct model_answer *answer);
void model_apply_rule(struct model *m, const struct core_entry *entry, struct model_answer *answer);
void model_apply_request(struct model *m, const struct core_entry *entry, struct model_answer *answer);
/* Rights over a city: its own, a coordinator's subtree, or all. */
bool model_may_region(struct model *m, const struct core_identity *who, struct relief_str region);
bool model_may(struct model *m, const struct core_identity *who, struct relief_str city);
void model_refuse(struct model_answer *answer, int code, const char *field);
void model_not_found(struct model_answer *answer, const char *field, struct relief_str id);
void model_short(struct model_answer *answer, int64_t available);
void model_done(struct model_answer *answer, int table, const void *record);
void model_bad_state(struct model_answer *answer, const struct relief_enum *names, int64_t state);

/* ---- timers ---- */
/* The earliest deadline that something has to happen at, or INT64_MAX. */
int64_t model_next_due(struct model *m);
/* Whether this deadline is one that the model knows, too. */
bool model_knows_due(struct model *m, const struct core_due *due);
