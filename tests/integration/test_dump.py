"""Dumps: one moment, the same bytes each time, a digest that anybody can compute, and nobody waits for them."""
import threading
import unittest

from harness import Case, Daemon, KIND, HANGZHOU, NINGBO, request, world

TABLES = ["region", "city", "link", "kind", "floor", "lot", "asset", "incident", "agreement", "request", "dispatch", "account", "op"]


def dispatch_key(row):
    request_id, n = row["id"].split("/")
    return request_id.encode(), int(n)


class DumpOf(Case):
    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)
            client.call("link.put", {"from": NINGBO, "to": HANGZHOU, "minutes": 120, "both": True})
            client.call("incident.open", id="i1", category="natural", level=2, origin=HANGZHOU, title='flood "7" \\ \t é\u0001')
            client.call("agreement.put", id="a1", donor=NINGBO, requester=HANGZHOU, commit="ask", kinds=["403"])
            for n in range(1, 13):
                client.call("request.submit", id="r", city=HANGZHOU, kind=KIND, quantity=600) if n == 1 else None
                client.call("request.submit", id="r%02d" % n, city=HANGZHOU, kind=KIND, quantity=2, op="op-%d" % n)

    def test_digest_and_shape(self):
        client = self.client()
        head = client.call("log.head")
        dump = client.dump()
        self.assertEqual(dump.end, {"seq": head["seq"], "head": head["hash"], "records": len(dump.rows), "digest": dump.digest})
        self.assertEqual((dump.seq, dump.head, dump.time), (head["seq"], head["hash"], head["time"]))
        self.assertEqual(len(dump.msgids), 1)
        order = [row["t"] for row in dump.rows]
        self.assertEqual(order, sorted(order, key=TABLES.index))
        self.assertEqual(set(order), set(TABLES) - {"asset"})

    def test_records_as_get_answers_in_key_order(self):
        client = self.client()
        dump = client.dump()
        plain = lambda row: {k: v for k, v in row.items() if k != "t"}
        for table, key in (("region", "id"), ("city", "code"), ("kind", "code"), ("incident", "id"), ("agreement", "id"),
                           ("request", "id"), ("dispatch", "id")):
            rows = dump.table(table)
            self.assertEqual(rows, sorted(rows, key=dispatch_key if table == "dispatch" else lambda row: row[key].encode()))
            for row in rows:
                self.assertEqual(client.call(table + ".get", {key: row[key]}), plain(row))
        self.assertEqual([plain(row) for row in dump.table("link")], client.items("link.list"))
        self.assertEqual(set(dump.table("link")[0]), {"t", "from", "to", "minutes", "open"})
        self.assertEqual(set(dump.table("floor")[0]), {"t", "city", "kind", "floor", "emergency_floor", "target"})
        self.assertEqual(set(dump.table("lot")[0]),
                         {"t", "city", "kind", "lot", "quantity", "expires", "state", "held", "reserved", "source"})
        self.assertEqual(set(dump.table("account")[0]),
                         {"t", "city", "kind", "received", "issued", "lost", "written_off", "on_loan", "in_transit"})
        self.assertEqual(set(dump.table("op")[0]), {"t", "op", "identity", "seq"})

    def test_the_same_bytes_twice(self):
        one, two = self.client().dump(), self.client("tcp").dump()
        self.assertEqual(one.lines, two.lines)
        self.assertEqual(one.end, two.end)

    def test_some_tables(self):
        client = self.client()
        whole, some = client.dump(), client.dump(tables=["kind", "city"])
        self.assertEqual(some.rows, whole.table("city") + whole.table("kind"))
        self.assertEqual((some.end["digest"], some.end["records"]), (some.digest, len(some.rows)))
        none = client.dump(tables=["asset"])
        self.assertEqual((none.rows, none.end["digest"], none.end["records"]), ([], none.digest, 0))
        self.assertRefused(client.error("snapshot.dump", tables=["city", "nope"]), "BAD_PARAMS", "tables.1")

    def test_while_writers_go_on(self):
        """Each dump is of one moment: the sums in it hold, and what was acknowledged before is in it."""
        stop = threading.Event()
        wrong = []

        def write(name):
            with self.daemon.client("tcp") as client:
                n = 0
                while not stop.is_set() and n < 20000:
                    batch = b"".join(request(n + k, "request.submit", {"id": "%s-%d" % (name, n + k), "city": HANGZHOU, "kind": KIND,
                                                                      "quantity": 1}) for k in range(50))
                    client.send(batch)
                    for _ in range(50):
                        if client.answer()[2] is not None:
                            wrong.append("refused")
                    n += 50

        threads = [threading.Thread(target=write, args=("w%d" % n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        try:
            client, last = self.client(), 0
            for _ in range(8):
                acknowledged = client.call("request.submit", id="seen-%d" % last, city=HANGZHOU, kind=KIND, quantity=1)["seq"]
                dump = client.dump()
                self.assertGreaterEqual(dump.seq, acknowledged)
                self.assertGreater(dump.seq, last)
                self.assertIn("seen-%d" % last, [row["id"] for row in dump.table("request")])
                last = dump.seq
                self.assertEqual(dump.end["digest"], dump.digest)
                self.check_sums(dump)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])

    def check_sums(self, dump):
        lots = {(l["city"], l["kind"], l["lot"]): [0, 0] for l in dump.table("lot")}
        legs = {}
        for leg in dump.table("dispatch"):
            live = {"asked": 0, "committed": 1}.get(leg["state"])
            for lot in leg["lots"]:
                if live is not None:
                    lots[leg["donor"], leg["kind"], lot["lot"]][live] += lot["quantity"]
            legs.setdefault(leg["request"], []).append(leg)
        for lot in dump.table("lot"):
            self.assertEqual([lot["held"], lot["reserved"]], lots[lot["city"], lot["kind"], lot["lot"]])
        for row in dump.table("request"):
            self.assertEqual(row["quantity"], row["covered"] + row["open"] + row["shortfall"])
            self.assertEqual(sorted(leg["id"] for leg in legs.get(row["id"], [])), sorted(row["dispatches"]))

    def test_a_reader_that_leaves(self):
        for _ in range(6):
            client = self.daemon.client("tcp")
            client.send_request("snapshot.dump")
            self.assertEqual(client.message()[:2], [2, "rows"])
            client.close()
        self.assertEqual(self.client().dump().end["digest"], self.client().dump().digest)


class ManyRows(Case):
    """More than fits into the queues, so that readers are waited for."""

    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)
            for n in range(0, 20000, 500):
                for k in range(n, n + 500):
                    client.send_request("city.put", {"code": "c%05d" % k, "name": "x" * 200, "region": "zhejiang", "lat": 0, "lon": k})
                for _ in range(500):
                    assert client.answer()[2] is None

    def test_slow_readers_and_the_most_at_a_time(self):
        slow = [self.client("tcp") for _ in range(4)]
        for client in slow:
            client.send_request("snapshot.dump")
            client.notifications.append(client.message())  # it has begun, and is not read on
        other = self.client()
        self.assertRefused(other.error("snapshot.dump"), "TOO_MANY")
        self.assertEqual(other.call("city.put", code="c1", name="n", region="zhejiang", lat=0, lon=0)["name"], "n")
        ends = [client.answer() for client in slow]
        self.assertEqual([end[2] for end in ends], [None] * 4)
        self.assertEqual(len({end[3]["digest"] for end in ends}), 1)
        self.assertGreater(ends[0][3]["records"], 20000)
        self.assertGreater(other.dump().seq, ends[0][3]["seq"])

    def test_pieces_are_bounded(self):
        client = self.client()
        client.send_request("snapshot.dump")
        end = client.answer()
        sizes = [len(n[2][0]["rows"]) for n in client.notifications]
        self.assertEqual(sum(sizes), end[3]["records"])
        self.assertGreater(len(sizes), 15)
        self.assertEqual(["seq" in n[2][0] for n in client.notifications], [True] + [False] * (len(sizes) - 1))


class Empty(Case):
    def test_empty(self):
        dump = self.client().dump()
        self.assertEqual((dump.seq, dump.head, dump.rows), (0, "0" * 64, []))
        self.assertEqual(dump.end["digest"], dump.digest)


class AfterRestart(unittest.TestCase):
    def test_the_same_after_stop_and_kill(self):
        daemon = Daemon().start()
        self.addCleanup(daemon.close)
        with daemon.client() as client:
            world(client)
            before = client.dump()
        for end in (daemon.stop, daemon.kill):
            end()
            daemon.start()
            with daemon.client() as client:
                self.assertEqual(client.dump().lines, before.lines)


if __name__ == "__main__":
    unittest.main()
