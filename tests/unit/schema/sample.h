/*
 * Records made up from any shape: `plain` has every field with a fixed value, other seeds vary values, absences and
 * lengths. They stay within ranges, so that they are valid parameters too. Strings and lists live in the arena.
 */
#pragma once
#include "schema/codec.h"

enum { SAMPLE_PLAIN = 0 };
void sample_fill(const struct relief_shape *shape, void *ret_record, unsigned seed, struct relief_arena *arena);
/* Field by field, lists and parts included. */
bool sample_equal(const struct relief_shape *shape, const void *a, const void *b);
/* Memory for any struct of the lists. */
enum { SAMPLE_BYTES = 2048 };

/* Every shape there is: i from 0 until it returns NULL. */
const struct relief_shape *sample_shape(unsigned i);
