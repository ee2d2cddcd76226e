/*
 * Differences between two dumps for people, for programs (a JSON document a line) and for spreadsheets (a row for each
 * field that differs). Values stand as the dumps have them, so nothing is rounded or translated.
 */
#include "client/cli/diff_out.h"
#include <string.h>
#include "client/cli/record_key.h"
#include "client/cli/view.h"
#include "schema/codec.h"

static const char *const kinds[] = {"only_a", "only_b", "changed"};

static void put_line(struct diff_out *out)
{
    relief_buf_add_char(&out->line, '\n');
    fwrite(out->line.data, 1, out->line.len, out->out);
    relief_buf_clear(&out->line);
}

void diff_start(struct diff_out *out)
{
    if (out->form == DIFF_CSV)
        fputs(out->summary ? "table,only_a,only_b,changed\n" : "difference,table,key,field,a,b\n", out->out);
}

/* ---- fields that differ ---- */

typedef void each_field(struct diff_out *out, struct relief_str field, struct relief_str a, struct relief_str b);

static struct relief_str key_of(const struct canon *canon, uint32_t node)
{
    return (struct relief_str){canon->nodes[node].key, canon->nodes[node].key_len};
}

/* Members of both records in the order of their keys; a side that has none has no data. */
static void walk_fields(struct diff_out *out, const struct canon *a, const struct canon *b, each_field *each)
{
    uint32_t i = 1, k = 1;
    while (i < a->count || k < b->count) {
        int order = i >= a->count ? 1 : k >= b->count ? -1 : relief_str_cmp(key_of(a, i), key_of(b, k));
        struct relief_str old = order <= 0 ? canon_raw(a, i) : RELIEF_STR_NONE,
                          new = order >= 0 ? canon_raw(b, k) : RELIEF_STR_NONE;
        if (!relief_str_eq(old, new))
            each(out, order <= 0 ? key_of(a, i) : key_of(b, k), old, new);
        i = order <= 0 ? a->nodes[i].next : i;
        k = order >= 0 ? b->nodes[k].next : k;
    }
}

static void text_field(struct diff_out *out, struct relief_str field, struct relief_str a, struct relief_str b)
{
    relief_buf_add_text(&out->line, out->line.data[out->line.len - 1] == ':' ? " " : ", ");
    relief_buf_add_str(&out->line, field);
    relief_buf_add_char(&out->line, ' ');
    relief_buf_add_str(&out->line, a);
    relief_buf_add_text(&out->line, a.len ? " -> " : "-> ");
    relief_buf_add_str(&out->line, b);
}

static void json_field(struct diff_out *out, struct relief_str field, struct relief_str a, struct relief_str b)
{
    relief_buf_add_text(&out->line, out->line.data[out->line.len - 1] == '{' ? "" : ",");
    relief_json_str(&out->line, field);
    relief_buf_add_text(&out->line, ":{\"a\":");
    relief_buf_add_str(&out->line, a.data ? a : RELIEF_STR("null"));
    relief_buf_add_text(&out->line, ",\"b\":");
    relief_buf_add_str(&out->line, b.data ? b : RELIEF_STR("null"));
    relief_buf_add_char(&out->line, '}');
}

static void csv_row(struct diff_out *out, const char *kind, const char *table, struct relief_str field,
                    struct relief_str a, struct relief_str b)
{
    fprintf(out->out, "%s,%s,", kind, table);
    cli_csv_cell(out->out, relief_str_of(out->name.data));
    fputc(',', out->out);
    cli_csv_cell(out->out, field);
    fputc(',', out->out);
    cli_csv_cell(out->out, a);
    fputc(',', out->out);
    cli_csv_cell(out->out, b);
    fputc('\n', out->out);
}

static const char *table_of(const struct diff_out *out, size_t *ret_len)
{
    *ret_len = strcspn(out->name.data, " ");
    return out->name.data;
}

static void csv_field(struct diff_out *out, struct relief_str field, struct relief_str a, struct relief_str b)
{
    size_t len;
    const char *name = table_of(out, &len);
    struct relief_buf whole = out->name;
    char table[64];
    snprintf(table, sizeof table, "%.*s", (int)len, name);
    out->name.data += name[len] ? len + 1 : len; /* the key without its table */
    csv_row(out, "changed", table, field, a, b);
    out->name = whole;
}

/* ---- one record ---- */

static void put_text(struct diff_out *out, enum diff_kind kind, const struct canon *a, const struct canon *b)
{
    relief_buf_add_char(&out->line, "-+~"[kind]);
    relief_buf_add_char(&out->line, ' ');
    relief_buf_add_text(&out->line, out->name.data);
    if (kind == DIFF_CHANGED) {
        relief_buf_add_char(&out->line, ':');
        walk_fields(out, a, b, text_field);
    }
    put_line(out);
}

