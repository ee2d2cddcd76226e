/*
 * Listeners: made from an address, and the accepting of connections. Accepting is raw accept4 in the turn, at most
 * NET_ACCEPT_PER_TURN a listener, so that the number of calls is ours: a loop that is told "readable" over and over
 * while there are no descriptors would otherwise do nothing else.
 *
 * Options are set on the listening socket; Linux hands TCP_NODELAY, keepalive and TCP_USER_TIMEOUT down to what it
 * accepts.
 */
#include "net/inside.h"
#include "base/addr.h"
#include "base/plant.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define KEEPALIVE_S      60 /* a peer that is gone is noticed within two minutes, also when nothing is sent to it */
#define KEEPALIVE_STEP_S 10
#define KEEPALIVE_COUNT  6

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    struct net_listener *listener = arg;
    (void)fd, (void)what;
    listener->ready = true;
}

/* The reserve is open to those whom the handler names. */
static bool reserve_has_room(const struct net *net)
{
    return net->handlers.reserved && net->reserve_open < net->options.conns_reserved;
}

static bool may_take(const struct net *net, const struct net_listener *listener)
{
    if (net->stopping)
        return false;
    if (!net->full && !net->starved)
        return true;
    return listener->transport == NET_UNIX && reserve_has_room(net) && (!net->starved || net->spare_count);
}

void net_accept_watch(struct net *net)
{
    for (unsigned i = 0; i < net->listener_count; i++) {
        struct net_listener *listener = net->listeners[i];
        bool want = may_take(net, listener);
        if (want == listener->watched)
            continue;
        listener->watched = want && event_add(&listener->event, NULL) == 0;
        if (!want)
            event_del(&listener->event);
        else if (!listener->watched)
            net->accept_at = net->now + NET_ACCEPT_BACKOFF_MAX_MS; /* no memory: looked at again then */
    }
}

/* Any descriptor will do; one that is there already needs no file. */
static void fill_spares(struct net *net)
{
    while (net->spare_count < net->options.conns_reserved) {
        int fd = fcntl(net->wake_fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return;
        net->spares[net->spare_count++] = fd;
    }
}

void net_accept_room(struct net *net)
{
    fill_spares(net);
    net->full = false;
    net_accept_watch(net);
}

/* No descriptors or no memory: trying again at once would only burn time that the others need. */
static void starve(struct net *net)
{
    net->accept_backoff = net->accept_backoff ? 2 * net->accept_backoff : NET_ACCEPT_BACKOFF_MS;
    if (net->accept_backoff > NET_ACCEPT_BACKOFF_MAX_MS)
        net->accept_backoff = NET_ACCEPT_BACKOFF_MAX_MS;
    if (PLANT("no-backoff"))
        return;
    net->starved = true;
    net->accept_at = net->now + net->accept_backoff;
    net_accept_watch(net);
}

static bool address_is_loopback(const struct sockaddr_storage *from)
{
    if (from->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)from)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)from)->sin6_addr);
}

/* What counts as one address: all of IPv4, the first 8 bytes of IPv6, since one host usually has a whole /64. */
static void address_key(const struct sockaddr_storage *from, uint8_t ret_key[16])
{
    memset(ret_key, 0, 16);
    if (from->ss_family == AF_INET) {
        ret_key[15] = 4;
        memcpy(ret_key, &((const struct sockaddr_in *)from)->sin_addr, 4);
    } else {
        memcpy(ret_key, &((const struct sockaddr_in6 *)from)->sin6_addr, 8);
    }
}

static void tcp_text(const struct sockaddr_storage *address, enum net_transport transport, char *ret, size_t size)
{
    const char *scheme = transport == NET_TLS ? "tls" : "tcp";
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(ret, size, "%s:%s:%u", scheme, host, ntohs(in->sin_port));
    } else {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): all of *address was set to zero by every caller */
        snprintf(ret, size, "%s:[%s]:%u", scheme, host, ntohs(in6->sin6_port));
    }
}

static void peer_groups(int fd, struct net_peer *peer)
{
    gid_t *others = peer->groups + 1;
    socklen_t len = (NET_GROUPS_MAX - 1) * sizeof *others;
    peer->groups[0] = peer->gid;
    peer->group_count = 1;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, others, &len) == 0)
        peer->group_count += len / sizeof *others;
}

