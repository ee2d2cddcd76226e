"""Peers that do nothing, too much or half of it, over TCP, unix socket and TLS: rows B6, B27, B28, B29 and B31 of the bad-input matrix, as
far as they are about time and memory. The daemon's monotonic clock is moved in steps of a second; nothing is waited for."""
import contextlib
import shutil
import signal
import socket
import subprocess
import unittest

from harness import DEADLINE, NINGBO, Case, Client, request, world
from pki import Pki

SECOND = 1000
FRAME_S, STUCK_S, FIRST_S = 30, 60, 10


class Hostile(Case):
    options = {"clock": True, "listen": ("tcp:127.0.0.1:0,as=local", "tcp:127.0.0.1:0")}

    @classmethod
    def setUpClass(cls):
        cls.pki = Pki()
        cls.addClassCleanup(cls.pki.close)
        cls.leaf = cls.pki.client("city", NINGBO, "depot")
        cls.options = {**cls.options, "tls": cls.pki}
        super().setUpClass()

    @classmethod
    def prepare(cls):
        cls.moved = 0
        with cls.daemon.client() as client:
            world(client)

    def identified(self, but=()):
        """A connection over each transport."""
        for over, connect in (("unix", self.daemon.client), ("tcp", lambda: self.daemon.client("tcp")),
                              ("tls", lambda: self.daemon.client("tls", leaf=self.leaf))):
            if over in but:
                continue
            client = connect()
            self.addCleanup(client.close)
            yield client

    def pass_seconds(self, seconds):
        """In steps, each seen by the daemon: the time that its loop stood still would not count."""
        with self.daemon.client() as other:
            for _ in range(seconds):
                type(self).moved += SECOND
                self.daemon.move_clock(0, 0, self.moved)
                other.call("server.ping")
                other.call("server.ping")

    def ended(self, client):
        """The connection has ended, and no answer came."""
        try:
            return client.message() is None
        except ConnectionResetError:
            return True

    def counters(self, client):
        return {row["name"]: row["value"] for row in client.call("server.stats")["counters"]}

    def alive(self, client):
        return client.call("server.ping") == {}

    # ---- time ----

    def test_b5_b29_a_frame_that_stays_incomplete(self):
        """30 s in all from its first byte, however it drips."""
        frame = request(1, "server.ping")
        with self.unchanged():
            for client in self.identified():
                client.send(frame[:3])
                self.pass_seconds(FRAME_S - 2)
                client.send(frame[3:4])
                with self.daemon.client() as other:
                    other.call("server.ping")
                self.pass_seconds(3)
                self.assertTrue(self.ended(client))

    def test_b29_a_frame_that_comes_in_time(self):
        for client in self.identified():
            frame = request(1, "server.ping")
            client.send(frame[:3])
            self.pass_seconds(FRAME_S - 3)
            client.send(frame[3:])
            self.assertEqual(client.answer(), [1, 1, None, {}])
            self.pass_seconds(2 * STUCK_S)
            self.assertTrue(self.alive(client), "an identified connection may be idle")

    def test_b29_strangers(self):
        """Whoever has not said who it is has 10 s for its first message, a TLS handshake included."""
        half_hello = bytes.fromhex("16030100c8010000c40303") + bytes(60)
        with self.unchanged():
            for port, first in ((self.daemon.tcp(1), b""), (self.daemon.tcp(1), b"\x94"), (self.daemon.tcp(0, "tls"), b""),
                                (self.daemon.tcp(0, "tls"), half_hello)):
                with self.subTest(first=first), socket.create_connection(port) as stranger:
                    stranger.settimeout(DEADLINE)
                    stranger.sendall(first)
                    with self.daemon.client() as other:
                        other.call("server.ping")
                    self.pass_seconds(FIRST_S - 2)
                    stranger.setblocking(False)
                    with self.assertRaises(BlockingIOError):
                        stranger.recv(1)
                    stranger.settimeout(DEADLINE)
                    self.pass_seconds(4)
                    try:
                        self.assertEqual(stranger.recv(4096)[:1] in (b"", b"\x15"), True)  # the end, or an alert before it
                    except ConnectionResetError:
                        pass

    def test_b29_four_thousand_slow_connections(self):
        """They push each other out; an honest stranger and the honest are served meanwhile, and at the end none is left."""
        slow = []
        honest = self.client("tcp")
        with self.unchanged():
            for n in range(4000):
                one = socket.create_connection(self.daemon.tcp(1))
                one.send(b"\x94")
                slow.append(one)
                if n % 200 == 0:
                    self.assertTrue(self.alive(honest))
                    with Client(self.daemon, "tcp", 1) as stranger:
                        self.assertEqual(stranger.call("server.ping"), {})
            counters = self.counters(honest)
            self.assertLessEqual(counters["connections_open"], 1024 + 16)
            self.pass_seconds(FIRST_S + 2)
            counters = self.counters(honest)
            self.assertLess(counters["connections_open"], 20)
            for one in slow:
                one.close()

    def test_b28_who_never_reads_is_closed(self):
        """After 60 s in which it took nothing; the others are served."""
        data = request(1, "city.list") * 3000
        for client in self.identified(but=("tls",)):
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # or the kernel takes answers for seconds
            client.socket.setblocking(False)
            with self.daemon.client() as other:
                quiet = 0
                while quiet < 50:  # looks in turn at which neither a byte was taken nor a message served but the looking itself
                    before = self.counters(other)
                    with contextlib.suppress(BlockingIOError):
                        client.socket.send(data)
                        continue
                    after = self.counters(other)
                    quiet = quiet + 1 if after["messages"] == before["messages"] + 1 else 0
            self.pass_seconds(STUCK_S + 2)
            client.socket.settimeout(DEADLINE)
            with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                while True:
                    client.send(data)

    # ---- measure ----

    def test_b27_one_who_asks_little(self):
        """Behind thousands of requests that came before its one it waits for some of them, not for all."""
        many, one = self.client("tcp"), self.client("tcp")
        one.call("server.ping")
        pings = b"".join(request(n % 100, "server.ping") for n in range(3000))
        count = lambda answer: next(row["value"] for row in answer[3]["counters"] if row["name"] == "messages")
        one.send(request(1, "server.stats"))
        before = count(one.answer())
        self.daemon.process.send_signal(signal.SIGSTOP)
        try:
            many.send(pings)
            one.send(request(2, "server.stats"))
        finally:
            self.daemon.process.send_signal(signal.SIGCONT)
        served = count(one.answer()) - before
        self.assertLess(served, 500)
        for n in range(3000):
            self.assertEqual(many.answer(), [1, n % 100, None, {}])

    def test_b6_memory_of_a_hostile_frame(self):
        """What a header claims costs nothing; 64 KiB at most for each frame that waits for its rest."""
        frames = [b"\x94\x00\x05\xa8city.get\x91\x81\xa4code\xdd\x00\x00\xff\xff", b"\x94\x00\x05\xa8city.get\x91" + b"\xdc\x00\xff" * 12,
                  b"\x94\x00\x05\xa8city.get\x91\x81\xa4code\xda\x0f\xff", b"\x94\x00\x05\xa8city.get\x91\xdf\x00\x00\xff\xff" + b"\xa1a\x01" * 300,
                  b"\x94\x00\x05\xa8city.get" + b"\x91" * 14]
        held = [self.daemon.client("tcp") for _ in range(200)]
        for client in held:
            self.alive(client)
        before = self.daemon.rss()
        with self.unchanged() as other:
            for n, client in enumerate(held):
                client.send(frames[n % len(frames)])
            other.call("server.ping")
            grown = self.daemon.rss() - before
        for client in held:
            client.close()
        self.assertLess(grown / len(held), 64 * 1024)

    def test_b31_the_network_is_asked_whether_the_peer_lives(self):
        """The daemon's sockets have keepalive: ss(8) shows its timer."""
        if not shutil.which("ss"):
            self.skipTest("no ss(8)")
        client = self.client("tcp")
        self.alive(client)
        mine = client.socket.getsockname()[1]
        shown = subprocess.run(["ss", "-Htno", "state", "established", "dport", "=", ":%d" % mine], capture_output=True, text=True).stdout
        self.assertRegex(shown, r"timer:\(keepalive,")


if __name__ == "__main__":
    unittest.main()
