/* Listeners: addresses as bound, unix sockets that are stale, taken or no sockets at all, and who the peer is. */
#include "fixture.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

static struct net *open_net(void)
{
    static const struct net_handlers handlers = {0};
    const struct net_options options = {0};
    struct net *net = NULL;
    assert_int_equal(net_open(&net, &options, &handlers), 0);
    return net;
}

struct place {
    char folder[64], path[100], address[110], bound[300];
};

static struct place place_make(const char *name)
{
    struct place place;
    snprintf(place.folder, sizeof place.folder, "/tmp/relief-listen-XXXXXX");
    assert_non_null(mkdtemp(place.folder));
    snprintf(place.path, sizeof place.path, "%.40s/%.40s", place.folder, name);
    snprintf(place.address, sizeof place.address, "unix:%s", place.path);
    return place;
}

/* A socket file on which nobody listens any more. */
static void make_stale(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void test_unix_socket(void **state)
{
    struct place place = place_make("a/b/socket");
    struct net *net = open_net(), *second = open_net();
    struct stat st;
    char folder[128];
    (void)state;
    assert_int_equal(net_listen(net, place.address, 0, place.bound, sizeof place.bound), 0);
    assert_string_equal(place.bound, place.address);
    assert_int_equal(stat(place.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0666);
    /* Somebody listens: the socket is left alone, by the second one's close too. */
    assert_int_equal(net_listen(second, place.address, 0, place.bound, sizeof place.bound), -EADDRINUSE);
    net_close(second);
    assert_int_equal(stat(place.path, &st), 0);
    net_close(net);
    assert_int_equal(stat(place.path, &st), -1);
    assert_int_equal(errno, ENOENT);
    make_stale(place.path);
    net = open_net();
    assert_int_equal(net_listen(net, place.address, 0, place.bound, sizeof place.bound), 0);
    /* Somebody else put his own in its place: it is not removed. */
    assert_int_equal(unlink(place.path), 0);
    make_stale(place.path);
    net_close(net);
    assert_int_equal(stat(place.path, &st), 0);
    assert_int_equal(unlink(place.path), 0);
    snprintf(folder, sizeof folder, "%s/a/b", place.folder);
    assert_int_equal(rmdir(folder), 0);
    snprintf(folder, sizeof folder, "%s/a", place.folder);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(rmdir(place.folder), 0);
}

static void test_path_that_is_no_socket(void **state)
{
    struct place place = place_make("file");
    struct net *net = open_net();
    struct stat st;
    int fd = open(place.path, O_CREAT | O_WRONLY, 0600);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(net_listen(net, place.address, 0, place.bound, sizeof place.bound), -EEXIST);
    net_close(net);
    assert_int_equal(stat(place.path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(unlink(place.path), 0);
    assert_int_equal(rmdir(place.folder), 0);
}

static void test_tcp_addresses(void **state)
{
    struct net *net = open_net();
    char bound[300], again[300];
    (void)state;
    assert_int_equal(net_listen(net, "tcp:127.0.0.1:0", 0, bound, sizeof bound), 0);
    assert_memory_equal(bound, "tcp:127.0.0.1:", 14);
    assert_true(atoi(bound + 14) > 0);
    assert_int_equal(net_listen(net, bound, 1, again, sizeof again), -EADDRINUSE);
    assert_int_equal(net_listen(net, "tls:127.0.0.1:0", 1, again, sizeof again), -ENOKEY);
    assert_int_equal(net_listen(net, "udp:127.0.0.1:0", 1, again, sizeof again), -EINVAL);
    assert_int_equal(net_listen(net, "tcp:192.0.2.1:0", 1, again, sizeof again), -EADDRNOTAVAIL);
    net_close(net);
}

static void test_tcp_ipv6(void **state)
{
    struct net *net = open_net();
    char bound[300];
    int err = net_listen(net, "tcp:[::1]:0", 0, bound, sizeof bound);
    (void)state;
    if (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL) {
        net_close(net);
        skip(); /* this machine has no IPv6 */
    }
    assert_int_equal(err, 0);
    assert_memory_equal(bound, "tcp:[::1]:", 10);
    assert_true(atoi(bound + 10) > 0);
    net_close(net);
}

static int option_of_first;
static struct {
    int level, name;
} option_wanted;

static void call_option(struct fixture *fixture)
{
    socklen_t len = sizeof option_of_first;
    getsockopt(fixture->sessions[0].conn->fd, option_wanted.level, option_wanted.name, &option_of_first, &len);
}

static int option(struct fixture *fixture, int level, int name)
{
    option_wanted.level = level;
    option_wanted.name = name;
    option_of_first = -1;
    fixture_call(fixture, call_option);
    return option_of_first;
}

static void test_accepted_sockets_have_the_options(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fd = client_open_tcp(fixture);
    (void)state;
    client_ping(fd, 1);
    client_expect(fd, 1);
    assert_true(option(fixture, IPPROTO_TCP, TCP_NODELAY) > 0);
    assert_true(option(fixture, SOL_SOCKET, SO_KEEPALIVE) > 0);
    assert_int_equal(option(fixture, IPPROTO_TCP, TCP_USER_TIMEOUT), 60000);
    close(fd);
    fixture_close(fixture);
}

static void test_peer(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int a = client_open(fixture), b;
    (void)state;
    client_ping(a, 1);
    client_expect(a, 1);
    b = client_open_tcp(fixture);
    client_ping(b, 1);
    client_expect(b, 1);
    assert_int_equal(fixture->sessions[0].peer.transport, NET_UNIX);
    assert_int_equal(fixture->sessions[0].peer.uid, getuid());
    assert_int_equal(fixture->sessions[0].peer.gid, getgid());
    assert_int_equal(fixture->sessions[0].peer.groups[0], getgid());
    assert_int_equal(fixture->sessions[0].peer.group_count, 1 + getgroups(0, NULL));
    assert_int_equal(fixture->sessions[0].peer.listener, 0);
    assert_int_equal(fixture->sessions[1].peer.transport, NET_TCP);
    assert_int_equal(fixture->sessions[1].peer.listener, 1);
    assert_memory_equal(fixture->sessions[1].peer.address, "tcp:127.0.0.1:", 14);
    close(a);
    close(b);
    fixture_close(fixture);
}

static void test_refused_by_the_handler(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fd;
    (void)state;
    FIXTURE_SET(fixture, refuse, true);
    fd = client_open(fixture);
    assert_true(client_at_end(fd));
    fixture_wait(fixture, "open", 0);
    assert_int_equal(fixture->closed_count, 0); /* there was no session to close */
    close(fd);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_path_that_is_no_socket),
        cmocka_unit_test(test_tcp_addresses),
        cmocka_unit_test(test_tcp_ipv6),
        cmocka_unit_test(test_accepted_sockets_have_the_options),
        cmocka_unit_test(test_peer),
        cmocka_unit_test(test_refused_by_the_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
