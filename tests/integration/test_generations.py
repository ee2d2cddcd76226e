"""Logs of every generation of the schema, the present one too, are read as they were written: tests/data/README.md."""
import glob
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from harness import BIN, DEADLINE, Daemon

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DATA = os.path.join(ROOT, "tests", "data")


def relief(*args):
    done = subprocess.run([os.path.join(BIN, "relief"), *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=DEADLINE)
    return done.returncode, done.stdout + done.stderr


def content(path):
    with open(path, "rb") as file:
        return file.read()


def header(name):
    """A constant of the lists."""
    text = content(os.path.join(ROOT, "schema", "shape.h")).decode()
    return int(re.search(r"#define %s\s+(\d+)u" % name, text).group(1))


def without_younger(after, before):
    """What is there now, as far as it was there before: fields that came since are left out, at every depth."""
    if isinstance(after, dict) and isinstance(before, dict):
        return {key: without_younger(after[key], before[key]) if key in before else after[key]
                for key in after if key in before or after[key] is not None}
    if isinstance(after, list) and isinstance(before, list) and len(after) == len(before):
        return [without_younger(*pair) for pair in zip(after, before)]
    return after


class Generations(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="relief-generation-")
        self.addCleanup(shutil.rmtree, self.folder)

    def unpack(self, source):
        """A data folder with nothing but the log: all else is made from it."""
        log = os.path.join(self.folder, "data", "log")
        os.makedirs(log, 0o700)
        for path in glob.glob(os.path.join(source, "log", "*.gz")):
            with gzip.open(path) as packed, open(os.path.join(log, os.path.basename(path)[:-3]), "wb") as file:
                shutil.copyfileobj(packed, file)

    def put(self, *args):
        code, said = relief(*args)
        self.assertEqual(code, 0, said)
        return said

    def read(self, source):
        self.unpack(source)
        daemon = Daemon(self.folder).start()
        self.addCleanup(daemon.close)
        server = ("--server", "unix:" + daemon.socket_path)
        now = os.path.join(self.folder, "now.jsonl")
        then = os.path.join(source, "log.jsonl")
        last = json.loads(content(then).splitlines()[-2])
        self.put(*server, "log", "export", "-o", now)
        lines = content(now).splitlines()
        self.assertEqual(lines[:last["seq"] + 1], content(then).splitlines()[:-1])
        # the records of then are those of today without the fields that came since
        dump = os.path.join(self.folder, "dump.jsonl")
        self.put(*server, "dump", "--at", str(last["seq"]), "-o", dump)
        old, new = content(os.path.join(source, "dump.jsonl")).splitlines(), content(dump).splitlines()
        self.assertEqual(len(new), len(old))
        for before, after in zip(old[:-1], new[:-1]):
            self.assertEqual(without_younger(json.loads(after), json.loads(before)), json.loads(before))
        replayed = os.path.join(self.folder, "replayed.jsonl")
        self.put("replay", then, "-o", replayed)
        self.assertEqual(content(replayed), content(dump))
        for path in (now, dump, then, *glob.glob(os.path.join(source, "dump.*"))):
            self.put("verify", path)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(daemon.faults(), [])
        self.put("check", daemon.data)
        # what was checked was made by this program; the log alone says the same
        shutil.rmtree(os.path.join(daemon.data, "store"))
        self.put("rebuild", daemon.data)
        self.put("check", daemon.data)

    def test_every_generation(self):
        for generation in range(1, header("RELIEF_GENERATION") + 1):
            with self.subTest(generation=generation):
                self.setUp()
                self.read(os.path.join(DATA, "generation-%d" % generation))

    def test_a_log_of_everything(self):
        """The commands that make a generation's folder, all over again: the present program reads what it writes."""
        made = os.path.join(self.folder, "made")
        make(made)
        self.read(made)
        done = json.loads(content(os.path.join(made, "log.jsonl")).splitlines()[-2])["seq"]
        self.put("replay", os.path.join(made, "log.jsonl"), "--execute")
        self.assertGreater(done, 60)

    def test_all_commands_are_there(self):
        """Each command that the lists know stands in the log of the present generation."""
        ledger = os.path.join(ROOT, "tests", "unit", "schema", "ledger", "generation-%d.txt" % header("RELIEF_GENERATION"))
        names = set(re.findall(r"^command (\S+) =", content(ledger).decode(), re.M))
        lines = content(os.path.join(DATA, "generation-%d" % header("RELIEF_GENERATION"), "log.jsonl")).splitlines()
        self.assertEqual(names - {json.loads(line)["method"] for line in lines[1:-1]}, set())


# ---- making one ----

def wait_for(client, method, key, value, **params):
    """Until the record says so: timers run once a second."""
    until = time.monotonic() + DEADLINE
    while client.call(method, params)[key] != value:
        if time.monotonic() > until:
            raise AssertionError("%s %r does not become %s" % (method, params, value))
        time.sleep(0.05)


def places(call):
    call("region.put", id="top", name="顶 \"top\"", op="op-1")
    call("region.put", id="r", name="r", parent="top", neighbour_minutes=300, agreement="auto", shares="available")
    for n, code in enumerate("ABCD"):
        call("city.put", {"code": code, "name": "城" + code, "name_en": code, "region": "r", "lat": 0, "lon": 100000 * n,
                          "population": 1000000, "op": "city-" + code})
    call("city.put", code="Q", name="Q", region="r", lat=50000, lon=0)
    call("link.put", {"from": "B", "to": "A", "minutes": 30, "both": True})
    call("link.put", {"from": "D", "to": "Q", "minutes": 45, "open": False})
    call("travel.put", permille=1300, km_per_hour=70)
    call("kind.put", {"code": "tent", "name": "帐篷", "name_en": "tent", "class": "supply", "unit": "顶", "category": "shelter",
                      "min_life_days": 3, "substitutes": [{"kind": "tarp", "give": 2, "for": 1}]})
    call("kind.put", {"code": "tarp", "name": "tarp", "class": "supply", "unit": "piece"})
    call("kind.put", {"code": "pump", "name": "pump", "class": "supply", "unit": "piece", "returnable": True})
    call("kind.put", {"code": "crew", "name": "crew", "class": "team", "unit": "team"})
    call("kind.put", {"code": "crane", "name": "crane", "class": "equipment", "unit": "piece", "operator": "crew"})


def stocks(call, now):
    day = 86400000
    for city in "BCD":
        call("stock.receive", city=city, kind="tent", lot="l1", quantity=100, expires=now + 400 * day, source="gift")
        call("stock.receive", city=city, kind="tarp", quantity=50, expires=now + 200 * day)
        call("stock.receive", city=city, kind="pump", quantity=20)
        call("asset.put", {"id": "crew-" + city, "kind": "crew", "city": city, "level": 2, "capacity": 6,
                           "certificates": [{"name": "ropes", "until": now + 900 * day}]})
        call("asset.put", {"id": "crane-" + city, "kind": "crane", "city": city, "level": 1})
    call("stock.floor", city="B", kind="tent", floor=10, emergency_floor=5, target=20)
    call("stock.issue", city="B", kind="tent", quantity=3, reason="handed out")
    call("stock.writeoff", city="B", kind="tarp", quantity=1, reason="destroyed")
    call("stock.count", city="C", kind="tent", lot="l1", quantity=98, reason="counted")
    call("stock.receive", city="C", kind="tent", lot="l2", quantity=5)
    call("stock.hold", city="C", kind="tent", lot="l2", state="quarantine")
    call("asset.status", id="crane-D", condition="maintenance")
    call("agreement.put", id="ask", donor="C", requester="A", commit="ask", kinds=["tent"], share_percent=60,
         answer_minutes=90, price=150, until=now + 99 * day)
    call("agreement.put", id="quick", donor="C", requester="A", commit="ask", kinds=["pump"], answer_minutes=0)
    call("agreement.put", id="short", donor="D", region="r", commit="auto")
    call("agreement.end", id="short")


def helps(call, client, now):
    call("incident.open", id="i", category="natural", level=2, origin="A", affected=["Q"], title="洪水")
    call("incident.update", id="i", level=1, donating=["Q"])
    call("city.mode", code="A", mode="emergency", reason="flood")
    call("request.submit", id="q1", city="A", kind="tent", quantity=400, priority=1, incident="i", substitutes=True,
         needed_by=now + 86400000, explain=True, op="op-q1")
    call("request.submit", id="q1", city="A", kind="tent", quantity=400, priority=1, incident="i", substitutes=True,
         needed_by=now + 86400000, explain=True, op="op-q1")
    call("request.amend", id="q1", quantity=380, priority=2)
    legs = {leg["donor"] + leg["kind"]: leg["id"] for leg in reversed(client.items("dispatch.list", request="q1"))}
    call("dispatch.accept", id=legs["Ctent"], quantity=20)
    call("dispatch.depart", id=legs["Btent"], carrier="truck 7", eta=now + 7200000)
    sent = client.call("dispatch.get", id=legs["Btent"])["quantity"]
    call("dispatch.receive", id=legs["Btent"], accepted=sent - 3, rejected=2, missing=1, reason="wet")
    call("dispatch.depart", id=legs["Dtent"])
    call("dispatch.lost", id=legs["Dtent"], reason="bridge fell")
    call("dispatch.renege", id=legs["Ctent"], reason="own need")
    call("request.close", id="q1", reason="enough")
    call("request.submit", id="q2", city="A", kind="pump", quantity=25)
    leg = [leg for leg in client.items("dispatch.list", request="q2") if leg["donor"] == "B"][0]
    call("dispatch.depart", id=leg["id"])
    call("dispatch.receive", id=leg["id"], accepted=leg["quantity"])
    call("dispatch.recall", id=leg["id"], by=now + 3600000)
    call("dispatch.extend", id=leg["id"], by=now + 7200000)
    call("dispatch.return", id=leg["id"], quantity=leg["quantity"] - 1)
    call("dispatch.checkin", id=leg["id"], quantity=leg["quantity"] - 2, condition="ready")
    for lapsing in [leg for leg in client.items("dispatch.list", request="q2") if leg["donor"] == "C"]:
        wait_for(client, "dispatch.get", "state", "lapsed", id=lapsing["id"])
    call("request.submit", id="q3", city="A", kind="crane", quantity=2, min_level=2, incident="i")
    call("dispatch.cancel", id=client.items("dispatch.list", request="q3")[0]["id"], reason="too big")
    call("request.cancel", id="q3", reason="not needed")


def rest(call, client, now):
    call("agreement.put", id="asks", donor="B", requester="Q", commit="ask")
    call("kind.put", {"code": "radio", "name": "radio", "class": "supply", "unit": "piece", "returnable": True})
    call("stock.receive", city="B", kind="radio", quantity=3)
    call("request.submit", id="q4", city="Q", kind="radio", quantity=2)
    call("dispatch.decline", id="q4/1", reason="no")
    call("request.submit", id="q5", city="A", kind="tarp", quantity=5000, incident="i")
    call("stock.receive", city="D", kind="tent", quantity=20)
    call("agreement.put", id="none", donor="D", requester="A", commit="ask", kinds=[])
    call("request.submit", id="q6", city="A", kind="tent", quantity=3000, incident="i")
    call("stock.floor", city="D", kind="tent", floor=1000)
    call("stock.receive", city="D", kind="tent", quantity=7)
    call("dispatch.order", request="q6", donor="D", quantity=4, reason="the region decides")
    call("plan.apply", plan=client.call("plan.allocate", policy="fair", requests=["q4", "q5", "q6"]), op="op-plan")
    soon = int(time.time() * 1000)
    call("request.submit", id="q7", city="A", kind="crew", quantity=9, needed_by=soon + 1500)
    wait_for(client, "request.get", "state", "expired", id="q7")
    call("asset.status", id="crew-D", condition="ready", rest_until=int(time.time() * 1000) + 1200)
    wake = client.call("log.head")["seq"]
    wait_for(client, "log.head", "seq", wake + 1)
    call("clock.confirm", time=int(time.time() * 1000))
    call("incident.close", id="i")


def make(folder):
    with tempfile.TemporaryDirectory(prefix="relief-make-") as work:
        config = os.path.join(work, "conf")
        with open(config, "w") as file:
            file.write("[data]\nsegment_mib = 1\n")
        daemon = Daemon(work, args=("--config", config)).start()
        try:
            with daemon.client() as client:
                now = int(time.time() * 1000)

                def call(method, params=None, **named):
                    return client.call(method, params, **named)

                places(call)
                stocks(call, now)
                helps(call, client, now)
                rest(call, client, now)
            os.makedirs(os.path.join(folder, "log"))
            for name, *args in (("log.jsonl", "log", "export"), ("dump.jsonl", "dump"),
                                ("dump.msgpack", "dump", "--format", "msgpack"), ("dump.csv", "dump", "--format", "csv")):
                code, said = relief("--server", "unix:" + daemon.socket_path, *args, "-o", os.path.join(folder, name))
                if code:
                    raise AssertionError(said)
            if daemon.stop():
                raise AssertionError("\n".join(daemon.lines))
        finally:
            daemon.close()
        for path in sorted(glob.glob(os.path.join(daemon.data, "log", "*.seg"))):
            with open(os.path.join(folder, "log", os.path.basename(path) + ".gz"), "wb") as file:
                file.write(gzip.compress(content(path), mtime=0))


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        target = os.path.join(DATA, "generation-%d" % header("RELIEF_GENERATION"))
        if os.path.exists(target):
            sys.exit(target + " is there already, and is never written again")
        make(target)
    else:
        unittest.main()
