/*
 * The one list of methods. From it come the parameter structs, their checks, the server's dispatch table and rights, the
 * client stubs, the nouns, verbs, flags and help of the command line, schema/protocol.md and the golden bytes in the tests.
 *
 * Row: M(number, noun, verb, kind, roles, result, state, summary)
 *   number  stored in the log: append-only, never reused
 *   kind    SESSION  answered before the peer is identified; touches the connection only
 *           QUERY    reads; LIST the same in pages {items, next}; STREAM notifications before the answer
 *           CHANGE   becomes a log entry
 *   roles   who may call it at all; whose city or region is checked with the record (core/rights.c)
 *   result  shape of the answer (LIST: of an item)
 *   state   BUILT, or PLANNED: answers BAD_METHOD until it is built
 */
#pragma once
#include "schema/tables.h"

/* roles; `local` has every right */
#define RELIEF_R_CITY (1u << RELIEF_role_city)
#define RELIEF_R_COORD (1u << RELIEF_role_coordinator)
#define RELIEF_R_AUDIT (1u << RELIEF_role_auditor)
#define RELIEF_R_OPER (1u << RELIEF_role_operator)
#define RELIEF_R_READ (RELIEF_R_CITY | RELIEF_R_COORD | RELIEF_R_AUDIT)
#define RELIEF_R_ALL (RELIEF_R_READ | RELIEF_R_OPER)
#define RELIEF_R_PLACE (RELIEF_R_CITY | RELIEF_R_COORD)
#define RELIEF_R_LEGS RELIEF_R_CITY

/* parameters that many methods share */
#define RELIEF_OP(F) F(ID, op, "op", OPT, RELIEF_X_NONE, "retry id: the same op returns the first answer")
#define RELIEF_PAGE(F)                                                                                                 \
    F(TEXT, after, "after", OPT, RELIEF_X_RANGE(1, 256, RELIEF_NIL), "last key seen; parts joined with /")             \
    F(INT, limit, "limit", OPT, RELIEF_X_RANGE(1, RELIEF_PAGE_MAX, RELIEF_PAGE_DEFAULT), "records in the page")
#define RELIEF_ID_OF(F, what) F(ID, id, "id", REQ, RELIEF_X_NONE, what)
#define RELIEF_LEG_ID(F) F(DID, id, "id", REQ, RELIEF_X_NONE, "dispatch id, REQUEST/N")
#define RELIEF_REASON(F, need) F(TEXT, reason, "reason", need, RELIEF_X_REASON, "why")

#define RELIEF_PARAMS_server_hello(F)                                                                                  \
    F(TEXT, client, "client", OPT, RELIEF_X_NAME, "name of the client program")                                        \
    F(TEXT, token, "token", OPT, RELIEF_X_NAME, "token, where no certificate can be had")                              \
    F(ENUM, role, "role", OPT, RELIEF_X_ENUM(role), "narrows the connection to this role")                             \
    F(ID, city, "city", OPT, RELIEF_X_NONE, "city of the role city")                                                   \
    F(ID, region, "region", OPT, RELIEF_X_NONE, "region of the role coordinator; none: all")                           \
    F(BOOL, receipts, "receipts", OPT, RELIEF_X_NONE, "from here on answers of changing methods carry a receipt, or no longer")
#define RELIEF_PARAMS_server_ping(F)
#define RELIEF_PARAMS_server_info(F)
#define RELIEF_PARAMS_server_stats(F)
#define RELIEF_PARAMS_server_denials(F) RELIEF_PAGE(F)
#define RELIEF_PARAMS_region_put(F)                                                                                    \
    F(ID, id, "id", REQ, RELIEF_X_NONE, "region id")                                                                   \
    F(TEXT, name, "name", REQ, RELIEF_X_NAME, "name")                                                                  \
    F(ID, parent, "parent", OPT, RELIEF_X_NONE, "superior region; none: a root")                                       \
    F(INT, neighbour_minutes, "neighbour_minutes", OPT, RELIEF_X_MINUTES, "travel that still counts as neighbour")     \
    F(ENUM, agreement, "agreement", OPT, RELIEF_X_ENUM(commit), "default agreement inside the region")                 \
    F(ENUM, shares, "shares", OPT, RELIEF_X_ENUM(shares), "what its cities see of each other: exact, available or nothing")\
    RELIEF_OP(F)
#define RELIEF_PARAMS_region_get(F) RELIEF_ID_OF(F, "region id")
#define RELIEF_PARAMS_region_list(F) RELIEF_PAGE(F)
#define RELIEF_PARAMS_city_put(F)                                                                                      \
    F(ID, code, "code", REQ, RELIEF_X_NONE, "city code")                                                               \
    F(TEXT, name, "name", REQ, RELIEF_X_NAME, "name")                                                                  \
    F(TEXT, name_en, "name_en", OPT, RELIEF_X_NAME, "name in English")                                                 \
    F(ID, region, "region", REQ, RELIEF_X_NONE, "region it belongs to")                                                \
    F(INT, lat, "lat", REQ, RELIEF_X_RANGE(-90000000, 90000000, RELIEF_NIL), "latitude in micro-degrees")              \
    F(INT, lon, "lon", REQ, RELIEF_X_RANGE(-180000000, 180000000, RELIEF_NIL), "longitude in micro-degrees")           \
    F(INT, population, "population", OPT, RELIEF_X_COUNT, "residents")                                                 \
    F(ENUM, mode, "mode", OPT, RELIEF_X_ENUM(mode), "normal or emergency; absent keeps it")                            \
    RELIEF_OP(F)
#define RELIEF_PARAMS_city_get(F) F(ID, code, "code", REQ, RELIEF_X_NONE, "city code")
#define RELIEF_PARAMS_city_list(F) RELIEF_PAGE(F)
#define RELIEF_PARAMS_city_mode(F)                                                                                     \
    F(ID, code, "code", REQ, RELIEF_X_NONE, "city code")                                                               \
    F(ENUM, mode, "mode", REQ, RELIEF_X_ENUM(mode), "normal or emergency")                                             \
    RELIEF_REASON(F, REQ) RELIEF_OP(F)
#define RELIEF_PARAMS_link_put(F)                                                                                      \
    F(ID, from, "from", REQ, RELIEF_X_NONE, "city that goods leave")                                                   \
    F(ID, to, "to", REQ, RELIEF_X_NONE, "city that they reach")                                                        \
    F(INT, minutes, "minutes", REQ, RELIEF_X_MINUTES, "travel time")                                                   \
    F(BOOL, open, "open", OPT, RELIEF_X_BOOL_D(1), "false: the way is closed")                                         \
    F(BOOL, both, "both", OPT, RELIEF_X_BOOL_D(0), "record the other direction too")                                   \
    RELIEF_OP(F)
#define RELIEF_PARAMS_link_list(F)                                                                                     \
    F(ID, from, "from", OPT, RELIEF_X_NONE, "only links that leave this city") RELIEF_PAGE(F)
#define RELIEF_PARAMS_travel_put(F)                                                                                    \
    F(INT, permille, "permille", REQ, RELIEF_X_RANGE(1, 100000, RELIEF_NIL), "road kilometres for a thousand great-circle ones") \
    F(INT, km_per_hour, "km_per_hour", REQ, RELIEF_X_RANGE(1, 10000, RELIEF_NIL), "speed of the estimate")             \
    RELIEF_OP(F)
#define RELIEF_PARAMS_travel_get(F)
#define RELIEF_PARAMS_kind_put(F)                                                                                      \
    F(ID, code, "code", REQ, RELIEF_X_NONE, "kind code")                                                               \
    F(TEXT, name, "name", REQ, RELIEF_X_NAME, "name")                                                                  \
    F(TEXT, name_en, "name_en", OPT, RELIEF_X_NAME, "name in English")                                                 \
    F(ENUM, class_, "class", REQ, RELIEF_X_ENUM(class), "supply, team or equipment")                                   \
    F(TEXT, unit, "unit", REQ, RELIEF_X_NAME, "base unit of its quantities")                                           \
    F(TEXT, category, "category", OPT, RELIEF_X_NAME, "group for display")                                             \
    F(BOOL, returnable, "returnable", OPT, RELIEF_X_NONE, "comes back after use; absent: true unless a supply")        \
    F(INT, min_life_days, "min_life_days", OPT, RELIEF_X_RANGE(0, 36500, 0), "life that must remain on arrival")       \
    F(OBJS, substitutes, "substitutes", OPT, RELIEF_X_SUB(substitute), "kinds that can stand in, best first")          \
    F(ID, operator_, "operator", OPT, RELIEF_X_NONE, "team kind that must come with it")                               \
    RELIEF_OP(F)
