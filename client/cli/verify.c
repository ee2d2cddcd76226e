/*
 * The invariants 1, 2, 4 and 5 of DESIGN 6 over the records of a dump, and their order. 3 (no leg below the floor when
 * it was made) is about moments that a dump does not hold; replaying the log shows it. A dump of some tables only is
 * checked for what these tables say.
 */
#include "client/cli/verify.h"
#include <stdlib.h>
#include <string.h>
#include "client/cli/json_in.h"
#include "client/cli/record_key.h"
#include "schema/tables.h"

static struct relief_str str_of(const struct relief_buf *buf)
{
    return (struct relief_str){buf->data, (uint32_t)buf->len};
}

static void add_id(struct relief_buf *key, struct relief_str id)
{
    relief_buf_add_str(key, id);
    relief_buf_add_char(key, '\0');
}

static struct cli_map_item *item_of(struct verify *verify, struct cli_map *map, struct relief_str a,
                                    struct relief_str b, struct relief_str c)
{
    static struct cli_map_item none;
    struct relief_buf key = RELIEF_BUF_INIT;
    add_id(&key, a);
    if (b.data)
        add_id(&key, b);
    if (c.data)
        add_id(&key, c);
    struct cli_map_item *item = key.failed ? NULL : cli_map_get(map, str_of(&key));
    relief_buf_deinit(&key);
    if (item)
        return item;
    cli_reader_broken(verify->reader, "no memory to check it");
    return &none;
}

/* Sums may be anything in a file that somebody made up: wrapped instead of undefined. */
static void plus(int64_t *sum, int64_t value)
{
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)value);
}

static void see_lot(struct verify *verify, const json_t *record)
{
    struct relief_str kind = cli_json_str(record, "kind");
    struct cli_map_item *lot =
        item_of(verify, &verify->lots, cli_json_str(record, "city"), kind, cli_json_str(record, "lot"));
    lot->n[0] = cli_json_int(record, "quantity");
    lot->n[1] = cli_json_int(record, "held");
    lot->n[2] = cli_json_int(record, "reserved");
    plus(&item_of(verify, &verify->kinds, kind, RELIEF_STR_NONE, RELIEF_STR_NONE)->n[1], lot->n[0]);
    if (lot->n[0] < 0 || lot->n[1] < 0 || lot->n[2] < 0 || lot->n[1] > lot->n[0] || lot->n[2] > lot->n[0] - lot->n[1])
        cli_reader_broken(verify->reader, "invariant 2: held %lld and reserved %lld of %lld on hand",
                          (long long)lot->n[1], (long long)lot->n[2], (long long)lot->n[0]);
}

static void see_account(struct verify *verify, const json_t *record)
{
    static const char *const gone[] = {"issued", "lost", "written_off"}, *const elsewhere[] = {"on_loan", "in_transit"};
    struct cli_map_item *kind =
        item_of(verify, &verify->kinds, cli_json_str(record, "kind"), RELIEF_STR_NONE, RELIEF_STR_NONE);
    kind->n[4]++;
    plus(&kind->n[0], cli_json_int(record, "received"));
    for (unsigned i = 0; i < 2; i++)
        plus(&kind->n[2], cli_json_int(record, elsewhere[i]));
    for (unsigned i = 0; i < 3; i++)
        plus(&kind->n[3], cli_json_int(record, gone[i]));
}

static void see_request(struct verify *verify, const json_t *record)
{
    int64_t quantity = cli_json_int(record, "quantity"), covered = cli_json_int(record, "covered"),
            open = cli_json_int(record, "open"), shortfall = cli_json_int(record, "shortfall"), sum = covered;
    item_of(verify, &verify->requests, cli_json_str(record, "id"), RELIEF_STR_NONE, RELIEF_STR_NONE)->n[0] = covered;
    verify->listed += json_array_size(json_object_get(record, "dispatches"));
    plus(&sum, open);
    plus(&sum, shortfall);
    if (quantity != sum || covered < 0 || open < 0 || shortfall < 0)
        cli_reader_broken(verify->reader, "invariant 4: %lld is not covered %lld + open %lld + shortfall %lld",
                          (long long)quantity, (long long)covered, (long long)open, (long long)shortfall);
}

static bool is_one_of(struct relief_str text, const char *const *words)
{
    for (; *words; words++) {
        if (text.data && relief_str_eq(text, relief_str_of(*words)))
            return true;
    }
    return false;
}

