/*
 * Who sees what (DESIGN 7), for all reads and events. Of a city's stock and assets: core/sight.h. Where what is available is shared,
 * that is of stock the one number, of assets those that a neighbour could count on now. Places, agreements and incidents are
 * everybody's. Requests and legs are every city's and auditor's; of a coordinator's region those of which one side lies in it. Which lots,
 * assets and operators a leg takes is told to its sides, and to others that see its donor exactly.
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

/* The record as the reader sees it; fields that are not shared become nil. */
enum sight_answer { SIGHT_SHOWN, SIGHT_DENIED, SIGHT_NOT_FOUND };
enum sight_answer sight_record(struct sight *sight, enum relief_table table, void *record);
/* False: the row is not for this reader. */
bool sight_stock(struct sight *sight, struct relief_stock *stock);
void sight_candidate(struct sight *sight, struct relief_candidate *candidate);
/* Lots, assets and operators of a leg that does not exist yet: of donors that are seen exactly. */
void sight_preview_leg(struct sight *sight, struct relief_preview_leg *leg);
/* The record that an event tells of the change, NULL: none. Of a leg the caller's room is filled, as sight_record shows it. */
const void *sight_change(struct sight *sight, const struct core_change *change, struct relief_dispatch *room);
/*
 * The identity that gave a command, as an event about a record that names these cities tells it: whole to who sees all, to a region's
 * coordinator, to itself, and to the cities named; others are told its role. Absent: the role is not known (a certificate's URI).
 */
struct relief_str sight_identity(struct sight *sight, struct relief_str identity, bool named);
