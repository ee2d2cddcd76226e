/*
 * Keys as text. A key's hash ties its bytes to its name and to what it signs, so that a line in a note names one key;
 * it is checked whenever a key is read, because a mistyped key that is taken would refuse every note later, and nobody
 * would know why.
 *
 * Secrets are wiped where they end; base64 and hex of a secret go through libsodium's functions, whose time does not
 * depend on it.
 */
#include "evidence/key.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define KEY_BYTES 33u /* type and public key, or type and seed */

_Static_assert(sizeof((struct evidence_signer *)0)->secret == crypto_sign_SECRETKEYBYTES, "Ed25519");

static const char private_start[] = "PRIVATE+KEY+";

bool evidence_name_ok(struct relief_str name)
{
    if (!name.data || name.len == 0 || name.len > EVIDENCE_NAME_BYTES_MAX)
        return false;
    for (uint32_t i = 0; i < name.len; i++)
        if (name.data[i] <= 0x20 || name.data[i] > 0x7e || name.data[i] == '+')
            return false;
    return true;
}

static void set_id(struct evidence_key *key)
{
    uint8_t bytes[EVIDENCE_NAME_BYTES_MAX + 2 + sizeof key->bytes], hash[crypto_hash_sha256_BYTES];
    size_t len = strlen(key->name);
    memcpy(bytes, key->name, len);
    bytes[len] = '\n';
    bytes[len + 1] = key->type;
    memcpy(bytes + len + 2, key->bytes, sizeof key->bytes);
    crypto_hash_sha256(hash, bytes, len + 2 + sizeof key->bytes);
    memcpy(key->id, hash, sizeof key->id);
}

static bool is_type(uint8_t type)
{
    return type == EVIDENCE_ED25519 || type == EVIDENCE_COSIGNATURE;
}

/* NAME+HASH+BASE64 apart: name, id as written, the 33 bytes. The base64 has no '+' rule of its own, so the first two
 * count. */
static bool split(struct relief_str text, char name[EVIDENCE_NAME_BYTES_MAX + 1], uint8_t id[4],
                  uint8_t bytes[KEY_BYTES])
{
    size_t len = 0;
    if (!text.data)
        return false;
    const char *end = text.data + text.len;
    const char *plus = memchr(text.data, '+', text.len);
    if (!plus || end - plus < 1 + 8 + 1 || plus[9] != '+')
        return false;
    struct relief_str part = {text.data, (uint32_t)(plus - text.data)};
    if (!evidence_name_ok(part))
        return false;
    for (unsigned i = 1; i <= 8; i++)
        if (!((plus[i] >= '0' && plus[i] <= '9') || (plus[i] >= 'a' && plus[i] <= 'f')))
            return false;
    if (sodium_hex2bin(id, 4, plus + 1, 8, NULL, &len, NULL) != 0 || len != 4)
        return false;
    if (sodium_base642bin(bytes, KEY_BYTES, plus + 10, (size_t)(end - plus - 10), NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len != KEY_BYTES)
        return false;
    memcpy(name, part.data, part.len);
    name[part.len] = '\0';
    return true;
}

/* base64 may be a secret's. */
static void join(char *ret_text, size_t size, const char *start, const struct evidence_key *key,
                 const uint8_t bytes[32])
{
    uint8_t typed[KEY_BYTES];
    char base64[sodium_base64_ENCODED_LEN(KEY_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    typed[0] = key->type;
    memcpy(typed + 1, bytes, KEY_BYTES - 1);
    sodium_bin2base64(base64, sizeof base64, typed, sizeof typed, sodium_base64_VARIANT_ORIGINAL);
    snprintf(ret_text, size, "%s%s+%02x%02x%02x%02x+%s", start, key->name, key->id[0], key->id[1], key->id[2],
             key->id[3], base64);
    sodium_memzero(typed, sizeof typed);
    sodium_memzero(base64, sizeof base64);
}

bool evidence_key_parse(struct evidence_key *ret_key, struct relief_str text)
{
    struct evidence_key key = {0};
    uint8_t id[4], bytes[KEY_BYTES];
    if (!split(text, key.name, id, bytes) || !is_type(bytes[0]))
        return false;
    key.type = bytes[0];
    memcpy(key.bytes, bytes + 1, sizeof key.bytes);
    set_id(&key);
    if (memcmp(id, key.id, sizeof id) != 0)
        return false;
    *ret_key = key;
    return true;
}

void evidence_key_text(const struct evidence_key *key, char ret_text[EVIDENCE_VERIFIER_TEXT])
{
    join(ret_text, EVIDENCE_VERIFIER_TEXT, "", key, key->bytes);
}

static void from_seed(struct evidence_signer *signer, const uint8_t seed[32])
{
    crypto_sign_seed_keypair(signer->key.bytes, signer->secret, seed);
    set_id(&signer->key);
}

int evidence_signer_make(struct evidence_signer *ret_signer, const char *name, enum evidence_key_type type)
{
    uint8_t seed[32];
    if (sodium_init() < 0)
        return -EIO;
    *ret_signer = (struct evidence_signer){.key.type = (uint8_t)type};
    snprintf(ret_signer->key.name, sizeof ret_signer->key.name, "%s", name);
    randombytes_buf(seed, sizeof seed);
    from_seed(ret_signer, seed);
    sodium_memzero(seed, sizeof seed);
    return 0;
}

bool evidence_signer_parse(struct evidence_signer *ret_signer, struct relief_str text)
{
    struct evidence_signer signer = {0};
    uint8_t id[4], bytes[KEY_BYTES];
    const uint32_t start = sizeof private_start - 1;
    bool good = text.data && text.len > start && memcmp(text.data, private_start, start) == 0 &&
                split((struct relief_str){text.data + start, text.len - start}, signer.key.name, id, bytes) &&
                is_type(bytes[0]);
    if (good) {
        signer.key.type = bytes[0];
        from_seed(&signer, bytes + 1);
        good = memcmp(id, signer.key.id, sizeof id) == 0;
    }
    if (good)
        *ret_signer = signer;
    sodium_memzero(bytes, sizeof bytes);
    evidence_signer_wipe(&signer);
    return good;
}

void evidence_signer_text(const struct evidence_signer *signer, char ret_text[EVIDENCE_PRIVATE_TEXT])
{
    join(ret_text, EVIDENCE_PRIVATE_TEXT, private_start, &signer->key,
         signer->secret); /* libsodium's begins with the seed */
}

void evidence_signer_wipe(struct evidence_signer *signer)
{
    sodium_memzero(signer, sizeof *signer);
}
