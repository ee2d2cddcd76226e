/* Compares the whole state of the core with that of the model, and two stores with each other. */
#pragma once
#include "model.h"

struct compare {
    struct relief_buf one, two;
    struct relief_arena arena;
};

int compare_init(struct compare *compare);
void compare_deinit(struct compare *compare);
/* Every record of the model in the core's state, and as many of them. Says on standard error what differs. */
bool compare_state(struct compare *compare, struct model *m, struct core_view *view);
/* Two records of one shape as canonical JSON. */
bool compare_record(struct compare *compare, const struct relief_shape *shape, const char *what, const void *expected,
                    const void *got);
/* Two stores byte for byte, derived keys too. */
bool compare_views(struct core_view *a, struct core_view *b);
