/*
 * The records of the product: what LMDB holds, what an outcome in the log changes, what `get` answers and what a dump shows.
 * Field rows are append-only (a record is stored as the list of its values in this order); a field that is no longer used
 * stays as a row. The first fields of a table are its key, as many as its row in RELIEF_TABLES says.
 * Rows: F(kind, cname, wire, need, extra, help), see shape.h. REQ here means "never nil in a stored record".
 */
#pragma once
#include "schema/enums.h"

/* parts of records */
#define RELIEF_FIELDS_substitute(F)                                                                                    \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind that can stand in")                                                  \
    F(INT, give, "give", REQ, RELIEF_X_QUANTITY, "units of it in one pack")                                            \
    F(INT, for_, "for", REQ, RELIEF_X_QUANTITY, "units of the exact kind that a pack covers")
#define RELIEF_FIELDS_certificate(F)                                                                                   \
    F(TEXT, name, "name", REQ, RELIEF_X_NAME, "what is certified")                                                     \
    F(TIME, until, "until", REQ, RELIEF_X_TIME, "valid until then")
#define RELIEF_FIELDS_leg_lot(F)                                                                                       \
    F(ID, lot, "lot", REQ, RELIEF_X_NONE, "lot id")                                                                    \
    F(INT, quantity, "quantity", REQ, RELIEF_X_COUNT, "units taken from it")
#define RELIEF_FIELDS_stock_lot(F)                                                                                     \
    F(ID, lot, "lot", REQ, RELIEF_X_NONE, "lot id")                                                                    \
    F(INT, quantity, "quantity", REQ, RELIEF_X_COUNT, "units on hand")                                                 \
    F(TIME, expires, "expires", OPT, RELIEF_X_TIME, "end of life; none: never")                                        \
    F(ENUM, state, "state", REQ, RELIEF_X_ENUM(lot_state), "usable, or why not")                                       \
    F(INT, held, "held", REQ, RELIEF_X_COUNT, "units in asked legs")                                                   \
    F(INT, reserved, "reserved", REQ, RELIEF_X_COUNT, "units in committed legs")
#define RELIEF_FIELDS_issued_day(F)                                                                                    \
    F(INT, day, "day", REQ, RELIEF_X_COUNT, "days since the epoch, UTC")                                               \
    F(INT, units, "units", REQ, RELIEF_X_COUNT, "units used on that day")
#define RELIEF_FIELDS_wake_try(F)                                                                                      \
    F(ID, donor, "donor", REQ, RELIEF_X_NONE, "city that may give more")                                               \
    F(ID, kind, "kind", OPT, RELIEF_X_NONE, "of this kind; none: of any")                                              \
    F(ID, city, "city", OPT, RELIEF_X_NONE, "only to this city")                                                       \
    F(ID, region, "region", OPT, RELIEF_X_NONE, "only to cities of this region and below")                             \
    F(BOOL, floors, "floors", REQ, RELIEF_X_NONE, "only kinds whose floor fell with the mode")
/* When a dispatch entered each state. */
#define RELIEF_FIELDS_times(F)                                                                                         \
    F(TIME, asked, "asked", OPT, RELIEF_X_TIME, "")                                                                    \
    F(TIME, committed, "committed", OPT, RELIEF_X_TIME, "")                                                            \
    F(TIME, in_transit, "in_transit", OPT, RELIEF_X_TIME, "")                                                          \
    F(TIME, received, "received", OPT, RELIEF_X_TIME, "")                                                              \
    F(TIME, in_use, "in_use", OPT, RELIEF_X_TIME, "")                                                                  \
    F(TIME, returning, "returning", OPT, RELIEF_X_TIME, "")                                                            \
    F(TIME, closed, "closed", OPT, RELIEF_X_TIME, "")                                                                  \
    F(TIME, returned, "returned", OPT, RELIEF_X_TIME, "")                                                              \
    F(TIME, declined, "declined", OPT, RELIEF_X_TIME, "")                                                              \
    F(TIME, lapsed, "lapsed", OPT, RELIEF_X_TIME, "")                                                                  \
    F(TIME, cancelled, "cancelled", OPT, RELIEF_X_TIME, "")                                                            \
    F(TIME, reneged, "reneged", OPT, RELIEF_X_TIME, "")                                                                \
    F(TIME, lost, "lost", OPT, RELIEF_X_TIME, "")

