/* Questions to both sides that change nothing: stock of a city and kind, a preview, an explanation. */
#pragma once
#include "compare.h"
#include "generate.h"

/* stock.get of a random city and kind, request.explain of a random open request. */
bool probe_state(struct compare *compare, struct generator *g, struct core *core, int64_t time);
/* match.preview of what is about to be submitted. */
bool probe_preview(struct compare *compare, struct generator *g, struct core *core,
                   const struct relief_request_submit_params *params);