#define RELIEF_PARAMS_kind_get(F) F(ID, code, "code", REQ, RELIEF_X_NONE, "kind code")
#define RELIEF_PARAMS_kind_list(F) RELIEF_PAGE(F)
#define RELIEF_CITY_KIND(F)                                                                                            \
    F(ID, city, "city", REQ, RELIEF_X_NONE, "city")                                                                    \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind")
#define RELIEF_PARAMS_stock_receive(F)                                                                                 \
    RELIEF_CITY_KIND(F)                                                                                                \
    F(INT, quantity, "quantity", REQ, RELIEF_X_QUANTITY, "units received into the system")                             \
    F(ID, lot, "lot", OPT, RELIEF_X_NONE, "lot id; absent: its date of expiry, or 0")                                  \
    F(TIME, expires, "expires", OPT, RELIEF_X_TIME, "end of life; absent: never")                                      \
    F(TEXT, source, "source", OPT, RELIEF_X_NAME, "where it came from")                                                \
    RELIEF_OP(F)
#define RELIEF_PARAMS_stock_issue(F)                                                                                   \
    RELIEF_CITY_KIND(F)                                                                                                \
    F(INT, quantity, "quantity", REQ, RELIEF_X_QUANTITY, "units used")                                                 \
    RELIEF_REASON(F, REQ)                                                                                              \
    F(ID, lot, "lot", OPT, RELIEF_X_NONE, "lot id; absent: first expired first")                                       \
    RELIEF_OP(F)
#define RELIEF_PARAMS_stock_writeoff(F)                                                                                \
    RELIEF_CITY_KIND(F)                                                                                                \
    F(INT, quantity, "quantity", REQ, RELIEF_X_QUANTITY, "units written off")                                          \
    F(ENUM, reason, "reason", REQ, RELIEF_X_ENUM(writeoff), "lost, damaged, expired or destroyed")                     \
    F(ID, lot, "lot", OPT, RELIEF_X_NONE, "lot id; absent: expired first")                                             \
    RELIEF_OP(F)
#define RELIEF_PARAMS_stock_count(F)                                                                                   \
    RELIEF_CITY_KIND(F)                                                                                                \
    F(INT, quantity, "quantity", REQ, RELIEF_X_COUNT, "units counted on hand in the lot")                              \
    RELIEF_REASON(F, REQ)                                                                                              \
    F(ID, lot, "lot", OPT, RELIEF_X_NONE, "lot id; may be absent when the city has exactly one")                       \
    RELIEF_OP(F)
#define RELIEF_PARAMS_stock_hold(F)                                                                                    \
    RELIEF_CITY_KIND(F)                                                                                                \
    F(ID, lot, "lot", REQ, RELIEF_X_NONE, "lot id")                                                                    \
    F(ENUM, state, "state", REQ, RELIEF_X_ENUM(lot_state), "usable, quarantine, recalled or damaged")                  \
    RELIEF_OP(F)
#define RELIEF_PARAMS_stock_floor(F)                                                                                   \
    RELIEF_CITY_KIND(F)                                                                                                \
    F(INT, floor, "floor", REQ, RELIEF_X_COUNT, "units kept in normal mode")                                           \
    F(INT, emergency_floor, "emergency_floor", OPT, RELIEF_X_COUNT, "units kept in emergency mode; absent: floor")     \
    F(INT, target, "target", OPT, RELIEF_X_COUNT, "units that rebalancing aims at; absent: floor")                     \
    RELIEF_OP(F)
#define RELIEF_PARAMS_stock_get(F) RELIEF_CITY_KIND(F)
#define RELIEF_PARAMS_stock_list(F)                                                                                    \
    F(ID, city, "city", OPT, RELIEF_X_NONE, "only this city")                                                          \
    F(ID, kind, "kind", OPT, RELIEF_X_NONE, "only this kind")                                                          \
    F(ID, region, "region", OPT, RELIEF_X_NONE, "only cities of this region and below") RELIEF_PAGE(F)
#define RELIEF_PARAMS_asset_put(F)                                                                                     \
    F(ID, id, "id", REQ, RELIEF_X_NONE, "asset id")                                                                    \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "team or equipment kind")                                                  \
    F(ID, city, "city", REQ, RELIEF_X_NONE, "home city")                                                               \
    F(INT, level, "level", OPT, RELIEF_X_LEVEL(4), "1 most capable to 4")                                              \
    F(INT, capacity, "capacity", OPT, RELIEF_X_COUNT, "head count of a team")                                          \
    F(ENUM, condition, "condition", OPT, RELIEF_X_ENUM_D(condition, RELIEF_condition_ready), "only ready counts")      \
    F(ID, operator_, "operator", OPT, RELIEF_X_NONE, "team kind that must come with it")                               \
    F(OBJS, certificates, "certificates", OPT, RELIEF_X_SUB(certificate), "what it is certified for")                  \
    F(TIME, rest_until, "rest_until", OPT, RELIEF_X_TIME, "resting until then")                                        \
    RELIEF_OP(F)
#define RELIEF_PARAMS_asset_get(F) RELIEF_ID_OF(F, "asset id")
#define RELIEF_PARAMS_asset_list(F)                                                                                    \
    F(ID, city, "city", OPT, RELIEF_X_NONE, "only this city")                                                          \
    F(ID, kind, "kind", OPT, RELIEF_X_NONE, "only this kind") RELIEF_PAGE(F)
#define RELIEF_PARAMS_asset_status(F)                                                                                  \
    RELIEF_ID_OF(F, "asset id")                                                                                        \
    F(ENUM, condition, "condition", OPT, RELIEF_X_ENUM(condition), "only ready counts")                                \
    F(TIME, rest_until, "rest_until", OPT, RELIEF_X_TIME, "resting until then")                                        \
    F(ID, city, "city", OPT, RELIEF_X_NONE, "new home city")                                                           \
    RELIEF_OP(F)
#define RELIEF_PARAMS_incident_open(F)                                                                                 \
    RELIEF_ID_OF(F, "incident id")                                                                                     \
    F(ENUM, category, "category", REQ, RELIEF_X_ENUM(category), "natural, health, accident or security")               \
    F(INT, level, "level", REQ, RELIEF_X_LEVEL(RELIEF_NIL), "1 gravest to 4")                                          \
    F(ID, origin, "origin", REQ, RELIEF_X_NONE, "city where it began")                                                 \
    F(IDS, affected, "affected", OPT, RELIEF_X_NONE, "other affected cities")                                          \
    F(IDS, donating, "donating", OPT, RELIEF_X_NONE, "affected cities that donate all the same")                       \
    F(TEXT, title, "title", OPT, RELIEF_X_NAME, "title")                                                               \
    RELIEF_OP(F)
#define RELIEF_PARAMS_incident_update(F)                                                                               \
    RELIEF_ID_OF(F, "incident id")                                                                                     \
    F(ENUM, category, "category", OPT, RELIEF_X_ENUM(category), "natural, health, accident or security")               \
    F(INT, level, "level", OPT, RELIEF_X_LEVEL(RELIEF_NIL), "1 gravest to 4")                                          \
    F(ID, origin, "origin", OPT, RELIEF_X_NONE, "city where it began")                                                 \
    F(IDS, affected, "affected", OPT, RELIEF_X_NONE, "other affected cities")                                          \
    F(IDS, donating, "donating", OPT, RELIEF_X_NONE, "affected cities that donate all the same")                       \
    F(TEXT, title, "title", OPT, RELIEF_X_NAME, "title")                                                               \
    RELIEF_OP(F)
