"""Rights: every method, for every role and relation to what it touches, allowed and denied.

The table has a row, or several, for each method of the protocol's page; a method without one fails. Each row makes what it needs anew
for each reader, so that an allowed call really succeeds and a denied one is denied for its reader, not for its state.
"""
import itertools
import os
import re
import time
import unittest

from harness import Refused
from regions import ASKED, CITIES, COORDINATORS, D, GOODS, LATER, LOAN, N, PLENTY, R, READERS, SCARCE, TEAM, W, WITNESS, World, X

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "schema", "protocol.md")

LOCAL = {"local"}
EAST = {"local", "all", "of nation", "of east"}          # coordinators over donor, requester, near
NATION = {"local", "all", "of nation"}                   # over east and west
ROOTS = NATION | {"of foreign"}
ANY_COORDINATOR = LOCAL | set(COORDINATORS)
KNOWN = set(READERS) - {"stranger"}
READ = KNOWN - {"operator"}
SEES_ALL = {"local", "auditor", "all"}
SEES_DONOR = READ - {X, "of foreign", "of unknown"}      # some number of it
EXACT_DONOR = SEES_ALL | {D, "of nation", "of east"}     # all of it
SEES_LEG = SEES_ALL | set(CITIES) | {"of nation", "of east"}


class Row:
    """makes(self of the case) -> params; allowed readers; readers for whom it does not exist. All others: DENIED; but a stranger is told
    that nobody knows it, or that its message has more levels than a stranger's may."""

    def __init__(self, method, makes, allowed, missing=(), stranger="UNAUTHENTICATED"):
        self.method, self.makes, self.allowed, self.missing = method, makes, set(allowed), set(missing)
        self.stranger = stranger

    def expected(self, reader):
        if reader in self.allowed:
            return "OK"
        if reader == "stranger":
            return self.stranger
        return "NOT_FOUND" if reader in self.missing else "DENIED"


def fixed(**params):
    return lambda case: params


STEPS = (("in_transit", "depart", {}), ("in_use", "receive", {"accepted": 2}), ("returning", "return", {"quantity": 2}))


def leg(state, kind=GOODS, requester=R, **more):
    """A new leg from the donor, moved on to that state; asked or committed is what its kind's agreement makes it."""
    def make(case):
        id = case.leg(kind, requester)
        for reached, step, params in STEPS if state in [row[0] for row in STEPS] else ():
            case.local.call("dispatch." + step, {"id": id, **params})
            if reached == state:
                break
        case.assertEqual(case.local.call("dispatch.get", id=id)["state"], state)
        return {"id": id, **more}
    return make


def asset(**more):
    def make(case):
        return {"id": case.asset(), **more}
    return make


def incident(**more):
    return lambda case: {"id": case.incident(), **more}


def agreement(of, to, **more):
    return lambda case: {"id": case.agreement(of, to), **more}


def request(kind=SCARCE, **more):
    return lambda case: {"id": case.request(kind), **more}


def new(**params):
    """The key is new each time."""
    def make(case):
        n = case.new()
        return {key: n if value is new else value for key, value in params.items()}
    return make


MISSING_REQUEST = {"of west", "of foreign", "of unknown", "of east-low"}
STOCK = {"city": D, "kind": GOODS}
REASON = {"reason": "r"}
FIELDS = {"name": "n", "lat": 0, "lon": 0}

