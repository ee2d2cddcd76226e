/*
 * The rows as the fine print and the protocol page have them, in the order of a record's fields, which is that of
 * packed maps and of CSV columns, and whether a record is one of these rows. They stand here again: an auditor does not
 * ask the program that it audits.
 */
#include "tools/audit/form.h"
#include <stddef.h>

/* clang-format off */
static const char *const word_mode[] = {"normal", "emergency", NULL};
static const char *const word_commit[] = {"auto", "ask", NULL};
static const char *const word_shares[] = {"exact", "available", "nothing", NULL};
static const char *const word_class[] = {"supply", "team", "equipment", NULL};
static const char *const word_lot_state[] = {"usable", "quarantine", "recalled", "damaged", NULL};
static const char *const word_condition[] = {"ready", "maintenance", "damaged", "lost", NULL};
static const char *const word_asset_use[] = {"free", "held", "reserved", "away", NULL};
static const char *const word_category[] = {"natural", "health", "accident", "security", NULL};
static const char *const word_incident_state[] = {"open", "closed", NULL};
static const char *const word_request_state[] = {
    "open", "partial", "covered", "filled", "closed_short", "cancelled", "expired", NULL};
static const char *const word_dispatch_state[] = {
    "asked", "committed", "in_transit", "received", "in_use", "returning", "closed",
    "returned", "declined", "lapsed", "cancelled", "reneged", "lost", NULL};
static const char *const word_purpose[] = {"use", "stock", NULL};

static const struct audit_field substitute[] = {
    {.name = "kind", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "give", .kind = AUDIT_F_INT, .needed = true},
    {.name = "for", .kind = AUDIT_F_INT, .needed = true},
    {.name = NULL}};
static const struct audit_field certificate[] = {
    {.name = "name", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "until", .kind = AUDIT_F_TIME, .needed = true},
    {.name = NULL}};
static const struct audit_field leg_lot[] = {
    {.name = "lot", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "quantity", .kind = AUDIT_F_INT, .needed = true},
    {.name = NULL}};
static const struct audit_field wake_try[] = {
    {.name = "donor", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "kind", .kind = AUDIT_F_TEXT},
    {.name = "city", .kind = AUDIT_F_TEXT},
    {.name = "region", .kind = AUDIT_F_TEXT},
    {.name = "floors", .kind = AUDIT_F_BOOL, .needed = true},
    {.name = NULL}};
static const struct audit_field times[] = {
    {.name = "asked", .kind = AUDIT_F_TIME},
    {.name = "committed", .kind = AUDIT_F_TIME},
    {.name = "in_transit", .kind = AUDIT_F_TIME},
    {.name = "received", .kind = AUDIT_F_TIME},
    {.name = "in_use", .kind = AUDIT_F_TIME},
    {.name = "returning", .kind = AUDIT_F_TIME},
    {.name = "closed", .kind = AUDIT_F_TIME},
    {.name = "returned", .kind = AUDIT_F_TIME},
    {.name = "declined", .kind = AUDIT_F_TIME},
    {.name = "lapsed", .kind = AUDIT_F_TIME},
    {.name = "cancelled", .kind = AUDIT_F_TIME},
    {.name = "reneged", .kind = AUDIT_F_TIME},
    {.name = "lost", .kind = AUDIT_F_TIME},
    {.name = NULL}};
static const struct audit_field table_region[] = {
    {.name = "id", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "name", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "parent", .kind = AUDIT_F_TEXT},
    {.name = "neighbour_minutes", .kind = AUDIT_F_INT},
    {.name = "agreement", .kind = AUDIT_F_TEXT, .words = word_commit},
    {.name = "shares", .kind = AUDIT_F_TEXT, .words = word_shares},
    {.name = NULL}};
static const struct audit_field table_city[] = {
    {.name = "code", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "name", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "name_en", .kind = AUDIT_F_TEXT},
    {.name = "region", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "lat", .kind = AUDIT_F_INT, .needed = true},
    {.name = "lon", .kind = AUDIT_F_INT, .needed = true},
    {.name = "population", .kind = AUDIT_F_INT},
    {.name = "mode", .kind = AUDIT_F_TEXT, .words = word_mode, .needed = true},
    {.name = NULL}};
