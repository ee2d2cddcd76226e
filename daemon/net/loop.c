/*
 * The loop. libevent only says what is ready; its callbacks put connections on lists. Then one turn does the work in an
 * order that makes batches: what the log's thread reports, deadlines, new connections, everything that can be read,
 * turn_end (the engine hands its batch to the log), and only then the writes, one per connection.
 *
 * The turn's clock is read once. All of this runs on one thread; net_wake alone may be called from elsewhere, it writes
 * to an eventfd.
 */
#include "net/inside.h"
#include "base/plant.h"
#include "net/tls.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define CONNS_MAX 16384u /* keeps small_bytes at 1 KiB and the scan for deadlines short */

static int64_t now_ms(struct net *net)
{
    struct timespec now;
    if (net->options.now_ms)
        return net->options.now_ms(net->handlers.context);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct net *net = arg;
    uint64_t count;
    (void)what;
    if (read(fd, &count, sizeof count) > 0)
        net->woken = true;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct net *net = arg;
    (void)fd, (void)what;
    net->timer_at = INT64_MAX;
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    struct net_signal *signal = arg;
    (void)fd, (void)what;
    signal->caught = true;
}

static int base_open(struct net *net)
{
    struct event_config *config = event_config_new();
    if (!config)
        return -ENOMEM;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
    net->base = event_base_new_with_config(config);
    event_config_free(config);
    if (!net->base)
        return -ENOMEM;
    net->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (net->wake_fd < 0)
        return -errno;
    if (event_assign(&net->wake_event, net->base, net->wake_fd, EV_READ | EV_PERSIST, on_wake, net) != 0 ||
        event_add(&net->wake_event, NULL) != 0 || evtimer_assign(&net->timer, net->base, on_timer, net) != 0)
        return -ENOMEM;
    return 0;
}

int net_open(struct net **ret, const struct net_options *options, const struct net_handlers *handlers)
{
    struct net *net = calloc(1, sizeof *net);
    int err;
    if (!net)
        return -ENOMEM;
    net->handlers = *handlers;
    net->options = *options;
    net->wake_fd = -1;
    if (net->options.conns_max == 0)
        net->options.conns_max = NET_CONNS_DEFAULT;
    if (net->options.conns_max > CONNS_MAX)
        net->options.conns_max = CONNS_MAX;
    if (net->options.conns_per_address_max == 0)
        net->options.conns_per_address_max = NET_CONNS_PER_ADDRESS_DEFAULT;
    if (net->options.conns_reserved > NET_RESERVED_MAX)
        net->options.conns_reserved = NET_RESERVED_MAX;
    TAILQ_INIT(&net->all);
    TAILQ_INIT(&net->strangers);
    TAILQ_INIT(&net->ready);
    TAILQ_INIT(&net->dirty);
    TAILQ_INIT(&net->waiting);
    TAILQ_INIT(&net->held);
    TAILQ_INIT(&net->dead);
    unsigned conns = net->options.conns_max + net->options.conns_reserved;
    net->small_bytes = RELIEF_PARTIAL_BYTES_TOTAL / 2 / conns / NET_STEP_BYTES * NET_STEP_BYTES;
    if (net->small_bytes > NET_READ_BYTES)
        net->small_bytes = NET_READ_BYTES;
    net->large_bytes_max = RELIEF_PARTIAL_BYTES_TOTAL - net->small_bytes * conns;
    net->timer_at = INT64_MAX;
    net->stop_at = net->accept_at = INT64_MAX;
    net->now = now_ms(net);
    net->scan_at = net->now + NET_SCAN_MS;
    net->tick_at = net->handlers.tick ? net->now : INT64_MAX;
    err = base_open(net);
    if (err) {
        net_close(net);
        return err;
    }
    net_accept_room(net);
    *ret = net;
    return 0;
}

static void reap(struct net *net)
{
    struct net_conn *conn;
    bool any = false;
    while ((conn = TAILQ_FIRST(&net->dead))) {
        conn_free(conn);
        any = true;
    }
    if (any && !net->stopping)
        net_accept_room(net);
}

