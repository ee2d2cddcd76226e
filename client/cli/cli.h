/*
 * What the commands of `relief` share: the options that every command takes, the connection, how results become exit
 * codes. Names of methods, parameters and records come from schema/ alone; a command adds only what a method can't do
 * by itself.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "relief/relief.h"
#include "schema/arena.h"
#include "schema/buf.h"

enum cli_exit {
    CLI_DONE = 0,
    CLI_REFUSED = 1,     /* the daemon refused; or this machine failed (disk full, no memory) */
    CLI_USAGE = 2,       /* usage, or a bad input file */
    CLI_UNREACHABLE = 3, /* no connection, time-out, TLS failure */
    CLI_DIFFERENT = 4,   /* verification failed, or a difference was found */
};

struct cli_view;

struct cli {
    char server[320];
    const struct cli_view *view;
    int timeout_ms;
    bool help; /* --help was among the words */
    struct relief_client *client;
    const char *certificate, *key, *authority, *token_file; /* or NULL */
    const char *receipt; /* --receipt FILE, or NULL */
    FILE *receipts;
    uint64_t receipts_missing; /* answers of changing methods without one */
};

struct cli_command {
    const char *name;  /* one word, or "noun verb" where the command replaces a plain method */
    const char *usage; /* what follows the name */
    const char *summary;
    int (*run)(struct cli *cli, int argc, char **argv); /* the words behind the name; an exit code comes back */
};
extern const struct cli_command *const cli_commands[];
extern const unsigned cli_command_count;

/* The commands, one file each. */
extern const struct cli_command cli_command_submit, cli_command_import, cli_command_batch, cli_command_rebalance,
    cli_command_allocate, cli_command_plan_apply, cli_command_plan_compare, cli_command_dump, cli_command_snapshot_dump, cli_command_diff, cli_command_verify, cli_command_log_export,
    cli_command_replay, cli_command_watch, cli_command_event_subscribe, cli_command_call, cli_command_help,
    cli_command_check, cli_command_show, cli_command_rebuild, cli_command_backup, cli_command_restore, cli_command_log_prune, cli_command_log_archive, cli_command_checkpoint, cli_command_cosign,
    cli_command_inclusion, cli_command_token, cli_command_denials,
    cli_command_consistency;

/* Everything after the program's name: an exit code. */
int cli_run(int argc, char **argv);
/* Any method of the list, with its parameters as words and flags. */
int cli_run_method(struct cli *cli, const struct relief_method_info *method, int argc, char **argv);
int cli_help_command(const struct cli_command *command, FILE *out);
int cli_help_method(const struct relief_method_info *method, FILE *out);
/* A line for each parameter, but for the one of that name (NULL: all). */
void cli_help_flags(const struct relief_method_info *method, const char *but, FILE *out);
/* The methods' distinct nouns in their order, then the commands: what a wrong first word could have been. */
void cli_list_words(FILE *out, const char *noun);

/* ---- report.c: standard error ---- */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and CLI_USAGE. */
int cli_bad(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Reads an errno or a refusal out of a call's result, says it, returns the exit code. `where` may be NULL. */
int cli_result(struct cli *cli, int result, const struct relief_answer *answer, const char *where);
void cli_say_refusal(const struct relief_refusal *refusal, const char *where);
/* The message without the field's name in front, where that is said anyway. */
const char *cli_plain_message(const struct relief_refusal *refusal);
/* Standard output flushed and without an error: code; else says so and CLI_REFUSED. */
int cli_flush(FILE *out, int code);

/* ---- session.c ---- */
int cli_connect(struct cli *cli, bool reconnect);
/* The same without a word: 0; or -errno, and why (in CLIENT_ERROR_BYTES). Receipts are not asked for. */
int cli_try_connect(struct cli *cli, bool reconnect, char *ret_why, size_t size);
/* Another attempt may do better. */
bool cli_may_retry(int error);

/* ---- receipts.c: --receipt FILE ---- */
/* On a new connection: asks for receipts and appends each that comes to the file. 0 or an exit code, said. */
int cli_receipts_open(struct cli *cli);
/* The file is on disk: code; else says so and CLI_REFUSED. */
int cli_receipts_close(struct cli *cli, int code);

/* ---- options.c ---- */
struct cli_option {
    const char *name;       /* without the dashes */
    char letter;            /* 0: none */
    const char **value;     /* takes a value */
    bool *flag;             /* or none */
    struct cli_words *many; /* or a value each time */
};
#define CLI_WORDS_MAX 256
struct cli_words {
    const char *word[CLI_WORDS_MAX];
    int count;
};
/* argv[*at] is an option that every command takes: consumes it. 1 yes, 0 no, -1 said what is wrong with it. */
int cli_global_option(struct cli *cli, int argc, char **argv, int *at);
/* Options of a command (up to a row with name NULL) and the global ones anywhere; the rest goes to words. 0 or
 * CLI_USAGE. */
int cli_options(struct cli *cli, const struct cli_option *options, int argc, char **argv, struct cli_words *words);
/* One of the options at argv[*at]? As cli_global_option. */
int cli_option_match(const struct cli_option *options, int argc, char **argv, int *at);

/* ---- flags.c: parameters of a method from words and flags ---- */
#define CLI_FIELDS_MAX 64
struct cli_params {
    const struct relief_method_info *method;
    void *record;
    struct relief_arena arena;
    bool set[CLI_FIELDS_MAX];
};
int cli_params_init(struct cli_params *params, const struct relief_method_info *method);
void cli_params_deinit(struct cli_params *params);
/*
 * 0 or CLI_USAGE. `own_id`: the first required parameter (the id) may be left out; then it stays absent.
 * `more` are options that the command adds.
 */
int cli_params_parse(struct cli *cli, struct cli_params *params, const struct cli_option *more, bool own_id, int argc,
                     char **argv);
/* Ranges and missing parameters. 0 or CLI_USAGE. */
int cli_params_verify(const struct cli_params *params);
/* All of it for a command of one method: init, parse and, unless help is wanted, verify and connect. Deinit in any case. */
int cli_params_ready(struct cli *cli, struct cli_params *params, const struct relief_method_info *method,
                     const struct cli_option *more, int argc, char **argv);
bool cli_params_has(const struct cli_params *params, const char *name);
/* The flag's name of a field: `_` becomes `-`. */
void cli_flag_name(char *ret, size_t size, const char *field);
/* Must not stand on a command line, where others see it. */
bool cli_flag_is_secret(const struct relief_field *field);

/* ---- value.c: one value from text ---- */
struct cli_parse {
    struct relief_arena *arena;
    int64_t now_ms;
    char error[200];
};
bool cli_value_set(struct cli_parse *parse, const struct relief_field *field, void *record, struct relief_str text);

/* ---- when.c: times as people write them ---- */
int64_t cli_now_ms(void);
/* ISO 8601, +90m +2d +3h +30s +1w, or epoch milliseconds; end_of_day: a bare date means its last millisecond, local
 * time. */
bool cli_time_parse(struct relief_str text, int64_t now_ms, bool end_of_day, int64_t *ret_ms);
void cli_time_text(char ret[40], int64_t ms, bool utc);
