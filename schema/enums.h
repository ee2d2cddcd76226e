/*
 * The closed lists of words of the product. V rows are append-only: their index is stored in the log and in LMDB.
 * From each list come the constants RELIEF_LIST_WORD and the names on the wire (relief_enum_LIST).
 */
#pragma once
#include "schema/shape.h"

#define RELIEF_ENUM_mode(V) V(normal) V(emergency)
#define RELIEF_ENUM_commit(V) V(auto) V(ask)
#define RELIEF_ENUM_class(V) V(supply) V(team) V(equipment)
#define RELIEF_ENUM_lot_state(V) V(usable) V(quarantine) V(recalled) V(damaged)
#define RELIEF_ENUM_condition(V) V(ready) V(maintenance) V(damaged) V(lost)
/* What a live leg does to an asset; the units of a lot have numbers for the same. */
#define RELIEF_ENUM_asset_use(V) V(free) V(held) V(reserved) V(away)
#define RELIEF_ENUM_category(V) V(natural) V(health) V(accident) V(security)
#define RELIEF_ENUM_incident_state(V) V(open) V(closed)
#define RELIEF_ENUM_request_state(V) V(open) V(partial) V(covered) V(filled) V(closed_short) V(cancelled) V(expired)
#define RELIEF_ENUM_dispatch_state(V)                                                                                  \
    V(asked) V(committed) V(in_transit) V(received) V(in_use) V(returning) V(closed) V(returned) V(declined)           \
    V(lapsed) V(cancelled) V(reneged) V(lost)
#define RELIEF_ENUM_purpose(V) V(use) V(stock)
#define RELIEF_ENUM_writeoff(V) V(lost) V(damaged) V(expired) V(destroyed)
#define RELIEF_ENUM_side(V) V(donor) V(requester)
#define RELIEF_ENUM_role(V) V(local) V(city) V(coordinator) V(auditor) V(operator)
#define RELIEF_ENUM_policy(V) V(nearest) V(effective) V(fair) V(equal)
#define RELIEF_ENUM_goal(V) V(floor) V(target)
/* What the cities of a region see of each other's stock and assets: all, what is available, nothing. */
#define RELIEF_ENUM_shares(V) V(exact) V(available) V(nothing)
/* Why a candidate gave nothing: the first that holds, in this order (fine print 46). */
#define RELIEF_ENUM_why(V)                                                                                             \
    V(excluded) V(affected) V(no_link) V(too_late) V(no_agreement) V(level) V(condition) V(rest) V(certificate)        \
    V(operator) V(life) V(nothing_available)

#define RELIEF_ENUMS(L)                                                                                                \
    L(mode) L(commit) L(asset_use) L(class) L(lot_state) L(condition) L(category) L(incident_state) L(request_state)                \
    L(dispatch_state) L(purpose) L(writeoff) L(side) L(role) L(policy) L(goal) L(why) L(shares)

#define V_mode(v) RELIEF_mode_##v,
#define V_commit(v) RELIEF_commit_##v,
#define V_class(v) RELIEF_class_##v,
#define V_lot_state(v) RELIEF_lot_state_##v,
#define V_condition(v) RELIEF_condition_##v,
#define V_asset_use(v) RELIEF_asset_use_##v,
#define V_category(v) RELIEF_category_##v,
#define V_incident_state(v) RELIEF_incident_state_##v,
#define V_request_state(v) RELIEF_request_state_##v,
#define V_dispatch_state(v) RELIEF_dispatch_state_##v,
#define V_purpose(v) RELIEF_purpose_##v,
#define V_writeoff(v) RELIEF_writeoff_##v,
#define V_side(v) RELIEF_side_##v,
#define V_role(v) RELIEF_role_##v,
#define V_policy(v) RELIEF_policy_##v,
#define V_goal(v) RELIEF_goal_##v,
#define V_why(v) RELIEF_why_##v,
#define V_shares(v) RELIEF_shares_##v,
#define L(list)                                                                                                        \
    enum relief_##list { RELIEF_ENUM_##list(V_##list) RELIEF_##list##_COUNT };                                         \
    extern const struct relief_enum relief_enum_##list;
RELIEF_ENUMS(L)
#undef L
#undef V_mode
#undef V_commit
#undef V_class
#undef V_lot_state
#undef V_condition
#undef V_asset_use
#undef V_category
#undef V_incident_state
#undef V_request_state
#undef V_dispatch_state
#undef V_purpose
#undef V_writeoff
#undef V_side
#undef V_role
#undef V_policy
#undef V_goal
#undef V_why
#undef V_shares
