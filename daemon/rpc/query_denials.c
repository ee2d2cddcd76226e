/*
 * server.denials: pages of the journal of denials. Not a part of the state, so nothing has to be durable for it.
 */
#include "rpc/session.h"
#include <stdio.h>
#include <stdlib.h>

struct listing {
    struct rpc_page page;
    int64_t last;
};

static int add_line(void *context, const struct relief_denial *denial)
{
    struct listing *listing = context;
    struct rpc_page *page = &listing->page;
    page->full = page->count == page->limit || !rpc_page_add(page, &relief_shape_denial, denial);
    if (page->full)
        return 1;
    listing->last = denial->n;
    return 0;
}

/* The number of a line as `next` gave it. -1: it is none. */
static int64_t number_of(struct relief_str text)
{
    int64_t number = 0;
    if (text.len > 18)
        return -1;
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -1;
        number = number * 10 + (text.data[i] - '0');
    }
    return number;
}

int rpc_server_denials(struct rpc_call *call)
{
    const struct relief_server_denials_params *params = call->params;
    int64_t after = params->after.data ? number_of(params->after) : 0;
    if (after < 0)
        return relief_refuse_field(&call->refusal, RELIEF_BAD_PARAMS, "after", "the number of a line is expected");
    struct listing listing = {.last = after};
    char next[24];
    rpc_page_start(&listing.page, call, params->limit);
    denials_flush(call->rpc->denials, INT64_MAX);
    int result = denials_read(call->rpc->denials, after, add_line, &listing);
    if (result)
        return result;
    snprintf(next, sizeof next, "%lld", (long long)listing.last);
    rpc_page_end(&listing.page, listing.page.full ? relief_str_of(next) : RELIEF_STR_NONE);
    return 0;
}