#define RELIEF_PARAMS_incident_close(F) RELIEF_ID_OF(F, "incident id") RELIEF_OP(F)
#define RELIEF_PARAMS_incident_get(F) RELIEF_ID_OF(F, "incident id")
#define RELIEF_PARAMS_incident_list(F) RELIEF_PAGE(F)
#define RELIEF_PARAMS_agreement_put(F)                                                                                 \
    RELIEF_ID_OF(F, "agreement id")                                                                                    \
    F(ID, donor, "donor", REQ, RELIEF_X_NONE, "city that gives")                                                       \
    F(ENUM, commit, "commit", REQ, RELIEF_X_ENUM(commit), "auto: commits at once; ask: the donor answers")             \
    F(ID, requester, "requester", OPT, RELIEF_X_NONE, "city that receives; or region")                                 \
    F(ID, region, "region", OPT, RELIEF_X_NONE, "region whose cities receive; or requester")                           \
    F(IDS, kinds, "kinds", OPT, RELIEF_X_NONE, "prefixes of kind codes; absent: all kinds")                            \
    F(INT, share_percent, "share_percent", OPT, RELIEF_X_RANGE(1, 100, 100), "share of free stock that it covers")     \
    F(INT, answer_minutes, "answer_minutes", OPT, RELIEF_X_RANGE(0, RELIEF_MINUTES_MAX, RELIEF_ANSWER_MINUTES), "time to answer before an asked leg lapses") \
    F(INT, price, "price", OPT, RELIEF_X_COUNT, "fen a unit, for loans a unit and day")                                \
    F(TIME, from, "from", OPT, RELIEF_X_TIME, "in force from then")                                                    \
    F(TIME, until, "until", OPT, RELIEF_X_TIME, "in force before then")                                                \
    RELIEF_OP(F)
#define RELIEF_PARAMS_agreement_get(F) RELIEF_ID_OF(F, "agreement id")
#define RELIEF_PARAMS_agreement_list(F)                                                                                \
    F(ID, donor, "donor", OPT, RELIEF_X_NONE, "only of this donor") RELIEF_PAGE(F)
#define RELIEF_PARAMS_agreement_end(F) RELIEF_ID_OF(F, "agreement id") RELIEF_OP(F)
#define RELIEF_ASKED(F, id_need)                                                                                       \
    F(ID, id, "id", id_need, RELIEF_X_NONE, "request id, yours; the same id is the same request")                      \
    F(ID, city, "city", REQ, RELIEF_X_NONE, "city that lacks")                                                         \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind asked for")                                                          \
    F(INT, quantity, "quantity", REQ, RELIEF_X_QUANTITY, "units asked for")                                            \
    F(INT, priority, "priority", OPT, RELIEF_X_RANGE(1, 5, 3), "1 life-saving to 5")                                   \
    F(TIME, needed_by, "needed_by", OPT, RELIEF_X_TIME, "must arrive by then")                                         \
    F(ID, incident, "incident", OPT, RELIEF_X_NONE, "incident that it belongs to")                                     \
    F(BOOL, own_first, "own_first", OPT, RELIEF_X_BOOL_D(1), "own stock is looked at first")                           \
    F(INT, max_level, "max_level", OPT, RELIEF_X_RANGE(0, 3, RELIEF_NIL), "highest level allowed; absent: by mode and priority") \
    F(BOOL, substitutes, "substitutes", OPT, RELIEF_X_BOOL_D(0), "substitutes are welcome")                            \
    F(INT, min_level, "min_level", OPT, RELIEF_X_LEVEL(4), "weakest asset level that will do")                         \
    F(BOOL, all_or_nothing, "all_or_nothing", OPT, RELIEF_X_BOOL_D(0), "refuse it when it can't be covered whole")     \
    F(ENUM, purpose, "purpose", OPT, RELIEF_X_ENUM_D(purpose, RELIEF_purpose_use), "use: issued on receipt; stock: enters the lots") \
    F(BOOL, explain, "explain", OPT, RELIEF_X_BOOL_D(0), "add the candidates to the answer")
#define RELIEF_PARAMS_request_submit(F) RELIEF_ASKED(F, REQ) RELIEF_OP(F)
#define RELIEF_PARAMS_request_get(F) RELIEF_ID_OF(F, "request id")
#define RELIEF_PARAMS_request_list(F)                                                                                  \
    F(ID, city, "city", OPT, RELIEF_X_NONE, "only of this city")                                                       \
    F(ID, kind, "kind", OPT, RELIEF_X_NONE, "only of this kind")                                                       \
    F(ID, incident, "incident", OPT, RELIEF_X_NONE, "only of this incident")                                           \
    F(ENUM, state, "state", OPT, RELIEF_X_ENUM(request_state), "only in this state") RELIEF_PAGE(F)
#define RELIEF_PARAMS_request_amend(F)                                                                                 \
    RELIEF_ID_OF(F, "request id")                                                                                      \
    F(INT, quantity, "quantity", OPT, RELIEF_X_QUANTITY, "units asked for")                                            \
    F(INT, priority, "priority", OPT, RELIEF_X_RANGE(1, 5, RELIEF_NIL), "1 life-saving to 5")                          \
    F(TIME, needed_by, "needed_by", OPT, RELIEF_X_TIME, "must arrive by then; asked legs that can't any more lapse, committed ones stay with a new depart_by") \
    F(INT, max_level, "max_level", OPT, RELIEF_X_RANGE(0, 3, RELIEF_NIL), "highest level allowed")                     \
    RELIEF_OP(F)
#define RELIEF_PARAMS_request_cancel(F) RELIEF_ID_OF(F, "request id") RELIEF_REASON(F, REQ) RELIEF_OP(F)
#define RELIEF_PARAMS_request_close(F) RELIEF_ID_OF(F, "request id") RELIEF_REASON(F, REQ) RELIEF_OP(F)
#define RELIEF_PARAMS_request_explain(F) RELIEF_ID_OF(F, "request id")
#define RELIEF_PARAMS_match_preview(F) RELIEF_ASKED(F, OPT)
#define RELIEF_PARAMS_dispatch_accept(F)                                                                               \
    RELIEF_LEG_ID(F) F(INT, quantity, "quantity", OPT, RELIEF_X_QUANTITY, "part that is accepted; absent: all") RELIEF_OP(F)
#define RELIEF_PARAMS_dispatch_decline(F) RELIEF_LEG_ID(F) RELIEF_REASON(F, REQ) RELIEF_OP(F)
#define RELIEF_PARAMS_dispatch_cancel(F) RELIEF_LEG_ID(F) RELIEF_REASON(F, REQ) RELIEF_OP(F)
#define RELIEF_PARAMS_dispatch_renege(F) RELIEF_LEG_ID(F) RELIEF_REASON(F, REQ) RELIEF_OP(F)
#define RELIEF_PARAMS_dispatch_lost(F) RELIEF_LEG_ID(F) RELIEF_REASON(F, REQ) RELIEF_OP(F)
#define RELIEF_PARAMS_dispatch_depart(F)                                                                               \
    RELIEF_LEG_ID(F)                                                                                                   \
    F(TEXT, carrier, "carrier", OPT, RELIEF_X_NAME, "who carries it")                                                  \
    F(TIME, eta, "eta", OPT, RELIEF_X_TIME, "expected arrival; absent: now and the travel time")                       \
    RELIEF_OP(F)
#define RELIEF_PARAMS_dispatch_receive(F)                                                                              \
    RELIEF_LEG_ID(F)                                                                                                   \
    F(INT, accepted, "accepted", REQ, RELIEF_X_COUNT, "units accepted")                                                \
    F(INT, rejected, "rejected", OPT, RELIEF_X_RANGE(0, RELIEF_QUANTITY_MAX, 0), "units rejected")                     \
    F(INT, missing, "missing", OPT, RELIEF_X_RANGE(0, RELIEF_QUANTITY_MAX, 0), "units missing")                        \
    RELIEF_REASON(F, OPT) RELIEF_OP(F)
#define RELIEF_PARAMS_dispatch_return(F)                                                                               \
    RELIEF_LEG_ID(F) F(INT, quantity, "quantity", REQ, RELIEF_X_COUNT, "units sent back; the rest is lost") RELIEF_OP(F)
#define RELIEF_PARAMS_dispatch_checkin(F)                                                                              \
    RELIEF_LEG_ID(F)                                                                                                   \
    F(INT, quantity, "quantity", REQ, RELIEF_X_COUNT, "units that came back")                                          \
    F(ENUM, condition, "condition", OPT, RELIEF_X_ENUM(condition), "condition they are in; none: assets keep their own, supplies are ready") \
    RELIEF_OP(F)                                                                                                       \
    F(TIME, rest_until, "rest_until", OPT, RELIEF_X_TIME, "assets and operators that came home rest until then")
