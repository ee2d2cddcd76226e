/* The start of a thread (thread.h): it inherits the mask that is in force meanwhile, so no signal comes in between. */
#include "base/thread.h"
#include <signal.h>

int thread_start(pthread_t *ret, void *(*run)(void *context), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGSYS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = -pthread_create(ret, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}
