/*
 * Checkpoints, proofs, receipts and keys before all who read them: the command line, relief-audit and the daemon each
 * have a reader of their own, written from one page. What one of them holds good the others must, or somebody could be
 * shown a thing that others deny.
 *
 * The first byte: 'n' a body, signed here, behind a NUL further lines as they come; 't' a whole note; 'p' a document of
 * a proof; 'd' a document over a tree made here, of which one byte may be changed; 'k' a verifier key, 's' a private
 * one.
 */
#include "evidence.h"
#include "client/cli/evidence_proof.h"
#include "schema/codec.h"
#include "tools/audit/proof.h"

#define TREE_MAX    40u
#define SIZE_AGREED UINT64_C(999999999999999999) /* the readers' bounds of a size differ from here on */
#define COSIGNED_AT INT64_C(1767225600)

static struct evidence_trust trust;
static struct audit_key audit_log, audit_witness_key;

static struct audit_text audit_of(struct relief_str text)
{
    return (struct audit_text){text.data, text.len};
}

static void start(void)
{
    if (trust.has_log)
        return;
    fuzz_quiet();
    FUZZ_CHECK(evidence_key_add(&trust, daemon_log_key(), false) == 0);
    FUZZ_CHECK(evidence_key_add(&trust, daemon_witness_key(), true) == 0);
    FUZZ_CHECK(audit_key_read(audit_text_of(daemon_log_key()), &audit_log));
    FUZZ_CHECK(audit_key_read(audit_text_of(daemon_witness_key()), &audit_witness_key));
}

/* ---- notes ---- */

/* relief-audit reads checkpoints of other logs too: with lines of theirs, and without a time. */
static bool audit_holds(struct relief_str text, struct audit_note *ret)
{
    return !audit_note_read(audit_of(text), ret) && ret->extensions == 1 && ret->timed && audit_name_ok(ret->origin) &&
           audit_text_eq(ret->origin, audit_text_of(audit_log.name)) &&
           audit_note_signed(ret, &audit_log, NULL) == AUDIT_SIGNED_WELL &&
           audit_note_signed(ret, &audit_witness_key, NULL) != AUDIT_SIGNED_WRONG;
}

/* The command line takes no second line of one key; the others take it when it holds too. */
static bool has_twice(const struct audit_note *note)
{
    for (unsigned i = 0; i < note->count; i++) {
        for (unsigned j = 0; j < i; j++) {
            if (memcmp(note->signatures[i].id, note->signatures[j].id, 4) == 0 &&
                audit_text_eq(note->signatures[i].name, note->signatures[j].name))
                return true;
        }
    }
    return false;
}

static bool names_fit(const struct audit_note *note)
{
    for (unsigned i = 0; i < note->count; i++) {
        if (!audit_name_ok(note->signatures[i].name))
            return false;
    }
    return true;
}

static bool try_note(struct relief_str text)
{
    static struct evidence_note note;
    static struct audit_note audited;
    uint64_t size = 0;
    const char *wrong = evidence_note_read(&note, text, &trust);
    bool daemon = daemon_note_holds(text, &size), audit = audit_holds(text, &audited);
    if (!wrong) {
        FUZZ_CHECK(daemon && audit);
        FUZZ_CHECK(note.size == size && note.size == audited.size && note.time == audited.time);
        FUZZ_CHECK(memcmp(note.root, audited.root, sizeof note.root) == 0);
    } else if (daemon && audit) {
        FUZZ_CHECK(size > SIZE_AGREED || audited.time > (int64_t)SIZE_AGREED || has_twice(&audited) ||
                   !names_fit(&audited));
    }
    return !wrong;
}

static void try_signed(struct fuzz_input *input)
{
    struct relief_buf text = RELIEF_BUF_INIT;
    uint8_t how = fuzz_byte(input);
    struct relief_str body = fuzz_until(input, 0), more = fuzz_rest(input);
    if (body.len < EVIDENCE_NOTE_MAX) {
        relief_buf_add_str(&text, body);
        relief_buf_add_char(&text, '\n');
        if (how & 1)
            daemon_sign(&text, body, true, COSIGNED_AT);
        if (how & 2)
            relief_buf_add_str(&text, more);
        if (!(how & 4))
            daemon_sign(&text, body, false, 0);
        if (!(how & 2))
            relief_buf_add_str(&text, more);
        try_note((struct relief_str){text.data, (uint32_t)text.len});
    }
    relief_buf_deinit(&text);
}

