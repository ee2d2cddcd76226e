/*
 * relief proof inclusion, relief proof consistency, relief log checkpoint: evidence from the daemon as the files that
 * relief verify and relief-audit read. What comes is not believed here either; it is proved by whoever reads the file.
 * And relief log cosign, the way back: a checkpoint with a witness's signature.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/evidence_proof.h"
#include "client/cli/outfile.h"
#include "client/cli/view.h"
#include "client/client.h"
#include "schema/codec.h"

static int get_checkpoint(struct cli *cli, struct relief_answer **ret, const struct relief_checkpoint **ret_checkpoint)
{
    struct relief_log_checkpoint_params params;
    relief_params_init(RELIEF_METHOD_log_checkpoint, &params);
    int result = relief_log_checkpoint(cli->client, &params, ret); /* first of all: it sets *ret */
    int code = cli_result(cli, result, *ret, NULL);
    *ret_checkpoint = code == 0 ? relief_answer_record(*ret) : NULL;
    if (code == 0 && !*ret_checkpoint) {
        cli_say("the daemon's answer holds no checkpoint");
        code = CLI_UNREACHABLE;
    }
    return code;
}

/* The note that is wanted and its size. */
static int choose(const struct relief_checkpoint *checkpoint, bool witnessed, struct relief_str *ret_note,
                  int64_t *ret_size)
{
    *ret_note = witnessed ? checkpoint->witnessed_note : checkpoint->note;
    *ret_size = witnessed ? checkpoint->witnessed_size : checkpoint->size;
    if (ret_note->data)
        return CLI_DONE;
    cli_say("no witness has cosigned a checkpoint yet");
    return CLI_REFUSED;
}

/* The same for a proof: nothing can be proved of a log without entries. */
static int choose_tree(const struct relief_checkpoint *checkpoint, bool witnessed, struct relief_str *ret_note,
                       int64_t *ret_size)
{
    int code = choose(checkpoint, witnessed, ret_note, ret_size);
    if (code || *ret_size > 0)
        return code;
    cli_say("nothing is signed yet: the log is empty");
    return CLI_REFUSED;
}

static int write_file(const char *path, struct relief_str text)
{
    struct cli_outfile out = {0};
    int code = cli_outfile_open(&out, path);
    if (code == 0) {
        fwrite(text.data, 1, text.len, out.file);
        code = cli_outfile_commit(&out);
    }
    cli_outfile_abort(&out);
    return code;
}

static int write_proof(const char *path, enum evidence_kind kind, int64_t seq, int64_t size, struct relief_str leaf,
                       struct relief_str hashes, struct relief_str note, struct relief_str from_note)
{
    struct relief_buf line = RELIEF_BUF_INIT;
    evidence_proof_write(&line, kind, seq, size, leaf, hashes, note, from_note);
    relief_buf_add_char(&line, '\n');
    int code =
        line.failed ? cli_bad("no memory") : write_file(path, (struct relief_str){line.data, (uint32_t)line.len});
    relief_buf_deinit(&line);
    return code;
}

/* ---- log checkpoint ---- */

static int run_checkpoint(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    const char *output = NULL;
    bool witnessed = false, print_key = false;
    const struct cli_option options[] = {{"output", 'o', &output, NULL, NULL},
                                         {"witnessed", 0, NULL, &witnessed, NULL},
                                         {"print-key", 0, NULL, &print_key, NULL},
                                         {NULL, 0, NULL, NULL, NULL}};
    struct relief_answer *answer = NULL;
    const struct relief_checkpoint *checkpoint = NULL;
    struct relief_str note;
    int64_t size;
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_checkpoint, stdout);
    if (words.count > 0)
        return cli_bad("usage: relief log checkpoint [-o FILE] [--witnessed] | --print-key");
    code = cli_connect(cli, true);
    if (code == 0)
        code = get_checkpoint(cli, &answer, &checkpoint);
    if (code == 0 && print_key) {
        printf("%.*s\n", (int)checkpoint->key.len, checkpoint->key.data);
        code = cli_flush(stdout, code);
    } else if (code == 0 && (output || witnessed)) {
        code = choose(checkpoint, witnessed, &note, &size);
        if (code == 0)
            code = write_file(output, note);
    } else if (code == 0) {
        cli->view->record(stdout, &relief_shape_checkpoint, checkpoint, client_answer_object(answer));
        code = cli_flush(stdout, code);
    }
    relief_answer_free(answer);
    return code;
}

