/*
 * A log's commands run again: identity, time and parameters of each entry go through the daemon's own core on an empty
 * store in memory, and the outcome must be the log's, byte for byte, with the fields of the generation that wrote it.
 * So a log whose outcomes were changed is found even when whoever changed them made all its hashes anew. Timers are
 * commands like others.
 *
 * One of the files of this program that know daemon code: what a command does is the core's to say, and nobody else's.
 */
#include "client/cli/execute.h"
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/record_key.h"
#include "engine/entry.h"
#include "schema/codec.h"
#include "store/store.h"

struct execute {
    struct cli_reader *reader;
    struct store *store;
    struct core core;
    struct core_effects effects;
    struct relief_arena params;
    struct relief_buf packed, name, outcome;
    struct canon canon;  /* of the outcome made here */
    unsigned generation; /* of the schema, that the entries so far had at least; it never falls in a log */
    unsigned differences;
};

/* ---- the command ---- */

static void pack(struct relief_buf *buf, const struct canon *canon, uint32_t number, struct relief_buf *scratch)
{
    const struct canon_node *node = &canon->nodes[number];
    uint32_t members = 0;
    switch (node->type) {
    case CANON_FALSE:
    case CANON_TRUE:
        relief_pack_bool(buf, node->type == CANON_TRUE);
        return;
    case CANON_INT:
        relief_pack_int(buf, canon_int(canon, number));
        return;
    case CANON_TEXT:
        relief_buf_clear(scratch);
        relief_pack_str(buf, canon_str(canon, number, scratch));
        return;
    case CANON_ARRAY:
    case CANON_OBJECT:
        break;
    default:
        relief_pack_nil(buf);
        return;
    }
    for (uint32_t i = number + 1; i < node->next; i = canon->nodes[i].next)
        members++;
    if (node->type == CANON_OBJECT)
        relief_pack_map(buf, members);
    else
        relief_pack_array(buf, members);
    for (uint32_t i = number + 1; i < node->next; i = canon->nodes[i].next) {
        if (node->type == CANON_OBJECT)
            relief_pack_str(buf, (struct relief_str){canon->nodes[i].key, canon->nodes[i].key_len});
        pack(buf, canon, i, scratch);
    }
}

/* The parameters as the core takes them; NULL: they are none of this command. */
static const void *take_params(struct execute *execute, const struct relief_shape *shape, uint32_t node,
                               struct relief_refusal *refusal)
{
    msgpack_unpacked value;
    size_t used = 0;
    relief_arena_reset(&execute->params);
    relief_buf_clear(&execute->packed);
    pack(&execute->packed, &execute->reader->canon, node, &execute->name);
    void *params = relief_arena_alloc(&execute->params, shape->size);
    struct relief_str bytes =
        relief_arena_str(&execute->params, (struct relief_str){execute->packed.data, (uint32_t)execute->packed.len});
    msgpack_unpacked_init(&value);
    bool good = params && bytes.data && !execute->packed.failed &&
                msgpack_unpack_next(&value, bytes.data, bytes.len, &used) == MSGPACK_UNPACK_SUCCESS &&
                relief_params_decode(shape, &value.data, &execute->params, params, refusal) == 0;
    msgpack_unpacked_destroy(&value);
    return good ? params : NULL;
}

/*
 * local, ROLE, city:CITY, coordinator:REGION. Another name is a certificate's: its role is not in the log, so it gets
 * every right; what it was refused is not in the log either.
 */
static struct core_identity identity_of(struct relief_str name)
{
    struct core_identity who = {.name = name, .role = RELIEF_role_local};
    const char *colon = memchr(name.data, ':', name.len);
    struct relief_str word = {name.data, colon ? (uint32_t)(colon - name.data) : name.len},
                      place = {colon ? colon + 1 : NULL, colon ? name.len - word.len - 1 : 0};
    int64_t role = relief_enum_find(&relief_enum_role, word);
    if (role < 0 || (place.data && role != RELIEF_role_city && role != RELIEF_role_coordinator))
        return who;
    who.role = (enum relief_role)role;
    if (role == RELIEF_role_city)
        who.city = place;
    if (role == RELIEF_role_coordinator)
        who.region = place;
    return who;
}

/* ---- what differs ---- */

static bool key_is(const struct canon_node *node, const struct canon_node *other)
{
    return node->key_len == other->key_len && memcmp(node->key, other->key, node->key_len) == 0;
}

