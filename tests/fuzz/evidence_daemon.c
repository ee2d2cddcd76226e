/*
 * The daemon's reader of notes and keys, behind names that are not those of the command line's.
 */
#include "evidence.h"
#include <sodium.h>
#include "evidence/note.h"

#define LOG_KEY     "PRIVATE+KEY+fuzz+45da85d5+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
#define WITNESS_KEY "PRIVATE+KEY+w+5ec291ad+BAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC"

static const struct evidence_signer *signer_of(bool witness)
{
    static struct evidence_signer signers[2];
    if (!signers[0].key.type) {
        static const char *const texts[] = {LOG_KEY, WITNESS_KEY};
        FUZZ_CHECK(sodium_init() >= 0);
        for (unsigned i = 0; i < 2; i++)
            FUZZ_CHECK(evidence_signer_parse(&signers[i], relief_str_of(texts[i])));
    }
    return &signers[witness];
}

const char *daemon_log_key(void)
{
    static char text[EVIDENCE_VERIFIER_TEXT];
    evidence_key_text(&signer_of(false)->key, text);
    return text;
}

const char *daemon_witness_key(void)
{
    static char text[EVIDENCE_VERIFIER_TEXT];
    evidence_key_text(&signer_of(true)->key, text);
    return text;
}

void daemon_sign(struct relief_buf *note, struct relief_str body, bool witness, int64_t seconds)
{
    evidence_note_sign(note, body, signer_of(witness), seconds);
}

/* A checkpoint that was read is written again as it was. */
static void check_body(const struct evidence_note *note, const struct evidence_checkpoint *checkpoint)
{
    struct relief_buf again = RELIEF_BUF_INIT;
    evidence_checkpoint_write(&again, checkpoint);
    FUZZ_CHECK(again.len == note->body.len && memcmp(again.data, note->body.data, again.len) == 0);
    relief_buf_deinit(&again);
}

bool daemon_note_holds(struct relief_str text, uint64_t *ret_size)
{
    struct evidence_checkpoint checkpoint;
    struct evidence_note note;
    const struct evidence_key *witness = &signer_of(true)->key, *log = &signer_of(false)->key;
    if (!evidence_note_parse(&note, text) || !evidence_checkpoint_parse(&checkpoint, note.body))
        return false;
    check_body(&note, &checkpoint);
    *ret_size = checkpoint.size;
    for (unsigned i = 0; i < note.count; i++) {
        if (relief_str_eq(note.signatures[i].name, relief_str_of(witness->name)) &&
            memcmp(note.signatures[i].id, witness->id, 4) == 0 && !evidence_note_verify(&note, witness, NULL, NULL))
            return false;
    }
    return strcmp(checkpoint.origin, log->name) == 0 && evidence_note_verify(&note, log, NULL, NULL);
}

bool daemon_key_reads(struct relief_str text, char ret[512])
{
    struct evidence_key key;
    if (!evidence_key_parse(&key, text))
        return false;
    evidence_key_text(&key, ret);
    return true;
}

bool daemon_secret_reads(struct relief_str text, char ret[512])
{
    struct evidence_signer signer;
    if (!evidence_signer_parse(&signer, text))
        return false;
    evidence_signer_text(&signer, ret);
    return true;
}
