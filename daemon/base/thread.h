/*
 * Threads beside the loop. Signals are the loop's, so they start with all of them blocked but those that tell of what the
 * thread itself did: SEGV and BUS (wild reads, store/wild.h) and SYS (a call that the sandbox refuses, sandbox/report.c).
 */
#pragma once
#include <pthread.h>

/* 0 or -errno. The caller joins it. */
int thread_start(pthread_t *ret, void *(*run)(void *context), void *context);
