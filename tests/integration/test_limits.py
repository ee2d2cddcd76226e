"""Limits on connections: of an address, of a city, of all; what is kept for the operator; what strangers may send."""
import hashlib
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import unittest

import netspace
from harness import BIN, DEADLINE, Case, Client, Daemon, NINGBO, request

setUpModule = netspace.enter
HERE, THERE = netspace.ADDRESSES[0], netspace.ADDRESSES[1]
RESERVE = 16
INSTRUMENTED = os.environ.get("RELIEF_INSTRUMENTED", "")


def counters(client):
    return {row["name"]: row["value"] for row in client.call("server.stats")["counters"]}


class From(Client):
    """A TCP connection from an address of this machine."""

    def __init__(self, daemon, source, index=0):
        super().__init__(daemon, "tcp", index)
        self.socket.close()
        self.socket = socket.create_connection((HERE, daemon.tcp(index)[1]), source_address=(source, 0))
        self.socket.settimeout(DEADLINE)


class Configured(Case):
    lines = ""
    listen = ()

    @classmethod
    def setUpClass(cls):
        file = tempfile.NamedTemporaryFile("w", suffix=".conf")
        file.write(cls.lines)
        file.flush()
        cls.addClassCleanup(file.close)
        cls.options = {"listen": cls.listen, "args": ["-c", file.name]}
        super().setUpClass()

    def farewell(self, client, code):
        """It is told why it is not served, and that is all."""
        answer = client.message()
        self.assertEqual(answer[:2], [1, 0])
        self.assertRefused(answer[2], code)
        self.assertIsNone(client.message())

    def denials(self):
        with self.daemon.client() as operator:
            return operator.items("server.denials")


class OfAnAddress(Configured):
    lines = "[limits]\nconnections_per_address = 5\n"
    listen = ("tcp:0.0.0.0:0",)

    def test_one_address_floods(self):
        taken = [From(self.daemon, THERE) for _ in range(5)]
        for client in taken:
            self.assertEqual(client.call("server.ping"), {})
        for _ in range(50):
            refused = From(self.daemon, THERE)
            self.farewell(refused, "TOO_MANY")
            refused.close()
        with From(self.daemon, HERE) as other:  # another address is served
            self.assertEqual(other.call("server.ping"), {})
        for client in [self.client("tcp") for _ in range(20)]:  # loopback has no such limit
            self.assertEqual(client.call("server.ping"), {})
        with self.daemon.client() as operator:
            self.assertEqual(counters(operator)["connections_refused_address"], 50)
        rows = [row for row in self.denials() if row["address"] == "tcp:" + THERE]
        self.assertEqual({(row["code"], row["method"], row["identity"]) for row in rows}, {("TOO_MANY", None, None)})
        self.assertEqual(sum(row["count"] for row in rows), 50)
        taken.pop().close()
        while True:  # the daemon has to notice first
            with From(self.daemon, THERE) as again:
                again.send(request(1, "server.ping"))
                if again.message()[1] == 1:
                    break
        for client in taken:
            client.close()


class OfACity(Configured):
    lines = "[limits]\nconnections_per_city = 3\n"
    listen = ("tcp:127.0.0.1:0,as=city:" + NINGBO, "tcp:127.0.0.1:0,as=auditor")

    def test_its_connections(self):
        taken = [self.client("tcp") for _ in range(3)]
        for client in taken:
            client.call("server.info")
        refused = self.client("tcp")
        self.farewell(refused, "TOO_MANY")
        # nor by narrowing; that connection stays what it was
        local = self.client()
        self.assertRefused(local.error("server.hello", role="city", city=NINGBO), "TOO_MANY", "city")
        self.assertEqual(local.call("server.hello")["identity"], "local")
        self.assertEqual(local.call("server.hello", role="city", city="330100")["city"], "330100")
        self.client("tcp", 1).call("server.info")  # others are not concerned
        # one that is there may say again who it is
        self.assertEqual(taken[0].call("server.hello", role="city", city=NINGBO)["city"], NINGBO)
        self.assertEqual({(row["identity"], row["method"]) for row in self.denials() if row["code"] == "TOO_MANY"},
                         {(None, None), ("local", "server.hello")})
        taken.pop().close()
        while True:
            with self.daemon.client("tcp") as again:
                again.send(request(1, "server.ping"))
                if again.message()[1] == 1:
                    break


