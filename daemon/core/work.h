/*
 * What the files of the core share while one entry is carried out; nobody outside daemon/core includes this.
 *
 * A work is the view, the entry and what has come of it so far. Records read through it are copies in its arena, so they stay
 * as they were read whatever is put later; two reads may share strings and lists, so nobody writes into those. work_put is the only way to change a record: it notes the change, lets derive.c
 * adjust what follows from it, and writes both to the view.
 */
#pragma once
#include "core/apply.h"
#include "core/key.h"

#define WORK_TRIES_MAX 8u /* donors looked at one by one in a wake; with more, their kinds are matched in full */

/* A donor that may have become able to give more. What is absent restricts nothing. */
struct wake_try {
    struct relief_str donor;
    struct relief_str kind;   /* only this kind */
    struct relief_str city;   /* only to this city */
    struct relief_str region; /* only to cities of this region and below */
    bool floors;              /* only kinds whose floor fell with the donor's mode */
};

/* What an entry may have made possible for open requests; see wake.c. */
struct core_wake {
    struct wake_try tries[WORK_TRIES_MAX];
    unsigned try_count;
    struct relief_list prefixes; /* present: tries are for kinds with such a prefix */
    /* these are matched in full: */
    bool all;                    /* every request */
    struct relief_str city;      /* those of this city */
    struct relief_str region;    /* those of the cities of this region */
    bool below;                  /* ...and of the regions below it */
    struct relief_list kinds;    /* those that want one of these, or take it as a substitute */
    struct relief_str incident;  /* those of this incident */
    struct relief_str request;   /* this one */
    /* where it stands; id absent: at the beginning */
    struct relief_str id;        /* of its record: the entry that woke */
    struct wake_place {
        uint8_t priority;
        int64_t submitted;
        struct relief_str id;
    } after;
};

/* A record before it was put or removed; old NULL: there was none. */
struct work_before {
    struct work_before *next;
    enum relief_table table;
    const void *old, *record;
};

struct core_work {
    struct core *core;
    struct core_view *view;
    struct relief_arena *arena;
    const struct core_entry *entry; /* NULL when nothing may change: preview, explain, reads */
    struct core_effects *fx;        /* the same */
    int64_t now;
    uint64_t reader;                /* of the memo; 0: reads go to the view, as core_check's must */
    struct core_wake wake;
    uint32_t *slots;                /* hash of changes by key, once there are many */
    uint32_t slot_count;
    struct work_before *undo;       /* what was put so far, newest first; see work_undo */
    bool undoable;
    uint32_t legs_made, looks;      /* against RELIEF_WAKE_LEGS_MAX, RELIEF_WAKE_LOOKS_MAX */
    struct {
        bool wanted;
        struct relief_str city, kind, lot;
    } stock_answer;                 /* worked out after the wake, so that it shows what the wake reserved */
};

/* ---- records (record.c) ---- */
bool work_find(struct core_work *work, enum relief_table table, void *record);
void work_put(struct core_work *work, enum relief_table table, const void *record);
/* A record that can't be there yet, because its id is made here: nothing is looked for. */
void work_put_new(struct core_work *work, enum relief_table table, const void *record);
void work_remove(struct core_work *work, enum relief_table table, const void *record);
/* While work->undoable: takes back everything that was put, as if it had not been. */
void work_undo(struct core_work *work);
/* Begins a scan of the keys of a space (or CORE_KEY_RECORD + table) whose first parts are these, as far as they are given. */
void work_scan(struct core_work *work, struct core_cursor *cursor, struct core_key *ret_prefix, unsigned space,
               struct relief_str first, struct relief_str second);
/* The next key of it, from behind the prefix: the part that stands there, in the arena. False: no more. */
bool work_scan_next(struct core_work *work, struct core_cursor *cursor, const struct core_key *prefix,
                    struct relief_str *ret_part);
/* One record of a scan: decodes value into *record, in the arena. */
void work_decode(struct core_work *work, enum relief_table table, struct relief_str value, void *record);
bool work_city(struct core_work *work, struct relief_str code, struct relief_city *ret);
bool work_kind(struct core_work *work, struct relief_str code, struct relief_kind *ret);
bool work_request(struct core_work *work, struct relief_str id, struct relief_request *ret);
bool work_dispatch(struct core_work *work, struct relief_str id, struct relief_dispatch *ret);
bool work_lot(struct core_work *work, struct relief_str city, struct relief_str kind, struct relief_str lot,
              struct relief_lot *ret);
