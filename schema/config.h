/*
 * The options of the configuration file, one row each: O(section, name, type, min, max, default, help).
 * From it come the fields of struct conf (section_name), the reader, the printer and the test that compares reliefd.conf(5).
 *
 * Types: NUMBER a decimal integer from min to max. PATH an absolute path. ADDRESS a listener, may be repeated up to max times.
 * NAME printable ASCII without space and '+', or empty. VERIFIER the verifier key of a witness, may be repeated up to max times.
 * IDENTITY written name.WHO = IDENTITY, up to max of them. SWITCH off or on, and report where max is 2.
 * AUTHORITY written name.SCOPE = PATH, up to max of them.
 */
#pragma once

#define RELIEF_CONFIG_SOCKET "/run/reliefd/reliefd.sock"

#define RELIEF_CONFIG(O)                                                                                               \
    O(listen, address, ADDRESS, 0, 32, "unix:" RELIEF_CONFIG_SOCKET,                                                   \
      "where to listen: unix:PATH, tcp:HOST:PORT, tls:HOST:PORT; on loopback TCP with ,as=IDENTITY; may be repeated")   \
    O(data, dir, PATH, 0, 0, "/var/lib/reliefd", "folder of the log and the store; made when it does not exist")        \
    O(data, segment_mib, NUMBER, 1, 1024, "64", "size of a log segment in MiB")                                         \
    O(evidence, origin, NAME, 0, 0, "", "name of the log on its checkpoints; empty: as its key says, or a random one when it is made") \
    O(witness, key, VERIFIER, 0, 16, "", "verifier key of a witness whose cosignatures are taken; may be repeated")     \
    O(limits, connections, NUMBER, 1, 16384, "1024", "connections at the same time")                                    \
    O(limits, connections_per_address, NUMBER, 1, 16384, "64",                                                          \
      "connections from one address at the same time; not for loopback and unix sockets")                              \
    O(limits, connections_per_city, NUMBER, 1, 16384, "256", "connections of one city at the same time, however they come") \
    O(tls, certificate, PATH, 0, 0, "", "PEM file of the daemon's certificate, and those between it and its authority")    \
    O(tls, key, PATH, 0, 0, "", "PEM file of its key, closed to others")                                                  \
    O(tls, authority, AUTHORITY, 0, 256, "",                                                                            \
      "authority.SCOPE = FILE: certificates below the one in this PEM file name city:CITY, coordinator[:REGION], auditor or operator") \
    O(tls, revoked, PATH, 0, 0, "", "PEM file of the authorities' revocation lists")                                      \
    O(identity, tokens, PATH, 0, 0, "", "file of the hashes of tokens, of mode 0600; without it there are none")        \
    O(identity, user, IDENTITY, 0, 256, "", "user.NAME = IDENTITY: who a local user is on a unix socket")               \
    O(identity, group, IDENTITY, 0, 256, "", "group.NAME = IDENTITY: who the members of a group are on a unix socket") \
    O(sandbox, landlock, SWITCH, 0, 1, "on", "the kernel holds the daemon to its files and ports")                      \
    O(sandbox, seccomp, SWITCH, 0, 2, "on",                                                                             \
      "the kernel ends the daemon at a system call that serving never takes; report: with a line that names it")

enum relief_config {
#define O(section, name, type, min, max, initial, help) RELIEF_CONFIG_##section##_##name,
    RELIEF_CONFIG(O)
#undef O
        RELIEF_CONFIG_COUNT
};
