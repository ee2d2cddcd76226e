"""shortfall.list: what its sums hold, and that making them holds up nobody.

A report is long when a kind has many holders. What others are served meanwhile is counted, never timed.
"""
import os
import select
import signal
import unittest

from harness import Case, Daemon

DAY, HOUR = 86400000, 3600000


def fill(client, calls, window=200):
    """Many calls, pipelined; each is carried out."""
    waiting = 0
    for method, params in calls:
        client.send_request(method, params)
        waiting += 1
        if waiting == window:
            while waiting:
                assert client.answer()[2] is None
                waiting -= 1
    while waiting:
        assert client.answer()[2] is None
        waiting -= 1


class Long(Case):
    CITIES, KINDS = 120, 50

    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            client.call("region.put", id="r", name="r", agreement="auto")
            cities = ["c%03d" % n for n in range(cls.CITIES)]
            kinds = ["k%02d" % n for n in range(cls.KINDS)]
            fill(client, [("city.put", dict(code=c, name=c, region="r", lat=0, lon=n * 1000)) for n, c in enumerate(cities)])
            fill(client, [("kind.put", {"code": k, "name": k, "class": "supply", "unit": "u"}) for k in kinds])
            fill(client, [("stock.receive", dict(city=c, kind=k, quantity=10)) for k in kinds for c in cities])

    def city(self, code):
        client = self.client()
        client.call("server.hello", role="city", city=code)
        return client

    def check_page(self, answer):
        self.assertIsNone(answer[2], answer)
        rows = [row for row in answer[3]["items"] if row["kind"].startswith("k")]
        self.assertEqual([row["available"] for row in rows], [10 * self.CITIES] * self.KINDS)

    def test_others_are_served_while_a_city_asks_for_reports(self):
        asker, other = self.city("c001"), self.client()
        reports = 4
        for _ in range(reports):
            asker.send_request("shortfall.list", {"region": "r"})
        pings = 0
        while not select.select([asker.socket], [], [], 0)[0]:
            other.call("server.ping")
            pings += 1
        self.assertGreater(pings, 20, "a report of %d rows held up the others" % (self.CITIES * self.KINDS))
        for _ in range(reports):
            self.assertIsNone(asker.answer()[2])

    def test_reports_have_a_bound_and_turns(self):
        """More than wait in line are refused; who asks for many stands behind the others with each of them."""
        many, others = self.city("c001"), [self.city("c%03d" % n) for n in range(70)]
        os.kill(self.daemon.process.pid, signal.SIGSTOP)
        try:
            for _ in range(3):
                many.send_request("shortfall.list", {"region": "r"})
            for other in others:
                other.send_request("shortfall.list", {"region": "r", "kind": "k00"})
        finally:
            os.kill(self.daemon.process.pid, signal.SIGCONT)
        answers = [other.answer() for other in others]
        refused = [answer[2] for answer in answers if answer[2]]
        self.assertGreater(len(refused), 0)
        for error in refused:
            self.assertRefused(error, "TOO_MANY")
        for answer in answers:
            if not answer[2]:
                self.assertEqual([row["kind"] for row in answer[3]["items"]], ["k00"])
        for _ in range(3):
            self.check_page(many.answer())
        counters = {c["name"]: c["value"] for c in self.client().call("server.stats")["counters"]}
        self.assertEqual(counters["reports_open"], 0)
        self.assertGreaterEqual(counters["reports_done"], 3 + len(others) - len(refused))

    def test_a_connection_that_ends_takes_its_report_along(self):
        for _ in range(6):
            client = self.city("c001")
            client.send_request("shortfall.list", {"region": "r"})
            client.close()
        reader, counters = self.client(), {"reports_open": 1}
        while counters["reports_open"]:
            counters = {c["name"]: c["value"] for c in reader.call("server.stats")["counters"]}
        self.check_page([1, 0, None, self.city("c002").call("shortfall.list", region="r")])

    def test_pages(self):
        client = self.client()
        whole = client.items("shortfall.list")
        self.assertEqual([row["kind"] for row in whole if row["kind"].startswith("k")], ["k%02d" % n for n in range(self.KINDS)])
        self.assertEqual(client.items("shortfall.list", limit=7), whole)
        self.assertEqual(client.pages, -(-len(whole) // 7))
        self.assertEqual(client.call("shortfall.list", after="k48")["items"], whole[49:])
        self.assertEqual(client.call("shortfall.list", after="zzz"), {"items": [], "next": None})
        self.assertRefused(client.error("shortfall.list", after="a/b"), "BAD_PARAMS", "after")
        self.assertRefused(client.error("shortfall.list", kind="none"), "NOT_FOUND", "kind")
        self.assertRefused(client.error("shortfall.list", region="none"), "NOT_FOUND", "region")

    def test_a_report_has_what_was_changed_just_before(self):
        client, reader = self.client(), self.client()
        client.call("kind.put", {"code": "zz", "name": "z", "class": "supply", "unit": "u"})
        for n in range(1, 30):
            client.call("stock.receive", city="c005", kind="zz", quantity=1)
            self.assertEqual(reader.call("shortfall.list", kind="zz")["items"][0]["on_hand"], n)

    def test_costly_calls_of_one_connection_let_others_in(self):
        """Matching looks at every holder that has the kind, and none of these qualifies."""
        client, other = self.client(), self.client()
        now = client.call("server.info")["time"]
        client.call("kind.put", {"code": "short", "name": "s", "class": "supply", "unit": "u", "min_life_days": 300})
        fill(client, [("stock.receive", dict(city="c%03d" % c, kind="short", lot="l%03d" % lot, quantity=1, expires=now + DAY + lot))
                      for c in range(100) for lot in range(160)], window=50)
        asked = 60
        for _ in range(asked):
            client.send_request("match.preview", {"city": "c000", "kind": "short", "quantity": 5, "own_first": False})
        pings, answered = 0, 0
        while answered < asked:
            if select.select([client.socket], [], [], 0)[0]:
                client.unpacker.feed(client.socket.recv(1 << 16))
                for answer in client.unpacker:
                    self.assertIsNone(answer[2])
                    answered += 1
            else:
                other.call("server.ping")
                pings += 1
        self.assertGreater(pings, asked // 4, "%d previews let %d pings in" % (asked, pings))


class Sums(unittest.TestCase):
    """With clocks of its own."""

    def setUp(self):
        self.daemon = Daemon(clock=True).start()
        self.addCleanup(self.daemon.close)
        self.local = self.daemon.client()
        self.local.call("region.put", id="r", name="r", agreement="auto")
        for n, city in enumerate(("give", "need")):
            self.local.call("city.put", code=city, name=city, region="r", lat=0, lon=n * 500000)
        for kind, class_, returnable in (("k", "supply", False), ("loan", "supply", True)):
            self.local.call("kind.put", {"code": kind, "name": kind, "class": class_, "unit": "u", "returnable": returnable})

    def row(self, kind):
        return self.local.call("shortfall.list", kind=kind)["items"][0]

    def at(self, ms):
        self.daemon.move_clock(ms, ms)

    def test_use_of_the_last_thirty_days(self):
        """Thirty times 24 hours, by whole days, UTC: the day that they began on counts whole, the one before it does not."""
        self.local.call("stock.receive", city="give", kind="k", quantity=400)
        start = self.local.call("server.info")["time"]
        self.at(DAY - start % DAY + 12 * HOUR)  # noon of a day
        self.local.call("stock.issue", city="give", kind="k", quantity=100, reason="use")
        noon = self.local.call("log.head")["time"]
        moved = DAY - start % DAY + 12 * HOUR

        def cover(after):
            self.at(moved + after)
            self.assertGreaterEqual(self.local.call("stock.floor", city="need", kind="k", floor=1)["as_of"] or noon + after, noon + after)
            return self.row("k")["days_of_cover"]
        self.assertEqual(cover(0), 300 * 30 // 100)
        self.assertEqual(cover(29 * DAY + 11 * HOUR), 300 * 30 // 100, "not 30 days old")
        self.assertEqual(cover(30 * DAY - HOUR), 300 * 30 // 100, "still not, though its day is the 31st")
        self.local.call("stock.issue", city="give", kind="k", quantity=50, reason="use")
        self.assertEqual(cover(30 * DAY + HOUR), 250 * 30 // 150, "its day is not over yet")
        self.assertEqual(cover(30 * DAY + 13 * HOUR), 250 * 30 // 50, "it is")
        self.assertEqual(cover(62 * DAY), None)

    def test_what_is_promised_is_what_goes_to_requesters(self):
        """held, reserved, on the road to the requester; not what comes home from a loan, however the units got where they are."""
        self.local.call("stock.receive", city="give", kind="loan", quantity=100)
        self.local.call("request.submit", id="q", city="need", kind="loan", quantity=40, own_first=False)
        self.assertEqual(self.row("loan")["promised"], 40)
        self.local.call("dispatch.depart", id="q/1")
        self.assertEqual(self.row("loan")["promised"], 40)
        self.local.call("dispatch.receive", id="q/1", accepted=40)
        self.assertEqual(self.row("loan")["promised"], 0)
        self.local.call("dispatch.return", id="q/1", quantity=30)
        self.assertEqual(self.local.call("stock.get", city="need", kind="loan")["in_transit_out"], 30)
        self.assertEqual(self.row("loan")["promised"], 0)
        # the same while the requester holds units of its own
        self.local.call("stock.receive", city="need", kind="loan", quantity=5)
        self.assertEqual(self.row("loan")["promised"], 0)
        self.local.call("dispatch.checkin", id="q/1", quantity=30)
        self.assertEqual(self.row("loan")["promised"], 0)

    def test_a_wall_clock_that_goes_back_is_told(self):
        info = self.local.call("server.info")
        self.assertEqual((info["clock"], info["clock_off_ms"]), ("right", None))
        self.local.call("stock.receive", city="give", kind="k", quantity=1)
        before = self.local.call("log.head")["time"]
        self.daemon.move_clock(-HOUR, 0)
        info = self.local.call("server.info")
        self.assertEqual(info["clock"], "behind")
        self.assertTrue(-HOUR <= info["clock_off_ms"] < -HOUR + 30 * 60000, info)
        self.assertIn("off_ms=-", self.daemon.wait_line("id=5 "))
        self.local.call("stock.receive", city="give", kind="k", quantity=1)
        self.assertEqual(self.local.call("log.head")["time"], before, "time stands still")
        self.local.call("clock.confirm", time=before - HOUR)
        self.assertEqual(self.local.call("server.info")["clock"], "behind", "nothing can take it back")
        self.assertEqual(self.local.call("log.head")["time"], before)
        self.daemon.move_clock(1000, 0)
        self.assertEqual(self.local.call("server.info")["clock"], "right")
        self.daemon.wait_line("id=7 ")
        self.daemon.move_clock(2 * HOUR, 0)
        info = self.local.call("server.info")
        self.assertEqual(info["clock"], "held")
        self.assertGreater(info["clock_off_ms"], HOUR)
        self.daemon.wait_line("id=6 ")


if __name__ == "__main__":
    unittest.main()
