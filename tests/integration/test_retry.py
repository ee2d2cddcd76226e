"""Repeating a command with the same op, or a request with the same id, gives the first answer byte for byte and changes nothing."""
import unittest

import msgpack

from harness import Case, Daemon, KIND, HANGZHOU, NINGBO, request, world


class Retry(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon().start()
        self.addCleanup(self.daemon.close)
        with self.daemon.client() as client:
            world(client)

    assertRefused = Case.assertRefused

    def head(self):
        with self.daemon.client() as client:
            return client.call("log.head")

    def send(self, method, params, msgid=7):
        with self.daemon.client() as client:
            return client.raw_call(request(msgid, method, params))

    COMMANDS = [
        ("stock.receive", {"city": NINGBO, "kind": KIND, "lot": "z", "quantity": 3, "op": "op-receive"}),
        ("stock.issue", {"city": NINGBO, "kind": KIND, "quantity": 1, "reason": "own use", "op": "op-issue"}),
        ("stock.floor", {"city": NINGBO, "kind": KIND, "floor": 90, "op": "op-floor"}),
        ("city.mode", {"code": NINGBO, "mode": "emergency", "reason": "flood", "op": "op-mode"}),
        ("link.put", {"from": NINGBO, "to": HANGZHOU, "minutes": 100, "both": True, "op": "op-link"}),
        ("request.submit", {"id": "r-1", "city": HANGZHOU, "kind": KIND, "quantity": 20}),
        ("request.submit", {"id": "r-2", "city": HANGZHOU, "kind": KIND, "quantity": 5000, "explain": True, "op": "op-r2"}),
        ("dispatch.depart", {"id": "r-1/1", "carrier": "浙A12345", "op": "op-depart"}),
        ("dispatch.receive", {"id": "r-1/1", "accepted": 20, "op": "op-arrive"}),
    ]

    def test_replays_byte_for_byte_also_after_restarts(self):
        first = {}
        for n, (method, params) in enumerate(self.COMMANDS):
            first[n] = self.send(method, params)
        head = self.head()
        for how in ("running", "clean", "crash"):
            if how != "running":
                self.assertEqual(self.daemon.stop() if how == "clean" else self.daemon.kill(), 0 if how == "clean" else -9)
                self.daemon.start()
            for n, (method, params) in enumerate(self.COMMANDS):
                with self.subTest(how=how, method=method):
                    self.assertEqual(self.send(method, params), first[n])
            self.assertEqual(self.head(), head, how)
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.daemon.faults(), [])

    def test_defaults_are_filled_in_before_comparing(self):
        first = self.send("request.submit", {"id": "r-1", "city": HANGZHOU, "kind": KIND, "quantity": 20})
        again = self.send("request.submit", {"id": "r-1", "city": HANGZHOU, "kind": KIND, "quantity": 20, "priority": 3,
                                             "own_first": True, "purpose": "use", "max_level": None})
        self.assertEqual(again, first)

    def test_candidates_are_those_of_the_first_answer(self):
        """Whatever a region shares, and has, when the answer is repeated; the log keeps what was answered."""
        def share(shares):
            local.call("region.put", id="zhejiang", name="浙江", agreement="auto", shares=shares)

        def submit(n, **more):
            with self.daemon.client() as city:
                city.call("server.hello", role="city", city=HANGZHOU)
                return city.raw_call(request(7, "request.submit", {"id": "c-%d" % n, "city": HANGZHOU, "kind": KIND, "quantity": 5000, **more}))

        words, ways = (None, "available", "exact", "nothing"), ({"explain": True}, {"explain": True, "op": "op-c"})
        with self.daemon.client() as local:
            first = {}
            for n, (shares, way) in enumerate((shares, way) for shares in words for way in ways):
                share(shares)
                first[n] = submit(n, **{**way, **({"op": "op-%d" % n} if "op" in way else {})})
                result = msgpack.unpackb(first[n])[3]
                seen = {row["city"]: row for row in result["candidates"]}[NINGBO]
                self.assertEqual([seen[field] is not None for field in ("available", "floor", "held", "reserved")],
                                 [shares != "nothing"] + [shares == "exact"] * 3)
                entry = local.call("log.list", {"from": result["seq"], "limit": 1})["items"][0]
                self.assertEqual(entry["outcome"]["answer"]["candidates"], result["candidates"])
            plain = submit(100)
            self.assertNotIn(b"candidates", plain)
            for turn, shares in enumerate(words):
                share(shares)
                local.call("stock.receive", city=NINGBO, kind=KIND, lot="a", quantity=1)
                local.call("stock.floor", city=NINGBO, kind=KIND, floor=100 + turn)
                for n in first:
                    for again in ({"explain": True}, {"explain": False}, {}):
                        with self.subTest(shares=shares, n=n, again=again):
                            self.assertEqual(submit(n, **again, **({"op": "op-%d" % n} if n % 2 else {})), first[n])
                self.assertEqual(submit(100, explain=True), plain)
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual([submit(n, explain=True) for n in first], list(first.values()))

    def test_other_content_is_a_conflict(self):
        with self.daemon.client() as client:
            client.call("stock.receive", city=NINGBO, kind=KIND, lot="z", quantity=3, op="op-1")
            client.call("request.submit", id="r-1", city=HANGZHOU, kind=KIND, quantity=20)
            head = self.head()
            self.assertRefused(client.error("stock.receive", city=NINGBO, kind=KIND, lot="z", quantity=4, op="op-1"), "CONFLICT")
            self.assertRefused(client.error("stock.count", city=NINGBO, kind=KIND, lot="z", quantity=3, reason="r", op="op-1"),
                               "CONFLICT")
            self.assertRefused(client.error("request.submit", id="r-1", city=HANGZHOU, kind=KIND, quantity=21), "CONFLICT")
            self.assertRefused(client.error("request.submit", id="r-1", city=NINGBO, kind=KIND, quantity=20), "CONFLICT")
            self.assertEqual(self.head(), head)

    def test_ops_and_ids_belong_to_the_narrowed_identity(self):
        with self.daemon.client() as local, self.daemon.client() as city:
            city.call("server.hello", role="city", city=NINGBO)
            params = {"city": NINGBO, "kind": KIND, "lot": "z", "quantity": 3, "op": "op-1"}
            one, other = local.call("stock.receive", params), city.call("stock.receive", params)
            self.assertEqual(other["seq"], one["seq"] + 1)
            self.assertEqual(city.call("stock.receive", params), other)
            submit = {"id": "r-1", "city": NINGBO, "kind": KIND, "quantity": 2}
            local.call("request.submit", submit)
            self.assertRefused(city.error("request.submit", submit), "CONFLICT")

    def test_a_refusal_is_not_remembered(self):
        issue = {"city": HANGZHOU, "kind": KIND, "quantity": 5, "reason": "r", "op": "op-1"}
        with self.daemon.client() as client:
            self.assertRefused(client.error("stock.issue", issue), "INSUFFICIENT", available=0)
            client.call("stock.receive", city=HANGZHOU, kind=KIND, quantity=9)
            self.assertEqual(client.call("stock.issue", issue)["on_hand"], 4)

    def test_acknowledged_survives_a_kill(self):
        with self.daemon.client() as client:
            for n in range(100):
                client.call("request.submit", id="k-%03d" % n, city=HANGZHOU, kind=KIND, quantity=1)
            dump = client.dump()
        self.daemon.kill()
        self.daemon.start()
        with self.daemon.client() as client:
            self.assertEqual(client.dump().digest, dump.digest)


if __name__ == "__main__":
    unittest.main()