void net_close(struct net *net)
{
    struct net_conn *conn;
    if (!net)
        return;
    TAILQ_FOREACH(conn, &net->all, all)
    {
        conn_kill(conn);
    }
    net->stopping = true;
    reap(net);
    net_listeners_close(net);
    for (unsigned i = 0; i < net->signal_count; i++)
        event_del(&net->signals[i].event);
    while (net->spare_count)
        close(net->spares[--net->spare_count]);
    if (net->wake_fd >= 0) {
        event_del(&net->wake_event);
        event_del(&net->timer);
        close(net->wake_fd);
    }
    if (net->base)
        event_base_free(net->base);
    net_tls_close(net->tls);
    free(net);
}

int net_on_signal(struct net *net, int signo, void (*caught)(void *context, int signo), void *context)
{
    struct net_signal *signal;
    if (net->signal_count == NET_SIGNALS_MAX)
        return -ENOSPC;
    signal = &net->signals[net->signal_count];
    *signal = (struct net_signal){.net = net, .signo = signo, .call = caught, .context = context};
    if (evsignal_assign(&signal->event, net->base, signo, on_signal, signal) != 0 ||
        event_add(&signal->event, NULL) != 0)
        return -EINVAL;
    net->signal_count++;
    return 0;
}

void net_wake(struct net *net)
{
    uint64_t one = 1;
    int saved = errno;
    /* EAGAIN means that the counter is full: then a wake is pending anyway. */
    if (write(net->wake_fd, &one, sizeof one) < 0)
        errno = saved;
}

void net_stop(struct net *net)
{
    if (net->stopping)
        return;
    net->stopping = true;
    net->stop_at = now_ms(net) + NET_STOP_MS;
    net_accept_watch(net);
}

void net_fail(struct net *net)
{
    net->failed = true;
    net_stop(net);
}

bool net_may_read(const struct net *net)
{
    return !(net->handlers.busy && net->handlers.busy(net->handlers.context));
}

struct net_stats net_stats(struct net *net)
{
    return net->stats;
}

static void call_handlers(struct net *net)
{
    if (net->woken) {
        net->woken = false;
        if (net->handlers.woken)
            net->handlers.woken(net->handlers.context);
    }
    for (unsigned i = 0; i < net->signal_count; i++) {
        struct net_signal *signal = &net->signals[i];
        if (signal->caught) {
            signal->caught = false;
            signal->call(signal->context, signal->signo);
        }
    }
    if (net->now >= net->tick_at) {
        int64_t ms = net->handlers.tick(net->handlers.context);
        net->tick_at = net->now + (ms < 1 ? 1 : ms);
    }
}

static unsigned read_one(struct net_conn *conn, unsigned quantum)
{
    conn->in_ready = false;
    conn->quantum = quantum;
    conn_read(conn);
    conn->many = conn->quantum == 0;
    return quantum - conn->quantum;
}

/*
 * Who sent more than a quantum comes after those who did not, and all of these together have a measure of their own: so
 * a turn is short however much is pipelined, and whoever asks one thing is answered at its end. They take turns.
 */
static void read_many(struct net *net, struct net_conns *many)
{
    struct net_conn *conn;
    unsigned left = NET_AGAIN_PER_TURN;
    while (left > 0 && net_may_read(net) && (conn = TAILQ_FIRST(many))) {
        TAILQ_REMOVE(many, conn, ready);
        left -= read_one(conn, left < NET_QUANTUM ? left : NET_QUANTUM);
    }
    TAILQ_CONCAT(many, &net->ready, ready);
    TAILQ_CONCAT(&net->ready, many, ready);
}

