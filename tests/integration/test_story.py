"""A shortage answered end to end, as the cities live it: each with its own connection, the auditor checks afterwards."""
import hashlib
import unittest

from harness import Case, KIND, HANGZHOU, NINGBO, WENZHOU, line, world


class Story(Case):
    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)

    def city(self, code):
        client = self.client()
        client.call("server.hello", role="city", city=code)
        return client

    def stock(self, code):
        return self.client().call("stock.get", city=code, kind=KIND)

    def test_a_shortage_is_filled(self):
        hangzhou, ningbo, wenzhou = (self.city(code) for code in (HANGZHOU, NINGBO, WENZHOU))
        before = {code: self.stock(code) for code in (HANGZHOU, NINGBO, WENZHOU)}
        self.assertEqual((before[NINGBO]["available"], before[WENZHOU]["available"]), (400, 300))

        preview = hangzhou.call("match.preview", city=HANGZHOU, kind=KIND, quantity=450)
        asked = hangzhou.call("request.submit", id="flood-1", city=HANGZHOU, kind=KIND, quantity=450, priority=1, explain=True)
        self.assertEqual((asked["state"], asked["covered"], asked["open"], asked["shortfall"]), ("covered", 450, 0, 0))
        legs = [hangzhou.call("dispatch.get", id=leg) for leg in asked["dispatches"]]
        self.assertEqual([(l["donor"], l["quantity"], l["state"]) for l in legs],
                         [(NINGBO, 400, "committed"), (WENZHOU, 50, "committed")])
        self.assertEqual([(l["donor"], l["quantity"]) for l in preview["legs"]], [(l["donor"], l["quantity"]) for l in legs])
        self.assertEqual([c["gives"] for c in asked["candidates"] if c["gives"]], [400, 50])
        self.assertEqual((self.stock(NINGBO)["reserved"], self.stock(NINGBO)["available"]), (400, 0))

        self.assertRefused(hangzhou.error("dispatch.depart", id="flood-1/1"), "DENIED")
        self.assertEqual(ningbo.call("dispatch.depart", id="flood-1/1", carrier="浙B00001")["state"], "in_transit")
        self.assertEqual((self.stock(NINGBO)["on_hand"], self.stock(NINGBO)["in_transit_out"]), (100, 400))
        self.assertEqual(self.stock(HANGZHOU)["in_transit_in"], 400)
        wenzhou.call("dispatch.depart", id="flood-1/2")

        self.assertRefused(ningbo.error("dispatch.receive", id="flood-1/1", accepted=400), "DENIED")
        got = hangzhou.call("dispatch.receive", id="flood-1/1", accepted=400)
        self.assertEqual((got["state"], got["sent"], got["accepted"]), ("closed", 400, 400))
        half = hangzhou.call("request.get", id="flood-1")
        self.assertEqual((half["state"], half["received"], half["covered"]), ("covered", 400, 450))
        got = hangzhou.call("dispatch.receive", id="flood-1/2", accepted=45, rejected=3, missing=2, reason="wet")
        self.assertEqual((got["accepted"], got["rejected"], got["missing"]), (45, 3, 2))

        again = hangzhou.call("request.get", id="flood-1")
        self.assertEqual((again["received"], again["covered"], again["open"]), (445, 450, 0), "what was lost is matched again at once")
        self.assertEqual(again["dispatches"], ["flood-1/1", "flood-1/2", "flood-1/3"])
        wenzhou.call("dispatch.depart", id="flood-1/3")
        hangzhou.call("dispatch.receive", id="flood-1/3", accepted=5)
        done = hangzhou.call("request.get", id="flood-1")
        self.assertEqual((done["state"], done["received"], done["open"]), ("filled", 450, 0))
        self.assertRefused(hangzhou.error("request.cancel", id="flood-1", reason="late"), "BAD_STATE", state="filled")
        self.assertEqual((self.stock(NINGBO)["on_hand"], self.stock(WENZHOU)["on_hand"]), (100, 245))
        self.units_are_conserved(800)

    def units_are_conserved(self, received):
        dump = self.client().dump()
        lots = sum(lot["quantity"] for lot in dump.table("lot") if lot["kind"] == KIND)
        sums = {key: sum(account[key] for account in dump.table("account") if account["kind"] == KIND)
                for key in ("received", "issued", "lost", "written_off", "on_loan", "in_transit")}
        self.assertEqual(sums["received"], received)
        self.assertEqual(sums["received"], lots + sum(sums[k] for k in ("issued", "lost", "written_off", "on_loan", "in_transit")))

    def test_z_the_auditor_proves_the_chain(self):
        auditor = self.client()
        auditor.call("server.hello", role="auditor")
        previous, at = "0" * 64, 1
        while at is not None:
            page = auditor.call("log.list", {"from": at, "limit": 20})
            for entry in page["items"]:
                self.assertEqual(entry["prev"], previous)
                text = line({k: v for k, v in entry.items() if k != "hash"})[:-1]
                previous = hashlib.blake2b((previous + text).encode(), digest_size=32).hexdigest()
                self.assertEqual(entry["hash"], previous)
            at = page["next"]
        self.assertEqual(auditor.call("log.head")["hash"], previous)

    def test_ask_and_answer(self):
        client = self.client()
        client.call("agreement.put", id="ask", donor=WENZHOU, requester=HANGZHOU, commit="ask", answer_minutes=30)
        client.call("stock.receive", city=WENZHOU, kind="4030102", quantity=60)
        hangzhou, wenzhou = self.city(HANGZHOU), self.city(WENZHOU)
        asked = hangzhou.call("request.submit", id="ask-1", city=HANGZHOU, kind="4030102", quantity=50)
        leg = hangzhou.call("dispatch.get", id="ask-1/1")
        self.assertEqual((asked["state"], leg["state"], leg["agreement"]), ("covered", "asked", "ask"))
        self.assertEqual(leg["answer_by"], leg["times"]["asked"] + 30 * 60000)
        self.assertEqual(wenzhou.call("dispatch.accept", id="ask-1/1", quantity=20)["state"], "committed")
        part = hangzhou.call("request.get", id="ask-1")
        self.assertEqual((part["state"], part["covered"], part["open"], part["excluded"]), ("partial", 20, 30, [WENZHOU]))
        explained = {c["city"]: c for c in hangzhou.call("request.explain", id="ask-1")["candidates"]}
        self.assertEqual((explained[WENZHOU]["gives"], explained[WENZHOU]["reason"]), (0, "excluded"))
        closed = hangzhou.call("request.close", id="ask-1", reason="bought locally")
        self.assertEqual((closed["state"], closed["shortfall"], closed["covered"]), ("closed_short", 30, 20))


if __name__ == "__main__":
    unittest.main()