#define RELIEF_DUE(F, help)                                                                                            \
    RELIEF_LEG_ID(F)                                                                                                   \
    F(TIME, by, "by", REQ, RELIEF_X_TIME, help)                                                                        \
    RELIEF_REASON(F, OPT) RELIEF_OP(F)
#define RELIEF_PARAMS_dispatch_recall(F) RELIEF_DUE(F, "wanted back by then; after now")
#define RELIEF_PARAMS_dispatch_extend(F) RELIEF_DUE(F, "wanted back by then; after now, not before the date that is set")
#define RELIEF_PARAMS_dispatch_order(F)                                                                                \
    F(ID, request, "request", REQ, RELIEF_X_NONE, "request that it helps")                                             \
    F(ID, donor, "donor", REQ, RELIEF_X_NONE, "city that has to give; one region holds both; it may have declined")    \
    F(INT, quantity, "quantity", REQ, RELIEF_X_QUANTITY,                                                               \
      "units of the request's kind; agreement, share and floors, the operators' too, do not keep them")                \
    RELIEF_REASON(F, REQ) RELIEF_OP(F)
#define RELIEF_PARAMS_dispatch_get(F) RELIEF_LEG_ID(F)
#define RELIEF_PARAMS_dispatch_list(F)                                                                                 \
    F(ID, city, "city", OPT, RELIEF_X_NONE, "only legs of this city")                                                  \
    F(ENUM, side, "side", OPT, RELIEF_X_ENUM(side), "only where the city is this side")                                \
    F(ENUM, state, "state", OPT, RELIEF_X_ENUM(dispatch_state), "only in this state")                                  \
    F(ID, request, "request", OPT, RELIEF_X_NONE, "only of this request") RELIEF_PAGE(F)
#define RELIEF_PARAMS_plan_rebalance(F)                                                                                \
    F(ID, region, "region", OPT, RELIEF_X_NONE, "only cities of this region and below")                                \
    F(IDS, kinds, "kinds", OPT, RELIEF_X_NONE, "only these kinds")                                                     \
    F(ENUM, policy, "policy", OPT, RELIEF_X_ENUM(policy), "how what is short is shared")                               \
    F(ENUM, goal, "goal", OPT, RELIEF_X_ENUM(goal), "floor or target")                                                 \
    F(INT, max_minutes, "max_minutes", OPT, RELIEF_X_MINUTES, "longest trip")
#define RELIEF_PARAMS_plan_allocate(F)                                                                                 \
    F(ENUM, policy, "policy", REQ, RELIEF_X_ENUM(policy), "nearest, effective, fair or equal")                         \
    F(IDS, requests, "requests", OPT, RELIEF_X_NONE, "these requests; or incident")                                    \
    F(ID, incident, "incident", OPT, RELIEF_X_NONE, "the live requests of this incident")
#define RELIEF_PARAMS_plan_apply(F) F(RAW, plan, "plan", REQ, RELIEF_X_NONE, "the whole body of a plan") RELIEF_OP(F)
#define RELIEF_PARAMS_shortfall_list(F)                                                                                \
    F(ID, region, "region", OPT, RELIEF_X_NONE, "only this region and below")                                          \
    F(ID, kind, "kind", OPT, RELIEF_X_NONE, "only this kind") RELIEF_PAGE(F)
#define RELIEF_PARAMS_log_list(F)                                                                                      \
    F(INT, from, "from", OPT, RELIEF_X_RANGE(1, INT64_MAX, 1), "first sequence number")                                \
    F(INT, limit, "limit", OPT, RELIEF_X_RANGE(1, RELIEF_PAGE_MAX, RELIEF_PAGE_DEFAULT), "entries in the page")
#define RELIEF_PARAMS_log_head(F)
#define RELIEF_PARAMS_log_checkpoint(F)
#define RELIEF_PARAMS_log_cosign(F)                                                                                    \
    F(TEXT, note, "note", REQ, RELIEF_X_RANGE(1, RELIEF_STRING_BYTES_MAX, RELIEF_NIL), "a checkpoint of this log with a witness's cosignature")
#define RELIEF_PARAMS_proof_inclusion(F)                                                                               \
    F(INT, seq, "seq", REQ, RELIEF_X_RANGE(1, INT64_MAX, RELIEF_NIL), "log entry that is proved")                      \
    F(INT, size, "size", OPT, RELIEF_X_RANGE(1, INT64_MAX, RELIEF_NIL), "entries of the tree; absent: those of the newest checkpoint")
#define RELIEF_PARAMS_proof_consistency(F)                                                                             \
    F(INT, from, "from", REQ, RELIEF_X_RANGE(0, INT64_MAX, RELIEF_NIL), "entries of the older tree")                   \
    F(INT, size, "size", OPT, RELIEF_X_RANGE(0, INT64_MAX, RELIEF_NIL), "entries of the newer tree; absent: those of the newest checkpoint")
#define RELIEF_PARAMS_clock_confirm(F) F(TIME, time, "time", REQ, RELIEF_X_TIME, "the wall clock that is right") RELIEF_OP(F)
#define RELIEF_PARAMS_snapshot_dump(F)                                                                                 \
    F(IDS, tables, "tables", OPT, RELIEF_X_NONE, "only these tables")                                                  \
    F(INT, at, "at", OPT, RELIEF_X_RANGE(0, INT64_MAX, RELIEF_NIL), "as of this log entry; absent: now")               \
    F(BOOL, lines, "lines", OPT, RELIEF_X_BOOL_D(0), "notifications carry `lines`, the text of JSON lines, in place of `rows`")
#define RELIEF_PARAMS_snapshot_backup(F)                                                                               \
    F(BOOL, with_key, "with_key", OPT, RELIEF_X_BOOL_D(0), "the private key of the log's checkpoints too")
#define RELIEF_PARAMS_event_subscribe(F)                                                                               \
    F(IDS, topics, "topics", OPT, RELIEF_X_NONE, "only these tables")                                                  \
    F(ID, city, "city", OPT, RELIEF_X_NONE, "only what concerns this city")                                            \
    F(INT, from_seq, "from_seq", OPT, RELIEF_X_RANGE(1, INT64_MAX, RELIEF_NIL), "from this entry on, at most the one behind the last; absent: what is new")

/* answers that are no record of a table */
#define RELIEF_FIELDS_nothing(F)
#define RELIEF_FIELDS_hello(F)                                                                                         \
    F(TEXT, server, "server", REQ, RELIEF_X_NONE, "always \"relief\"")                                                 \
    F(TEXT, version, "version", REQ, RELIEF_X_NONE, "of the daemon")                                                   \
    F(INT, protocol, "protocol", REQ, RELIEF_X_NONE, "of the wire")                                                    \
    F(TEXT, identity, "identity", OPT, RELIEF_X_NONE, "whom the daemon takes the peer for")                            \
    F(ENUM, role, "role", OPT, RELIEF_X_ENUM(role), "its role")                                                        \
    F(ID, city, "city", OPT, RELIEF_X_NONE, "its city")
#define RELIEF_FIELDS_info(F)                                                                                          \
    F(TEXT, version, "version", REQ, RELIEF_X_NONE, "of the daemon")                                                   \
    F(INT, seq, "seq", REQ, RELIEF_X_NONE, "last durable log entry")                                                   \
    F(TEXT, head, "head", REQ, RELIEF_X_NONE, "its hash")                                                              \
    F(TIME, time, "time", REQ, RELIEF_X_NONE, "its time")                                                              \
    F(INT, cities, "cities", REQ, RELIEF_X_NONE, "cities known")                                                       \
    F(INT, kinds, "kinds", REQ, RELIEF_X_NONE, "kinds known")                                                          \
    F(INT, lots, "lots", REQ, RELIEF_X_NONE, "lots known")                                                             \
    F(INT, assets, "assets", REQ, RELIEF_X_NONE, "assets known")                                                       \
    F(INT, requests_open, "requests_open", REQ, RELIEF_X_NONE, "requests with something still looked for")             \
    F(TEXT, mode, "mode", REQ, RELIEF_X_NONE, "serving, or read_only")                                                 \
    F(TEXT, clock, "clock", REQ, RELIEF_X_NONE, "right; held: the wall clock jumped ahead and waits for clock.confirm; behind: it went back, time stands still until it has come up") \
    F(INT, witnessed_size, "witnessed_size", OPT, RELIEF_X_NONE, "entries of the newest checkpoint that a witness cosigned") \
    F(TIME, witnessed_time, "witnessed_time", OPT, RELIEF_X_NONE, "when it did")                                       \
    F(INT, clock_off_ms, "clock_off_ms", OPT, RELIEF_X_NONE, "how far the wall clock is past the time of entries, negative behind it; nil: right")
