/* Inside of sandbox: the three things that are given up, a file each. */
#pragma once
#include "sandbox/sandbox.h"

/* rights.c: 0 or -errno. keep_ports: CAP_NET_BIND_SERVICE stays. */
int sandbox_drop_rights(bool keep_ports);

/* files.c: *ret_abi 0 when this kernel has no Landlock. 0 or -errno. */
int sandbox_limit_files(const struct sandbox_options *options, int *ret_abi);

/* calls.c: *ret_done false when this kernel has no filters. 0 or -errno. */
int sandbox_limit_calls(bool report, bool *ret_done);

/* report.c: what a refused call ends in when it is to be reported. 0 or -errno. */
int sandbox_report_calls(void);
