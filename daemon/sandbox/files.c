/*
 * Landlock: which files, which TCP, which other processes.
 *
 * The data folder may be read and written. For a file that is only read its folder is allowed, since a reload comes
 * after the file was replaced (a certificate that was renewed), and a rule on a file is one on the file that was there;
 * a link to it is followed, so that both folders count. Nothing may be executed. TCP: no connection to anywhere, and
 * binding only to the ports of the listeners. Signals and abstract sockets go to this process only.
 *
 * The header of the system may be older than the kernel, so what came after the first version is defined here; which of
 * it is asked for follows from the ABI number that the kernel tells. A descriptor that is open keeps what it may do.
 */
#include "sandbox/inside.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ABI_RENAME = 2, ABI_TRUNCATE = 3, ABI_TCP = 4, ABI_DEVICES = 5, ABI_SCOPES = 6 };

#define FS_ALL_1       ((1ull << 13) - 1) /* execute, write, read, ..., make symbolic link */
#define FS_RENAME      (1ull << 13)       /* between folders */
#define FS_TRUNCATE    (1ull << 14)
#define FS_IOCTL       (1ull << 15)
#define NET_BIND       (1ull << 0)
#define NET_CONNECT    (1ull << 1)
#define SCOPE_ABSTRACT (1ull << 0)
#define SCOPE_SIGNAL   (1ull << 1)
#define RULE_PORT      2

struct ruleset { /* struct landlock_ruleset_attr of ABI 6 */
    uint64_t fs, net, scoped;
};
struct port_rule { /* struct landlock_net_port_attr */
    uint64_t allowed, port;
};

struct building {
    int fd;
    uint64_t fs; /* rights that are asked for */
};

static uint64_t data_rights(void)
{
    return LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
           LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
           LANDLOCK_ACCESS_FS_REMOVE_DIR | FS_RENAME | FS_TRUNCATE;
}

/* What isn't there needs no rule: whoever opens it will say so. Without descriptors or memory nobody knows whether it
 * is. */
static int not_opened(void)
{
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
}

/* The path's own rule, for what is below it. */
static int allow_below(const struct building *building, const char *path, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights & building->fs};
    struct stat info;
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return not_opened();
    if (fstat(rule.parent_fd, &info) == 0 && !S_ISDIR(info.st_mode))
        rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;
    int result = 0;
    if (syscall(SYS_landlock_add_rule, building->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        result = -errno;
    close(rule.parent_fd);
    return result;
}

static int allow_folder_of(const struct building *building, const char *path, uint64_t rights)
{
    char copy[PATH_MAX];
    if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy)
        return -ENAMETOOLONG;
    const char *folder = dirname(copy);
    /* A file right below the root is no reason to show everything. */
    return allow_below(building, strcmp(folder, "/") == 0 && rights == LANDLOCK_ACCESS_FS_READ_FILE ? path : folder,
                       rights);
}

static int allow_file(const struct building *building, const char *path)
{
    char real[PATH_MAX];
    int result = allow_folder_of(building, path, LANDLOCK_ACCESS_FS_READ_FILE);
    if (result == 0 && realpath(path, real))
        result = allow_folder_of(building, real, LANDLOCK_ACCESS_FS_READ_FILE);
    return result;
}

/* A part of the data that lies elsewhere, on a disk of its own, is linked to from the data folder. */
static int allow_links_in(const struct building *building, const char *path)
{
    int result = 0;
    DIR *folder = opendir(path);
    if (!folder)
        return not_opened();
    for (const struct dirent *entry; result == 0 && (entry = readdir(folder));) {
        char name[PATH_MAX];
        struct stat info;
        if (fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode) &&
            (size_t)snprintf(name, sizeof name, "%s/%s", path, entry->d_name) < sizeof name)
            result = allow_below(building, name, data_rights());
    }
    closedir(folder);
    return result;
}

static int allow_data(const struct building *building, const char *path)
{
    int fd, made = file_open_dir(&file_io_system, path, 1, &fd);
    if (made == 0)
        file_close(&file_io_system, fd);
    else if (made == -EIO)
        return made; /* it could not be made durable, and nobody tries that again; other failures the engine explains */
    int result = allow_below(building, path, data_rights());
    return result ? result : allow_links_in(building, path);
}

static int allow_path(const struct building *building, const struct sandbox_path *path)
{
    switch (path->use) {
    case SANDBOX_DATA:
        return allow_data(building, path->path);
    case SANDBOX_FILE:
        return allow_file(building, path->path);
    case SANDBOX_SOCKET:
        return allow_folder_of(building, path->path, LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE);
    }
    return -EINVAL;
}

static int allow_ports(const struct building *building, const struct sandbox_options *options)
{
    for (unsigned i = 0; i < options->port_count; i++) {
        struct port_rule rule = {.allowed = NET_BIND, .port = options->ports[i]};
        if (syscall(SYS_landlock_add_rule, building->fd, RULE_PORT, &rule, 0) != 0)
            return -errno;
    }
    return 0;
}

int sandbox_limit_files(const struct sandbox_options *options, int *ret_abi)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return 0; /* not built in, not switched on, or hidden by a container */
    struct ruleset wanted = {.fs = FS_ALL_1};
    wanted.fs |= (abi >= ABI_RENAME ? FS_RENAME : 0) | (abi >= ABI_TRUNCATE ? FS_TRUNCATE : 0) |
                 (abi >= ABI_DEVICES ? FS_IOCTL : 0);
    wanted.net = abi >= ABI_TCP ? NET_BIND | NET_CONNECT : 0;
    wanted.scoped = abi >= ABI_SCOPES ? SCOPE_ABSTRACT | SCOPE_SIGNAL : 0;
    size_t size = abi >= ABI_SCOPES ? sizeof wanted
                  : abi >= ABI_TCP  ? offsetof(struct ruleset, scoped)
                                    : offsetof(struct ruleset, net);
    struct building building = {.fd = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0), .fs = wanted.fs};
    if (building.fd < 0)
        return -errno;
    int result = 0;
    for (unsigned i = 0; result == 0 && i < options->path_count; i++)
        result = allow_path(&building, &options->paths[i]);
    if (result == 0 && wanted.net)
        result = allow_ports(&building, options);
    if (result == 0 && syscall(SYS_landlock_restrict_self, building.fd, 0) != 0)
        result = -errno;
    close(building.fd);
    if (result == 0)
        *ret_abi = (int)abi;
    return result;
}
