/*
 * Reads of LMDB's pages that end in SIGSEGV or SIGBUS. A damaged page can name a place where nothing is, and neither LMDB nor a
 * checksum sees that before it is read. The fault then ends as other damage of the store does: in store_fatal, with a message.
 */
#pragma once

/* Around every read of what LMDB's pages say, on any thread; not nested. A fault outside stays what it is: a defect. */
extern _Thread_local volatile int store_wild_reading;
/* Takes SIGSEGV and SIGBUS of the process. Called once, by a program that only goes on with a whole store. */
void store_wild_watch(void);
