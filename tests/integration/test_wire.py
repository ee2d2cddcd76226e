"""Bad input on the wire. Whatever comes: the answer that the contract names, no change of state, everybody else served. All of it
over unix socket, TCP and TLS: an answer must have the keys of the contract and no others, and be the same bytes over all three.

The rows of the bad-input matrix, and where they are. Where the matrix and the contract differ the contract stands.
B1 to B25, B27, B28, B31, B35 here, in `Rows`, three times; deadlines of B28, B29 and B31, and the memory of B6, in test_hostile.py.
B26 batches and B37 signed commands have no method. B29, B30 floods: test_limits.py, tests/faults/test_memory.py, tests/bench/hostile.
B31 a peer whose network is gone: tests/faults/test_partition.py. B32 to B34 TLS: test_tls.py. B36 crafted files: test_crafted.py,
test_tls.py for certificates, tests/evidence for proofs and dumps.
B13: a notification is ignored, not counted against the peer. B14: msgids in flight are not looked at. B21: ids are 1 to 64 of
[A-Za-z0-9._:-], whatever they spell. B5, B29: a frame has 30 s once somebody is identified, 10 s before.
"""
import random
import socket
import struct
import threading
import unittest

import msgpack

from harness import Case, KIND, HANGZHOU, NINGBO, SUBSTITUTE, WENZHOU, request, world
from pki import Pki

MIB = 1 << 20


def nested(depth):
    """Params with `depth` containers below the outer array of the message."""
    return b"\x91" * (depth - 1) + b"\x90"


def message(params, msgid=5, method="city.get"):
    """A request whose params array holds these bytes."""
    return b"\x94\x00" + msgpack.packb(msgid) + msgpack.packb(method) + b"\x91" + params