/* The first member that differs, or is missing on a side. */
static void say_field(struct execute *execute, long long seq, const char *what, uint32_t logged, uint32_t made)
{
    const struct canon *log = &execute->reader->canon, *own = &execute->canon;
    uint32_t i = logged + 1, k = made + 1;
    while (i < log->nodes[logged].next && k < own->nodes[made].next && key_is(&log->nodes[i], &own->nodes[k]) &&
           relief_str_eq(canon_raw(log, i), canon_raw(own, k))) {
        i = log->nodes[i].next;
        k = own->nodes[k].next;
    }
    bool has = i < log->nodes[logged].next, makes = k < own->nodes[made].next;
    const struct canon_node *key = has ? &log->nodes[i] : makes ? &own->nodes[k] : NULL;
    struct relief_str old = has ? canon_raw(log, i) : RELIEF_STR("nothing"),
                      new = makes && (!has || key_is(&log->nodes[i], &own->nodes[k])) ? canon_raw(own, k)
                                                                                      : RELIEF_STR("nothing");
    cli_reader_broken(execute->reader, "entry %lld: %s: %.*s is %.*s in the log, and %.*s when the command runs again",
                      seq, what, key ? (int)key->key_len : 0, key ? key->key : "", (int)(old.len < 200 ? old.len : 200),
                      old.data, (int)(new.len < 200 ? new.len : 200), new.data);
}

static const char *record_name(struct execute *execute, const struct canon *canon, uint32_t node)
{
    struct relief_buf key = RELIEF_BUF_INIT;
    relief_buf_clear(&execute->name);
    if (canon->nodes[node].type == CANON_OBJECT && cli_record_key(&key, canon, node, NULL))
        cli_record_name(&execute->name, (struct relief_str){key.data, (uint32_t)key.len});
    relief_buf_deinit(&key);
    return execute->name.len ? execute->name.data : "a record without a key";
}

static bool same_key(const struct canon *a, uint32_t i, const struct canon *b, uint32_t k)
{
    struct relief_buf one = RELIEF_BUF_INIT, two = RELIEF_BUF_INIT;
    bool same = a->nodes[i].type == CANON_OBJECT && b->nodes[k].type == CANON_OBJECT &&
                cli_record_key(&one, a, i, NULL) && cli_record_key(&two, b, k, NULL) && one.len == two.len &&
                memcmp(one.data, two.data, one.len) == 0;
    relief_buf_deinit(&one);
    relief_buf_deinit(&two);
    return same;
}

static void say_records(struct execute *execute, long long seq, uint32_t logged, uint32_t made)
{
    const struct canon *log = &execute->reader->canon, *own = &execute->canon;
    uint32_t i = logged + 1, k = made + 1;
    while (i < log->nodes[logged].next && k < own->nodes[made].next &&
           relief_str_eq(canon_raw(log, i), canon_raw(own, k))) {
        i = log->nodes[i].next;
        k = own->nodes[k].next;
    }
    bool has = i < log->nodes[logged].next, makes = k < own->nodes[made].next;
    if (has && makes && same_key(log, i, own, k))
        say_field(execute, seq, record_name(execute, log, i), i, k);
    else
        cli_reader_broken(execute->reader, "entry %lld: the log changes %s, the command run again changes %s", seq,
                          has ? record_name(execute, log, i) : "no more records",
                          has && makes ? "another record"
                          : makes      ? record_name(execute, own, k)
                                       : "no more records");
}

static void say_difference(struct execute *execute, const struct chain *chain)
{
    const struct canon *log = &execute->reader->canon, *own = &execute->canon;
    struct relief_str made = {execute->outcome.data, (uint32_t)execute->outcome.len};
    long long seq = chain->seq;
    execute->differences++;
    if (!canon_parse(&execute->canon, made)) {
        cli_reader_broken(execute->reader, "entry %lld: another outcome when the command runs again", seq);
        return;
    }
    uint32_t logged = canon_get(log, chain->outcome, "records"), own_records = canon_get(own, 0, "records");
    if (logged && own_records && !relief_str_eq(canon_raw(log, logged), canon_raw(own, own_records)))
        say_records(execute, seq, logged, own_records);
    else
        say_field(execute, seq, "outcome", chain->outcome, 0);
}

/* ---- running ---- */

