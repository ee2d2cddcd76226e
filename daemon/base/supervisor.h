/*
 * What a supervisor is told: systemd's protocol, a datagram a message. Without NOTIFY_SOCKET nothing is opened and all
 * of this does nothing.
 */
#pragma once

/* At the start, while sockets can be made: the one to the supervisor stays open. */
void supervisor_open(void);
/* "READY=1", "STOPPING=1". */
void supervisor_tell(const char *state);
/* Called by the loop as often as it likes: says WATCHDOG=1 twice in each WATCHDOG_USEC, when that is set. */
void supervisor_alive(void);