#define RELIEF_FIELDS_counter(F)                                                                                       \
    F(TEXT, name, "name", REQ, RELIEF_X_NONE, "what is counted")                                                       \
    F(INT, value, "value", REQ, RELIEF_X_NONE, "how often, or how much")
#define RELIEF_FIELDS_latency(F)                                                                                       \
    F(TEXT, method, "method", REQ, RELIEF_X_NONE, "method")                                                            \
    F(INT, count, "count", REQ, RELIEF_X_NONE, "answers")                                                              \
    F(INT, errors, "errors", REQ, RELIEF_X_NONE, "of them refusals")                                                   \
    F(INT, p50_us, "p50_us", REQ, RELIEF_X_NONE, "median microseconds to the answer")                                  \
    F(INT, p99_us, "p99_us", REQ, RELIEF_X_NONE, "99 of 100 are faster")                                               \
    F(INT, max_us, "max_us", REQ, RELIEF_X_NONE, "slowest")
#define RELIEF_FIELDS_stats(F)                                                                                         \
    F(OBJS, counters, "counters", REQ, RELIEF_X_SUB(counter), "counters since start")                                  \
    F(OBJS, latencies, "latencies", REQ, RELIEF_X_SUB(latency), "per method since start")
/* Of a city that shares no more than what is available, the other numbers and the lots are nil (rpc/sight.h). */
#define RELIEF_STOCK_TOTALS(F)                                                                                         \
    F(ID, city, "city", REQ, RELIEF_X_NONE, "city")                                                                    \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind")                                                                    \
    F(INT, on_hand, "on_hand", OPT, RELIEF_X_NONE, "units in the city")                                                \
    F(INT, unusable, "unusable", OPT, RELIEF_X_NONE, "of them expired, quarantined, recalled or damaged")              \
    F(INT, held, "held", OPT, RELIEF_X_NONE, "in asked legs")                                                          \
    F(INT, reserved, "reserved", OPT, RELIEF_X_NONE, "in committed legs")                                              \
    F(INT, in_transit_in, "in_transit_in", OPT, RELIEF_X_NONE, "on the road towards the city")                         \
    F(INT, in_transit_out, "in_transit_out", OPT, RELIEF_X_NONE, "on the road from the city")                          \
    F(INT, floor, "floor", OPT, RELIEF_X_NONE, "floor in force")                                                       \
    F(INT, available, "available", REQ, RELIEF_X_NONE, "on_hand - unusable - held - reserved - floor, never below 0")
#define RELIEF_AS_OF(F) F(TIME, as_of, "as_of", OPT, RELIEF_X_NONE, "when the city last reported it; nil: never")
#define RELIEF_FIELDS_stock_total(F) RELIEF_STOCK_TOTALS(F) RELIEF_AS_OF(F)
#define RELIEF_FIELDS_stock(F)                                                                                         \
    RELIEF_STOCK_TOTALS(F)                                                                                             \
    F(OBJS, lots, "lots", OPT, RELIEF_X_SUB(stock_lot), "its lots, first expired first")                               \
    F(ID, lot, "lot", OPT, RELIEF_X_NONE, "the lot that a receipt, count or hold was for")                             \
    RELIEF_AS_OF(F)
#define RELIEF_FIELDS_candidate(F)                                                                                     \
    F(ID, city, "city", REQ, RELIEF_X_NONE, "city looked at")                                                          \
    F(INT, level, "level", REQ, RELIEF_X_NONE, "level at which it was looked at")                                      \
    F(INT, minutes, "minutes", OPT, RELIEF_X_NONE, "travel time; nil: no open link")                                   \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind looked for there")                                                   \
    F(INT, gives, "gives", REQ, RELIEF_X_NONE, "units of that kind it gives")                                          \
    F(ENUM, reason, "reason", OPT, RELIEF_X_ENUM(why), "why nothing")                                                  \
    F(INT, available, "available", OPT, RELIEF_X_NONE, "available there")                                              \
    F(INT, floor, "floor", OPT, RELIEF_X_NONE, "floor in force there")                                                 \
    F(INT, held, "held", OPT, RELIEF_X_NONE, "held there")                                                             \
    F(INT, reserved, "reserved", OPT, RELIEF_X_NONE, "reserved there")
#define RELIEF_FIELDS_explanation(F)                                                                                   \
    F(ID, id, "id", REQ, RELIEF_X_NONE, "request id")                                                                  \
    F(OBJS, candidates, "candidates", REQ, RELIEF_X_SUB(candidate), "in the order in which they were looked at")
#define RELIEF_FIELDS_preview_leg(F)                                                                                   \
    F(ID, donor, "donor", REQ, RELIEF_X_NONE, "city that would give")                                                  \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind that would travel")                                                  \
    F(INT, quantity, "quantity", REQ, RELIEF_X_NONE, "units of it")                                                    \
    F(INT, covers, "covers", REQ, RELIEF_X_NONE, "units of the request that it would cover")                           \
    F(INT, level, "level", REQ, RELIEF_X_NONE, "level of the donor")                                                   \
    F(INT, minutes, "minutes", REQ, RELIEF_X_NONE, "travel time")                                                      \
    F(ENUM, commit, "commit", REQ, RELIEF_X_ENUM(commit), "auto, or ask")                                              \
    F(OBJS, lots, "lots", REQ, RELIEF_X_SUB(leg_lot), "lots that it would take")                                       \
    F(IDS, assets, "assets", OPT, RELIEF_X_NONE, "assets that it would take")                                          \
    F(IDS, operators, "operators", OPT, RELIEF_X_NONE, "teams that would come with them")
#define RELIEF_FIELDS_preview(F)                                                                                       \
    F(INT, quantity, "quantity", REQ, RELIEF_X_NONE, "units asked for")                                                \
    F(INT, covered, "covered", REQ, RELIEF_X_NONE, "units that would be covered now")                                  \
    F(INT, open, "open", REQ, RELIEF_X_NONE, "units that would stay open")                                             \
    F(OBJS, legs, "legs", REQ, RELIEF_X_SUB(preview_leg), "legs in the order of matching")                             \
    F(OBJS, candidates, "candidates", OPT, RELIEF_X_SUB(candidate), "with explain: all candidates")
#define RELIEF_FIELDS_shortfall(F)                                                                                     \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind")                                                                    \
    F(ID, region, "region", OPT, RELIEF_X_NONE, "region")                                                              \
    F(INT, on_hand, "on_hand", REQ, RELIEF_X_NONE, "units on hand")                                                    \
    F(INT, available, "available", REQ, RELIEF_X_NONE, "units available")                                              \
    F(INT, promised, "promised", REQ, RELIEF_X_NONE, "units held, reserved and sent to requesters")                           \
    F(INT, open, "open", REQ, RELIEF_X_NONE, "open need")                                                              \
    F(ID, worst_city, "worst_city", OPT, RELIEF_X_NONE, "city with the greatest open need")                            \
    F(INT, days_of_cover, "days_of_cover", OPT, RELIEF_X_NONE, "available x 30 / units issued in 30 days; use is kept per day, UTC, and the day that they began on counts whole")             \
    F(BOOL, single_donor, "single_donor", REQ, RELIEF_X_NONE, "only one of the cities counted has any available")          \
    F(INT, expiring_30_days, "expiring_30_days", REQ, RELIEF_X_NONE, "units that expire within 30 days")                      \
    F(BOOL, partial, "partial", REQ, RELIEF_X_NONE, "your regions share less than exact: of your own city all is in the sums, of one that shares available that number (in on_hand too), of one that shares nothing nothing; open and worst_city are whole, days_of_cover is nil")
