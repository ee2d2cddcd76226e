"""What was sent to the daemon and what it said: invoked, acknowledged or unknown. And the load that fills it.

An operation is one frame of bytes. Repeating it sends the same bytes, message id included, so an answer to a repetition can be
compared byte for byte with the first. The journal lives in the memory of the test, which the kill does not touch.
"""
import collections
import hashlib
import os
import selectors
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import msgpack  # noqa: E402
from harness import DEADLINE, HANGZHOU, KIND, NINGBO, SUBSTITUTE, WENZHOU, request  # noqa: E402

CITIES = HANGZHOU, NINGBO, WENZHOU
NOT_NOW = "BUSY", "READ_ONLY", "DISK_FULL"  # the machine's answers: the command may be sent again
ALTERNATIVES = 4  # lots of a city and kind: answers of stock.receive stay short


class Broken(Exception):
    """The daemon broke a promise."""


class Unfit(Exception):
    """The suite did not come to what it looks at: nothing is said of the daemon, and a control has found nothing."""


def require(holds, text, *details):
    if not holds:
        raise Broken(_sentence(text, details))


def presume(holds, text, *details):
    """What must be so before the daemon's promise is looked at."""
    if not holds:
        raise Unfit(_sentence(text, details))


def _sentence(text, details):
    return " ".join([text] + [repr(detail) for detail in details])


class Op:
    """A changing command with an id of its own. `digest` stands for the bytes of its first answer; None: no answer came."""

    __slots__ = "msgid", "method", "params", "key", "frame", "digest", "seq", "covered", "cancelled"

    def __init__(self, msgid, method, params, key):
        self.msgid, self.method, self.params, self.key = msgid, method, params, key
        self.frame = request(msgid, method, params)
        self.digest = self.seq = self.covered = None
        self.cancelled = False  # somebody was sent to cancel this request

    def acknowledged(self):
        return self.digest is not None

    def answered(self, raw, message):
        """Takes an answer; False when the machine could not take the command now."""
        require(message[:2] == [1, self.msgid], "an answer out of order:", message[:2], self.msgid)
        if message[2] is not None:
            if message[2]["code"] in NOT_NOW:
                return False
            raise Broken("%s %r was refused: %r" % (self.method, self.params, message[2]))
        digest = hashlib.blake2b(raw, digest_size=16).digest()
        if self.acknowledged():
            require(digest == self.digest, "a repetition was answered with other bytes:", self.method, self.params, message[3])
            return True
        self.digest, self.seq = digest, message[3]["seq"]
        if self.method == "request.submit":
            require(message[3]["quantity"] == self.params["quantity"], "another quantity was acknowledged:", message[3])
            self.covered = message[3]["covered"]
        return True


class Journal:
    def __init__(self, rng, source=None):
        self.rng = rng
        self.source = source  # of everything received; a long one makes a long log
        self.ops = {}        # key -> Op: everything that was ever sent
        self.requests = []   # acknowledged requests that nobody cancels
        self.unknown = {}    # key -> Op: sent, and the daemon ended before it answered
        self.repeatable = [] # acknowledged operations
        self.count = self.not_now = 0
        self.cancels_done = set()  # requests whose cancel is in the log

    def _new(self, method, params, kind, name):
        self.count += 1
        op = Op(self.count, method, params, (kind, name))
        self.ops[op.key] = op
        return op

    def submit(self):
        # One kind is received as fast as it is asked for, of the other there is never enough: open requests, wakes.
        name = "r%07d" % (self.count + 1)
        kind = KIND if self.rng.random() < 0.97 else SUBSTITUTE
        return self._new("request.submit", {"id": name, "city": self.rng.choice(CITIES), "kind": kind,
                                            "quantity": self.rng.randint(1, 20)}, "request", name)

    def receive(self):
        name = "s%07d" % (self.count + 1)
        kind = KIND if self.rng.random() < 0.97 else SUBSTITUTE
        return self._new("stock.receive", {"city": self.rng.choice(CITIES), "kind": kind, "op": name,
                                           "lot": "lot%d" % self.rng.randrange(ALTERNATIVES),
                                           "quantity": self.rng.randint(1, 130), "source": self.source}, "op", name)

    def cancel(self):
        target = self.requests.pop(self.rng.randrange(len(self.requests)))
        target.cancelled = True
        name = "c%07d" % (self.count + 1)
        return self._new("request.cancel", {"id": target.params["id"], "reason": "no longer needed", "op": name}, "op", name)

    def next(self):
        """What a client sends next: mostly new, now and then something again."""
        dice = self.rng.random()
        if dice < 0.04 and self.unknown:
            return self.rng.choice(list(self.unknown.values()))
        if dice < 0.08 and self.repeatable:
            return self.rng.choice(self.repeatable)
        if dice < 0.12 and self.requests:
            return self.cancel()
        return self.receive() if dice < 0.28 else self.submit()

    def take(self, op, raw, message):
        first = not op.acknowledged()
        if not op.answered(raw, message):
            self.not_now += 1
            if first:
                self.unknown[op.key] = op
            return
        self.unknown.pop(op.key, None)
        if first:
            self.repeatable.append(op)
            if op.method == "request.submit":
                self.requests.append(op)

    def acknowledged(self):
        return [op for op in self.ops.values() if op.acknowledged()]


