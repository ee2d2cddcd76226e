/*
 * Inside of relief request show: what is kept while a story is read (cmd_show.c), how events become sentences
 * (show_story.c), and how a line looks (show_line.c).
 */
#pragma once
#include "client/cli/cli.h"
#include "client/cli/map.h"
#include "schema/codec.h"

/* What is kept of a record: n[] of its item in the map; the item's text is the record as fetched, until it is seen. */
enum leg_number { LEG_STATE, LEG_QUANTITY, LEG_REASON, LEG_SEEN, LEG_WAITED };

struct show {
    struct cli *cli;
    struct relief_arena arena; /* of one event */
    char id[RELIEF_ID_BYTES_MAX + 1];
    char city[RELIEF_ID_BYTES_MAX + 1];
    int64_t entry;         /* of the submission */
    struct cli_map waited; /* the request and its legs */
    size_t missing;        /* of them not seen as they were fetched */
    /* the request as last seen */
    bool submitted;
    struct relief_request was;
    /* the entry at hand: its lines before the legs, the legs', and behind them */
    int64_t seq;
    struct relief_buf lines[3];
    bool header;
    int failed;
};

enum place { PLACE_CAUSE, PLACE_LEG, PLACE_EFFECT };

/* One event as it happened. who: the identity that the log has, or as much of it as this reader is told; of a
 * consequence none. */
struct happening {
    int64_t seq, time;
    struct relief_str method, id, who;
    const char *what;
    struct relief_buf text; /* what there is to say beyond `what` */
    const msgpack_object *record;
};

/* A line of the entry at hand. Takes the happening's text away. */
void show_say(struct show *show, enum place place, struct happening *happening);
/* The lines of an entry that is over. */
void show_print_entry(struct show *show);
/* What an event of the request, or of a leg that was last seen as item says, tells. */
void show_request(struct show *show, struct happening *happening);
void show_leg(struct show *show, struct happening *happening, struct cli_map_item *item);
