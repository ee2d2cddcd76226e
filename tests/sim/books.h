/*
 * The simulator's own books: what the entries said of each record, and sums over that which nobody in the daemon has a hand in. They
 * follow the changed records of each entry one by one; watch.c compares them with each other and with the state.
 */
#pragma once
#include "core/apply.h"
#include "core/key.h"

#define BOOKS_CITIES_MAX 64u /* a mask of cities is one word; a simulated world has eight */
#define BOOKS_KINDS_MAX  64u

/* A record, or with table BOOKS_PLACE what a city has of a kind. There are nodes for what was only named, too. */
struct book_node {
    struct relief_str key;
    uint64_t hash, touched; /* touched: number of the entry */
    uint8_t table;
    bool there;
    uint32_t written; /* 1 + place in the list of what this step wrote, or 0 */
};
#define BOOKS_PLACE RELIEF_TABLE_COUNT

struct book_city {
    struct book_node node;
    struct relief_str code;
    int64_t mode;
    unsigned number;
    bool stirred;           /* its requests, and what it gives of every kind */
    uint64_t links_stirred; /* cities the way from which changed */
};

enum book_sum {
    BOOK_RECEIVED,
    BOOK_ON_HAND,
    BOOK_IN_TRANSIT,
    BOOK_ON_LOAN,
    BOOK_ISSUED,
    BOOK_LOST,
    BOOK_WRITTEN_OFF,
    BOOK_SUMS
};

struct book_kind {
    struct book_node node;
    struct relief_str code;
    int64_t class_;
    int64_t sums[BOOK_SUMS]; /* over all cities: invariant 1 */
    struct book_place *places;
    struct book_kind **stand_ins; /* its substitutes */
    uint32_t stand_in_count;
    struct book_request **open; /* live requests with something open */
    uint32_t open_count, open_cap;
    uint64_t stirred; /* cities whose stock of it, or legs with it, changed */
    uint64_t givers, givers_as_of;
};

struct book_place {
    struct book_node node;
    struct book_city *city;
    struct book_kind *kind;
    struct book_place *next; /* of the kind */
    struct book_lot *lots;
    struct book_asset *assets;
    int64_t floor, emergency_floor;
    int64_t account[BOOK_SUMS]; /* on hand: 0 */
    int64_t moving, lent;       /* the same as the account's in transit and on loan, as the legs say */
};

struct book_lot {
    struct book_node node;
    struct book_place *place;
    struct book_lot *next;
    int64_t quantity, held, reserved, expires, state;
    int64_t asked, committed; /* as the legs say */
};

struct book_asset {
    struct book_node node;
    struct relief_str id;
    struct book_place *place;
    struct book_asset *next;
    int64_t use, condition, rest_until;
    struct relief_str dispatch; /* as its record says */
    unsigned live;              /* legs that have it */
    struct book_leg *leg;       /* the last of them */
};

struct book_incident {
    struct book_node node;
    uint64_t affected; /* mask of cities that don't give */
    bool stirred;
};

struct book_agreement {
    struct book_node node;
    struct book_city *donor;
};

struct book_request {
    struct book_node node;
    struct relief_str id;
    struct book_kind *kind;
    struct book_city *city;
    struct book_incident *incident;
    int64_t quantity, covered, open, shortfall, received, asked;
    bool live, own_first, substitutes, stirred;
    uint64_t excluded;
    struct book_leg **named; /* its list of dispatches */
    uint32_t named_count, named_cap;
    int64_t legs, legs_cover, legs_asked; /* as the legs say */
    uint32_t open_at;                     /* 1 + place in the kind's list, or 0 */
};

struct book_piece {
    struct book_asset *asset;
    struct book_place *operators; /* where it counts as an operator on the road and on loan; NULL: it is what was asked for */
    bool live;
};

struct book_leg {
    struct book_node node;
    struct relief_str id;
    struct book_request *request;
    struct book_place *place;
    int64_t state, quantity, covers, covers_due, moving, lent, sum;
    bool ordered;
    struct book_portion {
        struct book_lot *lot;
        int64_t units;
    } *portions;
    struct book_piece *pieces;
    uint32_t portion_count, portion_cap, piece_count, piece_cap, assets;
};

struct books {
    struct relief_arena arena, scratch;
    struct book_node **slots;
    size_t count, cap;
    struct book_city *cities[BOOKS_CITIES_MAX];
    struct book_kind *kinds[BOOKS_KINDS_MAX];
    unsigned city_count, kind_count;
    uint64_t entry; /* number of entries seen: what `touched` refers to */
    struct book_node **touched;
    size_t touched_count, touched_cap;
    struct book_leg **made; /* legs that the entry made */
    size_t made_count, made_cap;
    /*
     * What changed since requests were last matched: whether a request could be matched further with a donor follows from its own
     * record, the donor's stock and legs of the kinds that serve it, the way between them, both cities, the donor's agreements and the
     * request's incident, each marked where it is. What is left, all_stirred, concerns everything.
     */
    bool stirred, all_stirred;      /* anything; everything */
    uint64_t donors_stirred;        /* their agreements */
    struct book_incident **moved;   /* incidents that are stirred */
    uint32_t moved_count, moved_cap;
    struct books_written {
        struct book_node *node;
        size_t at, len; /* bytes of the record as the entry has it; len 0: gone */
    } *written;         /* in this step */
    size_t written_count, written_cap;
    struct relief_buf bytes;
};

int books_init(struct books *books);
void books_deinit(struct books *books);
void books_clear(struct books *books);
/* The next entry: touched and made begin anew. */
void books_begin(struct books *books);
void books_take(struct books *books, const struct core_change *change);
/* Nothing is stirred any more. */
void books_settle(struct books *books);
/* The next step: what is written begins anew. */
void books_written_clear(struct books *books);

/* What the city would have to give of a kind at a time: on hand - unusable - held - reserved - floor, below 0 too. */
int64_t books_spare(const struct book_place *place, int64_t time);
/* Mask of the cities that could give something of a kind, nothing else looked at. */
uint64_t books_givers(struct book_kind *kind, int64_t time, uint64_t as_of);

/* ---- between books.c and books_take.c ---- */

/* Zeroed, for the life of the world. Grow makes room for one more; the old place stays in the arena, heap_grow frees it. */
void *books_alloc(struct books *books, size_t bytes);
void *books_grow(struct books *books, void *list, uint32_t count, uint32_t *cap, size_t size);
void *books_heap_grow(void *list, size_t count, size_t *cap, size_t size);
/* The node of that key, made when there is none yet. */
void *books_record_at(struct books *books, enum relief_table table, const void *record, bool *ret_new);
/* The entry has to do with it. */
void books_touch(struct books *books, void *any);
struct book_city *books_city_at(struct books *books, struct relief_str code);
struct book_kind *books_kind_at(struct books *books, struct relief_str code);
struct book_place *books_place_at(struct books *books, struct relief_str city, struct relief_str kind);
struct book_lot *books_lot_at(struct books *books, struct relief_str city, struct relief_str kind, struct relief_str id);
struct book_asset *books_asset_at(struct books *books, struct relief_str id);
struct book_request *books_request_at(struct books *books, struct relief_str id);
struct book_leg *books_leg_at(struct books *books, struct relief_str id);
uint64_t books_mask_of(struct books *books, struct relief_list cities);