/* Who is at the other end. false: not to be served. */
static bool identify(struct net_listener *listener, int fd, const struct sockaddr_storage *from, struct net_peer *peer,
                     uint8_t key[16], bool *ret_counted)
{
    *peer = (struct net_peer){.transport = listener->transport, .listener = listener->index};
    *ret_counted = false;
    memset(key, 0, 16);
    if (listener->transport == NET_UNIX) {
        struct ucred cred;
        socklen_t len = sizeof cred;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
            return false;
        peer->uid = cred.uid;
        peer->gid = cred.gid;
        peer_groups(fd, peer);
        snprintf(peer->address, sizeof peer->address, "unix:uid=%u,pid=%d", (unsigned)cred.uid, (int)cred.pid);
        return true;
    }
    tcp_text(from, listener->transport, peer->address, sizeof peer->address);
    peer->loopback = address_is_loopback(from);
    if (peer->loopback)
        return true;
    *ret_counted = true;
    address_key(from, key);
    return true;
}

static void refuse(struct net *net, int fd, const struct net_peer *peer, enum net_refusal why)
{
    const struct relief_buf *words =
        net->handlers.refused ? net->handlers.refused(net->handlers.context, peer, why, NULL) : NULL;
    net->stats.refused++;
    net->stats.refused_address += why == NET_REFUSED_ADDRESS;
    net->stats.refused_full += why != NET_REFUSED_ADDRESS;
    /* Before a handshake there is no way to say anything. The buffer of a fresh socket takes these few bytes. */
    if (words && peer->transport != NET_TLS) {
        ssize_t sent = send(fd, words->data, words->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
        shutdown(fd, SHUT_WR);
    }
    close(fd);
}

static void evict(struct net *net)
{
    struct net_conn *conn = TAILQ_FIRST(&net->strangers);
    if (!conn)
        return;
    net->stats.refused++;
    net->stats.evicted++;
    if (conn->session && net->handlers.evicted)
        net->handlers.evicted(conn->session);
    conn_kill(conn);
}

/* scarce: what only the reserve has room for. */
static void take(struct net_listener *listener, int fd, const struct sockaddr_storage *from, bool scarce,
                 enum net_refusal why)
{
    struct net *net = listener->net;
    struct net_peer peer;
    uint8_t key[16];
    bool counted;
    net->stats.accepted++;
    if (!identify(listener, fd, from, &peer, key, &counted)) {
        net->stats.refused++;
        close(fd);
        return;
    }
    if (counted && !net_address_has_room(net, key)) {
        refuse(net, fd, &peer, NET_REFUSED_ADDRESS);
        return;
    }
    if (scarce && !(reserve_has_room(net) && net->handlers.reserved(net->handlers.context, &peer))) {
        refuse(net, fd, &peer, why);
        return;
    }
    if (conn_open(net, fd, &peer, key, counted, scarce) != 0) {
        net->stats.refused++;
        close(fd);
        return;
    }
    if (net->stats.open - net->reserve_open > net->options.conns_max)
        evict(net);
}

/*
 * The last descriptors: one is given up for whoever waits, and taken back when it was not the operator. 1 somebody
 * waited, 0 nobody, -1 there is none to give up.
 */
static int take_with_spare(struct net_listener *listener)
{
    struct net *net = listener->net;
    struct sockaddr_storage from = {0};
    socklen_t len = sizeof from;
    int fd, found;
    if (listener->transport != NET_UNIX || !net->spare_count || !reserve_has_room(net))
        return -1;
    close(net->spares[--net->spare_count]);
    fd = accept4(listener->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    found = fd >= 0 ? 1 : errno == EAGAIN ? 0 : -1;
    if (fd >= 0)
        take(listener, fd, &from, true, NET_REFUSED_DESCRIPTORS);
    fill_spares(net);
    return found;
}

static void accept_some(struct net_listener *listener)
{
    struct net *net = listener->net;
    for (unsigned i = 0; i < NET_ACCEPT_PER_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd, spared;
        net->full = net->stats.open - net->reserve_open >= net->options.conns_max && TAILQ_EMPTY(&net->strangers);
        if (net->full)
            net_accept_watch(net);
        if (!may_take(net, listener))
            return;
        fd = accept4(listener->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            net->accept_backoff = 0;
            take(listener, fd, &from, net->full, NET_REFUSED_FULL);
            continue;
        }
        if (errno == EAGAIN)
            return;
        if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO || errno == EPERM)
            continue; /* the peer's matter */
        spared = take_with_spare(listener);
        if (spared == 0)
            return;
        if (spared > 0)
            continue;
        net->stats.refused++;
        evict(net);
        starve(net);
        return;
    }
}

void net_accept_turn(struct net *net)
{
    if (net->stopping)
        return;
    if (net->now >= net->accept_at) {
        net->accept_at = INT64_MAX;
        net->starved = false;
        net_accept_watch(net);
    }
    for (unsigned i = 0; i < net->listener_count; i++) {
        if (net->listeners[i]->ready && net->listeners[i]->watched) {
            net->listeners[i]->ready = false;
            accept_some(net->listeners[i]);
        }
    }
}

/* Somebody has bound this path. Removes it when it is a socket on which nobody listens. */
static int remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    int fd, err = 0;
    if (lstat(address->sun_path, &st) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        err = -EADDRINUSE;
    else if (errno != ECONNREFUSED)
        err = errno == EAGAIN ? -EADDRINUSE : -errno;
    close(fd);
    if (!err && unlink(address->sun_path) != 0)
        err = -errno;
    return err;
}

static int listen_unix(struct net_listener *listener, const struct addr *addr, char *ret_bound, size_t bound_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;
    int err = net_make_parents(addr->path);
    if (err)
        return err;
    memcpy(address.sun_path, addr->path, strlen(addr->path));
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return -errno;
    if (bind(listener->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        if (errno != EADDRINUSE)
            return -errno;
        err = remove_stale(&address);
        if (err)
            return err;
        if (bind(listener->fd, (struct sockaddr *)&address, sizeof address) != 0)
            return -errno;
    }
    /* Whoever reaches the path may connect; who the peer is, its credentials say, and a stranger is answered so (fine
     * print 14). */
    if (chmod(addr->path, 0666) != 0 || lstat(addr->path, &st) != 0 || listen(listener->fd, SOMAXCONN) != 0)
        return -errno;
    memcpy(listener->path, addr->path, sizeof listener->path);
    listener->dev = st.st_dev;
    listener->ino = st.st_ino;
    listener->transport = NET_UNIX;
    snprintf(ret_bound, bound_size, "unix:%s", addr->path);
    return 0;
}

static int set_options(int fd, int family)
{
    const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_REUSEADDR, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_STEP_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, RELIEF_PEER_STUCK_MS},
        {IPPROTO_IPV6, IPV6_V6ONLY, 1}, /* an address means what it says */
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (options[i].level == IPPROTO_IPV6 && family != AF_INET6)
            continue;
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value) != 0)
            return -errno;
    }
    return 0;
}