/* Each connection that is ready now is looked at once; what it can't finish in this turn it puts back. */
static void read_all(struct net *net)
{
    struct net_conns now, many;
    struct net_conn *conn;
    if (net->held_retry) {
        net->held_retry = false;
        for (size_t room = 0; (conn = TAILQ_FIRST(&net->held));) {
            room += NET_LARGE_BYTES;
            if (!net_has_large_room(net, room))
                break;
            TAILQ_REMOVE(&net->held, conn, held);
            conn->in_held = false;
            conn->frame_since = net->now;
            conn->socket_ready = true;
            conn_go_on(conn);
        }
    }
    tls_turn(net);
    TAILQ_INIT(&now);
    TAILQ_INIT(&many);
    TAILQ_CONCAT(&now, &net->ready, ready);
    while ((conn = TAILQ_FIRST(&now))) {
        TAILQ_REMOVE(&now, conn, ready);
        if (!net_may_read(net) || (conn->tls && !tls_has_turn(conn))) {
            TAILQ_INSERT_TAIL(&net->ready, conn, ready);
            continue;
        }
        if (conn->many && !PLANT("greedy"))
            TAILQ_INSERT_TAIL(&many, conn, ready);
        else
            read_one(conn, PLANT("greedy") ? UINT32_MAX : NET_QUANTUM);
    }
    read_many(net, &many);
}

static void write_all(struct net *net)
{
    struct net_conn *conn, *next;
    if (net->release_due) {
        net->release_due = false;
        for (conn = TAILQ_FIRST(&net->waiting); conn; conn = next) {
            next = TAILQ_NEXT(conn, waiting);
            if (conn_release(conn))
                conn_push_dirty(conn);
            if (conn->marks_first == conn->marks_end) {
                TAILQ_REMOVE(&net->waiting, conn, waiting);
                conn->in_waiting = false;
            }
        }
    }
    while ((conn = TAILQ_FIRST(&net->dirty))) {
        TAILQ_REMOVE(&net->dirty, conn, dirty);
        conn->in_dirty = false;
        conn_write(conn);
        conn_unthrottle(conn);
        conn_settle(conn);
    }
}

/* True when nobody waits for an answer any more, or the time is up. */
static bool stopped(struct net *net)
{
    struct net_conn *conn;
    bool quiet = true;
    TAILQ_FOREACH(conn, &net->all, all)
    {
        if (conn->is_dead)
            continue;
        if (net->failed ? conn->sent == conn->released : conn_is_quiet(conn) && !conn->paused) {
            /* A bounded look at what nobody will read, so that closing does not reset what was just sent. */
            for (int i = 0; i < 16 && recv(conn->fd, net->scratch, sizeof net->scratch, MSG_DONTWAIT) > 0; i++)
                continue;
            conn_kill(conn);
        } else {
            quiet = false;
        }
    }
    return quiet || net->now >= net->stop_at;
}

static void turn(struct net *net)
{
    net->now = now_ms(net);
    if (net->handlers.turn_begin)
        net->handlers.turn_begin(net->handlers.context);
    call_handlers(net);
    net_accept_turn(net);
    read_all(net);
    if (net->handlers.turn_end)
        net->handlers.turn_end(net->handlers.context);
    write_all(net);
    if (net->now >= net->scan_at)
        net_deadlines(net);
    if (net->stopping)
        net->done = stopped(net);
    reap(net);
}

static int arm_timer(struct net *net)
{
    int64_t at = net->scan_at, ms;
    struct timeval wait;
    if (net->tick_at < at)
        at = net->tick_at;
    if (net->accept_at < at)
        at = net->accept_at;
    if (net->stop_at < at)
        at = net->stop_at;
    if (at >= net->timer_at)
        return 0;
    ms = at > net->now ? at - net->now : 0;
    wait = (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    net->timer_at = at;
    return evtimer_add(&net->timer, &wait) == 0 ? 0 : -ENOMEM;
}

static bool work_is_left(const struct net *net)
{
    return net->release_due || !TAILQ_EMPTY(&net->dirty) ||
           ((!TAILQ_EMPTY(&net->ready) || (net->held_retry && !TAILQ_EMPTY(&net->held))) && net_may_read(net));
}

int net_run(struct net *net)
{
    int err = 0;
    net->done = net->stopping && TAILQ_EMPTY(&net->all);
    while (!net->done && !err) {
        int how = EVLOOP_ONCE | (work_is_left(net) ? EVLOOP_NONBLOCK : 0);
        err = arm_timer(net);
        if (!err && event_base_loop(net->base, how) < 0)
            err = -EIO;
        if (!err)
            turn(net);
    }
    return err;
}
