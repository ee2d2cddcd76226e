/*
 * SHA-256 by libsodium, or by the processor's own instructions for it where there are any: six times as fast, and most
 * of the time that a long log takes.
 */
#pragma once
#include "tools/audit/bytes.h"

void audit_sha256(const void *data, size_t len, uint8_t ret[AUDIT_HASH]);
/* Of one byte and the data behind it: what tells leaves from nodes. */
void audit_sha256_with(uint8_t first, const void *data, size_t len, uint8_t ret[AUDIT_HASH]);
/* For tests: false keeps to libsodium. Returns whether the instructions are in use. */
bool audit_sha256_fast(bool wanted);
