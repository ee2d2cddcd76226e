/*
 * For valgrind, which has no room for the 64 GiB of addresses that the store asks LMDB for: LD_PRELOAD makes them 4.
 * Nothing else changes, until the store is larger than that.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

int mdb_env_set_mapsize(void *env, size_t bytes);

int mdb_env_set_mapsize(void *env, size_t bytes)
{
    int (*next)(void *, size_t);
    void *found = dlsym(RTLD_NEXT, "mdb_env_set_mapsize");
    const size_t most = (size_t)4 << 30;
    memcpy(&next, &found, sizeof next);
    return next(env, bytes < most ? bytes : most);
}