ROWS = [
    Row("server.hello", fixed(), READERS), Row("server.ping", fixed(), READERS),
    Row("server.info", fixed(), KNOWN), Row("server.stats", fixed(), KNOWN),
    Row("server.denials", fixed(), LOCAL | {"auditor", "operator"}),

    Row("region.put", fixed(id="east-low", name="n", parent="east"), EAST | {"of east-low"}),
    Row("region.put", new(id=new, name="n", parent="east-low"), EAST | {"of east-low"}),
    Row("region.put", fixed(id="east", name="n", parent="nation"), NATION | {"of east"}),
    Row("region.put", fixed(id="east-low", name="n", parent="east", shares="exact"), EAST | {"of east-low"}),
    Row("region.put", new(id=new, name="n"), LOCAL | {"all"}),
    Row("region.put", fixed(id="foreign", name="n"), LOCAL | {"all", "of foreign"}),
    Row("region.get", fixed(id="foreign"), READ), Row("region.list", fixed(), READ),
    Row("city.put", fixed(code=N, region="east", **FIELDS), EAST),
    Row("city.put", fixed(code="mover", region="west", **FIELDS), NATION | {"of west"}),
    Row("city.put", fixed(code=N, region="foreign", **FIELDS), LOCAL | {"all"}),
    Row("city.get", fixed(code=D), READ), Row("city.list", fixed(), READ),
    Row("city.mode", fixed(code=N, mode="normal", **REASON), EAST | {N}),
    Row("link.put", fixed(**{"from": N, "to": D, "minutes": 60}), EAST),
    Row("link.put", fixed(**{"from": W, "to": N, "minutes": 60}), NATION),
    Row("link.list", fixed(), READ),
    Row("travel.put", fixed(permille=1400, km_per_hour=60), ROOTS), Row("travel.get", fixed(), READ),
    Row("kind.put", new(**{"code": new, "name": "n", "class": "supply", "unit": "u"}), ANY_COORDINATOR),
    Row("kind.put", fixed(**{"code": PLENTY, "name": "n", "class": "supply", "unit": "u"}), ROOTS),
    Row("kind.get", fixed(code=GOODS), READ), Row("kind.list", fixed(), READ),

    Row("stock.receive", fixed(quantity=1, **STOCK), LOCAL | {D}),
    Row("stock.issue", fixed(quantity=1, **STOCK, **REASON), LOCAL | {D}),
    Row("stock.writeoff", fixed(quantity=1, reason="lost", **STOCK), LOCAL | {D}),
    Row("stock.count", fixed(quantity=10**6, lot="counted", city=D, kind=PLENTY, **REASON), LOCAL | {D}),
    Row("stock.hold", fixed(lot="counted", state="usable", city=D, kind=PLENTY), LOCAL | {D}),
    Row("stock.floor", fixed(floor=10, city=D, kind=PLENTY), LOCAL | {D}),
    Row("stock.get", fixed(**STOCK), SEES_DONOR), Row("stock.list", fixed(), READ),

    Row("asset.put", new(id=new, kind=TEAM, city=D), LOCAL | {D}),
    Row("asset.put", asset(kind=TEAM, city=D, level=2), LOCAL | {D}),
    Row("asset.put", asset(kind=TEAM, city=N), LOCAL),
    Row("asset.status", asset(condition="maintenance"), LOCAL | {D}),
    Row("asset.status", asset(city=N), LOCAL),
    Row("asset.get", fixed(id="a-" + D), SEES_DONOR),
    Row("asset.get", asset(), EXACT_DONOR, SEES_DONOR - EXACT_DONOR),
    Row("asset.get", lambda case: {"id": case.asset_in_leg()}, EXACT_DONOR, SEES_DONOR - EXACT_DONOR),
    Row("asset.list", fixed(), READ),

    Row("incident.open", new(id=new, category="health", level=2, origin=R, affected=[W]), EAST),
    Row("incident.update", incident(level=1), EAST),
    Row("incident.update", incident(affected=[R, W]), EAST),
    Row("incident.update", incident(donating=[R]), EAST | {R}),
    Row("incident.update", incident(origin=W), NATION),
    Row("incident.close", incident(), EAST),
    Row("incident.get", incident(), READ), Row("incident.list", fixed(), READ),

    Row("agreement.put", new(id=new, donor=D, requester=N, commit="ask", kinds=["x"]), EAST),
    Row("agreement.put", new(id=new, donor=D, region="east", commit="ask", kinds=["x"]), EAST),
    Row("agreement.put", new(id=new, donor=D, requester=W, commit="ask", kinds=["x"]), NATION),
    Row("agreement.put", new(id=new, donor=D, region="nation", commit="ask", kinds=["x"]), NATION),
    Row("agreement.put", agreement(W, D, donor=D, requester=N, commit="ask", kinds=["x"]), NATION),
    Row("agreement.put", agreement(X, X, donor=D, requester=N, commit="ask", kinds=["x"]), LOCAL | {"all"}),
    Row("agreement.end", agreement(D, N), EAST),
    Row("agreement.get", agreement(D, N), READ), Row("agreement.list", fixed(), READ),

    Row("request.submit", new(id=new, city=R, kind=SCARCE, quantity=2), EAST | {R}),
    Row("request.submit", new(id=new, city=N, kind=SCARCE, quantity=2, max_level=3), EAST),
    Row("request.get", request(), SEES_LEG, MISSING_REQUEST), Row("request.list", fixed(), READ),
    Row("request.amend", request(priority=2), EAST | {R}),
    Row("request.amend", request(quantity=3), LOCAL | {R}),
    Row("request.amend", request(needed_by=LATER), LOCAL | {R}),
    Row("request.cancel", request(**REASON), LOCAL | {R}), Row("request.close", request(**REASON), LOCAL | {R}),
    Row("request.explain", request(), SEES_LEG - {X}, MISSING_REQUEST),
    Row("match.preview", fixed(city=R, kind=GOODS, quantity=2), SEES_DONOR),

    Row("dispatch.accept", leg("asked", ASKED), LOCAL | {D}),
    Row("dispatch.decline", leg("asked", ASKED, **REASON), LOCAL | {D}),
    Row("dispatch.cancel", leg("asked", ASKED, **REASON), LOCAL | {R}),
    Row("dispatch.cancel", leg("committed", **REASON), LOCAL | {R}),
    Row("dispatch.renege", leg("committed", **REASON), LOCAL | {D}),
    Row("dispatch.depart", leg("committed"), LOCAL | {D}),
    Row("dispatch.receive", leg("in_transit", accepted=2), LOCAL | {R}),
    Row("dispatch.lost", leg("in_transit", **REASON), LOCAL | {D, R}),
    Row("dispatch.return", leg("in_use", LOAN, quantity=2), LOCAL | {R}),
    Row("dispatch.recall", leg("in_use", LOAN, by=LATER), LOCAL | {D}),
    Row("dispatch.extend", leg("in_use", LOAN, by=LATER), LOCAL | {D}),
    Row("dispatch.checkin", leg("returning", LOAN, quantity=2), LOCAL | {D}),
    Row("dispatch.order", lambda case: {"request": case.request(SCARCE), "donor": D, "quantity": 1, **REASON}, EAST),
    Row("dispatch.order", lambda case: {"request": case.request(SCARCE), "donor": W, "quantity": 1, **REASON}, NATION),
    Row("dispatch.get", leg("committed"), SEES_LEG, MISSING_REQUEST),
    Row("dispatch.get", leg("committed", requester=W), SEES_LEG | {"of west"}, MISSING_REQUEST - {"of west"}),
    Row("dispatch.list", fixed(), READ),
    Row("request.get", lambda case: {"id": case.leg(GOODS, W).rsplit("/")[0]}, SEES_LEG | {"of west"},
        MISSING_REQUEST - {"of west"}),

    Row("plan.allocate", lambda case: {"policy": "fair", "requests": [case.request(SCARCE)]}, EAST),
    Row("plan.allocate", lambda case: {"policy": "fair", "requests": [case.request(SCARCE, W)]}, NATION | {"of west"}),
    Row("plan.allocate", lambda case: {"policy": "fair", "incident": case.incident()}, ANY_COORDINATOR),
    Row("plan.rebalance", fixed(region="east-low", kinds=[GOODS]), EAST | {"of east-low"}),
    Row("plan.rebalance", fixed(region="nation", kinds=[GOODS]), NATION),
    Row("plan.rebalance", fixed(kinds=[TEAM]), ANY_COORDINATOR),
    Row("plan.apply", lambda case: {"plan": case.plan("plan.allocate", policy="fair", requests=[case.request(SCARCE)])}, EAST,
        stranger="BAD_PARAMS"),
    Row("plan.apply", lambda case: {"plan": case.plan("plan.rebalance", region="nation", kinds=[GOODS])}, NATION, stranger="BAD_PARAMS"),
    Row("plan.apply", lambda case: {"plan": case.plan("plan.rebalance", kinds=[GOODS])}, LOCAL | {"all"},
        stranger="BAD_PARAMS"),

    Row("shortfall.list", fixed(region="east"), SEES_ALL | {D, R, N, "of nation", "of east"}),
    Row("shortfall.list", fixed(region="nation"), SEES_ALL | {D, R, N, W, "of nation"}),
    Row("shortfall.list", fixed(region="east-low"), SEES_ALL | {"of nation", "of east", "of east-low"}),
    Row("shortfall.list", fixed(kind=GOODS), SEES_ALL),
    Row("log.list", fixed(limit=1), {"local", "auditor"}), Row("log.head", fixed(), KNOWN),
    Row("log.checkpoint", fixed(), KNOWN),
    Row("log.cosign", lambda case: {"note": WITNESS.cosign(case.local.call("log.checkpoint")["note"], 1)}, KNOWN),
    Row("proof.inclusion", fixed(seq=1), KNOWN), Row("proof.consistency", fixed(**{"from": 1}), KNOWN),
    Row("clock.confirm", lambda case: {"time": int(time.time() * 1000)}, {"local", "operator"}),
    Row("snapshot.dump", fixed(tables=["region"]), {"local", "auditor"}),
    Row("snapshot.backup", fixed(), {"local", "operator"}),
    Row("event.subscribe", fixed(topics=["region"]), READ),
]