static void put_json(struct diff_out *out, enum diff_kind kind, const struct relief_table_info *table,
                     const struct canon *a, const struct canon *b)
{
    const struct canon *one = a ? a : b;
    relief_buf_printf(&out->line, "{\"difference\":\"%s\",", kinds[kind]);
    if (kind == DIFF_CHANGED) {
        relief_buf_add_text(&out->line, "\"fields\":{");
        walk_fields(out, a, b, json_field);
        relief_buf_add_text(&out->line, "},");
    }
    relief_buf_add_text(&out->line, "\"key\":{");
    bool first = true; /* members are in the order of their names, key fields too */
    for (uint32_t i = 1; i < one->count; i = one->nodes[i].next) {
        const struct relief_field *field = relief_shape_find(table->shape, key_of(one, i));
        if (!field || field >= table->shape->fields + table->key_fields)
            continue;
        relief_buf_add_text(&out->line, first ? "" : ",");
        relief_json_str(&out->line, key_of(one, i));
        relief_buf_add_char(&out->line, ':');
        relief_buf_add_str(&out->line, canon_raw(one, i));
        first = false;
    }
    relief_buf_add_char(&out->line, '}');
    if (kind != DIFF_CHANGED) {
        relief_buf_add_text(&out->line, ",\"record\":");
        relief_buf_add_str(&out->line, canon_raw(one, 0));
    }
    relief_buf_printf(&out->line, ",\"t\":\"%s\"}", table->name);
    put_line(out);
}

static void put_csv(struct diff_out *out, enum diff_kind kind, const struct relief_table_info *table,
                    const struct canon *a, const struct canon *b)
{
    if (kind == DIFF_CHANGED) {
        walk_fields(out, a, b, csv_field);
        return;
    }
    struct relief_buf whole = out->name;
    out->name.data += strlen(table->name) + 1;
    csv_row(out, kinds[kind], table->name, RELIEF_STR(""), a ? canon_raw(a, 0) : RELIEF_STR_NONE,
            b ? canon_raw(b, 0) : RELIEF_STR_NONE);
    out->name = whole;
}

void diff_record(struct diff_out *out, struct relief_str key, const struct canon *a, const struct canon *b)
{
    enum diff_kind kind = a && b ? DIFF_CHANGED : a ? DIFF_ONLY_A : DIFF_ONLY_B;
    int number = (unsigned char)key.data[0];
    const struct relief_table_info *table = &relief_tables[number];
    out->differences++;
    out->tables[number].only_a += kind == DIFF_ONLY_A;
    out->tables[number].only_b += kind == DIFF_ONLY_B;
    out->tables[number].changed += kind == DIFF_CHANGED;
    if (out->summary)
        return;
    relief_buf_clear(&out->name);
    cli_record_name(&out->name, key);
    if (out->name.failed)
        return;
    if (out->form == DIFF_TEXT)
        put_text(out, kind, a, b);
    else if (out->form == DIFF_JSON)
        put_json(out, kind, table, a, b);
    else
        put_csv(out, kind, table, a, b);
}

/* ---- the whole ---- */

static void json_head(struct diff_out *out, const struct cli_reader *side)
{
    relief_buf_printf(&out->line, "{\"head\":\"%s\",\"seq\":%lld,\"time\":%lld}", side->head, (long long)side->seq,
                      (long long)side->time);
}

void diff_fork(struct diff_out *out, const struct cli_reader *a, const struct cli_reader *b)
{
    out->differences++;
    if (out->form == DIFF_JSON) {
        relief_buf_add_text(&out->line, "{\"a\":");
        json_head(out, a);
        relief_buf_add_text(&out->line, ",\"b\":");
        json_head(out, b);
        relief_buf_add_text(&out->line, ",\"difference\":\"fork\"}");
    } else if (out->form == DIFF_CSV && out->summary) {
        relief_buf_add_text(&out->line, "head,,,1");
    } else {
        relief_buf_printf(&out->line, out->form == DIFF_CSV ? "fork,,%lld,head,%s,%s" : "! entry %lld: head %s -> %s",
                          (long long)a->seq, a->head, b->head);
    }
    put_line(out);
}

void diff_end(struct diff_out *out)
{
    for (int i = 0; out->summary && i < RELIEF_TABLE_COUNT; i++) {
        unsigned long long only_a = out->tables[i].only_a, only_b = out->tables[i].only_b,
                           changed = out->tables[i].changed;
        if (only_a + only_b + changed == 0)
            continue;
        if (out->form == DIFF_JSON)
            fprintf(out->out, "{\"changed\":%llu,\"only_a\":%llu,\"only_b\":%llu,\"t\":\"%s\"}\n", changed, only_a,
                    only_b, relief_tables[i].name);
        else if (out->form == DIFF_CSV)
            fprintf(out->out, "%s,%llu,%llu,%llu\n", relief_tables[i].name, only_a, only_b, changed);
        else
            fprintf(out->out, "%s: %llu only in A, %llu only in B, %llu changed\n", relief_tables[i].name, only_a,
                    only_b, changed);
    }
    relief_buf_deinit(&out->line);
    relief_buf_deinit(&out->name);
}
