/* What every cmocka test includes, in the order that cmocka asks for. */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* Compares a slice with a literal. */
#define assert_text(text, literal)                                                                                     \
    do {                                                                                                               \
        assert_int_equal((text).len, sizeof(literal) - 1);                                                             \
        assert_memory_equal((text).data, literal, sizeof(literal) - 1);                                                \
    } while (0)
