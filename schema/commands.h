/*
 * What may stand in the log: every CHANGE method under its number, and the commands that no client can send, here.
 * Timers are commands: a deadline that passes changes the state through the log or not at all (DESIGN 3.1).
 * Row: C(number, name, wire, summary); parameters in RELIEF_PARAMS_name. Numbers are append-only, from 1000 on.
 */
#pragma once
#include "schema/methods.h"

#define RELIEF_COMMANDS(C)                                                                                             \
    C(1000, time_lapse, "time.lapse", "asked legs whose answer_by has passed lapse")                                   \
    C(1001, time_expire, "time.expire", "requests whose needed_by has passed expire; old ops are dropped")             \
    C(1002, time_wake, "time.wake", "open requests are matched again: a date came, or a wake goes on")

#define RELIEF_PARAMS_time_lapse(F) F(DID, dispatch, "dispatch", REQ, RELIEF_X_NONE, "leg that lapses")
#define RELIEF_PARAMS_time_expire(F)                                                                                   \
    F(ID, request, "request", OPT, RELIEF_X_NONE, "request that expires")                                              \
    F(INT, ops_before, "ops_before", OPT, RELIEF_X_COUNT, "ops of entries before this one are dropped, at most 1,024")
#define RELIEF_PARAMS_time_wake(F)                                                                                     \
    F(ID, agreement, "agreement", OPT, RELIEF_X_NONE, "agreement whose from or until came")                            \
    F(ID, asset, "asset", OPT, RELIEF_X_NONE, "asset whose rest is over; neither: a wake goes on")

enum relief_command {
#define C(number, name, wire, summary) RELIEF_COMMAND_##name = number,
    RELIEF_COMMANDS(C)
#undef C
};

#define C(number, name, wire, summary)                                                                                 \
    struct relief_##name##_params {                                                                                    \
        RELIEF_PARAMS_##name(RELIEF_STRUCT_FIELD) char end_;                                                           \
    };                                                                                                                 \
    extern const struct relief_shape relief_shape_##name##_params;
RELIEF_COMMANDS(C)
#undef C

struct relief_command_info {
    unsigned number;
    const char *wire;
    const struct relief_shape *params;
    const struct relief_shape *answer; /* NULL: a timer has nobody to answer */
};
/* The command under that number or wire name: a CHANGE method or a timer; NULL when there is none. The result stays valid. */
const struct relief_command_info *relief_command_by_number(unsigned number);
const struct relief_command_info *relief_command_find(struct relief_str wire);
