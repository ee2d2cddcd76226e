/*
 * The tree is read from the file, past LMDB, as LMDB 0.9 lays it out (mdb.c); so nothing here follows an address that a
 * damaged page gives. The pages of a read transaction are not written as long as it lasts.
 *
 * What makes a page right: it carries its own number and is what its depth says; its nodes fill it from `upper` to its
 * end without a gap, each named once, which leaves no other value to `lower`, `upper`, the places of nodes and their
 * lengths; its keys rise, and lie between the separators that led there; the page is none of those that LMDB calls
 * free, as an older copy of it would be. And each value has its check, which is bound to the key. All of that is local:
 * so a large tree is looked at in slices, each in a transaction of its own, whatever is written meanwhile.
 *
 * Relies on LMDB packing its pages: adding, deleting and replacing nodes all keep them without gaps.
 */
#include "store/pages.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "store/layers.h"
#include "store/value.h"

static_assert(MDB_VERSION_MAJOR == 0 && MDB_VERSION_MINOR == 9, "the layout of 0.9 stands here again");

/* ---- the layout ---- */

enum { BRANCH = 1, LEAF = 2, OVERFLOW = 4 }; /* flags of a page */
enum { BIG = 1 };                            /* of a node: the value has pages of its own */
enum { FREE_TREE, RECORD_TREE, TREES };      /* roots in a meta page */

#define LEVELS_MAX 32u  /* LMDB's own bound of the depth */
#define KEY_MAX    511u /* LMDB's */
#define NO_PAGE    SIZE_MAX

struct page {
    size_t number;
    uint16_t pad, flags;
    uint16_t lower, upper; /* of an overflow page: its count of pages, 4 bytes */
};
#define PAGE_HEAD 16u

struct root {
    uint32_t pad;
    uint16_t flags, depth;
    size_t branches, leaves, overflows, entries, page;
};

struct meta {
    uint32_t magic, version;
    void *address;
    size_t map_bytes;
    struct root roots[TREES];
    size_t last_page, txn;
};

#define NODE_HEAD 8u
struct node {
    struct relief_str key;
    const uint8_t *data;
    uint32_t data_bytes; /* of the value */
    size_t child;        /* of a branch */
    size_t bytes;        /* all of it */
    bool big;
};

static_assert(sizeof(size_t) != 8 ||
                  (sizeof(struct root) == 48 && sizeof(struct meta) == 136 && sizeof(struct page) == 16),
              "as in mdb.c");

