/*
 * Manifests, and copying by them. Names come from a file that anybody may have written, so only names of the known form
 * are used, and no path that leads out of the folder.
 */
#include "client/cli/manifest.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/cli/cli.h"

#define WINDOW_BYTES 262144u
#define DIGITS       20u

static const char *const folders[] = {"log", "base", "evidence"};

/* ---- names ---- */

static bool numbered(const char *text, const char *suffix)
{
    return strspn(text, "0123456789") == DIGITS && strcmp(text + DIGITS, suffix) == 0;
}

bool manifest_name_ok(const char *name)
{
    static const char *const evidence[] = {"hashes", "state", "checkpoint", "witnessed", "key"};
    if (strncmp(name, "log/", 4) == 0)
        return numbered(name + 4, ".seg");
    if (strncmp(name, "base/", 5) == 0)
        return numbered(name + 5, ".base") || numbered(name + 5, ".answers");
    for (size_t i = 0; i < sizeof evidence / sizeof evidence[0] && strncmp(name, "evidence/", 9) == 0; i++) {
        if (strcmp(name + 9, evidence[i]) == 0)
            return true;
    }
    return false;
}

static bool hex_ok(const char *text)
{
    return strspn(text, "0123456789abcdef") == CLI_HASH_TEXT - 1 && text[CLI_HASH_TEXT - 1] == '\0';
}

static int path_of(char path[PATH_MAX], const char *dir, const char *name)
{
    if (snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX)
        return CLI_DONE;
    return cli_bad("%s: the path is too long", dir);
}

static int failed(const char *path)
{
    cli_say("%s: %s", path, strerror(errno));
    return CLI_REFUSED;
}

/* ---- rows ---- */

bool manifest_add(struct manifest *manifest, const struct manifest_file *file)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (strcmp(manifest->files[i].name, file->name) == 0) {
            manifest->files[i] = *file;
            return true;
        }
    }
    if (manifest->count == manifest->space) {
        size_t space = manifest->space ? 2 * manifest->space : 64;
        struct manifest_file *files =
            space <= MANIFEST_FILES_MAX ? realloc(manifest->files, space * sizeof *files) : NULL;
        if (!files)
            return false;
        manifest->files = files;
        manifest->space = space;
    }
    manifest->files[manifest->count++] = *file;
    return true;
}

void manifest_deinit(struct manifest *manifest)
{
    free(manifest->files);
    *manifest = (struct manifest){0};
}

/* ---- JSON ---- */

static bool digest_of(const json_t *root, char ret_text[CLI_HASH_TEXT])
{
    struct cli_digest digest;
    char *text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return false;
    cli_digest_init(&digest);
    cli_digest_bytes(&digest, text, strlen(text));
    cli_digest_final(&digest, ret_text);
    free(text);
    return true;
}

static json_t *to_json(const struct manifest *manifest, const char *format)
{
    char digest[CLI_HASH_TEXT];
    json_t *files = json_array();
    for (size_t i = 0; i < manifest->count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "name", file->name, "size", (json_int_t)file->size,
                                               "digest", file->digest));
    }
    json_t *root =
        json_pack("{s:s, s:i, s:I, s:s, s:I, s:o}", "format", format, "version", 1, "seq", (json_int_t)manifest->seq,
                  "head", manifest->head, "base", (json_int_t)manifest->base, "files", files);
    if (root && json_array_size(json_object_get(root, "files")) == manifest->count && digest_of(root, digest) &&
        json_object_set_new(root, "digest", json_string(digest)) == 0)
        return root;
    json_decref(root);
    return NULL;
}

int manifest_write(const struct manifest *manifest, const char *dir, const char *format)
{
    char path[PATH_MAX], beside[PATH_MAX];
    int code = path_of(path, dir, MANIFEST_NAME);
    if (code == 0)
        code = path_of(beside, dir, MANIFEST_NAME ".tmp");
    if (code)
        return code;
    json_t *root = to_json(manifest, format);
    FILE *file = root ? fopen(beside, "we") : NULL;
    bool good = file && json_dumpf(root, file, JSON_COMPACT | JSON_SORT_KEYS) == 0 && fputc('\n', file) != EOF &&
                fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file && fclose(file) != 0)
        good = false;
    json_decref(root);
    if (!good || rename(beside, path) != 0)
        return failed(path);
    return manifest_sync_folder(dir, "");
}

static bool file_of(const json_t *row, struct manifest_file *ret)
{
    const char *name = json_string_value(json_object_get(row, "name")),
               *digest = json_string_value(json_object_get(row, "digest"));
    const json_t *size = json_object_get(row, "size");
    if (!name || !digest || !json_is_integer(size) || json_integer_value(size) < 0 || !manifest_name_ok(name) ||
        !hex_ok(digest))
        return false;
    snprintf(ret->name, sizeof ret->name, "%s", name);
    snprintf(ret->digest, sizeof ret->digest, "%s", digest);
    ret->size = (uint64_t)json_integer_value(size);
    return true;
}

