"""F16: descriptors run out. The daemon is left 64 of them while it runs, and 500 peers come: those that are there are served as
before, accepting rests instead of spinning, the operator gets in by the unix socket; what needs a file meanwhile may be refused, and
when the crowd is gone everything is as it was. A daemon that is started with few takes no more connections than it has room for.

    test_descriptors.py [--connects N] [--pings N] [--seed S] [--plant no-backoff]
"""
import contextlib
import os
import resource
import socket
import sys
import time

from common import Broken, Planted, closing, percentile, presume, require, suite, world
from harness import Refused

LIMIT = 64


STARTED_WITH = 160


def few():
    resource.setrlimit(resource.RLIMIT_NOFILE, (STARTED_WITH, STARTED_WITH))


def cpu_seconds(daemon):
    with open("/proc/%d/stat" % daemon.process.pid) as stat:
        words = stat.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / 100


def pings(clients, count):
    """Round trips of each in turn, in seconds."""
    times = []
    for n in range(count):
        client = clients[n % len(clients)]
        began = time.monotonic()
        require(client.call("server.ping") == {}, "a connection that was there is not served")
        times.append(time.monotonic() - began)
    return times


def counters(client):
    return {row["name"]: row["value"] for row in client.call("server.stats")["counters"]}


def flood(daemon, count):
    crowd = []
    for _ in range(count):
        one = socket.socket()
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            one.connect(daemon.tcp())
        crowd.append(one)
    return crowd


def started_with_few(options):
    """The bound on connections follows the limit, so no accept fails and the daemon's own files open."""
    with closing(Planted(before_exec=few)) as daemon:
        daemon.start()
        with daemon.client() as client, daemon.client("tcp") as there:
            world(client)
            crowd = flood(daemon, options.connects)
            for n in range(50):
                client.call("stock.receive", city="330100", kind="4030101", lot="x", quantity=1)
                require(there.call("server.ping") == {}, "a connection that was there is not served")
            require(client.dump().end["records"] > 0, "no dump")
            open_now = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
            require(open_now <= STARTED_WITH - 16, "descriptors are used up to the last but", STARTED_WITH - open_now)
            for one in crowd:
                one.close()
        daemon.end()


def accepted(client, daemon, deadline=30):
    """The first change that is taken after the crowd: refusals before it must say that they are for the moment."""
    until = time.monotonic() + deadline
    while time.monotonic() < until:
        try:
            return client.call("stock.receive", city="330100", kind="4030101", lot="x", quantity=1, op="after")
        except Refused as refused:
            require(refused.code in ("BUSY", "DISK_FULL"), "refused with", refused.error)
    raise Broken("changes are not taken again after %d s" % deadline)


def run(options):
    if not options.plant:
        started_with_few(options)
    with closing(Planted(options.plant)) as daemon:
        daemon.start()
        with daemon.client() as client:
            world(client)
        there = [daemon.client("tcp") for _ in range(8)]
        pings(there, 200)
        idle = pings(there, options.pings)
        hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (LIMIT, hard))
        before, began, cpu = counters(there[0]), time.monotonic(), cpu_seconds(daemon)
        crowd = flood(daemon, options.connects)
        try:
            under = pings(there, options.pings)
            while time.monotonic() - began < options.seconds:  # errors are counted over a time, pings fill it
                under += pings(there, 100)
            took = time.monotonic() - began
            after = counters(there[0])
            burnt = (cpu_seconds(daemon) - cpu) / took
            errors = (after["connections_refused"] - before["connections_refused"]) / took
            presume(after["connections_refused"] > before["connections_refused"], "descriptors did not run out:", after)
            require(errors <= 10, "errors of accepting a second:", errors)
            with daemon.client() as operator:
                require(operator.call("server.info")["cities"] == 3, "the operator is not served")
        finally:
            for one in crowd:
                one.close()
        accepted(there[0], daemon)
        with daemon.client("tcp") as late:
            require(late.call("server.ping") == {}, "when the crowd is gone nobody is taken")
        for client in there:
            client.close()
        daemon.end()
    return ("F16 descriptors=%d connects=%d accept_errors_per_s=%.1f cpu=%.2f idle_ms p50=%.2f p99=%.2f under_ms p50=%.2f p99=%.2f"
            % (LIMIT, options.connects, errors, burnt, *(1000 * percentile(times, share) for times in (idle, under) for share in (0.5, 0.99))))


def arguments(parser):
    parser.add_argument("--connects", type=int, default=500)
    parser.add_argument("--pings", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=2)


if __name__ == "__main__":
    sys.exit(suite("F16", arguments, run))
