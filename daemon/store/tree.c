/*
 * The B+tree of an overlay.
 *
 * Keys share long beginnings (table, city, kind), so each node remembers how many bytes all its keys share and keeps
 * the 8 bytes after them as a number; a search compares whole keys only where those numbers tie. A key is a line of
 * memory that is mostly not at hand, so the beginning of what they share stands in the node too. The shared length is a
 * fact about the keys of the node alone (first and last key decide it), so splits and removals need no knowledge of
 * neighbours. Entries that arrive in ascending order fill their leaves whole, and find them without a search. A leaf
 * that runs empty is taken out; nodes are never merged, because an overlay lives for one generation. Separators are
 * copies of keys, so entries can be freed at any time.
 */
#include "store/tree.h"
#include <assert.h>

struct step {
    struct store_node *node;
    uint32_t child;
};

struct path {
    struct step steps[STORE_DEPTH_MAX]; /* inner nodes from the root down */
    uint32_t depth;
    struct store_node *leaf;
};

static uint64_t head_of(const char *key, uint32_t len, uint32_t skip)
{
    uint64_t word = 0;
    if (len >= skip + 8) {
        memcpy(&word, key + skip, 8);
    } else if (len > skip) {
        memcpy(&word, key + skip, len - skip);
    }
    return __builtin_bswap64(word);
}

static uint32_t shared(const char *a, uint32_t a_len, const char *b, uint32_t b_len, uint32_t bound)
{
    uint32_t len = a_len < b_len ? a_len : b_len, at = 0;
    len = len < bound ? len : bound;
    while (at < len && a[at] == b[at]) {
        at++;
    }
    return at;
}

/* The prefix is that of `key`, one of the node's. */
static void node_lead(struct store_node *node, const struct store_entry *key, uint32_t prefix)
{
    node->prefix = (uint16_t)prefix;
    memcpy(node->lead, key->key, prefix < STORE_LEAD ? prefix : STORE_LEAD);
}

static void node_set_prefix(struct store_node *node, uint32_t prefix)
{
    node_lead(node, node->keys[0], prefix);
    for (uint32_t i = 0; i < node->count; i++) {
        node->heads[i] = head_of(node->keys[i]->key, node->keys[i]->key_len, prefix);
    }
}

/* Widens the prefix to what first and last key share; after a split. */
static void node_measure(struct store_node *node)
{
    if (node->count == 0) {
        node->prefix = 0;
        return;
    }
    const struct store_entry *first = node->keys[0], *last = node->keys[node->count - 1];
    uint32_t prefix = shared(first->key, first->key_len, last->key, last->key_len, UINT16_MAX);
    if (prefix != node->prefix) {
        node_set_prefix(node, prefix);
    }
}

