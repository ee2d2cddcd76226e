/* The greatest keys of some tables (tops.h). */
#include "store/tops.h"
#include "core/key.h"
#include "store/layers.h"
#include "store/value.h"

static const uint8_t spaces[STORE_TOPS] = {CORE_KEY_RECORD + RELIEF_TABLE_request,
                                           CORE_KEY_RECORD + RELIEF_TABLE_dispatch, CORE_KEY_RECORD + RELIEF_TABLE_op};

/* Place of the key's table among the tops; STORE_TOPS: it has none. */
static unsigned top_of(struct relief_str key)
{
    unsigned top = 0;
    while (top < STORE_TOPS && spaces[top] != (uint8_t)key.data[0])
        top++;
    return top;
}

void store_tops_open(struct store_tops *tops, struct store_layers *layers)
{
    for (unsigned i = 0; i < STORE_TOPS; i++) {
        store_layers_lmdb_last(layers, spaces[i], &tops->lmdb[i]);
        tops->all[i] = tops->lmdb[i];
    }
    tops->known = true;
}

static bool behind(const struct core_key *tops, unsigned top, struct relief_str key)
{
    return relief_str_cmp(key, store_key(&tops[top])) > 0;
}

bool store_tops_behind(const struct store_tops *tops, struct relief_str key)
{
    unsigned top = tops->known ? top_of(key) : STORE_TOPS;
    return top < STORE_TOPS && behind(tops->lmdb, top, key);
}

void store_tops_put(struct store_tops *tops, struct relief_str key)
{
    unsigned top = tops->known ? top_of(key) : STORE_TOPS;
    if (top < STORE_TOPS && behind(tops->all, top, key)) {
        tops->all[top].len = key.len;
        memcpy(tops->all[top].data, key.data, key.len);
    }
}

void store_tops_freeze(struct store_tops *tops)
{
    memcpy(tops->lmdb, tops->all, sizeof tops->lmdb);
}
