"""The life of teams, equipment and loans on the real daemon: silence, broken crews, packs of substitutes, rings of level 3, dates, and
all of it over a kill -9 at every step. The books are added up at each step, and the database is checked at the end.

Each test has a region, cities and kinds of its own; a degree of longitude at the equator is 156 minutes of road.
"""
import os
import subprocess
import unittest

from harness import BIN, DEADLINE, Case

DAY, MINUTE = 86400000, 60000


class Life(Case):
    @classmethod
    def prepare(cls):
        cls.regions = set()
        with cls.daemon.client() as client:
            client.call("region.put", id="land", name="the superior level")

    # ---- words of the tests ----

    def place(self, code, region, at, agreement=None, parent="land"):
        """A city at so many thousandths of a degree east; its region is made with its first city."""
        client = self.client()
        if region not in self.regions:
            self.regions.add(region)
            client.call("region.put", {"id": region, "name": region, "parent": parent, "agreement": agreement})
        client.call("city.put", code=code, name=code, region=region, lat=0, lon=at * 1000)

    def kind(self, code, class_, **more):
        self.client().call("kind.put", {"code": code, "name": code, "class": class_, "unit": "piece", **more})

    def put(self, city, kind, *ids, **more):
        for id in ids:
            self.client().call("asset.put", id=id, kind=kind, city=city, **more)

    def cranes(self, name, *cities):
        """In each city a crane and the crew that it needs: NAME-crane-CITY and NAME-crew-CITY."""
        self.kind(name + "-crew", "team")
        self.kind(name + "-crane", "equipment", operator=name + "-crew")
        for city in cities:
            self.put(city, name + "-crane", "%s-crane-%s" % (name, city))
            self.put(city, name + "-crew", "%s-crew-%s" % (name, city))

    def call(self, method, **params):
        return self.client().call(method, params)

    def legs(self, request):
        return self.client().items("dispatch.list", request=request)

    def use(self, *ids):
        return [self.call("asset.get", id=id)["use"] for id in ids]

    def crash(self):
        """The daemon dies and starts again; the state is what it was, to the byte."""
        before = self.client().dump()
        self.assertEqual(self.daemon.kill(), -9)
        self.daemon.start()
        after = self.client().dump()
        self.assertEqual((after.digest, after.head), (before.digest, before.head))

    def wait_for(self, topic, id, from_seq, wanted):
        """The first version of the record that is wanted: told by an event, not by the clock."""
        follower = self.client()
        follower.call("event.subscribe", topics=[topic], from_seq=from_seq)
        while True:
            record = follower.notification()[2][0]["record"]
            if record["id"] == id and wanted(record):
                return record

    def books(self, kind, **expected):
        """Where the units of the kind are, over all cities; what isn't named is 0, and the sum is what was received."""
        dump = self.client().dump(tables=["lot", "asset", "account"])
        sums = {key: sum(a[key] for a in dump.table("account") if a["kind"] == kind)
                for key in ("received", "issued", "lost", "written_off", "on_loan", "in_transit")}
        sums["home"] = sum(lot["quantity"] for lot in dump.table("lot") if lot["kind"] == kind) + \
            sum(a["kind"] == kind and a["use"] != "away" for a in dump.table("asset"))
        received = sums.pop("received")
        self.assertEqual(received, sum(sums.values()), sums)
        self.assertEqual({key: units for key, units in sums.items() if units}, expected)

    # ---- the tests ----

    def test_a_silence_frees_the_crane_and_its_crew(self):
        """The donor doesn't answer: both are free again, the next city is asked in the same moment, and another request gets the crew."""
        self.place("a-need", "a", 0, "auto")
        self.place("a-near", "a", 500)
        self.place("a-far", "a", -1000)
        self.call("agreement.put", id="a", donor="a-near", requester="a-need", commit="ask", answer_minutes=0)
        self.cranes("a", "a-near", "a-far")
        asked = self.call("request.submit", id="a", city="a-need", kind="a-crane", quantity=1)
        self.assertEqual((asked["asked"], asked["covered"]), (1, 1))
        lapsed = self.wait_for("dispatch", "a/1", asked["seq"], lambda leg: leg["state"] != "asked")
        self.assertEqual((lapsed["state"], lapsed["assets"], lapsed["operators"]), ("lapsed", ["a-crane-a-near"], ["a-crew-a-near"]))
        legs = self.legs("a")
        self.assertEqual([(leg["donor"], leg["state"]) for leg in legs], [("a-near", "lapsed"), ("a-far", "committed")])
        self.assertEqual(legs[1]["operators"], ["a-crew-a-far"])
        self.assertEqual(legs[1]["times"]["committed"], legs[0]["times"]["lapsed"], "in the same entry")
        self.assertEqual(self.use("a-crane-a-near", "a-crew-a-near", "a-crane-a-far", "a-crew-a-far"),
                         ["free", "free", "reserved", "reserved"])
        self.assertEqual(self.call("request.get", id="a")["excluded"], ["a-near"])
        self.call("request.submit", id="a-team", city="a-far", kind="a-crew", quantity=1)
        self.assertEqual([leg["assets"] for leg in self.legs("a-team")], [["a-crew-a-near"]])

    def test_b_an_operator_that_is_no_longer_fit(self):
        """The donor may say yes, but nothing leaves without a crew that can work; mended, it goes, or it is taken back and matched elsewhere."""
        self.place("b-need", "b", 0, "ask")
        self.place("b-give", "b", 500, "ask")
        self.place("b-other", "b", -1000)
        self.cranes("b", "b-give")
        now = self.call("request.submit", id="b", city="b-need", kind="b-crane", quantity=1)["submitted"]
        crew = "b-crew-b-give"
        self.call("asset.status", id=crew, condition="lost")
        self.assertEqual(self.call("dispatch.accept", id="b/1")["state"], "committed")
        unfit = (dict(condition="damaged"), dict(rest_until=now + DAY),
                 dict(certificates=[{"name": "crane", "until": now + 77 * MINUTE}]))
        for fields in unfit:
            self.put("b-give", "b-crew", crew, **fields)
            with self.unchanged():
                self.assertRefused(self.client().error("dispatch.depart", id="b/1"), "BAD_STATE", state="committed")
        self.put("b-give", "b-crew", crew, certificates=[{"name": "crane", "until": now + DAY}])
        self.assertEqual(self.call("dispatch.depart", id="b/1")["operators"], [crew])
        self.books("b-crew", in_transit=1)
        self.call("dispatch.lost", id="b/1", reason="the bridge")
        self.assertEqual(self.call("asset.get", id=crew)["condition"], "lost")
        self.books("b-crew", home=1)

        self.cranes("b2", "b-give")
        self.call("request.submit", id="b2", city="b-need", kind="b2-crane", quantity=1)
        self.call("dispatch.accept", id="b2/1")
        self.call("asset.status", id="b2-crew-b-give", condition="damaged")
        self.cranes("b2", "b-other")
        self.call("agreement.put", id="b", donor="b-other", requester="b-need", commit="auto")
        self.call("dispatch.renege", id="b2/1", reason="the crew is ill")
        self.assertEqual([(leg["state"], leg["operators"]) for leg in self.legs("b2")],
                         [("reneged", ["b2-crew-b-give"]), ("committed", ["b2-crew-b-other"])])
        self.assertEqual(self.use("b2-crane-b-give", "b2-crew-b-give"), ["free", "free"])

    def test_c_packs_of_substitutes_and_all_or_nothing(self):
        """Two small cranes for one large, each with its crew. What can't be covered whole, for want of one crew, stores nothing."""
        self.place("c-need", "c", 0, "auto")
        self.place("c-give", "c", 500)
        self.kind("c-crew", "team")
        self.kind("c-small", "equipment", operator="c-crew")
        self.kind("c-large", "equipment", substitutes=[{"kind": "c-small", "give": 2, "for": 1}])
        self.put("c-give", "c-small", "c-s1", "c-s2", "c-s3", "c-s4")
        self.put("c-give", "c-crew", "c-t1", "c-t2", "c-t3")
        params = dict(id="c", city="c-need", kind="c-large", quantity=2, substitutes=True, all_or_nothing=True)
        with self.unchanged():
            self.assertRefused(self.client().error("request.submit", params), "UNFILLABLE", available=1)
        self.assertRefused(self.client().error("request.get", id="c"), "NOT_FOUND")
        request = self.call("request.submit", **{**params, "all_or_nothing": False})
        self.assertEqual((request["covered"], request["open"]), (1, 1))
        leg = self.legs("c")[0]
        self.assertEqual((leg["assets"], leg["operators"], leg["covers"]), (["c-s1", "c-s2"], ["c-t1", "c-t2"], 1))
        self.assertEqual(self.use("c-s3", "c-t3"), ["free", "free"], "no half pack, and nobody for it")
        self.put("c-give", "c-crew", "c-t4")
        self.assertEqual([leg["operators"] for leg in self.legs("c")], [["c-t1", "c-t2"], ["c-t3", "c-t4"]])
        for leg in self.legs("c"):
            self.call("dispatch.depart", id=leg["id"])
            self.assertRefused(self.client().error("dispatch.receive", id=leg["id"], accepted=1, missing=1, reason="?"), "BAD_PARAMS",
                               "accepted")
            self.call("dispatch.receive", id=leg["id"], accepted=2)
        self.books("c-small", on_loan=4)
        self.books("c-crew", on_loan=4)
        self.assertEqual(self.call("request.get", id="c")["state"], "filled")

    def test_d_rings_of_level_3_and_an_order(self):
        """Emergency mode opens the parent's subtree, then its parent's, however near; the last crane comes by a superior's order, past the
        floors of machine and crew, from a city that had declined."""
        self.place("d-root", "d", 30000, "auto")
        self.place("d-uncle", "d-side", 45000, parent="d")
        self.place("d-mid", "d-middle", 40000, parent="d-side")
        self.place("d-need", "d-home", 0, parent="d-middle")
        self.place("d-mate", "d-home", 20000, parent="d-middle")
        self.cranes("d", "d-mate", "d-mid", "d-uncle", "d-root")
        self.place("d-stern", "d-home", 21000, parent="d-middle")
        request = self.call("request.submit", id="d", city="d-need", kind="d-crane", quantity=5)
        self.assertEqual([(leg["donor"], leg["level"]) for leg in self.legs("d")], [("d-mate", 2)])
        self.call("city.mode", code="d-need", mode="emergency", reason="earthquake")
        self.assertEqual([(leg["donor"], leg["level"]) for leg in self.legs("d")],
                         [("d-mate", 2), ("d-mid", 3), ("d-uncle", 3), ("d-root", 3)])
        self.crash()
        self.call("agreement.put", id="d", donor="d-stern", requester="d-need", commit="ask")
        self.cranes("d", "d-stern")
        leg = self.legs("d")[-1]
        self.assertEqual((leg["donor"], leg["state"]), ("d-stern", "asked"))
        self.call("dispatch.decline", id=leg["id"], reason="our own dam")
        for kind in ("d-crane", "d-crew"):
            self.call("stock.floor", city="d-stern", kind=kind, floor=1)
        self.assertEqual(self.call("request.get", id="d")["open"], 1)
        superior, elsewhere = self.client(), self.client()
        superior.call("server.hello", role="coordinator", region="d")
        elsewhere.call("server.hello", role="coordinator", region="d-side")
        order = dict(request="d", donor="d-stern", quantity=1, reason="people under a roof")
        ordered = superior.call("dispatch.order", order)
        self.assertEqual((ordered["state"], ordered["ordered"], ordered["level"], ordered["operators"]),
                         ("committed", True, 2, ["d-crew-d-stern"]))
        self.assertRefused(elsewhere.error("dispatch.order", {**order, "donor": "d-root"}), "DENIED")
        self.assertEqual(self.call("request.get", id="d")["covered"], request["quantity"])
        self.assertEqual(self.call("request.get", id="d")["excluded"], ["d-stern"], "an order doesn't take the refusal back")

    def test_e_no_region_holds_both(self):
        """A coordinator of everything has no say between two trees that nobody joins."""
        self.client().call("region.put", id="e-isle", name="a land of its own")
        self.client().call("city.put", code="e-isle", name="e", region="e-isle", lat=0, lon=500000)
        self.place("e-need", "e", 0)
        self.cranes("e", "e-isle")
        self.call("city.mode", code="e-need", mode="emergency", reason="flood")
        self.call("request.submit", id="e", city="e-need", kind="e-crane", quantity=1)
        everything = self.client()
        everything.call("server.hello", role="coordinator")
        order = dict(request="e", donor="e-isle", quantity=1, reason="no other way")
        with self.unchanged():
            self.assertRefused(everything.error("dispatch.order", order), "DENIED")
        self.client().call("region.put", id="e-isle", name="a land of its own", parent="land")
        self.assertEqual(everything.call("dispatch.order", order)["donor"], "e-isle")

    def test_f_a_loan_over_crashes_tells_who_lost_what(self):
        """Lent 10, sent back 8, came home 7. The daemon dies before each step; the record tells both losses, the books add up."""
        self.place("f-need", "f", 0, "ask")
        self.place("f-give", "f", 500)
        self.kind("f", "supply", returnable=True)
        self.call("stock.receive", city="f-give", kind="f", lot="old", quantity=6, expires=4102444800000)
        self.call("stock.receive", city="f-give", kind="f", lot="new", quantity=4)
        submit = dict(id="f", city="f-need", kind="f", quantity=10)
        first = self.call("request.submit", **submit)
        steps = (("accept", {}, dict(home=10)), ("depart", {}, dict(in_transit=10)), ("receive", dict(accepted=10), dict(on_loan=10)),
                 ("return", dict(quantity=8), dict(in_transit=8, lost=2)), ("checkin", dict(quantity=7), dict(home=7, lost=3)))
        for step, params, books in steps:
            self.crash()
            if step == "return":
                self.dates("f/1")
            answer = self.call("dispatch." + step, id="f/1", op="f-" + step, **params)
            self.books("f", **books)
            self.crash()
            self.assertEqual(self.call("dispatch." + step, id="f/1", op="f-" + step, **params), answer, "sent again over the crash")
        self.assertEqual(self.call("request.submit", **submit), first)
        leg = self.call("dispatch.get", id="f/1")
        self.assertEqual([leg[key] for key in ("state", "sent", "accepted", "returned", "checked_in", "condition")],
                         ["returned", 10, 10, 8, 7, "ready"])
        lots = {lot["lot"]: lot["quantity"] for lot in self.call("stock.get", city="f-give", kind="f")["lots"]}
        self.assertEqual(lots, {"old": 6, "new": 1}, "the lots in their order")
        story = subprocess.run([os.path.join(BIN, "relief"), "--server", "unix:" + self.daemon.socket_path, "request", "show", "f"],
                               capture_output=True, text=True, timeout=DEADLINE, check=True).stdout
        for words in ("8 of 10", "7 of 8"):
            self.assertIn(words, story)

    def dates(self, leg):
        """What has passed can't be asked for, and an extension doesn't bring the date nearer."""
        now = self.call("server.info")["time"]
        with self.unchanged() as other:
            for method in ("dispatch.recall", "dispatch.extend"):
                self.assertRefused(other.error(method, id=leg, by=now - 1), "BAD_PARAMS", "by")
        recall = dict(id=leg, by=now + DAY, op=leg.replace("/", "-"))
        recalled = self.call("dispatch.recall", **recall)
        self.assertEqual(recalled["due"], now + DAY)
        self.assertRefused(self.client().error("dispatch.extend", id=leg, by=now + DAY - 1), "BAD_PARAMS", "by")
        self.assertEqual(self.call("dispatch.extend", id=leg, by=now + 2 * DAY)["due"], now + 2 * DAY)
        self.assertEqual(self.call("dispatch.recall", **recall), recalled, "the first answer, whatever the time is")

    def test_g_a_mission_over_crashes(self):
        """Two cranes with their crews; the daemon dies before each step, and at the end all are home, one lost, one damaged."""
        self.place("g-need", "g", 0, "auto")
        self.place("g-give", "g", 500)
        self.cranes("g", "g-give")
        self.put("g-give", "g-crane", "g-second")
        self.put("g-give", "g-crew", "g-second-crew")
        self.call("request.submit", id="g", city="g-need", kind="g-crane", quantity=2)
        cranes, crews = ["g-crane-g-give", "g-second"], ["g-crew-g-give", "g-second-crew"]
        steps = (("depart", {}, dict(in_transit=2), dict(in_transit=2)), ("receive", dict(accepted=2), dict(on_loan=2), dict(on_loan=2)),
                 ("return", dict(quantity=1), dict(in_transit=1, home=1), dict(in_transit=2)),
                 ("checkin", dict(quantity=1, condition="damaged"), dict(home=2), dict(home=2)))
        for step, params, crane_books, crew_books in steps:
            self.crash()
            self.call("dispatch." + step, id="g/1", **params)
            self.books("g-crane", **crane_books)
            self.books("g-crew", **crew_books)
            if step == "receive":
                self.assertRefused(self.client().error("asset.status", id=crews[0], city="g-need"), "BAD_STATE", state="away")
        self.crash()
        self.assertEqual(self.use(*cranes, *crews), ["free"] * 4)
        self.assertEqual([self.call("asset.get", id=id)["condition"] for id in cranes + crews], ["damaged", "lost", "ready", "ready"])
        leg = self.call("dispatch.get", id="g/1")
        self.assertEqual([leg[key] for key in ("state", "accepted", "returned", "checked_in")], ["returned", 2, 1, 1])

    def test_h_rest_ends_after_a_crash(self):
        """Home from a mission the crew rests; an open request waits for it, and is matched by the timer of a daemon that began anew."""
        self.place("h-need", "h", 0, "auto")
        self.place("h-give", "h", 500)
        self.cranes("h", "h-give")
        crew = "h-crew-h-give"
        self.call("request.submit", id="h-first", city="h-need", kind="h-crane", quantity=1)
        for step, params in (("depart", {}), ("receive", dict(accepted=1)), ("return", dict(quantity=1)), ("checkin", dict(quantity=1))):
            self.call("dispatch." + step, id="h-first/1", **params)
        rested = self.call("server.info")["time"] + 1500
        self.call("asset.status", id=crew, rest_until=rested)
        request = self.call("request.submit", id="h", city="h-need", kind="h-crane", quantity=1)
        self.assertEqual(request["covered"], 0)
        self.assertEqual(self.daemon.kill(), -9)
        self.daemon.start()
        leg = self.wait_for("dispatch", "h/1", request["seq"], lambda leg: True)
        self.assertEqual((leg["state"], leg["assets"], leg["operators"]), ("committed", ["h-crane-h-give"], [crew]))
        self.assertGreaterEqual(leg["times"]["committed"], rested)

    def test_i_assets_are_put_and_not_booked(self):
        """Every stock command but floor and get says that the kind is wrong, whatever lot is named."""
        self.place("i", "i", 0)
        self.kind("i", "team")
        client = self.client()
        at = dict(city="i", kind="i")
        for method, params in (("receive", dict(quantity=1)), ("issue", dict(quantity=1, lot="a", reason="r")),
                               ("writeoff", dict(quantity=1, lot="a", reason="lost")),
                               ("count", dict(quantity=1, lot="a", reason="r")), ("hold", dict(lot="a", state="usable"))):
            self.assertRefused(client.error("stock." + method, **at, **params), "BAD_PARAMS", "kind")
        self.assertEqual(client.call("stock.floor", **at, floor=1)["floor"], 1)
        self.assertEqual(client.call("stock.get", **at)["on_hand"], 0)

    def test_j_the_database_holds(self):
        done = subprocess.run([os.path.join(BIN, "relief"), "check", self.daemon.data], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