/* The account, zeros when there is none yet. */
void work_account(struct core_work *work, struct relief_str city, struct relief_str kind, struct relief_account *ret);
/* Arena memory; never fails within the bounds of an entry. */
void *work_alloc(struct core_work *work, size_t bytes);
/* The items in order (sort.c), at `items` or in the arena; equal ones keep their order. Counts are bounded by an entry's. */
typedef bool work_before(const void *a, const void *b);
void *work_sort(struct core_work *work, void *items, uint32_t count, size_t bytes, work_before *before);
struct relief_str work_str(struct core_work *work, struct relief_str text);
/* A list with one more id. */
struct relief_list work_ids_with(struct core_work *work, struct relief_list list, struct relief_str id);
bool ids_have(struct relief_list list, struct relief_str id);

/* ---- answers ---- */
/* The record that was put last under that key is the answer. */
void work_answer_record(struct core_work *work, enum relief_table table, const void *record);
void work_answer(struct core_work *work, const struct relief_shape *shape, const void *answer);
int work_not_found(struct core_work *work, const char *field, struct relief_str id);
int work_denied(struct core_work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));
int work_bad_params(struct core_work *work, const char *field, const char *format, ...) __attribute__((format(printf, 3, 4)));
int work_bad_state(struct core_work *work, const char *state, const char *format, ...) __attribute__((format(printf, 3, 4)));
int work_insufficient(struct core_work *work, int64_t available, const char *what);

/* ---- rights (rights.c): 0 or DENIED ---- */
int rights_city(struct core_work *work, struct relief_str city);                    /* the city itself */
int rights_place(struct core_work *work, const struct relief_city *city);            /* the city, or a coordinator over it */
int rights_coordinator(struct core_work *work, struct relief_str region);            /* a coordinator over this region */
int rights_everywhere(struct core_work *work);                                       /* a coordinator of a root */

/* ---- regions and agreements (agree.c) ---- */
bool region_within(struct core_work *work, struct relief_str region, struct relief_str ancestor); /* itself counts */
struct relief_str region_parent(struct core_work *work, struct relief_str region);
struct terms {
    struct relief_str agreement; /* absent: the region's default */
    int64_t commit, share_percent, answer_minutes;
};
/* Under which terms donor gives kind to requester at T; false: none. */
bool agree_find(struct core_work *work, const struct relief_city *donor, const struct relief_city *requester,
                struct relief_str kind, struct terms *ret);
/* Where the donor has signed no agreement at all (agree_signs), only the default is to be looked for. */
bool agree_signs(struct core_work *work, struct relief_str donor);
bool agree_default(struct core_work *work, const struct relief_city *donor, const struct relief_city *requester,
                   struct terms *ret);
/* The most units that the agreement's share allows. */
int64_t agree_limit(struct core_work *work, const struct terms *terms, struct relief_str donor, struct relief_str kind,
                    int64_t available);

/* ---- stock (stock.c) ---- */
struct holding {
    int64_t on_hand, unusable, held, reserved, floor, available;
    struct relief_lot *lots; /* first expired first, then lot id */
    uint32_t count;
    struct relief_asset *assets; /* weakest first, then id; a team or equipment kind has these instead of lots */
    uint32_t asset_count;
};
/* The answer will be the stock of that kind in that city, as it stands at the end of the entry. */
void stock_answer_later(struct core_work *work, struct relief_str city, struct relief_str kind, struct relief_str lot);
void stock_answer_now(struct core_work *work);
/* What the keys of the lots of a city and kind begin with. */
void stock_lots_prefix(struct core_key *ret, struct relief_str city, struct relief_str kind);
void stock_holding(struct core_work *work, const struct relief_city *city, const struct relief_kind *kind,
                   struct holding *ret);

/* Units on the road from (side 0) or to (side 1) a city. */
int64_t stock_moving(struct core_work *work, struct relief_str city, struct relief_str kind, uint8_t side);