/* tables */
#define RELIEF_FIELDS_region(F)                                                                                        \
    F(ID, id, "id", REQ, RELIEF_X_NONE, "region id")                                                                   \
    F(TEXT, name, "name", REQ, RELIEF_X_NAME, "name")                                                                  \
    F(ID, parent, "parent", OPT, RELIEF_X_NONE, "superior region; none: a root")                                       \
    F(INT, neighbour_minutes, "neighbour_minutes", OPT, RELIEF_X_MINUTES, "travel that still counts as neighbour")     \
    F(ENUM, agreement, "agreement", OPT, RELIEF_X_ENUM(commit), "default agreement inside the region")                 \
    F(ENUM, shares, "shares", OPT, RELIEF_X_ENUM(shares), "what its cities see of each other's stock and assets")
#define RELIEF_FIELDS_city(F)                                                                                          \
    F(ID, code, "code", REQ, RELIEF_X_NONE, "city code")                                                               \
    F(TEXT, name, "name", REQ, RELIEF_X_NAME, "name")                                                                  \
    F(TEXT, name_en, "name_en", OPT, RELIEF_X_NAME, "name in English")                                                 \
    F(ID, region, "region", REQ, RELIEF_X_NONE, "region it belongs to")                                                \
    F(INT, lat, "lat", REQ, RELIEF_X_RANGE(-90000000, 90000000, RELIEF_NIL), "latitude in micro-degrees")              \
    F(INT, lon, "lon", REQ, RELIEF_X_RANGE(-180000000, 180000000, RELIEF_NIL), "longitude in micro-degrees")           \
    F(INT, population, "population", OPT, RELIEF_X_COUNT, "residents")                                                 \
    F(ENUM, mode, "mode", REQ, RELIEF_X_ENUM(mode), "normal or emergency")
#define RELIEF_FIELDS_link(F)                                                                                          \
    F(ID, from, "from", REQ, RELIEF_X_NONE, "city that goods leave")                                                   \
    F(ID, to, "to", REQ, RELIEF_X_NONE, "city that they reach")                                                        \
    F(INT, minutes, "minutes", REQ, RELIEF_X_MINUTES, "travel time")                                                   \
    F(BOOL, open, "open", REQ, RELIEF_X_NONE, "false: the way is closed")
#define RELIEF_FIELDS_kind(F)                                                                                          \
    F(ID, code, "code", REQ, RELIEF_X_NONE, "kind code")                                                               \
    F(TEXT, name, "name", REQ, RELIEF_X_NAME, "name")                                                                  \
    F(TEXT, name_en, "name_en", OPT, RELIEF_X_NAME, "name in English")                                                 \
    F(ENUM, class_, "class", REQ, RELIEF_X_ENUM(class), "supply, team or equipment")                                   \
    F(TEXT, unit, "unit", REQ, RELIEF_X_NAME, "base unit of its quantities")                                           \
    F(TEXT, category, "category", OPT, RELIEF_X_NAME, "group for display")                                             \
    F(BOOL, returnable, "returnable", REQ, RELIEF_X_NONE, "comes back after use")                                      \
    F(INT, min_life_days, "min_life_days", REQ, RELIEF_X_RANGE(0, 36500, RELIEF_NIL), "life that must remain on arrival") \
    F(OBJS, substitutes, "substitutes", REQ, RELIEF_X_SUB(substitute), "kinds that can stand in, best first")          \
    F(ID, operator_, "operator", OPT, RELIEF_X_NONE, "team kind that must come with it")
#define RELIEF_FIELDS_floor(F)                                                                                         \
    F(ID, city, "city", REQ, RELIEF_X_NONE, "city")                                                                    \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind")                                                                    \
    F(INT, floor, "floor", REQ, RELIEF_X_COUNT, "units kept in normal mode")                                           \
    F(INT, emergency_floor, "emergency_floor", OPT, RELIEF_X_COUNT, "units kept in emergency mode")                    \
    F(INT, target, "target", OPT, RELIEF_X_COUNT, "units that rebalancing aims at")
