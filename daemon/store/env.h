/*
 * The LMDB environment of a store: how it is opened, and the mark that says which entry of the log its content stands
 * for.
 */
#pragma once
#include <lmdb.h>
#include "store/store.h"

#define STORE_MAP_BYTES      ((size_t)64 << 30) /* address space only; the file grows as needed */
#define STORE_READERS_MAX    126u               /* LMDB's own default: dumps and plans at a time, each holds one */
#define STORE_VERSION        2u                 /* of FORMAT.md */
#define STORE_META_KEY       "\0m"              /* 2 bytes; no key of the core begins with NUL */
#define STORE_META_KEY_BYTES 2u

struct store_env {
    MDB_env *lmdb;
    MDB_dbi dbi;
    bool read_only;
};

/* flags: of LMDB, beside MDB_NOTLS. 0, -errno; -EUCLEAN: damaged, or of a newer version. */
int store_env_open(struct store_env *env, const char *dir, size_t map_bytes, unsigned flags);
void store_env_close(struct store_env *env);
/* The mark as txn sees it; zeros in an empty store. 0 or -EUCLEAN, -errno. */
int store_env_mark(const struct store_env *env, MDB_txn *txn, struct store_mark *ret_mark);
int store_env_set_mark(const struct store_env *env, MDB_txn *txn, const struct store_mark *mark);
/* LMDB's return code as 0 or -errno. */
int store_env_error(int code);
