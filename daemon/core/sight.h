/*
 * What a reader sees of a city's stock and assets (DESIGN 7), as far as it follows from the state alone: the core needs it for what
 * it answers and logs (the candidates of a submit), the edge for every read (rpc/sight.h).
 *
 * local, auditors and the coordinator of all regions see everything. A city sees its own exactly, a region's coordinator those of
 * the cities in its region and below. Of any other city a reader sees what the regions share: the lowest region that holds both and
 * says so (`shares` of region.put) decides; where none says so, what is available; where no region holds both, nothing.
 */
#pragma once
#include "core/apply.h"
#include "schema/limits.h"

/* Regions from one up to its root, with what each of them says. */
struct core_chain {
    unsigned count;
    struct {
        char id[RELIEF_ID_BYTES_MAX + 1];
        int64_t shares;
    } at[RELIEF_REGION_DEPTH_MAX + 1];
};

/* One reader, while regions and cities stand still. Memory taken from the arena is given back at once. */
struct core_sight {
    struct core_view *view;
    struct relief_arena *arena;
    struct core_identity who;
    bool all, ours_read;
    struct core_chain ours;             /* from the reader's region upwards, once read */
    char city[RELIEF_ID_BYTES_MAX + 1]; /* looked at last: lists come city by city */
    enum relief_shares shares;          /* what is seen of that one */
};

void core_sight_start(struct core_sight *sight, struct core_view *view, struct relief_arena *arena,
                      const struct core_identity *who);
enum relief_shares core_sight_of(struct core_sight *sight, struct relief_str city);
/* True when sums over that region may be asked for: a city's own regions, a coordinator's region and below. Absent: all. */
bool core_sight_sums(struct core_sight *sight, struct relief_str region);
/*
 * True when the regions say that this reader sees every city of it exactly. It is asked of the regions and not of the cities that hold
 * something, as that would tell who they are.
 */
bool core_sight_sums_whole(struct core_sight *sight, struct relief_str region);
/* The numbers that are not shared become nil. */
void core_sight_candidate(struct core_sight *sight, struct relief_candidate *candidate);

/* The coordinator of one region, not of all. */
bool core_sight_is_regional(const struct core_sight *sight);
/* The reader's own regions: none for who sees all. */
const struct core_chain *core_sight_ours(struct core_sight *sight);
/* The regions that hold a city; none when there is no such city. */
void core_chain_of(struct core_sight *sight, struct relief_str city, struct core_chain *ret);
void core_chain_from(struct core_sight *sight, struct relief_str region, struct core_chain *ret);
bool core_chain_has(const struct core_chain *chain, struct relief_str region);
