"""A backup of a daemon at work is a whole data folder; what is restored from it says the same, and retries find their first answers; what was damaged is refused by name."""
import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

from harness import BIN, Daemon, DEADLINE, HANGZHOU, KIND, NINGBO, Refused, world


def tree(folder):
    """Every file below, by its path there."""
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


class Backups(unittest.TestCase):
    SEGMENT = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="relief-backup-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.args = []

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def relief(self, *args, server=None):
        command = [os.path.join(BIN, "relief")] + (["--server", "unix:" + server.socket_path] if server else [])
        done = subprocess.run(command + list(args), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE,
                              env=dict(os.environ, TMPDIR=self.folder))
        return done.returncode, done.stdout, done.stderr

    def good(self, *args, server=None):
        code, out, err = self.relief(*args, server=server)
        self.assertEqual(code, 0, out + err)
        return out

    def daemon(self, data=None):
        daemon = Daemon(args=self.args)
        if data:
            daemon.data = data
        self.addCleanup(daemon.close)
        return daemon.start()

    def stop(self, daemon):
        self.assertEqual(daemon.stop(), 0, "\n".join(daemon.lines))
        self.assertEqual(daemon.faults(), [])

    def work(self, client, tag, count):
        """Requests with and without op; {what was sent: what was answered}."""
        answers = []
        for n in range(count):
            params = {"id": "%s-%d" % (tag, n), "city": HANGZHOU, "kind": KIND, "quantity": 1 + n % 3}
            if n % 4 == 0:
                params["explain"] = True
            answers.append(("request.submit", params, client.call("request.submit", params)))
            op = {"op": "%s-op-%d" % (tag, n), "city": NINGBO, "kind": KIND, "lot": "a", "quantity": 5}
            answers.append(("stock.receive", op, client.call("stock.receive", op)))
        return answers

    def expect_replays(self, client, answers):
        before = client.call("log.head")
        for method, params, answer in answers:
            self.assertEqual(client.call(method, params), answer)
        self.assertEqual(client.call("log.head"), before)