/* ---- assets (asset.c, crew.c) ---- */
/* Reads the assets of the kind in the city and fills in their numbers of the holding. */
void asset_holding(struct core_work *work, struct relief_str city, struct relief_str kind, struct holding *ret);
bool asset_rested(const struct relief_asset *asset, int64_t now);
struct crew {
    struct relief_list assets, operators; /* of relief_str */
    int why;                              /* when there are none: enum relief_why, or -1 */
};
struct crew_want {
    int64_t units, give;        /* at most so many pieces, in whole packs of `give` */
    int64_t min_level, arrival; /* no weaker, and certified until then */
    bool past_floor;            /* the floor of the operators' kind doesn't count: a superior's order */
};
/*
 * Pieces that may go, each with its operator; weakest that suffices first. What earlier legs of the same plan take is left to them
 * (match may be NULL). With no units wanted it only says why.
 */
struct match;
void crew_pick(struct core_work *work, const struct match *match, const struct relief_city *donor,
               const struct relief_kind *kind, const struct holding *holding, const struct crew_want *want,
               struct crew *ret);
/* Takes the pieces that legs of the plan have from this donor out of what is free and available. */
void crew_leave_planned(const struct match *match, struct relief_str donor, struct holding *holding);
/* All assets and operators of a leg get this use and, unless it is free, the leg as theirs. */
/* BAD_STATE when a piece or its operator is no longer ready, rests, or would arrive with a certificate that has ended. */
int crew_check_ready(struct core_work *work, const struct relief_dispatch *leg);
/* Keeps the first units of a leg's assets, with the operators that these need. */
void crew_keep(struct core_work *work, struct relief_dispatch *leg, int64_t units);
/* What a leg in its state makes of its assets. */
enum relief_asset_use crew_use(const struct relief_dispatch *leg);
/* The next `count` assets from `first` on go home in that condition; rested and ready ones may be matched at once. */
void crew_home(struct core_work *work, struct relief_list assets, uint32_t first, uint32_t count, int64_t condition, struct relief_str city);
void crew_book(struct core_work *work, const struct relief_dispatch *leg, enum relief_asset_use use);
/* Something about this asset may make it available: its own kind, and what it can operate. */
void crew_wake(struct core_work *work, struct relief_str city, struct relief_str kind);
/* Fine print 26: the date in decimal, or 0. */
struct relief_str stock_default_lot(struct core_work *work, int64_t expires);
bool stock_lot_usable(const struct relief_lot *lot, int64_t now);
int64_t stock_floor_in_force(struct core_work *work, const struct relief_city *city, struct relief_str kind);

/* ---- legs (leg.c) ---- */
struct plan_leg {
    struct relief_str donor, kind, agreement;
    int64_t quantity, covers, give, for_, level, minutes, commit, answer_minutes;
    struct relief_list lots; /* relief_leg_lot */
    struct relief_list assets, operators;
    bool ordered;                        /* by a superior, with its reason */
    struct relief_str reason;
};
/* It has not left: asked or committed. */
bool leg_waits(const struct relief_dispatch *leg);
/* Makes the leg: dispatch, lots, request (updated in place, put by the caller's leg_request_put). */
void leg_make(struct core_work *work, struct relief_request *request, const struct plan_leg *plan);
/* Ends an asked or committed leg in `state`, frees its stock, takes what it covers off the request. */
void leg_withdraw(struct core_work *work, struct relief_request *request, struct relief_dispatch *leg, int64_t state,
                  struct relief_str reason, bool exclude);
/* Takes `units` of a leg off the covered part of its request: open again, or shortfall when it is closed. */
void leg_uncover(struct relief_request *request, int64_t units);
void leg_exclude(struct core_work *work, struct relief_request *request, struct relief_str donor);
/* Keeps the first units of a leg that is booked nowhere: lots, assets with their operators. */
void leg_keep(struct core_work *work, struct relief_dispatch *leg, int64_t units);
/* What a leg takes from its donor: nothing any more, a hold, a reservation, or it has left with it. */
void leg_book(struct core_work *work, const struct relief_dispatch *leg, enum relief_asset_use before, enum relief_asset_use after);
/* Works out the state of a live request and puts it. */
void leg_request_put(struct core_work *work, struct relief_request *request);
bool request_live(const struct relief_request *request);
void leg_enter(struct relief_dispatch *leg, int64_t state, int64_t now);
/* All legs of a request in the order of N. */
struct relief_dispatch *request_legs(struct core_work *work, const struct relief_request *request);

