/*
 * How a line of relief request show looks: JSON, CSV, or text for a terminal. The lines of one entry are kept until it
 * is over, since what is a consequence stands behind the legs.
 */
#include <errno.h>
#include <string.h>
#include "client/cli/show.h"
#include "client/cli/view.h"

static void put_json(struct relief_buf *out, const struct happening *happening)
{
    const struct {
        const char *key;
        struct relief_str value;
    } texts[] = {{"method", happening->method},
                 {"id", happening->id},
                 {"event", relief_str_of(happening->what)},
                 {"who", happening->who},
                 {"text", {happening->text.data, (uint32_t)happening->text.len}}};
    relief_buf_printf(out, "{\"seq\":%lld,\"time\":%lld", (long long)happening->seq, (long long)happening->time);
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        relief_buf_printf(out, ",\"%s\":", texts[i].key);
        relief_json_str(out, texts[i].value.len ? texts[i].value : RELIEF_STR_NONE);
    }
    relief_buf_add_text(out, ",\"record\":");
    relief_json_msgpack(out, happening->record);
    relief_buf_add_text(out, "}\n");
}

static void put_csv_cell(struct relief_buf *out, struct relief_str text)
{
    relief_buf_add_text(out, ",\"");
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"')
            relief_buf_add_char(out, '"');
        relief_buf_add_char(out, text.data[i]);
    }
    relief_buf_add_char(out, '"');
}

static void put_csv(struct relief_buf *out, const struct happening *happening)
{
    char time[40];
    cli_time_text(time, happening->time, true);
    relief_buf_printf(out, "%lld,%s", (long long)happening->seq, time);
    put_csv_cell(out, happening->method);
    put_csv_cell(out, happening->id);
    put_csv_cell(out, relief_str_of(happening->what));
    put_csv_cell(out, happening->who);
    put_csv_cell(out, (struct relief_str){happening->text.data, (uint32_t)happening->text.len});
    relief_buf_add_char(out, '\n');
}

static void put_text(struct relief_buf *out, const struct happening *happening)
{
    char time[40];
    cli_time_text(time, happening->time, false);
    relief_buf_printf(out, "%s  ", time);
    relief_buf_add_str(out, happening->id);
    if (happening->who.len) {
        relief_buf_add_text(out, "  ");
        relief_buf_add_str(out, happening->who);
    }
    relief_buf_printf(out, "  %s", happening->what);
    if (happening->text.len) {
        relief_buf_add_text(out, ": ");
        for (size_t i = 0; i < happening->text.len; i++) /* a reason may hold what disturbs a line */
            relief_buf_add_char(out, happening->text.data[i] == '\n' ? ' ' : happening->text.data[i]);
    }
    relief_buf_add_char(out, '\n');
}

void show_say(struct show *show, enum place place, struct happening *happening)
{
    struct relief_buf *out = &show->lines[place];
    if (show->cli->view == &cli_view_json)
        put_json(out, happening);
    else if (show->cli->view == &cli_view_csv)
        put_csv(out, happening);
    else
        put_text(out, happening);
    relief_buf_clear(&happening->text);
}

/* Those for a terminal go through the printer that knows what a terminal may get. */
void show_print_entry(struct show *show)
{
    if (show->cli->view == &cli_view_csv && !show->header)
        puts("seq,time,method,id,event,who,text");
    show->header = true;
    for (unsigned i = 0; i < 3; i++) {
        const char *at = show->lines[i].data, *end = at + show->lines[i].len;
        while (at < end) {
            const char *line_end = memchr(at, '\n', (size_t)(end - at));
            struct relief_str line = {at, (uint32_t)(line_end - at)};
            if (show->cli->view == &cli_view_text)
                cli_print_padded(stdout, line, 0, false);
            else
                fwrite(line.data, 1, line.len, stdout);
            putchar('\n');
            at = line_end + 1;
        }
        if (show->lines[i].failed)
            show->failed = -ENOMEM;
        relief_buf_clear(&show->lines[i]);
    }
    if (ferror(stdout))
        show->failed = -EPIPE;
}
