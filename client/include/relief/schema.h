/* The lists of methods, records, words and errors, as the public header sees them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "schema/commands.h"
#include "schema/errors.h"
#include "schema/methods.h"
#include "schema/refusal.h"
#ifdef __cplusplus
}
#endif
