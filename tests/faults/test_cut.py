"""F19: the connection is cut at each byte of an exchange, on the way there and on the way back: reset, closed, or only the sending side
shut down. A command of which a byte is missing does nothing; one that came whole is done once, and whoever sends it again gets the
first answer.

    test_cut.py [--step N] [--seed S] [--plant forget-ops]

--step 1 takes every byte, N one in N (first and last always). The suite is the proxy: it lets through so many bytes and then cuts.
"""
import socket
import struct
import sys

from common import DEADLINE, Planted, closing, require, suite, world
from deadlines import Reader
from harness import HANGZHOU, KIND, NINGBO, WENZHOU, request

import msgpack

REGION = "zhejiang"


class Kinds:
    """Twenty kinds of messages; each gives (method, params) of a new command that will be taken."""

    def __init__(self, client):
        self.client, self.count = client, 0
        client.call("stock.receive", city=NINGBO, kind=KIND, lot="much", quantity=10**9)
        client.call("kind.put", code="gen", name="gen", unit="1", **{"class": "equipment"})
        self.mode = "normal"

    def name(self):
        self.count += 1
        return "n%06d" % self.count

    def leg(self, state):
        """The id of a leg in that state."""
        call, name = self.client.call, self.name()
        call("agreement.put", id="pact", donor=NINGBO, requester=HANGZHOU, commit="ask" if state == "asked" else "auto")
        call("request.submit", id=name, city=HANGZHOU, kind=KIND, quantity=3)
        if state == "in_transit":
            call("dispatch.depart", id=name + "/1")
        return name + "/1"

    def request(self):
        name = self.name()
        self.client.call("request.submit", id=name, city=WENZHOU, kind="4030102", quantity=5)
        return name

    def made(self, method, **params):
        self.client.call(method, params)
        return params

    def all(self):
        name, leg = self.name, self.leg
        stock = lambda **more: {"city": NINGBO, "kind": KIND, "quantity": 2, **more}
        return {
            "region.put": lambda: {"id": name(), "name": "r"},
            "city.put": lambda: {"code": name(), "name": "c", "region": REGION, "lat": 1, "lon": 2},
            "city.mode": self.next_mode,
            "link.put": lambda: {"from": HANGZHOU, "to": WENZHOU, "minutes": 100 + self.count % 9},
            "kind.put": lambda: {"code": name(), "name": "k", "class": "supply", "unit": "1"},
            "stock.receive": lambda: stock(lot="x"),
            "stock.issue": lambda: stock(reason="own use"),
            "stock.writeoff": lambda: stock(lot="much", reason="lost"),
            "stock.floor": lambda: {"city": NINGBO, "kind": KIND, "floor": 5 + self.count % 7},
            "asset.put": lambda: {"id": name(), "kind": "gen", "city": NINGBO},
            "incident.open": lambda: {"id": name(), "category": "natural", "level": 1, "origin": HANGZHOU},
            "agreement.put": lambda: {"id": name(), "donor": WENZHOU, "requester": HANGZHOU, "commit": "auto"},
            "request.submit": lambda: {"id": name(), "city": HANGZHOU, "kind": KIND, "quantity": 1},
            "request.amend": lambda: {"id": self.request(), "quantity": 7},
            "request.cancel": lambda: {"id": self.request(), "reason": "no longer"},
            "dispatch.accept": lambda: {"id": leg("asked")},
            "dispatch.decline": lambda: {"id": leg("asked"), "reason": "no"},
            "dispatch.depart": lambda: {"id": leg("committed")},
            "dispatch.receive": lambda: {"id": leg("in_transit"), "accepted": 3},
            "dispatch.lost": lambda: {"id": leg("in_transit"), "reason": "river"},
        }

    def next_mode(self):
        self.mode = "normal" if self.mode == "emergency" else "emergency"
        return {"code": WENZHOU, "mode": self.mode, "reason": "r"}


