/*
 * relief backup: the files of a running daemon's data folder as they stand at one entry, into a new folder, which is a
 * data folder itself. Each file is compared with the digest that the daemon sends behind it; the manifest is written
 * when everything else is on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <msgpack.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/cli/cli.h"
#include "client/cli/manifest.h"
#include "client/client.h"

struct backup {
    const char *dir;
    struct manifest manifest;
    struct manifest_file file; /* the one that comes in; name "": none */
    struct cli_digest digest;
    uint64_t offset; /* what stands in it so far */
    int fd;
    int code; /* the first failure; what comes behind it is thrown away */
    bool over;
    int result;
    struct relief_answer *answer;
};

static void fail(struct backup *backup, const char *name)
{
    cli_say("%s/%s: %s", backup->dir, name, strerror(errno));
    backup->code = CLI_REFUSED;
}

static void wrong(struct backup *backup, const char *what)
{
    cli_say("the daemon's backup is not one: %s", what);
    backup->code = CLI_UNREACHABLE;
}

static void open_file(struct backup *backup, const char *name)
{
    char path[PATH_MAX];
    if (!manifest_name_ok(name)) {
        wrong(backup, "a file of another name");
        return;
    }
    snprintf(path, sizeof path, "%s/%s", backup->dir, name);
    snprintf(backup->file.name, sizeof backup->file.name, "%s", name);
    backup->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    backup->offset = 0;
    cli_digest_init(&backup->digest);
    if (backup->fd < 0)
        fail(backup, name);
}

static void add_zeros(struct backup *backup, uint64_t until)
{
    static const char zeros[65536];
    while (backup->offset < until) {
        size_t step = until - backup->offset < sizeof zeros ? (size_t)(until - backup->offset) : sizeof zeros;
        cli_digest_bytes(&backup->digest, zeros, step);
        backup->offset += step;
    }
}

static void add_data(struct backup *backup, uint64_t offset, const char *data, size_t len)
{
    if (offset < backup->offset) {
        wrong(backup, "a piece that was there already");
        return;
    }
    add_zeros(backup, offset);
    cli_digest_bytes(&backup->digest, data, len);
    backup->offset += len;
    while (len > 0) {
        ssize_t done = pwrite(backup->fd, data, len, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            fail(backup, backup->file.name);
            return;
        }
        data += done;
        offset += (uint64_t)done;
        len -= (size_t)done;
    }
}

static void close_file(struct backup *backup, uint64_t size, const msgpack_object *digest)
{
    if (size < backup->offset || digest->type != MSGPACK_OBJECT_STR) {
        wrong(backup, "a file that is longer than it says");
        return;
    }
    add_zeros(backup, size);
    cli_digest_final(&backup->digest, backup->file.digest);
    backup->file.size = size;
    if (digest->via.str.size != CLI_HASH_TEXT - 1 ||
        memcmp(digest->via.str.ptr, backup->file.digest, CLI_HASH_TEXT - 1) != 0) {
        cli_say("%s did not arrive as it was sent", backup->file.name);
        backup->code = CLI_DIFFERENT;
        return;
    }
    if (ftruncate(backup->fd, (off_t)size) != 0 || fsync(backup->fd) != 0 || close(backup->fd) != 0) {
        fail(backup, backup->file.name);
        return;
    }
    backup->fd = -1;
    if (!manifest_add(&backup->manifest, &backup->file)) {
        cli_say("no memory");
        backup->code = CLI_REFUSED;
    }
    backup->file.name[0] = '\0';
}

static void take_message(struct backup *backup, const msgpack_object *map)
{
    const msgpack_object *name = client_map_find(map, "name"), *offset = client_map_find(map, "offset"),
                         *data = client_map_find(map, "data"), *size = client_map_find(map, "size"),
                         *digest = client_map_find(map, "digest");
    char text[MANIFEST_FILE_BYTES];
    if (!name || name->type != MSGPACK_OBJECT_STR || name->via.str.size >= sizeof text) {
        wrong(backup, "a file without a name");
        return;
    }
    memcpy(text, name->via.str.ptr, name->via.str.size);
    text[name->via.str.size] = '\0';
    if (backup->file.name[0] == '\0')
        open_file(backup, text);
    else if (strcmp(backup->file.name, text) != 0)
        wrong(backup, "two files at a time");
    if (backup->code)
        return;
    if (size && size->type == MSGPACK_OBJECT_POSITIVE_INTEGER && size->via.u64 <= INT64_MAX && digest)
        close_file(backup, size->via.u64, digest);
    else if (offset && offset->type == MSGPACK_OBJECT_POSITIVE_INTEGER && offset->via.u64 <= INT64_MAX && data &&
             data->type == MSGPACK_OBJECT_BIN)
        add_data(backup, offset->via.u64, data->via.bin.ptr, data->via.bin.size);
    else
        wrong(backup, "a message without content");
}