#define RELIEF_FIELDS_head(F)                                                                                          \
    F(INT, seq, "seq", REQ, RELIEF_X_NONE, "last durable log entry; 0: none")                                          \
    F(TEXT, hash, "hash", REQ, RELIEF_X_NONE, "its hash, 64 hex digits")                                               \
    F(TIME, time, "time", REQ, RELIEF_X_NONE, "its time")
#define RELIEF_FIELDS_witness(F)                                                                                       \
    F(TEXT, name, "name", REQ, RELIEF_X_NONE, "name of its key")                                                       \
    F(TIME, time, "time", REQ, RELIEF_X_NONE, "when it signed")
#define RELIEF_FIELDS_checkpoint(F)                                                                                    \
    F(TEXT, origin, "origin", REQ, RELIEF_X_NONE, "name of the log, and of its key")                                   \
    F(INT, size, "size", REQ, RELIEF_X_NONE, "entries of the tree")                                                    \
    F(TEXT, root, "root", REQ, RELIEF_X_NONE, "root hash, 64 hex digits")                                              \
    F(TIME, time, "time", REQ, RELIEF_X_NONE, "time of the last entry")                                                \
    F(TEXT, note, "note", REQ, RELIEF_X_NONE, "the signed checkpoint")                                                 \
    F(TEXT, key, "key", REQ, RELIEF_X_NONE, "the log's verifier key, as the daemon says it")                           \
    F(INT, witnessed_size, "witnessed_size", OPT, RELIEF_X_NONE, "entries of the newest checkpoint that a witness cosigned") \
    F(TIME, witnessed_time, "witnessed_time", OPT, RELIEF_X_NONE, "when it did: the last of them")                     \
    F(OBJS, witnesses, "witnesses", OPT, RELIEF_X_SUB(witness), "who cosigned it")                                     \
    F(TEXT, witnessed_note, "witnessed_note", OPT, RELIEF_X_NONE, "that checkpoint with its cosignatures")
#define RELIEF_FIELDS_inclusion(F)                                                                                     \
    F(INT, seq, "seq", REQ, RELIEF_X_NONE, "log entry; its index in the tree is one less")                             \
    F(INT, size, "size", REQ, RELIEF_X_NONE, "entries of the tree")                                                    \
    F(TEXT, leaf, "leaf", REQ, RELIEF_X_NONE, "leaf hash, 64 hex digits")                                              \
    F(BYTES, path, "path", REQ, RELIEF_X_NONE, "hashes of 32 bytes from the leaf to the root")
#define RELIEF_FIELDS_consistency(F)                                                                                   \
    F(INT, from, "from", REQ, RELIEF_X_NONE, "entries of the older tree")                                              \
    F(INT, size, "size", REQ, RELIEF_X_NONE, "entries of the newer tree")                                              \
    F(BYTES, path, "path", REQ, RELIEF_X_NONE, "hashes of 32 bytes")
#define RELIEF_FIELDS_receipt(F)                                                                                       \
    F(INT, seq, "seq", REQ, RELIEF_X_NONE, "log entry of the command")                                                 \
    F(INT, size, "size", REQ, RELIEF_X_NONE, "entries of the tree")                                                    \
    F(TEXT, leaf, "leaf", REQ, RELIEF_X_NONE, "leaf hash, 64 hex digits")                                              \
    F(BYTES, path, "path", REQ, RELIEF_X_NONE, "hashes of 32 bytes from the leaf to the root")                         \
    F(TEXT, checkpoint, "checkpoint", REQ, RELIEF_X_NONE, "the signed checkpoint of that tree")
#define RELIEF_FIELDS_entry(F)                                                                                         \
    F(INT, seq, "seq", REQ, RELIEF_X_NONE, "sequence number")                                                          \
    F(TIME, time, "time", REQ, RELIEF_X_NONE, "its time T")                                                            \
    F(TEXT, identity, "identity", REQ, RELIEF_X_NONE, "who gave the command")                                          \
    F(TEXT, method, "method", REQ, RELIEF_X_NONE, "command")                                                           \
    F(RAW, params, "params", REQ, RELIEF_X_NONE, "its parameters, defaults filled in")                                 \
    F(RAW, outcome, "outcome", REQ, RELIEF_X_NONE, "records changed, and the answer where it is none of them")         \
    F(TEXT, prev, "prev", REQ, RELIEF_X_NONE, "hash of the entry before")                                              \
    F(TEXT, hash, "hash", REQ, RELIEF_X_NONE, "hash of this entry")
#define RELIEF_FIELDS_backup_end(F)                                                                                    \
    F(INT, seq, "seq", REQ, RELIEF_X_NONE, "last log entry")                                                           \
    F(TEXT, head, "head", REQ, RELIEF_X_NONE, "its hash")                                                              \
    F(INT, base, "base", REQ, RELIEF_X_NONE, "log entry of the base: the state that the rest of the log goes on from; 0: none") \
    F(INT, files, "files", REQ, RELIEF_X_NONE, "files sent")                                                           \
    F(INT, bytes, "bytes", REQ, RELIEF_X_NONE, "bytes in them")
#define RELIEF_FIELDS_dump_end(F)                                                                                      \
    F(INT, seq, "seq", REQ, RELIEF_X_NONE, "log entry that the dump stands for")                                       \
    F(TEXT, head, "head", REQ, RELIEF_X_NONE, "its hash")                                                              \
    F(INT, records, "records", REQ, RELIEF_X_NONE, "records sent")                                                     \
    F(TEXT, digest, "digest", REQ, RELIEF_X_NONE, "BLAKE2b-256 of the dump's lines as JSON, fine print 63")
#define RELIEF_FIELDS_denial(F)                                                                                        \
    F(INT, n, "n", REQ, RELIEF_X_NONE, "number of the line, the key of the list")                                      \
    F(TIME, time, "time", REQ, RELIEF_X_NONE, "of the first, where it counts several")                                 \
    F(TEXT, address, "address", REQ, RELIEF_X_NONE, "where the peer is, without its port")                             \
    F(TEXT, identity, "identity", OPT, RELIEF_X_NONE, "whom the daemon took it for; nil: it was not identified")       \
    F(TEXT, method, "method", OPT, RELIEF_X_NONE, "what was asked for; nil: the connection itself was refused")        \
    F(TEXT, code, "code", REQ, RELIEF_X_NONE, "error")                                                                 \
    F(TEXT, reason, "reason", REQ, RELIEF_X_NONE, "why, in a sentence")                                                \
    F(INT, count, "count", REQ, RELIEF_X_NONE, "how often within a second")
#define RELIEF_FIELDS_subscription(F)                                                                                  \
    F(INT, seq, "seq", REQ, RELIEF_X_NONE, "events follow from the entry after this one")
#define RELIEF_FIELDS_plan_leg(F)                                                                                      \
    F(ID, request, "request", OPT, RELIEF_X_NONE, "request that it covers; nil: of a rebalancing, until it is applied") \
    F(ID, donor, "donor", REQ, RELIEF_X_NONE, "city that gives")                                                       \
    F(ID, requester, "requester", REQ, RELIEF_X_NONE, "city that gets")                                                \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind that travels")                                                       \
    F(INT, quantity, "quantity", REQ, RELIEF_X_NONE, "units of it")                                                    \
    F(INT, covers, "covers", REQ, RELIEF_X_NONE, "units of the request that it covers; more or less than quantity where the kind is a substitute") \
    F(INT, minutes, "minutes", REQ, RELIEF_X_NONE, "travel time")                                                      \
    F(DID, dispatch, "dispatch", OPT, RELIEF_X_NONE, "the leg that plan.apply made of it; nil before")
#define RELIEF_FIELDS_plan_request(F)                                                                                  \
    F(ID, id, "id", OPT, RELIEF_X_NONE, "request; nil: of a rebalancing, until it is applied")                         \
    F(ID, city, "city", REQ, RELIEF_X_NONE, "city that needs it")                                                      \
    F(ID, kind, "kind", REQ, RELIEF_X_NONE, "kind that it needs")                                                      \
    F(INT, quantity, "quantity", REQ, RELIEF_X_NONE, "units that are planned for: what is open, asked and committed; of a rebalancing what is needed, with what earlier legs will bring")  \
    F(INT, covered, "covered", REQ, RELIEF_X_NONE, "units of them that the plan covers")                               \
    F(IDS, reasons, "reasons", REQ, RELIEF_X_NONE, "sentences: why not more, and what earlier legs will bring; none when it is covered")
