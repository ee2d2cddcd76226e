/*
 * Who sees what (DESIGN 7), for all reads and events. Of a city's stock and assets: core/sight.h. Where what is available is shared,
 * that is of stock the one number, of assets those that a neighbour could count on now. Places, agreements and incidents are
 * everybody's. Requests and legs are every city's and auditor's; of a coordinator's region those of which one side lies in it.
 */
#pragma once
#include "core/sight.h"
#include "rpc/identity.h"
#include "schema/codec.h"

struct rpc;

/* One reader, while the state stands still: good for one call, or one entry of a stream. */
struct sight {
    struct core_sight core;
    struct rpc *rpc;
    uint32_t looked; /* legs looked at, for the bound of a page */
};

void sight_start(struct sight *sight, struct rpc *rpc, const struct rpc_identity *who);
/* What is seen of the city's stock and assets. */
enum relief_shares sight_of(struct sight *sight, struct relief_str city);
/* True when sums over that region may be asked for: a city's own regions, a coordinator's region and below. Absent: all. */
bool sight_sums(struct sight *sight, struct relief_str region);
/*
 * True when the regions say that this reader sees every city of it exactly. It is asked of the regions and not of the cities that hold
 * something, as that would tell who they are.
 */
bool sight_sums_whole(struct sight *sight, struct relief_str region);

/* The record as the reader sees it; fields that are not shared become nil. */
enum sight_answer { SIGHT_SHOWN, SIGHT_DENIED, SIGHT_NOT_FOUND };
enum sight_answer sight_record(struct sight *sight, enum relief_table table, void *record);
/* False: the row is not for this reader. */
bool sight_stock(struct sight *sight, struct relief_stock *stock);
void sight_candidate(struct sight *sight, struct relief_candidate *candidate);
/* Lots of a leg that does not exist yet. */
void sight_preview_leg(struct sight *sight, struct relief_preview_leg *leg);
/* Whether an event tells of the change. */
bool sight_change(struct sight *sight, const struct core_change *change);