class Backup(Backups):
    def test_under_load(self):
        daemon = self.daemon()
        stop = threading.Event()
        failed = []

        def load(tag):
            try:
                with daemon.client() as client:
                    n = 0
                    while not stop.is_set():
                        client.call("request.submit", id="%s-%d" % (tag, n), city=HANGZHOU, kind=KIND, quantity=1)
                        n += 1
            except Exception as error:  # told by the test, not by a thread that nobody reads
                failed.append(error)

        with daemon.client() as client:
            world(client)
            answers = self.work(client, "first", 40)
            threads = [threading.Thread(target=load, args=("w%d" % n,)) for n in range(2)]
            for thread in threads:
                thread.start()
            out = self.good("backup", self.path("b"), "--with-key", server=daemon)
            stop.set()
            for thread in threads:
                thread.join(DEADLINE)
            self.assertEqual(failed, [])
            with open(self.path("b", "manifest.json")) as file:
                manifest = json.load(file)
            self.assertIn("entry %d " % manifest["seq"], out)
            self.assertGreaterEqual(manifest["seq"], answers[-1][2]["seq"])
            self.assertLessEqual(manifest["base"], manifest["seq"])
            self.assertEqual(sorted(file["name"] for file in manifest["files"]) + ["manifest.json"], tree(self.path("b")))
            then = client.dump(at=manifest["seq"])
            self.assertEqual(then.head, manifest["head"])
            rest = client.call("log.head")["seq"]
        self.stop(daemon)
        self.assertIn("restored up to entry %d, head %s" % (manifest["seq"], manifest["head"]),
                      self.good("restore", self.path("b"), self.path("r")))
        self.assertIn("holds", self.good("check", self.path("r")))
        self.assertNotIn("incomplete", tree(self.path("r")))
        again = self.daemon(self.path("r"))
        with again.client() as client:
            self.assertEqual(client.call("log.head")["seq"], manifest["seq"])
            self.assertEqual(client.dump().lines, then.lines)
            self.expect_replays(client, answers)
            self.work(client, "second", 3)
        self.stop(again)
        self.assertIn("holds", self.good("check", self.path("r")))
        self.assertGreaterEqual(rest, manifest["seq"])
        # the backup is a data folder of its own
        shutil.copytree(self.path("b"), self.path("c"))
        direct = self.daemon(self.path("c"))
        with direct.client() as client:
            self.assertEqual(client.dump().lines, then.lines)
        self.stop(direct)

    def test_of_nothing(self):
        daemon = self.daemon()
        self.good("backup", self.path("b"), "--with-key", server=daemon)
        self.good("restore", self.path("b"), self.path("r"))
        again = self.daemon(self.path("r"))
        with again.client() as client:
            self.assertEqual(client.call("log.head")["seq"], 0)
            world(client)
        self.stop(again)
        self.stop(daemon)

    def test_rights_and_places(self):
        daemon = self.daemon()
        with daemon.client() as client:
            world(client)
            client.call("server.hello", role="auditor")
            self.assertEqual(client.error("snapshot.backup")["code"], "DENIED")
        os.mkdir(self.path("full"))
        with open(self.path("full", "x"), "w"):
            pass
        self.assertEqual(self.relief("backup", self.path("full"), server=daemon)[0], 2)
        self.assertEqual(tree(self.path("full")), ["x"])
        # Refused, a backup leaves no folder; one that was there stays, empty.
        refusing = Daemon(listen=("tcp:127.0.0.1:0,as=auditor",))
        self.addCleanup(refusing.close)
        refusing.start()
        os.mkdir(self.path("kept"))
        for name in ("denied", "kept"):
            code, _, err = self.relief("--server", "tcp:%s:%d" % refusing.tcp(), "backup", self.path(name))
            self.assertEqual((code, "DENIED" in err), (1, True), err)
        self.assertFalse(os.path.exists(self.path("denied")))
        self.assertEqual(os.listdir(self.path("kept")), [])
        self.stop(refusing)
        self.good("backup", self.path("b"), server=daemon)
        self.assertNotIn("evidence/key", tree(self.path("b")))
        self.assertEqual(self.relief("restore", self.path("b"), self.path("full"))[0], 2)
        self.assertEqual(self.relief("restore", self.path("nope"), self.path("r"))[0], 2)
        code, _, err = self.relief("restore", self.path("b"), self.path("keyless"))
        self.assertEqual(code, 0, err)
        self.assertIn("no private key", err)
        shutil.copy(os.path.join(daemon.data, "evidence", "key"), self.path("keyless", "evidence", "key"))
        self.stop(self.daemon(self.path("keyless")))
        self.good("restore", self.path("b"), self.path("r"), "--new-origin")
        self.stop(self.daemon(self.path("r")))
        with daemon.client() as client:
            client.call("server.hello", role="operator")
            client.send_request("snapshot.backup")
            while True:
                message = client.message()
                if message[0] == 1:
                    break
                self.assertEqual(message[:2], [2, "file"])
                self.assertLessEqual(len(message[2][0].get("data", b"")), 1 << 18)
            self.assertIsNone(message[2])
        self.stop(daemon)

    def test_damage_is_refused_by_name(self):
        daemon = self.daemon()
        with daemon.client() as client:
            world(client)
            self.work(client, "x", 5)
        self.good("backup", self.path("b"), "--with-key", server=daemon)
        self.stop(daemon)
        os.mkdir(self.path("mine"))
        for name in tree(self.path("b")):
            size = os.path.getsize(self.path("b", name))
            for place in sorted({0, size // 2, size - 1, min(size - 1, 700)}):
                with self.subTest(name=name, place=place):
                    with open(self.path("b", name), "r+b") as file:
                        file.seek(place)
                        byte = file.read(1)[0]
                        file.seek(place)
                        file.write(bytes([byte ^ 0x10]))
                    code, _, err = self.relief("restore", self.path("b"), self.path("r"))
                    self.assertEqual(code, 4, err)
                    self.assertIn(name, err)
                    self.assertFalse(os.path.exists(self.path("r")))
                    self.assertEqual(self.relief("restore", self.path("b"), self.path("mine"))[0], 4)
                    self.assertEqual(os.listdir(self.path("mine")), [])  # it was there, and is there
                    with open(self.path("b", name), "r+b") as file:
                        file.seek(place)
                        file.write(bytes([byte]))
            os.rename(self.path("b", name), self.path("away"))
            code, _, err = self.relief("restore", self.path("b"), self.path("r"))
            self.assertNotEqual(code, 0)
            self.assertIn(name, err)
            os.rename(self.path("away"), self.path("b", name))
        self.good("restore", self.path("b"), self.path("r"))

    def killed_when(self, path, *args, server=None):
        """The command, killed as soon as that file is there; False: it had ended before."""
        process = subprocess.Popen([os.path.join(BIN, "relief")] + (["--server", "unix:" + server.socket_path] if server else []) +
                                   list(args), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not os.path.exists(path):
            pass
        process.kill()
        return process.wait(DEADLINE) != 0

    def test_kill_in_the_middle(self):
        daemon = self.daemon()
        with daemon.client() as client:
            world(client)
            answers = self.work(client, "x", 200)
            then = client.dump()
        for n, name in enumerate(("log", "evidence/hashes", "log/00000000000000000001.seg")):
            folder = self.path("k%d" % n)
            if self.killed_when(os.path.join(folder, name), "backup", folder, "--with-key", server=daemon):
                code, _, err = self.relief("restore", folder, self.path("none"))
                if os.path.exists(os.path.join(folder, "manifest.json")):  # written last: killed on its way out
                    self.assertEqual(code, 0, err)
                    shutil.rmtree(self.path("none"))
                    continue
                self.assertEqual(code, 2)
                self.assertIn("not finished", err)
                self.assertFalse(os.path.exists(self.path("none")))
        self.good("backup", self.path("b"), "--with-key", server=daemon)
        # the daemon goes away in the middle of a backup: that is said, and nothing is left that looks like one
        process = subprocess.Popen([os.path.join(BIN, "relief"), "--server", "unix:" + daemon.socket_path, "backup", self.path("gone")],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not os.path.exists(self.path("gone", "log")):
            pass
        daemon.kill()
        process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode == 0, os.path.exists(self.path("gone", "manifest.json")))
        for name in ("incomplete", "log", "evidence", "store", "store.new/data.mdb"):
            self.killed_when(self.path("r", name), "restore", self.path("b"), self.path("r"))
            if os.path.exists(self.path("r", "incomplete")):
                refused = Daemon()
                refused.data = self.path("r")
                self.addCleanup(refused.close)
                self.assertRaises(AssertionError, refused.start)
                self.assertIn("interrupted", "\n".join(refused.lines))
            else:
                shutil.rmtree(self.path("r"), ignore_errors=True)  # it was through
        self.good("restore", self.path("b"), self.path("r"))
        again = self.daemon(self.path("r"))
        with again.client() as client:
            self.assertEqual(client.dump().lines, then.lines)
            self.expect_replays(client, answers)
        self.stop(again)

    def test_an_interrupted_restore(self):
        daemon = self.daemon()
        with daemon.client() as client:
            world(client)
            self.work(client, "x", 5)
        self.good("backup", self.path("b"), "--with-key", server=daemon)
        self.stop(daemon)
        self.good("restore", self.path("b"), self.path("r"))
        with open(self.path("r", "incomplete"), "w"):
            pass
        refused = Daemon(args=self.args)
        refused.data = self.path("r")
        self.addCleanup(refused.close)
        self.assertRaises(AssertionError, refused.start)
        self.assertIn("interrupted", "\n".join(refused.lines))
        self.assertNotEqual(self.relief("rebuild", self.path("r"))[0], 0)
        self.good("restore", self.path("b"), self.path("r"))
        self.stop(self.daemon(self.path("r")))


class Prune(Backups):
    def setUp(self):
        super().setUp()
        with open(self.path("conf"), "w") as file:
            file.write("[data]\nsegment_mib = 1\n")
        self.args = ["-c", self.path("conf")]

    def bulk(self, client, tag, count):
        """Entries by the thousand; the answers of some of them."""
        kept = []
        for at in range(0, count, 500):
            sent = []
            for n in range(at, min(at + 500, count)):
                params = {"id": "%s-%d" % (tag, n), "city": HANGZHOU, "kind": KIND, "quantity": 1, "own_first": False}
                sent.append(params)
                client.send_request("request.submit", params)
            for params in sent:
                answer = client.answer()
                self.assertIsNone(answer[2])
                if len(kept) < 20 or params is sent[-1]:
                    kept.append(("request.submit", params, answer[3]))
        return kept

    def segments(self, data):
        return sorted(int(name[:20]) for name in os.listdir(os.path.join(data, "log")) if name[:20].isdigit())

    def test_the_life_of_a_pruned_log(self):
        data, archive = self.path("data"), self.path("archive")
        daemon = self.daemon(data)
        past = {}
        with daemon.client() as client:
            world(client)
            answers = self.work(client, "first", 20) + self.bulk(client, "a", 9000)
            past[client.call("log.head")["seq"]] = client.dump().lines
            answers += self.bulk(client, "b", 9000)
            seq = client.call("log.head")["seq"]
            past[seq] = client.dump().lines
            answers += self.work(client, "last", 5)
            head = client.call("log.head")
        self.good("log", "export", "-o", self.path("whole.jsonl"), server=daemon)
        self.good("log", "export", "--data", data, "-o", self.path("beside.jsonl"))
        self.assertEqual(self.lines_of("beside.jsonl"), self.lines_of("whole.jsonl"))
        code, _, err = self.relief("log", "prune", data, "--below", "4000", "--archive", archive)
        self.assertEqual(code, 1, err)  # the daemon has it
        self.stop(daemon)
        firsts = self.segments(data)
        self.assertGreater(len(firsts), 3)
        below = firsts[2] + 5
        self.assertIn("up to entry %d " % (firsts[2] - 1),
                      self.good("log", "prune", data, "--below", str(below), "--archive", archive))
        self.assertEqual(self.segments(data), firsts[2:])
        self.assertEqual(self.segments(archive), firsts[:2])
        self.assertIn("nothing to prune", self.good("log", "prune", data, "--below", str(below), "--archive", archive))
        self.assertIn("holds", self.good("check", data))
        self.assertIn("holds with its archive", self.good("log", "archive", "verify", archive, "--data", data))

        base = firsts[2] - 1
        self.exports(data, archive, base, head["seq"])
        daemon = self.daemon(data)
        code, _, err = self.relief("log", "export", "-o", self.path("x"), server=daemon)
        self.assertEqual((code, "begins with entry %d " % (base + 1) in err), (1, True), err)
        self.assertFalse(os.path.exists(self.path("x")))
        self.good("log", "export", "--from", str(base + 1), "-o", self.path("online.jsonl"), server=daemon)
        self.assertEqual(self.lines_of("online.jsonl"), self.lines_of("rest.jsonl"))
        with daemon.client() as client:
            self.assertEqual(client.call("log.head"), head)
            self.expect_replays(client, answers)
            for error in (client.error("log.list", {"from": 1}), client.error("snapshot.dump", at=base - 1),
                          client.error("snapshot.dump", at=0), client.error("event.subscribe", from_seq=base)):
                self.assertEqual((error["code"], error["field"]), ("NOT_FOUND", "from"), error)
            self.assertEqual(client.call("log.list", {"from": base + 1, "limit": 1})["items"][0]["seq"], base + 1)
            self.assertEqual(client.dump(at=base).seq, base)
            for at, lines in past.items():
                if at >= base:
                    self.assertEqual(client.dump(at=at).lines, lines)
            now = client.dump()
            self.good("backup", self.path("b"), "--with-key", server=daemon)
            self.good("backup", self.path("nokey"), server=daemon)
            answers += self.work(client, "more", 5)
        self.assertEqual(self.relief("dump", "--data", data, "--at", "5", "-o", self.path("x"))[0], 1)
        self.stop(daemon)

        # rebuilt, and restored, and both pruned again
        self.assertIn("base at entry %d," % base, self.good("rebuild", data))
        self.assertIn("holds", self.good("check", data))
        self.good("restore", self.path("b"), self.path("r"))
        self.assertEqual(self.segments(self.path("r")), firsts[2:])
        self.assertIn("holds with its archive", self.good("log", "archive", "verify", archive, "--data", self.path("r")))
        again = self.daemon(self.path("r"))
        with again.client() as client:
            self.assertEqual(client.dump().lines, now.lines)
            self.expect_replays(client, answers[:-10])
        self.stop(again)
        self.keyless(data)
        self.good("log", "prune", data, "--below", "10000000", "--archive", archive)
        self.assertEqual(self.segments(archive) + self.segments(data), firsts)
        self.assertEqual(len(self.segments(data)), 1)
        self.assertIn("holds with its archive", self.good("log", "archive", "verify", archive, "--data", data))
        daemon = self.daemon(data)
        with daemon.client() as client:
            self.expect_replays(client, answers)
            self.bulk(client, "c", 100)
        self.stop(daemon)
        self.assertIn("holds with its archive", self.good("log", "archive", "verify", archive, "--data", data))
        self.damage(data, archive)

    def keyless(self, data):
        """A pruned log from a backup without key: no advice that leads nowhere, and a refused start that changes nothing."""
        code, _, err = self.relief("restore", self.path("nokey"), self.path("k"))
        self.assertEqual(code, 0, err)
        self.assertIn("--with-key", err)
        self.assertNotIn("move", err)
        before = tree(self.path("k", "evidence"))
        refused = Daemon(args=self.args)
        refused.data = self.path("k")
        self.addCleanup(refused.close)
        self.assertRaises(AssertionError, refused.start)
        self.assertIn("--with-key", "\n".join(refused.lines))
        self.assertNotIn("new origin", "\n".join(refused.lines))
        self.assertEqual(tree(self.path("k", "evidence")), before)
        shutil.copy(os.path.join(data, "evidence", "key"), self.path("k", "evidence", "key"))
        self.stop(self.daemon(self.path("k")))

    def lines_of(self, name):
        with open(self.path(name), "rb") as file:
            return file.read().splitlines(keepends=True)

    def exports(self, data, archive, base, last):
        """What went and what stayed, without the daemon: each proves itself, together they are the log that was."""
        whole = self.lines_of("whole.jsonl")
        self.good("log", "export", "--data", archive, "-o", self.path("archived.jsonl"))
        self.good("log", "export", "--data", data, "-o", self.path("rest.jsonl"))
        archived, rest = self.lines_of("archived.jsonl"), self.lines_of("rest.jsonl")
        self.assertEqual(archived[0], whole[0])
        self.assertEqual(archived[1:-1] + rest[1:-1], whole[1:-1])
        self.assertEqual(json.loads(rest[1])["prev"], json.loads(archived[-2])["hash"])
        for name in ("archived.jsonl", "rest.jsonl"):
            self.good("verify", self.path(name))
            audit = subprocess.run([os.path.join(BIN, "relief-audit"), "verify", self.path(name)], capture_output=True, text=True,
                                   timeout=DEADLINE)
            self.assertEqual(audit.returncode, 0, audit)
        self.good("log", "export", "--data", data, "--from", str(base + 5), "--to", str(base + 9), "-o", self.path("few.jsonl"))
        self.assertEqual(self.lines_of("few.jsonl")[1:-1], rest[5:10])
        self.good("verify", self.path("few.jsonl"))
        for words, code, wanted in (((data, "--from", "1"), 1, "begins with entry %d" % (base + 1)),
                                    ((archive, "--to", str(base + 1)), 2, "ends with entry %d" % base),
                                    ((data, "--to", str(base)), 2, "from %d" % (base + 1)),
                                    ((data, "--from", str(last + 2), "--to", str(last + 3)), 2, "ends with entry %d" % last),
                                    ((self.path("nowhere"),), 2, "no folder")):
            got, _, err = self.relief("log", "export", "-o", self.path("x"), "--data", *words)
            self.assertEqual((got, wanted in err), (code, True), (words, err))
        segment = os.path.join(archive, "log", sorted(os.listdir(os.path.join(archive, "log")))[0])
        self.flip(segment, 5000)
        self.assertEqual(self.relief("log", "export", "--data", archive, "-o", self.path("x"))[0], 4)
        self.flip(segment, 5000)
        self.assertFalse(os.path.exists(self.path("x")))

    def flip(self, path, place):
        with open(path, "r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1]))

    def damage(self, data, archive):
        """A changed archive, a missing segment, a base that is another one: each is found."""
        verify = ("log", "archive", "verify", archive, "--data", data)
        segment = os.path.join(archive, "log", sorted(os.listdir(os.path.join(archive, "log")))[0])
        self.flip(segment, 5000)
        self.assertEqual(self.relief(*verify)[0], 4)
        self.flip(segment, 5000)
        os.rename(segment, self.path("away"))
        self.assertEqual(self.relief(*verify)[0], 4)
        os.rename(self.path("away"), segment)
        self.good(*verify)
        base = [name for name in os.listdir(os.path.join(data, "base")) if name.endswith(".base")]
        self.assertEqual(len(base), 1)
        os.rename(os.path.join(data, "base", base[0]), self.path("away"))
        self.assertEqual(self.relief("check", data)[0], 4)
        self.assertEqual(self.relief("rebuild", data)[0], 4)
        refused = Daemon(args=self.args)
        refused.data = data
        self.addCleanup(refused.close)
        self.assertRaises(AssertionError, refused.start)
        self.assertIn("no base", "\n".join(refused.lines))
        os.rename(self.path("away"), os.path.join(data, "base", base[0]))
        self.good("check", data)


if __name__ == "__main__":
    unittest.main()
