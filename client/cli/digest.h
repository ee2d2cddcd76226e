/* The digest at the end of a dump and of a log export (fine print 63): BLAKE2b-256 over all lines before, line feeds
 * included. */
#pragma once
#include <sodium.h>
#include "schema/buf.h"

/* The state wants to stand on a multiple of 64, which neither malloc nor every compiler's stack gives: it finds its place in the room. */
struct cli_digest {
    unsigned char room[sizeof(crypto_generichash_state) + 63];
};
#define CLI_HASH_TEXT 65

void cli_digest_init(struct cli_digest *digest);
/* A line without its line feed, which is added. */
void cli_digest_line(struct cli_digest *digest, struct relief_str line);
void cli_digest_bytes(struct cli_digest *digest, const void *data, size_t len);
void cli_digest_final(struct cli_digest *digest, char ret_text[CLI_HASH_TEXT]);

/* First and last lines, without line feed; keys sorted as in every other line. */
void cli_dump_header(struct relief_buf *buf, int64_t seq, struct relief_str head, int64_t time);
void cli_log_header(struct relief_buf *buf, int64_t from);
void cli_trailer(struct relief_buf *buf, int64_t records, const char *digest);
