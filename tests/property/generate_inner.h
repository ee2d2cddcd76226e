/* What the two halves of the generator share. */
#pragma once
#include "generate.h"

bool gen_chance(struct generator *g, unsigned percent);
int64_t gen_between(struct generator *g, int64_t low, int64_t high);
/* A quantity of the world's size, within the bounds of fine print 9. */
int64_t gen_units(struct generator *g, int64_t low, int64_t high);
/* Milliseconds from one random city to this one, exactly or just missed; 0 where there is no way. */
int64_t gen_way(struct generator *g, struct relief_str to);
/* A city's code; now and then one that doesn't exist. */
struct relief_str gen_city(struct generator *g);
/* A supply kind's code; now and then a team's, or none that exists. */
struct relief_str gen_kind(struct generator *g);
struct relief_str gen_reason(struct generator *g);
void gen_local(struct generator *g);
/* Somebody for a command about this city: its own client, local, at times somebody without the right. */
void gen_for_city(struct generator *g, struct relief_str city);
/* A coordinator; one of a region only when it holds all of these cities or none of them. */
void gen_coordinator(struct generator *g, const struct relief_str *cities, unsigned count);
/* Clears the parameters for this command. */
void *gen_begin(struct generator *g, unsigned command);

void gen_who(struct generator *g, enum relief_role role, struct relief_str place);
/* The id, made as long as ids may be where the world is so. */
struct relief_str gen_id(struct generator *g, const char *text);
/* A name with a number: R03. */
struct relief_str gen_name(struct generator *g, const char *what, int64_t n);
/* A region's id; now and then one that doesn't exist. */
struct relief_str gen_region(struct generator *g);

/* The commands, each with somebody to give it; n: which region, city or kind. */
void gen_region_put(struct generator *g, int64_t n);
void gen_city_put(struct generator *g, int64_t n);
void gen_kind_put(struct generator *g, int64_t n);
void gen_city_mode(struct generator *g);
void gen_link_put(struct generator *g);
void gen_travel_put(struct generator *g);
void gen_stock_receive(struct generator *g);
void gen_stock_issue(struct generator *g);
void gen_stock_writeoff(struct generator *g);
void gen_stock_count(struct generator *g);
void gen_stock_hold(struct generator *g);
void gen_stock_floor(struct generator *g);
void gen_incident_open(struct generator *g);
void gen_incident_update(struct generator *g);
void gen_incident_close(struct generator *g);
void gen_agreement_put(struct generator *g);
void gen_agreement_end(struct generator *g);
struct relief_str gen_request_id(struct generator *g); /* the next one */
void gen_request_submit(struct generator *g);
void gen_request_change(struct generator *g);
void gen_leg(struct generator *g, unsigned command);
/* The kinds of teams and equipment: T1, E1, T2, E2. */
struct relief_str gen_gear_code(struct generator *g, int64_t n);
bool gen_is_gear(struct relief_str code);
struct relief_str gen_gear(struct generator *g); /* one of them; now and then a supply */
void gen_gear_put(struct generator *g, int64_t n);
void gen_asset_put(struct generator *g);
void gen_asset_status(struct generator *g);
/* The rest of the parameters of return, checkin, recall and extend. */
void gen_loan(struct generator *g, unsigned command, const struct relief_dispatch *leg);
void gen_dispatch_order(struct generator *g);
