"""The inventory as of an entry of the past: the same bytes as the dump that was taken then, from the daemon and from its folder."""
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from harness import BIN, Case, DEADLINE, HANGZHOU, KIND, NINGBO, Refused, world

FORMS = ("jsonl", "csv", "msgpack")


def content(path):
    """The bytes of a file, or of all files of a folder."""
    if not os.path.isdir(path):
        with open(path, "rb") as file:
            return file.read()
    return {name: content(os.path.join(path, name)) for name in sorted(os.listdir(path))}


class Past(Case):
    def run_relief(self, *args):
        done = subprocess.run([os.path.join(BIN, "relief"), "--server", "unix:" + self.daemon.socket_path, *args],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE,
                              env=dict(os.environ, TMPDIR=self.folder))
        return done.returncode, done.stdout, done.stderr

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="relief-past-")
        self.addCleanup(shutil.rmtree, self.folder)

    def dump(self, name, *args):
        path = os.path.join(self.folder, name)
        code, _, err = self.run_relief("dump", "-o", path, *args)
        self.assertEqual(code, 0, err)
        return content(path)

    def live(self, tag):
        return {form: self.dump("%s-%s" % (tag, form), "--format", form) for form in FORMS}

    def test_1_the_same_bytes_as_then(self):
        """First of all: it begins with nothing, the others find what it leaves."""
        client = self.client()
        past = {}
        past[client.call("log.head")["seq"]] = self.live("empty")
        world(client)
        past[client.call("log.head")["seq"]] = self.live("founded")
        for n in range(6):
            client.call("request.submit", id="r%d" % n, city=HANGZHOU, kind=KIND, quantity=20 + n, op="o%d" % n)
            if n % 2:
                client.call("dispatch.depart", id="r%d/1" % n, carrier='a "quoted" 车')
            past[client.call("log.head")["seq"]] = self.live("step%d" % n)
        client.call("stock.receive", city=NINGBO, kind=KIND, quantity=7)
        head = client.call("log.head")["seq"]
        for seq, forms in past.items():
            for form in FORMS:
                with self.subTest(seq=seq, form=form):
                    self.assertEqual(self.dump("o%d-%s" % (seq, form), "--at", str(seq), "--format", form), forms[form])
                    self.assertEqual(self.dump("d%d-%s" % (seq, form), "--at", str(seq), "--format", form, "--data",
                                               self.daemon.data), forms[form])
        # some tables; and without --at the folder's last entry
        some = self.dump("some", "--at", str(max(past)), "--tables", "city,lot")
        self.assertEqual(self.dump("some-data", "--at", str(max(past)), "--tables", "city,lot", "--data", self.daemon.data), some)
        self.assertEqual(self.dump("last", "--data", self.daemon.data), self.dump("now"))
        self.assertEqual(client.dump(at=head).lines, client.dump().lines)
        # nothing is left behind
        self.assertEqual([n for n in os.listdir(self.folder) if n.startswith("relief-at")], [])
        self.assertEqual(os.listdir(os.path.join(self.daemon.data, "tmp")), [])

    def test_refusals(self):
        client = self.client()
        head = client.call("log.head")["seq"]
        with self.unchanged():
            self.assertRefused(client.error("snapshot.dump", at=head + 1000000), "BAD_PARAMS", "at")
            self.assertRefused(client.error("snapshot.dump", at=-1), "BAD_PARAMS", "at")
            self.assertEqual(self.run_relief("dump", "--at", str(head + 1000000))[0], 1)
            self.assertEqual(self.run_relief("dump", "--at", str(head + 1000000), "--data", self.daemon.data)[0], 1)
            self.assertEqual(self.run_relief("dump", "--at", "x", "--data", self.daemon.data)[0], 2)
            self.assertEqual(self.run_relief("dump", "--data", self.folder + "/nope")[0], 2)
            self.assertEqual(self.run_relief("dump", "--data", self.daemon.data, "--tables", "nope")[0], 2)
            self.assertNotEqual(self.run_relief("dump", "--data", self.folder)[0], 0)

    def test_a_peer_that_goes(self):
        """The state that was being made for it is thrown away; others are served, and a stop does not wait."""
        with self.daemon.client() as client:
            for n in range(2000):
                client.send_request("stock.count", {"city": NINGBO, "kind": KIND, "lot": "a", "quantity": 450 + n % 7, "reason": "x"})
                if n % 500 == 499:
                    self.assertEqual([client.answer()[2] for _ in range(500)], [None] * 500)
            head = client.call("log.head")["seq"]
        for _ in range(5):
            gone = self.daemon.client()
            gone.send_request("snapshot.dump", {"at": head - 1})
            gone.close()
        with self.daemon.client() as client:
            while True:
                try:
                    last = client.dump(at=head)
                    break
                except Refused as refused:  # those of the peers that went are still being thrown away
                    self.assertEqual(refused.code, "TOO_MANY")
            self.assertEqual(last.seq, head)
            until = time.monotonic() + 60  # the last of them may still be on its way out
            while os.listdir(os.path.join(self.daemon.data, "tmp")):
                self.assertLess(time.monotonic(), until, "states that nobody waits for are still there")
                client.call("log.head")

    def test_while_writers_go_on(self):
        stop = threading.Event()

        def write():
            with self.daemon.client() as client:
                n = 0
                while not stop.is_set():
                    client.call("stock.count", city=NINGBO, kind=KIND, lot="a", quantity=450 + n % 50, reason="x")
                    n += 1

        writer = threading.Thread(target=write)
        client = self.client()
        seq = client.call("log.head")["seq"]
        then = client.dump()
        self.assertEqual(then.seq, seq)
        writer.start()
        try:
            for _ in range(5):
                self.assertEqual(client.dump(at=seq).lines, then.lines)
        finally:
            stop.set()
            writer.join(DEADLINE)


if __name__ == "__main__":
    unittest.main()
