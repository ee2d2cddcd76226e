/*
 * Random commands that mean something in a world: mostly possible, at times at an edge, at times wrong. All randomness
 * comes from the seed, so a seed and a number of steps replay a world.
 */
#pragma once
#include "model.h"

union any_params {
    struct relief_region_put_params region_put;
    struct relief_city_put_params city_put;
    struct relief_city_mode_params city_mode;
    struct relief_link_put_params link_put;
    struct relief_travel_put_params travel_put;
    struct relief_kind_put_params kind_put;
    struct relief_stock_receive_params stock_receive;
    struct relief_stock_issue_params stock_issue;
    struct relief_stock_writeoff_params stock_writeoff;
    struct relief_stock_count_params stock_count;
    struct relief_stock_hold_params stock_hold;
    struct relief_stock_floor_params stock_floor;
    struct relief_asset_put_params asset_put;
    struct relief_asset_status_params asset_status;
    struct relief_incident_open_params incident_open;
    struct relief_incident_update_params incident_update;
    struct relief_incident_close_params incident_close;
    struct relief_agreement_put_params agreement_put;
    struct relief_agreement_end_params agreement_end;
    struct relief_request_submit_params request_submit;
    struct relief_request_amend_params request_amend;
    struct relief_request_cancel_params request_cancel;
    struct relief_request_close_params request_close;
    struct relief_dispatch_accept_params dispatch_accept;
    struct relief_dispatch_decline_params dispatch_decline;
    struct relief_dispatch_cancel_params dispatch_cancel;
    struct relief_dispatch_renege_params dispatch_renege;
    struct relief_dispatch_lost_params dispatch_lost;
    struct relief_dispatch_depart_params dispatch_depart;
    struct relief_dispatch_receive_params dispatch_receive;
    struct relief_dispatch_return_params dispatch_return;
    struct relief_dispatch_checkin_params dispatch_checkin;
    struct relief_dispatch_recall_params dispatch_recall;
    struct relief_dispatch_extend_params dispatch_extend;
    struct relief_dispatch_order_params dispatch_order;
};

struct generator {
    struct model *m;
    uint64_t state; /* of the random numbers */
    int64_t now;    /* T of the next command */
    unsigned step;
    unsigned request_next, incident_next, agreement_next, asset_next, op_next;
    /* what this world is like */
    unsigned cities, regions, kinds, setup;
    unsigned gear;         /* kinds of teams and equipment */
    unsigned gear_percent; /* of the requests that are for them */
    bool fleet;            /* many machines and some crews in one city, and packs of substitutes */
    bool deep;      /* a chain of regions without near neighbours: level 3 has several rings */
    bool lengthy;   /* every id has the 64 bytes that it may have */
    unsigned flood; /* requests for one unit before any stock comes: what then wakes passes the bound of one entry */
    int64_t unit;   /* quantities are about so many times larger, up to 10^15 */
    unsigned ask_percent, agreement_percent, needed_percent, busy;
    int64_t lat, lon, spread; /* where its cities lie */
    int64_t dates[8];         /* dates of expiry that its lots have */
    /* the command made last */
    struct core_identity who;
    unsigned command;
    union any_params params;
};

void generator_start(struct generator *g, struct model *m, uint64_t seed, unsigned flood);
uint64_t generator_random(struct generator *g, uint64_t below);
/* Moves `now` on and makes the next command. */
void generator_tick(struct generator *g);
void generator_next(struct generator *g);
