/*
 * Opening LMDB, its mark, its error codes.
 *
 * The flags are the default ones but for MDB_NOTLS (read transactions are not tied to threads): full sync, no WRITEMAP
 * (it writes whole large folios on this kernel, 0.3 to 5 MB a request), no NOSYNC or NOMETASYNC (they lose acknowledged
 * data; a store that is thrown away after use may be so), no DUPSORT (old defects in it). One environment a process and
 * folder, one unnamed database. LMDB does not defend itself against a damaged file: a file that is shorter than its
 * tree says is lengthened with zeros, so that reading there is an error of LMDB instead of SIGBUS; LMDB's own
 * assertions end in store_fatal.
 */
#include "store/env.h"
#include "base/plant.h"
#include "store/value.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL_MAP_BYTES ((size_t)8 << 20) /* of the planted build, so that a test can fill it */
#define META_BYTES      (4u + 8u + 8u + 32u)

int store_env_error(int code)
{
    switch (code) {
    case MDB_SUCCESS:
        return 0;
    case MDB_MAP_FULL:
        return -ENOSPC;
    case MDB_READERS_FULL:
    case MDB_TLS_FULL:
        return -EAGAIN;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return -EUCLEAN;
    case MDB_PANIC: /* an earlier write of its own failed; what lies on disk is as good as it was */
        return -EIO;
    default:
        return code > 0 ? -code : -EIO;
    }
}

static void env_assert(MDB_env *lmdb, const char *message)
{
    (void)lmdb;
    store_fatal("damage: LMDB found its pages inconsistent: %s", message);
}

/* Lengthens a file that ends before its last page. */
static int env_lengthen(const struct store_env *env)
{
    MDB_envinfo info;
    MDB_stat stat_db;
    mdb_filehandle_t file;
    struct stat file_stat;
    int rc = mdb_env_info(env->lmdb, &info);
    rc = rc ? rc : mdb_env_stat(env->lmdb, &stat_db);
    rc = rc ? rc : mdb_env_get_fd(env->lmdb, &file);
    if (rc) {
        return store_env_error(rc);
    }
    if (fstat(file, &file_stat)) {
        return -errno;
    }
    off_t wanted = (off_t)((info.me_last_pgno + 1) * stat_db.ms_psize);
    if (file_stat.st_size >= wanted || env->read_only) {
        return 0;
    }
    return ftruncate(file, wanted) ? -errno : 0;
}

static int env_first_txn(struct store_env *env)
{
    MDB_txn *txn = NULL;
    int dead = 0, rc = mdb_reader_check(env->lmdb, &dead);
    rc = rc ? rc : mdb_txn_begin(env->lmdb, NULL, env->read_only ? MDB_RDONLY : 0, &txn);
    rc = rc ? rc : mdb_dbi_open(txn, NULL, 0, &env->dbi);
    if (rc) {
        mdb_txn_abort(txn);
        return store_env_error(rc);
    }
    struct store_mark mark;
    int error = store_env_mark(env, txn, &mark);
    if (error) {
        mdb_txn_abort(txn);
        return error;
    }
    return store_env_error(mdb_txn_commit(txn));
}

/* A file that has come near the usual size gets more: a map that is full is larger after a restart. */
static size_t env_map_bytes(const char *dir)
{
    char path[PATH_MAX];
    struct stat info;
    size_t bytes = PLANT("small-map") ? SMALL_MAP_BYTES : STORE_MAP_BYTES;
    if (snprintf(path, sizeof(path), "%s/data.mdb", dir) >= (int)sizeof(path) || stat(path, &info)) {
        return bytes;
    }
    return (size_t)info.st_size > bytes / 2 ? 2 * (size_t)info.st_size : bytes;
}

int store_env_open(struct store_env *env, const char *dir, size_t map_bytes, unsigned flags)
{
    *env = (struct store_env){.read_only = (flags & MDB_RDONLY) != 0};
    if (!env->read_only && mkdir(dir, 0700) && errno != EEXIST) {
        return -errno;
    }
    int rc = mdb_env_create(&env->lmdb);
    if (rc) {
        return store_env_error(rc);
    }
    rc = mdb_env_set_mapsize(env->lmdb, map_bytes ? map_bytes : env_map_bytes(dir));
    rc = rc ? rc : mdb_env_set_maxreaders(env->lmdb, STORE_READERS_MAX);
    rc = rc ? rc : mdb_env_set_assert(env->lmdb, env_assert);
    rc = rc ? rc : mdb_env_open(env->lmdb, dir, MDB_NOTLS | flags, 0600);
    int error = store_env_error(rc);
    error = error ? error : env_lengthen(env);
    error = error ? error : env_first_txn(env);
    if (error) {
        store_env_close(env);
    }
    return error;
}

void store_env_close(struct store_env *env)
{
    if (env->lmdb) {
        mdb_env_close(env->lmdb);
    }
    env->lmdb = NULL;
}

static void put_number(uint8_t *at, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    }
}

static uint64_t get_number(const uint8_t *at, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes; i++) {
        number = number << 8 | at[i];
    }
    return number;
}

int store_env_mark(const struct store_env *env, MDB_txn *txn, struct store_mark *ret_mark)
{
    struct relief_str name = {STORE_META_KEY, STORE_META_KEY_BYTES}, value;
    MDB_val key = {name.len, (void *)(uintptr_t)name.data}, data;
    int rc = mdb_get(txn, env->dbi, &key, &data);
    if (rc == MDB_NOTFOUND) {
        MDB_stat stat_db;
        rc = mdb_stat(txn, env->dbi, &stat_db);
        if (rc == 0 && stat_db.ms_entries > 0) {
            return -EUCLEAN; /* records, and nothing that says of when */
        }
        *ret_mark = (struct store_mark){0};
        return store_env_error(rc);
    }
    if (rc) {
        return store_env_error(rc);
    }
    if (!store_value_open(name, data.mv_data, data.mv_size, &value) || value.len < META_BYTES) {
        return -EUCLEAN;
    }
    const uint8_t *at = (const uint8_t *)value.data;
    if (get_number(at, 4) != STORE_VERSION) {
        return -EUCLEAN;
    }
    ret_mark->seq = get_number(at + 4, 8);
    ret_mark->time = (int64_t)get_number(at + 12, 8);
    memcpy(ret_mark->hash, at + 20, sizeof(ret_mark->hash));
    return 0;
}

int store_env_set_mark(const struct store_env *env, MDB_txn *txn, const struct store_mark *mark)
{
    struct relief_str name = {STORE_META_KEY, STORE_META_KEY_BYTES};
    uint8_t stored[META_BYTES + STORE_CHECK_BYTES];
    put_number(stored, STORE_VERSION, 4);
    put_number(stored + 4, mark->seq, 8);
    put_number(stored + 12, (uint64_t)mark->time, 8);
    memcpy(stored + 20, mark->hash, sizeof(mark->hash));
    store_value_check(name, (struct relief_str){(const char *)stored, META_BYTES}, stored + META_BYTES);
    MDB_val key = {name.len, (void *)(uintptr_t)name.data}, data = {sizeof(stored), stored};
    return store_env_error(mdb_put(txn, env->dbi, &key, &data, 0));
}
