/*
 * core/apply.c and core/preview.c: the role column holds inside the core too, for every method; commands that are none;
 * and what the reads refuse.
 */
#include "world.h"

static int setup(void **state)
{
    static struct world world;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_commit_auto);
    world_city(&world, "need", "land", 0, 0);
    world_kind(&world, "tent");
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_check(*state);
    world_close(*state);
    return 0;
}

/* Whoever is not in its row is DENIED before the parameters are looked at, and nothing has changed. */
static void test_every_row_of_roles(void **state)
{
    struct world *world = *state;
    unsigned refused = 0;
    for (unsigned i = 0; i < relief_method_count; i++) {
        const struct relief_method_info *method = &relief_methods[i];
        union {
            max_align_t align;
            char bytes[4096];
        } params;
        if (method->kind != RELIEF_CHANGE || method->state != RELIEF_BUILT)
            continue;
        assert_true(method->params->size <= sizeof params);
        relief_shape_clear(method->params, &params);
        for (int role = 0; role < (int)relief_enum_role.count; role++) {
            if (role == RELIEF_role_local || method->roles & 1u << role)
                continue;
            world_as(world, (enum relief_role)role, "need");
            assert_int_equal(world_apply(world, method->number, &params), RELIEF_DENIED);
            refused++;
        }
    }
    assert_true(refused > 50);
}

static void test_no_such_command(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_apply(world, 65535, NULL), RELIEF_BAD_METHOD);
    assert_int_equal(world_apply(world, RELIEF_METHOD_stock_get, NULL), RELIEF_BAD_METHOD); /* a read changes nothing */
}

static struct relief_match_preview_params a_preview(void)
{
    struct relief_match_preview_params params;
    relief_shape_clear(&relief_shape_match_preview_params, &params);
    params.city = RELIEF_STR("need");
    params.kind = RELIEF_STR("tent");
    params.quantity = 5;
    params.priority = 3;
    params.own_first = 1;
    params.min_level = 4;
    params.substitutes = params.all_or_nothing = params.explain = 0;
    params.purpose = RELIEF_purpose_use;
    return params;
}

static void test_previews(void **state)
{
    struct world *world = *state;
    const struct relief_str ghost = RELIEF_STR("ghost");
    struct relief_arena arena;
    struct relief_preview preview;
    struct relief_refusal refusal;
    assert_int_equal(relief_arena_init(&arena, (size_t)1 << 24), 0);
#define PREVIEW(error_, field_, ...)                                                                                   \
    do {                                                                                                               \
        struct relief_match_preview_params params = a_preview();                                                       \
        __VA_ARGS__;                                                                                                   \
        assert_int_equal(core_preview(&world->core, world->now, &world->who, &params, &arena, &preview, &refusal),     \
                         error_);                                                                                      \
        if (error_)                                                                                                    \
            assert_string_equal(refusal.field, field_);                                                                \
    } while (0)
    PREVIEW(RELIEF_NOT_FOUND, "city", params.city = ghost);
    PREVIEW(RELIEF_NOT_FOUND, "kind", params.kind = ghost);
    PREVIEW(RELIEF_NOT_FOUND, "incident", params.incident = ghost);
    PREVIEW(RELIEF_BAD_PARAMS, "needed_by", params.needed_by = world->now);
    PREVIEW(0, "", params.needed_by = world->now + 1);
    assert_int_equal(preview.open, 5);
    world_stock(world, "need", "tent", "0", 3, RELIEF_NIL);
    PREVIEW(0, "", params.explain = 1);
    assert_int_equal(preview.covered, 3);
    assert_int_equal(preview.open, 2);
    assert_int_equal(preview.candidates.count, 1);
    assert_int_equal(world_stock_of(world, "need", "tent").reserved, 0);
#undef PREVIEW
    relief_arena_deinit(&arena);
}

/* Of a request that is no longer open nothing is looked for. */
static void test_explanations(void **state)
{
    struct world *world = *state;
    struct relief_request_cancel_params cancel;
    struct relief_arena arena;
    struct relief_explanation why;
    struct relief_refusal refusal;
    assert_int_equal(relief_arena_init(&arena, (size_t)1 << 24), 0);
    const struct relief_str id = RELIEF_STR("r");
    assert_int_equal(core_explain(&world->core, world->now, id, &arena, &why, &refusal), RELIEF_NOT_FOUND);
    assert_string_equal(refusal.field, "id");
    struct relief_request_submit_params ask = world_ask("r", "need", "tent", 5);
    world_stock(world, "need", "tent", "0", 3, RELIEF_NIL);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    assert_int_equal(core_explain(&world->core, world->now, id, &arena, &why, &refusal), 0);
    assert_int_equal(why.candidates.count, 1);
    relief_shape_clear(&relief_shape_request_cancel_params, &cancel);
    cancel.id = id;
    cancel.reason = RELIEF_STR("over");
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_cancel, &cancel), 0);
    assert_int_equal(core_explain(&world->core, world->now, id, &arena, &why, &refusal), 0);
    assert_int_equal(why.candidates.count, 0);
    relief_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_row_of_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_such_command, setup, teardown),
        cmocka_unit_test_setup_teardown(test_previews, setup, teardown),
        cmocka_unit_test_setup_teardown(test_explanations, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
