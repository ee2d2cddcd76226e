/*
 * A real loop on its own thread, with a handler that echoes, and clients that talk to it over real sockets. Everything the
 * handler does is set by fields that are changed on the loop's thread (fixture_call), so nothing races. Time is virtual.
 */
#pragma once
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "net/inside.h"

#define FIXTURE_SESSIONS 4096

struct fixture;

struct session {
    struct fixture *fixture;
    struct net_conn *conn;
    struct net_peer peer;
    unsigned messages, drained;
    bool open;
};

struct fixture {
    struct net *net;
    struct net_options options;
    char folder[64], bound[300], tcp[300];
    pthread_t thread;
    bool running;
    int run_result;
    _Atomic int64_t now;
    _Atomic uint64_t turns;
    /* what is to be run on the loop's thread */
    void (*call)(struct fixture *fixture);
    sem_t called;
    /* how the handler behaves; to be changed by fixture_call only */
    bool identify;          /* opened says who it is */
    bool refuse;            /* opened answers NULL */
    bool hold;              /* answers wait for an entry of their own */
    bool silent;            /* no answers */
    bool pause;             /* each message pauses its connection */
    bool busy;
    bool secret;            /* each message is one */
    bool reserved;          /* peers of unix sockets may use the reserve */
    size_t answer_bytes;    /* 0: the message itself */
    uint64_t seq;
    struct session sessions[FIXTURE_SESSIONS];
    unsigned session_count, open_count, closed_count, begun, ended;
    unsigned refused[4], evicted; /* by enum net_refusal */
    enum net_fault fault;
    int limit_fault;
    int signal;
    uint64_t arg; /* of the calls */
    void *field;
    size_t field_bytes;
    struct net_stats stats;
};

/* conns_max 0: the default. Listens on a unix socket and a TCP port; sessions are identified. */
struct fixture *fixture_open(unsigned conns_max);
struct fixture *fixture_open_reserved(unsigned conns_max, unsigned conns_reserved);
void fixture_close(struct fixture *fixture);
/* Runs it on the loop's thread, in a turn of its own. */
void fixture_call(struct fixture *fixture, void (*call)(struct fixture *fixture));
#define FIXTURE_SET(fixture, field, value) fixture_set(fixture, &(fixture)->field, sizeof(fixture)->field, value)
void fixture_set(struct fixture *fixture, void *field, size_t bytes, uint64_t value);
void fixture_nothing(struct fixture *fixture);
/* Everything up to seq is durable. */
void fixture_release(struct fixture *fixture, uint64_t seq);
void fixture_advance(struct fixture *fixture, int64_t ms);
struct net_stats fixture_stats(struct fixture *fixture);
/* Turns until the counter reaches the value; fails after many. */
void fixture_wait(struct fixture *fixture, const char *what, uint64_t value);
/* Ends the loop; true when net_run returned 0. */
bool fixture_stop(struct fixture *fixture);

/* Clients: blocking sockets with a long time-out. */
int client_open(struct fixture *fixture);
/* The same with a socket that is there already. */
int client_connect(struct fixture *fixture, int fd);
int client_open_tcp(struct fixture *fixture);
void client_write(int fd, const void *data, size_t len);
void client_read(int fd, void *data, size_t len);
/* True when the server closed and nothing more comes. */
bool client_at_end(int fd);
/* True when nothing can be read now. */
bool client_is_quiet(int fd);
/* [0, msgid, "ping", []], 12 bytes. */
#define PING_BYTES 12u
void ping_encode(uint8_t *to, uint32_t msgid);
void client_ping(int fd, uint32_t msgid);
void client_expect(int fd, uint32_t msgid);
