"""F18: a bad network: packets are lost at random, the rate is limited, everything comes late. All goes on over the same connections:
nothing is closed and nothing refused, there is only less of it.

    test_loss.py [--answers N] [--settings NAME,...] [--seed S] [--plant hasty-frames]

In a network namespace of its own; the delay is made by a proxy of ours, since not every kernel has netem.
"""
import heapq
import selectors
import socket
import sys
import threading
import time

from common import Crowd, Filter, Planted, closing, own_network, percentile, require, suite, tool, world
from harness import HANGZHOU, request


class Delay(threading.Thread):
    """Forwards bytes both ways, each so many seconds late; ends of streams too."""

    def __init__(self, to, seconds):
        super().__init__(daemon=True)
        self.to, self.seconds = to, seconds
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.late, self.count, self.over = [], 0, False
        self.address = self.listener.getsockname()

    def put(self, to, data):
        self.count += 1
        heapq.heappush(self.late, (time.monotonic() + self.seconds, self.count, to, data))

    def take(self, one):
        if one is self.listener:
            near = self.listener.accept()[0]
            far = socket.create_connection(self.to)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(near, selectors.EVENT_READ, far)
            self.selector.register(far, selectors.EVENT_READ, near)
            return
        to = self.selector.get_key(one).data
        try:
            data = one.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.put(to, data)
        if not data:
            self.selector.unregister(one)

    def run(self):
        while not self.over:
            until = self.late[0][0] - time.monotonic() if self.late else 0.1
            for key, _ in self.selector.select(max(0, min(until, 0.1))):
                self.take(key.fileobj)
            while self.late and self.late[0][0] <= time.monotonic():
                _, _, to, data = heapq.heappop(self.late)
                try:
                    to.sendall(data) if data else to.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # that end is gone

    def close(self):
        self.over = True
        self.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


def large(address, count):
    """Frames of 60 KB, with answers that name what is missing."""
    affected = ["x%05d" % n for n in range(9000)]
    frame = request(9, "incident.open", {"id": "i", "category": "natural", "level": 1, "origin": "nowhere", "affected": affected})
    import msgpack
    with socket.create_connection(address, 60) as one:
        for _ in range(count):
            one.sendall(frame)
            unpacker = msgpack.Unpacker()
            while True:
                data = one.recv(65536)
                require(data, "a connection that sends slowly was closed")
                unpacker.feed(data)
                answer = next(unpacker, None)
                if answer:
                    break
            require(answer[2]["code"] == "NOT_FOUND", "a large frame was answered with", answer[2])


SETTINGS = {"none": None, "loss1": 1, "loss5": 5, "loss10": 10, "loss30": 30, "rate64k": "64kbit", "rate1m": "1mbit", "delay20": 0.02, "delay200": 0.2}


def one_setting(options, daemon, client, name):
    how, port, delay, filter_ = SETTINGS[name], daemon.tcp()[1], None, options.filter
    address = daemon.tcp()
    clients, count, frames = 8, options.answers, 3
    if name.startswith("loss"):
        filter_.rule("tcp dport %d numgen random mod 100 < %d drop" % (port, how))
        filter_.rule("tcp sport %d numgen random mod 100 < %d drop" % (port, how))
        frames = 1
    elif name.startswith("rate"):
        tool("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", how, "burst", "5kb", "latency", "2000ms")
        frames = 1
    elif name.startswith("delay"):
        delay = Delay(address, how)
        delay.start()
        address = delay.address
    began = time.monotonic()
    try:
        with Crowd(options.rng, address, clients, None) as crowd:
            large(address, frames)
            crowd.wait(lambda: sum(crowd.answered()) >= count, "so many answers")
            took = time.monotonic() - began
    finally:
        filter_.clear()
        tool("tc", "qdisc", "del", "dev", "lo", "root", must=False)
    if delay:
        delay.close()
    for one in crowd.clients:
        require(not one.failed, "over %s a client failed:" % name, one.failed)
    times = crowd.times()
    return "%s: %.0f/s p50=%.1f p99=%.0f" % (name, len(times) / took, 1000 * percentile(times, 0.5), 1000 * percentile(times, 0.99))


def run(options):
    own_network()
    options.filter = Filter()
    figures = []
    for name in options.settings.split(","):
        with closing(Planted(options.plant)) as daemon:  # one each: a log of one crowd
            daemon.start()
            with daemon.client() as client:
                world(client)
                figures.append(one_setting(options, daemon, client, name))
            daemon.end()
    return "F18 answers/s and ms: " + "; ".join(figures)


def arguments(parser):
    parser.add_argument("--answers", type=int, default=2000)
    parser.add_argument("--settings", default=",".join(SETTINGS))


if __name__ == "__main__":
    sys.exit(suite("F18", arguments, run))
