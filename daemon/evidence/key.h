/*
 * Ed25519 keys in the text forms of C2SP signed-note: NAME+HASH+KEY, and the private key with PRIVATE+KEY+ before it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "schema/str.h"

#define EVIDENCE_NAME_BYTES_MAX 128u
#define EVIDENCE_VERIFIER_TEXT (EVIDENCE_NAME_BYTES_MAX + 1 + 8 + 1 + 44 + 1) /* with its NUL */
#define EVIDENCE_PRIVATE_TEXT (12 + EVIDENCE_VERIFIER_TEXT)

enum evidence_key_type {
    EVIDENCE_ED25519 = 0x01,     /* signs the body of a note */
    EVIDENCE_COSIGNATURE = 0x04, /* cosignature/v1: signs a time and the body */
};

struct evidence_key {
    char name[EVIDENCE_NAME_BYTES_MAX + 1];
    uint8_t type; /* enum evidence_key_type */
    uint8_t id[4];
    uint8_t bytes[32]; /* public key */
};

struct evidence_signer {
    struct evidence_key key;
    uint8_t secret[64];
};

/* 1 to 128 bytes of printable ASCII without space and '+'. */
bool evidence_name_ok(struct relief_str name);
/* Verifier key from text. Wrong hash, type, base64 or name: false. */
bool evidence_key_parse(struct evidence_key *ret_key, struct relief_str text);
void evidence_key_text(const struct evidence_key *key, char ret_text[EVIDENCE_VERIFIER_TEXT]);
/* A new key. name must be right. 0 or -EIO. */
int evidence_signer_make(struct evidence_signer *ret_signer, const char *name, enum evidence_key_type type);
bool evidence_signer_parse(struct evidence_signer *ret_signer, struct relief_str text);
void evidence_signer_text(const struct evidence_signer *signer, char ret_text[EVIDENCE_PRIVATE_TEXT]);
/* Forgets the secret. */
void evidence_signer_wipe(struct evidence_signer *signer);
