/*
 * The configuration: read from an INI file whose options are the rows of schema/config.h, with a complaint for everything that
 * is not understood. Nothing is looked up elsewhere: main passes values on.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include "base/addr.h"
#include "evidence/note.h"
#include "schema/config.h"
#include "schema/enums.h"
#include "schema/limits.h"

#define CONF_PATH_BYTES 4096u
#define CONF_NAME_BYTES 64u
#define CONF_ROWS_MAX 256u     /* mappings of one kind */
#define CONF_LISTENERS_MAX 32u
#define CONF_ID_NONE UINT32_MAX /* no such user: never matches */

/* local, ROLE or ROLE:CITY (fine print 14). place is empty where there is none; a coordinator's is its region. */
struct conf_identity {
    enum relief_role role;
    char place[RELIEF_ID_BYTES_MAX + 1];
};

struct conf_listen {
    char address[ADDR_TEXT_BYTES];
    bool has_identity; /* ,as= was given */
    struct conf_identity as;
};

/* Rows of listeners and of mappings. */
struct conf_listens {
    unsigned count;
    struct conf_listen rows[CONF_LISTENERS_MAX];
};
struct conf_mapping {
    char name[CONF_NAME_BYTES]; /* as written: a name or a number */
    uint32_t id;                /* uid or gid */
    struct conf_identity as;
};
struct conf_mappings {
    unsigned count;
    struct conf_mapping rows[CONF_ROWS_MAX];
};

enum conf_switch { CONF_OFF, CONF_ON, CONF_REPORT };

#define CONF_FILE_BYTES 200u /* a line has at most 198 */
struct conf_authority {
    struct conf_identity scope; /* never local */
    char file[CONF_FILE_BYTES];
};
struct conf_authorities {
    unsigned count;
    struct conf_authority rows[CONF_ROWS_MAX];
};

struct conf_verifiers {
    unsigned count;
    struct evidence_key rows[EVIDENCE_WITNESSES_MAX];
};

#define CONF_TYPE_NUMBER(field) int64_t field;
#define CONF_TYPE_PATH(field) char field[CONF_PATH_BYTES];
#define CONF_TYPE_ADDRESS(field) struct conf_listens field;
#define CONF_TYPE_NAME(field) char field[EVIDENCE_NAME_BYTES_MAX + 1];
#define CONF_TYPE_VERIFIER(field) struct conf_verifiers field;
#define CONF_TYPE_SWITCH(field) enum conf_switch field;
#define CONF_TYPE_AUTHORITY(field) struct conf_authorities field;
#define CONF_TYPE_IDENTITY(field) struct conf_mappings field;
struct conf {
#define O(section, name, type, min, max, initial, help) CONF_TYPE_##type(section##_##name)
    RELIEF_CONFIG(O)
#undef O
};

enum conf_level { CONF_WARNING, CONF_ERROR };
/* line 0: the file as a whole. */
typedef void conf_report(void *context, enum conf_level level, const char *file, unsigned line, const char *text);
/* A ready-made one: context is a FILE, lines are `FILE:LINE: error: TEXT`. */
conf_report conf_report_print;

/* The defaults. socket: path of the default unix socket, $RELIEF_SOCKET; NULL: the one of schema/config.h. */
void conf_init(struct conf *conf, const char *socket);
/*
 * Reads a file over what is in conf. Every problem is reported, not only the first. 0; -EINVAL when there was any error; other
 * -errno when the file can't be read (reported too). On failure conf is unchanged.
 */
int conf_load(struct conf *conf, const char *path, conf_report *report, void *context);
/*
 * From now on users and groups that no file named before are unknown: this process may no longer ask the system, which can
 * mean modules and sockets (sandbox/sandbox.h).
 */
void conf_names_settle(void);
/*
 * The files that a reload reads again, without `file` itself: they must stay readable, by name, also when another one was put in
 * their place. Those that stand twice come twice.
 */
#define CONF_FILES_MAX (CONF_ROWS_MAX + (unsigned)RELIEF_CONFIG_COUNT)
void conf_files(const struct conf *conf, void (*each)(void *context, const char *path), void *context);
/*
 * Options that differ and take a restart, as "listen.address, data.dir"; empty when all that differs can be changed while the
 * daemon runs.
 */
void conf_restart(const struct conf *before, const struct conf *after, char *ret, size_t size);
/* Prints a file that reads again to the same. */
void conf_print(const struct conf *conf, FILE *to);

/* --listen's value: ADDR or ADDR,as=IDENTITY. 0, or -EINVAL and why (static). */
int conf_listen_parse(const char *text, struct conf_listen *ret, const char **ret_why);
int conf_identity_parse(const char *text, struct conf_identity *ret, const char **ret_why);
/* As it is written, NUL-terminated. */
#define CONF_IDENTITY_BYTES (RELIEF_ID_BYTES_MAX + 16u)
void conf_identity_text(const struct conf_identity *identity, char ret_text[CONF_IDENTITY_BYTES]);
/* Who a local user is: the row of the user, else the first row of one of the groups, else NULL. */
const struct conf_identity *conf_identity_of(const struct conf *conf, uid_t uid, const gid_t *groups, unsigned count);
