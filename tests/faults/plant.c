/* Asked of the environment each time: nothing is kept, so any thread may ask. Linked into reliefd_planted only. */
#include "base/plant.h"
#include <stdlib.h>
#include <string.h>

bool plant_is(const char *name)
{
    const char *at = getenv("RELIEF_PLANT");
    size_t len = strlen(name);
    for (; at && *at; at += strcspn(at, ","), at += *at == ',')
        if (strncmp(at, name, len) == 0 && (at[len] == '\0' || at[len] == ','))
            return true;
    return false;
}