static uint16_t read_16(const uint8_t *at)
{
    uint16_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static size_t read_size(const uint8_t *at)
{
    size_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static struct page page_head(const uint8_t *at)
{
    struct page page;
    memcpy(&page, at, sizeof page);
    return page;
}

static size_t node_count(const uint8_t *at)
{
    return (page_head(at).lower - PAGE_HEAD) / 2u;
}

/* The node at `place`; false when it does not fit into the page. */
static bool node_at(const struct store_pages *pages, const uint8_t *page, size_t place, struct node *ret)
{
    if (place % 2 != 0 || place + NODE_HEAD > pages->page_bytes)
        return false;
    const uint8_t *at = page + place;
    uint16_t flags = read_16(at + 4), key_len = read_16(at + 6);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    uint32_t low = read_16(at + 2) | (uint32_t)read_16(at) << 16;
#else
    uint32_t low = read_16(at) | (uint32_t)read_16(at + 2) << 16;
#endif
    bool branch = (page_head(page).flags & BRANCH) != 0;
    *ret = (struct node){.key = {(const char *)at + NODE_HEAD, key_len},
                         .data = at + NODE_HEAD + key_len,
                         .big = !branch && flags == BIG};
    size_t data_bytes = 0;
    if (branch) {
        ret->child = sizeof(size_t) > 4 ? low | (size_t)((uint64_t)flags << 32) : low;
    } else {
        ret->data_bytes = low;
        data_bytes = ret->big ? sizeof(size_t) : low;
    }
    ret->bytes = (NODE_HEAD + key_len + data_bytes + 1) / 2 * 2;
    return (branch || flags == 0 || ret->big) && key_len <= KEY_MAX && ret->bytes <= pages->page_bytes - place;
}

static struct node node_of(const struct store_pages *pages, const uint8_t *page, size_t i)
{
    struct node node = {.bytes = 0};
    (void)node_at(pages, page, read_16(page + PAGE_HEAD + 2 * i), &node); /* the page was looked at */
    return node;
}

/* ---- pages ---- */

static bool damaged(struct store_pages *pages, size_t page, const char *what)
{
    snprintf(pages->fault, sizeof pages->fault, "page %zu: %s", page, what);
    return false;
}

static bool is_free(const struct store_pages *pages, size_t page)
{
    return pages->free_pages[page / 8] >> page % 8 & 1;
}

static bool read_bytes(const struct store_pages *pages, size_t page, uint8_t *ret, size_t bytes)
{
    mdb_filehandle_t file;
    size_t done = 0;
    if (mdb_env_get_fd(pages->env->lmdb, &file))
        return false;
    while (done < bytes) {
        ssize_t got = pread(file, ret + done, bytes - done, (off_t)(page * pages->page_bytes + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* `count` pages, of which the first one says what they are. */
static bool read_pages(struct store_pages *pages, size_t page, size_t count, uint8_t *ret)
{
    if (page < 2 || page >= pages->page_count || count > pages->page_count - page)
        return damaged(pages, page, "it is named, and the file has no such page");
    for (size_t i = page; i < page + count; i++) {
        if (is_free(pages, i))
            return damaged(pages, i, "it is in use and free");
    }
    if (!read_bytes(pages, page, ret, count * pages->page_bytes))
        return damaged(pages, page, "it can't be read");
    return page_head(ret).number == page || damaged(pages, page, "it says that it is another page");
}

/* Each byte from `upper` on belongs to one node, and each node is named once. */
static bool nodes_fit(struct store_pages *pages, size_t number, const uint8_t *page)
{
    struct page head = page_head(page);
    struct node node;
    if (head.lower <= PAGE_HEAD || head.lower % 2 != 0 || head.lower > head.upper || head.upper > pages->page_bytes)
        return damaged(pages, number, "its bounds can't be");
    size_t count = node_count(page);
    memset(pages->starts, 0, pages->page_bytes / 16);
    for (size_t i = 0; i < count; i++) {
        size_t place = read_16(page + PAGE_HEAD + 2 * i);
        if (place < head.upper || !node_at(pages, page, place, &node))
            return damaged(pages, number, "a node is where none can be");
        pages->starts[place / 16] |= (uint8_t)(1u << place / 2 % 8);
    }
    for (size_t place = head.upper; place < pages->page_bytes; place += node.bytes, count--) {
        if (count == 0 || !(pages->starts[place / 16] >> place / 2 % 8 & 1) || !node_at(pages, page, place, &node))
            return damaged(pages, number, "its nodes don't fill it");
    }
    return count == 0 || damaged(pages, number, "its nodes overlap");
}

/* ---- keys ---- */

struct range {
    struct relief_str from, below; /* data NULL: no bound */
};

/* Keys of the tree of free pages are the numbers of transactions. */
static int compare(unsigned tree, struct relief_str a, struct relief_str b)
{
    if (tree == RECORD_TREE)
        return relief_str_cmp(a, b);
    size_t one = read_size((const uint8_t *)a.data), other = read_size((const uint8_t *)b.data);
    return (one > other) - (one < other);
}

/* They rise, and are those that a search finds here. The first of a branch stands for all that is smaller. */
static bool keys_fit(struct store_pages *pages, unsigned tree, size_t number, const uint8_t *page, struct range range)
{
    bool branch = (page_head(page).flags & BRANCH) != 0;
    struct relief_str before = range.from;
    size_t count = node_count(page);
    for (size_t i = branch ? 1 : 0; i < count; i++) {
        struct relief_str key = node_of(pages, page, i).key;
        if (tree == FREE_TREE ? key.len != sizeof(size_t) : key.len == 0 || key.len > CORE_KEY_BYTES_MAX)
            return damaged(pages, number, "a key has a length that none has");
        int order = before.data ? compare(tree, before, key) : -1;
        if (order > 0 || (order == 0 && (branch || i > 0)))
            return damaged(pages, number, "its keys are not in order, or not where a search looks for them");
        before = key;
    }
    if (before.data && range.below.data && compare(tree, before, range.below) >= 0)
        return damaged(pages, number, "its keys are not where a search looks for them");
    return true;
}

/* ---- values ---- */

/* A value in pages of its own; it may have more of them than it needs. */
static bool big_value(struct store_pages *pages, const struct node *node, const uint8_t **ret)
{
    size_t number = read_size(node->data);
    size_t count = (PAGE_HEAD + (size_t)node->data_bytes + pages->page_bytes - 1) / pages->page_bytes;
    if (count > pages->page_count)
        return damaged(pages, number, "a value is longer than the file");
    if (count * pages->page_bytes > pages->value_bytes) {
        pages->value = store_realloc(pages->value, count * pages->page_bytes);
        pages->value_bytes = count * pages->page_bytes;
    }
    if (!read_pages(pages, number, count, pages->value))
        return false;
    struct page head = page_head(pages->value);
    uint32_t has;
    memcpy(&has, pages->value + offsetof(struct page, lower), sizeof has);
    if (head.flags != OVERFLOW || has < count)
        return damaged(pages, number, "it is not the value that it should be");
    pages->looked += count;
    pages->left -= count < pages->left ? (uint32_t)count : pages->left;
    *ret = pages->value + PAGE_HEAD;
    return true;
}

/*
 * A list of pages that are free: how many, then their numbers. LMDB makes room for lists before it knows how long they
 * get, as making room takes pages from them; so there may be more room than numbers.
 */
static bool note_free(struct store_pages *pages, size_t number, const uint8_t *data, size_t bytes)
{
    size_t count = bytes >= sizeof(size_t) ? read_size(data) : 0;
    if (count >= bytes / sizeof(size_t) || bytes % sizeof(size_t) != 0)
        return damaged(pages, number, "a list of free pages is longer than its room");
    for (size_t i = 1; i <= count; i++) {
        size_t page = read_size(data + i * sizeof(size_t));
        if (page < 2 || page >= pages->page_count)
            return damaged(pages, number, "it calls a page free that the file does not have");
        pages->free_pages[page / 8] |= (uint8_t)(1u << page % 8);
    }
    return true;
}

static bool values_fit(struct store_pages *pages, unsigned tree, size_t number, const uint8_t *page)
{
    struct relief_str value;
    for (size_t i = 0, count = node_count(page); i < count; i++) {
        struct node node = node_of(pages, page, i);
        const uint8_t *data = node.data;
        if (node.big && !big_value(pages, &node, &data))
            return false;
        if (tree == FREE_TREE && !note_free(pages, number, data, node.data_bytes))
            return false;
        if (tree == RECORD_TREE && !store_value_open(node.key, data, node.data_bytes, &value))
            return damaged(pages, number, "a value does not match its checksum");
    }
    return true;
}

/* ---- trees ---- */

static bool over(const struct store_pages *pages)
{
    return pages->left == 0 || (pages->stop && atomic_load_explicit(pages->stop, memory_order_relaxed));
}

/* Keys and places in a leaf were looked at; its values were in an earlier slice when all its keys lie before `after`.
 */
static bool look_at_values(struct store_pages *pages, unsigned tree, size_t number, const uint8_t *leaf)
{
    struct relief_str last = node_of(pages, leaf, node_count(leaf) - 1).key;
    if (tree == FREE_TREE)
        return values_fit(pages, tree, number, leaf);
    if (pages->after.len > 0 && relief_str_cmp(last, store_key(&pages->after)) <= 0)
        return true;
    pages->left -= pages->left > 0;
    if (!values_fit(pages, tree, number, leaf))
        return false;
    pages->after.len = last.len;
    memcpy(pages->after.data, last.data, last.len);
    return true;
}

/* Calls go as deep as the tree, which has at most LEVELS_MAX levels: `depth` counts them down to the leaves. */
static bool look_at(struct store_pages *pages, unsigned tree, size_t number, unsigned depth, struct range range)
{
    uint8_t *page = pages->taken + (size_t)depth * pages->page_bytes;
    if (!read_pages(pages, number, 1, page))
        return false;
    if (page_head(page).flags != (depth > 1 ? BRANCH : LEAF))
        return damaged(pages, number, depth > 1 ? "it is no branch" : "it is no leaf");
    if (!nodes_fit(pages, number, page) || !keys_fit(pages, tree, number, page, range))
        return false;
    pages->looked++;
    if (depth == 1)
        return look_at_values(pages, tree, number, page);
    for (size_t i = 0, count = node_count(page); i < count && (tree == FREE_TREE || !over(pages)); i++) {
        struct range inside = {i > 0 ? node_of(pages, page, i).key : range.from,
                               i + 1 < count ? node_of(pages, page, i + 1).key : range.below};
        bool done = tree == RECORD_TREE && pages->after.len > 0 && inside.below.data &&
                    relief_str_cmp(inside.below, store_key(&pages->after)) <= 0;
        if (!done && !look_at(pages, tree, node_of(pages, page, i).child, depth - 1, inside))
            return false;
    }
    return true;
}

static bool look_at_tree(struct store_pages *pages, unsigned tree, const struct root *root)
{
    if (root->page == NO_PAGE)
        return true;
    if (root->depth == 0 || root->depth > LEVELS_MAX)
        return damaged(pages, root->page, "its tree has a depth that none has");
    return look_at(pages, tree, root->page, root->depth, (struct range){{NULL, 0}, {NULL, 0}});
}

/* ---- moments ---- */

/* The meta page of this transaction, unless it was written over by the second commit since. */
static bool find_meta(struct store_pages *pages, MDB_txn *txn, struct meta *ret)
{
    MDB_stat stat;
    uint8_t head[PAGE_HEAD + sizeof(struct meta)], again[sizeof head];
    if (mdb_stat(txn, pages->env->dbi, &stat))
        return false;
    pages->page_bytes = stat.ms_psize;
    size_t page = mdb_txn_id(txn) & 1;
    if (!read_bytes(pages, page, head, sizeof head) || !read_bytes(pages, page, again, sizeof again) ||
        memcmp(head, again, sizeof head) != 0) /* half of it may be older while that commit writes it */
        return false;
    memcpy(ret, head + PAGE_HEAD, sizeof *ret);
    const struct root *root = &ret->roots[RECORD_TREE];
    return ret->txn == mdb_txn_id(txn) && root->entries == stat.ms_entries && root->depth == stat.ms_depth &&
           root->branches == stat.ms_branch_pages && root->leaves == stat.ms_leaf_pages &&
           root->overflows == stat.ms_overflow_pages;
}

static void make_room(struct store_pages *pages)
{
    MDB_envinfo info;
    if (pages->taken)
        return;
    mdb_env_info(pages->env->lmdb, &info);
    pages->taken = store_alloc((LEVELS_MAX + 1) * pages->page_bytes);
    pages->starts = store_alloc(pages->page_bytes / 16);
    pages->free_pages = store_alloc(info.me_mapsize / pages->page_bytes / 8 + 1);
}

static enum store_pages_end look_at_moment(struct store_pages *pages, MDB_txn *txn, uint32_t slice)
{
    struct meta meta;
    MDB_envinfo info;
    if (!find_meta(pages, txn, &meta))
        return STORE_PAGES_AGAIN;
    mdb_env_info(pages->env->lmdb, &info);
    pages->page_count = meta.last_page + 1;
    make_room(pages);
    if (pages->page_count > info.me_mapsize / pages->page_bytes) {
        damaged(pages, meta.last_page, "the last one is beyond what LMDB maps");
        return STORE_PAGES_DAMAGED;
    }
    memset(pages->free_pages, 0, pages->page_count / 8 + 1);
    if (!look_at_tree(pages, FREE_TREE, &meta.roots[FREE_TREE]))
        return STORE_PAGES_DAMAGED;
    pages->left = slice; /* of the records: each slice gets on, however much is free */
    if (!look_at_tree(pages, RECORD_TREE, &meta.roots[RECORD_TREE]))
        return STORE_PAGES_DAMAGED;
    if (pages->stop && atomic_load(pages->stop))
        return STORE_PAGES_STOPPED;
    return pages->left == 0 ? STORE_PAGES_MORE : STORE_PAGES_WHOLE;
}

enum store_pages_end store_pages_look(struct store_pages *pages, uint32_t slice)
{
    MDB_txn *txn = NULL;
    if (mdb_txn_begin(pages->env->lmdb, NULL, MDB_RDONLY, &txn))
        return STORE_PAGES_AGAIN;
    enum store_pages_end end = look_at_moment(pages, txn, slice);
    mdb_txn_abort(txn);
    return end;
}

void store_pages_init(struct store_pages *pages, const struct store_env *env, const atomic_bool *stop)
{
    *pages = (struct store_pages){.env = env, .stop = stop};
}

void store_pages_deinit(struct store_pages *pages)
{
    free(pages->taken);
    free(pages->starts);
    free(pages->free_pages);
    free(pages->value);
    *pages = (struct store_pages){.env = NULL};
}
