/*
 * Regions as a tree, and which agreement covers a pair of cities and a kind (fine print 20 to 22).
 */
#include "core/work.h"

/* Checked multiplication of units by percent needs 70 bits. */
__extension__ typedef __int128 wide;

static bool region_find(struct core_work *work, struct relief_str id, struct relief_region *ret)
{
    ret->id = id;
    return work_find(work, RELIEF_TABLE_region, ret);
}

struct relief_str region_parent(struct core_work *work, struct relief_str region)
{
    struct relief_region record;
    return region_find(work, region, &record) ? record.parent : RELIEF_STR_NONE;
}

bool region_within(struct core_work *work, struct relief_str region, struct relief_str ancestor)
{
    for (int depth = 0; region.data && depth <= RELIEF_REGION_DEPTH_MAX; depth++) {
        if (relief_str_eq(region, ancestor))
            return true;
        region = region_parent(work, region);
    }
    return false;
}

static bool covers_kind(const struct relief_agreement *agreement, struct relief_str kind)
{
    const struct relief_str *prefixes = agreement->kinds.items;
    if (!agreement->kinds.present)
        return true;
    for (uint32_t i = 0; i < agreement->kinds.count; i++)
        if (relief_str_starts(kind, prefixes[i]))
            return true;
    return false;
}

static bool in_force(const struct relief_agreement *agreement, int64_t now)
{
    return agreement->ended == RELIEF_NIL && (agreement->from == RELIEF_NIL || agreement->from <= now) &&
           (agreement->until == RELIEF_NIL || now < agreement->until);
}

static void take_terms(const struct relief_agreement *agreement, struct terms *ret)
{
    *ret = (struct terms){agreement->id, agreement->commit, agreement->share_percent, agreement->answer_minutes};
}

/* The ids of the donor's agreements, each ended by NUL. */
static struct relief_str signed_by(struct core_work *work, struct relief_str donor)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str ids, id;
    uint32_t cap = CORE_LIST_BYTES, len = 0;
    core_key_start(&prefix, CORE_KEY_BY_DONOR);
    core_key_str(&prefix, donor);
    if (work->reader && core_lists_find(&work->core->memo.lists, &prefix, &ids))
        return work_str(work, ids);
    char *data = work_alloc(work, cap);
    work_scan(work, &cursor, &prefix, CORE_KEY_BY_DONOR, donor, RELIEF_STR_NONE);
    while (work_scan_next(work, &cursor, &prefix, &id)) {
        if (len + id.len + 1 > cap) {
            char *more = work_alloc(work, cap *= 2);
            data = memcpy(more, data, len);
        }
        memcpy(data + len, id.data, id.len + 1u); /* work_str ends it with NUL */
        len += id.len + 1;
    }
    ids = (struct relief_str){data, len};
    if (work->reader)
        core_lists_note(&work->core->memo.lists, &prefix, ids);
    return ids;
}

/* The first by id for the pair itself, else the first by id for a region that holds the requester. */
static bool find_signed(struct core_work *work, struct relief_str donor, const struct relief_city *requester,
                        struct relief_str kind, struct terms *ret)
{
    struct relief_str ids = signed_by(work, donor);
    bool found = false;
    for (uint32_t at = 0; at < ids.len;) {
        struct relief_agreement agreement = {.id = core_key_take_str(ids, &at)};
        if (!work_find(work, RELIEF_TABLE_agreement, &agreement) || !in_force(&agreement, work->now) ||
            !covers_kind(&agreement, kind))
            continue;
        if (agreement.requester.data && relief_str_eq(agreement.requester, requester->code)) {
            take_terms(&agreement, ret);
            return true;
        }
        if (!found && agreement.region.data && region_within(work, requester->region, agreement.region)) {
            take_terms(&agreement, ret);
            found = true;
        }
    }
    return found;
}

/* From the lowest region that holds both upwards, the first that sets a default. */
bool agree_default(struct core_work *work, const struct relief_city *donor, const struct relief_city *requester,
                   struct terms *ret)
{
    struct relief_str id = requester->region;
    for (int depth = 0; id.data && depth <= RELIEF_REGION_DEPTH_MAX; depth++) {
        struct relief_region region;
        if (!region_find(work, id, &region))
            return false;
        if (region.agreement != RELIEF_NIL && region_within(work, donor->region, id)) {
            *ret = (struct terms){RELIEF_STR_NONE, region.agreement, 100, RELIEF_ANSWER_MINUTES};
            return true;
        }
        id = region.parent;
    }
    return false;
}

bool agree_signs(struct core_work *work, struct relief_str donor)
{
    return signed_by(work, donor).len > 0;
}

bool agree_find(struct core_work *work, const struct relief_city *donor, const struct relief_city *requester,
                struct relief_str kind, struct terms *ret)
{
    return find_signed(work, donor->code, requester, kind, ret) || agree_default(work, donor, requester, ret);
}

int64_t agree_limit(struct core_work *work, const struct terms *terms, struct relief_str donor, struct relief_str kind,
                    int64_t available)
{
    struct core_key key;
    struct relief_str value;
    int64_t lent = 0;
    wide limit;
    if (terms->share_percent >= 100)
        return available;
    core_key_start(&key, CORE_KEY_SHARE);
    core_key_str(&key, terms->agreement);
    core_key_str(&key, donor);
    core_key_str(&key, kind);
    value = work->view->ops->get(work->view, &key);
    if (value.data)
        memcpy(&lent, value.data, sizeof lent);
    limit = ((wide)available + lent) * terms->share_percent / 100 - lent;
    return limit < 0 ? 0 : (int64_t)limit;
}