static const struct audit_field table_link[] = {
    {.name = "from", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "to", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "minutes", .kind = AUDIT_F_INT, .needed = true},
    {.name = "open", .kind = AUDIT_F_BOOL, .needed = true},
    {.name = NULL}};
static const struct audit_field table_kind[] = {
    {.name = "code", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "name", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "name_en", .kind = AUDIT_F_TEXT},
    {.name = "class", .kind = AUDIT_F_TEXT, .words = word_class, .needed = true},
    {.name = "unit", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "category", .kind = AUDIT_F_TEXT},
    {.name = "returnable", .kind = AUDIT_F_BOOL, .needed = true},
    {.name = "min_life_days", .kind = AUDIT_F_INT, .needed = true},
    {.name = "substitutes", .kind = AUDIT_F_PARTS, .part = substitute, .needed = true},
    {.name = "operator", .kind = AUDIT_F_TEXT},
    {.name = NULL}};
static const struct audit_field table_floor[] = {
    {.name = "city", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "kind", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "floor", .kind = AUDIT_F_INT, .needed = true},
    {.name = "emergency_floor", .kind = AUDIT_F_INT},
    {.name = "target", .kind = AUDIT_F_INT},
    {.name = NULL}};
static const struct audit_field table_lot[] = {
    {.name = "city", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "kind", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "lot", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "quantity", .kind = AUDIT_F_INT, .needed = true},
    {.name = "expires", .kind = AUDIT_F_TIME},
    {.name = "state", .kind = AUDIT_F_TEXT, .words = word_lot_state, .needed = true},
    {.name = "held", .kind = AUDIT_F_INT, .needed = true},
    {.name = "reserved", .kind = AUDIT_F_INT, .needed = true},
    {.name = "source", .kind = AUDIT_F_TEXT},
    {.name = NULL}};
static const struct audit_field table_asset[] = {
    {.name = "id", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "kind", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "city", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "level", .kind = AUDIT_F_INT, .needed = true},
    {.name = "capacity", .kind = AUDIT_F_INT},
    {.name = "condition", .kind = AUDIT_F_TEXT, .words = word_condition, .needed = true},
    {.name = "operator", .kind = AUDIT_F_TEXT},
    {.name = "certificates", .kind = AUDIT_F_PARTS, .part = certificate, .needed = true},
    {.name = "rest_until", .kind = AUDIT_F_TIME},
    {.name = "dispatch", .kind = AUDIT_F_TEXT},
    {.name = "use", .kind = AUDIT_F_TEXT, .words = word_asset_use, .needed = true},
    {.name = NULL}};
static const struct audit_field table_incident[] = {
    {.name = "id", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "category", .kind = AUDIT_F_TEXT, .words = word_category, .needed = true},
    {.name = "level", .kind = AUDIT_F_INT, .needed = true},
    {.name = "origin", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "affected", .kind = AUDIT_F_LIST_ALWAYS, .needed = true},
    {.name = "donating", .kind = AUDIT_F_LIST_ALWAYS, .needed = true},
    {.name = "title", .kind = AUDIT_F_TEXT},
    {.name = "state", .kind = AUDIT_F_TEXT, .words = word_incident_state, .needed = true},
    {.name = "opened", .kind = AUDIT_F_TIME, .needed = true},
    {.name = "closed", .kind = AUDIT_F_TIME},
    {.name = NULL}};
static const struct audit_field table_agreement[] = {
    {.name = "id", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "donor", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "requester", .kind = AUDIT_F_TEXT},
    {.name = "region", .kind = AUDIT_F_TEXT},
    {.name = "kinds", .kind = AUDIT_F_LIST},
    {.name = "share_percent", .kind = AUDIT_F_INT, .needed = true},
    {.name = "commit", .kind = AUDIT_F_TEXT, .words = word_commit, .needed = true},
    {.name = "answer_minutes", .kind = AUDIT_F_INT, .needed = true},
    {.name = "price", .kind = AUDIT_F_INT},
    {.name = "from", .kind = AUDIT_F_TIME},
    {.name = "until", .kind = AUDIT_F_TIME},
    {.name = "ended", .kind = AUDIT_F_TIME},
    {.name = "started", .kind = AUDIT_F_BOOL, .needed = true},
    {.name = NULL}};