#define RELIEF_FIELDS_plan_measures(F)                                                                                 \
    F(TEXT, of, "of", REQ, RELIEF_X_NONE, "before, or after")                                                          \
    F(INT, covered, "covered", REQ, RELIEF_X_NONE, "units of the requests that are covered")                           \
    F(INT, mean_permille, "mean_permille", REQ, RELIEF_X_NONE, "mean of the fill rates, covered x 1000 / quantity each") \
    F(INT, worst_permille, "worst_permille", REQ, RELIEF_X_NONE, "lowest fill rate")                                   \
    F(INT, gini_permille, "gini_permille", REQ, RELIEF_X_NONE, "Gini coefficient of the fill rates: 0 when all are equal") \
    F(INT, unit_minutes, "unit_minutes", REQ, RELIEF_X_NONE, "sum of quantity x minutes over the legs")                \
    F(INT, legs, "legs", REQ, RELIEF_X_NONE, "trips")                                                                  \
    F(INT, donors, "donors", REQ, RELIEF_X_NONE, "cities that give something; legs / donors: trips per donor")         \
    F(INT, at_zero, "at_zero", REQ, RELIEF_X_NONE, "requests that get nothing")                                        \
    F(INT, expiring, "expiring", REQ, RELIEF_X_NONE, "units free with the donors that expire within 30 days and are not sent")
#define RELIEF_FIELDS_plan(F)                                                                                          \
    F(ENUM, policy, "policy", REQ, RELIEF_X_ENUM(policy), "how what is short was shared")                              \
    F(INT, seq, "seq", REQ, RELIEF_X_NONE, "log entry that it was computed from")                                      \
    F(TIME, time, "time", REQ, RELIEF_X_NONE, "the daemon's time then")                                                \
    F(ENUM, goal, "goal", OPT, RELIEF_X_ENUM(goal), "floor or target; nil: an allocation")                             \
    F(ID, region, "region", OPT, RELIEF_X_NONE, "rebalancing: only of this region and below")                          \
    F(IDS, kinds, "kinds", OPT, RELIEF_X_NONE, "rebalancing: of these kinds")                                          \
    F(INT, max_minutes, "max_minutes", OPT, RELIEF_X_NONE, "rebalancing: longest trip")                                \
    F(OBJS, legs, "legs", REQ, RELIEF_X_SUB(plan_leg), "in the order in which they are made: by kind, of nearest by request")                            \
    F(OBJS, requests, "requests", REQ, RELIEF_X_SUB(plan_request), "in the order of priority, time, id; of a rebalancing by city and kind") \
    F(INT, covered, "covered", REQ, RELIEF_X_NONE, "units covered, of all requests")                                   \
    F(INT, unit_minutes, "unit_minutes", REQ, RELIEF_X_NONE, "sum of quantity x minutes")                              \
    F(INT, gap_permille, "gap_permille", REQ, RELIEF_X_NONE, "0: nothing better exists within what is modelled; else the time was up, and at most so much is missing: effective: of the weighted units; equal and fair: of the units, or of the lowest fill rate among requests that could have more, whichever is more; of the unit-minutes where nothing else is missing; of several kinds the largest") \
    F(OBJS, measures, "measures", REQ, RELIEF_X_SUB(plan_measures), "as the requests stand, and with the plan")        \
    F(TEXT, relies, "relies", REQ, RELIEF_X_NONE, "hashes of what it was computed from, 16 digits each over requests, ways, stock, agreements: others when it is applied are STALE") \
    F(TEXT, digest, "digest", REQ, RELIEF_X_NONE, "BLAKE2b-256 of all of this but the digest and the legs' dispatch")

#define RELIEF_RESULTS(P)                                                                                              \
    P(nothing) P(hello) P(info) P(counter) P(latency) P(stats) P(stock_total) P(stock) P(candidate) P(explanation)     \
    P(preview_leg) P(preview) P(shortfall) P(head) P(entry) P(dump_end) P(backup_end) P(subscription)                         \
    P(plan_leg) P(plan_request) P(plan_measures) P(plan) P(witness)                                                    \
    P(checkpoint) P(inclusion) P(consistency) P(receipt) P(denial)

