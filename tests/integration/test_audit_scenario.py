"""Acceptance, scenario 12: a snapshot taken while 10,000 moves a minute arrive. Every sum equals its ledger, and the same snapshot id,
the entry's number, gives the same bytes later: from the daemon, after a restart, from its folder, from the exported log."""
import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

from harness import BIN, Case, DEADLINE, HANGZHOU, KIND, NINGBO, SUBSTITUTE, WENZHOU, world

MOVES_A_MINUTE, SNAPSHOTS, WRITERS = 10000, 6, 2
FORMS = ("jsonl", "msgpack", "csv")


class Writer(threading.Thread):
    """Goods come in, are asked for, leave, arrive in part, are counted and used; two rounds in flight on one connection."""

    def __init__(self, daemon, number, stop):
        super().__init__()
        self.client, self.number, self.stop, self.moves, self.errors = daemon.client(), number, stop, 0, []

    def round(self, n):
        name, client = "w%d-%d" % (self.number, n), self.client
        donor = NINGBO if n % 2 else WENZHOU
        sent = [("stock.receive", {"city": donor, "kind": KIND, "lot": "w%d" % (n % 5), "quantity": 20}),
                ("request.submit", {"id": name, "city": HANGZHOU, "kind": KIND, "quantity": 12, "own_first": False}),
                ("dispatch.depart", {"id": name + "/1"}),
                ("dispatch.receive", {"id": name + "/1", "accepted": 10, "rejected": 1, "missing": 1, "reason": "rain"}),
                ("stock.receive", {"city": HANGZHOU, "kind": SUBSTITUTE, "quantity": 5}),
                ("stock.issue", {"city": HANGZHOU, "kind": SUBSTITUTE, "quantity": 3, "reason": "use"})]
        for method, params in sent:
            client.send_request(method, params)
        return len(sent)

    def run(self):
        waiting, n = [], 0
        while waiting or not self.stop.is_set():
            if not self.stop.is_set() and len(waiting) < 2:
                waiting.append(self.round(n))
                n += 1
                continue
            for _ in range(waiting.pop(0)):
                answer = self.client.answer()
                if answer is None:
                    self.errors.append("hung up")
                    return
                if answer[2] is None:
                    self.moves += 1
                elif answer[2]["code"] not in ("BAD_STATE", "BAD_PARAMS", "NOT_FOUND"):  # a leg that another writer's goods made smaller
                    self.errors.append(answer[2])


class Snapshot(Case):
    def path(self, name):
        return os.path.join(self.folder, name)

    def relief(self, program, *args):
        where = ["--server", "unix:" + self.daemon.socket_path] if program == "relief" else []
        done = subprocess.run([os.path.join(BIN, program), *where, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=DEADLINE, env=dict(os.environ, TMPDIR=self.folder))
        self.assertEqual(done.returncode, 0, (args, done.stdout, done.stderr))
        return done.stdout

    def content(self, name):
        path = self.path(name)
        if os.path.isdir(path):
            return {name: self.content(os.path.join(path, name)) for name in sorted(os.listdir(path))}
        with open(path, "rb") as file:
            return file.read()

    def assert_sums(self, lines):
        """Every kind: what was received is on hand, in transit, on loan, issued, lost or written off; held and reserved are in the lots."""
        rows = [json.loads(line) for line in lines[1:-1]]
        kinds = {row["kind"] for row in rows if row["t"] == "account"}
        self.assertEqual(kinds, {KIND, SUBSTITUTE})
        for kind in kinds:
            ledger = [row for row in rows if row["t"] == "account" and row["kind"] == kind]
            on_hand = sum(row["quantity"] for row in rows if row["t"] == "lot" and row["kind"] == kind)
            self.assertEqual(sum(row["received"] for row in ledger), on_hand + sum(
                row[name] for row in ledger for name in ("issued", "lost", "written_off", "on_loan", "in_transit")), kind)
            reserved = sum(row["reserved"] for row in rows if row["t"] == "lot" and row["kind"] == kind)
            moving = [row for row in rows if row["t"] == "dispatch" and row["kind"] == kind]
            self.assertEqual(reserved, sum(row["quantity"] for row in moving if row["state"] == "committed"))
            self.assertEqual(sum(row["in_transit"] for row in ledger), sum(row["sent"] for row in moving if row["state"] == "in_transit"))

    def test_scenario_12_a_snapshot_while_ten_thousand_moves_a_minute_arrive(self):
        self.folder = tempfile.mkdtemp(prefix="relief-snapshot-")
        self.addCleanup(shutil.rmtree, self.folder)
        client, stop = self.client(), threading.Event()
        world(client)
        client.call("stock.receive", city=HANGZHOU, kind=SUBSTITUTE, quantity=100)
        begin = client.call("log.head")
        writers = [Writer(self.daemon, number, stop) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        taken = []
        try:
            while len(taken) < SNAPSHOTS or client.call("log.head")["seq"] < begin["seq"] + 1000:
                form, name = FORMS[len(taken) % 3], "snapshot%d" % len(taken)
                self.relief("relief", "dump", "--format", form, "-o", self.path(name))
                taken.append((form, name))
            end = client.call("log.head")
        finally:
            stop.set()
            for writer in writers:
                writer.join(DEADLINE)
                writer.client.close()
        self.assertEqual([error for writer in writers for error in writer.errors], [])
        rate = (end["seq"] - begin["seq"]) * 60000 // max(1, end["time"] - begin["time"])
        self.assertGreaterEqual(rate, MOVES_A_MINUTE)
        self.assertEqual(sum(writer.moves for writer in writers), client.call("log.head")["seq"] - begin["seq"])

        self.relief("relief", "log", "export", "-o", self.path("log"))
        moments = []
        for form, name in taken:
            said = self.relief("relief-audit", "verify", self.path("log"), "--dump", self.path(name)) if form != "csv" else \
                self.relief("relief", "verify", self.path(name))
            seq = int(said.rsplit("dump at entry ", 1)[1].split(",")[0])
            moments.append((seq, form, name))
            self.relief("relief", "dump", "--at", str(seq), "-o", self.path(name + ".lines"))
            self.assert_sums(self.content(name + ".lines").decode().splitlines())
        self.assertEqual(sorted(moments), moments, "moments in the order in which they were taken")
        self.assertGreater(moments[-1][0], moments[0][0] + 100, "nothing moved meanwhile")

        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        with self.daemon.client() as other:
            other.call("stock.receive", city=NINGBO, kind=KIND, quantity=1)
        for seq, form, name in moments:
            with self.subTest(seq=seq, form=form):
                later, folder, replayed = name + ".later", name + ".folder", name + ".replayed"
                self.relief("relief", "dump", "--at", str(seq), "--format", form, "-o", self.path(later))
                self.assertEqual(self.content(later), self.content(name))
                self.relief("relief", "dump", "--data", self.daemon.data, "--at", str(seq), "--format", form, "-o", self.path(folder))
                self.assertEqual(self.content(folder), self.content(name))
                self.relief("relief", "replay", self.path("log"), "--at", str(seq), "-o", self.path(replayed))
                self.assertEqual(self.content(replayed), self.content(name + ".lines"))


if __name__ == "__main__":
    unittest.main()