static const struct audit_field table_request[] = {
    {.name = "id", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "city", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "kind", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "quantity", .kind = AUDIT_F_INT, .needed = true},
    {.name = "priority", .kind = AUDIT_F_INT, .needed = true},
    {.name = "needed_by", .kind = AUDIT_F_TIME},
    {.name = "incident", .kind = AUDIT_F_TEXT},
    {.name = "state", .kind = AUDIT_F_TEXT, .words = word_request_state, .needed = true},
    {.name = "covered", .kind = AUDIT_F_INT, .needed = true},
    {.name = "received", .kind = AUDIT_F_INT, .needed = true},
    {.name = "open", .kind = AUDIT_F_INT, .needed = true},
    {.name = "level", .kind = AUDIT_F_INT, .needed = true},
    {.name = "submitted", .kind = AUDIT_F_TIME, .needed = true},
    {.name = "dispatches", .kind = AUDIT_F_LIST_ALWAYS, .needed = true},
    {.name = "shortfall", .kind = AUDIT_F_INT, .needed = true},
    {.name = "own_first", .kind = AUDIT_F_BOOL, .needed = true},
    {.name = "max_level", .kind = AUDIT_F_INT},
    {.name = "substitutes", .kind = AUDIT_F_BOOL, .needed = true},
    {.name = "min_level", .kind = AUDIT_F_INT, .needed = true},
    {.name = "all_or_nothing", .kind = AUDIT_F_BOOL, .needed = true},
    {.name = "purpose", .kind = AUDIT_F_TEXT, .words = word_purpose, .needed = true},
    {.name = "excluded", .kind = AUDIT_F_LIST_ALWAYS, .needed = true},
    {.name = "identity", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "entry", .kind = AUDIT_F_INT, .needed = true},
    {.name = "reason", .kind = AUDIT_F_TEXT},
    {.name = "asked", .kind = AUDIT_F_INT, .needed = true},
    {.name = NULL}};
static const struct audit_field table_dispatch[] = {
    {.name = "id", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "request", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "donor", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "requester", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "kind", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "quantity", .kind = AUDIT_F_INT, .needed = true},
    {.name = "lots", .kind = AUDIT_F_PARTS, .part = leg_lot, .needed = true},
    {.name = "assets", .kind = AUDIT_F_LIST_ALWAYS, .needed = true},
    {.name = "operators", .kind = AUDIT_F_LIST_ALWAYS, .needed = true},
    {.name = "state", .kind = AUDIT_F_TEXT, .words = word_dispatch_state, .needed = true},
    {.name = "level", .kind = AUDIT_F_INT, .needed = true},
    {.name = "minutes", .kind = AUDIT_F_INT, .needed = true},
    {.name = "depart_by", .kind = AUDIT_F_TIME},
    {.name = "eta", .kind = AUDIT_F_TIME},
    {.name = "answer_by", .kind = AUDIT_F_TIME},
    {.name = "sent", .kind = AUDIT_F_INT},
    {.name = "accepted", .kind = AUDIT_F_INT},
    {.name = "rejected", .kind = AUDIT_F_INT},
    {.name = "missing", .kind = AUDIT_F_INT},
    {.name = "times", .kind = AUDIT_F_SPREAD, .part = times, .needed = true},
    {.name = "covers", .kind = AUDIT_F_INT, .needed = true},
    {.name = "give", .kind = AUDIT_F_INT, .needed = true},
    {.name = "for", .kind = AUDIT_F_INT, .needed = true},
    {.name = "agreement", .kind = AUDIT_F_TEXT},
    {.name = "ordered", .kind = AUDIT_F_BOOL, .needed = true},
    {.name = "carrier", .kind = AUDIT_F_TEXT},
    {.name = "due", .kind = AUDIT_F_TIME},
    {.name = "reason", .kind = AUDIT_F_TEXT},
    {.name = "returned", .kind = AUDIT_F_INT},
    {.name = "checked_in", .kind = AUDIT_F_INT},
    {.name = "condition", .kind = AUDIT_F_TEXT, .words = word_condition},
    {.name = "ordered_by", .kind = AUDIT_F_TEXT},
    {.name = NULL}};
static const struct audit_field table_account[] = {
    {.name = "city", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "kind", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "received", .kind = AUDIT_F_INT, .needed = true},
    {.name = "issued", .kind = AUDIT_F_INT, .needed = true},
    {.name = "lost", .kind = AUDIT_F_INT, .needed = true},
    {.name = "written_off", .kind = AUDIT_F_INT, .needed = true},
    {.name = "on_loan", .kind = AUDIT_F_INT, .needed = true},
    {.name = "in_transit", .kind = AUDIT_F_INT, .needed = true},
    {.name = NULL}};