/* ---- proofs ---- */

static bool try_document(struct relief_str line)
{
    static struct evidence_proof proof;
    static struct audit_proof audited;
    const char *wrong = evidence_proof_read(&proof, line, &trust);
    bool form = !audit_proof_read(audit_of(line), &audited);
    bool audit = form && !audit_proof_check(&audited) &&
                 audit_note_signed(&audited.note, &audit_log, NULL) == AUDIT_SIGNED_WELL &&
                 (audited.kind != AUDIT_CONSISTENCY ||
                  audit_note_signed(&audited.from_note, &audit_log, NULL) == AUDIT_SIGNED_WELL);
    FUZZ_CHECK(wrong || audit);
    return !wrong;
}

struct leaves {
    uint8_t hash[TREE_MAX][TREE_HASH_BYTES];
    unsigned count;
};

/* The root over leaves from `first` on, as RFC 6962 defines it: by halves. */
static void root_of(const struct leaves *leaves, unsigned first, unsigned count, uint8_t ret[TREE_HASH_BYTES])
{
    uint8_t left[TREE_HASH_BYTES], right[TREE_HASH_BYTES];
    unsigned half = 1;
    if (count <= 1) {
        memcpy(ret, leaves->hash[first], TREE_HASH_BYTES);
        return;
    }
    while (half * 2 < count)
        half *= 2;
    root_of(leaves, first, half, left);
    root_of(leaves, first + half, count - half, right);
    audit_tree_node(left, right, ret);
}

/* PATH(index, leaves) and SUBPROOF(from, leaves, whole) of RFC 6962: appended to the path. */
static void inclusion_of(const struct leaves *leaves, unsigned first, unsigned count, unsigned index,
                         struct relief_buf *path)
{
    uint8_t hash[TREE_HASH_BYTES];
    unsigned half = 1;
    if (count <= 1)
        return;
    while (half * 2 < count)
        half *= 2;
    if (index < half) {
        inclusion_of(leaves, first, half, index, path);
        root_of(leaves, first + half, count - half, hash);
    } else {
        inclusion_of(leaves, first + half, count - half, index - half, path);
        root_of(leaves, first, half, hash);
    }
    relief_buf_add(path, hash, sizeof hash);
}

static void consistency_of(const struct leaves *leaves, unsigned first, unsigned count, unsigned from, bool whole,
                           struct relief_buf *path)
{
    uint8_t hash[TREE_HASH_BYTES];
    unsigned half = 1;
    if (from == count) {
        root_of(leaves, first, count, hash);
        relief_buf_add(path, hash, whole ? 0 : sizeof hash);
        return;
    }
    while (half * 2 < count)
        half *= 2;
    if (from <= half) {
        consistency_of(leaves, first, half, from, whole, path);
        root_of(leaves, first + half, count - half, hash);
    } else {
        consistency_of(leaves, first + half, count - half, from - half, false, path);
        root_of(leaves, first, half, hash);
    }
    relief_buf_add(path, hash, sizeof hash);
}

static void note_of(const struct leaves *leaves, unsigned size, struct relief_buf *note)
{
    uint8_t root[TREE_HASH_BYTES];
    root_of(leaves, 0, size, root);
    relief_buf_printf(note, "fuzz\n%u\n", size);
    relief_base64(note, (struct relief_str){(const char *)root, sizeof root});
    relief_buf_printf(note, "\ntime %u\n", size * 1000);
    struct relief_str body = {note->data, (uint32_t)note->len};
    struct relief_buf lines = RELIEF_BUF_INIT;
    daemon_sign(&lines, body, false, 0);
    relief_buf_add_char(note, '\n');
    relief_buf_add(note, lines.data, lines.len);
    relief_buf_deinit(&lines);
}

