/*
 * Whose records an identity may change. That a role may call a method at all is the schema's column, checked before;
 * here it is the city and the region of the record. `local` has every right.
 */
#include "core/work.h"

int rights_city(struct core_work *work, struct relief_str city)
{
    const struct core_identity *who = &work->entry->who;
    if (who->role == RELIEF_role_local || (who->role == RELIEF_role_city && relief_str_eq(who->city, city)))
        return 0;
    return work_denied(work, "%.*s is not yours", (int)city.len, city.data);
}

int rights_coordinator(struct core_work *work, struct relief_str region)
{
    const struct core_identity *who = &work->entry->who;
    if (who->role == RELIEF_role_local)
        return 0;
    if (who->role == RELIEF_role_coordinator && (!who->region.data || region_within(work, region, who->region)))
        return 0;
    return work_denied(work, "region %.*s is not yours", (int)region.len, region.data);
}

int rights_place(struct core_work *work, const struct relief_city *city)
{
    if (work->entry->who.role == RELIEF_role_coordinator)
        return rights_coordinator(work, city->region);
    return rights_city(work, city->code);
}

int rights_everywhere(struct core_work *work)
{
    const struct core_identity *who = &work->entry->who;
    struct relief_region region = {.id = who->region};
    if (who->role == RELIEF_role_local || (who->role == RELIEF_role_coordinator && !who->region.data))
        return 0;
    /* an identity may name a region that does not exist (yet): that is no root */
    if (who->role == RELIEF_role_coordinator && work_find(work, RELIEF_TABLE_region, &region) && !region.parent.data)
        return 0;
    return work_denied(work, "only a coordinator of the root may do this");
}
