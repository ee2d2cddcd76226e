"""relief request show: the life of a request as the program tells it, and to whom."""
import json
import os
import subprocess
import unittest

from harness import BIN, DEADLINE, Case, HANGZHOU, KIND, NINGBO, SUBSTITUTE, WENZHOU, world


class Show(Case):
    maxDiff = 4000
    options = {"listen": ("tcp:127.0.0.1:0,as=local", "tcp:127.0.0.1:0,as=city:" + NINGBO, "tcp:127.0.0.1:0,as=coordinator",
                          "tcp:127.0.0.1:0,as=operator", "tcp:127.0.0.1:0,as=city:" + WENZHOU)}

    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)
            client.call("agreement.put", id="ask", donor=WENZHOU, requester=HANGZHOU, commit="ask", answer_minutes=30)
            client.call("kind.put", {"code": "pump", "name": "泵", "class": "equipment", "unit": "台"})
            client.call("asset.put", id="pump-1", kind="pump", city=NINGBO)
            client.call("kind.put", {"code": "crew", "name": "机手", "class": "team", "unit": "人"})
            client.call("kind.put", {"code": "crane", "name": "吊车", "class": "equipment", "unit": "台", "operator": "crew"})
            for kind, returnable in (("blanket", True), ("asked", False), ("silent", False), ("ordered", False), ("none", False), ("acts", False)):
                client.call("kind.put", {"code": kind, "name": kind, "class": "supply", "unit": "u", "returnable": returnable})
            client.call("agreement.put", id="a-silent", donor=WENZHOU, requester=HANGZHOU, kinds=["silent"], commit="ask", answer_minutes=0)

    def show(self, *words, index=0, code=0):
        done = subprocess.run([os.path.join(BIN, "relief"), "--server", "tcp:%s:%d" % self.daemon.tcp(index), *words],
                              capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def events(self, request, **more):
        return [json.loads(text) for text in self.show("--json", "request", "show", request, **more).splitlines()]

    def told(self, request):
        """(id, event) of each line."""
        return [(e["id"], e["event"]) for e in self.events(request)]

    def test_from_submission_to_the_last_receipt(self):
        with self.daemon.client() as client:
            client.call("request.submit", id="flood", city=HANGZHOU, kind=KIND, quantity=450, priority=2)
            client.call("dispatch.decline", id="flood/2", reason="our own flood")
            client.call("stock.receive", city=NINGBO, kind=KIND, lot="new", quantity=60)
            client.call("dispatch.depart", id="flood/1", carrier="浙B00001")
            client.call("dispatch.receive", id="flood/1", accepted=394, rejected=4, missing=2, reason="wet\nboxes")
            client.call("request.amend", id="flood", quantity=460, priority=1)
            client.call("dispatch.renege", id="flood/3", reason="broken lorry")
            client.call("request.close", id="flood", reason="bought locally")
        events = self.events("flood")
        self.assertEqual([(e["id"], e["event"], e["who"]) for e in events], [
            ("flood", "submitted", "local"), ("flood/1", "committed", "local"), ("flood/2", "asked", "local"),
            ("flood", "covered", None),
            ("flood/2", "declined", "local"), ("flood", "partial", None),
            ("flood/3", "committed", "local"), ("flood", "covered", None),
            ("flood/1", "departed", "local"),
            ("flood/1", "received", "local"), ("flood/4", "committed", "local"), ("flood", "covered", None),
            ("flood", "amended", "local"), ("flood/5", "committed", "local"), ("flood", "partial", None),
            ("flood/3", "reneged", "local"), ("flood", "partial", None),
            ("flood", "closed", "local"), ("flood", "closed_short", None)])
        said = {(e["id"], e["event"]): e["text"] for e in events}
        self.assertIn("450 of %s for %s, priority 2" % (KIND, HANGZHOU), said["flood", "submitted"])
        self.assertEqual(said["flood/2", "declined"], "50, our own flood")
        self.assertIn("50 of %s, from %s, " % (KIND, NINGBO), said["flood/3", "committed"])
        self.assertTrue(said["flood/3", "committed"].endswith("matched again after stock.receive"), said)
        self.assertIn("浙B00001", said["flood/1", "departed"])
        self.assertEqual(said["flood/1", "received"], "394 of 400 accepted, 4 rejected, 2 missing, wet\nboxes")
        self.assertTrue(said["flood/4", "committed"].endswith("matched again after dispatch.receive"), said)
        self.assertEqual(said["flood", "amended"], "quantity 450 -> 460, priority 2 -> 1")
        self.assertTrue(said["flood", "closed"].startswith("bought locally, "), said)
        self.assertEqual([e["seq"] for e in events], sorted(e["seq"] for e in events))
        self.assertEqual(events[-1]["record"]["state"], "closed_short")
        text = self.show("request", "show", "flood").splitlines()
        self.assertEqual(len(text), len(events), "a reason with a line break stays one line")
        self.assertRegex(text[0], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*  flood  local  submitted: 450 of")
        rows = self.show("--csv", "request", "show", "flood")
        self.assertTrue(rows.startswith("seq,time,method,id,event,who,text\n"), rows)

    def test_a_loan_until_it_is_checked_in(self):
        with self.daemon.client() as client:
            client.call("request.submit", id="loan", city=HANGZHOU, kind="pump", quantity=1)
            client.call("dispatch.depart", id="loan/1")
            client.call("dispatch.receive", id="loan/1", accepted=1)
            client.call("dispatch.recall", id="loan/1", by=4102444800000, reason="our own flood")
            client.call("dispatch.extend", id="loan/1", by=4102444900000)
            client.call("dispatch.return", id="loan/1", quantity=1)
            client.call("dispatch.checkin", id="loan/1", quantity=1)
        self.assertEqual([event for id, event in self.told("loan") if id == "loan/1"], [
            "committed", "departed", "received", "recalled", "extended", "on the way back", "checked in"])
        self.assertIn("namely pump-1", self.events("loan")[1]["text"])

    def said(self, request):
        """(id, event) -> (who, text), of what happened once."""
        events = self.events(request)
        return {(e["id"], e["event"]): (e["who"], e["text"]) for e in events}

    def cranes(self, n):
        """That many cranes with their crews, and no others free: their ids."""
        with self.daemon.client() as client:
            cranes, crews = (["%s-%d-%d" % (kind, n, at) for at in range(3)] for kind in ("crane", "crew"))
            for crane, crew in zip(cranes, crews):
                client.call("asset.put", id=crane, kind="crane", city=NINGBO)
                client.call("asset.put", id=crew, kind="crew", city=NINGBO)
            client.call("request.submit", id="cranes-%d" % n, city=HANGZHOU, kind="crane", quantity=3)
        return cranes, crews

    def test_what_a_loan_lost_on_its_ways(self):
        with self.daemon.client() as client:
            client.call("stock.receive", city=NINGBO, kind="blanket", quantity=50)
            client.call("request.submit", id="warm", city=HANGZHOU, kind="blanket", quantity=50)
            client.call("dispatch.depart", id="warm/1")
            client.call("dispatch.receive", id="warm/1", accepted=45, rejected=3, missing=2, reason="torn")
            client.call("dispatch.recall", id="warm/1", by=4102444800000, reason="our own cold")
            client.call("dispatch.extend", id="warm/1", by=4102444900000)
            client.call("dispatch.return", id="warm/1", quantity=40)
            client.call("dispatch.checkin", id="warm/1", quantity=38, condition="damaged")
        said = self.said("warm")
        self.assertEqual(said["warm/1", "received"], ("local", "45 of 50 accepted, 3 rejected, 2 missing, in use, torn"))
        who, text = said["warm/1", "recalled"]
        self.assertRegex(text, r"^wanted back by \d{4}-\d\d-\d\dT\S+, our own cold$")
        who, text = said["warm/1", "extended"]
        self.assertRegex(text, r"^may stay until \S+$", "no reason was given for it")
        self.assertEqual(said["warm/1", "on the way back"], ("local", "40 of 45, 5 lost"))
        self.assertEqual(said["warm/1", "checked in"], ("local", "38 of 40 damaged, 2 lost"))

    def test_pieces_and_crews_by_name_to_the_last_check_in(self):
        cranes, crews = self.cranes(1)
        with self.daemon.client() as client:
            client.call("dispatch.depart", id="cranes-1/1")
            client.call("dispatch.receive", id="cranes-1/1", accepted=3)
            client.call("dispatch.return", id="cranes-1/1", quantity=2)
            client.call("dispatch.checkin", id="cranes-1/1", quantity=1, condition="maintenance")
            conditions = [client.call("asset.get", id=id)["condition"] for id in cranes]
        self.assertEqual(conditions, ["maintenance", "lost", "lost"])
        said = self.said("cranes-1")
        names = "namely %s" % "+".join(cranes)
        self.assertIn("3 of crane, %s, with %s, " % (names, "+".join(crews)), said["cranes-1/1", "committed"][1])
        self.assertIn(names, said["cranes-1/1", "departed"][1])
        self.assertEqual(said["cranes-1/1", "received"], ("local", "3 of 3 accepted, in use"))
        self.assertEqual(said["cranes-1/1", "on the way back"], ("local", "2 of 3, 1 lost %s" % cranes[2]))
        self.assertEqual(said["cranes-1/1", "checked in"], ("local", "1 of 2 maintenance, 1 lost %s" % cranes[1]))
        with self.daemon.client() as client:
            client.call("asset.status", id=cranes[0], condition="damaged")

    def test_pieces_refused_missing_and_lost(self):
        cranes, crews = self.cranes(2)
        with self.daemon.client() as client:
            client.call("dispatch.depart", id="cranes-2/1")
            client.call("dispatch.receive", id="cranes-2/1", accepted=0, rejected=1, missing=2, reason="fell")
            conditions = [client.call("asset.get", id=id)["condition"] for id in cranes]
        self.assertEqual(conditions, ["damaged", "lost", "lost"])
        self.assertEqual(self.said("cranes-2")["cranes-2/1", "received"],
                         ("local", "0 of 3 accepted, 1 rejected %s, 2 missing %s+%s, fell" % tuple(cranes)))
        with self.daemon.client() as client:
            client.call("request.close", id="cranes-2", reason="r")
        cranes, crews = self.cranes(3)
        with self.daemon.client() as client:
            leg = client.call("request.get", id="cranes-3")["dispatches"][0]
            pieces = client.call("dispatch.get", id=leg)
            client.call("dispatch.depart", id=leg)
            client.call("dispatch.lost", id=leg, reason="the bridge")
        self.assertEqual(self.said("cranes-3")[leg, "lost"], ("local", "3, namely %s, with %s, the bridge" % (
            "+".join(pieces["assets"]), "+".join(pieces["operators"]))))

    def test_asking_and_its_answers(self):
        with self.daemon.client() as client:
            client.call("stock.receive", city=WENZHOU, kind="asked", quantity=100)
            for n in range(3):
                client.call("request.submit", id="asked-%d" % n, city=HANGZHOU, kind="asked", quantity=20)
            asked = client.call("dispatch.get", id="asked-0/1")
            client.call("dispatch.accept", id="asked-0/1", quantity=12)
            client.call("dispatch.decline", id="asked-1/1", reason="all needed here")
            client.call("request.amend", id="asked-2", quantity=15)
            client.call("dispatch.cancel", id="asked-2/1", reason="found some")
            client.call("request.cancel", id="asked-2", reason="over")
        said = self.said("asked-0")
        who, text = said["asked-0/1", "asked"]
        self.assertEqual(who, "local")
        self.assertRegex(text, r"^20 of asked, from 330300, \d+ minutes away, answer by \d{4}-\d\d-\d\dT\S+$")
        self.assertIsNotNone(asked["answer_by"])
        self.assertEqual(said["asked-0/1", "accepted"], ("local", "12 of 20"))
        self.assertEqual(said["asked-0", "partial"][1], "12 of 20 covered, 8 open")
        self.assertEqual(self.said("asked-1")["asked-1/1", "declined"], ("local", "20, all needed here"))
        said = self.said("asked-2")
        self.assertEqual(said["asked-2/1", "cut"][1], "quantity 20 -> 15")
        self.assertEqual(said["asked-2/1", "cancelled"], ("local", "15, found some"))
        self.assertIn(("local", "over, 15 given up"), [(e["who"], e["text"]) for e in self.events("asked-2") if e["event"] == "cancelled"])

    def test_silence_and_time(self):
        """What nobody does happens by itself: waited for by its event."""
        with self.daemon.client() as client, self.daemon.client() as reader:
            reader.call("event.subscribe", topics=["request", "dispatch"])
            client.call("stock.receive", city=WENZHOU, kind="silent", quantity=10)
            soon = client.call("server.info")["time"] + 1200
            client.call("request.submit", id="silence", city=HANGZHOU, kind="silent", quantity=10)
            client.call("request.submit", id="late", city=HANGZHOU, kind="none", quantity=3, needed_by=soon)
            waited = {("silence/1", "lapsed"), ("late", "expired")}
            while waited:
                record = reader.notification()[2][0]["record"]
                waited.discard((record["id"], record["state"]))
        self.assertEqual(self.said("silence")["silence/1", "lapsed"], ("timer", "no answer from 330300 to 10"))
        self.assertEqual(self.said("late")["late", "expired"], (None, "0 of 3 covered, 3 given up"))

    def test_an_order_says_whose_it_was(self):
        with self.daemon.client() as client, self.daemon.client("tcp", 2) as superior:
            client.call("stock.receive", city=NINGBO, kind="ordered", quantity=10)
            client.call("stock.floor", city=NINGBO, kind="ordered", floor=10)
            client.call("city.mode", code=HANGZHOU, mode="emergency", reason="r")
            client.call("request.submit", id="order", city=HANGZHOU, kind="ordered", quantity=8)
            leg = superior.call("dispatch.order", request="order", donor=NINGBO, quantity=8, reason="the dam")
            client.call("city.mode", code=HANGZHOU, mode="normal", reason="r")
            client.call("dispatch.depart", id="order/1")
            client.call("dispatch.receive", id="order/1", accepted=8)
        self.assertEqual((leg["ordered"], leg["ordered_by"]), (True, "coordinator"))
        said = self.said("order")
        who, text = said["order/1", "ordered"]
        self.assertEqual(who, "coordinator")
        self.assertRegex(text, r"^8 of ordered, from %s, \d+ minutes away, the dam$" % NINGBO)
        self.assertEqual(said["order/1", "received"], ("local", "8 of 8 accepted"), "the order's reason is not that of the receipt")
        self.assertEqual(self.events("order", index=1), self.events("order"), "the donor reads who took it")

    def test_who_acted_is_what_the_log_says(self):
        """Of every line that is no consequence: a coordinator that escalates, the side that reports a loss, the timer; never a guess."""
        with self.daemon.client() as client, self.daemon.client() as city, self.daemon.client() as donor, \
                self.daemon.client("tcp", 2) as superior:
            city.call("server.hello", role="city", city=HANGZHOU)
            donor.call("server.hello", role="city", city=NINGBO)
            client.call("stock.receive", city=NINGBO, kind="acts", quantity=30)
            city.call("request.submit", id="acts", city=HANGZHOU, kind="acts", quantity=30)
            superior.call("request.amend", id="acts", priority=1)
            donor.call("dispatch.depart", id="acts/1")
            donor.call("dispatch.lost", id="acts/1", reason="the bridge")
            donor.call("stock.receive", city=NINGBO, kind="acts", lot="more", quantity=20)
            client.call("dispatch.depart", id="acts/2")
            city.call("dispatch.lost", id="acts/2", reason="never came")
            city.call("request.close", id="acts", reason="over")
            entries, at = {}, 1
            while at is not None:
                page = client.call("log.list", {"from": at})
                entries.update((entry["seq"], entry["identity"]) for entry in page["items"])
                at = page["next"]
        events = [e for e in self.events("acts") if e["who"] is not None]
        for event in events:
            self.assertEqual(event["who"], entries[event["seq"]], event)
        self.assertEqual([(e["id"], e["event"], e["who"]) for e in events], [
            ("acts", "submitted", "city:" + HANGZHOU), ("acts/1", "committed", "city:" + HANGZHOU),
            ("acts", "amended", "coordinator"), ("acts/1", "departed", "city:" + NINGBO), ("acts/1", "lost", "city:" + NINGBO),
            ("acts/2", "committed", "city:" + NINGBO), ("acts/2", "departed", "local"), ("acts/2", "lost", "city:" + HANGZHOU),
            ("acts", "closed", "city:" + HANGZHOU)])
        told = {(e["id"], e["event"]): e["who"] for e in self.events("acts", index=4) if e["who"] is not None}
        self.assertEqual(told.pop(("acts", "submitted")), "city:" + HANGZHOU, "the request's own record says it")
        self.assertEqual(told, {(e["id"], e["event"]): e["who"].split(":")[0] for e in events[1:]}, "a third city is told the role")

    def test_what_comes_back_to_what_it_was_is_told_whole(self):
        """The last record equals an earlier one; others' entries lie in between."""
        with self.daemon.client() as client:
            client.call("request.submit", id="swing", city=HANGZHOU, kind=SUBSTITUTE, quantity=7)
            for turn in range(3):
                client.call("request.amend", id="swing", quantity=9)
                client.call("stock.receive", city=WENZHOU, kind=KIND, lot="later", quantity=1)
                client.call("request.amend", id="swing", quantity=7)
        self.assertEqual([event for _, event in self.told("swing")].count("amended"), 6)

    def test_every_role_that_reads_and_no_other(self):
        with self.daemon.client() as client:
            client.call("request.submit", id="seen", city=HANGZHOU, kind=SUBSTITUTE, quantity=1)
        first = self.events("seen")
        self.assertEqual(self.events("seen", index=1), first, "a city of the region")
        self.assertEqual(self.events("seen", index=2), first, "a coordinator")
        self.assertIn("DENIED", self.show("request", "show", "seen", index=3, code=1))
        self.assertIn("NOT_FOUND", self.show("request", "show", "unknown", code=1))
        self.show("request", "show", code=2)
        self.assertIn("request show", self.show("help", "request", "show"))


if __name__ == "__main__":
    unittest.main()