/* ---- log cosign ---- */

/*
 * The note from a word, a file (@FILE) or standard input (-). A note ends with a line feed, and the shell drops that of
 * $(cat FILE): a word without one gets it back.
 */
static int take_note(struct relief_buf *ret, const char *word)
{
    bool file = word[0] == '@' || strcmp(word, "-") == 0;
    size_t len = strlen(word);
    if (file)
        return evidence_read_file(ret, word[0] == '@' ? word + 1 : word, EVIDENCE_NOTE_MAX);
    relief_buf_add(ret, word, len);
    if (len > 0 && word[len - 1] != '\n')
        relief_buf_add_char(ret, '\n');
    return ret->failed ? cli_bad("no memory") : CLI_DONE;
}

static int send_note(struct cli *cli, const struct relief_buf *note)
{
    struct relief_log_cosign_params params;
    struct relief_answer *answer = NULL;
    relief_params_init(RELIEF_METHOD_log_cosign, &params);
    params.note = (struct relief_str){note->data, (uint32_t)note->len};
    int result = relief_log_cosign(cli->client, &params, &answer);
    int code = cli_result(cli, result, answer, NULL);
    if (code == 0 && relief_answer_record(answer))
        cli->view->record(stdout, &relief_shape_checkpoint, relief_answer_record(answer), client_answer_object(answer));
    relief_answer_free(answer);
    return cli_flush(stdout, code);
}

static int run_cosign(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct relief_buf note = RELIEF_BUF_INIT;
    const char *word = NULL;
    const struct cli_option options[] = {{"note", 0, &word, NULL, NULL}, {NULL, 0, NULL, NULL, NULL}};
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_cosign, stdout);
    if (words.count + (word != NULL) != 1)
        return cli_bad("usage: relief log cosign @FILE|-|NOTE");
    code = take_note(&note, word ? word : words.word[0]);
    if (code == 0 && note.len == 0)
        code = cli_bad("the note is empty");
    if (code == 0)
        code = cli_connect(cli, true);
    if (code == 0)
        code = send_note(cli, &note);
    relief_buf_deinit(&note);
    return code;
}

/* ---- proof inclusion ---- */

static int prove_inclusion(struct cli *cli, int64_t seq, bool witnessed, const char *output)
{
    struct relief_proof_inclusion_params params;
    struct relief_answer *answer = NULL, *proved = NULL;
    const struct relief_checkpoint *checkpoint = NULL;
    const struct relief_inclusion *proof = NULL;
    struct relief_str note;
    int64_t size = 0;
    int code = get_checkpoint(cli, &answer, &checkpoint);
    if (code == 0)
        code = choose_tree(checkpoint, witnessed, &note, &size);
    if (code == 0) {
        relief_params_init(RELIEF_METHOD_proof_inclusion, &params);
        params.seq = seq;
        params.size = size;
        int result = relief_proof_inclusion(cli->client, &params, &proved);
        code = cli_result(cli, result, proved, NULL);
        proof = code == 0 ? relief_answer_record(proved) : NULL;
    }
    if (code == 0)
        code = proof ? write_proof(output, EVIDENCE_INCLUSION, proof->seq, proof->size, proof->leaf, proof->path, note,
                                   RELIEF_STR_NONE)
                     : CLI_UNREACHABLE;
    relief_answer_free(answer);
    relief_answer_free(proved);
    return code;
}

static int run_inclusion(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    const char *output = NULL;
    char *end = NULL;
    bool witnessed = false;
    const struct cli_option options[] = {
        {"output", 'o', &output, NULL, NULL}, {"witnessed", 0, NULL, &witnessed, NULL}, {NULL, 0, NULL, NULL, NULL}};
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_inclusion, stdout);
    if (words.count != 1)
        return cli_bad("usage: relief proof inclusion SEQ [-o FILE] [--witnessed]");
    long long seq = strtoll(words.word[0], &end, 10);
    if (seq < 1 || *end)
        return cli_bad("%s: a sequence number, from 1", words.word[0]);
    code = cli_connect(cli, true);
    return code ? code : prove_inclusion(cli, seq, witnessed, output);
}

