/* The invariants of DESIGN 6 on the model's records: says on standard error what is broken. */
#pragma once
#include "model.h"

/* legs_before: how many legs there were before the entry at `time`; the ones after it are looked at for the floor. */
bool check_model(struct model *m, int64_t time, unsigned legs_before);
