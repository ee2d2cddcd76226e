/*
 * --receipt FILE: the connection asks for receipts, and every one that comes with an answer is appended to the file as
 * a document of one line, which relief verify and relief-audit read. A file is appended to, never made anew: receipts
 * are what a city keeps.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "client/cli/cli.h"
#include "client/cli/evidence_proof.h"
#include "client/client.h"
#include "schema/codec.h"

static void keep(void *context, const struct relief_method_info *method, const struct relief_answer *answer)
{
    struct cli *cli = context;
    const msgpack_object *receipt = client_map_find(client_answer_object(answer), "receipt");
    struct relief_arena arena = RELIEF_ARENA_INIT;
    struct relief_buf line = RELIEF_BUF_INIT;
    struct relief_receipt record;
    if (method->kind != RELIEF_CHANGE)
        return;
    bool good = receipt && relief_arena_init(&arena, 65536) == 0 &&
                relief_answer_decode(&relief_shape_receipt, receipt, &arena, &record) == 0 && record.leaf.data &&
                record.path.data && record.checkpoint.data;
    if (good) {
        evidence_proof_write(&line, EVIDENCE_RECEIPT, record.seq, record.size, record.leaf, record.path,
                             record.checkpoint, RELIEF_STR_NONE);
        relief_buf_add_char(&line, '\n');
        good = !line.failed;
    }
    if (good)
        fwrite(line.data, 1, line.len, cli->receipts);
    else
        cli->receipts_missing++;
    relief_arena_deinit(&arena);
    relief_buf_deinit(&line);
}

int cli_receipts_open(struct cli *cli)
{
    struct relief_server_hello_params params;
    struct relief_answer *answer = NULL;
    if (!cli->receipts)
        cli->receipts = fopen(cli->receipt, "ae");
    if (!cli->receipts)
        return cli_bad("%s: %s", cli->receipt, strerror(errno));
    relief_params_init(RELIEF_METHOD_server_hello, &params);
    params.receipts = 1;
    int result = relief_server_hello(cli->client, &params, &answer);
    int code = cli_result(cli, result, answer, "--receipt");
    relief_answer_free(answer);
    cli->client->seen = keep;
    cli->client->seen_context = cli;
    return code;
}

int cli_receipts_close(struct cli *cli, int code)
{
    if (!cli->receipts)
        return code;
    bool good = fflush(cli->receipts) == 0 && !ferror(cli->receipts);
    /* A pipe or a terminal can't be synced, and need not be. */
    good = good && (fsync(fileno(cli->receipts)) == 0 || errno == EINVAL || errno == EROFS);
    int error = errno;
    good = fclose(cli->receipts) == 0 && good;
    cli->receipts = NULL;
    if (cli->receipts_missing > 0)
        cli_say("%llu answers came without a receipt", (unsigned long long)cli->receipts_missing);
    if (!good)
        cli_say("%s: %s", cli->receipt, strerror(error));
    return code == CLI_DONE && (!good || cli->receipts_missing > 0) ? CLI_REFUSED : code;
}
