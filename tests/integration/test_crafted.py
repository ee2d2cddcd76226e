"""Row B36: crafted files. An import file, a configuration, certificates, a dump and a log export that are spoilt are refused
with a reason and an exit code of the contract; nobody crashes, and nothing changes. Seeded: the same edits in every run.

What proofs and dumps must withstand in full: tests/evidence. What certificates may say: test_tls.py."""
import os
import random
import subprocess
import unittest

from harness import BIN, DEADLINE, Case, world
from pki import Pki

EDITS = 25
JUNK = [b"", b"\0", b"\xff" * 64, b"-----BEGIN CERTIFICATE-----\n", b"[", b"{}\n", b"\xef\xbb\xbf", b"\n" * 500, b"a" * 70000, bytes(range(256))]


def program(name, *words):
    done = subprocess.run([os.path.join(BIN, name), *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE)
    return done.returncode, done.stdout + done.stderr


def edited(data, rng):
    """One edit: a bit, a piece removed or doubled, an end cut off, junk put in."""
    at, kind = rng.randrange(len(data)), rng.randrange(5)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]
    if kind == 1:
        return data[:at] + data[at + rng.randint(1, 40):]
    if kind == 2:
        return data[:at] + data[at:at + 40] + data[at:]
    if kind == 3:
        return data[:at]
    return data[:at] + rng.choice(JUNK[1:6]) + data[at:]


class Crafted(Case):
    @classmethod
    def setUpClass(cls):
        cls.pki = Pki()
        cls.addClassCleanup(cls.pki.close)
        super().setUpClass()

    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)
        cls.server = ("--server", "unix:" + cls.daemon.socket_path)
        cls.work = os.path.join(cls.daemon.folder, "work")
        os.mkdir(cls.work)

    def file(self, name, data):
        path = os.path.join(self.work, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def refused(self, code, said, codes, what):
        self.assertIn(code, codes, (what, said[:300]))
        self.assertTrue(said.strip(), what)
        self.assertNotIn(b"Sanitizer", said)
        self.assertNotIn(b"runtime error", said)

    def test_import(self):
        """A bad file is named by line, and nothing of it is applied."""
        good = b"city,kind,lot,quantity\n330200,4030101,a,5\n330300,4030101,b,7\n"
        bad = [good.replace(b"5", b"-5"), good.replace(b"5", b"1e3"), good.replace(b"quantity", b"quantities"), good + b"330200,4030101\n",
               good + b"330200,4030101,a,5,6\n", good + b'330200,"4030101,a,5\n', good.replace(b"5", b"9" * 30), good + b"\xff\xfe,x,y,1\n",
               good.replace(b",a,", b",a\0b,"), b"city\n", good.replace(b"lot", b"city"), good.replace(b",", b";")] + JUNK[1:]
        with self.unchanged():
            for n, data in enumerate(bad):
                with self.subTest(n=n):
                    self.refused(*program("relief", *self.server, "import", "stock", self.file("stock.csv", data)), (1, 2), data[:60])

    def test_dumps_and_logs(self):
        for words, name in ((("dump", "-o"), "dump.jsonl"), (("log", "export", "-o"), "log.jsonl")):
            path = os.path.join(self.work, name)
            self.assertEqual(program("relief", *self.server, *words, path)[0], 0)
            self.assertEqual(program("relief", "verify", path)[0], 0)
            with open(path, "rb") as file:
                good = file.read()
            rng = random.Random(name)
            spoilt = [edited(good, rng) for _ in range(EDITS)] + JUNK
            for n, data in enumerate(spoilt):
                if data == good:
                    continue
                with self.subTest(name=name, n=n):
                    self.refused(*program("relief", "verify", self.file("spoilt", data)), (2, 4), n)

    def test_configuration(self):
        good = b"[data]\nsegment_mib = 8\n[limits]\nconnections = 100\n"
        bad = [good.replace(b"8", b"0"), good.replace(b"8", b"8x"), good.replace(b"8", b"99999999999999999999"), good.replace(b"data", b"date"),
               good.replace(b"connections", b"connectoins"), good + b"[identity]\nuser.x = nobody at all\n", good + b"[listen]\naddress = tcp:\n",
               good + b"[witness]\nkey = no key\n", good + b"no value\n", good + b"[", good.replace(b"8", b"-1"), *JUNK[1:3], *JUNK[8:]]
        self.assertEqual(program("reliefd", "-c", self.file("conf", good), "--check-config")[0], 0)
        for n, data in enumerate(bad):
            with self.subTest(n=n, data=data[:80]):
                self.refused(*program("reliefd", "-c", self.file("conf", data), "--check-config"), (2,), data[:60])

    def test_certificates(self):
        """The daemon does not start with what is no certificate, no key, or not one pair."""
        config = self.pki.config()
        certificate, key = self.pki.server
        with open(certificate, "rb") as file:
            good = file.read()
        rng = random.Random("certificate")
        spoilt = [(self.file("bad%d.crt" % n, data), key) for n, data in enumerate([good[:len(good) // 2], *JUNK])]
        spoilt += [(certificate, self.file("bad%d.key" % n, data)) for n, data in enumerate(JUNK)]
        other = self.pki.client("auditor", "-", "crafted")
        spoilt += [(certificate, other.key), (self.work, key), (certificate, os.path.join(self.work, "none"))]
        for n, (crt, private) in enumerate(spoilt):
            text = config.replace(str(certificate), str(crt)).replace(str(key), str(private)).encode()
            with self.subTest(n=n):
                code, said = program("reliefd", "-c", self.file("conf", text), "--data", os.path.join(self.work, "data"),
                                     "--listen", "tls:127.0.0.1:0")
                self.refused(code, said, (1, 2), (crt, private))
        for n in range(EDITS):  # whatever an edit makes of it: it is refused, or it is still a certificate
            crt = self.file("edited.crt", edited(good, rng))
            code, said = program("reliefd", "-c", self.file("conf", config.replace(str(certificate), crt).encode()), "--check-config")
            self.assertIn(code, (0, 2), said[:300])


if __name__ == "__main__":
    unittest.main()
