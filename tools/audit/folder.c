/*
 * The CSV form of a dump: every file is as it is hashed in manifest.json. What a CSV file says is not read back into
 * records (nil and an empty text look the same there), so nothing holds the manifest itself to account: a log does,
 * with the JSON form.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "tools/audit/dump.h"

#define MANIFEST_MAX 65536

/* BLAKE2b-256 of a file's bytes; false: it can't be read. */
static bool hash_file(int folder, const char *name, uint8_t ret[AUDIT_HASH])
{
    crypto_generichash_blake2b_state state;
    uint8_t data[65536];
    ssize_t got;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    crypto_generichash_blake2b_init(&state, NULL, 0, AUDIT_HASH);
    while ((got = read(fd, data, sizeof data)) > 0)
        crypto_generichash_blake2b_update(&state, data, (size_t)got);
    close(fd);
    crypto_generichash_blake2b_final(&state, ret, AUDIT_HASH);
    return got == 0;
}

static bool check_table(int folder, const struct audit_json_member *member, uint64_t *records)
{
    struct audit_json_map map;
    struct audit_text digest, file;
    uint8_t claimed[AUDIT_HASH], hash[AUDIT_HASH];
    char name[80];
    uint64_t count;
    if (!audit_json_map(member->value, &map) || !audit_json_plain(audit_json_find(&map, "digest"), &digest) ||
        !audit_hex_read(digest, claimed, sizeof claimed) || !audit_json_plain(audit_json_find(&map, "file"), &file) ||
        !audit_json_size(audit_json_find(&map, "records"), &count) || member->name.len > 64)
        return false;
    snprintf(name, sizeof name, "%.*s.csv", (int)member->name.len, member->name.data);
    if (!audit_text_eq(file, audit_text_of(name)) || strchr(name, '/') || !hash_file(folder, name, hash))
        return false;
    *records += count;
    return memcmp(hash, claimed, sizeof hash) == 0;
}

static void check_manifest(int folder, const char *path, struct audit_text text, struct audit_faults *faults)
{
    static const char *const names[] = {"digest", "format", "head",    "records", "seq",
                                        "tables", "time",   "version", NULL};
    struct audit_json_map manifest, tables;
    uint64_t records = 0, claimed, seq;
    unsigned found = 0;
    if (text.len && text.data[text.len - 1] == '\n')
        text.len--;
    if (!audit_header(text, "relief-dump", names, &manifest) ||
        !audit_json_map(audit_json_find(&manifest, "tables"), &tables) ||
        !audit_json_size(audit_json_find(&manifest, "records"), &claimed) ||
        !audit_json_size(audit_json_find(&manifest, "seq"), &seq)) {
        audit_fault(faults, path, 0, "manifest.json is not that of a dump of version 1");
        return;
    }
    for (unsigned i = 0; i < tables.count; i++)
        if (!check_table(folder, &tables.members[i], &records))
            audit_fault(faults, path, 0, "table %.*s: the file is missing or was changed",
                        (int)tables.members[i].name.len, tables.members[i].name.data);
    for (unsigned t = 0; t < AUDIT_TABLES; t++)
        found += audit_json_find(&tables, audit_table_names[t]).data != NULL;
    if (found != tables.count || found != AUDIT_TABLES)
        audit_fault(faults, path, 0, "the manifest does not name every table once");
    if (records != claimed)
        audit_fault(faults, path, 0, "records: the tables have %llu, the manifest says %llu",
                    (unsigned long long)records, (unsigned long long)claimed);
    if (faults->count == 0)
        printf("%s: dump at entry %llu, %llu records, every file is as the manifest says\n", path,
               (unsigned long long)seq, (unsigned long long)records);
}

int audit_folder(const char *path, struct audit_faults *faults)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    char name[4096];
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code;
    if (folder < 0)
        return audit_say("%s: %s", path, strerror(errno));
    snprintf(name, sizeof name, "%s/manifest.json", path);
    code = audit_file_read(name, MANIFEST_MAX, &text);
    if (code == 0)
        check_manifest(folder, path, audit_buf_view(&text), faults);
    audit_buf_deinit(&text);
    close(folder);
    return code;
}
