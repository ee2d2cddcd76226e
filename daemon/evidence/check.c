/*
 * The folder compared with the log, node by node, by somebody who writes nothing and whom a running daemon may outpace:
 * every file is read once, before the log is, so none can rightly say more than the log has when it is read after that.
 *
 * Up to the size of the state all of evidence/hashes must be what follows from the log. Behind it stands what was not
 * synced; after a power cut that may be anything, and a start makes it anew, so only its length counts.
 */
#include "evidence/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_NODES 32768u /* 1 MiB */
#define CLAIMS       3u

struct claim {
    const char *file;
    struct evidence_claim claim;
};

struct evidence_check {
    evidence_broken *broken;
    void *context;
    bool missing; /* there is no folder */
    int dir_fd, hashes_fd;
    struct claim claims[CLAIMS]; /* the first is the state's */
    uint64_t bytes;              /* of hashes, when it was opened */
    struct evidence_hasher *hasher;
    struct evidence_tree tree;
    uint64_t buffer_first, buffer_count; /* nodes */
    uint8_t *buffer;
    bool hashes_told; /* one line for all of the file: what follows a wrong node says nothing new */
};

static void tell(struct evidence_check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct evidence_check *check, const char *format, ...)
{
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    check->broken(check->context, what);
}

/* ---- opening ---- */

static int read_key(struct evidence_check *check, struct evidence_signer *ret_signer, bool *ret_good)
{
    struct relief_buf text = RELIEF_BUF_INIT;
    int rc = evidence_file_read(&file_io_system, check->dir_fd, "key", &text);
    *ret_good = false;
    if (rc == -ENOENT || rc == -EFBIG) {
        tell(check, "evidence/key %s", rc == -ENOENT ? "is missing" : "is damaged");
        rc = 0;
    } else if (rc == 0) {
        if (text.len > 0 && text.data[text.len - 1] == '\n')
            text.len--;
        *ret_good = evidence_signer_parse(ret_signer, (struct relief_str){text.data, (uint32_t)text.len}) &&
                    ret_signer->key.type == EVIDENCE_ED25519;
        if (!*ret_good)
            tell(check, "evidence/key is damaged");
    }
    if (text.data)
        sodium_memzero(text.data, text.cap);
    relief_buf_deinit(&text);
    return rc;
}

static int read_state(struct evidence_check *check)
{
    struct relief_buf bytes = RELIEF_BUF_INIT;
    int rc = evidence_file_read(&file_io_system, check->dir_fd, "state", &bytes);
    if (rc == -ENOENT)
        tell(check, "evidence/state is missing");
    else if (rc == -EFBIG || (rc == 0 && !evidence_state_parse(&check->claims[0].claim, &bytes)))
        tell(check, "evidence/state is damaged");
    relief_buf_deinit(&bytes);
    return rc == -ENOENT || rc == -EFBIG ? 0 : rc;
}

static int read_note(struct evidence_check *check, struct claim *claim, const struct evidence_key *key, bool required)
{
    struct relief_buf bytes = RELIEF_BUF_INIT;
    struct evidence_checkpoint checkpoint;
    struct evidence_note note;
    int rc = evidence_file_read(&file_io_system, check->dir_fd, claim->file, &bytes);
    if (rc == -ENOENT && required) {
        tell(check, "evidence/%s is missing", claim->file);
    } else if (rc == -EFBIG ||
               (rc == 0 &&
                !evidence_own_note(&note, &checkpoint, (struct relief_str){bytes.data, (uint32_t)bytes.len}, key))) {
        tell(check, "evidence/%s is damaged, or not signed by evidence/key", claim->file);
    } else if (rc == 0) {
        claim->claim = (struct evidence_claim){.there = true, .size = checkpoint.size};
        memcpy(claim->claim.root, checkpoint.root, sizeof checkpoint.root);
    }
    relief_buf_deinit(&bytes);
    return rc == -ENOENT || rc == -EFBIG ? 0 : rc;
}

static int open_files(struct evidence_check *check)
{
    struct evidence_signer signer;
    bool good = false;
    int rc = read_key(check, &signer, &good);
    if (rc == 0)
        rc = read_state(check);
    if (rc == 0 && good)
        rc = read_note(check, &check->claims[1], &signer.key, true);
    if (rc == 0 && good)
        rc = read_note(check, &check->claims[2], &signer.key, false);
    evidence_signer_wipe(&signer);
    if (rc == 0)
        rc = file_open(&file_io_system, check->dir_fd, "hashes", O_RDONLY, &check->hashes_fd);
    if (rc == 0)
        rc = evidence_hashes_bytes(check->hashes_fd, &check->bytes);
    if (rc == -ENOENT) {
        tell(check, "evidence/hashes is missing");
        check->hashes_told = true;
        rc = 0;
    }
    return rc;
}

int evidence_check_open(struct evidence_check **ret_check, const char *dir, evidence_broken *broken, void *context)
{
    struct evidence_check *check = calloc(1, sizeof *check);
    if (!check)
        return -ENOMEM;
    *check = (struct evidence_check){.broken = broken,
                                     .context = context,
                                     .dir_fd = -1,
                                     .hashes_fd = -1,
                                     .claims = {{.file = "state"}, {.file = "checkpoint"}, {.file = "witnessed"}}};
    check->hasher = evidence_hasher_new();
    check->buffer = malloc((size_t)BUFFER_NODES * EVIDENCE_HASH_BYTES);
    int rc = check->hasher && check->buffer && sodium_init() >= 0 ? 0 : -ENOMEM;
    if (rc == 0) {
        rc = file_open_dir(&file_io_system, dir, 0, &check->dir_fd);
        check->missing = rc == -ENOENT;
        rc = rc == 0 ? open_files(check) : check->missing ? 0 : rc;
    }
    if (rc) {
        evidence_check_close(check);
        return rc;
    }
    *ret_check = check;
    return 0;
}

