/*
 * The fault is synchronous and comes from LMDB's code or a checksum over its pages, none of which holds a lock of the C
 * library or of the log: so the ordinary way out of damage, which prints and renames a file, may be taken from the
 * handler.
 */
#include "store/wild.h"
#include <signal.h>
#include "store/value.h"

_Thread_local volatile int store_wild_reading;

static void on_fault(int signo, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    if (store_wild_reading) {
        store_wild_reading = 0; /* a fault on the way out is a defect */
        store_fatal("damage: LMDB's pages point to where nothing is");
    }
    signal(signo, SIG_DFL); /* the read is made again, and ends the process as it would have */
}

void store_wild_watch(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}