#define RELIEF_FIELDS_lot(F)                                                                                           \
    F(ID, city, "city", REQ, RELIEF_X_NONE, "city that owns it")                                                       \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "supply kind")                                                             \
    F(ID, lot, "lot", REQ, RELIEF_X_NONE, "lot id, one expiry date each")                                              \
    F(INT, quantity, "quantity", REQ, RELIEF_X_COUNT, "units on hand")                                                 \
    F(TIME, expires, "expires", OPT, RELIEF_X_TIME, "end of life; none: never")                                        \
    F(ENUM, state, "state", REQ, RELIEF_X_ENUM(lot_state), "usable, or why not")                                       \
    F(INT, held, "held", REQ, RELIEF_X_COUNT, "units in asked legs")                                                   \
    F(INT, reserved, "reserved", REQ, RELIEF_X_COUNT, "units in committed legs")                                       \
    F(TEXT, source, "source", OPT, RELIEF_X_NAME, "where it came from")
#define RELIEF_FIELDS_asset(F)                                                                                         \
    F(ID, id, "id", REQ, RELIEF_X_NONE, "asset id")                                                                    \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "team or equipment kind")                                                  \
    F(ID, city, "city", REQ, RELIEF_X_NONE, "home city")                                                               \
    F(INT, level, "level", REQ, RELIEF_X_LEVEL(RELIEF_NIL), "1 most capable to 4")                                     \
    F(INT, capacity, "capacity", OPT, RELIEF_X_COUNT, "head count of a team")                                          \
    F(ENUM, condition, "condition", REQ, RELIEF_X_ENUM(condition), "only ready counts")                                \
    F(ID, operator_, "operator", OPT, RELIEF_X_NONE, "team kind that must come with it")                               \
    F(OBJS, certificates, "certificates", REQ, RELIEF_X_SUB(certificate), "what it is certified for")                  \
    F(TIME, rest_until, "rest_until", OPT, RELIEF_X_TIME, "resting until then")                                        \
    F(DID, dispatch, "dispatch", OPT, RELIEF_X_NONE, "live leg that it is in")                                         \
    F(ENUM, use, "use", REQ, RELIEF_X_ENUM(asset_use), "free, held or reserved for a leg, or away with it")
#define RELIEF_FIELDS_incident(F)                                                                                      \
    F(ID, id, "id", REQ, RELIEF_X_NONE, "incident id")                                                                 \
    F(ENUM, category, "category", REQ, RELIEF_X_ENUM(category), "natural, health, accident or security")               \
    F(INT, level, "level", REQ, RELIEF_X_LEVEL(RELIEF_NIL), "1 gravest to 4")                                          \
    F(ID, origin, "origin", REQ, RELIEF_X_NONE, "city where it began; leads and is affected")                          \
    F(IDS, affected, "affected", REQ, RELIEF_X_NONE, "other affected cities")                                          \
    F(IDS, donating, "donating", REQ, RELIEF_X_NONE, "affected cities that donate all the same")                       \
    F(TEXT, title, "title", OPT, RELIEF_X_NAME, "title")                                                               \
    F(ENUM, state, "state", REQ, RELIEF_X_ENUM(incident_state), "open or closed")                                      \
    F(TIME, opened, "opened", REQ, RELIEF_X_TIME, "when it was opened")                                                \
    F(TIME, closed, "closed", OPT, RELIEF_X_TIME, "when it was closed")
#define RELIEF_FIELDS_agreement(F)                                                                                     \
    F(ID, id, "id", REQ, RELIEF_X_NONE, "agreement id")                                                                \
    F(ID, donor, "donor", REQ, RELIEF_X_NONE, "city that gives")                                                       \
    F(ID, requester, "requester", OPT, RELIEF_X_NONE, "city that receives; or region")                                 \
    F(ID, region, "region", OPT, RELIEF_X_NONE, "region whose cities receive; or requester")                           \
    F(IDS, kinds, "kinds", OPT, RELIEF_X_NONE, "prefixes of kind codes; none: all kinds")                              \
    F(INT, share_percent, "share_percent", REQ, RELIEF_X_RANGE(1, 100, RELIEF_NIL), "share of free stock that it covers") \
    F(ENUM, commit, "commit", REQ, RELIEF_X_ENUM(commit), "auto: commits at once; ask: the donor answers")             \
    F(INT, answer_minutes, "answer_minutes", REQ, RELIEF_X_MINUTES, "time to answer before an asked leg lapses")       \
    F(INT, price, "price", OPT, RELIEF_X_COUNT, "fen a unit, for loans a unit and day")                                \
    F(TIME, from, "from", OPT, RELIEF_X_TIME, "in force from then")                                                    \
    F(TIME, until, "until", OPT, RELIEF_X_TIME, "in force before then")                                                \
    F(TIME, ended, "ended", OPT, RELIEF_X_TIME, "when it was ended, or its until had passed")                          \
    F(BOOL, started, "started", REQ, RELIEF_X_NONE, "its from has come")
