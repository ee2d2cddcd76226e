"""The past that is tampered with: made once by the real daemon, and all that an honest auditor, witness and client have of it.

A folder: `conf` of the daemon; `data` as it stands at the end, stopped; `moments/N` the same at earlier moments; `fork` another past
from the second moment on, with the same key; `pruned` and `archive` made of `data`, `backup` and `backup.old`; `small/` what was
handed out while the log was short (exports, dumps, proofs, receipts); `kept/` the checkpoints that were taken away in time; `truth.json`
what the daemon answers at the end. Made anew for each run, or kept and used again with --world.
"""
import base64
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, os.pardir, "integration"), os.path.join(HERE, os.pardir, "crash")]
import harness
from harness import HANGZHOU, KIND, NINGBO, WENZHOU

ORIGIN, PUMP, CREW = "relief.example/tamper", "2010101", "1010101"
SECONDS = 20  # no tool may take longer for files of this size; what it takes is milliseconds


# An assertion of LMDB's that is caught and told is none of these.
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:")


class Hung(AssertionError):
    pass


class Crashed(AssertionError):
    pass


def run(program, *args, server=None):
    """(exit status, what was said); a signal and a hang are failures by themselves."""
    words = [os.path.join(harness.BIN, program)] + (["--server", "unix:" + server] if server else []) + [str(arg) for arg in args]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
    except subprocess.TimeoutExpired as late:
        raise Hung("no end after %d s: %s" % (SECONDS, " ".join(words))) from late
    said = done.stdout.decode(errors="replace")
    if done.returncode not in (0, 1, 2, 3, 4) or SANITIZER.search(said):
        raise Crashed("status %d: %s\n%s" % (done.returncode, " ".join(words), said))
    return done.returncode, said


def good(program, *args, server=None):
    code, said = run(program, *args, server=server)
    assert code == 0, (args, code, said)
    return said


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    return path


class World:
    def __init__(self, folder):
        self.folder = folder
        if not os.path.exists(self.path("truth.json")):
            Maker(self).make()
        self.truth = json.loads(read(self.path("truth.json")))
        self.key = read(self.path("log.vkey")).decode().strip()
        self.witness = read(self.path("witness.vkey")).decode().strip()
        self.pruned_first = int(min(os.listdir(self.path("pruned", "log")))[:20])

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def small(self, name):
        return self.path("small", name)

    def kept(self, name):
        return self.path("kept", name)

    def daemon(self, data, folder=None):
        """Not started yet; its socket lies in `folder`."""
        daemon = harness.Daemon(folder=folder or self.path("run"), listen=(), args=["-c", self.path("conf")])
        daemon.data = data
        return daemon