/* The first position whose key is >= key (> key when after). */
static uint32_t node_search(const struct store_node *node, struct relief_str key, bool after)
{
    if (node->count == 0) {
        return 0;
    }
    uint32_t prefix = node->prefix;
    if (prefix > 0) {
        uint32_t len = key.len < prefix ? key.len : prefix;
        int order = memcmp(key.data, node->lead, len < STORE_LEAD ? len : STORE_LEAD);
        if (order == 0 && len > STORE_LEAD) {
            order = memcmp(key.data + STORE_LEAD, node->keys[0]->key + STORE_LEAD, len - STORE_LEAD);
        }
        if (order < 0 || (order == 0 && key.len < prefix)) {
            return 0;
        }
        if (order > 0) {
            return node->count;
        }
    }
    uint64_t head = head_of(key.data, key.len, prefix);
    uint32_t low = 0, count = node->count;
    while (count > 0) { /* the first head >= head */
        uint32_t half = count / 2;
        bool right = node->heads[low + half] < head;
        low = right ? low + half + 1 : low;
        count = right ? count - half - 1 : half;
    }
    uint32_t high = low;
    while (high < node->count && node->heads[high] == head) { /* ties: whole keys decide */
        high++;
    }
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = relief_str_cmp(store_entry_key(node->keys[mid]), key);
        if (order < 0 || (order == 0 && after)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static struct store_node *node_new(struct store_overlay *overlay, bool leaf)
{
    size_t bytes = sizeof(struct store_node) + (leaf ? 0 : (STORE_NODE_MAX + 1) * sizeof(struct store_node *));
    struct store_node *node = store_overlay_alloc(overlay, bytes);
    node->count = node->prefix = 0;
    node->leaf = leaf;
    node->next = node->before = NULL;
    return node;
}

static void node_free(struct store_overlay *overlay, struct store_node *node)
{
    store_overlay_free(overlay, node,
                       sizeof(struct store_node) +
                           (node->leaf ? 0 : (STORE_NODE_MAX + 1) * sizeof(struct store_node *)));
}

static struct store_entry *separator_new(struct store_overlay *overlay, const struct store_entry *entry)
{
    size_t bytes = offsetof(struct store_entry, key) + entry->key_len;
    struct store_entry *copy = store_overlay_alloc(overlay, bytes);
    *copy = (struct store_entry){.block = (uint32_t)bytes, .key_len = entry->key_len};
    memcpy(copy->key, entry->key, entry->key_len);
    return copy;
}

/* Puts key at position at of a node that has room; the caller shifts children. */
static void node_put(struct store_node *node, uint32_t at, struct store_entry *key)
{
    if (node->count == 0) {
        node_lead(node, key, key->key_len);
    } else if (node->prefix > 0) {
        const struct store_entry *first = node->keys[0];
        uint32_t prefix = shared(first->key, first->key_len, key->key, key->key_len, node->prefix);
        if (prefix < node->prefix) {
            node_set_prefix(node, prefix);
        }
    }
    memmove(&node->heads[at + 1], &node->heads[at], (node->count - at) * sizeof(node->heads[0]));
    memmove(&node->keys[at + 1], &node->keys[at], (node->count - at) * sizeof(node->keys[0]));
    node->heads[at] = head_of(key->key, key->key_len, node->prefix);
    node->keys[at] = key;
    node->count++;
}

static void node_take(struct store_node *node, uint32_t at)
{
    node->count--;
    memmove(&node->heads[at], &node->heads[at + 1], (node->count - at) * sizeof(node->heads[0]));
    memmove(&node->keys[at], &node->keys[at + 1], (node->count - at) * sizeof(node->keys[0]));
}

static void path_find(const struct store_overlay *overlay, struct relief_str key, struct path *path)
{
    struct store_node *node = overlay->root;
    path->depth = 0;
    while (!node->leaf) {
        assert(path->depth < STORE_DEPTH_MAX);
        uint32_t child = node_search(node, key, true);
        path->steps[path->depth++] = (struct step){node, child};
        node = node->children[child];
    }
    path->leaf = node;
}

void store_tree_init(struct store_overlay *overlay)
{
    memset(overlay->fingers, 0, sizeof overlay->fingers);
    overlay->root = overlay->first = node_new(overlay, true);
}

/* ---- fingers ---- */

static struct store_finger *finger_of(struct store_overlay *overlay, struct relief_str key)
{
    return &overlay->fingers[(uint8_t)key.data[0] % STORE_FINGERS];
}

static void finger_set(struct store_overlay *overlay, const struct path *path, struct relief_str key)
{
    struct store_finger *finger = finger_of(overlay, key);
    *finger = (struct store_finger){.leaf = path->leaf};
    for (uint32_t i = path->depth; i > 0 && !finger->bound; i--) { /* the nearest separator to the right */
        const struct step *step = &path->steps[i - 1];
        finger->bound = step->child < step->node->count ? step->node->keys[step->child] : NULL;
    }
}

/* The leaf is split or gone: what was known of it no longer holds. */
static void finger_forget(struct store_overlay *overlay, const struct store_node *leaf)
{
    for (uint32_t i = 0; i < STORE_FINGERS; i++) {
        if (overlay->fingers[i].leaf == leaf) {
            overlay->fingers[i].leaf = NULL;
        }
    }
}

/* The leaf that the key belongs to and that has room for it, when the finger of its space says so. */
static struct store_node *finger_leaf(struct store_overlay *overlay, struct relief_str key)
{
    const struct store_finger *finger = finger_of(overlay, key);
    struct store_node *leaf = finger->leaf;
    if (!leaf || leaf->count == 0 || leaf->count == STORE_NODE_MAX ||
        relief_str_cmp(store_entry_key(leaf->keys[0]), key) > 0 ||
        (finger->bound && relief_str_cmp(key, store_entry_key(finger->bound)) >= 0)) {
        return NULL;
    }
    return leaf;
}

/* ---- keys come and go ---- */

/* Moves the keys from `from` on to a new right neighbour. */
static struct store_node *leaf_split(struct store_overlay *overlay, struct store_node *leaf, uint32_t from)
{
    struct store_node *right = node_new(overlay, true);
    right->count = (uint16_t)(leaf->count - from);
    memcpy(right->keys, &leaf->keys[from], right->count * sizeof(leaf->keys[0]));
    memcpy(right->heads, &leaf->heads[from], right->count * sizeof(leaf->heads[0]));
    right->prefix = leaf->prefix;
    memcpy(right->lead, leaf->lead, sizeof right->lead);
    leaf->count = (uint16_t)from;
    right->next = leaf->next;
    right->before = leaf;
    if (leaf->next) {
        leaf->next->before = right;
    }
    leaf->next = right;
    node_measure(leaf);
    node_measure(right);
    return right;
}

/* Moves the upper half of an inner node to a new one; the key between them goes up. */
static struct store_node *inner_split(struct store_overlay *overlay, struct store_node *node,
                                      struct store_entry **ret_up)
{
    struct store_node *right = node_new(overlay, false);
    uint32_t half = node->count / 2;
    *ret_up = node->keys[half];
    right->count = (uint16_t)(node->count - half - 1);
    memcpy(right->keys, &node->keys[half + 1], right->count * sizeof(node->keys[0]));
    memcpy(right->heads, &node->heads[half + 1], right->count * sizeof(node->heads[0]));
    memcpy(right->children, &node->children[half + 1], (right->count + 1u) * sizeof(node->children[0]));
    right->prefix = node->prefix;
    memcpy(right->lead, node->lead, sizeof right->lead);
    node->count = (uint16_t)half;
    node_measure(node);
    node_measure(right);
    return right;
}

static void inner_put(struct store_node *node, uint32_t at, struct store_entry *key, struct store_node *right)
{
    memmove(&node->children[at + 2], &node->children[at + 1], (node->count - at) * sizeof(node->children[0]));
    node_put(node, at, key);
    node->children[at + 1] = right;
}

/* Hangs `right` in behind its left neighbour, splitting upwards as far as nodes are full. */
static void path_grow(struct store_overlay *overlay, struct path *path, struct store_entry *key,
                      struct store_node *right)
{
    while (path->depth > 0) {
        struct step step = path->steps[--path->depth];
        if (step.node->count < STORE_NODE_MAX) {
            inner_put(step.node, step.child, key, right);
            return;
        }
        struct store_entry *up;
        struct store_node *half = inner_split(overlay, step.node, &up);
        if (step.child <= step.node->count) {
            inner_put(step.node, step.child, key, right);
        } else {
            inner_put(half, step.child - step.node->count - 1u, key, right);
        }
        key = up;
        right = half;
    }
    struct store_node *root = node_new(overlay, false);
    root->children[0] = overlay->root;
    inner_put(root, 0, key, right);
    overlay->root = root;
}

void store_tree_insert(struct store_overlay *overlay, struct store_entry *entry)
{
    struct relief_str key = store_entry_key(entry);
    struct store_node *leaf = finger_leaf(overlay, key);
    struct path path;
    if (leaf) {
        node_put(leaf, node_search(leaf, key, false), entry);
        return;
    }
    path_find(overlay, key, &path);
    leaf = path.leaf;
    uint32_t at = node_search(leaf, key, false);
    if (leaf->count < STORE_NODE_MAX) {
        node_put(leaf, at, entry);
        finger_set(overlay, &path, key);
        return;
    }
    finger_forget(overlay, leaf);
    struct store_node *right;
    if (at == leaf->count) { /* ascending keys: leave the full leaf as it is */
        right = leaf_split(overlay, leaf, leaf->count);
        node_put(right, 0, entry);
    } else {
        right = leaf_split(overlay, leaf, STORE_NODE_MAX / 2);
        if (at <= leaf->count) {
            node_put(leaf, at, entry);
        } else {
            node_put(right, at - leaf->count, entry);
        }
    }
    path_grow(overlay, &path, separator_new(overlay, right->keys[0]), right);
}

/* Takes the empty leaf out, and the inner nodes that lose their last child with it. */
static void path_shrink(struct store_overlay *overlay, struct path *path)
{
    struct store_node *leaf = path->leaf;
    memset(overlay->fingers, 0, sizeof overlay->fingers); /* a separator goes too, which may bound others */
    if (leaf->before) {
        leaf->before->next = leaf->next;
    } else {
        overlay->first = leaf->next;
    }
    if (leaf->next) {
        leaf->next->before = leaf->before;
    }
    node_free(overlay, leaf);
    while (path->depth > 0) {
        struct step step = path->steps[--path->depth];
        struct store_node *node = step.node;
        if (node->count == 0) { /* that was its only child */
            node_free(overlay, node);
            continue;
        }
        uint32_t key = step.child > 0 ? step.child - 1 : 0;
        struct store_entry *separator = node->keys[key];
        memmove(&node->children[step.child], &node->children[step.child + 1],
                (node->count - step.child) * sizeof(node->children[0]));
        node_take(node, key);
        store_overlay_free(overlay, separator, separator->block);
        break;
    }
    while (!overlay->root->leaf && overlay->root->count == 0) {
        struct store_node *old = overlay->root;
        overlay->root = old->children[0];
        node_free(overlay, old);
    }
}

void store_tree_remove(struct store_overlay *overlay, struct store_entry *entry)
{
    struct path path;
    path_find(overlay, store_entry_key(entry), &path);
    struct store_node *leaf = path.leaf;
    uint32_t at = node_search(leaf, store_entry_key(entry), false);
    assert(at < leaf->count && leaf->keys[at] == entry);
    node_take(leaf, at);
    if (leaf->count == 0 && (leaf->next || leaf->before)) {
        path_shrink(overlay, &path);
    }
}

struct store_pos store_overlay_seek(const struct store_overlay *overlay, struct relief_str key, bool after)
{
    struct path path;
    path_find(overlay, key, &path);
    struct store_pos pos = {path.leaf, node_search(path.leaf, key, after)};
    if (pos.index == pos.leaf->count) {
        pos = (struct store_pos){pos.leaf->next, 0};
    }
    return pos;
}

struct store_entry *store_overlay_at(struct store_pos pos)
{
    return pos.leaf && pos.index < pos.leaf->count ? pos.leaf->keys[pos.index] : NULL;
}

struct store_pos store_overlay_step(struct store_pos pos)
{
    if (pos.index + 1 < pos.leaf->count) {
        return (struct store_pos){pos.leaf, pos.index + 1};
    }
    return (struct store_pos){pos.leaf->next, 0};
}