static void try_made(struct fuzz_input *input)
{
    static struct leaves leaves;
    struct relief_buf note = RELIEF_BUF_INIT, older = RELIEF_BUF_INIT, path = RELIEF_BUF_INIT, line = RELIEF_BUF_INIT;
    char leaf[2 * TREE_HASH_BYTES + 1];
    enum evidence_kind kind = (enum evidence_kind)(fuzz_byte(input) % 3);
    unsigned size = 1 + fuzz_byte(input) % TREE_MAX, seq = 1 + fuzz_byte(input) % size;
    size_t at = (size_t)fuzz_byte(input) << 8 | fuzz_byte(input);
    uint8_t change = fuzz_byte(input);
    for (unsigned i = 0; i < size; i++)
        memset(leaves.hash[i], (int)i + 1, TREE_HASH_BYTES);
    note_of(&leaves, size, &note);
    note_of(&leaves, seq, &older);
    if (kind == EVIDENCE_CONSISTENCY)
        consistency_of(&leaves, 0, size, seq, true, &path);
    else
        inclusion_of(&leaves, 0, size, seq - 1, &path);
    audit_hex_write(leaves.hash[seq - 1], TREE_HASH_BYTES, leaf);
    evidence_proof_write(&line, kind, seq, size, relief_str_of(leaf),
                         (struct relief_str){path.data ? path.data : "", (uint32_t)path.len},
                         (struct relief_str){note.data, (uint32_t)note.len},
                         (struct relief_str){older.data, (uint32_t)older.len});
    line.data[at % line.len] ^= (char)change;
    FUZZ_CHECK(try_document((struct relief_str){line.data, (uint32_t)line.len}) == (change == 0));
    FUZZ_CHECK(try_note((struct relief_str){note.data, (uint32_t)note.len}));
    relief_buf_deinit(&note);
    relief_buf_deinit(&older);
    relief_buf_deinit(&path);
    relief_buf_deinit(&line);
}

/* ---- keys ---- */

static void try_key(struct relief_str text)
{
    static struct evidence_trust mine;
    struct audit_key key;
    char again[512], audited[AUDIT_KEY_TEXT_MAX], whole[600];
    bool daemon = daemon_key_reads(text, again), audit = audit_key_read(audit_of(text), &key);
    FUZZ_CHECK(daemon == audit);
    if (daemon)
        audit_key_write(&key, audited);
    FUZZ_CHECK(!daemon || (relief_str_eq(text, relief_str_of(again)) && strcmp(again, audited) == 0));
    if (text.len == 0 || text.len >= sizeof whole || memchr(text.data, '\0', text.len) || text.data[0] == '@' ||
        text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r')
        return; /* cut off by the command line */
    memcpy(whole, text.data, text.len);
    whole[text.len] = '\0';
    mine.witness_count = 0;
    bool as_log = evidence_key_add(&mine, whole, false) == 0, as_witness = evidence_key_add(&mine, whole, true) == 0;
    FUZZ_CHECK(daemon ? as_log == (key.type == AUDIT_KEY_LOG) && as_witness == (key.type == AUDIT_KEY_WITNESS)
                      : !as_log && !as_witness);
}

static void try_secret(struct relief_str text)
{
    struct audit_secret secret;
    char again[512], audited[AUDIT_KEY_TEXT_MAX];
    bool daemon = daemon_secret_reads(text, again), audit = audit_secret_read(audit_of(text), &secret);
    FUZZ_CHECK(daemon == audit);
    if (!daemon)
        return;
    audit_secret_write(&secret, audited);
    FUZZ_CHECK(relief_str_eq(text, relief_str_of(again)) && strcmp(again, audited) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, data + size};
    start();
    switch (fuzz_byte(&input)) {
    case 'n':
        try_signed(&input);
        break;
    case 't':
        try_note(fuzz_rest(&input));
        break;
    case 'p':
        try_document(fuzz_rest(&input));
        break;
    case 'd':
        try_made(&input);
        break;
    case 'k':
        try_key(fuzz_rest(&input));
        break;
    case 's':
        try_secret(fuzz_rest(&input));
        break;
    default:
        break;
    }
    return 0;
}
