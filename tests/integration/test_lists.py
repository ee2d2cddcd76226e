"""Lists: the rows of a model, whatever page size and filters; pages that end early go on exactly where they ended."""
import itertools
import random
import unittest

from harness import Case, HANGZHOU, request

CITIES = ["c%02d" % n for n in range(12)]
KINDS = ["k%d" % n for n in range(6)]
REGIONS = ["root", "north", "south", "south-low"]


class Lists(Case):
    @classmethod
    def prepare(cls):
        seeded = random.Random(7)
        with cls.daemon.client() as client:
            for region, parent in (("root", None), ("north", "root"), ("south", "root"), ("south-low", "south")):
                client.call("region.put", id=region, name=region, parent=parent, agreement="ask")
            cls.region_of = {}
            for n, code in enumerate(CITIES):
                cls.region_of[code] = REGIONS[1 + n % 3]
                client.call("city.put", code=code, name=code, region=cls.region_of[code], lat=0, lon=100000 * n)
            for kind in KINDS:
                client.call("kind.put", {"code": kind, "name": kind, "class": "supply", "unit": "u"})
            cls.stock = set()
            for city, kind in itertools.product(CITIES, KINDS):
                if seeded.random() < 0.6:
                    cls.stock.add((city, kind))
                    client.call("stock.receive", city=city, kind=kind, quantity=seeded.randrange(1, 50))
            for a, b in itertools.permutations(CITIES[:5], 2):
                client.call("link.put", {"from": a, "to": b, "minutes": 60})
            client.call("incident.open", id="i1", category="health", level=3, origin=CITIES[0])
            for n in range(60):
                client.call("request.submit", id="r%02d" % n, city=seeded.choice(CITIES), kind=seeded.choice(KINDS),
                            quantity=seeded.randrange(1, 200), incident=seeded.choice([None, "i1"]), own_first=seeded.random() < 0.5)
            for n in range(0, 60, 7):
                client.call("request.close", id="r%02d" % n, reason="r") \
                    if client.call("request.get", id="r%02d" % n)["open"] else None
            for donor in CITIES[:4]:
                client.call("agreement.put", id="a-" + donor, donor=donor, region="root", commit="ask")
            dump = client.dump()
            cls.requests, cls.legs = dump.table("request"), dump.table("dispatch")

    def check(self, method, expected, key, params=None):
        client = self.client()
        for limit in (None, 1, 3, 10000):
            got = [key(item) for item in client.items(method, params, limit=limit)]
            self.assertEqual(got, expected, (method, params, limit))

    def test_plain(self):
        self.check("region.list", sorted(REGIONS), lambda r: r["id"])
        self.check("city.list", CITIES, lambda c: c["code"])
        self.check("kind.list", KINDS, lambda k: k["code"])
        self.check("incident.list", ["i1"], lambda i: i["id"])
        self.check("agreement.list", ["a-" + c for c in CITIES[:4]], lambda a: a["id"])
        self.check("agreement.list", ["a-c01"], lambda a: a["id"], {"donor": "c01"})
        self.check("agreement.list", [], lambda a: a["id"], {"donor": "nope"})
        pairs = sorted(itertools.permutations(CITIES[:5], 2))
        self.check("link.list", pairs, lambda l: (l["from"], l["to"]))
        self.check("link.list", [p for p in pairs if p[0] == "c03"], lambda l: (l["from"], l["to"]), {"from": "c03"})
        self.check("link.list", [], lambda l: l["from"], {"from": "c0"})

    def test_stock(self):
        below = {"root": set(REGIONS), "north": {"north"}, "south": {"south", "south-low"}, "south-low": {"south-low"}, "nope": set()}
        for city in (None, "c00", "c05", "nope"):
            for kind in (None, "k0", "k4", "nope"):
                for region in (None, "root", "north", "south", "south-low", "nope"):
                    params = {k: v for k, v in (("city", city), ("kind", kind), ("region", region)) if v}
                    expected = sorted(p for p in self.stock if city in (None, p[0]) and kind in (None, p[1])
                                      and (region is None or self.region_of[p[0]] in below[region]))
                    self.check("stock.list", expected, lambda s: (s["city"], s["kind"]), params)
        client = self.client()
        for item in client.items("stock.list"):
            whole = client.call("stock.get", city=item["city"], kind=item["kind"])
            self.assertEqual(item, {k: v for k, v in whole.items() if k in item})
            self.assertEqual(set(whole) - set(item), {"lots", "lot"})

    def test_stock_after_keys_of_others(self):
        client = self.client()
        pairs = sorted(self.stock)
        for after in ("a/a", "c03/k2", "c03/k0", "c03/zz", "c99/k0", "zz/zz"):
            for params in ({}, {"kind": "k2"}, {"city": "c03"}, {"city": "c05", "kind": "k1"}, {"region": "south"}):
                got = [(s["city"], s["kind"]) for s in client.call("stock.list", params, after=after)["items"]]
                expected = [p for p in pairs if p > tuple(after.split("/")) and params.get("city", p[0]) == p[0]
                            and params.get("kind", p[1]) == p[1]
                            and ("region" not in params or self.region_of[p[0]].startswith("south"))]
                self.assertEqual(got, expected, (after, params))

    def test_requests(self):
        for city, kind, incident, state in itertools.product((None, "c01", "c07"), (None, "k0", "k3"), (None, "i1", "nope"),
                                                             (None, "open", "partial", "covered", "closed_short")):
            params = {k: v for k, v in (("city", city), ("kind", kind), ("incident", incident), ("state", state)) if v}
            expected = [r["id"] for r in self.requests if all(r[k] == v for k, v in params.items())]
            self.check("request.list", expected, lambda r: r["id"], params)

    def test_legs(self):
        self.assertGreater(len(self.legs), 20)
        for city, side, state, of in itertools.product((None, "c01", "c07"), (None, "donor", "requester"), (None, "asked", "committed"),
                                                       (None, "r01", "r1")):
            if side and not city:
                continue
            params = {k: v for k, v in (("city", city), ("side", side), ("state", state), ("request", of)) if v}
            expected = [leg["id"] for leg in self.legs if state in (None, leg["state"]) and of in (None, leg["request"])
                        and (not city or city in [leg[s] for s in ((side,) if side else ("donor", "requester"))])]
            self.check("dispatch.list", expected, lambda leg: leg["id"], params)
        self.assertRefused(self.client().error("dispatch.list", side="donor"), "BAD_PARAMS", "side")

    def test_items_are_what_get_answers(self):
        client = self.client()
        for method, key in (("region", "id"), ("city", "code"), ("kind", "code"), ("request", "id"), ("dispatch", "id"),
                            ("incident", "id"), ("agreement", "id")):
            for item in client.items(method + ".list"):
                self.assertEqual(client.call(method + ".get", {key: item[key]}), item)

    def test_b35_bounds(self):
        client = self.client()
        with self.unchanged():
            for method in ("city.list", "stock.list", "link.list", "request.list", "dispatch.list", "log.list"):
                for limit in (0, -1, 10001, 2**63 - 1, 2**64 - 1):
                    self.assertRefused(client.error(method, limit=limit), "BAD_PARAMS", "limit")
            for method, after in (("city.list", ""), ("city.list", "a/b"), ("city.list", "a b"), ("city.list", "/"), ("link.list", "a"),
                                  ("link.list", "a/b/c"), ("link.list", "/b"), ("stock.list", "a/"), ("stock.list", "a"),
                                  ("dispatch.list", "r01"), ("dispatch.list", "r01/0"), ("city.list", "a" * 65)):
                self.assertRefused(client.error(method, after=after), "BAD_PARAMS", "after")
            self.assertRefused(client.error("log.list", {"from": 0}), "BAD_PARAMS", "from")
            self.assertEqual(client.call("log.list", {"from": 2**63 - 1}), {"items": [], "next": None})
            for method, after in (("city.list", "zzz"), ("link.list", "zz/zz"), ("stock.list", "zz/zz"), ("dispatch.list", "zz/1")):
                self.assertEqual(client.call(method, after=after), {"items": [], "next": None})
            # keys that are not there (any more) are places too
            self.assertEqual([c["code"] for c in client.call("city.list", after="c03.x", limit=2)["items"]], ["c04", "c05"])
            self.assertEqual(client.call("link.list", {"from": "c01", "after": "c00/c09"})["items"][0]["to"], "c00")
            self.assertEqual(client.call("link.list", {"from": "c01", "after": "c02/c00"}), {"items": [], "next": None})

    def test_next(self):
        client = self.client()
        page = client.call("city.list", limit=len(CITIES))
        self.assertIsNone(page["next"])
        page = client.call("city.list", limit=len(CITIES) - 1)
        self.assertEqual(page["next"], CITIES[-2])
        self.assertEqual(client.call("link.list", limit=2)["next"], "c00/c02")
        self.assertEqual(client.call("stock.list", limit=1)["next"], "/".join(min(self.stock)))
        self.assertEqual(client.call("dispatch.list", limit=1)["next"], self.legs[0]["id"])

    def test_log_pages(self):
        client = self.client()
        head, at, seqs = client.call("log.head")["seq"], 1, []
        while at is not None:
            page = client.call("log.list", {"from": at, "limit": 17})
            seqs += [entry["seq"] for entry in page["items"]]
            at = page["next"]
        self.assertEqual(seqs, list(range(1, head + 1)))

    def test_z_a_page_ends_below_a_mebibyte(self):
        client = self.client()
        for n in range(0, 3000, 300):
            for k in range(n, n + 300):
                client.send_request("city.put", {"code": "z%04d" % k, "name": "n" * 1000, "region": "north", "lat": 0, "lon": k})
            for _ in range(300):
                self.assertIsNone(client.answer()[2])
        page = client.raw_call(request(1, "city.list", {"limit": 10000}))
        self.assertLess(len(page), 1 << 20)
        self.assertGreater(len(page), 900000)
        self.assertEqual([c["code"] for c in client.items("city.list", limit=10000)], CITIES + ["z%04d" % n for n in range(3000)])
        self.assertGreater(client.pages, 2)
        self.assertEqual(self.client().items("city.list", limit=1)[-1]["code"], "z2999")

    def test_z_a_filter_looks_at_so_many_records(self):
        """A page ends after 4,096 records looked at, with a place to go on from, even when it holds nothing."""
        client = self.client()
        count = 4800
        for n in range(0, count, 300):
            for k in range(n, n + 300):
                client.send_request("request.submit", {"id": "s%05d" % k, "city": CITIES[k == count - 1], "kind": KINDS[0], "quantity": 1,
                                                       "own_first": False, "max_level": 0})
            for _ in range(300):
                self.assertIsNone(client.answer()[2])
        first = client.call("request.list", incident="nope")
        self.assertEqual(first["items"], [])
        self.assertIsNotNone(first["next"])
        self.assertEqual(client.call("request.list", incident="nope", after=first["next"]), {"items": [], "next": None})
        found = client.items("request.list", city=CITIES[1])
        self.assertEqual(found[-1]["id"], "s%05d" % (count - 1))

    def test_z_a_row_of_stock_counts_as_what_it_reads(self):
        """Its key, four records and its lots: six for one lot, so that a page looks at 683 rows."""
        client = self.client()
        for n in range(720):
            kind = "z%02d" % (n % 60)
            if n < 60:
                client.call("kind.put", {"code": kind, "name": "n", "class": "supply", "unit": "u"})
            client.call("stock.receive", city=CITIES[n // 60], kind=kind, quantity=1)
        self.assertLess(len(client.call("stock.list", limit=10000)["items"]), 4096 / 5)
        rows = client.items("stock.list", limit=10000)
        self.assertEqual(client.pages, 2)
        self.assertEqual(len([row for row in rows if row["kind"].startswith("z")]), 720)


if __name__ == "__main__":
    unittest.main()
