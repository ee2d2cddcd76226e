/*
 * Follows `next` until a list ends. Lists by key take it as `after`, the log as `from`.
 */
#include <stdlib.h>
#include <string.h>
#include "client/cli/page.h"
#include "client/client.h"

static int one(struct cli *cli, const struct relief_method_info *method, const void *params, struct relief_answer **ret,
               cli_page_seen *seen, void *context)
{
    int result = relief_call(cli->client, (enum relief_method)method->number, params, ret);
    if (result)
        return cli_result(cli, result, *ret, NULL);
    const struct relief_list *items = relief_answer_items(*ret, NULL);
    if (!items) {
        cli_say("the daemon's answer to %s is no list", method->wire);
        return CLI_UNREACHABLE;
    }
    return seen(context, &(struct cli_page){items, client_map_find(client_answer_object(*ret), "items")});
}

int cli_pages(struct cli *cli, const struct relief_method_info *method, void *params, bool one_page,
              cli_page_seen *seen, void *context)
{
    const struct relief_field *after = relief_shape_find(method->params, RELIEF_STR("after"));
    const struct relief_field *from = relief_shape_find(method->params, RELIEF_STR("from"));
    char place[RELIEF_STRING_BYTES_MAX + 1];
    for (;;) {
        struct relief_answer *answer = NULL;
        struct relief_str next = RELIEF_STR_NONE;
        int code = one(cli, method, params, &answer, seen, context);
        if (code == 0)
            relief_answer_items(answer, &next);
        bool more = code == 0 && !one_page && next.data && next.len < sizeof place;
        if (more) {
            memcpy(place, next.data, next.len); /* next lives in the answer */
            place[next.len] = '\0';
        }
        relief_answer_free(answer);
        if (!more)
            return code;
        if (after) {
            *relief_field_str(after, params) = (struct relief_str){place, next.len};
        } else if (from && from->kind == RELIEF_F_INT) {
            int64_t was = *relief_field_i64(from, params), is = strtoll(place, NULL, 10);
            if (was != RELIEF_NIL && is <= was)
                return CLI_DONE; /* a list that doesn't move on has ended */
            *relief_field_i64(from, params) = is;
        } else {
            return CLI_DONE;
        }
    }
}
