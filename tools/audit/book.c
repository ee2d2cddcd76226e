/*
 * Of a file of a thousand receipts only what they claim is kept: some bytes each. Claims are sorted by size, so that
 * all are compared in one walk.
 */
#include "tools/audit/book.h"
#include <stdio.h>
#include <stdlib.h>
#include "tools/audit/command.h"
#include "tools/audit/proof.h"

static void *grow(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    size_t more = *cap ? *cap * 2 : 64;
    void *grown = reallocarray(items, more, size);
    if (grown)
        *cap = more;
    return grown;
}

static struct audit_claim *new_claim(struct audit_book *book, const struct audit_note *note)
{
    struct audit_claim *claims = grow(book->claims, book->count, &book->cap, sizeof *claims);
    if (!claims)
        return NULL;
    book->claims = claims;
    struct audit_claim *claim = &claims[book->count++];
    *claim = (struct audit_claim){.time = -1};
    while (claim->log < book->trust->log_count &&
           !audit_text_eq(note->origin, audit_text_of(book->trust->logs[claim->log].name)))
        claim->log++;
    return claim;
}

static int claim_root(struct audit_book *book, const char *path, uint64_t line, const struct audit_note *note,
                      enum audit_claim_of of)
{
    struct audit_claim *claim = new_claim(book, note);
    if (!claim)
        return audit_say("no memory");
    claim->path = path;
    claim->line = line;
    claim->of = of;
    claim->seq = note->size;
    claim->time = note->timed ? note->time : -1;
    memcpy(claim->hash, note->root, AUDIT_HASH);
    return 0;
}

static int claim_leaf(struct audit_book *book, const char *path, uint64_t line, const struct audit_proof *proof)
{
    struct audit_claim *claim = new_claim(book, &proof->note);
    if (!claim)
        return audit_say("no memory");
    claim->path = path;
    claim->line = line;
    claim->of = AUDIT_OF_LEAF;
    claim->seq = proof->seq;
    memcpy(claim->hash, proof->leaf, AUDIT_HASH);
    return 0;
}

/* ---- files ---- */

int audit_book_note(struct audit_book *book, const char *path, struct audit_faults *faults)
{
    struct audit_note *note = malloc(sizeof *note);
    char root[AUDIT_HASH_B64], when[32];
    if (!note)
        return audit_say("no memory");
    int code = audit_note_file(path, note);
    if (code == 0)
        code = claim_root(book, path, 0, note, AUDIT_OF_CHECKPOINT);
    if (code == 0 && audit_trust_signed(book->trust, path, 0, note, faults)) {
        audit_base64_write(note->root, AUDIT_HASH, root);
        audit_time_text(note->time / 1000, when);
        printf("%s: checkpoint of %.*s, %llu entries until %s, root %s, signed\n", path, (int)note->origin.len,
               note->origin.data, (unsigned long long)note->size, when, root);
        audit_trust_witnessed(book->trust, path, note, book->now, faults);
    }
    free(note);
    return code;
}

static void say_proof(const char *path, const struct audit_proof *proof)
{
    if (proof->kind == AUDIT_CONSISTENCY)
        printf("%s: the first %llu of %llu entries of %.*s are unchanged\n", path, (unsigned long long)proof->from,
               (unsigned long long)proof->size, (int)proof->note.origin.len, proof->note.origin.data);
    else
        printf("%s: entry %llu is in the signed tree of %llu entries of %.*s\n", path, (unsigned long long)proof->seq,
               (unsigned long long)proof->size, (int)proof->note.origin.len, proof->note.origin.data);
}

static int add_link(struct audit_book *book, const struct audit_proof *proof, unsigned log)
{
    struct audit_link *links = grow(book->links, book->link_count, &book->link_cap, sizeof *links);
    if (!links)
        return audit_say("no memory");
    book->links = links;
    book->links[book->link_count++] = (struct audit_link){log, proof->from, proof->size};
    return 0;
}

static int take_proof(struct audit_book *book, const char *path, uint64_t line, const struct audit_proof *proof,
                      struct audit_faults *faults)
{
    bool consistency = proof->kind == AUDIT_CONSISTENCY;
    uint64_t before = faults->count;
    const char *fault = audit_proof_check(proof);
    if (fault)
        audit_fault(faults, path, line, "%s", fault);
    audit_trust_signed(book->trust, path, line, &proof->note, faults);
    if (consistency)
        audit_trust_signed(book->trust, path, line, &proof->from_note, faults);
    int code = claim_root(book, path, line, &proof->note, consistency ? AUDIT_OF_PROOF : AUDIT_OF_RECEIPT);
    if (code == 0 && consistency)
        code = claim_root(book, path, line, &proof->from_note, AUDIT_OF_PROOF);
    if (code == 0 && !consistency)
        code = claim_leaf(book, path, line, proof);
    if (code == 0 && consistency && faults->count == before)
        code = add_link(book, proof, book->claims[book->count - 1].log);
    return code;
}