static int listen_tcp(struct net_listener *listener, const struct addr *addr, char *ret_bound, size_t bound_size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    char port[8];
    int err = 0;
    snprintf(port, sizeof port, "%u", addr->port);
    if (getaddrinfo(addr->host, port, &hints, &found) != 0 || !found)
        return -EADDRNOTAVAIL;
    listener->transport = addr->scheme == ADDR_TLS ? NET_TLS : NET_TCP;
    listener->fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        err = -errno;
    if (!err)
        err = set_options(listener->fd, found->ai_family);
    if (!err && (bind(listener->fd, found->ai_addr, found->ai_addrlen) != 0 || listen(listener->fd, SOMAXCONN) != 0 ||
                 getsockname(listener->fd, (struct sockaddr *)&bound, &len) != 0))
        err = -errno;
    if (!err)
        tcp_text(&bound, listener->transport, ret_bound, bound_size);
    freeaddrinfo(found);
    return err;
}

static void listener_close(struct net_listener *listener)
{
    struct stat st;
    if (listener->path[0] && lstat(listener->path, &st) == 0 && st.st_dev == listener->dev &&
        st.st_ino == listener->ino)
        unlink(listener->path);
    if (listener->fd >= 0)
        close(listener->fd);
    free(listener);
}

int net_listen(struct net *net, const char *address, unsigned index, char *ret_bound, size_t bound_size)
{
    struct net_listener *listener;
    struct addr addr;
    int err = addr_parse(address, &addr, NULL);
    if (err)
        return err;
    if (addr.scheme == ADDR_TLS && !net->tls)
        return -ENOKEY;
    if (net->listener_count == NET_LISTENERS_MAX)
        return -ENOSPC;
    listener = calloc(1, sizeof *listener);
    if (!listener)
        return -ENOMEM;
    listener->net = net;
    listener->index = index;
    listener->fd = -1;
    if (addr.scheme == ADDR_UNIX)
        err = listen_unix(listener, &addr, ret_bound, bound_size);
    else
        err = listen_tcp(listener, &addr, ret_bound, bound_size);
    if (!err &&
        event_assign(&listener->event, net->base, listener->fd, EV_READ | EV_PERSIST, on_acceptable, listener) != 0)
        err = -ENOMEM;
    if (err) {
        listener_close(listener);
        return err;
    }
    net->listeners[net->listener_count++] = listener;
    net_accept_watch(net);
    return 0;
}

void net_listeners_close(struct net *net)
{
    for (unsigned i = 0; i < net->listener_count; i++) {
        event_del(&net->listeners[i]->event);
        listener_close(net->listeners[i]);
    }
    net->listener_count = 0;
}