def methods():
    """Method -> built, from the page that the lists write."""
    with open(PAGE, encoding="utf-8") as page:
        text = page.read().split("## Methods\n", 1)[1].split("\n## ", 1)[0]
    sections = re.split(r"^### ", text, flags=re.M)[1:]
    return {section.split("\n", 1)[0]: "Not built yet" not in section for section in sections}


class Table(World):
    def test_every_method_has_a_row(self):
        built = methods()
        self.assertGreater(len(built), 60)
        self.assertEqual({row.method for row in ROWS}, {method for method, is_built in built.items() if is_built})
        client = self.as_("local")
        for method in (method for method, is_built in built.items() if not is_built):
            self.assertEqual(client.error(method)["code"], "BAD_METHOD")

    def test_every_method_for_every_reader(self):
        clients = {reader: self.as_(reader) for reader in READERS}
        for row, (reader, client) in itertools.product(ROWS, clients.items()):
            with self.subTest(method=row.method, reader=reader):
                params = row.makes(self)
                before = self.local.call("log.head")
                try:
                    result = client.call(row.method, params)
                    got = "OK"
                except Refused as refused:
                    result, got = None, refused.error
                    if got["code"] == row.expected(reader):
                        got = got["code"]
                self.assertEqual(got, row.expected(reader), params)
                if result is None:
                    self.assertEqual(self.local.call("log.head"), before, "it was denied and changed something")
                elif row.method == "city.put" and params["region"] == "foreign":
                    self.local.call("city.put", {**params, "region": "east"})

    def test_a_city_that_is_not_affected_has_no_entry_in_donating(self):
        id = self.incident()
        for city in (N, W, X):
            for donating in ([], [city]):
                self.assertEqual(self.as_(city).error("incident.update", id=id, donating=donating)["code"], "DENIED")
        self.assertEqual(self.as_(R).error("incident.update", id=id, donating=[R, D])["code"], "DENIED")
        self.assertEqual(self.as_(R).call("incident.update", id=id, donating=[R])["donating"], [R])
        self.assertEqual(self.as_(D).call("incident.update", id=id, donating=[R, D])["donating"], [R, D])

    def test_no_right_comes_with_a_region_that_does_not_exist(self):
        client = self.as_("of unknown")
        self.assertEqual(client.items("stock.list") + client.items("asset.list") + client.items("request.list"), [])
        self.assertEqual(client.items("dispatch.list"), [])


if __name__ == "__main__":
    unittest.main()
