/* The lists of methods, records, words and errors, as the public header sees them. */
#pragma once
#include "schema/commands.h"
#include "schema/errors.h"
#include "schema/methods.h"
#include "schema/refusal.h"
