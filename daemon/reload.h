/*
 * What of the configuration can change while the daemon runs: files that it names, read at the start, by --check-config and at every
 * SIGHUP, always by the same steps. All of them are read before any is put in force, so that a reload is taken whole or not at all.
 */
#pragma once
#include "conf/conf.h"
#include "net/net.h"
#include "net/tls.h"
#include "rpc/rpc.h"
#include "rpc/token.h"

#define RELOAD_WHY_BYTES 512u

struct reload {
    struct net *net; /* NULL: nothing is put in force, only looked at */
    struct rpc *rpc;
    bool started, tls_serves; /* there are tls: listeners, which a reload can't close */
    /* between reading and putting in force */
    struct net_tls *tls;
    bool has_tls;
    struct tokens tokens;
    /* what the last one did */
    unsigned closed; /* connections whose right is gone */
};

/* Reads everything and puts it in force. 0; -EINVAL with ret_why, and nothing has changed. */
int reload_take(struct reload *reload, const struct conf *conf, char ret_why[RELOAD_WHY_BYTES]);
/* Only reads. */
int reload_check(const struct conf *conf, char ret_why[RELOAD_WHY_BYTES]);
