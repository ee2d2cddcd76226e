/*
 * The daemon gives up what it needs no more: rights, files and calls that whoever takes it over would need. Linux only
 * lets a process take from itself, so nothing here is ever given back.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum sandbox_use {
    SANDBOX_DATA,   /* a folder, read and written with all below it; made when it is missing */
    SANDBOX_FILE,   /* a file that is read, now or at a reload */
    SANDBOX_SOCKET, /* a unix socket that is made and, at the end, removed */
};

struct sandbox_path {
    enum sandbox_use use;
    const char *path;
};

enum sandbox_calls {
    SANDBOX_CALLS_OFF,
    SANDBOX_CALLS_ON,     /* what is not on the list ends the process, without a word */
    SANDBOX_CALLS_REPORT, /* the same, with a line on standard error that says which call it was */
};

struct sandbox_options {
    bool files;               /* Landlock */
    enum sandbox_calls calls; /* seccomp */
    const struct sandbox_path *paths;
    unsigned path_count;
    const uint16_t *ports; /* of TCP listeners; 0: any free one */
    unsigned port_count;
};

/* What is in force. */
struct sandbox {
    int files;                /* Landlock's ABI number; 0: none */
    enum sandbox_calls calls; /* after sandbox_seal */
    enum sandbox_calls wanted;
    bool lacks_files, lacks_calls; /* wanted, and this kernel has none */
};

/*
 * Before the first thread starts and before data of others is read: no new privileges, no core and no tracing by
 * others, no capabilities (that for ports below 1024 stays until sandbox_seal, when one is to be listened on), and the
 * files. 0 or -errno.
 */
int sandbox_enclose(struct sandbox *ret, const struct sandbox_options *options);
/* When everything is open: on all threads, only the calls that serving and stopping take. 0 or -errno. */
int sandbox_seal(struct sandbox *sandbox);

/* "calls,files:7", "none": for the line of the start. */
#define SANDBOX_TEXT_BYTES 40u
void sandbox_text(const struct sandbox *sandbox, char ret[SANDBOX_TEXT_BYTES]);
