"""Events of one city, live: the requester, the donor and an outsider get exactly those that name them, in log order, none lost and
none twice, while connections break and the daemon is killed. What is expected is read from the log at the end."""
import itertools
import json
import os
import subprocess
import unittest

from harness import BIN, DEADLINE, Daemon, HANGZHOU, KIND, NINGBO, WENZHOU, world

CITIES = (HANGZHOU, NINGBO, WENZHOU)
NAMING = {"city": ["code"], "link": ["from", "to"], "floor": ["city"], "lot": ["city"], "account": ["city"], "asset": ["city"],
          "incident": ["origin"], "agreement": ["donor", "requester"], "request": ["city"], "dispatch": ["donor", "requester"]}


def cities_of(record):
    """Whom a record of the log names, in the order in which an event says them."""
    named = [record.get(field) for field in NAMING.get(record["t"], [])] + record.get("affected", [])
    return list(dict.fromkeys(city for city in named if city))


class Follower:
    """Reads the events of a city, and goes on after a break as `relief watch` does: from the entry of the last event, without those
    of it that were seen."""

    def __init__(self, daemon, city, role, first):
        self.daemon, self.city, self.role, self.seen, self.client = daemon, city, role, [], None
        self.first = first

    def connect(self):
        if self.client:
            self.client.close()
        self.client = self.daemon.client()
        if self.role == "city":
            self.client.call("server.hello", role="city", city=self.city)
        seq = self.seen[-1]["seq"] if self.seen else self.first
        self.skip = sum(event["seq"] == seq for event in self.seen)
        answer = self.client.call("event.subscribe", city=self.city, from_seq=seq)
        assert answer == {"seq": seq - 1}, answer

    def take(self):
        while True:
            topic, [event] = self.client.notification()[1:]
            assert topic == "event"
            if self.skip:
                self.skip -= 1
                continue
            self.seen.append(event)
            return event

    def take_until(self, seq):
        """Up to that entry, which names the city once."""
        while self.take()["seq"] < seq:
            pass


class City(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.numbers = itertools.count(1)
        self.daemon = Daemon().start()
        self.addCleanup(self.daemon.close)
        with self.daemon.client() as client:
            world(client)
            client.call("kind.put", {"code": "pump", "name": "泵", "class": "equipment", "unit": "台"})
            client.call("agreement.put", id="ask", donor=NINGBO, requester=HANGZHOU, commit="ask", answer_minutes=30)
            client.call("incident.open", id="flood", category="natural", level=2, origin=HANGZHOU, affected=[NINGBO, WENZHOU],
                        donating=[NINGBO])
            self.first = client.call("log.head")["seq"] + 1

    def traffic(self):
        """What concerns two cities, one, none and all; the last entry names all three once. Its number."""
        n = next(self.numbers)
        with self.daemon.client() as client:
            call = client.call
            call("request.submit", id="r-%d" % n, city=HANGZHOU, kind=KIND, quantity=20, incident="flood")
            call("stock.receive", city=NINGBO, kind=KIND, lot="a", quantity=20, op="in-%d" % n)
            call("dispatch.accept", id="r-%d/1" % n, quantity=12)
            call("kind.put", {"code": "k-%d" % n, "name": "k", "class": "supply", "unit": "u"})
            call("dispatch.depart", id="r-%d/1" % n)
            call("stock.floor", city=WENZHOU, kind=KIND, floor=5 + n)
            call("dispatch.receive", id="r-%d/1" % n, accepted=11, missing=1, reason="r")
            call("asset.put", id="pump-%d" % n, kind="pump", city=NINGBO)
            call("request.submit", id="p-%d" % n, city=HANGZHOU, kind="pump", quantity=1, incident="flood")
            call("dispatch.decline", id="p-%d/1" % n, reason="ours")
            call("city.mode", code=HANGZHOU, mode=("emergency", "normal")[n % 2], reason="r")
            call("link.put", {"from": WENZHOU, "to": NINGBO, "minutes": 100 + n})
            return call("incident.update", id="flood", title="mark %d" % n)["seq"]

    def expected(self, city, last):
        """From the log: one event for each record that an entry changed and that names the city."""
        found = []
        with self.daemon.client() as client:
            at = self.first
            while at is not None and at <= last:
                page = client.call("log.list", {"from": at, "limit": 1000})
                for entry in page["items"]:
                    for record in entry["outcome"]["records"]:
                        cities = cities_of(record)
                        if entry["seq"] <= last and city in cities:
                            found.append({"seq": entry["seq"], "time": entry["time"], "topic": record["t"], "method": entry["method"],
                                          "identity": entry["identity"], "cities": cities, "record": {k: v for k, v in record.items() if k != "t"}})
                at = page["next"]
        return found

    def follow(self, role):
        followers = [Follower(self.daemon, city, role, self.first) for city in CITIES]
        for follower in followers:
            self.addCleanup(lambda follower=follower: follower.client and follower.client.close())
            follower.connect()
        return followers

    def check(self, followers, last):
        for follower in followers:
            expected = self.expected(follower.city, last)
            self.assertEqual(follower.seen, expected, follower.city)
            self.assertGreater(len(expected), 3)
            self.assertTrue(all(follower.city in event["cities"] for event in follower.seen))

    def test_live_each_city_gets_its_own(self):
        for role in ("city", "local"):
            with self.subTest(role=role):
                with self.daemon.client() as client:
                    self.first = client.call("log.head")["seq"] + 1
                followers = self.follow(role)
                last = [self.traffic() for _ in range(3)][-1]
                for follower in followers:
                    follower.take_until(last)
                self.check(followers, last)
                outsider = followers[2].seen
                self.assertTrue({event["topic"] for event in outsider} >= {"floor", "link", "incident"})
                self.assertFalse([event for event in outsider if event["topic"] == "dispatch" and WENZHOU not in event["cities"]])

    def test_over_reconnects_in_the_middle_of_an_entry(self):
        followers = self.follow("city")
        self.traffic()
        for follower in followers: # a break behind each single event: every entry with more than one is cut at each place
            for _ in self.expected(follower.city, self.first + 8):
                follower.take()
                follower.connect()
        last = self.traffic()
        for follower in followers:
            follower.connect()
            follower.take_until(last)
        self.check(followers, last)

    def test_over_a_killed_daemon(self):
        followers = self.follow("city")
        for _ in range(3):
            self.traffic()
            for follower in followers:
                follower.take(), follower.take()
            self.assertEqual(self.daemon.kill(), -9)
            self.daemon.start()
            for follower in followers:
                follower.connect()
        last = self.traffic()
        for follower in followers:
            follower.take_until(last)
        self.check(followers, last)

    def test_watch_of_a_city_over_a_killed_daemon(self):
        watches = {city: subprocess.Popen([os.path.join(BIN, "relief"), "--json", "--timeout", str(int(DEADLINE)), "--server",
                                           "unix:" + self.daemon.socket_path, "watch", "--city", city, "--from-seq", str(self.first)],
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for city in CITIES}
        seen = {city: [] for city in CITIES}
        try:
            for turn in range(3):
                last = self.traffic()
                for city, watch in watches.items():
                    while not seen[city] or seen[city][-1]["seq"] < last:
                        seen[city].append(json.loads(watch.stdout.readline()))
                if turn < 2:
                    self.assertEqual(self.daemon.kill(), -9)
                    self.daemon.start()
            for city in CITIES:
                self.assertEqual(seen[city], self.expected(city, last), city)
        finally:
            for watch in watches.values():
                watch.kill()
                watch.communicate()


if __name__ == "__main__":
    unittest.main()