class Connection:
    def __init__(self, path, depth):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.depth = depth
        self.waiting = collections.deque()
        self.out = b""
        self.unpacker = msgpack.Unpacker(raw=False, max_buffer_size=16 << 20)
        self.raw, self.base = b"", 0
        self.ended = False

    def push(self, op):
        self.waiting.append(op)
        self.out += op.frame

    def flush(self):
        try:
            while self.out:
                self.out = self.out[self.socket.send(self.out):]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self.out = b""  # what came before the end is still to be read

    def read(self):
        """(op, bytes, message) of each answer that is there."""
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self.ended = True
            return
        self.raw += data
        self.unpacker.feed(data)
        while True:
            try:
                message = self.unpacker.unpack()
            except msgpack.OutOfData:
                return
            end = self.unpacker.tell()
            raw, self.raw, self.base = self.raw[:end - self.base], self.raw[end - self.base:], end
            require(self.waiting, "an answer that nobody waits for:", message)
            yield self.waiting.popleft(), raw, message


class Load:
    """Many connections, each with up to `depth` unanswered operations."""

    def __init__(self, journal, path, connections, depth):
        self.journal, self.rng = journal, journal.rng
        self.answers = 0
        self.silence = 0.0  # seconds: the longest that nothing at all happened
        self.selector = selectors.DefaultSelector()
        self.connections = [Connection(path, self.rng.randint(1, depth)) for _ in range(connections)]
        for connection in self.connections:
            self.selector.register(connection.socket, selectors.EVENT_READ, connection)

    def _fill(self, connection):
        while len(connection.waiting) < connection.depth:
            op = self.journal.next()
            connection.push(op)
            if self.rng.random() < 0.02:  # the same at the same time on another connection
                other = self.rng.choice(self.connections)
                if not other.ended:
                    other.push(op)
                    other.flush()
        connection.flush()

    def _round(self, deadline, more):
        require(time.monotonic() < deadline, "no answer within %d s" % DEADLINE)
        began = time.monotonic()
        ready = self.selector.select(DEADLINE)
        self.silence = max(self.silence, time.monotonic() - began)
        for key, _ in ready:
            connection = key.data
            for op, raw, message in connection.read():
                self.journal.take(op, raw, message)
                self.answers += 1
            if connection.ended:
                self.selector.unregister(connection.socket)
                connection.socket.close()
            elif more:
                self._fill(connection)
            elif connection.out:
                connection.flush()

    def run(self, answers):
        """Until that many answers came, or the daemon ended."""
        deadline = time.monotonic() + DEADLINE
        for connection in self.connections:
            self._fill(connection)
        while self.answers < answers and self.selector.get_map():
            self._round(deadline, True)

    def finish(self):
        """The daemon goes on: waits for what is unanswered, sends nothing new."""
        deadline = time.monotonic() + DEADLINE
        while any(connection.waiting for connection in self.connections):
            self._round(deadline, False)
        for connection in self.connections:
            connection.socket.close()
        self.selector.close()

    def drain(self):
        """The daemon is ending: what it still said counts. What is then unanswered is unknown; returns how many."""
        deadline = time.monotonic() + DEADLINE
        while self.selector.get_map():
            self._round(deadline, False)
        before = len(self.journal.unknown)
        for connection in self.connections:
            for op in connection.waiting:
                if not op.acknowledged():
                    self.journal.unknown[op.key] = op
        self.selector.close()
        return len(self.journal.unknown) - before
