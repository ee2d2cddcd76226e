"""relief request show: the life of a request as the program tells it, and to whom."""
import json
import os
import subprocess
import unittest

from harness import BIN, DEADLINE, Case, HANGZHOU, KIND, NINGBO, SUBSTITUTE, WENZHOU, world


class Show(Case):
    maxDiff = 4000
    options = {"listen": ("tcp:127.0.0.1:0,as=local", "tcp:127.0.0.1:0,as=city:" + NINGBO, "tcp:127.0.0.1:0,as=coordinator",
                          "tcp:127.0.0.1:0,as=operator")}

    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)
            client.call("agreement.put", id="ask", donor=WENZHOU, requester=HANGZHOU, commit="ask", answer_minutes=30)
            client.call("kind.put", {"code": "pump", "name": "泵", "class": "equipment", "unit": "台"})
            client.call("asset.put", id="pump-1", kind="pump", city=NINGBO)

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
            ("flood", "submitted", HANGZHOU), ("flood/1", "committed", NINGBO), ("flood/2", "asked", WENZHOU),
            ("flood", "covered", None),
            ("flood/2", "declined", WENZHOU), ("flood", "partial", None),
            ("flood/3", "committed", NINGBO), ("flood", "covered", None),
            ("flood/1", "departed", NINGBO),
            ("flood/1", "received", HANGZHOU), ("flood/4", "committed", NINGBO), ("flood", "covered", None),
            ("flood", "amended", None), ("flood/5", "committed", NINGBO), ("flood", "partial", None),
            ("flood/3", "reneged", NINGBO), ("flood", "partial", None),
            ("flood", "closed", HANGZHOU), ("flood", "closed_short", None)])
        said = {(e["id"], e["event"]): e["text"] for e in events}
        self.assertIn("450 of %s, priority 2, by local" % KIND, said["flood", "submitted"])
        self.assertEqual(said["flood/2", "declined"], "50, our own flood")
        self.assertIn("50 of %s" % KIND, said["flood/3", "committed"])
        self.assertTrue(said["flood/3", "committed"].endswith("matched again after stock.receive"), said)
        self.assertIn("浙B00001", said["flood/1", "departed"])
        self.assertEqual(said["flood/1", "received"], "394 accepted, 4 rejected, 2 missing, wet\nboxes")
        self.assertTrue(said["flood/4", "committed"].endswith("matched again after dispatch.receive"), said)
        self.assertEqual(said["flood", "amended"], "quantity 450 -> 460, priority 2 -> 1")
        self.assertTrue(said["flood", "closed"].startswith("bought locally, "), said)
        self.assertEqual([e["seq"] for e in events], sorted(e["seq"] for e in events))
        self.assertEqual(events[-1]["record"]["state"], "closed_short")
        text = self.show("request", "show", "flood").splitlines()
        self.assertEqual(len(text), len(events), "a reason with a line break stays one line")
        self.assertRegex(text[0], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*  flood  %s  submitted: 450 of" % HANGZHOU)
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