static const struct audit_field table_op[] = {
    {.name = "op", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "identity", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "seq", .kind = AUDIT_F_INT, .needed = true},
    {.name = NULL}};
static const struct audit_field table_travel[] = {
    {.name = "id", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "permille", .kind = AUDIT_F_INT, .needed = true},
    {.name = "km_per_hour", .kind = AUDIT_F_INT, .needed = true},
    {.name = NULL}};
static const struct audit_field table_wake[] = {
    {.name = "id", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = "tries", .kind = AUDIT_F_PARTS, .part = wake_try, .needed = true},
    {.name = "prefixes", .kind = AUDIT_F_LIST},
    {.name = "everything", .kind = AUDIT_F_BOOL, .needed = true},
    {.name = "city", .kind = AUDIT_F_TEXT},
    {.name = "region", .kind = AUDIT_F_TEXT},
    {.name = "below", .kind = AUDIT_F_BOOL, .needed = true},
    {.name = "kinds", .kind = AUDIT_F_LIST_ALWAYS, .needed = true},
    {.name = "incident", .kind = AUDIT_F_TEXT},
    {.name = "request", .kind = AUDIT_F_TEXT},
    {.name = "priority", .kind = AUDIT_F_INT, .needed = true},
    {.name = "submitted", .kind = AUDIT_F_TIME, .needed = true},
    {.name = "after", .kind = AUDIT_F_TEXT, .needed = true},
    {.name = NULL}};
/* clang-format on */

const struct audit_field *const audit_forms[AUDIT_TABLES] = {
    table_region,   table_city,    table_link,     table_kind,      table_floor,
    table_lot,      table_asset,   table_incident, table_agreement, table_request,
    table_dispatch, table_account, table_op,       table_travel,    table_wake};

/* Calls go as deep as the rows do: a table and its parts. */
static bool fits(struct audit_text value, const struct audit_field *field);

/* Every field once and nothing else; keys are in order, so none stands twice. */
static const char *map_fault(const struct audit_json_map *map, const struct audit_field *fields, bool record)
{
    unsigned count = 0;
    for (; fields->name; fields++, count++) {
        struct audit_text value = audit_json_find(map, fields->name);
        if (!value.data || !fits(value, fields))
            return fields->name;
    }
    return map->count == count + record ? NULL : "unknown";
}

static bool map_fits(struct audit_text value, const struct audit_field *fields)
{
    struct audit_json_map map;
    return audit_json_map(value, &map) && !map_fault(&map, fields, false);
}

static bool list_fits(struct audit_text list, const struct audit_field *part)
{
    struct audit_text item;
    const char *at = NULL;
    if (audit_json_type(list) != AUDIT_JSON_ARRAY)
        return false;
    while (audit_json_next(list, &at, &item)) {
        if (part ? !map_fits(item, part) : audit_json_type(item) != AUDIT_JSON_STRING)
            return false;
    }
    return true;
}

static bool word_fits(struct audit_text value, const char *const *words)
{
    struct audit_text word;
    if (!audit_json_plain(value, &word))
        return false;
    while (*words && !audit_text_eq(word, audit_text_of(*words)))
        words++;
    return *words != NULL;
}

static bool fits(struct audit_text value, const struct audit_field *field)
{
    int64_t number;
    if (audit_json_type(value) == AUDIT_JSON_NULL)
        return !field->needed;
    switch (field->kind) {
    case AUDIT_F_TEXT:
        return field->words ? word_fits(value, field->words) : audit_json_type(value) == AUDIT_JSON_STRING;
    case AUDIT_F_INT:
    case AUDIT_F_TIME:
        return audit_json_int(value, &number);
    case AUDIT_F_BOOL:
        return audit_json_type(value) == AUDIT_JSON_BOOL;
    case AUDIT_F_LIST:
    case AUDIT_F_LIST_ALWAYS:
    case AUDIT_F_PARTS:
        return list_fits(value, field->part);
    case AUDIT_F_SPREAD:
        return map_fits(value, field->part);
    }
    return false;
}

const char *audit_form_fault(const struct audit_record *record)
{
    return map_fault(&record->map, audit_forms[record->table], true);
}