/* ---- steps (dispatch.c) ---- */
enum mover { MOVER_DONOR = 1, MOVER_REQUESTER = 2, MOVER_EITHER = 3 };

/*
 * S(step, from, mover): every step of a dispatch after the match, the state that it leaves, and whose it is. The target depends on
 * the step alone, except for receive (fine print 52).
 */
#define STEPS(S)                                                                                                       \
    S(accept, asked, MOVER_DONOR)                                                                                      \
    S(decline, asked, MOVER_DONOR)                                                                                     \
    S(cancel_asked, asked, MOVER_REQUESTER)                                                                            \
    S(cancel, committed, MOVER_REQUESTER)                                                                              \
    S(renege, committed, MOVER_DONOR)                                                                                  \
    S(depart, committed, MOVER_DONOR)                                                                                  \
    S(receive, in_transit, MOVER_REQUESTER)                                                                            \
    S(lost, in_transit, MOVER_EITHER)                                                                                  \
    S(return, in_use, MOVER_REQUESTER)                                                                                 \
    S(recall, in_use, MOVER_DONOR)                                                                                     \
    S(extend, in_use, MOVER_DONOR)                                                                                     \
    S(checkin, returning, MOVER_DONOR)

enum step {
#define S(step, from, mover) STEP_##step,
    STEPS(S)
#undef S
};

struct leg_of {
    struct relief_dispatch leg;
    struct relief_request request;
};

/* NOT_FOUND, then DENIED (not your side), then BAD_STATE (fine print 3, 15). */
int step_begin(struct core_work *work, struct relief_str id, enum step step, struct leg_of *ret);
/* The leg was put; puts the request, has it and the donor's stock matched again if so wished, and answers with the leg. */
int step_end(struct core_work *work, struct leg_of *of, bool wake);

/* Changes of the donor's account of a leg's kind; the operators' accounts follow on the road and on loan. */
struct books {
    int64_t in_transit, on_loan, lost, written_off;
};
void leg_books(struct core_work *work, const struct relief_dispatch *leg, struct books change);
/* Each operator of the leg counts in the account of its own kind: one more (or less) on the road, on loan. */
void crew_books(struct core_work *work, const struct relief_dispatch *leg, int in_transit, int on_loan);
/* Units used in a city now; kept per day for the days of cover. */
void stock_issued(struct core_work *work, struct relief_str city, struct relief_str kind, int64_t units);

/* ---- matching (match.c) ---- */
struct need {
    const struct relief_request *request; /* open, city, kind, ... as it stands */
    struct relief_city city;
    struct relief_kind kind;
    struct relief_incident incident;      /* id absent: none */
    int64_t level_max, neighbour_minutes;
    bool unlinked; /* it is known that no link leads to the city */
};
struct match {
    struct plan_leg *legs;
    uint32_t count, cap;
    int64_t open;                          /* still uncovered after the plan */
    bool explain;
    struct relief_candidate *candidates;
    uint32_t candidate_count;
};
void match_need(struct core_work *work, const struct relief_request *request, struct need *ret);
/* Plans without changing anything. */
void match_plan(struct core_work *work, const struct need *need, struct match *match);
/* For match->open units, the exact kind (first 0) and its substitutes, or some of these only. */
void match_plan_from(struct core_work *work, const struct need *need, uint32_t first, struct match *match);
/*
 * One donor for match->open units in the form of that kind, the exact one or a substitute: a leg, or with explain a candidate that
 * says why not. False: the donor is not reached, or the kind would not do.
 */
bool match_one(struct core_work *work, const struct need *need, struct relief_str donor, struct relief_str kind,
               struct match *match, int64_t *ret_minutes);
/*
 * The same for the exact kind (which 0) or the n-th substitute, of a donor whose holding of that kind was read once for
 * many requests (by this work or one whose arena lives on, and nothing was put since). With match->candidates given,
 * that has room for one and more.
 */
