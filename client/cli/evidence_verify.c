/*
 * What relief verify says of evidence: that it holds, up to which entry and when, and who else has seen it.
 */
#include "client/cli/evidence_verify.h"
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include "client/cli/cli.h"
#include "client/cli/evidence_proof.h"

#define PROOFS_BYTES_MAX ((size_t)256 << 20) /* receipts of a hundred thousand commands */

enum evidence_file evidence_file_of(const char *path)
{
    char start[64] = "";
    struct stat status;
    enum evidence_file found = EVIDENCE_FILE_OTHER;
    if (strcmp(path, "-") == 0 || stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return found;
    FILE *file = fopen(path, "re");
    if (!file)
        return found;
    size_t len = fread(start, 1, sizeof start - 1, file), plain = 0;
    fclose(file);
    while (plain < len && start[plain] > ' ' && start[plain] <= '~')
        plain++;
    if (relief_str_starts((struct relief_str){start, (uint32_t)len}, RELIEF_STR("{\"checkpoint\":")))
        found = EVIDENCE_FILE_PROOFS;
    else if (len > 0 && start[0] != '{' && plain > 0 && plain + 1 < len && start[plain] == '\n' &&
             start[plain + 1] >= '0' && start[plain + 1] <= '9')
        found = EVIDENCE_FILE_NOTE;
    return found;
}

static void age_text(char *ret, size_t size, int64_t ms)
{
    int64_t seconds = ms / 1000;
    if (seconds < 0)
        snprintf(ret, size, "in the future by this machine's clock");
    else if (seconds < 120)
        snprintf(ret, size, "%lld s ago", (long long)seconds);
    else if (seconds < 7200)
        snprintf(ret, size, "%lld min ago", (long long)seconds / 60);
    else if (seconds < 172800)
        snprintf(ret, size, "%lld h ago", (long long)seconds / 3600);
    else
        snprintf(ret, size, "%lld days ago", (long long)seconds / 86400);
}

int evidence_say_witnesses(const char *path, const struct evidence_note *note, const struct evidence_trust *trust)
{
    int64_t now = cli_now_ms();
    char time[40], age[64];
    for (unsigned i = 0; i < note->witness_count; i++) {
        cli_time_text(time, note->witnesses[i].time, true);
        age_text(age, sizeof age, now - note->witnesses[i].time);
        printf("%s: witnessed by %s at %s, %s\n", path, note->witnesses[i].key->name, time, age);
    }
    if (note->witness_count == 0)
        printf("%s: not witnessed by any key given\n", path);
    for (unsigned i = 0; i < note->unknown_count; i++)
        printf("%s: signature of %s not checked: its key was not given\n", path, note->unknown[i]);
    return trust->witness_count > 0 && note->witness_count == 0 ? CLI_DIFFERENT : CLI_DONE;
}

static int say_note(const char *path, const struct evidence_note *note, const struct evidence_trust *trust)
{
    char time[40], root[2 * TREE_HASH_BYTES + 1];
    cli_time_text(time, note->time, true);
    sodium_bin2hex(root, sizeof root, note->root, sizeof note->root);
    printf("%s: checkpoint of %s at entry %llu of %s, signature holds, root %s\n", path, note->origin,
           (unsigned long long)note->size, time, root);
    return evidence_say_witnesses(path, note, trust);
}

int evidence_verify_note(const char *path, const struct evidence_trust *trust)
{
    struct evidence_note note;
    int code = evidence_note_file(&note, path, trust);
    if (code == 0)
        code = say_note(path, &note, trust);
    return code;
}

static void say_proof(const char *path, const struct evidence_proof *proof)
{
    unsigned long long seq = proof->seq, size = proof->size;
    if (proof->kind == EVIDENCE_CONSISTENCY)
        printf("%s: the log of %s at entry %llu is the beginning of that at entry %llu, path and signatures hold\n",
               path, proof->note.origin, seq, size);
    else
        printf("%s: %s, entry %llu stands in the log of %s at entry %llu, path and signature hold\n", path,
               proof->kind == EVIDENCE_RECEIPT ? "receipt" : "inclusion", seq, proof->note.origin, size);
}

int evidence_verify_proofs(const char *path, const struct evidence_trust *trust)
{
    struct relief_buf text = RELIEF_BUF_INIT;
    struct evidence_proof proof;
    unsigned long long line = 0, broken = 0;
    int code = evidence_read_file(&text, path, PROOFS_BYTES_MAX);
    for (size_t at = 0; code == 0 && at < text.len;) {
        const char *start = text.data + at, *end = memchr(start, '\n', text.len - at);
        size_t len = end ? (size_t)(end - start) : text.len - at;
        const char *wrong = evidence_proof_read(&proof, (struct relief_str){start, (uint32_t)len}, trust);
        line++;
        if (!wrong && !end)
            wrong = "its line feed is missing";
        if (wrong)
            printf("%s:%llu: %s\n", path, line, wrong);
        broken += wrong != NULL;
        at += len + 1;
        if (!wrong && at >= text.len && line == 1)
            (void)evidence_say_witnesses(path, &proof.note, trust); /* the newest head often has none yet */
        if (!wrong)
            say_proof(path, &proof);
    }
    relief_buf_deinit(&text);
    return code ? code : broken ? CLI_DIFFERENT : CLI_DONE;
}
