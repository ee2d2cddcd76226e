/*
 * The rows as the fine print and the protocol page have them, in the order of a record's fields, which is that of
 * packed maps and of CSV columns. They stand here again: an auditor does not ask the program that it audits.
 */
#include "tools/audit/form.h"
#include <stddef.h>

/* clang-format off */
static const struct audit_field substitute[] = {
    {"kind", AUDIT_F_TEXT, NULL},
    {"give", AUDIT_F_INT, NULL},
    {"for", AUDIT_F_INT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field certificate[] = {
    {"name", AUDIT_F_TEXT, NULL},
    {"until", AUDIT_F_TIME, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field leg_lot[] = {
    {"lot", AUDIT_F_TEXT, NULL},
    {"quantity", AUDIT_F_INT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field wake_try[] = {
    {"donor", AUDIT_F_TEXT, NULL},
    {"kind", AUDIT_F_TEXT, NULL},
    {"city", AUDIT_F_TEXT, NULL},
    {"region", AUDIT_F_TEXT, NULL},
    {"floors", AUDIT_F_BOOL, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field times[] = {
    {"asked", AUDIT_F_TIME, NULL},
    {"committed", AUDIT_F_TIME, NULL},
    {"in_transit", AUDIT_F_TIME, NULL},
    {"received", AUDIT_F_TIME, NULL},
    {"in_use", AUDIT_F_TIME, NULL},
    {"returning", AUDIT_F_TIME, NULL},
    {"closed", AUDIT_F_TIME, NULL},
    {"returned", AUDIT_F_TIME, NULL},
    {"declined", AUDIT_F_TIME, NULL},
    {"lapsed", AUDIT_F_TIME, NULL},
    {"cancelled", AUDIT_F_TIME, NULL},
    {"reneged", AUDIT_F_TIME, NULL},
    {"lost", AUDIT_F_TIME, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_region[] = {
    {"id", AUDIT_F_TEXT, NULL},
    {"name", AUDIT_F_TEXT, NULL},
    {"parent", AUDIT_F_TEXT, NULL},
    {"neighbour_minutes", AUDIT_F_INT, NULL},
    {"agreement", AUDIT_F_TEXT, NULL},
    {"shares", AUDIT_F_TEXT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_city[] = {
    {"code", AUDIT_F_TEXT, NULL},
    {"name", AUDIT_F_TEXT, NULL},
    {"name_en", AUDIT_F_TEXT, NULL},
    {"region", AUDIT_F_TEXT, NULL},
    {"lat", AUDIT_F_INT, NULL},
    {"lon", AUDIT_F_INT, NULL},
    {"population", AUDIT_F_INT, NULL},
    {"mode", AUDIT_F_TEXT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_link[] = {
    {"from", AUDIT_F_TEXT, NULL},
    {"to", AUDIT_F_TEXT, NULL},
    {"minutes", AUDIT_F_INT, NULL},
    {"open", AUDIT_F_BOOL, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_kind[] = {
    {"code", AUDIT_F_TEXT, NULL},
    {"name", AUDIT_F_TEXT, NULL},
    {"name_en", AUDIT_F_TEXT, NULL},
    {"class", AUDIT_F_TEXT, NULL},
    {"unit", AUDIT_F_TEXT, NULL},
    {"category", AUDIT_F_TEXT, NULL},
    {"returnable", AUDIT_F_BOOL, NULL},
    {"min_life_days", AUDIT_F_INT, NULL},
    {"substitutes", AUDIT_F_PARTS, substitute},
    {"operator", AUDIT_F_TEXT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_floor[] = {
    {"city", AUDIT_F_TEXT, NULL},
    {"kind", AUDIT_F_TEXT, NULL},
    {"floor", AUDIT_F_INT, NULL},
    {"emergency_floor", AUDIT_F_INT, NULL},
    {"target", AUDIT_F_INT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_lot[] = {
    {"city", AUDIT_F_TEXT, NULL},
    {"kind", AUDIT_F_TEXT, NULL},
    {"lot", AUDIT_F_TEXT, NULL},
    {"quantity", AUDIT_F_INT, NULL},
    {"expires", AUDIT_F_TIME, NULL},
    {"state", AUDIT_F_TEXT, NULL},
    {"held", AUDIT_F_INT, NULL},
    {"reserved", AUDIT_F_INT, NULL},
    {"source", AUDIT_F_TEXT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_asset[] = {
    {"id", AUDIT_F_TEXT, NULL},
    {"kind", AUDIT_F_TEXT, NULL},
    {"city", AUDIT_F_TEXT, NULL},
    {"level", AUDIT_F_INT, NULL},
    {"capacity", AUDIT_F_INT, NULL},
    {"condition", AUDIT_F_TEXT, NULL},
    {"operator", AUDIT_F_TEXT, NULL},
    {"certificates", AUDIT_F_PARTS, certificate},
    {"rest_until", AUDIT_F_TIME, NULL},
    {"dispatch", AUDIT_F_TEXT, NULL},
    {"use", AUDIT_F_TEXT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_incident[] = {
    {"id", AUDIT_F_TEXT, NULL},
    {"category", AUDIT_F_TEXT, NULL},
    {"level", AUDIT_F_INT, NULL},
    {"origin", AUDIT_F_TEXT, NULL},
    {"affected", AUDIT_F_LIST_ALWAYS, NULL},
    {"donating", AUDIT_F_LIST_ALWAYS, NULL},
    {"title", AUDIT_F_TEXT, NULL},
    {"state", AUDIT_F_TEXT, NULL},
    {"opened", AUDIT_F_TIME, NULL},
    {"closed", AUDIT_F_TIME, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_agreement[] = {
    {"id", AUDIT_F_TEXT, NULL},
    {"donor", AUDIT_F_TEXT, NULL},
    {"requester", AUDIT_F_TEXT, NULL},
    {"region", AUDIT_F_TEXT, NULL},
    {"kinds", AUDIT_F_LIST, NULL},
    {"share_percent", AUDIT_F_INT, NULL},
    {"commit", AUDIT_F_TEXT, NULL},
    {"answer_minutes", AUDIT_F_INT, NULL},
    {"price", AUDIT_F_INT, NULL},
    {"from", AUDIT_F_TIME, NULL},
    {"until", AUDIT_F_TIME, NULL},
    {"ended", AUDIT_F_TIME, NULL},
    {"started", AUDIT_F_BOOL, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_request[] = {
    {"id", AUDIT_F_TEXT, NULL},
    {"city", AUDIT_F_TEXT, NULL},
    {"kind", AUDIT_F_TEXT, NULL},
    {"quantity", AUDIT_F_INT, NULL},
    {"priority", AUDIT_F_INT, NULL},
    {"needed_by", AUDIT_F_TIME, NULL},
    {"incident", AUDIT_F_TEXT, NULL},
    {"state", AUDIT_F_TEXT, NULL},
    {"covered", AUDIT_F_INT, NULL},
    {"received", AUDIT_F_INT, NULL},
    {"open", AUDIT_F_INT, NULL},
    {"level", AUDIT_F_INT, NULL},
    {"submitted", AUDIT_F_TIME, NULL},
    {"dispatches", AUDIT_F_LIST_ALWAYS, NULL},
    {"shortfall", AUDIT_F_INT, NULL},
    {"own_first", AUDIT_F_BOOL, NULL},
    {"max_level", AUDIT_F_INT, NULL},
    {"substitutes", AUDIT_F_BOOL, NULL},
    {"min_level", AUDIT_F_INT, NULL},
    {"all_or_nothing", AUDIT_F_BOOL, NULL},
    {"purpose", AUDIT_F_TEXT, NULL},
    {"excluded", AUDIT_F_LIST_ALWAYS, NULL},
    {"identity", AUDIT_F_TEXT, NULL},
    {"entry", AUDIT_F_INT, NULL},
    {"reason", AUDIT_F_TEXT, NULL},
    {"asked", AUDIT_F_INT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_dispatch[] = {
    {"id", AUDIT_F_TEXT, NULL},
    {"request", AUDIT_F_TEXT, NULL},
    {"donor", AUDIT_F_TEXT, NULL},
    {"requester", AUDIT_F_TEXT, NULL},
    {"kind", AUDIT_F_TEXT, NULL},
    {"quantity", AUDIT_F_INT, NULL},
    {"lots", AUDIT_F_PARTS, leg_lot},
    {"assets", AUDIT_F_LIST_ALWAYS, NULL},
    {"operators", AUDIT_F_LIST_ALWAYS, NULL},
    {"state", AUDIT_F_TEXT, NULL},
    {"level", AUDIT_F_INT, NULL},
    {"minutes", AUDIT_F_INT, NULL},
    {"depart_by", AUDIT_F_TIME, NULL},
    {"eta", AUDIT_F_TIME, NULL},
    {"answer_by", AUDIT_F_TIME, NULL},
    {"sent", AUDIT_F_INT, NULL},
    {"accepted", AUDIT_F_INT, NULL},
    {"rejected", AUDIT_F_INT, NULL},
    {"missing", AUDIT_F_INT, NULL},
    {"times", AUDIT_F_SPREAD, times},
    {"covers", AUDIT_F_INT, NULL},
    {"give", AUDIT_F_INT, NULL},
    {"for", AUDIT_F_INT, NULL},
    {"agreement", AUDIT_F_TEXT, NULL},
    {"ordered", AUDIT_F_BOOL, NULL},
    {"carrier", AUDIT_F_TEXT, NULL},
    {"due", AUDIT_F_TIME, NULL},
    {"reason", AUDIT_F_TEXT, NULL},
    {"returned", AUDIT_F_INT, NULL},
    {"checked_in", AUDIT_F_INT, NULL},
    {"condition", AUDIT_F_TEXT, NULL},
    {"ordered_by", AUDIT_F_TEXT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_account[] = {
    {"city", AUDIT_F_TEXT, NULL},
    {"kind", AUDIT_F_TEXT, NULL},
    {"received", AUDIT_F_INT, NULL},
    {"issued", AUDIT_F_INT, NULL},
    {"lost", AUDIT_F_INT, NULL},
    {"written_off", AUDIT_F_INT, NULL},
    {"on_loan", AUDIT_F_INT, NULL},
    {"in_transit", AUDIT_F_INT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_op[] = {
    {"op", AUDIT_F_TEXT, NULL},
    {"identity", AUDIT_F_TEXT, NULL},
    {"seq", AUDIT_F_INT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_travel[] = {
    {"id", AUDIT_F_TEXT, NULL},
    {"permille", AUDIT_F_INT, NULL},
    {"km_per_hour", AUDIT_F_INT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
static const struct audit_field table_wake[] = {
    {"id", AUDIT_F_TEXT, NULL},
    {"tries", AUDIT_F_PARTS, wake_try},
    {"prefixes", AUDIT_F_LIST, NULL},
    {"everything", AUDIT_F_BOOL, NULL},
    {"city", AUDIT_F_TEXT, NULL},
    {"region", AUDIT_F_TEXT, NULL},
    {"below", AUDIT_F_BOOL, NULL},
    {"kinds", AUDIT_F_LIST_ALWAYS, NULL},
    {"incident", AUDIT_F_TEXT, NULL},
    {"request", AUDIT_F_TEXT, NULL},
    {"priority", AUDIT_F_INT, NULL},
    {"submitted", AUDIT_F_TIME, NULL},
    {"after", AUDIT_F_TEXT, NULL}, {NULL, AUDIT_F_TEXT, NULL}};
/* clang-format on */

const struct audit_field *const audit_forms[AUDIT_TABLES] = {
    table_region,   table_city,    table_link,     table_kind,      table_floor,
    table_lot,      table_asset,   table_incident, table_agreement, table_request,
    table_dispatch, table_account, table_op,       table_travel,    table_wake};
