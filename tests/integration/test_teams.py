"""Teams and equipment on real records: the whole catalogue, the medical teams that provinces sent to the cities of Hubei in February
2020 (one province supports one city), and the fire crews that went to Henan in July 2021. Every team goes, works, comes home, and the
books say so at each step.

The rule where a record gives the members of several batches as one number: they are spread evenly, the rest on the first batch.
A team starts from its province's capital; a municipality is its own.
"""
import csv
import os
import pathlib
import re
import subprocess
import unittest
from collections import Counter

from harness import BIN, DEADLINE, Case

DATA = pathlib.Path(__file__).resolve().parents[2] / "ops/data"
MEDICAL, FIRE = "TM01", "TM02"
BATCHES = {"first batch": 1, "first two": 2, "all five": 5}
MUNICIPALITIES = {"110000", "120000", "310000", "500000"}


def rows(name):
    with open(DATA / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def capital(province):
    return province if province in MUNICIPALITIES else province[:2] + "0100"


def batches(row):
    """Head counts of the teams that a pairing's row speaks of; None where none is stated."""
    if not row["members"]:
        return [None]
    members = int(row["members"])
    stated = re.search(r"\((\d+) \+ (\d+)\)", row["members_scope"])
    if stated:
        return [int(part) for part in stated.groups()]
    count = next((n for words, n in BATCHES.items() if row["members_scope"].startswith(words)), 1)
    return [members // count + (members % count if i == 0 else 0) for i in range(count)]


class Teams(Case):
    @classmethod
    def prepare(cls):
        for table, file in (("region", "regions.csv"), ("city", "cities.csv"), ("kind", "kinds.csv")):
            subprocess.run([os.path.join(BIN, "relief"), "--server", "unix:" + cls.daemon.socket_path, "import", table,
                            str(DATA / file)], check=True, capture_output=True, timeout=DEADLINE)
        with cls.daemon.client() as client:
            client.call("region.put", id="CN", name="全国")  # nobody gives to just anybody: pairings are agreements

    def put_teams(self, client, kind, province, heads, name):
        """Teams of those head counts in the capital; their ids."""
        ids = []
        for number, members in enumerate(heads, 1):
            more = {} if members is None else {"capacity": members}
            ids.append("%s-%s-%d" % (name, province, number))
            client.call("asset.put", id=ids[-1], kind=kind, city=capital(province), **more)
        return ids

    def pair(self, client, donor, requester, kind):
        client.call("agreement.put", id="%s-%s-%s" % (donor, requester, kind), donor=donor, requester=requester, commit="auto",
                    kinds=[kind])

    def books(self, kind):
        """Totals over all cities: assets at home, on the road, on loan, and as they were put in."""
        dump = self.client().dump(tables=["account", "asset"])
        sums = {key: sum(a[key] for a in dump.table("account") if a["kind"] == kind)
                for key in ("received", "issued", "lost", "written_off", "on_loan", "in_transit")}
        home = sum(a["use"] != "away" for a in dump.table("asset") if a["kind"] == kind)
        self.assertEqual(sums["received"], home + sum(sums.values()) - sums["received"], (sums, home))
        return {"home": home, "on_loan": sums["on_loan"], "in_transit": sums["in_transit"], "gone": sums["lost"] + sums["written_off"]}

    def legs(self, requests):
        client = self.client()
        return [leg for id in requests for leg in client.items("dispatch.list", request=id)]

    def move(self, legs, steps, assets, kind):
        """All legs through each step. Of the kind there are so many assets; a step says where those of the legs are then."""
        client, moved = self.client(), sum(leg["quantity"] for leg in legs)
        says = {"depart": [], "receive": ["accepted"], "return": ["quantity"], "checkin": ["quantity"]}
        for step, state, place in steps:
            for leg in legs:
                answer = client.call("dispatch." + step, id=leg["id"], **{key: leg["quantity"] for key in says[step]})
                self.assertEqual(answer["state"], state)
            expected = {"home": assets - moved, "in_transit": 0, "on_loan": 0, "gone": 0}
            expected[place] += moved
            self.assertEqual(self.books(kind), expected, step)

    ROUND = (("depart", "in_transit", "in_transit"), ("receive", "in_use", "on_loan"), ("return", "returning", "in_transit"),
             ("checkin", "returned", "home"))

    def test_a_the_catalogue_has_every_kind(self):
        kinds = self.client().items("kind.list")
        self.assertEqual(Counter(kind["class"] for kind in kinds)["team"], 56)
        self.assertEqual(Counter(kind["class"] for kind in kinds)["equipment"], 312)
        self.assertEqual({k["code"]: k["class"] for k in kinds}, {k["code"]: k["class"] for k in rows("source/kinds.csv")})
        self.assertTrue(all(kind["returnable"] for kind in kinds if kind["class"] != "supply"))

    def test_b_medical_teams_for_hubei(self):
        """19 provinces, 16 cities, as the list of 10 February 2020 has them."""
        client = self.client()
        pairs = rows("source/pairing-hubei-2020.csv")
        cities = sorted({row["city_code"] for row in pairs})
        self.assertEqual((len({row["province_code"] for row in pairs}), len(cities)), (19, 16))
        sent, wanted = Counter(), Counter()
        for number, row in enumerate(pairs):
            self.pair(client, capital(row["province_code"]), row["city_code"], MEDICAL)
            ids = self.put_teams(client, MEDICAL, row["province_code"], batches(row), "medical-%d" % number)
            sent[capital(row["province_code"]), row["city_code"]] += len(ids)
            wanted[row["city_code"]] += len(ids)
        teams = sum(wanted.values())
        self.assertEqual(self.books(MEDICAL), {"home": teams, "in_transit": 0, "on_loan": 0, "gone": 0})

        client.call("incident.open", id="hubei-2020", category="health", level=1, origin="420100", affected=cities)
        for city in cities:
            request = client.call("request.submit", id="medical-" + city, city=city, kind=MEDICAL, quantity=wanted[city], priority=1,
                                  incident="hubei-2020")
            self.assertEqual((request["state"], request["level"]), ("covered", 3), city)
        legs = self.legs("medical-" + city for city in cities)
        self.assertEqual(Counter({(leg["donor"], leg["requester"]): leg["quantity"] for leg in legs}), sent,
                         "each city is helped by its own provinces")
        self.assertEqual(len({asset for leg in legs for asset in leg["assets"]}), teams, "no team is in two places")
        members = sum(client.call("asset.get", id=asset)["capacity"] or 0 for leg in legs for asset in leg["assets"])
        stated = sum(int(row["members"]) for row in pairs if row["members"])
        self.assertEqual(members, stated)
        self.assertLess(members, max(int(row["members"]) for row in rows("source/medical-teams-hubei-2020.csv")))

        self.move(legs, self.ROUND[:2], teams, MEDICAL)
        for leg in legs:
            away = client.call("asset.get", id=leg["assets"][0])
            self.assertEqual((away["use"], away["city"]), ("away", leg["donor"]), "a loan stays the donor's")
            self.assertEqual(client.call("stock.get", city=leg["donor"], kind=MEDICAL)["available"], 0)
        self.assertEqual({client.call("request.get", id="medical-" + city)["state"] for city in cities}, {"filled"})
        self.move(legs, self.ROUND[2:], teams, MEDICAL)
        self.assertEqual({client.call("asset.get", id=asset)["use"] for leg in legs for asset in leg["assets"]}, {"free"})

    def test_c_fire_crews_for_henan(self):
        """The crews that single provinces sent in July 2021; one comes home damaged, and is not offered again."""
        client = self.client()
        sent = [row for row in rows("source/dispatches-teams-henan-2021.csv")
                if row["status"] == "sent" and re.fullmatch(r"\d\d0000", row["from_code"]) and row["item_kind"] == FIRE]
        self.assertEqual(len(sent), 8)
        requests = []
        for number, row in enumerate(sent):
            to = row["to_code"] if not row["to_code"].endswith("0000") else capital(row["to_code"])
            self.put_teams(client, FIRE, row["from_code"], [int(row["quantity"])], "fire-%d" % number)
            self.pair(client, capital(row["from_code"]), to, FIRE)
            requests.append("fire-%d" % number)
            request = client.call("request.submit", id=requests[-1], city=to, kind=FIRE, quantity=1, priority=1)
            self.assertEqual((request["covered"], request["open"]), (1, 0), row)
        legs = self.legs(requests)
        self.assertEqual([leg["donor"] for leg in legs], [capital(row["from_code"]) for row in sent])
        self.assertEqual(sum(client.call("asset.get", id=leg["assets"][0])["capacity"] for leg in legs),
                         sum(int(row["quantity"]) for row in sent))
        self.move(legs, self.ROUND[:3], len(sent), FIRE)
        first, rest = legs[0], legs[1:]
        client.call("dispatch.checkin", id=first["id"], quantity=1, condition="damaged")
        self.assertEqual(client.call("asset.get", id=first["assets"][0])["condition"], "damaged")
        stock = client.call("stock.get", city=first["donor"], kind=FIRE)
        self.assertEqual((stock["unusable"], stock["available"]), (1, 0))
        self.move(rest, self.ROUND[3:], len(sent), FIRE)

    def test_d_one_of_every_kind_goes_and_comes_home(self):
        client = self.client()
        kinds = [k["code"] for k in rows("kinds.csv") if k["class"] != "supply" and k["code"] not in (MEDICAL, FIRE)]
        client.call("agreement.put", id="all", donor="110000", requester="130100", commit="auto")
        for kind in kinds:
            client.call("asset.put", id="one-" + kind, kind=kind, city="110000")
            client.call("request.submit", id="all-" + kind, city="130100", kind=kind, quantity=1, priority=1)
        legs = self.legs("all-" + kind for kind in kinds)
        self.assertEqual([leg["assets"] for leg in legs], [["one-" + kind] for kind in kinds])
        for step, key in (("depart", None), ("receive", "accepted"), ("return", "quantity"), ("checkin", "quantity")):
            for leg in legs:
                client.call("dispatch." + step, id=leg["id"], **({key: 1} if key else {}))
        for kind in kinds:
            stock = client.call("stock.get", city="110000", kind=kind)
            self.assertEqual((stock["on_hand"], stock["available"]), (1, 1), kind)

    def test_e_the_database_holds(self):
        done = subprocess.run([os.path.join(BIN, "relief"), "check", self.daemon.data], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
