"""Rights: every method, for every role and relation to what it touches, allowed and denied; and what a region shares.

The table has a row, or several, for each method of the protocol's page; a method without one fails. Each row makes what it needs anew
for each reader, so that an allowed call really succeeds and a denied one is denied for its reader, not for its state.
"""
import itertools
import os
import re
import tempfile
import time
import unittest

from evidence import Witness
from harness import Case, Refused

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "schema", "protocol.md")

# Donor, requester and a third city of one region; one of the region beside it, below the same root; one of another root.
D, R, N, W, X = "donor", "requester", "near", "west-city", "abroad"
REGION = {D: "east", R: "east", N: "east", W: "west", X: "foreign"}
GOODS, ASKED, LOAN, SCARCE, PLENTY, TEAM = "goods", "asked", "loan", "scarce", "plenty", "team"

CITIES = {city: {"role": "city", "city": city} for city in REGION}
COORDINATORS = {"all": {"role": "coordinator"},
                **{"of " + region: {"role": "coordinator", "region": region}
                   for region in ("nation", "east", "east-low", "west", "foreign", "unknown")}}
READERS = {"local": {}, "auditor": {"role": "auditor"}, "operator": {"role": "operator"}, "stranger": None, **CITIES, **COORDINATORS}

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
LATER = 4102444800000
FIELDS = {"name": "n", "lat": 0, "lon": 0}

WITNESS = Witness("witness.example")
CONFIG = tempfile.NamedTemporaryFile("w", suffix=".conf")
CONFIG.write("[witness]\nkey = %s\n" % WITNESS.verifier)
CONFIG.flush()

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


class World(Case):
    options = {"listen": ("tcp:127.0.0.1:0",), "args": ("-c", CONFIG.name)}

    @classmethod
    def prepare(cls):
        cls.numbers = itertools.count(1)
        cls.local = client = cls.daemon.client()
        cls.addClassCleanup(client.close)
        for region, parent in (("nation", None), ("east", "nation"), ("east-low", "east"), ("west", "nation"), ("foreign", None)):
            client.call("region.put", id=region, name=region, parent=parent, agreement="auto")
        for n, (city, region) in enumerate([*REGION.items(), ("mover", "west")]):
            client.call("city.put", code=city, name=city, region=region, lat=0, lon=100000 * n)
        client.call("city.mode", code=R, mode="emergency", reason="r")
        for kind in (GOODS, ASKED, LOAN, SCARCE, PLENTY):
            client.call("kind.put", {"code": kind, "name": kind, "class": "supply", "unit": "u", "returnable": kind == LOAN})
        client.call("kind.put", {"code": TEAM, "name": TEAM, "class": "team", "unit": "u"})
        for kind in (GOODS, ASKED, LOAN, SCARCE):
            client.call("stock.receive", city=D, kind=kind, quantity=10**6, lot="l")
        for city in (D, W):
            client.call("stock.receive", city=city, kind=SCARCE, quantity=10**6, lot="kept")
            client.call("stock.floor", city=city, kind=SCARCE, floor=10**9)
        for city in REGION:
            client.call("stock.receive", city=city, kind=PLENTY, quantity=10**6, lot="counted")
            client.call("stock.floor", city=city, kind=PLENTY, floor=10)
            client.call("asset.put", id="a-" + city, kind=TEAM, city=city, capacity=7,
                        certificates=[{"name": "c", "until": LATER}])
        client.call("agreement.put", id="ask", donor=D, region="nation", commit="ask", kinds=[ASKED])

    def as_(self, reader):
        client = self.client("tcp" if READERS[reader] is None else "unix")
        if READERS[reader]:
            client.call("server.hello", READERS[reader])
        return client

    def new(self):
        return "n%d" % next(self.numbers)

    def request(self, kind, city=R):
        answer = self.local.call("request.submit", id=self.new(), city=city, kind=kind, quantity=2, own_first=False, max_level=3)
        return answer["id"]

    def leg(self, kind, city):
        id = self.request(kind, city) + "/1"
        self.assertEqual(self.local.call("dispatch.get", id=id)["donor"], D)
        return id

    def plan(self, method, **params):
        return self.local.call(method, params)

    def asset(self):
        """A new one of the donor, ready but resting, so that no request takes it."""
        return self.local.call("asset.put", id=self.new(), kind=TEAM, city=D, rest_until=LATER)["id"]

    def asset_in_leg(self):
        id = self.local.call("asset.put", id=self.new(), kind=TEAM, city=D, level=1)["id"]
        self.local.call("request.submit", id=self.new(), city=R, kind=TEAM, quantity=1, own_first=False, min_level=1)
        self.assertEqual(self.local.call("asset.get", id=id)["use"], "reserved")
        return id

    def incident(self):
        return self.local.call("incident.open", id=self.new(), category="natural", level=2, origin=D, affected=[R])["id"]

    def agreement(self, donor, requester):
        return self.local.call("agreement.put", id=self.new(), donor=donor, requester=requester, commit="ask", kinds=["x"])["id"]


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
