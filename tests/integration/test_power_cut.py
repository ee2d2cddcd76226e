"""Acceptance scenario 15: the power fails in the middle of a commit. After the restart all of it is there or nothing, and the chain of
hashes verifies.

One request is met by six donors, so one commit reserves stock in six cities and makes six legs. tests/crash/disk_shim.c cuts the power
at each write and each sync of that commit, and of the writes not yet synced keeps an arbitrary part.
"""
import os
import shutil
import signal
import subprocess
import unittest

from disk import OnShim, shims
from harness import BIN, DEADLINE, HANGZHOU, KIND, Refused

DONORS = ["donor%d" % n for n in range(6)]
EACH, WANTED = 10, 55
SEEDS = 3


def world(client):
    client.call("region.put", id="r", name="r", agreement="auto")
    for n, code in enumerate([HANGZHOU] + DONORS):
        client.call("city.put", {"code": code, "name": code, "region": "r", "lat": 30000000, "lon": 120000000 + 10000 * n})
    client.call("kind.put", {"code": KIND, "name": "tent", "class": "supply", "unit": "1"})
    for code in DONORS:
        client.call("stock.receive", city=code, kind=KIND, lot="a", quantity=EACH)


REQUEST = {"id": "wanted", "city": HANGZHOU, "kind": KIND, "quantity": WANTED}


class PowerCut(unittest.TestCase):
    def prepare(self, plant=None):
        self.daemon = OnShim(plant)
        self.addCleanup(self.daemon.close)
        if self.daemon.missing:
            self.skipTest(self.daemon.missing)
        self.shim, self.folder = self.daemon.shim, self.daemon.folder
        self.daemon.start()
        with self.daemon.client() as client:
            world(client)
            self.before = client.call("log.head")
        self.assertEqual(self.daemon.stop(), 0)
        self.kept = os.path.join(self.folder, "kept")
        shutil.copytree(self.daemon.data, self.kept)

    def relief(self, *words):
        done = subprocess.run([os.path.join(BIN, "relief"), *words], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def again(self):
        """The daemon on the folder as it was before the commit."""
        shutil.rmtree(self.daemon.data)
        shutil.copytree(self.kept, self.daemon.data)
        self.shim.disarm()
        self.shim.page.track = 1
        self.daemon.start()

    def commit(self, how, at, seed):
        """The answer to the request, or None: the power was gone. Where it is answered before the call `at`, the power goes at the
        next one, of the stop."""
        self.again()
        with self.daemon.client() as client:
            self.shim.arm(how, shims.WRITES | shims.SYNCS, at, seed=seed)
            client.send_request("request.submit", REQUEST)
            answer = client.answer()
        if answer is not None and not self.shim.page.acted:
            self.shim.arm(how, shims.WRITES | shims.SYNCS, 1, times=1 << 40, seed=seed)  # a call may be on its way
            self.daemon.process.terminate()
        self.assertEqual(self.daemon.process.wait(DEADLINE), -signal.SIGKILL, "the power did not fail")
        return answer

    def calls(self):
        """How many writes and syncs the commit takes, with what follows it until the answer."""
        self.again()
        with self.daemon.client() as client:
            self.shim.arm(shims.COUNT, shims.WRITES | shims.SYNCS, 0)
            client.call("request.submit", REQUEST)
            calls = self.shim.page.calls
        self.assertEqual(self.daemon.stop(), 0)
        return calls

    def state(self):
        """Whether the commit is there: whole or not at all, by every way to look at it."""
        with self.daemon.client() as client:
            head = client.call("log.head")
            reserved = [client.call("stock.get", city=code, kind=KIND)["reserved"] for code in DONORS]
            legs = client.call("dispatch.list")["items"]
            try:
                record = client.call("request.get", id="wanted")
            except Refused as refused:
                self.assertEqual(refused.code, "NOT_FOUND")
                self.assertEqual((head["seq"], head["hash"]), (self.before["seq"], self.before["hash"]))
                self.assertEqual((legs, reserved), ([], [0] * len(DONORS)))
                return False
            self.assertEqual(head["seq"], self.before["seq"] + 1)
            self.assertEqual((record["covered"], record["open"], len(record["dispatches"])), (WANTED, 0, len(DONORS)))
            self.assertEqual(sorted(leg["id"] for leg in legs), sorted(record["dispatches"]))
            self.assertEqual({leg["donor"] for leg in legs}, set(DONORS))
            self.assertEqual((sum(leg["quantity"] for leg in legs), sum(reserved)), (WANTED, WANTED))
            return True

    def after(self, answer):
        """The start after the cut; True: all of it was there."""
        self.daemon.kill()
        self.shim.disarm()
        self.daemon.start()
        there = self.state()
        self.assertTrue(there or answer is None, "acknowledged, and gone")
        server = "unix:" + self.daemon.socket_path
        export = os.path.join(self.folder, "log.jsonl")
        self.relief("--server", server, "log", "export", "-o", export)
        self.relief("verify", export)
        with self.daemon.client() as client:  # whoever asked does so again
            first = client.call("request.submit", REQUEST)
            self.assertEqual(first["seq"], self.before["seq"] + 1)
            if answer is not None:
                self.assertEqual(first, answer[3])
        self.assertTrue(self.state())
        self.assertEqual(self.daemon.stop(), 0)
        self.relief("check", self.daemon.data)
        return there

    def cut(self, how, at, seed):
        """True: the commit is there."""
        answer = self.commit(how, at, seed)
        self.assertTrue(answer is None or answer[2] is None, answer)
        return self.after(answer)

    def test_scenario_15_all_of_it_or_nothing(self):
        self.prepare()
        calls, seen = self.calls(), {True: 0, False: 0}
        self.assertGreaterEqual(calls, 2)
        for at in range(1, calls + 2):  # the last one: behind the answer
            for how in (shims.TORN, shims.LOOSE):
                for seed in range(SEEDS):
                    with self.subTest(at=at, of=calls, how=how, seed=seed):
                        seen[self.cut(how, at, seed)] += 1
        self.assertGreater(seen[False], 0, "no cut came before the commit was whole: %r" % seen)
        self.assertGreater(seen[True], 0, "no cut came after it: %r" % seen)

    def test_a_commit_that_is_not_synced_is_found(self):
        """The control: the same cuts, and a daemon that answers before the disk has it."""
        for plant in ("no-sync", "late-sync"):
            with self.subTest(plant=plant):
                self.prepare(plant)
                with self.assertRaisesRegex(AssertionError, "acknowledged, and gone|the log ends with entry"):
                    for seed in range(30):
                        self.cut(shims.LOOSE if seed % 2 else shims.TORN, self.FAR, seed)

    FAR = 1 << 30  # a call that never comes: the cut is the one behind the answer


if __name__ == "__main__":
    unittest.main()