class Rows:
    """The rows; a class below says over what."""

    over = None
    step = 1   # of the rows that cut a message at each byte
    said = {}  # (what was sent, its place) -> bytes of the answer, whatever it came over

    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)
            client.call("request.submit", id="leg", city=HANGZHOU, kind=KIND, quantity=5)

    def open(self, leaf="donor"):
        """A connection over the class's transport; for TLS with that certificate."""
        return self.daemon.client(self.over)

    def client(self, leaf="donor"):
        client = self.open(leaf)
        self.addCleanup(client.close)
        return client

    def caller(self):
        """Whoever has the right to each call."""
        return self.client()

    def answer_bytes(self, client, count=1):
        """So many messages as bytes, and as what they say; nothing more may be behind them."""
        raw, unpacker, messages = b"", msgpack.Unpacker(raw=False), []
        while len(messages) < count:
            data = client.socket.recv(1 << 16)
            if not data:
                return raw, messages
            raw += data
            unpacker.feed(data)
            messages += list(unpacker)
        self.assertEqual(b"".join(msgpack.packb(message) for message in messages), raw, "not in the shortest form, or more than that")
        return raw, messages

    def pusher(self, client):
        """push(data) sends without waiting; raises BlockingIOError when nothing can leave. Returns the bytes that left."""
        client.socket.setblocking(False)
        return client.socket.send

    def exactly(self, data, raw, message, msgid, code, field, more):
        """The whole answer: its shape, its keys, and the same bytes as over the other transports."""
        self.assertEqual(message[:2] + message[3:], [1, msgid, None])
        self.assertRefused(message[2], code, field, **more)
        allowed = {"code", "message"} | ({"field"} if message[2].get("field") is not None else set()) | set(more)
        if code == "NOT_FOUND":
            allowed |= {"field", "id"}
        self.assertEqual(set(message[2]), allowed, message)
        self.assertEqual(raw, self.said.setdefault((self.id().rpartition(".")[2], data), raw), "another answer than elsewhere")

    def closes_with(self, data, code, before=0):
        """These bytes are answered by one error with msgid 0, and the connection ends."""
        client = self.client()
        client.send(data)
        raw, messages = self.answer_bytes(client, before + 1)
        self.assertEqual(len(messages), before + 1, data[:40])
        for message in messages[:before]:
            self.assertIsNone(message[2])
        self.exactly(data, raw, messages[-1], 0, code, None, {})
        self.assertIsNone(client.message())

    def stays_with(self, data, code, field=None, msgid=5, leaf="donor", **more):
        """These bytes are answered by an error with their msgid, and the connection goes on."""
        client = self.client(leaf)
        client.send(data)
        raw, messages = self.answer_bytes(client)
        self.assertTrue(messages, data[:60])
        self.exactly(data, raw, messages[0], msgid, code, field, more)
        self.assertEqual(client.call("server.ping"), {})
        return messages[0][2]

    # ---- bytes ----

    def test_b1_random_bytes(self):
        seeded = random.Random(1)
        with self.unchanged() as other:
            for _ in range(200):
                client = self.client()
                try:
                    client.send(seeded.randbytes(seeded.randrange(1, 400)))
                    client.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    pass # the daemon was faster
                answer = client.answer()
                if answer is not None:
                    self.assertEqual(answer[1], 0)
                    self.assertIn(answer[2]["code"], ("BAD_FRAME", "FRAME_TOO_LARGE"))
                    self.assertIsNone(client.answer())
                client.close()
                self.assertEqual(other.call("server.ping"), {})

    def test_b2_never_used_byte(self):
        with self.unchanged():
            self.closes_with(b"\xc1", "BAD_FRAME")
            self.closes_with(request(1, "server.ping") + b"\xc1", "BAD_FRAME", before=1)
            self.closes_with(message(b"\x81\xa4code\xc1"), "BAD_FRAME")

    VALID = [("server.ping", None), ("server.hello", {"client": "t"}), ("city.get", {"code": NINGBO}),
             ("stock.list", {"city": NINGBO, "limit": 5}), ("kind.get", {"code": KIND}),
             ("match.preview", {"city": HANGZHOU, "kind": KIND, "quantity": 3, "explain": True})]
    CHANGE = ("request.submit", {"id": "cut", "city": HANGZHOU, "kind": KIND, "quantity": 7, "substitutes": False})

    def test_b3_cut_at_each_byte(self):
        with self.unchanged():
            for method, params in self.VALID + [self.CHANGE]:
                data = request(9, method, params)
                for cut in range(0, len(data), self.step):
                    with self.open() as client:
                        client.send(data[:cut])
                        client.socket.shutdown(socket.SHUT_WR)
                        self.assertIsNone(client.message(), (method, cut))

    def test_b4_split_at_each_byte(self):
        barrier = self.client()
        client = self.client()
        for method, params in self.VALID:
            data = request(9, method, params)
            whole = client.raw_call(data)
            for cut in range(1, len(data), self.step):
                client.send(data[:cut])
                barrier.call("server.ping")  # the first piece has been looked at
                self.assertEqual(client.raw_call(data[cut:]), whole, (method, cut))
            for byte in data[:-1]:
                client.send(bytes([byte]))
            self.assertEqual(client.raw_call(data[-1:]), whole, method)

    def test_b5_long_frame_bytewise(self):
        affected = ["x%05d" % n for n in range(9000)]
        data = request(9, "incident.open", {"id": "i", "category": "natural", "level": 1, "origin": "nowhere", "affected": affected})
        self.assertGreater(len(data), 60000)
        client = self.client("coordinator")
        with self.unchanged():
            for byte in data:
                client.send(bytes([byte]))
            answer = client.answer()
            self.assertEqual(answer[1], 9)
            self.assertRefused(answer[2], "NOT_FOUND", "origin", id="nowhere")

    # ---- sizes ----

    def test_b6_to_b8_headers_that_can_not_fit(self):
        headers = [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff",
                   b"\xc9\xff\xff\xff\xff", b"\xdd\x7f\xff\xff\xff", b"\xdb" + struct.pack(">I", 1 << 21)]
        before = self.daemon.rss()
        with self.unchanged():
            for header in headers:
                self.closes_with(header, "FRAME_TOO_LARGE")
                self.closes_with(message(header), "FRAME_TOO_LARGE")
            self.closes_with(b"\xdc\xff\xff" * 400, "FRAME_TOO_LARGE")
            self.closes_with(message(b"\xdc\xff\xff" * 400), "FRAME_TOO_LARGE")
        self.assertLess(self.daemon.rss() - before, 8 * MIB)

    def test_frame_limit(self):
        with self.unchanged():
            text = msgpack.packb("a" * 4000)
            big = message(b"\x81\xa4code\xdc" + struct.pack(">H", 255) + text * 255)
            self.assertLess(len(big), MIB)
            self.stays_with(big, "BAD_PARAMS", "code")
            too_big = message(b"\x81\xa4code\xdc" + struct.pack(">H", 300) + text * 300)
            self.assertGreater(len(too_big), MIB)
            client = self.client()
            try:
                client.send(too_big)
            except OSError:
                pass # closed while we were sending
            answer = client.answer()
            if answer is not None:
                self.assertEqual(answer[:2], [1, 0])
                self.assertRefused(answer[2], "FRAME_TOO_LARGE")
                self.assertIsNone(client.message())

    def test_b9_nesting(self):
        with self.unchanged():
            for depth in (15, 17, 33, 1000, 100000):
                client = self.client()
                client.send(message(nested(depth)))
                answer = client.answer()
                if answer[1] == 5:
                    self.assertRefused(answer[2], "BAD_PARAMS")
                    self.assertEqual(client.call("server.ping"), {})
                else:
                    self.assertGreater(depth, 16)
                    self.assertRefused(answer[2], "BAD_FRAME")
            self.stays_with(message(b"\x81\xa4code" + nested(13)), "BAD_PARAMS", "code")
            self.stays_with(message(b"\x81\xa4code" + nested(14)), "BAD_PARAMS", "code" + ".0" * 13)
            self.stays_with(message(b"\x81\xa4code" + nested(40)), "BAD_PARAMS", "code" + ".0" * 13)

    def test_elements_and_strings(self):
        with self.unchanged():
            error = self.stays_with(message(b"\x81\xa4code\xdd" + struct.pack(">I", 65537) + b"\xc0" * 65537), "BAD_PARAMS", "code")
            self.assertIn("element", error["message"])
            self.stays_with(message(b"\x81\xa4code" + msgpack.packb("a" * 4097)), "BAD_PARAMS", "code")

    def test_b10_short_bodies_and_ext(self):
        with self.unchanged():
            for start in (b"\xde\xff\x00\x01", b"\xd8\x01\x02", b"\xc7\x08\x01\x02", b"\xc8\x00\x10\x01"):
                with self.open() as client:
                    client.send(start)
                    client.socket.shutdown(socket.SHUT_WR)
                    answer = client.answer()
                    if answer is not None:
                        self.assertEqual(answer[1], 0)
            for value in (b"\xd4\x01\x00", b"\xc7\x03\x05abc", b"\xd6\xff\x00\x00\x00\x00", b"\xc4\x03abc"):
                self.stays_with(message(b"\x81\xa4code" + value), "BAD_PARAMS", "code")

    # ---- shapes of the message ----

    def test_b11_b12_not_rpc(self):
        with self.unchanged():
            for value in (None, 5, -1, True, "text", {}, {"a": 1}, [], [0], [0, 1], [0, 1, "server.ping"], [9, 1, "server.ping", []],
                          [0, 1, "server.ping", [], 1], [0, 1, "server.ping", {}], [0, 1, "server.ping", None],
                          [0, 1, 7, []], [0, 1, None, []], [0, 1, b"server.ping", []], [True, 1, "server.ping", []],
                          ["0", 1, "server.ping", []], [1, 1, None, {}], [1, 1, "server.ping", []], [3, "server.ping", []],
                          1.5, [0, 1.0, "server.ping", []]):
                with self.subTest(value=value):
                    self.closes_with(msgpack.packb(value), "BAD_FRAME")

    def test_b13_notifications_are_ignored(self):
        client = self.client()
        with self.unchanged():
            for _ in range(5):
                client.send(msgpack.packb([2, "city.mode", [{"code": NINGBO, "mode": "emergency", "reason": "r"}]]))
            client.send(msgpack.packb([2, "no.such.method", []]))
            self.assertEqual(client.call("server.ping"), {})

    def test_b14_msgid(self):
        with self.unchanged():
            for msgid in (-1, 1 << 32, (1 << 64) - 1, "1", None, [], 1.0, True):
                self.closes_with(msgpack.packb([0, msgid, "server.ping", []]), "BAD_FRAME")
            client = self.client()
            client.send(request(5, "server.ping") * 3 + request(0, "server.ping") + request((1 << 32) - 1, "server.ping"))
            self.assertEqual([client.answer() for _ in range(5)], [[1, n, None, {}] for n in (5, 5, 5, 0, (1 << 32) - 1)])

    def test_b15_methods(self):
        with self.unchanged():
            for method in ("", "x", "city.getx", "city", "city.get\0", "server.ping ", "CITY.GET", "a" * 4096, "城市.get",
                           "plan.allot", "plan.rebalance2", "time.wake", "time.expire"):
                error = self.stays_with(msgpack.packb([0, 5, method, []]), "BAD_METHOD")
                if method:
                    self.assertNotIn(method[:40], error["message"])
            self.stays_with(b"\x94\x00\x05\xa4\xff\xfe\xfd\xfc\x90", "BAD_METHOD")

    # ---- parameters ----

    def test_b16_params(self):
        get = lambda params: msgpack.packb([0, 5, "city.get", params])
        good = {"city": NINGBO, "kind": KIND, "lot": "x", "quantity": 1}
        with self.unchanged():
            for params in ([1], ["x"], [[]], [True], [{"code": NINGBO}, {}], [{"code": NINGBO}, None], [None, None]):
                self.stays_with(get(params), "BAD_PARAMS")
            for params in ([], [None], [{}], [{"code": None}]):
                self.stays_with(get(params), "BAD_PARAMS", "code")
            self.stays_with(get([{"code": NINGBO, "extra": 1}]), "BAD_PARAMS", "extra")
            self.stays_with(get([{"code": 330200}]), "BAD_PARAMS", "code")
            self.stays_with(get([{"code": [NINGBO]}]), "BAD_PARAMS", "code")
            self.stays_with(message(b"\x82\xa4code\xa1a\xa4code\xa1b"), "BAD_PARAMS", "code")
            self.stays_with(message(b"\x81\x05\xa1a"), "BAD_PARAMS")
            for key in ("city", "kind", "quantity"):
                self.stays_with(request(5, "stock.receive", {k: v for k, v in good.items() if k != key}), "BAD_PARAMS", key)
                self.stays_with(request(5, "stock.receive", {**good, key: None}), "BAD_PARAMS", key)
                self.stays_with(request(5, "stock.receive", {**good, key: {}}), "BAD_PARAMS", key)
            kind = {"code": "k", "name": "n", "class": "supply", "unit": "u"}
            for bad, field in (([{"kind": "s", "give": 0, "for": 1}], "substitutes.0.give"),
                               ([{"kind": "s", "give": 1, "for": 1}, {"kind": "s", "give": 1}], "substitutes.1.for"),
                               ([{"kind": "s", "give": 1, "for": 1, "x": 1}], "substitutes.0.x"), (["s"], "substitutes.0"),
                               ({}, "substitutes")):
                self.stays_with(request(5, "kind.put", {**kind, "substitutes": bad}), "BAD_PARAMS", field)
            self.stays_with(request(5, "city.mode", {"code": NINGBO, "mode": "panic", "reason": "r"}), "BAD_PARAMS", "mode")
            self.stays_with(request(5, "city.mode", {"code": NINGBO, "mode": 1, "reason": "r"}), "BAD_PARAMS", "mode")
            self.stays_with(request(5, "link.put", {"from": NINGBO, "to": HANGZHOU, "minutes": 5, "open": 1}), "BAD_PARAMS", "open")

    def test_b17_floats(self):
        good = {"city": NINGBO, "kind": KIND, "lot": "x"}
        with self.unchanged():
            for value in (1.0, -0.0, 0.5, float("nan"), float("inf")):
                self.stays_with(request(5, "stock.receive", {**good, "quantity": value}), "BAD_PARAMS", "quantity")
            self.stays_with(message(b"\x81\xa8quantity\xca\x3f\x80\x00\x00", method="stock.receive"), "BAD_PARAMS", "quantity")

    def test_b18_ranges(self):
        good = {"city": NINGBO, "kind": KIND, "lot": "x"}
        submit = {"id": "q", "city": HANGZHOU, "kind": KIND, "quantity": 1}
        with self.unchanged():
            for value in (0, -1, 10**15 + 1, 2**63 - 1, 2**63, 2**64 - 1, -2**63):
                self.stays_with(request(5, "stock.receive", {**good, "quantity": value}), "BAD_PARAMS", "quantity")
                self.stays_with(request(5, "request.submit", {**submit, "quantity": value}), "BAD_PARAMS", "quantity")
            for field, values in (("priority", (0, 6, -1)), ("max_level", (-1, 4)), ("min_level", (0, 5)), ("needed_by", (-1, 0, 1000))):
                for value in values:
                    self.stays_with(request(5, "request.submit", {**submit, field: value}), "BAD_PARAMS", field, leaf="requester")
            self.stays_with(request(5, "stock.issue", {"city": NINGBO, "kind": KIND, "quantity": 1, "reason": ""}), "BAD_PARAMS", "reason")
            self.stays_with(request(5, "stock.issue", {"city": NINGBO, "kind": KIND, "quantity": 1, "reason": "r" * 1025}),
                            "BAD_PARAMS", "reason")
            self.stays_with(request(5, "link.put", {"from": NINGBO, "to": NINGBO, "minutes": 5}), "BAD_PARAMS", "to",
                            leaf="coordinator")
            for lat, lon, field in ((90000001, 0, "lat"), (-90000001, 0, "lat"), (0, 180000001, "lon"), (0, -180000001, "lon")):
                self.stays_with(request(5, "city.put", {"code": "c", "name": "n", "region": "zhejiang", "lat": lat, "lon": lon}),
                                "BAD_PARAMS", field)

    def test_b18_sums_that_would_overflow(self):
        """10^15 many times over: the sum stays below 2^63, or the receipt is refused; it never wraps."""
        client = self.caller()
        total = 0
        for n in range(12):
            total = client.call("stock.receive", city=WENZHOU, kind="4030102", lot="huge", quantity=10**15)["on_hand"]
            self.assertEqual(total, (n + 1) * 10**15)
        client.call("stock.writeoff", city=WENZHOU, kind="4030102", lot="huge", quantity=10**15, reason="lost")
        self.assertEqual(client.call("stock.get", city=WENZHOU, kind="4030102")["on_hand"], total - 10**15)

    def test_b19_longer_encodings(self):
        client = self.client()
        wide = (b"\x94\xcf" + bytes(8) + b"\xcf" + struct.pack(">Q", 5) + b"\xd9\x08city.get" + b"\xdc\x00\x01\xdf\x00\x00\x00\x01"
                b"\xda\x00\x04code\xdb\x00\x00\x00\x06" + NINGBO.encode())
        self.assertEqual(client.raw_call(wide), client.raw_call(request(5, "city.get", {"code": NINGBO})))
        signed = b"\x94\xd0\x00\xd3" + struct.pack(">q", 5) + b"\xabserver.ping\x90"
        self.assertEqual(client.raw_call(signed), client.raw_call(request(5, "server.ping")))

    def test_b20_text(self):
        with self.unchanged():
            for text in (b"\xff", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\x80", b"\xe6\x9d"):
                packed = bytes([0xa0 | len(text)]) + text
                self.stays_with(message(b"\x81\xa4code" + packed), "BAD_PARAMS", "code")
                self.stays_with(message(b"\x81" + packed + b"\xa1a"), "BAD_PARAMS")
            for text in ("a\0b", "a b", "a/b", "é", "a\n", "a" * 65, ""):
                self.stays_with(request(5, "city.get", {"code": text}), "BAD_PARAMS", "code")

    def test_b20_text_that_is_odd_but_fine(self):
        client = self.caller()
        for n, name in enumerate(("\u202eabc", "e\u0301", "\U0001f6d6", "tab\there", "a" * 1024)):
            put = {"code": "odd%d" % n, "name": name, "region": "zhejiang", "lat": 0, "lon": 0}
            self.assertEqual(client.call("city.put", put)["name"], name)
            self.assertEqual(client.call("city.get", code="odd%d" % n)["name"], name)

    def test_b21_ids(self):
        client = self.client()
        with self.unchanged():
            self.stays_with(request(5, "request.get", {"id": "a" * 65}), "BAD_PARAMS", "id")
            self.stays_with(request(5, "request.get", {"id": ""}), "BAD_PARAMS", "id")
            for leg in ("leg", "leg/", "leg/0", "leg/01", "/1", "leg/1/1", "leg/x", "leg/-1", "leg/1 ", "leg/9999999999999"):
                self.stays_with(request(5, "dispatch.get", {"id": leg}), "BAD_PARAMS", "id")
            self.stays_with(request(5, "request.get", {"id": "a" * 64}), "NOT_FOUND", "id")
        self.assertEqual(client.call("dispatch.get", id="leg/1")["request"], "leg")

    # ---- order of steps ----

    def test_b24_out_of_order(self):
        client = self.caller()
        client.call("request.submit", id="life", city=HANGZHOU, kind=KIND, quantity=4)
        steps = lambda: [("dispatch.accept", {}, "asked"), ("dispatch.decline", {"reason": "r"}, "asked"),
                         ("dispatch.depart", {}, "committed"), ("dispatch.renege", {"reason": "r"}, "committed"),
                         ("dispatch.receive", {"accepted": 4}, "in_transit"), ("dispatch.lost", {"reason": "r"}, "in_transit")]

        def others_refused(state):
            with self.unchanged():
                for method, params, fits in steps():
                    if fits != state:
                        self.assertRefused(client.error(method, id="life/1", **params), "BAD_STATE", state=state)

        others_refused("committed")
        self.assertEqual(client.call("dispatch.depart", id="life/1")["state"], "in_transit")
        others_refused("in_transit")
        with self.unchanged():
            self.assertRefused(client.error("dispatch.receive", id="life/1", accepted=3), "BAD_PARAMS", "accepted")
            self.assertRefused(client.error("dispatch.receive", id="life/1", accepted=3, rejected=1), "BAD_PARAMS", "reason")
        self.assertEqual(client.call("dispatch.receive", id="life/1", accepted=4)["state"], "closed")
        others_refused("closed")
        with self.unchanged():
            self.assertRefused(client.error("request.cancel", id="life", reason="r"), "BAD_STATE", state="filled")
            self.assertRefused(client.error("request.amend", id="life", quantity=9), "BAD_STATE", state="filled")

    def test_b25_unknown(self):
        client = self.caller()
        stock = {"city": NINGBO, "kind": KIND, "quantity": 1}
        cases = [("city.get", {"code": "nope"}, "code"), ("region.get", {"id": "nope"}, "id"), ("kind.get", {"code": "nope"}, "code"),
                 ("request.get", {"id": "nope"}, "id"), ("incident.get", {"id": "nope"}, "id"),
                 ("agreement.get", {"id": "nope"}, "id"), ("stock.get", {"city": "nope", "kind": KIND}, "city"),
                 ("stock.get", {"city": NINGBO, "kind": "nope"}, "kind"), ("request.explain", {"id": "nope"}, "id"),
                 ("stock.receive", {**stock, "city": "nope"}, "city"), ("stock.receive", {**stock, "kind": "nope"}, "kind"),
                 ("stock.issue", {**stock, "lot": "nope", "reason": "r"}, "lot"),
                 ("stock.hold", {"city": NINGBO, "kind": KIND, "lot": "nope", "state": "damaged"}, "lot"),
                 ("request.submit", {**stock, "id": "n", "incident": "nope"}, "incident"),
                 ("request.submit", {**stock, "id": "n", "city": "nope"}, "city"),
                 ("match.preview", {**stock, "kind": "nope"}, "kind"),
                 ("city.mode", {"code": "nope", "mode": "normal", "reason": "r"}, "code"),
                 ("city.put", {"code": "c", "name": "n", "region": "nope", "lat": 0, "lon": 0}, "region"),
                 ("link.put", {"from": "nope", "to": NINGBO, "minutes": 1}, "from"),
                 ("link.put", {"from": NINGBO, "to": "nope", "minutes": 1}, "to"),
                 ("request.cancel", {"id": "nope", "reason": "r"}, "id"), ("agreement.end", {"id": "nope"}, "id")]
        with self.unchanged():
            for method, params, field in cases:
                with self.subTest(method=method, field=field):
                    self.assertRefused(client.error(method, params), "NOT_FOUND", field, id="nope")
            self.assertRefused(client.error("dispatch.get", id="nope/1"), "NOT_FOUND", "id", id="nope/1")
            self.assertRefused(client.error("dispatch.depart", id="leg/77"), "NOT_FOUND", "id", id="leg/77")

    def test_b35_pages(self):
        client = self.caller()
        stock = client.call("stock.list")["items"]
        with self.unchanged():
            for method in ("stock.list", "request.list", "dispatch.list", "city.list", "log.list"):
                for limit in (0, -1, 10001, 2**63 - 1):
                    self.stays_with(request(5, method, {"limit": limit}), "BAD_PARAMS", "limit")
            self.stays_with(request(5, "log.list", {"from": -1}), "BAD_PARAMS", "from")
            self.stays_with(request(5, "stock.list", {"city": NINGBO, "after": "no such place"}), "BAD_PARAMS", "after")
            for params in ({"after": "zzz"}, {"kind": SUBSTITUTE, "state": "open"}, {"kind": SUBSTITUTE, "state": "covered", "incident": "i"}):
                self.assertEqual(client.call("request.list", {"city": HANGZHOU, **params}), {"items": [], "next": None})
            self.assertEqual(client.call("log.list", {"from": 10**15}), {"items": [], "next": None})
            one_by_one, after = [], None
            while True:
                page = client.call("stock.list", {"limit": 1, **({"after": after} if after else {})})
                self.assertLessEqual(len(page["items"]), 1)
                one_by_one += page["items"]
                after = page["next"]
                if after is None:
                    break
            self.assertEqual(one_by_one, stock)
            both = client.call("stock.list", {"city": NINGBO, "kind": KIND})["items"]
            self.assertEqual(both, [row for row in stock if row["city"] == NINGBO and row["kind"] == KIND])

    # ---- pressure ----

    def test_b27_ten_thousand_at_once(self):
        client = self.client()
        count = 10000
        data = b"".join(request(n, "city.get", {"code": (NINGBO, "nope")[n % 2]}) if n % 3 else request(n, "server.ping")
                        for n in range(count))
        sender = threading.Thread(target=client.send, args=(data,))
        sender.start()
        for n in range(count):
            answer = client.answer()
            self.assertEqual(answer[1], n)
            if n % 3 == 0:
                self.assertEqual(answer[3], {})
            elif n % 2 == 0:
                self.assertEqual(answer[3]["code"], NINGBO)
            else:
                self.assertEqual(answer[2]["code"], "NOT_FOUND")
        sender.join()

    def test_b27_changes_at_once(self):
        client = self.client()
        count = 3000
        data = b"".join(request(n, "stock.receive", {"city": NINGBO, "kind": "4030102", "lot": "p", "quantity": 1}) for n in range(count))
        sender = threading.Thread(target=client.send, args=(data,))
        sender.start()
        answers = [client.answer() for _ in range(count)]
        sender.join()
        self.assertEqual([a[1] for a in answers], list(range(count)))
        self.assertEqual([a[3]["on_hand"] for a in answers], list(range(1, count + 1)))

    def test_b28_a_client_that_never_reads(self):
        client = self.client()
        data = request(1, "city.list") * 200
        push = self.pusher(client)
        sent = 0
        before = self.daemon.rss()
        with self.daemon.client() as other:
            blocked = 0
            while blocked < 50 and sent < 64 * MIB:  # 50 turns of the loop without taking a byte: reading has stopped
                try:
                    sent += push(data)
                    blocked = 0
                except BlockingIOError:
                    blocked += 1
                    other.call("server.ping")
            self.assertLess(sent, 32 * MIB)
            self.assertLess(self.daemon.rss() - before, 16 * MIB)
            self.assertEqual(other.call("city.get", code=NINGBO)["code"], NINGBO)

    def test_b31_half_close(self):
        client = self.client()
        client.send(request(1, "stock.receive", {"city": NINGBO, "kind": "4030102", "lot": "h", "quantity": 1}) +
                    request(2, "city.list") + request(3, "log.head"))
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual([client.answer()[:3] for _ in range(3)], [[1, n, None] for n in (1, 2, 3)])
        self.assertIsNone(client.message())

    def test_b34_other_protocols(self):
        hello = bytes.fromhex("16030100c8010000c40303") + bytes(range(64))
        with self.unchanged():
            for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /x HTTP/1.0\r\n\r\n", hello, b"SSH-2.0-x\r\n", b"*1\r\n$4\r\nPING\r\n"):
                client = self.client()
                client.send(data)
                answer = client.answer()
                if answer is not None:
                    self.assertEqual(answer[1], 0)
                    self.assertRefused(answer[2], "BAD_FRAME")
                self.assertIsNone(client.answer())

    def test_b22_b23_ids(self):
        client = self.caller()
        submit = {"id": "twice", "city": HANGZHOU, "kind": KIND, "quantity": 2}
        first = client.call("request.submit", submit)
        with self.unchanged():
            self.assertEqual(client.call("request.submit", submit), first)
            self.assertRefused(client.error("request.submit", {**submit, "quantity": 3}), "CONFLICT")


class OverUnix(Rows, Case):
    over = "unix"


class OverTcp(Rows, Case):
    over = "tcp"


class Holders:
    """Connections of several certificates as if they were one: each call goes to one that has the right to it."""

    def __init__(self, test):
        self.test, self.open = test, {}

    def holder(self, method, params):
        city = params.get("city")
        if method.startswith("log."):
            return "auditor"
        if city in (HANGZHOU, WENZHOU) and method.partition(".")[0] in ("stock", "request"):
            return "requester" if city == HANGZHOU else "third"
        if method.partition(".")[0] in ("city", "region", "kind", "link", "incident", "agreement", "region"):
            return "coordinator"
        if method in ("dispatch.receive", "dispatch.lost") or method.startswith("request."):
            return "requester"
        return "donor"

    def on(self, method, params):
        name = self.holder(method, params)
        if name not in self.open:
            self.open[name] = self.test.client(name)
        return self.open[name]

    def call(self, method, params=None, **named):
        params = {**(params or {}), **named}
        return self.on(method, params).call(method, params)

    def error(self, method, params=None, **named):
        params = {**(params or {}), **named}
        return self.on(method, params).error(method, params)


class OverTls(Rows, Case):
    over = "tls"
    step = 5   # what the framing sees are whole records' contents; a handshake each is dear

    @classmethod
    def setUpClass(cls):
        cls.pki = Pki()
        cls.addClassCleanup(cls.pki.close)
        cls.leaves = {"donor": cls.pki.client("city", NINGBO, "depot"), "requester": cls.pki.client("city", HANGZHOU, "desk"),
                      "third": cls.pki.client("city", WENZHOU, "depot"), "coordinator": cls.pki.client("coordinator", "-", "desk"),
                      "auditor": cls.pki.client("auditor", "-", "desk")}
        cls.options = {"tls": cls.pki}
        super().setUpClass()

    def open(self, leaf="donor"):
        return self.daemon.client("tls", leaf=self.leaves[leaf])

    def caller(self):
        return Holders(self)

    def pusher(self, client):
        tls, kept = client.socket, b""
        tls.plain.setblocking(False)

        def push(data):
            nonlocal kept
            if len(kept) < len(data):
                tls.tls.write(data)
                kept += tls.outgoing.read()
            left = tls.plain.send(kept)
            kept = kept[left:]
            return left
        return push


if __name__ == "__main__":
    unittest.main()