int audit_book_proofs(struct audit_book *book, const char *path, struct audit_faults *faults)
{
    struct audit_proof *proof = calloc(1, sizeof *proof);
    struct audit_source source;
    struct audit_text line;
    uint64_t before = faults->count, count = 0;
    enum audit_got got = AUDIT_GOT_END;
    if (!proof)
        return audit_say("no memory");
    int code = audit_source_open(&source, path);
    source.loose = true; /* one document may stand without a line feed */
    while (code == 0 && (got = audit_source_next(&source, &line)) == AUDIT_GOT_LINE) {
        const char *fault = line.len > AUDIT_PROOF_MAX ? "too long" : audit_proof_read(line, proof);
        count++;
        if (fault)
            audit_fault(faults, path, source.line, "not a proof: %s", fault);
        else
            code = take_proof(book, path, source.line, proof, faults);
    }
    if (code == 0 && got != AUDIT_GOT_END)
        code = AUDIT_USAGE;
    if (code == 0 && faults->count == before && count == 1)
        say_proof(path, proof);
    else if (code == 0 && faults->count == before)
        printf("%s: %llu receipts or proofs hold\n", path, (unsigned long long)count);
    audit_source_close(&source);
    free(proof);
    return code;
}

/* ---- against each other ---- */

/* Of one log, by size; checkpoints of one size stand together. */
static int compare_claims(const void *a, const void *b)
{
    const struct audit_claim *one = a, *other = b;
    if (one->log != other->log)
        return one->log < other->log ? -1 : 1;
    return (one->seq > other->seq) - (one->seq < other->seq);
}

static void compare_two(const struct audit_claim *old, const struct audit_claim *new, struct audit_faults *faults)
{
    if (old->seq == new->seq && memcmp(old->hash, new->hash, AUDIT_HASH) != 0)
        audit_fault(faults, new->path, new->line, "fork: %s has the same size and another root", old->path);
    else if (old->time >= 0 && new->time >= 0 &&
             (old->seq == new->seq ? old->time != new->time : old->time > new->time))
        audit_fault(faults, new->path, new->line,
                    "rolled back or forked: its size and time can't both be true beside those of %s", old->path);
}

void audit_book_compare(struct audit_book *book, struct audit_faults *faults)
{
    const struct audit_claim *last = NULL, *leaf = NULL;
    if (book->count > 1)
        qsort(book->claims, book->count, sizeof *book->claims, compare_claims);
    for (size_t i = 0; i < book->count; i++) {
        const struct audit_claim *claim = &book->claims[i];
        if (claim->of == AUDIT_OF_LEAF) {
            if (leaf && leaf->log == claim->log && leaf->seq == claim->seq &&
                memcmp(leaf->hash, claim->hash, AUDIT_HASH) != 0)
                audit_fault(faults, claim->path, claim->line, "fork: %s has another entry %llu", leaf->path,
                            (unsigned long long)claim->seq);
            leaf = claim;
            continue;
        }
        if (last && last->log == claim->log)
            compare_two(last, claim, faults);
        last = claim;
    }
}

/* Whether some proof, or a chain of them, leads from one size to another. The roots of their ends are claims too, and
 * were compared. */
static bool leads(const struct audit_book *book, unsigned log, uint64_t from, uint64_t size)
{
    /* Each round takes the longest step that goes on. */
    for (size_t round = 0; from < size && round <= book->link_count; round++) {
        uint64_t next = from;
        for (size_t i = 0; i < book->link_count; i++) {
            const struct audit_link *link = &book->links[i];
            if (link->log == log && link->from == from && link->size <= size && link->size > next)
                next = link->size;
        }
        if (next == from)
            return false;
        from = next;
    }
    return from == size;
}

/* Two checkpoints of one log, one behind the other by size: without a proof the one may be a fork of the other. */
static void lead_checkpoints(const struct audit_book *book, struct audit_faults *faults)
{
    const struct audit_claim *last = NULL;
    for (size_t i = 0; i < book->count; i++) {
        const struct audit_claim *claim = &book->claims[i];
        if (claim->of != AUDIT_OF_CHECKPOINT)
            continue;
        /* Everything begins with the empty tree. */
        if (last && last->log == claim->log && last->seq > 0 && !leads(book, claim->log, last->seq, claim->seq))
            audit_fault(
                faults, claim->path, claim->line,
                "not compared with %s: nothing leads from its %llu entries to these %llu; a consistency proof is "
                "wanted (--proof), or the log",
                last->path, (unsigned long long)last->seq, (unsigned long long)claim->seq);
        last = claim;
    }
}

void audit_book_lead(const struct audit_book *book, struct audit_faults *faults)
{
    lead_checkpoints(book, faults);
    uint64_t last = UINT64_MAX; /* the size that was looked at last, and what came out */
    bool last_good = false;
    for (size_t i = 0; i < book->count; i++) {
        const struct audit_claim *receipt = &book->claims[i];
        bool any = false, good = false;
        if (receipt->of != AUDIT_OF_RECEIPT)
            continue;
        if (receipt->seq != last) {
            for (size_t j = 0; j < book->count && !good; j++) {
                const struct audit_claim *note = &book->claims[j];
                if (note->of != AUDIT_OF_CHECKPOINT)
                    continue;
                any = true;
                good = note->log == receipt->log && leads(book, note->log, receipt->seq, note->seq);
            }
            last = receipt->seq;
            last_good = good || !any;
        }
        if (!last_good)
            audit_fault(faults, receipt->path, receipt->line,
                        "nothing leads from its tree of %llu entries to a checkpoint that was given: a consistency "
                        "proof is wanted (--proof), or the log",
                        (unsigned long long)receipt->seq);
    }
}

void audit_book_deinit(struct audit_book *book)
{
    free(book->claims);
    free(book->links);
    *book = (struct audit_book){0};
}
