"""Tokens: made by the command line, taken where nobody can read along, gone when they are revoked or expired."""
import datetime
import os
import re
import signal
import subprocess
import tempfile
import unittest

from harness import BIN, Daemon, HANGZHOU, KIND, NINGBO, Refused, world
from pki import Pki

DAY = 86400 * 1000


def new(*words, code=0):
    """(line, token) of `relief token new`."""
    run = subprocess.run([os.path.join(BIN, "relief"), "token", "new", *words], capture_output=True, text=True)
    assert run.returncode == code, run.stderr
    return run.stdout, run.stderr.rstrip("\n")


class Folder(unittest.TestCase):
    """A configuration with a file of tokens."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tokens = os.path.join(folder.name, "tokens")
        self.conf = os.path.join(folder.name, "conf")
        with open(self.conf, "w") as file:
            file.write("[identity]\ntokens = %s\n" % self.tokens)
        self.folder = folder.name

    def write(self, *lines, mode=0o600):
        """As an editor does it: another file takes the place of the old one."""
        with open(self.tokens + ".new", "w") as file:
            file.writelines(lines)
        os.chmod(self.tokens + ".new", mode)
        os.rename(self.tokens + ".new", self.tokens)

    def daemon(self, **options):
        daemon = Daemon(listen=options.pop("listen", ("tcp:127.0.0.1:0", "tcp:127.0.0.1:0,as=auditor")), args=["-c", self.conf], **options)
        self.addCleanup(self.end, daemon)
        return daemon.start()

    def end(self, daemon):
        daemon.close()
        self.assertEqual(daemon.faults(), [])

    def reload(self, daemon, expect):
        daemon.process.send_signal(signal.SIGHUP)
        line = daemon.wait_line(expect)
        with daemon.said:
            daemon.lines = [old for old in daemon.lines if old is not line]
        return line

    def assertEnded(self, client, why):
        answer = client.message()
        self.assertEqual(answer[:2], [1, 0])
        self.assertEqual((answer[2]["code"], answer[2]["field"]), ("UNAUTHENTICATED", "token"))
        self.assertIn(why, answer[2]["message"])
        self.assertIsNone(client.message())


class TheCommand(unittest.TestCase):
    def test_a_line_and_a_token(self):
        line, token = new("--role", "city", "--city", NINGBO, "--name", "depot")
        self.assertRegex(token, r"\Arelief_[A-Za-z0-9_-]{43}\Z")
        self.assertRegex(line, r"\A[0-9a-f]{64} city:%s depot\n\Z" % NINGBO)
        self.assertNotIn(token, line)
        self.assertNotEqual(new("--role", "auditor", "--name", "a")[1], new("--role", "auditor", "--name", "a")[1])
        line, _ = new("--role", "coordinator", "--region", "zhejiang", "--name", "c", "--days", "90")
        found = re.fullmatch(r"[0-9a-f]{64} coordinator:zhejiang c (\d{4}-\d\d-\d\d)\n", line)
        left = datetime.date.fromisoformat(found[1]) - datetime.datetime.now(datetime.timezone.utc).date()
        self.assertIn(left.days, (90, 89))
        self.assertTrue(new("--role", "operator", "--name", "o", "--until", "2030-02-28")[0].endswith(" operator o 2030-02-28\n"))

    def test_into_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "token")
            line, nothing = new("--role", "auditor", "--name", "a", "-o", path)
            self.assertEqual(nothing, "")
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with open(path) as file:
                self.assertRegex(file.read(), r"\Arelief_[A-Za-z0-9_-]{43}\n\Z")
            self.assertEqual(new("--role", "auditor", "--name", "a", "-o", path, code=2)[0], "")  # nothing is overwritten

    def test_what_it_refuses(self):
        for words in (["--role", "city", "--name", "a"], ["--role", "local", "--name", "a"], ["--role", "auditor"],
                      ["--role", "auditor", "--city", NINGBO, "--name", "a"], ["--role", "city", "--city", "a b", "--name", "a"],
                      ["--role", "auditor", "--name", "a b"], ["--role", "auditor", "--name", "a", "--days", "0"],
                      ["--role", "auditor", "--name", "a", "--until", "2030-02-30"], ["--role", "king", "--name", "a"],
                      ["--role", "auditor", "--name", "a", "--days", "1", "--until", "2030-01-01"]):
            self.assertEqual(new(*words, code=2)[0], "", words)


class Tokens(Folder):
    def test_it_says_who_a_connection_is(self):
        (city, depot), (audit, auditor) = (new("--role", "city", "--city", NINGBO, "--name", "depot"),
                                           new("--role", "auditor", "--name", "a", "--days", "2"))
        self.write("# who\n\n", city, audit)
        daemon = self.daemon()
        with daemon.client() as local:
            world(local)
        for over, index in (("tcp", 0), ("unix", 0)):  # root's own connection is narrowed by it
            with daemon.client(over, index) as client:
                hello = client.call("server.hello", token=depot, client="c", receipts=True)
                self.assertEqual((hello["identity"], hello["role"], hello["city"]), ("city:" + NINGBO, "city", NINGBO))
                self.assertEqual(client.call("server.hello")["identity"], "city:" + NINGBO)
        with daemon.client("tcp") as client:  # with the role in the same hello, and the limits are those of who is known
            self.assertEqual(client.call("server.hello", token=depot, role="city", city=NINGBO)["city"], NINGBO)
            client.call("stock.receive", city=NINGBO, kind=KIND, quantity=1, source="s" * 1000, op="o1")
            self.assertEqual(client.call("stock.list", city=NINGBO)["next"], None)
        with daemon.client("tcp") as client:
            for error, field in ((dict(token=depot, role="city", city=HANGZHOU), "role"), (dict(token=depot, role="auditor"), "role")):
                with self.assertRaises(Refused) as refused:
                    client.call("server.hello", error)
                self.assertEqual((refused.exception.code, refused.exception.error["field"]), ("DENIED", field))
            self.assertEqual(client.call("server.hello")["identity"], None)  # a refused hello changes nothing
        with daemon.client("tcp", 1) as client:  # an identity is never exchanged
            self.assertEqual(client.error("server.hello", token=depot)["code"], "DENIED")
            self.assertEqual(client.call("server.hello", token=auditor)["identity"], "auditor")

    def test_it_is_told_to_nobody(self):
        line, token = new("--role", "city", "--city", NINGBO, "--name", "depot")
        self.write(line)
        daemon = self.daemon()
        wrong = "relief_" + "w" * 43
        with daemon.client("tcp") as client, daemon.client() as local:
            said = [client.error("server.hello", token=wrong), client.error("server.hello", token=token, role="king"),
                    client.call("server.hello", token=token), client.error("log.list")]
            rows = local.items("server.denials")
            self.assertEqual([row["method"] for row in rows], ["server.hello", "log.list"])
            said += rows + [local.call("server.stats"), local.dump().lines]
        with open("/proc/%d/mem" % daemon.process.pid, "rb") as memory, open("/proc/%d/maps" % daemon.process.pid) as maps:
            for area in maps:
                start, end = (int(n, 16) for n in area.split()[0].split("-"))
                if " rw" in area and "[v" not in area:
                    memory.seek(start)
                    try:
                        bytes_ = memory.read(min(end - start, 16 << 20))  # address space that is set aside is used from its beginning
                    except OSError:
                        continue
                    for secret in (token, wrong):
                        self.assertNotIn(secret.encode(), bytes_, area)
        self.assertEqual(daemon.stop(), 0)
        said += daemon.lines
        for name in ("denials.jsonl",):
            with open(os.path.join(daemon.data, name)) as file:
                said.append(file.read())
        for secret in (token, wrong, line.split()[0]):
            self.assertNotIn(secret, repr(said))

    def test_three_wrong_ones(self):
        line, token = new("--role", "auditor", "--name", "a")
        self.write(line)
        daemon = self.daemon()
        with daemon.client("tcp") as client:
            for n in range(3):
                error = client.error("server.hello", token=token[:-1] if n else "x")
                self.assertEqual((error["code"], error["field"]), ("UNAUTHENTICATED", "token"))
            self.assertIsNone(client.message())
        with daemon.client("tcp") as client:  # two and then the right one
            client.error("server.hello", token="x")
            client.error("server.hello", token=token + " ")
            self.assertEqual(client.call("server.hello", token=token)["identity"], "auditor")
        with daemon.client() as local:
            stats = {row["name"]: row["value"] for row in local.call("server.stats")["counters"]}
            self.assertEqual((stats["tokens"], stats["tokens_refused"]), (1, 5))
        self.assertEqual(daemon.stop(), 0)

    def test_revoked(self):
        (one, first), (two, second) = new("--role", "city", "--city", NINGBO, "--name", "one"), new("--role", "auditor", "--name", "two")
        self.write(one, two)
        daemon = self.daemon()
        with daemon.client("tcp") as gone, daemon.client("tcp") as stays, daemon.client() as local:
            gone.call("server.hello", token=first)
            stays.call("server.hello", token=second)
            self.write(two)
            self.assertIn("closed=1", self.reload(daemon, "id=60 "))
            self.assertEnded(gone, "revoked")
            self.assertEqual(stays.call("server.hello")["identity"], "auditor")
            with daemon.client("tcp") as again:
                self.assertEqual(again.error("server.hello", token=first)["code"], "UNAUTHENTICATED")
            # the same token for somebody else: who came by it before is somebody else now
            self.write(two.replace(" auditor ", " operator "))
            self.reload(daemon, "id=60 ")
            self.assertEnded(stays, "revoked")
            rows = local.items("server.denials")
            self.assertEqual([row["identity"] for row in rows if row["reason"] == "the token was revoked"], ["city:" + NINGBO, "auditor"])
        self.assertEqual(daemon.stop(), 0)

    def test_a_bad_file_changes_nothing(self):
        line, token = new("--role", "auditor", "--name", "a")
        self.write(line)
        daemon = self.daemon()
        with daemon.client("tcp") as client:
            client.call("server.hello", token=token)
            for lines, mode, why in (([line], 0o640, "0600"), ([line, line], 0o600, "line 2"), ([token + " auditor a\n"], 0o600, "line 1"),
                                     ([line.replace("auditor", "local")], 0o600, "local"), ([line.strip() + " tomorrow\n"], 0o600, "YYYY")):
                self.write(*lines, mode=mode)
                said = self.reload(daemon, "id=61 ")
                self.assertIn(why, said)
                self.assertNotIn(token, said)
                self.assertEqual(client.call("server.hello")["identity"], "auditor")
                check = subprocess.run([os.path.join(BIN, "reliefd"), "-c", self.conf, "--check-config"], capture_output=True, text=True)
                self.assertEqual(check.returncode, 2, check.stderr)
                self.assertIn(why, check.stderr)
        self.assertEqual(daemon.stop(), 0)

    def test_expired(self):
        today = datetime.datetime.now(datetime.timezone.utc)
        line, token = new("--role", "auditor", "--name", "a", "--until", str(today.date() + datetime.timedelta(days=2)))
        self.write(line)
        daemon = self.daemon(clock=True)
        with daemon.client("tcp") as client, daemon.client() as local:
            client.call("server.hello", token=token)
            daemon.move_clock(DAY, DAY)  # wall and boot clock together: time that passed
            self.assertEqual(client.call("server.hello")["identity"], "auditor")
            daemon.move_clock(3 * DAY, 3 * DAY)
            self.assertEnded(client, "expired")  # without a word from the client
            with daemon.client("tcp") as again:
                self.assertIn("expired", again.error("server.hello", token=token)["message"])
            self.assertEqual({row["reason"] for row in local.items("server.denials")}, {"the token has expired"})
        self.assertEqual(daemon.stop(), 0)


class OverTls(Folder):
    def test_without_and_with_a_certificate(self):
        pki = Pki()
        self.addCleanup(pki.close)
        (ours, depot), (others, auditor) = (new("--role", "city", "--city", NINGBO, "--name", "depot"),
                                            new("--role", "auditor", "--name", "a"))
        self.write(ours, others)
        leaf, odd = pki.client("city", NINGBO, "desk"), pki.odd("city:" + NINGBO, "URI:relief://%s/city/desk" % HANGZHOU)
        daemon = Daemon(tls=pki, config="[identity]\ntokens = %s\n[limits]\nconnections_per_city = 2\n" % self.tokens)
        self.addCleanup(self.end, daemon)
        daemon.start()
        with daemon.client("tls") as one, daemon.client("tls", leaf=leaf) as two, daemon.client("tls") as three, daemon.client() as local:
            self.assertEqual(one.call("server.hello", token=depot)["identity"], "city:" + NINGBO)
            self.assertEqual(two.call("server.hello")["identity"], "relief://%s/city/desk" % NINGBO)
            self.assertEqual(two.error("server.hello", token=auditor)["code"], "DENIED")
            # both are connections of the city, however they came
            error = three.error("server.hello", token=depot)
            self.assertEqual((error["code"], error["field"]), ("TOO_MANY", "city"))
            self.assertEqual(three.call("server.hello")["identity"], None)
            self.assertEqual(two.call("server.hello", token=depot)["identity"], "city:" + NINGBO)
            with daemon.client("tls", leaf=leaf) as refused:
                answer = refused.message()
                self.assertEqual((answer[1], answer[2]["code"]), (0, "TOO_MANY"))
                self.assertIsNone(refused.message())
            with daemon.client("tls", leaf=odd) as refused:  # somebody else's city
                self.assertIsNone(refused.message())
            rows = local.items("server.denials")
            row = rows[-1]
            self.assertEqual((row["address"], row["identity"], row["method"], row["code"]), ("tls:127.0.0.1", None, None, "UNAUTHENTICATED"))
            self.assertTrue(row["reason"].startswith("certificate: "), row)
            # the city's connections end with the token, the one that narrowed itself by it too
            self.write(others)
            self.assertIn("closed=2", self.reload(daemon, "id=60 "))
            self.assertEnded(one, "revoked")
            self.assertEnded(two, "revoked")
        self.assertEqual(daemon.stop(), 0)


class TheCommandLine(Folder):
    def test_a_city_by_token(self):
        token = os.path.join(self.folder, "token")
        self.write(new("--role", "city", "--city", NINGBO, "--name", "depot", "-o", token)[0])
        self.assertEqual(os.stat(token).st_mode & 0o777, 0o600)
        daemon = self.daemon()
        with daemon.client() as local:
            world(local)
        address = [a for a in daemon.addresses if a.startswith("tcp:")][0]
        run = subprocess.run([os.path.join(BIN, "relief"), "--server", address, "--token-file", token, "stock", "get", NINGBO, KIND, "--json"],
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