#define RELIEF_FIELDS_request(F)                                                                                       \
    F(ID, id, "id", REQ, RELIEF_X_NONE, "request id, the requester's")                                                 \
    F(ID, city, "city", REQ, RELIEF_X_NONE, "city that lacks")                                                         \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind asked for")                                                          \
    F(INT, quantity, "quantity", REQ, RELIEF_X_COUNT, "units asked for")                                               \
    F(INT, priority, "priority", REQ, RELIEF_X_RANGE(1, 5, RELIEF_NIL), "1 life-saving to 5")                          \
    F(TIME, needed_by, "needed_by", OPT, RELIEF_X_TIME, "must arrive by then")                                         \
    F(ID, incident, "incident", OPT, RELIEF_X_NONE, "incident that it belongs to")                                     \
    F(ENUM, state, "state", REQ, RELIEF_X_ENUM(request_state), "state")                                                \
    F(INT, covered, "covered", REQ, RELIEF_X_COUNT, "units that its legs cover")                                       \
    F(INT, received, "received", REQ, RELIEF_X_COUNT, "units received and accepted")                                   \
    F(INT, open, "open", REQ, RELIEF_X_COUNT, "units still looked for")                                                \
    F(INT, level, "level", REQ, RELIEF_X_RANGE(0, 3, RELIEF_NIL), "highest level among its legs")                      \
    F(TIME, submitted, "submitted", REQ, RELIEF_X_TIME, "when it was submitted")                                       \
    F(IDS, dispatches, "dispatches", REQ, RELIEF_X_NONE, "its legs")                                                   \
    F(INT, shortfall, "shortfall", REQ, RELIEF_X_COUNT, "units given up")                                              \
    F(BOOL, own_first, "own_first", REQ, RELIEF_X_NONE, "own stock is looked at first")                                \
    F(INT, max_level, "max_level", OPT, RELIEF_X_RANGE(0, 3, RELIEF_NIL), "highest level allowed; none: by mode and priority") \
    F(BOOL, substitutes, "substitutes", REQ, RELIEF_X_NONE, "substitutes are welcome")                                 \
    F(INT, min_level, "min_level", REQ, RELIEF_X_LEVEL(RELIEF_NIL), "weakest asset level that will do")                \
    F(BOOL, all_or_nothing, "all_or_nothing", REQ, RELIEF_X_NONE, "refused when it could not be covered whole")        \
    F(ENUM, purpose, "purpose", REQ, RELIEF_X_ENUM(purpose), "use: issued on receipt; stock: enters the lots")         \
    F(IDS, excluded, "excluded", REQ, RELIEF_X_NONE, "donors not asked again")                                         \
    F(TEXT, identity, "identity", REQ, RELIEF_X_NONE, "who submitted it")                                              \
    F(INT, entry, "entry", REQ, RELIEF_X_COUNT, "log entry of its submission")                                         \
    F(TEXT, reason, "reason", OPT, RELIEF_X_REASON, "why it was cancelled or closed")                                  \
    F(INT, asked, "asked", REQ, RELIEF_X_COUNT, "units of covered that their donors have not accepted yet")