class OfAll(Configured):
    lines = "[limits]\nconnections = 8\n[identity]\nuser.nobody = auditor\n"
    listen = ("tcp:127.0.0.1:0,as=auditor", "tcp:127.0.0.1:0")

    ASK = ("import msgpack, socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
           "u = msgpack.Unpacker(); u.feed(s.recv(4096)); print(next(u)[2]['code'])")

    def test_the_operator_gets_in(self):
        os.chmod(self.daemon.folder, 0o755)
        taken = [self.client("tcp") for _ in range(8)]
        for client in taken:
            client.call("server.info")
        waits = self.client("tcp")  # the kernel takes it, the daemon does not
        waits.send(request(1, "server.ping"))
        operators = [self.client() for _ in range(RESERVE)]
        for client in operators:
            self.assertEqual(client.call("server.hello")["identity"], "local")
        self.assertEqual(counters(operators[0])["connections_open"], 8 + RESERVE)
        operators.pop().close()
        # somebody else's uid is no operator: told so, and not let in
        nobody = subprocess.run(["/usr/bin/python3", "-c", self.ASK, self.daemon.socket_path], user="nobody", group="nogroup",
                                extra_groups=[], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(nobody.stdout, "BUSY\n", nobody.stderr)
        for client in operators[1:]:
            client.close()
        taken.pop().close()
        self.assertEqual(waits.answer(), [1, 1, None, {}])
        self.assertIn("BUSY", {row["code"] for row in operators[0].items("server.denials")})

    def test_strangers_make_room(self):
        strangers = [self.client("tcp", 1) for _ in range(8)]
        for client in strangers:
            client.call("server.ping")
        with self.daemon.client("tcp") as auditor:
            auditor.call("server.info")
            self.assertIsNone(strangers[0].message())  # the oldest
            self.assertEqual(strangers[7].call("server.ping"), {})
            self.assertGreaterEqual(counters(auditor)["connections_evicted"], 1)


class Strangers(Case):
    options = {"listen": ("tcp:127.0.0.1:0", "tcp:127.0.0.1:0,as=auditor")}

    def test_what_they_may_send(self):
        client = self.client("tcp")
        client.call("server.hello", client="c", receipts=True)
        everything = {"client": "c", "token": "t", "role": "city", "city": "1", "region": None, "receipts": True}
        self.assertRefused(client.error("server.hello", everything), "UNAUTHENTICATED", "token")
        deep = {"client": [[[]]]}  # with the message, its parameters and their map: 6
        self.assertRefused(client.error("server.hello", deep), "BAD_PARAMS", "client.0")
        self.assertRefused(client.error("server.hello", {"client": [None] * 33}), "BAD_PARAMS", "client")
        self.assertRefused(client.error("server.hello", {"k%d" % n: n for n in range(33)}), "BAD_PARAMS")
        self.assertEqual(client.call("server.ping"), {})
        # who is identified may send more
        known = self.client("tcp", 1)
        self.assertRefused(known.error("server.hello", deep), "BAD_PARAMS", "client")
        self.assertEqual(known.call("event.subscribe", topics=["city"] * 33)["seq"], 0)


class TokensFromElsewhere(Configured):
    """Over TCP without TLS from another machine a token could be read on the way: it is refused, however good it is."""

    listen = ("tcp:0.0.0.0:0",)
    TOKEN = "relief_" + "t" * 43

    @classmethod
    def setUpClass(cls):
        tokens = tempfile.NamedTemporaryFile("w")
        cls.addClassCleanup(tokens.close)
        tokens.write("%s auditor a\n" % hashlib.blake2b(cls.TOKEN.encode(), digest_size=32).hexdigest())
        tokens.flush()
        cls.lines = "[identity]\ntokens = %s\n" % tokens.name
        super().setUpClass()

    def test_it_is_not_taken(self):
        with From(self.daemon, THERE) as client:
            error = client.error("server.hello", token=self.TOKEN)
            self.assertRefused(error, "UNAUTHENTICATED", "token")
            self.assertIn("TLS", error["message"])
            self.assertIsNone(client.call("server.hello")["identity"])
        self.assertEqual(self.client("tcp").call("server.hello", token=self.TOKEN)["identity"], "auditor")


class Descriptors(unittest.TestCase):
    def test_the_limit_is_raised_or_the_connections_lowered(self):
        for hard, lowered in ((4096, None), (300, "connections=204 configured=1024")):
            with self.subTest(hard=hard):
                daemon = Daemon()
                self.addCleanup(daemon.close)
                before = resource.getrlimit(resource.RLIMIT_NOFILE)
                resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), before[1]))
                try:
                    self.start(daemon, hard)
                finally:
                    resource.setrlimit(resource.RLIMIT_NOFILE, before)
                soft = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)[0]
                said = [line for line in daemon.lines if "id=41 " in line]
                self.assertEqual(soft, min(hard, 1024 + 96))
                self.assertEqual(bool(said), lowered is not None, said)
                if lowered:
                    self.assertIn(lowered, said[0])
                self.assertEqual(daemon.stop(), 0)

    def start(self, daemon, hard):
        """As under a supervisor that allows so many: the hard limit is the child's, for it can't be raised again."""
        popen = subprocess.Popen
        try:
            subprocess.Popen = lambda command, **more: popen(["prlimit", "--nofile=:%d" % hard] + command, **more)
            daemon.start()
        finally:
            subprocess.Popen = popen

    def test_a_limit_that_is_too_low_is_called_that(self):
        """Whichever part of the start meets it; the advice is about the limit, not about owners, modes or the sandbox."""
        folder = tempfile.mkdtemp(prefix="relief-")
        self.addCleanup(shutil.rmtree, folder)
        limits = [("--nofile=%d" % n, "LimitNOFILE=") for n in (8, 16, 24, 28, 30)]
        if not INSTRUMENTED:  # sanitizers take terabytes of addresses
            limits += [("--as=%d" % n, "LimitAS=") for n in (200 << 20, 1 << 30, 8 << 30)]
        for limit, advice in limits:
            with self.subTest(limit=limit):
                done = subprocess.run(["prlimit", limit, os.path.join(BIN, "reliefd"), "--data", os.path.join(folder, "data"), "--listen",
                                       "unix:" + os.path.join(folder, "s")], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                      timeout=DEADLINE)
                errors = [line for line in done.stderr.splitlines() if "level=err" in line]
                self.assertEqual((done.returncode, len(errors)), (1, 1), done.stderr)
                self.assertIn(" id=16 ", errors[0])
                self.assertIn(advice, errors[0])

    def test_the_operator_gets_in_without_any(self):
        daemon = Daemon(listen=("tcp:127.0.0.1:0",)).start()
        self.addCleanup(daemon.close)
        with daemon.client() as first, daemon.client("tcp") as stranger:
            stranger.call("server.ping")
            used = max(int(n) for n in os.listdir("/proc/%d/fd" % daemon.process.pid))
            resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (used + 1, used + 1))
            others = []
            while not counters(first)["connections_refused"]:  # until none is left
                others.append(daemon.client("tcp"))
            for _ in range(3):
                with daemon.client() as operator:
                    self.assertEqual(operator.call("server.hello")["identity"], "local")
            for client in others:
                client.close()
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
