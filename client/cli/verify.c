/*
 * The invariants 1, 2, 4 and 5 of DESIGN 6 over the records of a dump, and their order. 3 (no leg below the floor when
 * it was made) is about moments that a dump does not hold; replaying the log shows it. A dump of some tables only is
 * checked for what these tables say.
 */
#include "client/cli/verify.h"
#include <stdlib.h>
#include <string.h>
#include "client/cli/record_form.h"
#include "client/cli/record_key.h"

static struct relief_str str_of(const struct relief_buf *buf)
{
    return (struct relief_str){buf->data, (uint32_t)buf->len};
}

static struct relief_str word(const struct verify *verify, const char *key)
{
    return canon_word(&verify->canon, 0, key);
}

static int64_t number(const struct verify *verify, const char *key)
{
    return canon_member_int(&verify->canon, 0, key);
}

static struct cli_map_item *item_of(struct verify *verify, struct cli_map *map, struct relief_str a,
                                    struct relief_str b, struct relief_str c)
{
    static struct cli_map_item none;
    const struct relief_str parts[] = {a, b, c};
    struct relief_buf *key = &verify->key;
    relief_buf_clear(key);
    for (unsigned i = 0; i < 3 && (i == 0 || parts[i].data); i++) {
        relief_buf_add_str(key, parts[i]);
        relief_buf_add_char(key, '\0');
    }
    struct cli_map_item *item = key->failed ? NULL : cli_map_get(map, str_of(key));
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

static void see_lot(struct verify *verify)
{
    struct relief_str kind = word(verify, "kind");
    struct cli_map_item *lot = item_of(verify, &verify->lots, word(verify, "city"), kind, word(verify, "lot"));
    lot->n[0] = number(verify, "quantity");
    lot->n[1] = number(verify, "held");
    lot->n[2] = number(verify, "reserved");
    plus(&item_of(verify, &verify->kinds, kind, RELIEF_STR_NONE, RELIEF_STR_NONE)->n[1], lot->n[0]);
    if (lot->n[0] < 0 || lot->n[1] < 0 || lot->n[2] < 0 || lot->n[1] > lot->n[0] || lot->n[2] > lot->n[0] - lot->n[1])
        cli_reader_broken(verify->reader, "invariant 2: held %lld and reserved %lld of %lld on hand",
                          (long long)lot->n[1], (long long)lot->n[2], (long long)lot->n[0]);
}

/* What its units are: lots or assets. */
static void see_kind(struct verify *verify)
{
    struct relief_str class = word(verify, "class");
    item_of(verify, &verify->kinds, word(verify, "code"), RELIEF_STR_NONE, RELIEF_STR_NONE)->n[4] =
        class.data && relief_str_eq(class, RELIEF_STR("supply")) ? 1 : 2;
}

static void see_asset(struct verify *verify)
{
    struct relief_str use = word(verify, "use");
    if (!use.data || !relief_str_eq(use, RELIEF_STR("away")))
        plus(&item_of(verify, &verify->kinds, word(verify, "kind"), RELIEF_STR_NONE, RELIEF_STR_NONE)->n[1], 1);
}

static void see_account(struct verify *verify)
{
    static const char *const gone[] = {"issued", "lost", "written_off"}, *const elsewhere[] = {"on_loan", "in_transit"};
    struct cli_map_item *kind = item_of(verify, &verify->kinds, word(verify, "kind"), RELIEF_STR_NONE, RELIEF_STR_NONE);
    plus(&kind->n[0], number(verify, "received"));
    for (unsigned i = 0; i < 2; i++)
        plus(&kind->n[2], number(verify, elsewhere[i]));
    for (unsigned i = 0; i < 3; i++)
        plus(&kind->n[3], number(verify, gone[i]));
}

static uint64_t elements(const struct verify *verify, const char *key)
{
    uint32_t list = canon_get(&verify->canon, 0, key);
    uint64_t count = 0;
    for (uint32_t i = list + 1; list && i < verify->canon.nodes[list].next; i = verify->canon.nodes[i].next)
        count++;
    return count;
}

static void see_request(struct verify *verify)
{
    int64_t quantity = number(verify, "quantity"), covered = number(verify, "covered"), open = number(verify, "open"),
            shortfall = number(verify, "shortfall"), sum = covered;
    item_of(verify, &verify->requests, word(verify, "id"), RELIEF_STR_NONE, RELIEF_STR_NONE)->n[0] = covered;
    verify->listed += elements(verify, "dispatches");
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

static void see_dispatch(struct verify *verify)
{
    static const char *const live[] = {"asked", "committed", "in_transit", "received", "in_use", "returning", NULL};
    struct relief_str state = word(verify, "state"), donor = word(verify, "donor"), kind = word(verify, "kind"),
                      request = word(verify, "request");
    const struct canon *canon = &verify->canon;
    uint32_t lots = canon_get(canon, 0, "lots");
    static const char *const lists[] = {"assets", "operators"};
    bool asked = state.data && relief_str_eq(state, RELIEF_STR("asked")),
         committed = state.data && relief_str_eq(state, RELIEF_STR("committed"));
    plus(&item_of(verify, &verify->requests, request, RELIEF_STR_NONE, RELIEF_STR_NONE)->n[1],
         number(verify, "covers"));
    for (uint32_t i = lots + 1; lots && (asked || committed) && i < canon->nodes[lots].next; i = canon->nodes[i].next)
        plus(&item_of(verify, &verify->lots, donor, kind, canon_word(canon, i, "lot"))->n[asked ? 3 : 4],
             canon_member_int(canon, i, "quantity"));
    for (unsigned l = 0; is_one_of(state, live) && l < 2; l++) {
        uint32_t ids = canon_get(canon, 0, lists[l]);
        for (uint32_t i = ids + 1; ids && i < canon->nodes[ids].next; i = canon->nodes[i].next) {
            struct relief_str id = canon->nodes[i].escaped ? canon_raw(canon, i) : canon_str(canon, i, NULL);
            if (id.data && ++item_of(verify, &verify->assets, id, RELIEF_STR_NONE, RELIEF_STR_NONE)->n[0] == 2)
                cli_reader_broken(verify->reader, "invariant 5: asset %.*s is in two live legs", (int)id.len, id.data);
        }
    }
}

static void see(struct verify *verify, int table)
{
    switch (table) {
    case RELIEF_TABLE_kind:
        see_kind(verify);
        break;
    case RELIEF_TABLE_lot:
        see_lot(verify);
        break;
    case RELIEF_TABLE_asset:
        see_asset(verify);
        break;
    case RELIEF_TABLE_account:
        see_account(verify);
        break;
    case RELIEF_TABLE_request:
        see_request(verify);
        break;
    case RELIEF_TABLE_dispatch:
        see_dispatch(verify);
        break;
    default:
        break;
    }
}

void verify_record(struct verify *verify, struct relief_str line)
{
    struct relief_buf *key = &verify->keys[verify->turn], *last = &verify->keys[!verify->turn];
    int table = -1;
    relief_buf_clear(key);
    if (!canon_parse(&verify->canon, line)) {
        cli_reader_broken(verify->reader, "not a record: byte %zu: %s", verify->canon.error_at + 1,
                          verify->canon.error);
        return;
    }
    if (!cli_record_key(key, &verify->canon, 0, &table)) {
        cli_reader_broken(verify->reader, "not a record: no table, or no key");
        return;
    }
    const char *field = cli_record_form(&verify->canon, 0, &relief_tables[table]);
    if (field)
        cli_reader_broken(verify->reader, "not a record of table %s: field %s", relief_tables[table].name, field);
    if (last->len > 0 && relief_str_cmp(str_of(last), str_of(key)) >= 0)
        cli_reader_broken(verify->reader, "order: this record does not come after the one before");
    verify->turn = !verify->turn;
    verify->seen[table]++;
    see(verify, table);
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
        const struct cli_map_item *kind = verify->kinds.slots[i].item;
        bool lots = verify->seen[RELIEF_TABLE_lot] > 0, assets = verify->seen[RELIEF_TABLE_asset] > 0;
        if (!kind || !(kind->n[4] == 1 ? lots : kind->n[4] == 2 ? assets : lots && assets))
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
        const struct cli_map_item *lot = verify->lots.slots[i].item;
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
        const struct cli_map_item *request = verify->requests.slots[i].item;
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
    if (seen[RELIEF_TABLE_account] > 0)
        end_kinds(verify);
    if (seen[RELIEF_TABLE_lot] > 0 && requests && legs)
        end_lots(verify);
    if (requests && legs)
        end_requests(verify);
}

void verify_deinit(struct verify *verify)
{
    relief_buf_deinit(&verify->keys[0]);
    relief_buf_deinit(&verify->keys[1]);
    relief_buf_deinit(&verify->key);
    canon_deinit(&verify->canon);
    cli_map_deinit(&verify->kinds);
    cli_map_deinit(&verify->lots);
    cli_map_deinit(&verify->requests);
    cli_map_deinit(&verify->assets);
}
