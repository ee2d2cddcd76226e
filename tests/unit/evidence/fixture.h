/* A folder of evidence in a place of its own, two witnesses, file calls that fail when told to. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "evidence/notary.h"

struct fixture {
    char dir[64];
    struct evidence *evidence;
    struct evidence_report report;
    struct evidence_options options;
    struct evidence_signer witnesses[2];
    struct evidence_key keys[2];
    struct evidence_hasher *hasher;
    char history; /* entries of different ones differ */
    /* faults */
    struct file_io io;
    int write_error, sync_error;
    unsigned writes, syncs, broken;
    char what[256];
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
void fixture_path(const struct fixture *f, const char *name, char path[128]);
/* Removes a file of the folder, if it is there. */
void fixture_forget(const struct fixture *f, const char *name);
uint64_t fixture_bytes_of(const struct fixture *f, const char *name);
void fixture_flip(const struct fixture *f, const char *name, uint64_t at);

void fixture_leaf(struct fixture *f, uint64_t seq, uint8_t leaf[EVIDENCE_HASH_BYTES]);
int fixture_add_up_to(struct fixture *f, uint64_t head);
int fixture_publish(struct fixture *f);
/* Opens with a log of so many entries, published and synced. */
int fixture_open_at(struct fixture *f, uint64_t head);
void fixture_stop(struct fixture *f, bool clean);
struct evidence_checkpoint fixture_newest(struct fixture *f);
/* Everything that is published is right: the root by itself, and proofs of and from every size. */
void fixture_expect_right(struct fixture *f, uint64_t head);
/* What relief check finds in the folder. */
unsigned fixture_broken(struct fixture *f, uint64_t head);