static void make_outcome(struct execute *execute, const struct core_entry *entry,
                         const struct relief_command_info *command, unsigned generation)
{
    const struct core_effects *effects = &execute->effects;
    const struct engine_entry made = {
        .seq = entry->seq,
        .time = entry->time,
        .identity = entry->who.name,
        .generation = generation,
        .command = entry->command,
        .params = entry->params,
        .changes = effects->changes,
        .change_count = effects->count,
        .answer_change = effects->answer_change,
        .answer = effects->answer_change < 0 && command->answer ? effects->answer : NULL,
        .candidates = effects->candidates,
    };
    relief_buf_clear(&execute->outcome);
    engine_entry_json_outcome(&execute->outcome, &made);
}

/*
 * A line does not name its generation, so it may be any from the last one on; where it has no younger field they are
 * all the same. A difference is told under the first.
 */
static bool same_outcome(struct execute *execute, const struct core_entry *entry,
                         const struct relief_command_info *command, struct relief_str logged)
{
    for (unsigned generation = execute->generation; generation <= RELIEF_GENERATION; generation++) {
        make_outcome(execute, entry, command, generation);
        if (relief_str_eq(logged, (struct relief_str){execute->outcome.data, (uint32_t)execute->outcome.len})) {
            execute->generation = generation;
            return true;
        }
    }
    make_outcome(execute, entry, command, execute->generation);
    return false;
}

static int run(struct execute *execute, const struct chain *chain, const struct core_entry *entry,
               const struct relief_command_info *command)
{
    const struct canon *canon = &execute->reader->canon;
    int error = core_apply(&execute->core, entry, &execute->effects);
    if (error > 0) {
        execute->differences++;
        cli_reader_broken(execute->reader, "entry %lld: the command is refused when it runs again: %s %s",
                          (long long)chain->seq, relief_error_name((enum relief_error)error),
                          execute->effects.refusal.message);
        return CLI_DONE;
    }
    bool same = same_outcome(execute, entry, command, canon_raw(canon, chain->outcome));
    if (execute->outcome.failed)
        return cli_bad("no memory");
    if (!same)
        say_difference(execute, chain);
    return CLI_DONE;
}

int execute_entry(struct execute *execute, const struct chain *chain)
{
    const struct canon *canon = &execute->reader->canon;
    struct relief_buf identity = RELIEF_BUF_INIT;
    struct relief_refusal refusal = {0};
    if (execute->differences >= EXECUTE_DIFFERENCES_MAX)
        return CLI_DONE;
    struct core_entry entry = {.seq = (uint64_t)chain->seq, .time = chain->time};
    const struct relief_command_info *command = relief_command_find(canon_str(canon, chain->method, NULL));
    int code = CLI_DONE;
    if (command)
        entry.params = take_params(execute, command->params, chain->params, &refusal);
    if (entry.params) {
        entry.command = command->number;
        entry.who = identity_of(canon_str(canon, chain->identity, &identity));
        code = run(execute, chain, &entry, command);
    } else {
        execute->differences++;
        cli_reader_broken(execute->reader, "entry %lld: it can't run again: %s", (long long)chain->seq,
                          command ? refusal.message : "no such command");
    }
    if (execute->differences == EXECUTE_DIFFERENCES_MAX)
        cli_say("the commands behind entry %lld are not run again", (long long)chain->seq);
    relief_buf_deinit(&identity);
    return code;
}

int execute_open(struct execute **ret, struct cli_reader *reader)
{
    struct execute *execute = calloc(1, sizeof *execute);
    *ret = execute;
    if (!execute)
        return cli_bad("no memory");
    execute->reader = reader;
    execute->generation = 1;
    int error = store_open(&execute->store, &(struct store_options){0});
    if (error == 0)
        error = core_init(&execute->core, store_view(execute->store));
    if (error == 0)
        error = core_effects_init(&execute->effects);
    if (error == 0)
        error = relief_arena_init(&execute->params, CORE_ARENA_BYTES);
    return error ? cli_bad("no memory for a store: %s", strerror(-error)) : CLI_DONE;
}

void execute_close(struct execute *execute)
{
    if (!execute)
        return;
    core_effects_deinit(&execute->effects);
    core_deinit(&execute->core);
    store_close(execute->store);
    relief_arena_deinit(&execute->params);
    relief_buf_deinit(&execute->packed);
    relief_buf_deinit(&execute->name);
    relief_buf_deinit(&execute->outcome);
    canon_deinit(&execute->canon);
    free(execute);
}
