/*
 * relief-audit key, consistency: small commands.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "tools/audit/command.h"
#include "tools/audit/proof.h"
#include "tools/audit/source.h"
#include "tools/audit/trust.h"

/* A new file that only its owner may read; never over one that is there. */
static int write_secret(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return audit_say("%s: %s", path, strerror(errno));
    bool good = dprintf(fd, "%s\n", text) > 0 && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    if (good)
        return 0;
    unlink(path);
    return audit_say("%s: %s", path, strerror(errno));
}

static int new_key(const char *name, bool witness, const char *path)
{
    struct audit_secret secret;
    char text[AUDIT_KEY_TEXT_MAX];
    if (!audit_secret_make(&secret, name, witness ? AUDIT_KEY_WITNESS : AUDIT_KEY_LOG))
        return audit_say("--name %s: 1 to 128 printable characters without space and +", name);
    audit_secret_write(&secret, text);
    int code = write_secret(path, text);
    audit_key_write(&secret.key, text);
    sodium_memzero(&secret, sizeof secret);
    if (code == 0)
        puts(text);
    sodium_memzero(text, sizeof text);
    return code;
}

static int show_key(const char *path)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    struct audit_secret secret;
    char public[AUDIT_KEY_TEXT_MAX];
    int code = audit_file_read(path, 4096, &text);
    struct audit_text view = audit_buf_view(&text);
    if (view.len && view.data[view.len - 1] == '\n')
        view.len--;
    if (code == 0 && !audit_secret_read(view, &secret))
        code = audit_say("%s: not a private key", path);
    if (code == 0) {
        audit_key_write(&secret.key, public);
        puts(public);
    }
    sodium_memzero(&secret, sizeof secret);
    if (text.data)
        sodium_memzero(text.data, text.cap);
    audit_buf_deinit(&text);
    return code;
}

static int run_key(const struct audit_command *command, int argc, char **argv)
{
    struct audit_values words = {.count = 0}, names = {.count = 0}, files = {.count = 0};
    bool witness = false;
    const struct audit_option options[] = {
        {"--name", &names, NULL}, {"--witness", NULL, &witness}, {"-o", &files, NULL}, {NULL, NULL, NULL}};
    int code = audit_options(command, options, argc, argv, &words);
    if (code)
        return code < 0 ? AUDIT_HOLDS : code;
    if (words.count == 1 && strcmp(words.items[0], "new") == 0 && names.count == 1 && files.count == 1)
        return new_key(names.items[0], witness, files.items[0]);
    if (words.count == 2 && strcmp(words.items[0], "show") == 0 && !witness && names.count + files.count == 0)
        return show_key(words.items[1]);
    return audit_usage(command);
}

const struct audit_command audit_key_command = {
    "key", "new --name NAME [--witness] -o FILE | show FILE",
    "Makes a private key, mode 0600, and prints its verifier key; or prints that of one.", run_key};

/* ---- consistency ---- */

static int read_proof(const char *path, struct audit_proof *ret)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    int code = audit_file_read(path, AUDIT_PROOF_MAX, &text);
    const char *fault = code ? NULL : audit_proof_read(audit_buf_view(&text), ret);
    if (fault || (code == 0 && ret->kind != AUDIT_CONSISTENCY))
        code = audit_say("%s: not a consistency proof%s%s", path, fault ? ": " : "", fault ? fault : "");
    audit_buf_deinit(&text);
    return code;
}

static void prove_path(const char *path, const struct audit_proof *proof, const struct audit_note *old,
                       const struct audit_note *new, struct audit_faults *faults)
{
    const char *fault = audit_proof_check(proof);
    if (fault)
        audit_fault(faults, path, 0, "%s", fault);
    if (proof->from != old->size || proof->size != new->size)
        audit_fault(faults, path, 0, "it leads from %llu to %llu entries, not from %llu to %llu",
                    (unsigned long long)proof->from, (unsigned long long)proof->size, (unsigned long long)old->size,
                    (unsigned long long)new->size);
    else if (!audit_tree_consistent(old->size, old->root, new->size, new->root, &proof->path))
        audit_fault(faults, path, 0, "fork: it does not lead from the older checkpoint's root to the newer one's");
}

static int run_consistency(const struct audit_command *command, int argc, char **argv)
{
    static struct audit_note old, new;
    static struct audit_proof proof;
    static struct audit_trust trust;
    struct audit_faults faults = {0};
    struct audit_values words = {.count = 0}, keys = {.count = 0}, proofs = {.count = 0};
    const struct audit_option options[] = {{"--key", &keys, NULL}, {"--proof", &proofs, NULL}, {NULL, NULL, NULL}};
    int code = audit_options(command, options, argc, argv, &words);
    if (code)
        return code < 0 ? AUDIT_HOLDS : code;
    if (words.count != 2 || keys.count == 0 || proofs.count > 1)
        return audit_usage(command);
    code = audit_keys(&keys, AUDIT_KEY_LOG, trust.logs, AUDIT_TRUST_MAX, &trust.log_count);
    if (code == 0)
        code = audit_note_file(words.items[0], &old);
    if (code == 0)
        code = audit_note_file(words.items[1], &new);
    if (code == 0 && proofs.count)
        code = read_proof(proofs.items[0], &proof);
    if (code)
        return code;
    if (!proofs.count && old.size != new.size &&old.size != 0)
        return audit_say("from %llu to %llu entries: a consistency proof is wanted (--proof)",
                         (unsigned long long)old.size, (unsigned long long)new.size);
    audit_trust_signed(&trust, words.items[0], 0, &old, &faults);
    audit_trust_signed(&trust, words.items[1], 0, &new, &faults);
    if (!audit_text_eq(old.origin, new.origin))
        audit_fault(&faults, words.items[1], 0, "a checkpoint of another log");
    audit_trust_pair(words.items[1], &new, words.items[0], &old, &faults);
    if (proofs.count)
        prove_path(proofs.items[0], &proof, &old, &new, &faults);
    if (faults.count == 0)
        printf("the first %llu of %llu entries of %.*s are unchanged\n", (unsigned long long)old.size,
               (unsigned long long)new.size, (int)new.origin.len, new.origin.data);
    return faults.count ? AUDIT_FAILS : AUDIT_HOLDS;
}

const struct audit_command audit_consistency = {"consistency", "OLD-NOTE NEW-NOTE --key VKEY [--proof FILE]",
                                                "Proves that the newer checkpoint's tree begins with the older one's.",
                                                run_consistency};
