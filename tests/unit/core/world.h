/*
 * A small world for the core's tests: the real core over the store's memory-only view, commands given as parameter structs.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/check.h"
#include "store/store.h"

#define WORLD_START_MS INT64_C(1600000000000) /* where the time of a world begins */

struct world {
    struct store *store;
    struct core core;
    struct core_effects effects;
    uint64_t seq;
    int64_t now;
    struct core_identity who;
};

void world_open(struct world *world);
void world_close(struct world *world);
/* For cmocka: an empty world in *state. */
int world_setup(void **state);
int world_teardown(void **state);
/* Applies as world->who at world->now; follows `more` with time.wake entries. Returns core_apply's result for the command itself. */
int world_apply(struct world *world, unsigned command, const void *params);
void world_as(struct world *world, enum relief_role role, const char *place); /* city, or region of a coordinator */
/* Shorthands as `local`; they must succeed. */
void world_region(struct world *world, const char *id, const char *parent, int64_t agreement);
void world_city(struct world *world, const char *code, const char *region, int64_t lat, int64_t lon);
void world_kind(struct world *world, const char *code);
void world_link(struct world *world, const char *from, const char *to, int64_t minutes, bool open);
void world_stock(struct world *world, const char *city, const char *kind, const char *lot, int64_t quantity, int64_t expires);
void world_floor(struct world *world, const char *city, const char *kind, int64_t floor);
/* A kind of teams or equipment, with the operators that its pieces need (NULL: none). */
void world_gear(struct world *world, const char *code, int64_t class, const char *operator_);
/* An asset of level 4 that is ready, and one with its own parameters. */
void world_asset(struct world *world, const char *id, const char *kind, const char *city);
struct relief_asset_put_params world_asset_params(const char *id, const char *kind, const char *city);
void world_mode(struct world *world, const char *city, int64_t mode);
/* A step of a leg with every default and the reason "because"; `units` is the quantity, or what a receipt accepts. */
int world_step(struct world *world, unsigned method, const char *leg, int64_t units);
/* What is due by now, carried out; returns how many entries that took. */
unsigned world_timers(struct world *world);
/* Parameters of a submit with every default. */
struct relief_request_submit_params world_ask(const char *id, const char *city, const char *kind, int64_t quantity);
struct relief_request world_request(struct world *world, const char *id);
struct relief_dispatch world_leg(struct world *world, const char *id);
struct relief_asset world_asset_of(struct world *world, const char *id);
struct relief_account world_account_of(struct world *world, const char *city, const char *kind);
struct relief_stock world_stock_of(struct world *world, const char *city, const char *kind);
/* No invariant is broken, matching is at its fixed point, and what the memo keeps is what the state says. */
void world_check(struct world *world);