/* ---- proof consistency ---- */

/* Size of the older note: its second line. Its signatures are proved by whoever verifies the file. */
static int size_of(const char *path, const struct relief_buf *note, int64_t *ret)
{
    const char *line = note->len ? memchr(note->data, '\n', note->len) : NULL;
    char number[24] = "", *end = NULL;
    if (line)
        snprintf(number, sizeof number, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
    *ret = strtoll(number, &end, 10);
    return number[0] && *end == '\0' && *ret >= 0 ? CLI_DONE
                                                  : cli_bad("%s is no checkpoint: its second line is no size", path);
}

static int prove_consistency(struct cli *cli, int64_t from, struct relief_str from_note, bool witnessed,
                             const char *output)
{
    struct relief_proof_consistency_params params;
    struct relief_answer *answer = NULL, *proved = NULL;
    const struct relief_checkpoint *checkpoint = NULL;
    const struct relief_consistency *proof = NULL;
    struct relief_str note;
    int64_t size = 0;
    int code = get_checkpoint(cli, &answer, &checkpoint);
    if (code == 0)
        code = choose_tree(checkpoint, witnessed, &note, &size);
    if (code == 0) {
        relief_params_init(RELIEF_METHOD_proof_consistency, &params);
        params.from = from;
        params.size = size;
        int result = relief_proof_consistency(cli->client, &params, &proved);
        code = cli_result(cli, result, proved, NULL);
        proof = code == 0 ? relief_answer_record(proved) : NULL;
    }
    if (code == 0)
        code = proof ? write_proof(output, EVIDENCE_CONSISTENCY, proof->from, proof->size, RELIEF_STR_NONE, proof->path,
                                   note, from_note)
                     : CLI_UNREACHABLE;
    relief_answer_free(answer);
    relief_answer_free(proved);
    return code;
}

static int run_consistency(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct relief_buf note = RELIEF_BUF_INIT;
    const char *output = NULL;
    bool witnessed = false;
    int64_t from = 0;
    const struct cli_option options[] = {
        {"output", 'o', &output, NULL, NULL}, {"witnessed", 0, NULL, &witnessed, NULL}, {NULL, 0, NULL, NULL, NULL}};
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_consistency, stdout);
    if (words.count != 1)
        return cli_bad("usage: relief proof consistency NOTE [-o FILE] [--witnessed]");
    if (words.word[0][strspn(words.word[0], "0123456789")] == '\0') {
        if (output || witnessed)
            return cli_bad("a file needs the older checkpoint itself: name its note instead of %s", words.word[0]);
        return cli_run_method(cli, relief_method_by_number(RELIEF_METHOD_proof_consistency), argc, argv);
    }
    code = evidence_read_file(&note, words.word[0], EVIDENCE_NOTE_MAX);
    if (code == 0)
        code = size_of(words.word[0], &note, &from);
    if (code == 0)
        code = cli_connect(cli, true);
    if (code == 0)
        code = prove_consistency(cli, from, (struct relief_str){note.data, (uint32_t)note.len}, witnessed, output);
    relief_buf_deinit(&note);
    return code;
}

const struct cli_command cli_command_checkpoint = {
    "log checkpoint", "[-o FILE] [--witnessed] | --print-key",
    "the newest signed checkpoint, and who witnessed what; as the signed note with -o", run_checkpoint};
const struct cli_command cli_command_cosign = {
    "log cosign", "@FILE|-|NOTE",
    "a witness hands back a checkpoint with its cosignature; from a file or standard input", run_cosign};
const struct cli_command cli_command_inclusion = {"proof inclusion", "SEQ [-o FILE] [--witnessed]",
                                                  "proof that an entry stands in the log that a checkpoint signed",
                                                  run_inclusion};
const struct cli_command cli_command_consistency = {
    "proof consistency", "NOTE|FROM [-o FILE] [--witnessed]",
    "proof that the log of an older checkpoint, a file, is the beginning of the newest; of a size, the path alone",
    run_consistency};
