/*
 * The invariants of DESIGN 6, once: for `relief check`, the tests after every step, and the crash tests after recovery.
 */
#pragma once
#include "core/apply.h"

/* Called for each broken invariant: its number in DESIGN 6 (0: a derived key), and a sentence. */
typedef void core_check_report(void *context, int invariant, const char *what);

/*
 * Walks the whole state at time T: 1 to 5 of DESIGN 6 and every derived key; with fixed_point also that matching the open
 * requests once more would change nothing. Returns the number of reports.
 */
unsigned core_check(struct core *core, int64_t time, bool fixed_point, core_check_report *report, void *context);
/* Of one request only: that matching it once more at time T would change nothing. Looks at the view, not at what was read before. */
unsigned core_check_settled(struct core *core, int64_t time, struct relief_str request, core_check_report *report,
                            void *context);