static void on_file(void *context, const char *topic, const void *data, size_t len)
{
    struct backup *backup = context;
    msgpack_unpacked value;
    size_t used = 0;
    if (strcmp(topic, "file") != 0 || backup->code)
        return;
    msgpack_unpacked_init(&value);
    if (msgpack_unpack_next(&value, data, len, &used) == MSGPACK_UNPACK_SUCCESS)
        take_message(backup, &value.data);
    msgpack_unpacked_destroy(&value);
}

static void on_done(void *context, int result, struct relief_answer *answer)
{
    struct backup *backup = context;
    backup->over = true;
    backup->result = result;
    backup->answer = answer;
    if (answer)
        answer->kept = true;
}

static int check_place(const char *dir)
{
    int empty = manifest_folder_empty(dir);
    return empty < 0 ? CLI_REFUSED : empty ? CLI_DONE : cli_bad("%s is not empty", dir);
}

static int make_folders(const char *dir)
{
    static const char *const names[] = {"", "log", "base", "evidence"};
    int code = CLI_DONE;
    for (size_t i = 0; code == 0 && i < sizeof names / sizeof names[0]; i++)
        code = manifest_make_folder(dir, names[i]);
    return code;
}

static int take_files(struct cli *cli, struct backup *backup, const void *params)
{
    relief_client_on_notification(cli->client, on_file, backup);
    int error = relief_send(cli->client, RELIEF_METHOD_snapshot_backup, params, on_done, backup);
    if (error == 0)
        error = relief_client_drain(cli->client);
    if (!backup->over)
        return cli_result(cli, error ? error : -ECONNRESET, NULL, NULL);
    return backup->result ? cli_result(cli, backup->result, backup->answer, NULL) : backup->code;
}

static int finish(struct backup *backup)
{
    static const char *const names[] = {"log", "base", "evidence"};
    const struct relief_backup_end *end = relief_answer_record(backup->answer);
    int code = CLI_DONE;
    if (!end || backup->file.name[0] || (uint64_t)end->files != backup->manifest.count ||
        end->head.len != CLI_HASH_TEXT - 1) {
        wrong(backup, "files are missing");
        return backup->code;
    }
    backup->manifest.seq = (uint64_t)end->seq;
    backup->manifest.base = (uint64_t)end->base;
    memcpy(backup->manifest.head, end->head.data, end->head.len);
    for (size_t i = 0; code == 0 && i < sizeof names / sizeof names[0]; i++)
        code = manifest_sync_folder(backup->dir, names[i]);
    if (code == 0)
        code = manifest_write(&backup->manifest, backup->dir, "relief-backup");
    if (code == 0)
        printf("%s: %zu files, %lld bytes, up to entry %llu with head %s\n", backup->dir, backup->manifest.count,
               (long long)end->bytes, (unsigned long long)backup->manifest.seq, backup->manifest.head);
    return code;
}

static int run_backup(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct backup backup = {.fd = -1};
    struct relief_snapshot_backup_params params;
    bool with_key = false;
    const struct cli_option options[] = {{"with-key", 0, NULL, &with_key, NULL}, {NULL, 0, NULL, NULL, NULL}};
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_backup, stdout);
    if (words.count != 1)
        return cli_bad("usage: relief backup DIR [--with-key]");
    backup.dir = words.word[0];
    relief_shape_clear(&relief_shape_snapshot_backup_params, &params);
    params.with_key = with_key;
    code = cli_connect(cli, false);
    if (code)
        return code;
    code = check_place(backup.dir);
    bool ours = code == 0, there = access(backup.dir, F_OK) == 0;
    if (code == 0)
        code = make_folders(backup.dir);
    if (code == 0)
        code = take_files(cli, &backup, &params);
    if (code == 0)
        code = finish(&backup);
    relief_client_close(cli->client); /* before `backup` goes */
    cli->client = NULL;
    if (backup.fd >= 0)
        close(backup.fd);
    if (code && ours)
        manifest_remove_files(backup.dir);
    if (code && ours && !there)
        (void)rmdir(backup.dir); /* unless somebody put something there */
    relief_answer_free(backup.answer);
    manifest_deinit(&backup.manifest);
    return cli_flush(stdout, code);
}

const struct cli_command cli_command_backup = {
    "backup", "DIR [--with-key]", "a running daemon's log, state and evidence into a new folder", run_backup};