static void see_dispatch(struct verify *verify, const json_t *record)
{
    static const char *const live[] = {"asked", "committed", "in_transit", "received", "in_use", "returning", NULL};
    struct relief_str state = cli_json_str(record, "state"), donor = cli_json_str(record, "donor"),
                      kind = cli_json_str(record, "kind"), request = cli_json_str(record, "request");
    const json_t *lots = json_object_get(record, "lots");
    static const char *const lists[] = {"assets", "operators"};
    bool asked = state.data && relief_str_eq(state, RELIEF_STR("asked")),
         committed = state.data && relief_str_eq(state, RELIEF_STR("committed"));
    plus(&item_of(verify, &verify->requests, request, RELIEF_STR_NONE, RELIEF_STR_NONE)->n[1],
         cli_json_int(record, "covers"));
    for (size_t i = 0; (asked || committed) && i < json_array_size(lots); i++) {
        const json_t *lot = json_array_get(lots, i);
        plus(&item_of(verify, &verify->lots, donor, kind, cli_json_str(lot, "lot"))->n[asked ? 3 : 4],
             cli_json_int(lot, "quantity"));
    }
    for (unsigned l = 0; is_one_of(state, live) && l < 2; l++) {
        const json_t *ids = json_object_get(record, lists[l]);
        for (size_t i = 0; i < json_array_size(ids); i++) {
            struct relief_str id = relief_str_of(json_string_value(json_array_get(ids, i)));
            if (id.data && ++item_of(verify, &verify->assets, id, RELIEF_STR_NONE, RELIEF_STR_NONE)->n[0] == 2)
                cli_reader_broken(verify->reader, "invariant 5: asset %.*s is in two live legs", (int)id.len, id.data);
        }
    }
}

void verify_record(struct verify *verify, struct relief_str line)
{
    struct relief_buf key = RELIEF_BUF_INIT;
    int table = -1;
    json_error_t error;
    json_t *record = json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, &error);
    if (!record || !cli_record_key(&key, record, &table)) {
        cli_reader_broken(verify->reader, "not a record: %s", record ? "no table, or no key" : error.text);
        goto out;
    }
    if (verify->last_key.len > 0 && relief_str_cmp(str_of(&verify->last_key), str_of(&key)) >= 0)
        cli_reader_broken(verify->reader, "order: this record does not come after the one before");
    verify->seen[table]++;
    switch (table) {
    case RELIEF_TABLE_lot:
        see_lot(verify, record);
        break;
    case RELIEF_TABLE_account:
        see_account(verify, record);
        break;
    case RELIEF_TABLE_request:
        see_request(verify, record);
        break;
    case RELIEF_TABLE_dispatch:
        see_dispatch(verify, record);
        break;
    default:
        break;
    }
    relief_buf_deinit(&verify->last_key);
    verify->last_key = key;
    key = RELIEF_BUF_INIT;
out:
    relief_buf_deinit(&key);
    json_decref(record);
}

/* The parts of a key, NUL-ended, for people. */
static const char *name_of(const struct cli_map_item *item, char ret[256])
{
    uint32_t len = item->key_len < 256 ? item->key_len : 256;
    for (uint32_t i = 0; i < len; i++)
        ret[i] = item->key[i] ? item->key[i] : i + 1 == len ? '\0' : ' ';
    ret[len ? len - 1 : 0] = '\0';
    return ret;
}

static void end_kinds(struct verify *verify)
{
    char name[256];
    for (size_t i = 0; i < verify->kinds.size; i++) {
        const struct cli_map_item *kind = verify->kinds.slots[i];
        if (!kind)
            continue;
        int64_t sum = kind->n[1];
        plus(&sum, kind->n[2]);
        plus(&sum, kind->n[3]);
        if (sum != kind->n[0])
            cli_reader_broken(verify->reader,
                              "invariant 1: kind %s: received %lld, but on hand %lld + elsewhere %lld + gone %lld",
                              name_of(kind, name), (long long)kind->n[0], (long long)kind->n[1], (long long)kind->n[2],
                              (long long)kind->n[3]);
    }
}

static void end_lots(struct verify *verify)
{
    char name[256];
    for (size_t i = 0; i < verify->lots.size; i++) {
        const struct cli_map_item *lot = verify->lots.slots[i];
        if (lot && (lot->n[1] != lot->n[3] || lot->n[2] != lot->n[4]))
            cli_reader_broken(verify->reader,
                              "invariant 2: lot %s: held %lld, its legs %lld; reserved %lld, its legs %lld",
                              name_of(lot, name), (long long)lot->n[1], (long long)lot->n[3], (long long)lot->n[2],
                              (long long)lot->n[4]);
    }
}

static void end_requests(struct verify *verify)
{
    char name[256];
    for (size_t i = 0; i < verify->requests.size; i++) {
        const struct cli_map_item *request = verify->requests.slots[i];
        if (request && request->n[0] != request->n[1])
            cli_reader_broken(verify->reader, "invariant 4: request %s: covered %lld, its legs %lld",
                              name_of(request, name), (long long)request->n[0], (long long)request->n[1]);
    }
}

void verify_end(struct verify *verify)
{
    const uint64_t *seen = verify->seen;
    /* A dump of some tables says nothing about sums over the others. */
    bool legs = seen[RELIEF_TABLE_dispatch] > 0 || verify->listed == 0, requests = seen[RELIEF_TABLE_request] > 0;
    if (seen[RELIEF_TABLE_account] > 0 && seen[RELIEF_TABLE_lot] > 0)
        end_kinds(verify);
    if (seen[RELIEF_TABLE_lot] > 0 && requests && legs)
        end_lots(verify);
    if (requests && legs)
        end_requests(verify);
}

void verify_deinit(struct verify *verify)
{
    relief_buf_deinit(&verify->last_key);
    cli_map_deinit(&verify->kinds);
    cli_map_deinit(&verify->lots);
    cli_map_deinit(&verify->requests);
    cli_map_deinit(&verify->assets);
}