static bool from_json(struct manifest *manifest, json_t *root, const char *format)
{
    char digest[CLI_HASH_TEXT];
    const char *is = json_string_value(json_object_get(root, "format")),
               *head = json_string_value(json_object_get(root, "head")),
               *said = json_string_value(json_object_get(root, "digest"));
    const json_t *files = json_object_get(root, "files"), *seq = json_object_get(root, "seq"),
                 *base = json_object_get(root, "base");
    char said_text[CLI_HASH_TEXT];
    if (!is || strcmp(is, format) != 0 || json_integer_value(json_object_get(root, "version")) != 1 || !head ||
        !hex_ok(head) || !said || !hex_ok(said) || !json_is_integer(seq) || !json_is_integer(base) ||
        json_integer_value(seq) < 0 || json_integer_value(base) < 0 || !json_is_array(files))
        return false;
    snprintf(said_text, sizeof said_text, "%s", said);
    manifest->seq = (uint64_t)json_integer_value(seq);
    manifest->base = (uint64_t)json_integer_value(base);
    snprintf(manifest->head, sizeof manifest->head, "%s", head);
    for (size_t i = 0; i < json_array_size(files); i++) {
        struct manifest_file file;
        if (!file_of(json_array_get(files, i), &file) || !manifest_add(manifest, &file))
            return false;
    }
    json_object_del(root, "digest");
    return digest_of(root, digest) && strcmp(digest, said_text) == 0;
}

int manifest_read(struct manifest *manifest, const char *dir, const char *format, bool missing_ok)
{
    char path[PATH_MAX];
    json_error_t error;
    struct stat info;
    *manifest = (struct manifest){0};
    int code = path_of(path, dir, MANIFEST_NAME);
    if (code)
        return code;
    if (stat(path, &info) != 0) {
        if (missing_ok && errno == ENOENT)
            return CLI_DONE;
        return cli_bad("%s: %s", path, errno == ENOENT ? "not there; this was not finished" : strerror(errno));
    }
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    bool good = root && from_json(manifest, root, format);
    json_decref(root);
    if (good)
        return CLI_DONE;
    manifest_deinit(manifest);
    cli_say("%s is damaged, or not a manifest of a %s", path, format);
    return CLI_DIFFERENT;
}

/* ---- files ---- */

int manifest_make_folder(const char *dir, const char *name)
{
    char path[PATH_MAX];
    int code = path_of(path, dir, name);
    if (code)
        return code;
    return mkdir(path, 0700) != 0 && errno != EEXIST ? failed(path) : CLI_DONE;
}

int manifest_sync_folder(const char *dir, const char *name)
{
    char path[PATH_MAX];
    int code = path_of(path, dir, name);
    if (code)
        return code;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (!good)
        code = failed(path);
    if (fd >= 0)
        close(fd);
    return code;
}

int manifest_folder_empty(const char *dir)
{
    DIR *folder = opendir(dir);
    if (!folder && errno == ENOENT)
        return 1;
    if (!folder) {
        (void)failed(dir);
        return -1;
    }
    int empty = 1;
    for (const struct dirent *entry; empty && (entry = readdir(folder));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    return empty;
}

static void remove_in(const char *dir, const char *sub)
{
    char path[PATH_MAX], name[PATH_MAX];
    if (path_of(path, dir, sub) != CLI_DONE)
        return;
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        if (snprintf(name, sizeof name, "%s/%s", sub, entry->d_name) < (int)sizeof name && manifest_name_ok(name))
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
    (void)rmdir(path);
}

void manifest_remove_files(const char *dir)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        remove_in(dir, folders[i]);
    if (path_of(path, dir, MANIFEST_NAME ".tmp") == CLI_DONE)
        (void)unlink(path);
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, data, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        data += done;
        len -= (size_t)done;
    }
    return 0;
}

/* Everything is written, zeros too: the last segment is gone on with, and its blocks must be there. */
static int copy_bytes(const struct manifest_file *file, int from, int to, const char *path, const char *to_path)
{
    static char window[WINDOW_BYTES];
    struct cli_digest digest;
    char text[CLI_HASH_TEXT];
    uint64_t done = 0;
    ssize_t got;
    cli_digest_init(&digest);
    while ((got = read(from, window, sizeof window)) > 0 || (got < 0 && errno == EINTR)) {
        if (got < 0)
            continue;
        cli_digest_bytes(&digest, window, (size_t)got);
        done += (uint64_t)got;
        if (to >= 0 && write_all(to, window, (size_t)got) != 0)
            return failed(to_path);
    }
    if (got < 0)
        return failed(path);
    cli_digest_final(&digest, text);
    if (done != file->size || strcmp(text, file->digest) != 0) {
        cli_say("%s is damaged: it is not the file that the manifest names", path);
        return CLI_DIFFERENT;
    }
    return to >= 0 && fsync(to) != 0 ? failed(to_path) : CLI_DONE;
}

int manifest_copy(const char *dir, const struct manifest_file *file, const char *to_dir)
{
    char path[PATH_MAX], to_path[PATH_MAX] = "";
    int to = -1, code = path_of(path, dir, file->name);
    if (code == 0 && to_dir)
        code = path_of(to_path, to_dir, file->name);
    if (code)
        return code;
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        cli_say("%s: %s", path, strerror(errno));
        return errno == ENOENT ? CLI_DIFFERENT : CLI_REFUSED;
    }
    if (to_dir && (to = open(to_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        code = failed(to_path);
    if (code == 0)
        code = copy_bytes(file, from, to, path, to_path);
    close(from);
    if (to >= 0 && close(to) != 0 && code == 0)
        code = failed(to_path);
    return code;
}
