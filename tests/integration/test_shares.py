"""What cities see of each other: stock, assets, sums, candidates, legs and events, by what their regions share."""
import itertools
import unittest

from harness import Refused
from regions import D, GOODS, LATER, N, PLENTY, R, SCARCE, TEAM, W, World, X


class Shares(World):
    """What is seen of others' stock, by what their regions share."""

    NUMBERS = ("on_hand", "unusable", "held", "reserved", "in_transit_in", "in_transit_out", "floor", "lots")

    def setUp(self):
        self.addCleanup(self.share, nation=None, east=None)

    def share(self, **regions):
        for region, shares in regions.items():
            self.local.call("region.put", id=region, name=region, parent={"east": "nation"}.get(region), agreement="auto", shares=shares)

    def seen(self, reader, city):
        """exact, available or nothing, proved field by field on all reads of stock and assets."""
        client = self.as_(reader)
        exact = self.local.call("stock.get", city=city, kind=PLENTY)
        row = [row for row in client.items("stock.list", limit=2) if (row["city"], row["kind"]) == (city, PLENTY)]
        whole = self.local.call("asset.get", id="a-" + city)
        piece = [piece for piece in client.items("asset.list") if piece["id"] == "a-" + city]
        self.assertEqual(client.items("stock.list", city=city, kind=PLENTY), row)
        self.assertEqual(client.items("stock.list", kind=PLENTY) and
                         [r for r in client.items("stock.list", kind=PLENTY) if r["city"] == city], row)
        self.assertEqual(client.items("asset.list", city=city, kind=TEAM)[:1], piece)
        try:
            stock = client.call("stock.get", city=city, kind=PLENTY)
        except Refused as refused:
            self.assertEqual(refused.code, "DENIED")
            self.assertEqual((row, piece), ([], []))
            self.assertEqual(client.error("asset.get", id="a-" + city)["code"], "DENIED")
            return "nothing"
        self.assertEqual(client.call("asset.get", id="a-" + city), piece[0])
        self.assertEqual(row, [{key: value for key, value in stock.items() if key in row[0]}])
        if stock == exact:
            self.assertEqual(piece, [whole])
            return "exact"
        self.assertEqual({key for key, value in stock.items() if value is not None}, {"city", "kind", "available"})
        self.assertTrue(set(self.NUMBERS) <= set(stock), "the fields are there, without their values")
        self.assertEqual(stock["available"], exact["available"])
        self.assertEqual({key: value for key, value in piece[0].items() if value not in (None, [])},
                         {key: whole[key] for key in ("id", "kind", "city", "level", "condition", "use")})
        return "available"

    def check(self, **expected):
        for reader, words in expected.items():
            self.assertEqual([self.seen({"east": "of east", "nation": "of nation", "foreign": "of foreign"}.get(reader, reader), city)
                              for city in (D, N, W, X)], words.split(), reader)

    def test_none_set(self):
        self.check(**{"near": "available exact available nothing", "donor": "exact available available nothing",
                      "west-city": "available available exact nothing", "abroad": "nothing nothing nothing exact",
                      "east": "exact exact available nothing", "nation": "exact exact exact nothing",
                      "foreign": "nothing nothing nothing exact", "auditor": "exact exact exact exact",
                      "all": "exact exact exact exact", "local": "exact exact exact exact"})

    def test_exact_in_a_region(self):
        self.share(east="exact")
        self.check(**{"near": "exact exact available nothing", "west-city": "available available exact nothing"})

    def test_the_lowest_region_that_says_so_counts(self):
        self.share(nation="exact", east="nothing")
        self.check(**{"near": "nothing exact exact nothing", "west-city": "exact exact exact nothing",
                      "east": "exact exact exact nothing"})
        self.share(nation="nothing", east="available")
        self.check(**{"near": "available exact nothing nothing", "west-city": "nothing nothing exact nothing",
                      "east": "exact exact nothing nothing"})
        self.share(nation="exact", east=None)
        self.check(**{"near": "exact exact exact nothing", "abroad": "nothing nothing nothing exact"})

    def test_an_unknown_city_sees_nothing_of_others(self):
        client = self.client()
        client.call("server.hello", role="city", city="unheard-of")
        self.assertEqual(client.items("stock.list") + client.items("asset.list"), [])
        self.assertEqual(client.error("stock.get", city=D, kind=PLENTY)["code"], "DENIED")
        self.assertEqual(client.error("stock.get", city="unheard-of", kind=PLENTY)["code"], "NOT_FOUND")

    def test_an_asset_in_a_leg_is_not_shared_as_available(self):
        self.local.call("asset.put", id="busy", kind=TEAM, city=D, level=1)
        self.local.call("request.submit", id="busy", city=R, kind=TEAM, quantity=1, own_first=False, min_level=1)
        self.assertEqual(self.local.call("asset.get", id="busy")["use"], "reserved")
        client = self.as_(N)
        self.assertNotIn("busy", [piece["id"] for piece in client.items("asset.list")])
        self.assertEqual(client.error("asset.get", id="busy")["code"], "NOT_FOUND")
        self.share(east="exact")
        self.assertEqual(client.call("asset.get", id="busy"), self.local.call("asset.get", id="busy"))

    def test_an_asset_that_nobody_could_have_is_not_shared_as_available(self):
        """Ready, rested, at home and free: all four."""
        states = [("condition", word) for word in ("ready", "maintenance", "damaged", "lost")] + [("rest_until", 1), ("rest_until", LATER)]
        for at, (field, value) in enumerate(states):
            self.local.call("asset.put", {"id": "s-%d" % at, "kind": TEAM, "city": D, field: value})
        had = ["s-0", "s-4"]
        client, owner, outsider = self.as_(N), self.as_(D), self.as_(X)
        for shares in (None, "available", "exact", "nothing"):
            self.share(east=shares)
            for at, state in enumerate(states):
                id = "s-%d" % at
                with self.subTest(shares=shares, state=state):
                    listed = [piece["id"] for piece in client.items("asset.list", city=D, limit=1)]
                    whole = owner.call("asset.get", id=id)
                    # A rest that is over may have been taken away by its timer, sooner or later.
                    self.assertIn(whole[state[0]], (1, None) if state == ("rest_until", 1) else state[1:])
                    self.assertEqual(outsider.error("asset.get", id=id)["code"], "DENIED")
                    if shares == "exact" or (shares != "nothing" and id in had):
                        self.assertIn(id, listed)
                        self.assertEqual(client.call("asset.get", id=id)["condition"], whole["condition"])
                        continue
                    self.assertNotIn(id, listed)
                    refusal = client.error("asset.get", id=id)
                    self.assertEqual(refusal["code"], "DENIED" if shares == "nothing" else "NOT_FOUND")
                    if shares != "nothing":
                        self.assertEqual(refusal, {**client.error("asset.get", id="no-such"), "id": id}, "as if there were none")

    def shortfall(self, reader, region):
        rows = self.as_(reader).items("shortfall.list", region=region)
        return {row.pop("kind"): row for row in rows}

    def single(self):
        """A kind that only the donor has: 100 on hand, 20 of them for 5 days yet, 30 its floor, 12 asked for by the requester; 6 used."""
        kind = self.new()
        soon = self.local.call("server.info")["time"] + 5 * 86400000
        self.local.call("kind.put", {"code": kind, "name": kind, "class": "supply", "unit": "u"})
        self.local.call("stock.receive", city=D, kind=kind, quantity=86)
        self.local.call("stock.receive", city=D, kind=kind, quantity=20, expires=soon)
        self.local.call("stock.issue", city=D, kind=kind, quantity=6, lot="0", reason="r")
        self.local.call("stock.floor", city=D, kind=kind, floor=30)
        self.local.call("request.submit", id=self.new(), city=R, kind=kind, quantity=12, own_first=False)
        return kind

    def test_a_sum_over_one_holder_tells_no_more_than_the_city_would(self):
        kind = self.single()
        whole = {"region": "east", "on_hand": 100, "available": 58, "promised": 12, "open": 0, "worst_city": None,
                 "days_of_cover": 58 * 30 // 6, "single_donor": True, "expiring_30_days": 20, "partial": False}
        seen = {**whole, "on_hand": 58, "promised": 0, "days_of_cover": None, "expiring_30_days": 0, "partial": True}
        own = {**whole, "days_of_cover": None, "partial": True}
        for shares, told in ((None, seen), ("available", seen), ("exact", whole), ("nothing", None)):
            self.share(east=shares)
            with self.subTest(shares=shares):
                for reader in ("local", "auditor", "all", "of nation", "of east"):
                    self.assertEqual(self.shortfall(reader, "east")[kind], whole, reader)
                self.assertEqual(self.shortfall(D, "east")[kind], whole if shares == "exact" else own)
                for reader in (R, N):
                    self.assertEqual(self.shortfall(reader, "east").get(kind), told, reader)
                    stock = self.as_(reader).items("stock.list", city=D, kind=kind)
                    self.assertEqual([row["available"] for row in stock], [told["available"]] if told else [])
        self.assertEqual(self.as_(W).error("shortfall.list", region="east")["code"], "DENIED")

    def test_a_row_for_the_need_alone_when_nothing_is_shared(self):
        self.share(east="nothing")
        kind = self.single()
        self.local.call("request.submit", id=self.new(), city=R, kind=kind, quantity=59, own_first=False)
        self.assertEqual(self.shortfall(N, "east")[kind], {
            "region": "east", "on_hand": 0, "available": 0, "promised": 0, "open": 1, "worst_city": R, "days_of_cover": None,
            "single_donor": False, "expiring_30_days": 0, "partial": True})

    def test_sums_over_cities_that_share_differently(self):
        """Of the nation a city of the east sees the east as the east says, and the west as the nation says."""
        kind = self.single()
        self.local.call("stock.receive", city=W, kind=kind, quantity=1000)
        self.local.call("stock.floor", city=W, kind=kind, floor=1)
        self.local.call("stock.receive", city=N, kind=kind, quantity=7)
        for nation, east, (on_hand, available, promised, single, partial) in (
                (None, "exact", (107 + 999, 65 + 999, 12, False, True)), ("nothing", "exact", (107, 65, 12, False, True)),
                ("exact", "nothing", (7 + 1000, 7 + 999, 0, False, True)), ("exact", None, (1107, 1064, 12, False, False)),
                ("nothing", None, (7, 7, 0, True, True)), (None, None, (7 + 58 + 999, 1064, 0, False, True))):
            self.share(nation=nation, east=east)
            row = self.shortfall(N, "nation")[kind]
            self.assertEqual((row["on_hand"], row["available"], row["promised"], row["single_donor"], row["partial"]),
                             (on_hand, available, promised, single, partial), (nation, east))
            self.assertEqual(row["days_of_cover"], None if partial else 1064 * 30 // 6)
            self.assertFalse(self.shortfall("of nation", "nation")[kind]["partial"])

    def candidates(self, client, explain):
        return {row["city"]: row for row in explain(client)["candidates"]}

    def test_candidates(self):
        id = self.request(SCARCE)
        asked = {"city": R, "kind": SCARCE, "quantity": 2, "max_level": 3, "explain": True}
        ways = {"explain": lambda client: client.call("request.explain", id=id),
                "preview": lambda client: client.call("match.preview", asked),
                "submit": lambda client: client.call("request.submit", {**asked, "id": self.new()})}
        hidden = ("floor", "held", "reserved")
        for shares, way in itertools.product((None, "available", "exact", "nothing"), ways.values()):
            self.share(nation=shares)
            full, seen = self.candidates(self.local, way), self.candidates(self.as_(R), way)
            self.assertEqual(set(seen), set(full))
            self.assertTrue({D, W} <= set(seen))
            self.assertTrue(all(value is not None for row in full.values() for key, value in row.items() if key != "reason"))
            for city, row in seen.items():
                nil = () if city == R or shares == "exact" else hidden + (("available",) if shares == "nothing" else ())
                self.assertEqual(row, {key: None if key in nil else value for key, value in full[city].items()})

    def test_the_own_city_is_an_exact_candidate(self):
        self.share(nation="nothing", east="nothing")
        asked = {"city": R, "kind": PLENTY, "quantity": 10**6, "explain": True}
        full, seen = (client.call("match.preview", asked) for client in (self.local, self.as_(R)))
        self.assertEqual((seen["candidates"][0]["city"], seen["candidates"][0]["floor"]), (R, 10))
        self.assertEqual((seen["candidates"][0], seen["legs"][0]), (full["candidates"][0], full["legs"][0]))
        self.assertGreater(len(full["legs"]), 1)
        self.assertEqual([leg["lots"] for leg in seen["legs"][1:]], [[] for _ in full["legs"][1:]])

    def test_a_preview_names_the_lots_of_those_who_share_all(self):
        params = {"city": R, "kind": GOODS, "quantity": 3}
        whole = self.local.call("match.preview", params)
        self.assertEqual(whole["legs"][0]["lots"], [{"lot": "l", "quantity": 3}])
        self.assertEqual(self.as_(R).call("match.preview", params),
                         {**whole, "legs": [{**whole["legs"][0], "lots": []}]})
        self.share(east="exact")
        self.assertEqual(self.as_(R).call("match.preview", params), whole)
        self.share(east="nothing")
        self.assertEqual(self.as_(N).error("match.preview", params)["code"], "DENIED")
        self.assertEqual(self.as_(R).call("match.preview", params)["legs"][0]["lots"], [])

    def test_a_preview_names_the_pieces_of_those_who_share_all(self):
        params = {"city": R, "kind": TEAM, "quantity": 3, "own_first": False, "max_level": 3}
        whole = self.local.call("match.preview", params)
        self.assertEqual({leg["donor"]: leg["assets"] for leg in whole["legs"]}[W], ["a-" + W])
        self.share(east="exact", nation="available")
        for leg, seen in zip(whole["legs"], self.as_(R).call("match.preview", params)["legs"]):
            shared = leg["donor"] != W
            self.assertEqual(seen, leg if shared else {**leg, "assets": [], "operators": []})
        for shares in (None, "available", "nothing"):
            self.share(east=shares, nation="nothing")
            for seen in self.as_(R).call("match.preview", params)["legs"]:
                self.assertEqual((seen["lots"], seen["assets"], seen["operators"]), ([], [], []))

    def pieces(self, reader, id):
        """lots, assets and operators of a leg, the same from get, list, and every event of its life."""
        client = self.as_(reader)
        got = client.call("dispatch.get", id=id)
        self.assertEqual([leg for leg in client.items("dispatch.list") if leg["id"] == id], [got])
        client.call("event.subscribe", topics=["dispatch"], from_seq=1)
        keys, record = ("lots", "assets", "operators"), {}
        while record != got:
            record = client.notification()[2][0]["record"]
            if record["id"] == id:
                self.assertEqual([record[key] for key in keys], [got[key] for key in keys], reader)
        return tuple(got[key] for key in keys)

    def test_what_a_leg_takes_is_its_sides_business(self):
        """Lots, assets and operators: both sides, who is over one of them, and who sees all of the donor."""
        machine, crew = self.new(), self.new()
        self.local.call("kind.put", {"code": machine, "name": "m", "class": "equipment", "unit": "u", "operator": crew})
        self.local.call("kind.put", {"code": crew, "name": "c", "class": "team", "unit": "u"})
        for kind in (machine, crew):
            self.local.call("asset.put", id="piece-" + kind, kind=kind, city=D)
        moving = self.leg(GOODS, R)
        self.local.call("dispatch.depart", id=moving)
        for id, whole in ((self.leg(machine, R), ([], ["piece-" + machine], ["piece-" + crew])),
                          (moving, ([{"lot": "l", "quantity": 2}], [], []))):
            for shares in (None, "nothing", "exact"):
                self.share(east=shares)
                for reader in ("local", "auditor", "all", "of nation", "of east", D, R):
                    self.assertEqual(self.pieces(reader, id), whole, (reader, shares))
                self.assertEqual(self.pieces(N, id), whole if shares == "exact" else ([], [], []), shares)
                for reader in (W, X):
                    self.assertEqual(self.pieces(reader, id), ([], [], []), (reader, shares))

    def test_who_did_it(self):
        """An event has the identity of the log, for the cities that its record names and who is over one; others are told the role."""
        def act():
            id = self.as_(R).call("request.submit", id=self.new(), city=R, kind=GOODS, quantity=2, own_first=False)["id"]
            self.as_("of east").call("request.amend", id=id, priority=1)
            self.as_(D).call("dispatch.depart", id=id + "/1")
            self.as_(R).call("dispatch.lost", id=id + "/1", reason="the bridge")
            self.as_(R).call("request.cancel", id=id, reason="over")
        names = {"request.submit": "city:" + R, "request.amend": "coordinator:east", "dispatch.depart": "city:" + D,
                 "dispatch.lost": "city:" + R, "request.cancel": "city:" + R, "kind.put": "local"}
        topics = {"request": set(names) - {"kind.put"}, "dispatch": set(names) - {"kind.put", "request.amend"}, "kind": {"kind.put"}}
        for reader in ("local", "auditor", "all", "of nation", "of east", D, R, N, W, X):
            client = self.as_(reader)
            client.call("event.subscribe", topics=["request", "dispatch", "kind"])
            act()
            mark = self.local.call("kind.put", {"code": self.new(), "name": "mark", "class": "supply", "unit": "u"})["seq"]
            told, event = {}, {"seq": 0}
            while event["seq"] != mark:
                event = client.notification()[2][0]
                told.setdefault((event["topic"], event["method"]), set()).add(event["identity"])
            named = {D: {"dispatch"}, R: {"request", "dispatch"}, N: (), W: (), X: ()}.get(reader, topics)
            self.assertEqual(told, {(topic, method): {names[method] if topic in named or names[method] == "city:" + reader else
                                                     names[method].split(":")[0]}
                                    for topic, methods in topics.items() for method in methods}, reader)

    def events(self, reader, make):
        """Topics and cities of the events that make() causes, up to a mark that everybody sees."""
        client = self.as_(reader)
        client.call("event.subscribe")
        make()
        mark = self.local.call("kind.put", {"code": self.new(), "name": "mark", "class": "supply", "unit": "u"})["seq"]
        found = []
        while True:
            event = client.notification()[2][0]
            if event["seq"] == mark:
                return found
            found.append((event["topic"], *event["cities"]))

    def test_events(self):
        def stock():
            for city in (D, N):
                self.local.call("stock.receive", city=city, kind=PLENTY, quantity=1, lot="counted", op=self.new())
                self.local.call("stock.floor", city=city, kind=PLENTY, floor=10)
                self.local.call("asset.status", id="a-" + city, condition="ready")
        own = [("lot", N), ("account", N), ("floor", N), ("asset", N)]
        both = [(topic, city) for city in (D, N) for topic in ("lot", "account", "floor", "asset")]
        ops = [event for city in (D, N) for event in [("lot", city), ("account", city), ("op",), ("floor", city), ("asset", city)]]
        self.assertEqual(self.events(N, stock), own)
        self.assertEqual(self.events(W, stock), [])
        self.assertEqual(self.events("of east", stock), both)
        self.assertEqual(self.events("of west", stock), [])
        self.assertEqual(self.events("auditor", stock), ops)
        self.share(east="exact")
        self.assertEqual(self.events(N, stock), both)
        self.share(east="nothing")
        self.assertEqual(self.events(N, stock), own)

    def test_events_of_requests(self):
        sides = [("request", R), ("dispatch", D, R)]
        def ask():
            self.leg(GOODS, R)
        for reader in (D, R, N, W, X, "of nation", "of east", "auditor"):
            got = [event for event in self.events(reader, ask) if event[0] in ("request", "dispatch")]
            self.assertEqual(got, sides, reader)
        for reader in ("of west", "of foreign"):
            self.assertEqual(self.events(reader, ask), [], reader)

    def test_lists_of_a_region_show_what_has_a_side_there(self):
        self.leg(GOODS, R), self.leg(GOODS, W)
        legs, requests = self.local.items("dispatch.list"), self.local.items("request.list")
        for region, cities in (("nation", {D, R, N, W}), ("east", {D, R, N}), ("west", {W}), ("foreign", {X})):
            client = self.as_("of " + region)
            inside = [leg for leg in legs if {leg["donor"], leg["requester"]} & cities]
            self.assertEqual(client.items("dispatch.list"), inside)
            self.assertEqual(client.items("dispatch.list", limit=1), inside)
            own = {leg["request"] for leg in inside}
            self.assertEqual(client.items("request.list"),
                             [request for request in requests if request["city"] in cities or request["id"] in own])


if __name__ == "__main__":
    unittest.main()
