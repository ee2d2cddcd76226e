/* Lists of any length: one page after the other. */
#pragma once
#include "client/cli/cli.h"
#include "client/cli/view.h"

/* Called for each page; another value than 0 ends the walk and is returned. */
typedef int cli_page_seen(void *context, const struct cli_page *page);
/* params: of the list method; its `after` or `from` is moved along. An exit code. */
int cli_pages(struct cli *cli, const struct relief_method_info *method, void *params, bool one_page,
              cli_page_seen *seen, void *context);
