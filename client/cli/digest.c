/*
 * Digests, and the first and last lines of the files that carry them.
 */
#include "client/cli/digest.h"
#include "schema/codec.h"

static crypto_generichash_state *state_of(struct cli_digest *digest)
{
    uintptr_t at = ((uintptr_t)digest->room + 63) & ~(uintptr_t)63;
    return (crypto_generichash_state *)at;
}

void cli_digest_init(struct cli_digest *digest)
{
    crypto_generichash_init(state_of(digest), NULL, 0, 32);
}

void cli_digest_bytes(struct cli_digest *digest, const void *data, size_t len)
{
    crypto_generichash_update(state_of(digest), data, len);
}

void cli_digest_line(struct cli_digest *digest, struct relief_str line)
{
    cli_digest_bytes(digest, line.data, line.len);
    cli_digest_bytes(digest, "\n", 1);
}

void cli_digest_final(struct cli_digest *digest, char ret_text[CLI_HASH_TEXT])
{
    unsigned char hash[32];
    crypto_generichash_final(state_of(digest), hash, sizeof hash);
    sodium_bin2hex(ret_text, CLI_HASH_TEXT, hash, sizeof hash);
}

void cli_dump_header(struct relief_buf *buf, int64_t seq, struct relief_str head, int64_t time)
{
    relief_buf_add_text(buf, "{\"format\":\"relief-dump\",\"head\":");
    relief_json_str(buf, head);
    relief_buf_printf(buf, ",\"seq\":%lld,\"time\":%lld,\"version\":1}", (long long)seq, (long long)time);
}

void cli_log_header(struct relief_buf *buf, int64_t from)
{
    relief_buf_printf(buf, "{\"format\":\"relief-log\",\"from\":%lld,\"version\":1}", (long long)from);
}

void cli_trailer(struct relief_buf *buf, int64_t records, const char *digest)
{
    relief_buf_printf(buf, "{\"digest\":\"%s\",\"records\":%lld}", digest, (long long)records);
}
