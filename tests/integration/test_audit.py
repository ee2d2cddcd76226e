"""relief-audit on what a real daemon hands out: it holds as it is, and nothing of it can be edited, swapped, cut, rolled back or forked;
the witness's rules over HTTP and by following the daemon."""
import base64
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from evidence import Note, Verifier
from harness import BIN, Case, DEADLINE, Daemon, HANGZHOU, KIND, NINGBO, world

EDITS = int(os.environ.get("RELIEF_AUDIT_EDITS", "300"))


def audit(*args, **more):
    done = subprocess.run([os.path.join(BIN, "relief-audit"), *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE, **more)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


class Witness:
    """The service, ended by close()."""

    def __init__(self, *args):
        self.process = subprocess.Popen([os.path.join(BIN, "relief-audit"), "witness", *args], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.lines, self.ready, self.ports = [], threading.Event(), []
        self.said = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if not self.ready.wait(DEADLINE):
            raise AssertionError("not ready")

    def _read(self):
        for line in self.process.stderr:
            with self.said:
                self.lines.append(line.rstrip("\n"))
                self.said.notify_all()
            if line.startswith("ready"):
                self.ports = [int(port) for port in re.findall(r":(\d+)", line)]
                self.ready.set()
        self.ready.set()

    def wait_for(self, text):
        with self.said:
            assert self.said.wait_for(lambda: any(text in line for line in self.lines), DEADLINE), self.lines

    def post(self, body, path="/add-checkpoint", method="POST"):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=DEADLINE)
        try:
            connection.request(method, path, body=body)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type"), answer.read().decode()
        finally:
            connection.close()

    def close(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        self.process.stderr.close()
        return code


class Base(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="relief-audit-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def relief(self, *args):
        done = subprocess.run([os.path.join(BIN, "relief"), "--server", "unix:" + self.daemon.socket_path, *args],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def assertAudit(self, wanted, *args):
        code, out, err = audit(*args)
        self.assertEqual(code, wanted, (args, out, err))
        return out + err

    def witness_key(self):
        """(private file, verifier key)"""
        code, out, err = audit("key", "new", "--name", "other.example/w", "--witness", "-o", self.path("w.key"))
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(os.stat(self.path("w.key")).st_mode & 0o777, 0o600)
        self.assertEqual(audit("key", "show", self.path("w.key"))[1], out)
        self.assertEqual(audit("key", "new", "--name", "x", "-o", self.path("w.key"))[0], 2)  # never over one that is there
        return self.path("w.key"), out.strip()


class Files(Base):
    """One story; its evidence is kept and bent."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()
        cls.addClassCleanup(cls.daemon.close)

    def setUp(self):
        super().setUp()
        if hasattr(Files, "kept"):
            shutil.copytree(Files.kept, self.folder, dirs_exist_ok=True)
            self.key = Files.key
            return
        with self.daemon.client() as client:
            world(client)
            self.relief("log", "checkpoint", "-o", self.path("old.note"))
            for n in range(8):
                client.call("request.submit", id="r%d" % n, city=HANGZHOU, kind=KIND, quantity=20 + n)
                if n % 2:
                    client.call("dispatch.depart", id="r%d/1" % n, carrier='a "quoted" 车')
            client.call("stock.receive", city=NINGBO, kind=KIND, quantity=7)
            self.key = client.call("log.checkpoint")["key"]
        self.relief("--receipt", self.path("receipts"), "stock", "receive", NINGBO, KIND, "9")
        self.relief("log", "checkpoint", "-o", self.path("new.note"))
        self.relief("proof", "consistency", self.path("old.note"), "-o", self.path("consistency"))
        self.relief("proof", "inclusion", "5", "-o", self.path("inclusion"))
        self.relief("log", "export", "-o", self.path("log"))
        self.relief("dump", "-o", self.path("dump"))
        self.relief("dump", "--format", "msgpack", "-o", self.path("packed"))
        self.relief("dump", "--format", "csv", "-o", self.path("csv"))
        Files.kept = tempfile.mkdtemp(prefix="relief-audit-kept-")
        self.addClassCleanup(shutil.rmtree, Files.kept)
        shutil.copytree(self.folder, Files.kept, dirs_exist_ok=True)
        Files.key = self.key

    def all(self, **instead):
        """Everything at once, with some files taken from elsewhere."""
        names = ("log", "old.note", "new.note", "receipts", "consistency", "inclusion", "packed", "csv", "dump")
        paths = [instead.get(name.replace(".note", ""), self.path(name)) for name in names]
        return ["verify", *paths[:-1], "--dump", paths[-1], "--key", self.key]

    def test_as_it_is(self):
        said = self.assertAudit(0, *self.all())
        for text in ("the chain holds", "give exactly these records", "every file is as the manifest says", "is in the signed tree"):
            self.assertIn(text, said)
        for name in ("log", "dump", "packed", "csv"):
            self.assertAudit(0, "verify", self.path(name))
        for name in ("old.note", "receipts", "consistency", "inclusion"):
            self.assertAudit(0, "verify", self.path(name), "--key", self.key)
            self.assertAudit(2, "verify", self.path(name))
        self.assertAudit(0, "consistency", self.path("old.note"), self.path("new.note"), "--proof", self.path("consistency"), "--key", self.key)
        self.assertAudit(4, "consistency", self.path("new.note"), self.path("old.note"), "--proof", self.path("consistency"), "--key", self.key)
        self.assertAudit(2, "consistency", self.path("old.note"), self.path("new.note"), "--key", self.key)
        self.assertAudit(2, "verify", self.path("nothing"))
        self.assertAudit(2, "verify", self.write("empty", ""))

    def test_another_key(self):
        code, out, _ = audit("key", "new", "--name", Verifier(self.key).name, "-o", self.path("other"))
        self.assertEqual(code, 0)
        self.assertAudit(4, "verify", self.path("new.note"), "--key", out.strip())
        _, witness = self.witness_key()
        self.assertAudit(4, "verify", self.path("new.note"), "--key", self.key, "--witness", witness)
        self.assertAudit(0, "verify", self.path("new.note"), "--key", self.key, "--witness", witness, "--witnesses-min", "0")
        self.assertAudit(2, "verify", self.path("new.note"), "--key", witness)

    def test_a_witness_counts_once(self):
        words, verifier, origin = self.witness()
        self.write("cosigned", audit("cosign", *words, "--new", origin, self.path("old.note"))[1])
        words = ["verify", self.path("cosigned"), "--key", self.key, "--witness", verifier]
        self.assertAudit(0, *words, "--witness", verifier)
        self.assertAudit(2, *words, "--witness", verifier, "--witnesses-min", "2")
        code, other, _ = audit("key", "new", "--name", "third.example/w", "--witness", "-o", self.path("third"))
        self.assertEqual(code, 0)
        words += ["--witness", verifier, "--witness", other.strip()]
        self.assertAudit(0, *words, "--witnesses-min", "1")
        self.assertIn("1 of the keys", self.assertAudit(4, *words, "--witnesses-min", "2"))

    def test_edits(self):
        """Bits, swaps, deletions, cuts: each found, none ends the program any other way. The control is test_as_it_is."""
        rng = random.Random(7)
        for name in ("log", "dump", "receipts", "consistency", "inclusion", "new.note", "old.note"):
            data = self.read(name)
            for number in range(EDITS // 7):
                bent = bytearray(data)
                how = rng.randrange(4)
                at = rng.randrange(len(data))
                if how == 0:
                    bent[at] ^= 1 << rng.randrange(8)
                elif how == 1:
                    del bent[at:at + rng.randrange(1, 200)]
                elif how == 2:
                    bent = bent[:at]
                else:
                    lines = data.splitlines(keepends=True)
                    if len(lines) < 3:
                        bent[at:at] = b"0"
                    else:
                        one, other = rng.sample(range(len(lines)), 2)
                        lines[one], lines[other] = lines[other], lines[one]
                        bent = b"".join(lines)
                if bytes(bent) == data or (name in ("receipts", "inclusion", "consistency") and bytes(bent) == data[:-1]):
                    continue  # a last line feed is no part of a proof
                path = self.write("bent", bytes(bent))
                words = ["verify", path] if name in ("log", "dump") else ["verify", path, "--key", self.key]
                code, out, err = audit(*words)
                self.assertIn(code, (2, 4), (name, number, how, at, out, err))

    def remade(self, change):
        """The log with its lines changed, and everything that the writer can make anew made anew: chain, trailer."""
        import hashlib
        lines = self.read("log").decode().splitlines()
        entries = change([json.loads(line) for line in lines[1:-1]])
        prev, out = "0" * 64, [lines[0]]
        for entry in entries:
            del entry["hash"]
            entry["prev"] = prev
            text = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            prev = hashlib.blake2b((prev + text).encode(), digest_size=32).hexdigest()
            out.append('{"hash":"%s",%s' % (prev, text[1:]))
        body = "\n".join(out) + "\n"
        digest = hashlib.blake2b(body.encode(), digest_size=32).hexdigest()
        return body + '{"digest":"%s","records":%d}\n' % (digest, len(entries))

    def test_a_remade_log_is_a_fork(self):
        """Whoever holds the data can make the whole chain anew; what was signed before says that it did."""
        same = self.write("same", self.remade(lambda entries: entries))
        self.assertEqual(self.read("same"), self.read("log"))
        self.assertAudit(0, *self.all(log=same))

        def other_quantity(entries):
            entries[6]["params"]["op"] = "another"
            return entries
        forked = self.write("forked", self.remade(other_quantity))
        self.assertAudit(0, "verify", forked)  # nothing signed: it is a chain like any other
        for name in ("new.note", "receipts", "consistency"):
            self.assertIn("fork", self.assertAudit(4, "verify", forked, self.path(name), "--key", self.key))
        rolled = self.write("rolled", self.remade(lambda entries: entries[:-1]))
        self.assertAudit(0, "verify", rolled, self.path("old.note"), "--key", self.key)
        self.assertIn("rolled back", self.assertAudit(4, "verify", rolled, self.path("new.note"), "--key", self.key))
        self.assertAudit(4, "verify", rolled, "--dump", self.path("dump"))

    def test_a_remade_dump(self):
        """A dump with a digest of its own that adds up, and is not what the log says."""
        import hashlib
        lines = self.read("dump").decode().splitlines()

        def remake(lines):
            body = "\n".join(lines) + "\n"
            return self.write("other", body + '{"digest":"%s","records":%d}\n' % (
                hashlib.blake2b(body.encode(), digest_size=32).hexdigest(), len(lines) - 1))
        self.assertAudit(0, "verify", remake(lines[:-1]))
        city = next(i for i, line in enumerate(lines) if '"t":"city"' in line)
        renamed = lines[:-1]
        renamed[city] = re.sub(r'"name":"[^"]*"', '"name":"elsewhere"', renamed[city])
        self.assertAudit(0, "verify", remake(renamed))
        self.assertIn("another record", self.assertAudit(4, "verify", self.path("log"), "--dump", remake(renamed)))
        self.assertIn("is missing", self.assertAudit(4, "verify", self.path("log"), "--dump", remake(lines[:city] + lines[city + 1:-1])))
        self.assertIn("order", self.assertAudit(4, "verify", remake(lines[:city] + [lines[city], lines[city]] + lines[city + 1:-1])))
        lot = next(i for i, line in enumerate(lines) if '"t":"lot"' in line)
        more = lines[:-1]
        more[lot] = re.sub(r'"quantity":\d+', '"quantity":99999', more[lot])
        self.assertIn("invariant 1", self.assertAudit(4, "verify", remake(more)))
        request = next(i for i, line in enumerate(lines) if '"t":"request"' in line)
        open_more = lines[:-1]
        open_more[request] = re.sub(r'"covered":\d+', '"covered":3', open_more[request])
        self.assertIn("invariant 4", self.assertAudit(4, "verify", remake(open_more)))

    def test_exports_that_part(self):
        """Two exports of one log are held against each other, in any order, also a part against the whole."""
        def other(entries):
            entries[6]["params"]["op"] = "another"
            return entries
        forked = self.write("forked", self.remade(other))
        self.relief("log", "export", "--from", "5", "--to", "15", "-o", self.path("part"))
        self.assertAudit(0, "verify", self.path("log"), self.path("part"))
        self.assertAudit(0, "verify", self.path("part"), self.path("log"))
        for words in ((self.path("log"), forked), (forked, self.path("log")), (self.path("part"), forked), (forked, self.path("part"))):
            said = self.assertAudit(4, "verify", *words)
            self.assertEqual(said.count("has another entry 7"), 1, said)

    def test_dump_beside_a_log(self):
        """Also a dump that is only named: its head, its time and its records are the log's, and its entry is there."""
        log, dump = self.path("log"), self.path("dump")
        for name in ("dump", "packed"):
            self.assertIn("exactly these records", self.assertAudit(0, "verify", log, self.path(name)))
        self.relief("log", "export", "--to", "10", "-o", self.path("one"))
        self.relief("log", "export", "--from", "11", "-o", self.path("two"))
        self.assertIn("does not have", self.assertAudit(4, "verify", self.path("one"), dump))
        self.assertIn("can't be compared", self.assertAudit(0, "verify", self.path("two"), dump))
        lines = self.read("dump").decode().splitlines()
        header = json.loads(lines[0])
        for change in ({"head": "0" * 64}, {"time": header["time"] + 1}, {"seq": header["seq"] - 1}, {"seq": header["seq"] + 1}):
            bent = [json.dumps({**header, **change}, sort_keys=True, separators=(",", ":")), *lines[1:-1]]
            self.assertAudit(0, "verify", self.dump_of(bent))
            self.assertAudit(4, "verify", log, self.dump_of(bent))
            self.assertAudit(4, "verify", self.path("two"), self.dump_of(bent))
        self.assertIn("is missing", self.assertAudit(4, "verify", log, self.dump_of(lines[:1] + lines[2:-1])))

    def dump_of(self, lines):
        import hashlib
        body = "\n".join(lines) + "\n"
        return self.write("bent", body + '{"digest":"%s","records":%d}\n' % (hashlib.blake2b(body.encode(), digest_size=32).hexdigest(), len(lines) - 1))

    def test_checkpoints_that_nothing_links(self):
        words = ["verify", self.path("old.note"), self.path("new.note"), "--key", self.key]
        self.assertIn("not compared", self.assertAudit(4, *words))
        self.assertAudit(0, *words, "--proof", self.path("consistency"))
        self.assertAudit(0, *words, self.path("log"))

    def test_packed_bytes(self):
        """The same values in other bytes are not the dump: wider numbers, keys that changed places."""
        data = self.read("packed")
        self.assertAudit(0, "verify", self.path("packed"))
        self.assertIn("bytes", self.assertAudit(4, "verify", self.write("wider", data[:-1] + b"\xcc" + data[-1:])))
        pair = re.search(rb"\xa4code\xa6[0-9]{6}\xa4name", data)
        name = data[pair.end():][:1 + (data[pair.end()] & 31)]
        swapped = data[:pair.start()] + b"\xa4name" + name + data[pair.start():pair.end() - 5] + data[pair.end() + len(name):]
        self.assertEqual(len(swapped), len(data))
        self.assertIn("bytes", self.assertAudit(4, "verify", self.write("swapped", swapped)))

    def test_parts(self):
        """Exports that follow each other are one log; a later part alone proves no root."""
        self.relief("log", "export", "--to", "10", "-o", self.path("one"))
        self.relief("log", "export", "--from", "11", "-o", self.path("two"))
        notes = [self.path("old.note"), self.path("new.note"), self.path("receipts"), "--key", self.key]
        self.assertAudit(0, "verify", self.path("one"), self.path("two"), *notes)
        self.assertAudit(0, "verify", self.path("two"))
        self.assertIn("can't be proved", self.assertAudit(4, "verify", self.path("two"), *notes))
        self.assertAudit(4, "verify", self.path("one"), *notes)
        self.assertAudit(2, "verify", self.path("two"), "--dump", self.path("dump"))

    def test_csv(self):
        with open(self.path("csv/lot.csv"), "ab") as file:
            file.write(b"x\n")
        self.assertIn("table lot", self.assertAudit(4, "verify", self.path("csv")))
        shutil.rmtree(self.path("csv"))
        shutil.copytree(os.path.join(Files.kept, "csv"), self.path("csv"))
        self.assertIn("exactly these records", self.assertAudit(0, "verify", self.path("log"), "--dump", self.path("csv")))
        self.write("csv/more.csv", "x\n")
        self.assertIn("not in the manifest", self.assertAudit(4, "verify", self.path("csv")))
        os.unlink(self.path("csv/more.csv"))
        # another record, and a manifest that has the file's new hash: the digest over all records is another
        import hashlib
        bent = self.read("csv/lot.csv").replace(b"usable", b"recalled", 1)
        manifest = json.loads(self.read("csv/manifest.json"))
        self.write("csv/lot.csv", bent)
        manifest["tables"]["lot"]["digest"] = hashlib.blake2b(bent, digest_size=32).hexdigest()
        self.write("csv/manifest.json", json.dumps(manifest, sort_keys=True, separators=(",", ":")) + "\n")
        self.assertIn("digest", self.assertAudit(4, "verify", self.path("csv")))

    def test_receipts_and_checkpoints(self):
        """Beside an older checkpoint a receipt proves nothing; a proof leads from its tree to a newer one."""
        words = ["verify", "--receipt", self.path("receipts"), "--key", self.key]
        self.assertIn("nothing leads", self.assertAudit(4, *words, "--checkpoint", self.path("old.note")))
        with self.daemon.client() as client:
            client.call("stock.receive", city=NINGBO, kind=KIND, quantity=1)
        self.write("then.note", json.loads(self.read("receipts").splitlines()[0])["checkpoint"])
        self.relief("log", "checkpoint", "-o", self.path("newer.note"))
        self.relief("proof", "consistency", self.path("then.note"), "-o", self.path("on"))
        words += ["--checkpoint", self.path("newer.note")]
        self.assertAudit(4, *words)
        self.assertAudit(0, *words, "--proof", self.path("on"))

    def witness(self, *more):
        key, verifier = self.witness_key()
        words = ["--key", key, "--log-key", self.key, "--state", self.path("state"), *more]
        return words, verifier, Verifier(self.key).name

    def request(self, old, note, proof=b""):
        lines = [base64.b64encode(proof[i:i + 32]).decode() + "\n" for i in range(0, len(proof), 32)]
        return ("old %d\n%s\n%s" % (old, "".join(lines), note)).encode()

    def test_witness_over_http(self):
        words, verifier, origin = self.witness()
        self.assertAudit(2, "witness", *words, "--listen", "127.0.0.1:0")  # no state, no --new
        witness = Witness(*words, "--listen", "127.0.0.1:0", "--new", origin)
        self.addCleanup(witness.close, signal.SIGKILL)
        old, new = self.read("old.note").decode(), self.read("new.note").decode()
        size, newer = Note(old).size, Note(new).size
        path = base64.b64decode(json.loads(self.read("consistency"))["path"])
        self.assertEqual(audit("witness", *words, "--listen", "127.0.0.1:0")[0], 2)  # one at a time

        status, _, line = witness.post(self.request(0, old))
        self.assertEqual(status, 200, line)
        self.write("cosigned", old + line)
        self.assertIn("witnessed by other.example/w", self.assertAudit(0, "verify", self.path("cosigned"), "--key", self.key, "--witness", verifier))
        self.assertEqual(witness.post(self.request(0, new)), (409, "text/x.tlog.size", "%d\n" % size))
        self.assertEqual(witness.post(self.request(size, new))[0], 422)
        self.assertEqual(witness.post(self.request(size, new, bytes(32) + path[32:]))[0], 422)
        self.assertEqual(witness.post(self.request(size, new.replace("time ", "time 1"), path))[0], 403)
        self.assertEqual(witness.post(self.request(size, "x" + new, path))[0], 404)
        self.assertEqual(witness.post(self.request(newer + 1, new, path))[0], 400)
        self.assertEqual(witness.post(b"old x\n\n" + new.encode())[0], 400)
        self.assertEqual(witness.post(b"")[0], 400)
        self.assertEqual(witness.post(b"x" * 100000)[0], 413)
        self.assertEqual(witness.post(b"", "/other")[0], 404)
        self.assertEqual(witness.post(None, method="GET")[0], 405)
        status, _, line = witness.post(self.request(size, new, path))
        self.assertEqual(status, 200, line)
        # killed right behind an answer: what it signed it remembers
        witness.close(signal.SIGKILL)
        again = Witness(*words, "--listen", "127.0.0.1:0")
        self.addCleanup(again.close, signal.SIGKILL)
        self.assertEqual(again.post(self.request(size, new, path)), (409, "text/x.tlog.size", "%d\n" % newer))
        self.assertEqual(again.post(self.request(newer, new))[0], 200)
        self.assertEqual(again.post(self.request(size, old))[0], 409)
        self.assertEqual(again.close(), 0)
        # the memory is lost: it does not begin by itself
        shutil.rmtree(self.path("state"))
        self.assertAudit(2, "witness", *words, "--listen", "127.0.0.1:0")

    def test_idle_peers(self):
        """More connections than are taken at once, none with a whole request: it goes on when they are gone."""
        words, _, origin = self.witness()
        witness = Witness(*words, "--listen", "127.0.0.1:0", "--new", origin)
        self.addCleanup(witness.close, signal.SIGKILL)
        idle = []
        for _ in range(340):
            idle.append(socket.create_connection(("127.0.0.1", witness.ports[0]), timeout=DEADLINE))
            idle[-1].sendall(b"POST /add-checkpoint HTTP/1.1\r\n")
        for peer in idle:
            peer.close()
        self.assertEqual(witness.post(self.request(0, self.read("old.note").decode()))[0], 200)
        self.assertEqual(witness.close(), 0)

    def test_strangers_take_no_places(self):
        words, _, origin = self.witness()
        witness = Witness(*words, "--listen", "127.0.0.1:0", "--new", origin)
        self.addCleanup(witness.close, signal.SIGKILL)
        old, new = self.read("old.note").decode(), self.read("new.note").decode()
        self.assertEqual(witness.post(self.request(0, old))[0], 200)
        self.assertEqual(witness.post(self.request(Note(old).size, new, bytes(32)))[0], 422)
        self.assertEqual(witness.post(self.request(Note(old).size, old, bytes(32)))[0], 422)
        self.assertEqual(sorted(name.split(".")[0] for name in os.listdir(self.path("state"))), ["STATE", "UNPROVED", "UNPROVED"])
        self.assertEqual(witness.close(), 0)

    def test_cosign(self):
        words, verifier, origin = self.witness()
        code, out, err = audit("cosign", *words, "--new", origin, self.path("old.note"))
        self.assertEqual(code, 0, err)
        self.write("cosigned", out)
        self.assertAudit(0, "verify", self.path("cosigned"), "--key", self.key, "--witness", verifier)
        self.assertEqual(audit("cosign", *words, self.path("new.note"))[0], 4)
        self.assertEqual(audit("cosign", *words, "--proof", self.path("consistency"), self.path("new.note"))[0], 0)
        self.assertIn("ROLLBACK", self.assertAudit(4, "cosign", *words, self.path("old.note")))
        self.assertEqual(len([name for name in os.listdir(self.path("state")) if name.startswith("EVIDENCE.rollback")]), 2)


class Following(Base):
    """The witness beside a daemon that knows its key."""

    def setUp(self):
        super().setUp()
        self.key_file, self.verifier = self.witness_key()
        self.config = self.write("conf", "[witness]\nkey = %s\n" % self.verifier)
        self.daemon = Daemon(folder=self.path("daemon"), args=["-c", self.config])
        os.mkdir(self.path("daemon"))
        self.daemon.start()
        self.addCleanup(self.daemon.close)
        with self.daemon.client() as client:
            world(client)
            self.key = client.call("log.checkpoint")["key"]
        self.words = ["--key", self.key_file, "--log-key", self.key, "--state", self.path("state"), "--follow",
                      "unix:" + self.daemon.socket_path]
        self.new = ["--new", Verifier(self.key).name]

    def submit(self, name):
        with self.daemon.client() as client:
            client.call("request.submit", id=name, city=HANGZHOU, kind=KIND, quantity=1)
            return client.call("log.checkpoint")["size"]

    def witnessed(self):
        with self.daemon.client() as client:
            return client.call("log.checkpoint")["witnessed_size"]

    def test_once(self):
        self.assertAudit(2, "witness", *self.words, "--once")
        self.assertAudit(0, "witness", *self.words, "--once", *self.new)
        before = self.witnessed()
        size = self.submit("a")
        self.assertAudit(0, "witness", *self.words, "--once")
        self.assertGreater(size, before)
        self.assertEqual(self.witnessed(), size)
        self.relief("log", "checkpoint", "--witnessed", "-o", self.path("note"))
        self.assertAudit(0, "verify", self.path("note"), "--key", self.key, "--witness", self.verifier)
        self.daemon.stop()
        self.assertAudit(3, "witness", *self.words, "--once")

    def test_two_ways_to_one(self):
        """Both ask for a proof from the same size, and one is late: that is no fork."""
        self.assertAudit(0, "witness", *self.words, "--once", *self.new)
        for name in "abcdefgh":
            self.submit(name)
            said = self.assertAudit(0, "witness", *self.words, *self.words[-2:], *self.words[-2:], "--once")
            self.assertNotIn("FORK", said)
        self.assertEqual(self.evidence(), [])

    def fork(self, copy_at):
        """A copy of the data of now goes another way than the daemon: `copy_at` entries are the same."""
        self.assertAudit(0, "witness", *self.words, "--once", *self.new)
        self.daemon.stop()
        shutil.copytree(self.daemon.data, self.path("before"))
        self.daemon.start()
        for name in copy_at:
            self.submit(name)
        self.assertAudit(0, "witness", *self.words, "--once")
        self.daemon.stop()
        shutil.rmtree(self.daemon.data)
        shutil.copytree(self.path("before"), self.daemon.data)
        self.daemon.start()

    def evidence(self):
        return sorted(name.split(".")[1] for name in os.listdir(self.path("state")) if name.startswith("EVIDENCE"))

    def test_rollback(self):
        self.fork("ab")
        self.assertIn("ROLLBACK", self.assertAudit(4, "witness", *self.words, "--once"))
        self.assertEqual(self.evidence(), ["rollback", "rollback"])

    def test_fork(self):
        self.fork("ab")
        for name in "xyz":
            self.submit(name)
        self.assertIn("FORK", self.assertAudit(4, "witness", *self.words, "--once"))
        self.assertEqual(self.evidence(), ["unproved", "unproved"])

    def test_service(self):
        """It finds the daemon again, and a rollback does not end it."""
        size = self.submit("a")
        witness = Witness(*self.words, *self.new, "--interval", "1")
        self.addCleanup(witness.close, signal.SIGKILL)
        self.until_witnessed(size)
        self.daemon.stop()
        witness.wait_for("the connection has ended")
        self.daemon.start()
        self.until_witnessed(self.submit("b"))
        self.assertEqual(witness.close(), 0)

    def until_witnessed(self, size):
        """Another question is only asked when the last was answered; the deadline is the test's own."""
        with self.daemon.client() as client:
            deadline = threading.Event()
            timer = threading.Timer(DEADLINE, deadline.set)
            timer.start()
            while (client.call("log.checkpoint")["witnessed_size"] or 0) < size:
                self.assertFalse(deadline.is_set(), "not witnessed")
            timer.cancel()


if __name__ == "__main__":
    unittest.main()