class Maker:
    def __init__(self, world):
        self.world, self.path = world, world.path
        self.replays = []

    def relief(self, *args):
        return good("relief", *args, server=self.daemon.socket_path)

    def call(self, method, **params):
        answer = self.client.call(method, params)
        if "op" in params or method == "request.submit":
            self.replays.append((method, params, answer))
        return answer

    def start(self, data):
        self.daemon = self.world.daemon(data).start()
        self.client = self.daemon.client()

    def stop(self):
        self.client.close()
        assert self.daemon.stop() == 0, self.daemon.lines

    def moment(self, name):
        """Stopped, copied, started again."""
        self.stop()
        shutil.copytree(self.path("data"), self.path("moments", name))
        self.start(self.path("data"))

    def make(self):
        for name in ("moments", "small", "kept", "run"):
            os.makedirs(self.path(name))
        witness = good("relief-audit", "key", "new", "--name", "other.example/w", "--witness", "-o", self.path("witness.key"))
        write(self.path("witness.vkey"), witness)
        write(self.path("conf"), "[data]\nsegment_mib = 1\n[evidence]\norigin = %s\n[witness]\nkey = %s\n" % (ORIGIN, witness.strip()))
        self.start(self.path("data"))
        try:
            self.story()
            self.bulk()
            self.end()
        finally:
            self.client.close()
            self.daemon.kill()
        self.fork()

    def story(self):
        """Some of everything, short enough that a thousand exports of it can be proved in seconds."""
        harness.world(self.client)
        write(self.path("log.vkey"), self.client.call("log.checkpoint")["key"])
        call = self.call
        call("agreement.put", id="ask", donor=WENZHOU, requester=HANGZHOU, commit="ask", answer_minutes=525600)
        call("kind.put", **{"code": CREW, "name": "抢修队", "class": "team", "unit": "队"})
        call("kind.put", **{"code": PUMP, "name": "水泵", "class": "equipment", "unit": "台", "operator": CREW})
        for n in range(4):
            call("asset.put", id="crew%d" % n, kind=CREW, city=NINGBO, level=1 + n % 4, capacity=9, op="crew%d" % n)
            call("asset.put", id="pump%d" % n, kind=PUMP, city=NINGBO, op="pump%d" % n)
        call("link.put", **{"from": NINGBO, "to": HANGZHOU, "minutes": 150, "both": True})
        call("incident.open", id="flood", category="natural", level=2, origin=HANGZHOU, op="flood")
        self.take("first")
        for n in range(6):
            call("request.submit", id="r%d" % n, city=HANGZHOU, kind=KIND, quantity=60 + n, incident="flood")
            if n % 2:
                call("dispatch.depart", id="r%d/1" % n, carrier='a "quoted" 车', op="depart%d" % n)
        call("dispatch.receive", id="r1/1", accepted=58, rejected=2, missing=1, reason="rain", op="receive")
        self.take("second")
        call("request.submit", id="crane", city=HANGZHOU, kind=PUMP, quantity=2)
        call("request.cancel", id="r4", reason="found", op="cancel")
        call("stock.count", city=WENZHOU, kind=KIND, lot="b", quantity=290, reason="counted", op="count")
        self.relief("--receipt", self.world.small("receipts"), "stock", "receive", NINGBO, KIND, "9", "--op", "receipt1")
        self.relief("--receipt", self.world.small("receipts"), "stock", "receive", WENZHOU, KIND, "7", "--op", "receipt2")
        self.take("third")
        small = self.world.small
        self.relief("log", "export", "-o", small("log"))
        for form in ("jsonl", "msgpack", "csv"):
            self.relief("dump", "--format", form, "-o", small("dump." + form))
        for seq in (1, 7, 23):
            self.relief("proof", "inclusion", seq, "-o", small("inclusion.%d" % seq))
        for name in ("first", "second"):
            self.relief("proof", "consistency", self.world.kept(name), "-o", small("consistency." + name))
        self.witnessing()
        shutil.copy(self.world.kept("witnessed"), small("witnessed"))
        self.moment("1")

    def take(self, name):
        self.relief("log", "checkpoint", "-o", self.world.kept(name))

    def witnessing(self, new=True):
        good("relief-audit", "witness", "--key", self.path("witness.key"), "--log-key", self.path("log.vkey"), "--state", self.path("state"),
             "--follow", "unix:" + self.daemon.socket_path, "--once", *(["--new", ORIGIN] if new else []))
        self.relief("log", "checkpoint", "--witnessed", "-o", self.world.kept("witnessed"))

    def bulk(self):
        """Entries of a size that fills three segments soon."""
        for n in range(900):
            if n == 300:
                self.moment("2")
                self.relief("backup", self.path("backup.old"), "--with-key")
            self.call("stock.receive", city=NINGBO, kind=KIND, lot="l%02d" % (n % 60), quantity=1 + n % 7, source="s" * 900,
                      **({"op": "bulk%d" % n} if n % 9 == 0 else {}))
        self.moment("3")
        for n in range(20):
            self.call("request.submit", id="late%d" % n, city=WENZHOU, kind=KIND, quantity=3)
        self.relief("--receipt", self.world.kept("receipt"), "stock", "receive", NINGBO, KIND, "3", "--op", "receipt3")
        self.take("last")
        self.witnessing(new=False)

    def end(self):
        truth = answers(self.client, self.replays)
        self.relief("log", "export", "-o", self.path("log"))
        self.relief("dump", "-o", self.path("dump"))
        self.relief("backup", self.path("backup"), "--with-key")
        self.stop()
        shutil.copytree(self.path("data"), self.path("pruned"))
        good("relief", "log", "prune", self.path("pruned"), "--below", "1000000", "--archive", self.path("archive"))
        truth["key"] = read(self.path("data", "evidence", "key")).decode()
        write(self.path("truth.json"), json.dumps(truth))

    def fork(self):
        """Another past, signed with the same key, and what is archived and backed up of it."""
        shutil.copytree(self.path("moments", "2"), self.path("fork"))
        self.start(self.path("fork"))
        for n in range(650):
            self.client.call("stock.receive", city=WENZHOU, kind=KIND, lot="f%02d" % (n % 60), quantity=2, source="f" * 900)
        self.relief("log", "export", "-o", self.path("fork.log"))
        self.relief("log", "checkpoint", "-o", self.path("fork.note"))
        self.relief("backup", self.path("backup.fork"), "--with-key")
        self.stop()


def plain(value):
    """As JSON gives it back."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


GETS = {"city": ("code",), "region": ("id",), "kind": ("code",), "request": ("id",), "dispatch": ("id",), "asset": ("id",),
        "incident": ("id",), "agreement": ("id",)}


def questions(dump, replays):
    """Everything that can be asked by key: records, stock, first answers of what was sent before, proofs."""
    asked = [("log.head", {}), ("log.checkpoint", {})]
    for row in dump:
        if row["t"] in GETS:
            asked.append((row["t"] + ".get", {name: row[name] for name in GETS[row["t"]]}))
        elif row["t"] == "account":
            asked.append(("stock.get", {"city": row["city"], "kind": row["kind"]}))
    asked += [("request.list", {}), ("dispatch.list", {}), ("stock.list", {}), ("asset.list", {}), ("proof.inclusion", {"seq": 5}),
              ("proof.consistency", {"from": 40})]
    return asked + [(method, params) for method, params, _ in replays]


def answers(client, replays):
    dump = client.dump()
    asked = questions(dump.rows, replays)
    truth = {"lines": dump.lines, "digest": dump.end["digest"], "asked": []}
    for method, params in asked:
        truth["asked"].append([method, params, plain(client.call(method, params))])
    for method, params, answer in replays:
        again = next(row[2] for row in truth["asked"] if row[:2] == [method, params])
        assert plain(answer) == again, (method, params, answer, again)
    return truth