/* clang-format off */
#define RELIEF_METHODS(M)                                                                                              \
    M(1, server, hello, SESSION, RELIEF_R_ALL, hello, BUILT, "who the daemon is, and whom it takes the peer for; narrows the connection") \
    M(2, server, ping, SESSION, RELIEF_R_ALL, nothing, BUILT, "answers when the daemon lives")                         \
    M(3, server, info, QUERY, RELIEF_R_ALL, info, BUILT, "version, log head, counts, state of the clock")              \
    M(4, server, stats, QUERY, RELIEF_R_ALL, stats, BUILT, "counters and latencies since start")                       \
    M(5, server, denials, LIST, RELIEF_R_AUDIT | RELIEF_R_OPER, denial, BUILT, "who was refused what: denied commands, tokens, certificates, connections over a limit") \
    M(10, region, put, CHANGE, RELIEF_R_COORD, region, BUILT, "creates or replaces a region")                          \
    M(11, region, get, QUERY, RELIEF_R_READ, region, BUILT, "one region")                                              \
    M(12, region, list, LIST, RELIEF_R_READ, region, BUILT, "all regions")                                             \
    M(15, city, put, CHANGE, RELIEF_R_COORD, city, BUILT, "creates or replaces a city")                                \
    M(16, city, get, QUERY, RELIEF_R_READ, city, BUILT, "one city")                                                    \
    M(17, city, list, LIST, RELIEF_R_READ, city, BUILT, "all cities")                                                  \
    M(18, city, mode, CHANGE, RELIEF_R_PLACE, city, BUILT, "switches a city between normal and emergency")             \
    M(20, link, put, CHANGE, RELIEF_R_COORD, link, BUILT, "records the travel time from one city to another, or closes the way") \
    M(21, link, list, LIST, RELIEF_R_READ, link, BUILT, "recorded links")                                              \
    M(23, travel, put, CHANGE, RELIEF_R_COORD, travel, BUILT, "sets the estimate used where no link is recorded")      \
    M(24, travel, get, QUERY, RELIEF_R_READ, travel, BUILT, "the estimate used where no link is recorded")             \
    M(26, kind, put, CHANGE, RELIEF_R_COORD, kind, BUILT, "creates or replaces a kind of the catalogue")               \
    M(27, kind, get, QUERY, RELIEF_R_READ, kind, BUILT, "one kind")                                                    \
    M(28, kind, list, LIST, RELIEF_R_READ, kind, BUILT, "the catalogue")                                               \
    M(30, stock, receive, CHANGE, RELIEF_R_CITY, stock, BUILT, "books units in")                                       \
    M(31, stock, issue, CHANGE, RELIEF_R_CITY, stock, BUILT, "books units out for own use")                            \
    M(32, stock, writeoff, CHANGE, RELIEF_R_CITY, stock, BUILT, "books units out as lost, damaged, expired or destroyed") \
    M(33, stock, count, CHANGE, RELIEF_R_CITY, stock, BUILT, "sets a lot to what was counted")                         \
    M(34, stock, hold, CHANGE, RELIEF_R_CITY, stock, BUILT, "quarantines, recalls or frees a lot")                     \
    M(35, stock, floor, CHANGE, RELIEF_R_CITY, stock, BUILT, "sets what a city keeps for itself")                      \
    M(36, stock, get, QUERY, RELIEF_R_READ, stock, BUILT, "stock of one kind in one city, with its lots")              \
    M(37, stock, list, LIST, RELIEF_R_READ, stock_total, BUILT, "stock by city and kind")                              \
    M(40, asset, put, CHANGE, RELIEF_R_CITY, asset, BUILT, "creates or replaces a team or piece of equipment")       \
    M(41, asset, get, QUERY, RELIEF_R_READ, asset, BUILT, "one asset")                                               \
    M(42, asset, list, LIST, RELIEF_R_READ, asset, BUILT, "assets")                                                  \
    M(43, asset, status, CHANGE, RELIEF_R_CITY, asset, BUILT, "condition, rest or home of an asset")                 \
    M(45, incident, open, CHANGE, RELIEF_R_COORD, incident, BUILT, "opens an incident")                                \
    M(46, incident, update, CHANGE, RELIEF_R_PLACE, incident, BUILT, "changes an incident; what is absent stays")      \
    M(47, incident, close, CHANGE, RELIEF_R_COORD, incident, BUILT, "closes an incident")                              \
    M(48, incident, get, QUERY, RELIEF_R_READ, incident, BUILT, "one incident")                                        \
    M(49, incident, list, LIST, RELIEF_R_READ, incident, BUILT, "incidents")                                           \
    M(50, agreement, put, CHANGE, RELIEF_R_COORD, agreement, BUILT, "creates or replaces an agreement")                \
    M(51, agreement, get, QUERY, RELIEF_R_READ, agreement, BUILT, "one agreement")                                     \
    M(52, agreement, list, LIST, RELIEF_R_READ, agreement, BUILT, "agreements")                                        \
    M(53, agreement, end, CHANGE, RELIEF_R_COORD, agreement, BUILT, "ends an agreement now")                           \
    M(60, request, submit, CHANGE, RELIEF_R_PLACE, request, BUILT, "asks for help; answers with what was found")       \
    M(61, request, get, QUERY, RELIEF_R_READ, request, BUILT, "one request")                                           \
    M(62, request, list, LIST, RELIEF_R_READ, request, BUILT, "requests")                                              \
    M(63, request, amend, CHANGE, RELIEF_R_PLACE, request, BUILT, "changes what is asked for")                         \
    M(64, request, cancel, CHANGE, RELIEF_R_CITY, request, BUILT, "withdraws a request; what moves must still be received") \
    M(65, request, close, CHANGE, RELIEF_R_CITY, request, BUILT, "gives up what is still open")                        \
    M(66, request, explain, QUERY, RELIEF_R_READ, explanation, BUILT, "who was looked at for what is open, and why they give nothing") \
    M(68, match, preview, QUERY, RELIEF_R_READ, preview, BUILT, "what a request would find now; changes nothing")      \
    M(70, dispatch, accept, CHANGE, RELIEF_R_LEGS, dispatch, BUILT, "donor: accepts an asked leg, all or a part")      \
    M(71, dispatch, decline, CHANGE, RELIEF_R_LEGS, dispatch, BUILT, "donor: declines an asked leg")                   \
    M(72, dispatch, cancel, CHANGE, RELIEF_R_LEGS, dispatch, BUILT, "requester: cancels an asked or committed leg")    \
    M(73, dispatch, renege, CHANGE, RELIEF_R_LEGS, dispatch, BUILT, "donor: takes a committed leg back")               \
    M(74, dispatch, lost, CHANGE, RELIEF_R_LEGS, dispatch, BUILT, "either side: a leg on the road is lost")            \
    M(75, dispatch, depart, CHANGE, RELIEF_R_LEGS, dispatch, BUILT, "donor: a committed leg leaves")                   \
    M(76, dispatch, receive, CHANGE, RELIEF_R_LEGS, dispatch, BUILT, "requester: a leg arrived")                       \
    M(77, dispatch, return, CHANGE, RELIEF_R_LEGS, dispatch, BUILT, "requester: a loan leaves for home")             \
    M(78, dispatch, checkin, CHANGE, RELIEF_R_LEGS, dispatch, BUILT, "donor: a loan came home")                      \
    M(79, dispatch, recall, CHANGE, RELIEF_R_LEGS, dispatch, BUILT, "donor: wants a loan back by a date")            \
    M(80, dispatch, extend, CHANGE, RELIEF_R_LEGS, dispatch, BUILT, "donor: lets a loan stay until a date")          \
    M(81, dispatch, order, CHANGE, RELIEF_R_COORD, dispatch, BUILT, "a superior's order, for a requester in emergency mode") \
    M(82, dispatch, get, QUERY, RELIEF_R_READ, dispatch, BUILT, "one leg; which lots, assets and operators it takes is told to its sides, and to who sees all of its donor")                                             \
    M(83, dispatch, list, LIST, RELIEF_R_READ, dispatch, BUILT, "legs")                                                \
    M(90, plan, rebalance, QUERY, RELIEF_R_COORD, plan, BUILT, "transfers that bring every city to its floor or target") \
    M(91, plan, allocate, QUERY, RELIEF_R_COORD, plan, BUILT, "one plan for many requests under a policy")           \
    M(92, plan, apply, CHANGE, RELIEF_R_COORD, plan, BUILT, "applies a plan whole, or not at all")                   \
    M(95, shortfall, list, LIST, RELIEF_R_READ, shortfall, BUILT, "per kind and region: stock, need, days of cover; a city's sums hold only what its regions share with it") \
    M(100, log, list, LIST, RELIEF_R_AUDIT, entry, BUILT, "entries of the log")                                        \
    M(101, log, head, QUERY, RELIEF_R_ALL, head, BUILT, "the last durable entry")                                      \
    M(102, log, checkpoint, QUERY, RELIEF_R_ALL, checkpoint, BUILT, "the newest signed checkpoint, and the newest that witnesses cosigned") \
    M(103, log, cosign, QUERY, RELIEF_R_ALL, checkpoint, BUILT, "a witness hands back a checkpoint with its cosignature") \
    M(105, clock, confirm, CHANGE, RELIEF_R_OPER, head, BUILT, "an operator accepts the wall clock after a jump ahead; one that is behind is waited for")      \
    M(106, proof, inclusion, QUERY, RELIEF_R_ALL, inclusion, BUILT, "proof that an entry stands in the tree of a checkpoint") \
    M(107, proof, consistency, QUERY, RELIEF_R_ALL, consistency, BUILT, "proof that a tree is the beginning of a later one") \
    M(110, snapshot, dump, STREAM, RELIEF_R_AUDIT, dump_end, BUILT, "every record at one moment")                      \
    M(111, snapshot, backup, STREAM, RELIEF_R_OPER, backup_end, BUILT, "the files of the data folder as they stand at one entry, for relief backup") \
    M(115, event, subscribe, STREAM, RELIEF_R_READ, subscription, BUILT, "every change in log order, from any entry on: seq, time, topic, method, identity, cities, record; of a command that is not about you the identity is its role")
/* clang-format on */

enum relief_method_kind { RELIEF_SESSION, RELIEF_QUERY, RELIEF_LIST, RELIEF_STREAM, RELIEF_CHANGE };
enum relief_method_state { RELIEF_BUILT, RELIEF_PLANNED };

/* The numbers of the methods: RELIEF_METHOD_request_submit. */
enum relief_method {
#define M(number, noun, verb, kind, roles, result, state, summary) RELIEF_METHOD_##noun##_##verb = number,
    RELIEF_METHODS(M)
#undef M
};

/* struct relief_request_submit_params, relief_shape_request_submit_params */
#define M(number, noun, verb, kind, roles, result, state, summary)                                                     \
    struct relief_##noun##_##verb##_params {                                                                           \
        RELIEF_PARAMS_##noun##_##verb(RELIEF_STRUCT_FIELD) char end_; /* a struct may not be empty */                  \
    };                                                                                                                 \
    extern const struct relief_shape relief_shape_##noun##_##verb##_params;
RELIEF_METHODS(M)
#undef M

#define P(result)                                                                                                      \
    struct relief_##result {                                                                                           \
        RELIEF_FIELDS_##result(RELIEF_STRUCT_FIELD) char end_;                                                         \
    };                                                                                                                 \
    extern const struct relief_shape relief_shape_##result;
RELIEF_RESULTS(P)
#undef P

struct relief_method_info {
    unsigned number;
    const char *wire; /* "request.submit" */
    const char *noun, *verb;
    enum relief_method_kind kind;
    unsigned roles;
    enum relief_method_state state;
    const struct relief_shape *params;
    const struct relief_shape *result;
    const char *summary;
};
extern const struct relief_method_info relief_methods[];
extern const unsigned relief_method_count;
/* The row with that wire name or number, or NULL. */
const struct relief_method_info *relief_method_find(struct relief_str wire);
const struct relief_method_info *relief_method_by_number(unsigned number);
