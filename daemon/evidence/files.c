/*
 * The files of the folder. Small ones are replaced whole: written beside, synced, renamed, so that a crash leaves the
 * old or the new one. evidence/hashes only grows, and a node is found by its number.
 */
#include "evidence/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int evidence_file_read(const struct file_io *io, int dir_fd, const char *name, struct relief_buf *ret)
{
    int fd = -1;
    relief_buf_clear(ret);
    int rc = file_open(io, dir_fd, name, O_RDONLY, &fd);
    if (rc)
        return rc;
    if (relief_buf_reserve(ret, EVIDENCE_FILE_MAX)) {
        ssize_t len = file_read(io, fd, ret->data, EVIDENCE_FILE_MAX, 0);
        if (len < 0)
            rc = (int)len;
        else if (len == EVIDENCE_FILE_MAX)
            rc = -EFBIG;
        else
            ret->len = (size_t)len;
    } else {
        rc = -ENOMEM;
    }
    file_close(io, fd);
    return rc;
}

int evidence_file_replace(const struct file_io *io, int dir_fd, const char *name, const void *data, size_t len)
{
    char beside[32];
    int fd = -1;
    snprintf(beside, sizeof beside, "%s.tmp", name);
    int rc = file_open(io, dir_fd, beside, O_WRONLY | O_CREAT | O_TRUNC, &fd);
    if (rc)
        return rc;
    rc = file_write(io, fd, data, len, 0);
    if (rc == 0)
        rc = file_sync(io, fd);
    file_close(io, fd);
    if (rc == 0)
        rc = file_rename(io, dir_fd, beside, name);
    return rc;
}

int evidence_file_aside(const struct file_io *io, int dir_fd, const char *name)
{
    char aside[32];
    snprintf(aside, sizeof aside, "%s.damaged", name);
    return file_rename(io, dir_fd, name, aside);
}

int evidence_hashes_bytes(int fd, uint64_t *ret_bytes)
{
    struct stat status;
    if (fstat(fd, &status))
        return -errno;
    *ret_bytes = (uint64_t)status.st_size;
    return 0;
}

int evidence_hashes_read(void *context, uint64_t number, uint8_t ret_hash[EVIDENCE_HASH_BYTES])
{
    const struct evidence_hashes *hashes = context;
    ssize_t len = file_read(hashes->io, hashes->fd, ret_hash, EVIDENCE_HASH_BYTES, number * EVIDENCE_HASH_BYTES);
    if (len < 0)
        return (int)len;
    return len == EVIDENCE_HASH_BYTES ? 0 : -EUCLEAN;
}

void evidence_state_write(uint8_t ret_bytes[EVIDENCE_STATE_BYTES], uint64_t size,
                          const uint8_t root[EVIDENCE_HASH_BYTES])
{
    for (unsigned i = 0; i < 8; i++)
        ret_bytes[i] = (uint8_t)(size >> (56 - 8 * i));
    memcpy(ret_bytes + 8, root, EVIDENCE_HASH_BYTES);
    crypto_generichash(ret_bytes + 40, 32, ret_bytes, 40, NULL, 0);
}

bool evidence_state_parse(struct evidence_claim *ret_claim, const struct relief_buf *bytes)
{
    const uint8_t *at = (const uint8_t *)bytes->data;
    uint8_t check[32];
    uint64_t size = 0;
    if (bytes->len != EVIDENCE_STATE_BYTES)
        return false;
    crypto_generichash(check, sizeof check, at, 40, NULL, 0);
    for (unsigned i = 0; i < 8; i++)
        size = size << 8 | at[i];
    if (memcmp(check, at + 40, sizeof check) != 0 || size > INT64_MAX)
        return false;
    ret_claim->there = true;
    ret_claim->size = size;
    memcpy(ret_claim->root, at + 8, EVIDENCE_HASH_BYTES);
    return true;
}

bool evidence_own_note(struct evidence_note *ret_note, struct evidence_checkpoint *ret_checkpoint,
                       struct relief_str bytes, const struct evidence_key *key)
{
    return evidence_note_parse(ret_note, bytes) && evidence_checkpoint_parse(ret_checkpoint, ret_note->body) &&
           strcmp(ret_checkpoint->origin, key->name) == 0 && evidence_note_verify(ret_note, key, NULL, NULL);
}
