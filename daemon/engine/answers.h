/*
 * The first answers of what was pruned: a command that comes again is answered from its entry (DESIGN 6.8), and a request's id counts
 * for ever. So the entries that a request or a living op leads to are kept, without the records that they changed beside the
 * answer, in DIR/base/SEQ.answers beside the base of the same number. FORMAT.md has the bytes.
 */
#pragma once
#include "core/view.h"
#include "engine/digest.h"
#include "log/log.h"
#include "schema/buf.h"

struct engine_answers;

/* Those of the highest number in DIR/base; NULL when there are none. 0; -errno; -EUCLEAN. */
int engine_answers_open(struct engine_answers **ret_answers, const char *dir);
/*
 * The first kept entry at or behind seq; its payload replaces what buf holds, as engine_entry_decode takes it. 0; -ENOENT: there is
 * none; -EUCLEAN: damaged; -errno.
 */
int engine_answers_read(struct engine_answers *answers, uint64_t seq, struct relief_buf *buf, uint64_t *ret_seq);
/* Reads all of it: 0 and the digest, as a base's head names it. */
int engine_answers_prove(struct engine_answers *answers, uint8_t ret_digest[ENGINE_DIGEST_BYTES]);
uint64_t engine_answers_seq(const struct engine_answers *answers);
uint64_t engine_answers_count(const struct engine_answers *answers);
void engine_answers_close(struct engine_answers *answers);
/*
 * Writes DIR/base/SEQ.answers: the entries up to seq that the state of seq leads to, from the log and from the answers that are there
 * already. 0; -EUCLEAN: one of them is missing; -errno.
 */
int engine_answers_write(const char *dir, uint64_t seq, struct core_view *view, struct log *log,
                         uint8_t ret_digest[ENGINE_DIGEST_BYTES]);
/* bases.c: the highest number of a file of answers, 0: none. */
int engine_answers_find(const char *dir, uint64_t *ret_seq);
