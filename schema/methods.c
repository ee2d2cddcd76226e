/*
 * The tables of methods and commands, and finding a row by its name on the wire or by its number.
 *
 * Every request looks up its method by name, so names go through a small open-addressed hash table that a constructor
 * fills before main; at most a few probes and one comparison. Numbers are small and index a table.
 */
#include "schema/commands.h"
#include <assert.h>

/* clang-format off */
#define M(number, noun, verb, kind, roles, result, state, summary)                                                     \
    {number, #noun "." #verb, #noun, #verb, RELIEF_##kind, roles, RELIEF_##state,                                      \
     &relief_shape_##noun##_##verb##_params, &relief_shape_##result, summary},
/* clang-format on */
const struct relief_method_info relief_methods[] = {RELIEF_METHODS(M)};
#undef M
const unsigned relief_method_count = sizeof relief_methods / sizeof relief_methods[0];

/* Only rows of kind CHANGE leave something behind here. */
#define COMMAND_SESSION(number, noun, verb, result)
#define COMMAND_QUERY(number, noun, verb, result)
#define COMMAND_LIST(number, noun, verb, result)
#define COMMAND_STREAM(number, noun, verb, result)
#define COMMAND_CHANGE(number, noun, verb, result)                                                                     \
    {number, #noun "." #verb, &relief_shape_##noun##_##verb##_params, &relief_shape_##result},

static const struct relief_command_info commands[] = {
#define M(number, noun, verb, kind, roles, result, state, summary) COMMAND_##kind(number, noun, verb, result)
    RELIEF_METHODS(M)
#undef M
#define C(number, name, wire, summary) {number, wire, &relief_shape_##name##_params, NULL},
        RELIEF_COMMANDS(C)
#undef C
};

/* ---- lookup ---- */

enum {
    METHODS = sizeof relief_methods / sizeof relief_methods[0],
    COMMANDS = sizeof commands / sizeof commands[0],
    SLOTS = 256,   /* of the hash table: at least twice the methods, so probes stay short */
    NUMBERS = 256, /* method numbers are below it */
    TIMERS_FROM = 1000,
};
_Static_assert(METHODS * 2 <= SLOTS, "the hash table of methods is too full");
#define M(number, noun, verb, kind, roles, result, state, summary)                                                     \
    _Static_assert((number) > 0 && (number) < NUMBERS, #noun "." #verb " has a number out of range");
RELIEF_METHODS(M)
#undef M

/* Row + 1, so that 0 means nothing. Written by the constructor only. */
static uint8_t method_in_slot[SLOTS], method_numbered[NUMBERS], command_numbered[NUMBERS];
static uint8_t name_len[METHODS];

/* FNV-1a, folded: good enough to spread names of one style, and as fast as their length. */
static unsigned slot_of(struct relief_str wire)
{
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < wire.len; i++)
        hash = (hash ^ (uint8_t)wire.data[i]) * 16777619u;
    return (hash ^ (hash >> 15)) % SLOTS;
}

static void __attribute__((constructor)) index_methods(void)
{
    for (unsigned i = 0; i < METHODS; i++) {
        struct relief_str wire = relief_str_of(relief_methods[i].wire);
        unsigned slot = slot_of(wire);
        while (method_in_slot[slot])
            slot = (slot + 1) % SLOTS;
        method_in_slot[slot] = (uint8_t)(i + 1);
        name_len[i] = (uint8_t)wire.len;
        assert(wire.len <= RELIEF_METHOD_BYTES_MAX && !method_numbered[relief_methods[i].number]);
        method_numbered[relief_methods[i].number] = (uint8_t)(i + 1);
    }
    for (unsigned i = 0; i < COMMANDS; i++)
        if (commands[i].number < NUMBERS)
            command_numbered[commands[i].number] = (uint8_t)(i + 1);
}

const struct relief_method_info *relief_method_find(struct relief_str wire)
{
    if (wire.len == 0 || wire.len > RELIEF_METHOD_BYTES_MAX)
        return NULL;
    for (unsigned slot = slot_of(wire); method_in_slot[slot]; slot = (slot + 1) % SLOTS) {
        unsigned row = method_in_slot[slot] - 1u;
        if (name_len[row] == wire.len && memcmp(relief_methods[row].wire, wire.data, wire.len) == 0)
            return &relief_methods[row];
    }
    return NULL;
}

const struct relief_method_info *relief_method_by_number(unsigned number)
{
    return number < NUMBERS && method_numbered[number] ? &relief_methods[method_numbered[number] - 1] : NULL;
}

const struct relief_command_info *relief_command_by_number(unsigned number)
{
    if (number < NUMBERS)
        return command_numbered[number] ? &commands[command_numbered[number] - 1] : NULL;
    for (unsigned i = COMMANDS; i > 0 && commands[i - 1].number >= TIMERS_FROM; i--)
        if (commands[i - 1].number == number)
            return &commands[i - 1];
    return NULL;
}

const struct relief_command_info *relief_command_find(struct relief_str wire)
{
    const struct relief_method_info *method = relief_method_find(wire);
    if (method)
        return relief_command_by_number(method->number);
    for (unsigned i = COMMANDS; i > 0 && commands[i - 1].number >= TIMERS_FROM; i--)
        if (relief_str_eq(wire, relief_str_of(commands[i - 1].wire)))
            return &commands[i - 1];
    return NULL;
}
