/*
 * Signatures by keys that are not trusted are passed over; one by a trusted key that does not hold spoils the note.
 */
#include "tools/audit/trust.h"
#include <stdio.h>

bool audit_trust_signed(const struct audit_trust *trust, const char *path, uint64_t line, const struct audit_note *note,
                        struct audit_faults *faults)
{
    bool known = false, good = false;
    for (unsigned i = 0; i < trust->log_count; i++) {
        if (!audit_text_eq(note->origin, audit_text_of(trust->logs[i].name)))
            continue;
        known = true;
        enum audit_signed result = audit_note_signed(note, &trust->logs[i], NULL);
        if (result == AUDIT_SIGNED_WRONG) {
            audit_fault(faults, path, line, "the log's signature is wrong");
            return false;
        }
        good |= result == AUDIT_SIGNED_WELL;
    }
    if (!known)
        audit_fault(faults, path, line, "a checkpoint of %.*s, of which no key was given", (int)note->origin.len,
                    note->origin.data);
    else if (!good)
        audit_fault(faults, path, line, "not signed with the key of %.*s", (int)note->origin.len, note->origin.data);
    if (good && !note->timed) {
        audit_fault(faults, path, line, "the checkpoint says no time");
        return false;
    }
    return good;
}

/* Whether one of the witnesses before `index` has its very key: two names for one key are one witness. */
static bool is_same_again(const struct audit_trust *trust, unsigned index)
{
    for (unsigned i = 0; i < index; i++)
        if (memcmp(trust->witnesses[i].key, trust->witnesses[index].key, sizeof trust->witnesses[i].key) == 0)
            return true;
    return false;
}

unsigned audit_trust_witnesses(const struct audit_trust *trust)
{
    unsigned count = 0;
    for (unsigned i = 0; i < trust->witness_count; i++)
        count += !is_same_again(trust, i);
    return count;
}

/* Whether the key of this witness signed under one of the names before. */
static bool was_counted(const struct audit_trust *trust, unsigned index, const bool *signed_well)
{
    for (unsigned i = 0; i < index; i++)
        if (signed_well[i] &&
            memcmp(trust->witnesses[i].key, trust->witnesses[index].key, sizeof trust->witnesses[i].key) == 0)
            return true;
    return false;
}

bool audit_trust_witnessed(const struct audit_trust *trust, const char *path, const struct audit_note *note,
                           int64_t now, struct audit_faults *faults)
{
    unsigned good = 0;
    bool signed_well[AUDIT_TRUST_MAX] = {false};
    bool wrong = false;
    for (unsigned i = 0; i < trust->witness_count; i++) {
        int64_t seconds = 0;
        char when[32], age[48];
        enum audit_signed result = audit_note_signed(note, &trust->witnesses[i], &seconds);
        if (result == AUDIT_SIGNED_WRONG) {
            audit_fault(faults, path, 0, "the signature of witness %s is wrong", trust->witnesses[i].name);
            wrong = true;
        }
        if (result != AUDIT_SIGNED_WELL || was_counted(trust, i, signed_well))
            continue;
        signed_well[i] = true;
        audit_time_text(seconds, when);
        audit_age_text(now - seconds, age);
        printf("%s: witnessed by %s at %s, %s\n", path, trust->witnesses[i].name, when, age);
        good++;
    }
    if (good < trust->witnesses_min)
        audit_fault(faults, path, 0, "witnessed by %u of the keys given, %u are wanted", good, trust->witnesses_min);
    else if (good == 0)
        printf("%s: unwitnessed%s\n", path, trust->witness_count ? "" : " (no witness's key was given)");
    return !wrong && good >= trust->witnesses_min;
}

void audit_trust_pair(const char *path, const struct audit_note *note, const char *other_path,
                      const struct audit_note *other, struct audit_faults *faults)
{
    if (!audit_text_eq(note->origin, other->origin))
        return;
    if (note->size == other->size && memcmp(note->root, other->root, AUDIT_HASH) != 0)
        audit_fault(faults, path, 0, "fork: %s has the same size and another root", other_path);
    else if (note->timed && other->timed &&
             ((note->size < other->size && note->time > other->time) ||
              (note->size > other->size && note->time < other->time) ||
              (note->size == other->size && note->time != other->time)))
        audit_fault(faults, path, 0, "rolled back or forked: its size and time can't both be true beside those of %s",
                    other_path);
}
