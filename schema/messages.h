/*
 * What the daemon tells its operator on standard error, one row each: N(id, name, level, text, advice). Log lines are
 * key=value with the id, so that a script can wait for an id and a person can look it up here and in reliefd(8).
 * Ids are append-only. Levels are those of syslog: err, warning, notice, info.
 */
#pragma once

#define RELIEF_MESSAGES(N)                                                                                             \
    N(1, STARTED, "notice", "started", "")                                                                             \
    N(2, STOPPED, "notice", "stopped cleanly", "")                                                                     \
    N(3, RECOVERED, "notice", "the log's tail was applied", "the daemon was not stopped cleanly the last time")        \
    N(4, CLOCK, "warning", "the clock", "see clock.confirm in reliefd(8)")                                             \
    N(10, CONFIG_BAD, "err", "the configuration can't be used", "correct the option named; see reliefd.conf(5)")       \
    N(11, DATA_BUSY, "err", "another daemon has the data directory", "stop it first, or choose another --data")        \
    N(12, DATA_DAMAGED, "err", "the data is damaged", "keep the folder, restore the named part from a replica or backup") \
    N(13, DATA_FAILED, "err", "the data directory can't be used", "see error; check owner, mode and space")           \
    N(14, LISTEN_FAILED, "err", "an address can't be listened on", "see error; is the port taken, the folder there?")  \
    N(15, LOOP_FAILED, "err", "the event loop failed", "see error; the daemon can be started again")                   \
    N(16, LIMIT_LOW, "err", "a limit on this process is too low to begin",                                                \
      "raise it: open files (LimitNOFILE= of the unit, ulimit -n) or memory and addresses (MemoryMax=, LimitAS=, ulimit -v)") \
    N(20, LOG_FAILED, "err", "the log can't be written; nothing more is acknowledged",                                 \
      "nothing that was acknowledged is lost; free space or replace the disk, then start again")                       \
    N(21, CLOSE_FAILED, "err", "the data could not be closed cleanly", "the next start applies the log's tail")        \
    N(22, STORE_DAMAGED, "err", "the store is damaged; it was put aside as store/data.damaged",                             \
      "start again: the store is made anew from the log, nothing is lost")                                             \
    N(23, STORE_FAILED, "err", "the store can't be written; nothing more is acknowledged",                               \
      "nothing that was acknowledged is lost, the log has it; free space or replace the disk, then start again")       \
    N(24, EVIDENCE_FAILED, "err", "the evidence can't be written; nothing more is acknowledged",                         \
      "nothing that was acknowledged is lost; free space or replace the disk, then start again")                       \
    N(25, EVIDENCE_ANEW, "notice", "the tree of the evidence was made anew from the log", "")                           \
    N(26, EVIDENCE_DAMAGED, "err", "a file in evidence/ was damaged; it was put aside",                                  \
      "a start makes hashes and state anew from the log; keep the damaged file until it is understood")                \
    N(27, UNWITNESSED, "warning", "the head has been unwitnessed for more than a minute",                               \
      "look at the witnesses; service goes on meanwhile")                                                              \
    N(28, WITNESSED, "notice", "the head is witnessed again", "")                                                       \
    N(5, CLOCK_BEHIND, "warning", "the wall clock is behind the last entry: time stands still, and no deadline passes",    \
      "set the wall clock right; see The clock in reliefd(8)")                                                        \
    N(6, CLOCK_HELD, "warning", "the wall clock jumped ahead: time goes on by the boot clock",                          \
      "set the wall clock right, or say relief clock confirm when it is")                                             \
    N(7, CLOCK_RIGHT, "notice", "time is the wall clock again", "")                                                     \
    N(34, SHORTAGE, "err", "something lacks for writing: no change is taken, reads go on",                                 \
      "free space, or make writable or larger what error names; the daemon goes on by itself then")                    \
    N(36, NO_MEMORY, "err", "no memory in the middle of a change; the daemon ends",                                         \
      "nothing that was acknowledged is lost; give it more memory, then start again")                                  \
    N(35, SHORTAGE_OVER, "notice", "nothing lacks any more: changes are taken again", "")                               \
    N(30, DUMP_FAILED, "warning", "a dump ended early", "see error")                                                   \
    N(31, EVENTS_FAILED, "err", "the log can't be read for events", "run relief verify on an export of the log")       \
    N(33, REPORT_FAILED, "warning", "a report ended early", "see error")                                               \
    N(50, SANDBOX_LACKS, "warning", "this kernel lacks a part of the sandbox", "see [sandbox] in reliefd.conf(5)")        \
    N(51, SANDBOX_FAILED, "err", "the sandbox can't be entered", "see error; [sandbox] in reliefd.conf(5) goes without")  \
    N(52, CALL_REFUSED, "err", "a system call that the sandbox doesn't allow",                                          \
      "report it with this line; [sandbox] seccomp = off serves meanwhile")                                            \
    N(41, LIMITS_LOWERED, "warning", "fewer connections than configured: the limit on open files is too low",           \
      "raise it (LimitNOFILE= of the unit), or lower [limits] connections")                                             \
    N(42, DENIALS_FAILED, "warning", "the journal of denials can't be written; what comes is counted only",             \
      "see space and rights of the data folder")                                                                        \
    N(60, RELOADED, "notice", "the configuration was read again and is in force", "")                                   \
    N(61, RELOAD_FAILED, "err", "the configuration was read again and can't be used; all stays as it was",              \
      "correct what is named, then send SIGHUP again; reliefd --check-config says the same without the daemon")         \
    N(62, RELOAD_RESTART, "warning", "options were changed that take a restart",                                        \
      "restart the daemon when that suits; until then the options named keep their values")                             \
    N(63, TLS_DATED, "warning", "a certificate or revocation list is out of date, or soon will be", "renew it, then send SIGHUP") \
    N(32, INTERNAL, "err", "a request failed inside the daemon", "report it with this line")

enum relief_message {
#define N(id, name, level, text, advice) RELIEF_MESSAGE_##name = id,
    RELIEF_MESSAGES(N)
#undef N
};
