/*
 * Who sees what of a city (DESIGN 7): the one place that says it, for all reads and events.
 *
 * local, auditors and the coordinator of all regions see everything. A city sees its own stock and assets, a region's coordinator
 * those of the cities in its region and below. Of any other city a reader sees what the regions share: the lowest region that
 * holds both and says so (`shares` of region.put) decides; where none says so, what is available; where no region holds both,
 * nothing. Places, agreements and incidents are everybody's. Requests and legs are every city's and auditor's; of a coordinator's
 * region those of which one side lies in it.
 */
#pragma once
#include "core/apply.h"
#include "rpc/identity.h"
#include "schema/codec.h"

struct rpc;

/* Regions from one up to its root, with what each of them says. */
struct sight_chain {
    unsigned count;
    struct {
        char id[RELIEF_ID_BYTES_MAX + 1];
        int64_t shares;
    } at[RELIEF_REGION_DEPTH_MAX + 1];
};

/* One reader, while the state stands still: good for one call, or one entry of a stream. */
struct sight {
    struct rpc *rpc;
    const struct rpc_identity *who;
    bool all, ours_read;
    struct sight_chain ours;                 /* from the reader's region upwards, once read */
    char city[RELIEF_ID_BYTES_MAX + 1];      /* looked at last: lists come city by city */
    enum relief_shares shares;               /* what is seen of that one */
    uint32_t looked;                         /* legs looked at, for the bound of a page */
};

void sight_start(struct sight *sight, struct rpc *rpc, const struct rpc_identity *who);
/* What is seen of the city's stock and assets. */
enum relief_shares sight_of(struct sight *sight, struct relief_str city);
/* True when sums over that region may be asked for: a city's own regions, a coordinator's region and below. Absent: all. */
bool sight_sums(struct sight *sight, struct relief_str region);

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