#define RELIEF_FIELDS_dispatch(F)                                                                                      \
    F(DID, id, "id", REQ, RELIEF_X_NONE, "REQUEST/N")                                                                  \
    F(ID, request, "request", REQ, RELIEF_X_NONE, "request that it helps")                                             \
    F(ID, donor, "donor", REQ, RELIEF_X_NONE, "city that gives")                                                       \
    F(ID, requester, "requester", REQ, RELIEF_X_NONE, "city that receives")                                            \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind that travels")                                                       \
    F(INT, quantity, "quantity", REQ, RELIEF_X_COUNT, "units of that kind")                                            \
    F(OBJS, lots, "lots", REQ, RELIEF_X_SUB(leg_lot), "lots that it takes, in order")                                  \
    F(IDS, assets, "assets", REQ, RELIEF_X_NONE, "assets that it takes")                                               \
    F(IDS, operators, "operators", REQ, RELIEF_X_NONE, "teams that come with them")                                    \
    F(ENUM, state, "state", REQ, RELIEF_X_ENUM(dispatch_state), "state")                                               \
    F(INT, level, "level", REQ, RELIEF_X_RANGE(0, 3, RELIEF_NIL), "level at which the donor was found")                \
    F(INT, minutes, "minutes", REQ, RELIEF_X_MINUTES, "travel time at the match")                                      \
    F(TIME, depart_by, "depart_by", OPT, RELIEF_X_TIME, "latest departure that still arrives in time")                 \
    F(TIME, eta, "eta", OPT, RELIEF_X_TIME, "expected arrival")                                                        \
    F(TIME, answer_by, "answer_by", OPT, RELIEF_X_TIME, "an asked leg lapses then")                                    \
    F(INT, sent, "sent", OPT, RELIEF_X_COUNT, "units that departed")                                                   \
    F(INT, accepted, "accepted", OPT, RELIEF_X_COUNT, "units accepted on receipt")                                     \
    F(INT, rejected, "rejected", OPT, RELIEF_X_COUNT, "units rejected on receipt, written off")                        \
    F(INT, missing, "missing", OPT, RELIEF_X_COUNT, "units missing on receipt, lost")                                  \
    F(OBJ, times, "times", REQ, RELIEF_X_SUB(times), "when it entered each state")                                     \
    F(INT, covers, "covers", REQ, RELIEF_X_COUNT, "units of the request that it covers")                               \
    F(INT, give, "give", REQ, RELIEF_X_COUNT, "units in a pack of a substitute; 1 for the exact kind")                 \
    F(INT, for_, "for", REQ, RELIEF_X_COUNT, "units of the request that a pack covers; 1 for the exact kind")          \
    F(ID, agreement, "agreement", OPT, RELIEF_X_NONE, "agreement; none: the region's default, or own stock")           \
    F(BOOL, ordered, "ordered", REQ, RELIEF_X_NONE, "made by a superior's order")                                      \
    F(TEXT, carrier, "carrier", OPT, RELIEF_X_NAME, "who carries it")                                                  \
    F(TIME, due, "due", OPT, RELIEF_X_TIME, "a loan is wanted back by then")                                           \
    F(TEXT, reason, "reason", OPT, RELIEF_X_REASON, "why it ended as it did")                                          \
    F(INT, returned, "returned", OPT, RELIEF_X_COUNT, "units of a loan that the requester sent back; the rest is lost") \
    F(INT, checked_in, "checked_in", OPT, RELIEF_X_COUNT, "units of them that came home; the rest was lost on the road") \
    F(ENUM, condition, "condition", OPT, RELIEF_X_ENUM(condition), "condition in which they came home")                \
    F(TEXT, ordered_by, "ordered_by", OPT, RELIEF_X_NONE, "the superior who ordered it")
#define RELIEF_FIELDS_account(F)                                                                                       \
    F(ID, city, "city", REQ, RELIEF_X_NONE, "city")                                                                    \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind")                                                                    \
    F(INT, received, "received", REQ, RELIEF_X_COUNT, "units received into the system here")                           \
    F(INT, issued, "issued", REQ, RELIEF_X_COUNT, "units used here")                                                   \
    F(INT, lost, "lost", REQ, RELIEF_X_COUNT, "units lost")                                                            \
    F(INT, written_off, "written_off", REQ, RELIEF_X_COUNT, "units written off")                                       \
    F(INT, on_loan, "on_loan", REQ, RELIEF_X_COUNT, "own units in use elsewhere")                                      \
    F(INT, in_transit, "in_transit", REQ, RELIEF_X_COUNT, "own units on the road")                                     \
    F(OBJS, issued_days, "issued_days", HID, RELIEF_X_SUB(issued_day), "units used per day, of the last 31 days those with any") \
    F(TIME, as_of, "as_of", HID, RELIEF_X_TIME, "when the city last reported its stock; none: never")
