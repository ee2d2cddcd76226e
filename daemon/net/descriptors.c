/*
 * Descriptors: the process's limit is made to fit the connections, or the connections to it. Then a flood meets the
 * bound on connections, which makes room for those that matter, and not an accept that fails for everybody alike.
 */
#include "net/net.h"
#include <sys/resource.h>

unsigned net_fit_descriptors(unsigned conns_max, unsigned others)
{
    struct rlimit limit;
    rlim_t want = (rlim_t)conns_max + others;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return conns_max;
    if (limit.rlim_cur < want) {
        rlim_t had = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > want ? want : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            limit.rlim_cur = had;
    }
    if (limit.rlim_cur >= want)
        return conns_max;
    return limit.rlim_cur > (rlim_t)others + NET_CONNS_LEAST ? (unsigned)(limit.rlim_cur - others) : NET_CONNS_LEAST;
}