void evidence_check_close(struct evidence_check *check)
{
    if (!check)
        return;
    file_close(&file_io_system, check->hashes_fd);
    file_close(&file_io_system, check->dir_fd);
    evidence_hasher_free(check->hasher);
    free(check->buffer);
    free(check);
}

/* ---- walking ---- */

/* The node as the file has it, or NULL: it ends before. */
static int node_of(struct evidence_check *check, uint64_t number, const uint8_t **ret_node)
{
    if (number < check->buffer_first || number >= check->buffer_first + check->buffer_count) {
        ssize_t len = file_read(&file_io_system, check->hashes_fd, check->buffer,
                                (size_t)BUFFER_NODES * EVIDENCE_HASH_BYTES, number * EVIDENCE_HASH_BYTES);
        if (len < 0)
            return (int)len;
        check->buffer_first = number;
        check->buffer_count = (uint64_t)len / EVIDENCE_HASH_BYTES;
    }
    *ret_node = check->buffer_count ? check->buffer + (number - check->buffer_first) * EVIDENCE_HASH_BYTES : NULL;
    return 0;
}

static int compare_nodes(struct evidence_check *check, uint64_t first, const uint8_t (*nodes)[EVIDENCE_HASH_BYTES],
                         unsigned count)
{
    for (unsigned i = 0; i < count && !check->hashes_told; i++) {
        const uint8_t *node = NULL;
        int rc = node_of(check, first + i, &node);
        if (rc)
            return rc;
        if (node && memcmp(node, nodes[i], EVIDENCE_HASH_BYTES) == 0)
            continue;
        check->hashes_told = true;
        tell(check,
             node ? "evidence/hashes does not follow from the log at entry %llu"
                  : "evidence/hashes ends before entry %llu",
             (unsigned long long)check->tree.size);
    }
    return 0;
}

static void compare_claims(struct evidence_check *check)
{
    uint8_t root[EVIDENCE_HASH_BYTES];
    bool known = false;
    for (unsigned i = 0; i < CLAIMS; i++) {
        const struct claim *claim = &check->claims[i];
        if (!claim->claim.there || claim->claim.size != check->tree.size)
            continue;
        if (!known)
            evidence_tree_root(&check->tree, check->hasher, root);
        known = true;
        if (memcmp(root, claim->claim.root, sizeof root) != 0)
            tell(check, "evidence/%s has another root for the first %llu entries than the log", claim->file,
                 (unsigned long long)check->tree.size);
    }
}

/* The log can no longer say what the first leaves are: here every node is made anew from the leaves that the file has,
 * and the roots that were signed later hold those to account. */
static int begin_behind(struct evidence_check *check, uint64_t pruned)
{
    uint8_t nodes[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES], leaf[EVIDENCE_HASH_BYTES];
    while (check->tree.size < pruned) {
        uint64_t first = EVIDENCE_NODES(check->tree.size);
        const uint8_t *node = NULL;
        int rc = node_of(check, first, &node);
        if (rc || !node)
            return rc ? rc : -EUCLEAN;
        memcpy(leaf, node, sizeof leaf);
        unsigned count = evidence_tree_add(&check->tree, check->hasher, leaf, nodes);
        rc = compare_nodes(check, first, (const uint8_t(*)[EVIDENCE_HASH_BYTES])nodes, count);
        if (rc)
            return rc;
        compare_claims(check);
    }
    return 0;
}

int evidence_check_begin(struct evidence_check *check, uint64_t pruned)
{
    int rc = -EUCLEAN;
    if (pruned == 0)
        return 0;
    if (!check->missing && check->claims[0].claim.there && check->claims[0].claim.size >= pruned &&
        check->hashes_fd >= 0)
        rc = begin_behind(check, pruned);
    if (rc == -EUCLEAN) {
        tell(check, "evidence/ can't prove the first %llu entries, which were pruned", (unsigned long long)pruned);
        check->missing = check->hashes_told = true;
        check->tree.size = pruned;
        rc = 0;
    }
    return rc;
}

int evidence_check_add(struct evidence_check *check, const uint8_t leaf[EVIDENCE_HASH_BYTES])
{
    uint8_t nodes[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES];
    int rc = 0;
    if (check->missing) {
        check->tree.size++;
        return 0;
    }
    if (check->tree.size == 0)
        compare_claims(check);
    uint64_t first = EVIDENCE_NODES(check->tree.size);
    unsigned count = evidence_tree_add(&check->tree, check->hasher, leaf, nodes);
    if (check->claims[0].claim.there && check->tree.size <= check->claims[0].claim.size)
        rc = compare_nodes(check, first, (const uint8_t(*)[EVIDENCE_HASH_BYTES])nodes, count);
    compare_claims(check);
    return rc;
}

void evidence_check_end(struct evidence_check *check)
{
    if (check->missing) {
        if (check->tree.size > 0 && !check->hashes_told)
            tell(check, "evidence/ is missing; the next start begins a new one, with a new key");
        return;
    }
    if (check->tree.size == 0)
        compare_claims(check);
    for (unsigned i = 0; i < CLAIMS; i++)
        if (check->claims[i].claim.there && check->claims[i].claim.size > check->tree.size)
            tell(check, "evidence/%s knows %llu entries, but the log ends with entry %llu: it was rolled back",
                 check->claims[i].file, (unsigned long long)check->claims[i].claim.size,
                 (unsigned long long)check->tree.size);
    if (check->bytes > EVIDENCE_NODES(check->tree.size) * EVIDENCE_HASH_BYTES)
        tell(check, "evidence/hashes is longer than the log allows");
}
