/*
 * JSON: one document for a record, one line a row for lists. What the daemon sent is shown whole, also what this
 * program's lists do not know; keys are sorted, times stay integers.
 */
#include "client/cli/view.h"
#include "schema/codec.h"

static void put(FILE *out, const struct relief_shape *shape, const void *record, const msgpack_object *raw)
{
    struct relief_buf line = RELIEF_BUF_INIT;
    if (raw)
        relief_json_msgpack(&line, raw);
    else
        relief_json_record(&line, shape, record, NULL);
    fwrite(line.data, 1, line.len, out);
    fputc('\n', out);
    relief_buf_deinit(&line);
}

static void json_page(struct cli_list *list, const struct cli_page *page)
{
    for (uint32_t i = 0; i < page->items->count; i++)
        put(list->out, list->shape, (const char *)page->items->items + (size_t)i * list->shape->size,
            page->raw ? &page->raw->via.array.ptr[i] : NULL);
    list->rows += page->items->count;
}

static void json_end(struct cli_list *list)
{
    (void)list; /* no rows are no lines */
}

const struct cli_view cli_view_json = {"json", put, json_page, json_end};