#define RELIEF_FIELDS_op(F)                                                                                            \
    F(ID, op, "op", REQ, RELIEF_X_NONE, "retry id")                                                                    \
    F(TEXT, identity, "identity", REQ, RELIEF_X_NONE, "whose it is")                                                   \
    F(INT, seq, "seq", REQ, RELIEF_X_COUNT, "log entry that carried it out")
#define RELIEF_FIELDS_travel(F)                                                                                        \
    F(ID, id, "id", REQ, RELIEF_X_NONE, "always \"travel\"")                                                           \
    F(INT, permille, "permille", REQ, RELIEF_X_RANGE(1, 100000, RELIEF_NIL), "road kilometres for a thousand great-circle ones") \
    F(INT, km_per_hour, "km_per_hour", REQ, RELIEF_X_RANGE(1, 10000, RELIEF_NIL), "speed of the estimate")

/* What a wake that goes on has still to do (core/wake.c): who is tried for whom, who is matched in full, and where it stands. */
#define RELIEF_FIELDS_wake(F)                                                                                          \
    F(ID, id, "id", REQ, RELIEF_X_NONE, "log entry that woke, 20 digits")                                              \
    F(OBJS, tries, "tries", REQ, RELIEF_X_SUB(wake_try), "donors that may give more")                                  \
    F(IDS, prefixes, "prefixes", OPT, RELIEF_X_NONE, "only kinds with such a prefix are tried; none: all")             \
    F(BOOL, everything, "everything", REQ, RELIEF_X_NONE, "all requests are matched in full")                          \
    F(ID, city, "city", OPT, RELIEF_X_NONE, "or those of this city")                                                   \
    F(ID, region, "region", OPT, RELIEF_X_NONE, "or those of this region")                                             \
    F(BOOL, below, "below", REQ, RELIEF_X_NONE, "and of the regions below it")                                         \
    F(IDS, kinds, "kinds", REQ, RELIEF_X_NONE, "or those that want one of these kinds, or take it as a substitute")    \
    F(ID, incident, "incident", OPT, RELIEF_X_NONE, "or those of this incident")                                       \
    F(ID, request, "request", OPT, RELIEF_X_NONE, "or this one")                                                       \
    F(INT, priority, "priority", REQ, RELIEF_X_RANGE(1, 5, RELIEF_NIL), "place of the request looked at last: its priority,") \
    F(TIME, submitted, "submitted", REQ, RELIEF_X_TIME, "when it was submitted,")                                      \
    F(ID, after, "after", REQ, RELIEF_X_NONE, "and its id")

/* T(table, key fields): the order is that of a dump (fine print 62); the number is stored, rows are append-only. */
#define RELIEF_TABLES(T)                                                                                               \
    T(region, 1) T(city, 1) T(link, 2) T(kind, 1) T(floor, 2) T(lot, 3) T(asset, 1) T(incident, 1) T(agreement, 1)     \
    T(request, 1) T(dispatch, 1) T(account, 2) T(op, 2) T(travel, 1) T(wake, 1)

#define RELIEF_PARTS(P) P(substitute) P(certificate) P(leg_lot) P(stock_lot) P(issued_day) P(times) P(wake_try)

enum relief_table {
#define T(table, keys) RELIEF_TABLE_##table,
    RELIEF_TABLES(T)
#undef T
        RELIEF_TABLE_COUNT
};

#define P(part)                                                                                                        \
    struct relief_##part {                                                                                             \
        RELIEF_FIELDS_##part(RELIEF_STRUCT_FIELD)                                                                      \
    };                                                                                                                 \
    extern const struct relief_shape relief_shape_##part;
RELIEF_PARTS(P)
#undef P
#define T(table, keys)                                                                                                 \
    struct relief_##table {                                                                                            \
        RELIEF_FIELDS_##table(RELIEF_STRUCT_FIELD)                                                                     \
    };                                                                                                                 \
    extern const struct relief_shape relief_shape_##table;
RELIEF_TABLES(T)
#undef T

struct relief_table_info {
    const char *name;
    const struct relief_shape *shape;
    unsigned key_fields;
};
extern const struct relief_table_info relief_tables[RELIEF_TABLE_COUNT];
/* The table's number, or -1. */
int relief_table_find(struct relief_str name);

/* Room for any record of any table. */
union relief_any_record {
#define T(table, keys) struct relief_##table table;
    RELIEF_TABLES(T)
#undef T
};
