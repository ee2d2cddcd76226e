"""Five cities of three regions, and everybody who may read or act there: the world of test_rights and test_shares."""
import itertools
import tempfile

from evidence import Witness
from harness import Case

# Donor, requester and a third city of one region; one of the region beside it, below the same root; one of another root.
D, R, N, W, X = "donor", "requester", "near", "west-city", "abroad"
REGION = {D: "east", R: "east", N: "east", W: "west", X: "foreign"}
GOODS, ASKED, LOAN, SCARCE, PLENTY, TEAM = "goods", "asked", "loan", "scarce", "plenty", "team"

CITIES = {city: {"role": "city", "city": city} for city in REGION}
COORDINATORS = {"all": {"role": "coordinator"},
                **{"of " + region: {"role": "coordinator", "region": region}
                   for region in ("nation", "east", "east-low", "west", "foreign", "unknown")}}
READERS = {"local": {}, "auditor": {"role": "auditor"}, "operator": {"role": "operator"}, "stranger": None, **CITIES, **COORDINATORS}
LATER = 4102444800000

WITNESS = Witness("witness.example")
CONFIG = tempfile.NamedTemporaryFile("w", suffix=".conf")
CONFIG.write("[witness]\nkey = %s\n" % WITNESS.verifier)
CONFIG.flush()


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