class Cuts:
    def __init__(self, daemon, client):
        self.daemon, self.client = daemon, client
        self.cuts = self.done = self.undone = 0

    def connect(self):
        one = socket.create_connection(self.daemon.tcp(), DEADLINE)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return one

    def end(self, one, how):
        """reset: both ways at once; close: in order; half: only what is sent ends, and what comes is read to its end."""
        self.cuts += 1
        got = b""
        if how == "reset":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how == "half":
            one.shutdown(socket.SHUT_WR)
            while True:
                data = one.recv(65536)
                if not data:
                    break
                got += data
        one.close()
        return got

    def again(self, frame):
        """The answer to the same bytes on a connection that works: (bytes, message)."""
        with self.connect() as one:
            one.sendall(frame)
            raw, unpacker = b"", msgpack.Unpacker(raw=False)
            while True:
                data = one.recv(65536)
                require(data, "no answer on a connection that works")
                raw += data
                unpacker.feed(data)
                message = next(unpacker, None)
                if message is not None:
                    return raw, message

    def head(self):
        return self.client.call("log.head")

    def there(self, method, make, how, at):
        """Cut after `at` bytes of the request: nothing is done."""
        params = {**make(), "op": "op%07d" % self.cuts}
        frame = request(77, method, params)
        before = self.head()
        one = self.connect()
        one.sendall(frame[:at])
        require(self.end(one, how) == b"", "half a %s was answered" % method)
        require(self.head() == before, "half a %s was done, cut at" % method, at)
        self.undone += 1
        return frame

    def back(self, method, make, how, at):
        """The request is whole, cut after `at` bytes of the answer: it is done once, and said again as it was."""
        params = {**make(), "op": "op%07d" % self.cuts}
        frame = request(77, method, params)
        before = self.head()["seq"]
        one = self.connect()
        one.sendall(frame)
        got, unpacker = b"", msgpack.Unpacker(raw=False)
        while len(got) < at:
            data = one.recv(at - len(got))
            got += data
            unpacker.feed(data)
            if not data or next(unpacker, None) is not None:
                break  # this answer is shorter than the one that was measured
        got += self.end(one, how)
        raw, message = self.again(frame)
        require(message[:2] == [1, 77] and message[2] is None, "%s sent again was answered with" % method, message)
        require(raw[:len(got)] == got, "sent again, %s was answered with other bytes" % method)
        require(how != "half" or got == raw, "the sending side was shut down, and the answer to %s was cut" % method)
        require(message[3]["seq"] == before + 1, "%s was not done once:" % method, before, message[3]["seq"])
        require(self.again(frame)[0] == raw, "the third answer to %s differs" % method)
        require(self.head()["seq"] == before + 1, "%s was done twice" % method)
        self.done += 1
        return raw


def places(length, step, offset):
    return sorted({0, length - 1, *range(offset % step, length, step)}) if step > 1 else range(length)


def run(options):
    with closing(Planted(options.plant)) as daemon:
        daemon.start()
        with daemon.client() as client:
            world(client)
            kinds, cuts = Kinds(client), Cuts(daemon, client)
            table = kinds.all()
            for n, (method, make) in enumerate(table.items()):
                length, answer = 1, 1
                made = make()
                fixed = lambda: dict(made)  # half a command uses nothing up
                length = len(request(77, method, {**made, "op": "op0000000"}))
                for how in ("reset", "close", "half"):
                    for at in places(length, options.step, n):
                        cuts.there(method, fixed, how, at)
                answer = len(cuts.back(method, fixed, "half", 0))
                for how in ("reset", "close", "half"):
                    for at in places(answer + 1, options.step * options.back, n):
                        cuts.back(method, make, how, at)
            Reader().read(client)
        daemon.end()
    return "F19 kinds=%d cuts=%d before_the_end=%d whole=%d doubles=0" % (len(table), cuts.cuts, cuts.undone, cuts.done)


def arguments(parser):
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--back", type=int, default=1, help="one in so many times the step of the bytes of answers")


if __name__ == "__main__":
    sys.exit(suite("F19", arguments, run))