struct match_donor {
    struct relief_city city;
    struct holding holding;
    bool signs; /* some agreement; without any, only regions have a say */
};
bool match_pair(struct core_work *work, const struct need *need, uint32_t which, const struct match_donor *donor,
                struct match *match, int64_t *ret_minutes);
/* The same for the donors and kinds that the wake tries for this request. */
void match_plan_tries(struct core_work *work, const struct need *need, const struct core_wake *wake, struct match *match);
/* Does the wake try this donor for that kind, whoever asks? And does the donor have any that is free? */
bool wake_tries(struct core_work *work, const struct core_wake *wake, const struct wake_try *one, const struct relief_kind *kind);
/* Level and minutes at which matching would look at the donor; level 3 for one that it would never reach. False: no open link. */
bool match_place(struct core_work *work, const struct need *need, struct relief_str donor, int64_t *ret_level, int64_t *ret_minutes);
/* Units of the lots that may go and arrive in time with their life; and these lots. */
int64_t match_free(struct core_work *work, const struct holding *holding, const struct relief_kind *kind, int64_t arrival);
struct relief_list match_pick_lots(struct core_work *work, const struct holding *holding, const struct relief_kind *kind, int64_t arrival, int64_t units);
/* Highest level for a request of that city. */
int64_t match_level_max(int64_t max_level, int64_t priority, int64_t mode);

/* ---- wakes (wake.c) ---- */
/* This donor may give more of the kind. */
void wake_pair(struct core_work *work, struct relief_str donor, struct relief_str kind);
/* This donor may give more; every city and kind that the try doesn't exclude. */
void wake_donor(struct core_work *work, const struct wake_try *one);
/* Everything that wants this kind is matched in full. */
void wake_kind(struct core_work *work, struct relief_str kind);
/* Matches what the entry made possible, in the order of (priority, submitted, id), to a fixed point or the bounds. */
void wake_run(struct core_work *work);
/* Takes up the oldest wake that is owed; false: none is. */
bool wake_take_up(struct core_work *work);
/* Matches one request now and makes its legs; true when it made any. tries NULL: in full. */
bool wake_request(struct core_work *work, struct relief_request *request, const struct core_wake *tries);

/* ---- open requests in their order (waiting.c) ---- */
struct waiting; /* a walk over the open requests of some kinds, by priority, submitted, id */
struct waiting *waiting_new(struct core_work *work, const struct wake_place *after); /* id absent: from the first */
/* The open requests of one more kind take part. */
void waiting_add(struct core_work *work, struct waiting *waiting, struct relief_str kind, bool full);
/* And one request of its own. */
void waiting_add_one(struct core_work *work, struct waiting *waiting, const struct relief_request *request);
/* The next; *ret_full as it was added. False at the end. */
bool waiting_next(struct core_work *work, struct waiting *waiting, struct wake_place *ret, bool *ret_full);
bool waiting_over(const struct waiting *waiting);
/* Only those added in full are left. */
void waiting_keep_full(struct waiting *waiting);
/* The next kind after this one (absent: the first) of which anything is open; false: there is none. */
bool waiting_kind_after(struct core_work *work, struct relief_str kind, struct relief_str *ret);

/* ---- derived keys (derive.c) ---- */
/* Old or new may be NULL. Called before the record itself is put. */
void derive(struct core_work *work, enum relief_table table, const void *old, const void *new);

/* ---- commands: one function per CHANGE method and timer, named after its row ---- */
#define M_SESSION(noun, verb)
#define M_QUERY(noun, verb)
#define M_LIST(noun, verb)
#define M_STREAM(noun, verb)
#define M_CHANGE(noun, verb) int core_apply_##noun##_##verb(struct core_work *work, const struct relief_##noun##_##verb##_params *params);
#define M_SKIP(noun, verb)
#define M(number, noun, verb, kind, roles, result, state, summary) M_##kind(noun, verb)
RELIEF_METHODS(M)
#undef M
#define C(number, name, wire, summary) int core_apply_##name(struct core_work *work, const struct relief_##name##_params *params);
RELIEF_COMMANDS(C)
#undef C
