"""Starts the daemon on a temporary folder and talks to it in plain MessagePack-RPC.

Nothing here waits by the clock: a start is over when the `ready` line comes, a stop when the process has ended, an answer when
it is read. Deadlines exist only so that a broken daemon fails a test instead of hanging it.
"""
import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

import msgpack

from pki import TlsSocket

BIN = os.environ.get("RELIEF_BIN", "build/bin")
CLOCK_SHIM = os.environ.get("RELIEF_CLOCK_SHIM", os.path.join(BIN, "..", "tests", "integration", "clock_shim.so"))
DEADLINE = 60.0
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Assertion .* failed")


class Refused(Exception):
    """The error of an answer."""

    def __init__(self, error):
        super().__init__(error)
        self.error = error
        self.code = error["code"]


class Daemon:
    """One reliefd process. With no folder given it makes one and removes it in close(). clock: its clocks can be moved. tls: a pki.Pki;
    the daemon listens for TLS too, with its [tls] section. config: more sections of the configuration file."""

    def __init__(self, folder=None, listen=("tcp:127.0.0.1:0,as=local",), args=(), clock=False, tls=None, config="", program="reliefd"):
        self.program = program
        self.own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="relief-")
        self.socket_path = os.path.join(self.folder, "s")
        self.data = os.path.join(self.folder, "data")
        self.pki = tls
        self.config = config
        self.listen = tuple(listen) + (("tls:127.0.0.1:0",) if tls else ())
        self.args = list(args)
        self.lines = []
        self.said = threading.Condition()
        self.process = None
        self.exit_code = None
        self.offsets = os.path.join(self.folder, "clock") if clock else None
        if clock:
            self.move_clock(0, 0)

    def start(self):
        command = [os.path.join(BIN, self.program), "--foreground", "--data", self.data, "--listen", "unix:" + self.socket_path]
        for address in self.listen:
            command += ["--listen", address]
        if self.pki or self.config:
            command += ["-c", self.configure()]
        self.process = subprocess.Popen(command + self.args, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        errors="replace", env=self._environment())
        self.ready = threading.Event()
        self.addresses = []
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()
        if not self.ready.wait(DEADLINE) or not self.addresses:
            raise AssertionError("the daemon did not become ready:\n" + "\n".join(self.lines))
        return self

    def configure(self):
        """Writes the configuration file as the certificates and `config` are now; its path."""
        path = os.path.join(self.folder, "reliefd.conf")
        with open(path, "w") as file:
            file.write((self.pki.config() if self.pki else "") + self.config)
        return path

    def _environment(self):
        if not self.offsets:
            return None
        options = os.environ.get("ASAN_OPTIONS", "")
        return {**os.environ, "LD_PRELOAD": CLOCK_SHIM, "RELIEF_CLOCK": self.offsets,
                "ASAN_OPTIONS": options + (":" if options else "") + "verify_asan_link_order=0"}

    def move_clock(self, wall, boot, monotonic=0):
        """The daemon's clocks are from now on so many milliseconds from the machine's: mapped by it, so written in place."""
        with open(self.offsets, "r+b" if os.path.exists(self.offsets) else "wb") as file:
            file.write(struct.pack("=qqq", wall, boot, monotonic))

    def wait_line(self, text):
        """The first line on standard error that holds the text, once it is there."""
        with self.said:
            found = lambda: next((line for line in self.lines if text in line), None)
            assert self.said.wait_for(found, DEADLINE), "never said: " + text
            return found()

    def reload(self):
        """SIGHUP with the configuration as it is now; the line that says how that went, once it is there."""
        if self.pki or self.config:
            self.configure()
        said = lambda: [line for line in self.lines if " id=60 " in line or " id=61 " in line]
        with self.said:
            before = len(said())
            self.process.send_signal(signal.SIGHUP)
            assert self.said.wait_for(lambda: len(said()) > before, DEADLINE), "never reloaded:\n" + "\n".join(self.lines)
            return said()[before]

    def _read(self, process):
        for line in process.stderr:
            with self.said:
                self.lines.append(line.rstrip("\n"))
                self.said.notify_all()
            if line.startswith("ready "):
                self.addresses = line.split()[1:]
                self.ready.set()
        self.ready.set()

    def stop(self):
        """A clean stop; returns the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self):
        return self._end(signal.SIGKILL)

    def _end(self, how):
        if self.process is None:
            return self.exit_code
        self.process.send_signal(how)
        self.exit_code = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        self.process.stderr.close()
        self.process = None
        return self.exit_code

    def close(self):
        self.kill()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def faults(self):
        return [line for line in self.lines if SANITIZER.search(line)]

    def tcp(self, index=0, scheme="tcp"):
        """(host, port) of the listener, as the ready line says it."""
        address = [a for a in self.addresses if a.startswith(scheme + ":")][index]
        host, port = address[4:].rsplit(":", 1)
        return host.strip("[]"), int(port)

    def tls(self, index=0):
        return self.tcp(index, "tls")

    def rss(self):
        """Resident bytes now."""
        with open("/proc/%d/status" % self.process.pid) as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) * 1024

    def client(self, over="unix", index=0, **tls):
        return Client(self, over, index, **tls)


class Client:
    """A connection. Messages are read one by one, in order; notifications are kept apart. over: unix, tcp or tls; for tls, leaf
    is the client's certificate (pki.Leaf; None: without) or context the whole of it. An alert ends a connection: see `alert`."""

    def __init__(self, daemon, over="unix", index=0, leaf=None, context=None):
        if over == "unix":
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(daemon.socket_path)
        else:
            self.socket = socket.create_connection(daemon.tcp(index, over))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(DEADLINE)
        if over == "tls":
            self.socket = TlsSocket(self.socket, context or daemon.pki.context(leaf))
            try:
                self.socket.handshake()
            except BaseException:
                self.socket.close()
                raise
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=True, max_buffer_size=64 << 20)
        self.ids = itertools.count(1)
        self.notifications = []
        self.received = b""

    def close(self):
        self.socket.close()

    @property
    def alert(self):
        """The alert or error of TLS that ended the connection, as OpenSSL names it; None after an orderly end."""
        return self.socket.alert

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_request(self, method, params=None, msgid=None):
        msgid = next(self.ids) if msgid is None else msgid
        self.send(request(msgid, method, params))
        return msgid

    def message(self):
        """The next message, or None when the connection has ended."""
        while True:
            try:
                return self.unpacker.unpack()
            except msgpack.OutOfData:
                try:
                    data = self.socket.recv(1 << 16)
                except ConnectionResetError:
                    return None
                if not data:
                    return None
                self.unpacker.feed(data)

    def answer(self):
        """The next answer [1, msgid, error, result]; notifications before it are kept."""
        while True:
            message = self.message()
            if message is None or message[0] == 1:
                return message
            self.notifications.append(message)

    def notification(self):
        if self.notifications:
            return self.notifications.pop(0)
        message = self.message()
        assert message is None or message[0] == 2, message
        return message

    def call(self, method, params=None, **named):
        """The result; raises Refused."""
        msgid = self.send_request(method, {**(params or {}), **named})
        answer = self.answer()
        assert answer is not None, "the connection has ended"
        assert answer[:2] == [1, msgid], answer
        if answer[2] is not None:
            raise Refused(answer[2])
        return answer[3]

    def error(self, method, params=None, **named):
        """The error that this call is refused with."""
        try:
            result = self.call(method, params, **named)
        except Refused as refused:
            return refused.error
        raise AssertionError("%s was not refused: %r" % (method, result))

    def raw_call(self, data):
        """Sends bytes, returns the bytes of the one message that comes back."""
        self.send(data)
        got = b""
        while True:
            got += self.socket.recv(1 << 16)
            unpacker = msgpack.Unpacker(raw=True, strict_map_key=False)
            unpacker.feed(got)
            try:
                unpacker.skip()
            except msgpack.OutOfData:
                continue
            assert unpacker.tell() == len(got), "more than one message came back"
            return got

    def items(self, method, params=None, limit=None, **named):
        """All items of a list, page by page."""
        params = {**(params or {}), **named}
        if limit:
            params["limit"] = limit
        found, after, pages = [], None, 0
        while True:
            page = self.call(method, params if after is None else {**params, "after": after})
            assert set(page) == {"items", "next"}, page.keys()
            found += page["items"]
            pages += 1
            if page["next"] is None:
                self.pages = pages
                return found
            assert after is None or page["next"] != after, "the list does not go on"
            after = page["next"]

    def dump(self, **params):
        """A dump: its notifications put together."""
        kept, self.notifications = self.notifications, []
        end = self.call("snapshot.dump", params)
        rows, self.notifications = self.notifications, kept
        return Dump(rows, end)


class Dump:
    """What a dump said, and its digest computed from what was sent (fine print 62, 63)."""

    def __init__(self, notifications, end):
        bodies = [n[2][0] for n in notifications]
        assert all(n[:2] == [2, "rows"] for n in notifications), notifications
        self.end = end
        self.seq, self.head, self.time = (bodies[0][key] for key in ("seq", "head", "time"))
        self.rows = [row for body in bodies for row in body["rows"]]
        self.msgids = {body["msgid"] for body in bodies}
        first = {"format": "relief-dump", "version": 1, "seq": self.seq, "head": self.head, "time": self.time}
        self.lines = [line(record) for record in [first] + self.rows]
        self.digest = hashlib.blake2b("".join(self.lines).encode(), digest_size=32).hexdigest()

    def table(self, name):
        return [row for row in self.rows if row["t"] == name]


def line(record):
    return json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"


def request(msgid, method, params=None):
    return msgpack.packb([0, msgid, method, [] if params is None else [params]])


class Case(unittest.TestCase):
    """A daemon for all tests of the class."""

    options = {}

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(**cls.options).start()
        cls.addClassCleanup(cls._close)
        cls.prepare()

    @classmethod
    def prepare(cls):
        """What the tests of the class find there."""

    @classmethod
    def _close(cls):
        code, daemon = cls.daemon.stop(), cls.daemon
        daemon.close()
        assert not daemon.faults(), "\n".join(daemon.lines)
        assert code == 0, "the daemon ended with %s:\n%s" % (code, "\n".join(daemon.lines[-40:]))

    def client(self, over="unix", index=0, **tls):
        client = self.daemon.client(over, index, **tls)
        self.addCleanup(client.close)
        return client

    @contextlib.contextmanager
    def unchanged(self):
        """Nothing is logged, no record changes, and another connection is served all the while."""
        with self.daemon.client() as other:
            before = other.call("log.head"), other.dump().digest
            yield other
            self.assertEqual(other.call("server.ping"), {})
            self.assertEqual((other.call("log.head"), other.dump().digest), before)

    def assertRefused(self, error, code, field=None, **more):
        self.assertEqual(error["code"], code, error)
        self.assertTrue(error["message"], error)
        if field is not None:
            self.assertEqual(error.get("field"), field, error)
        for key, value in more.items():
            self.assertEqual(error.get(key), value, error)


KIND, SUBSTITUTE = "4030101", "4030102"
HANGZHOU, NINGBO, WENZHOU = "330100", "330200", "330300"


def world(client, agreement="auto"):
    """Three cities of one region, a kind of supply, stock in two of them."""
    client.call("region.put", id="zhejiang", name="浙江", agreement=agreement)
    for code, name, lat, lon in ((HANGZHOU, "杭州", 30274100, 120155100), (NINGBO, "宁波", 29868300, 121544000),
                                 (WENZHOU, "温州", 27993800, 120699400)):
        client.call("city.put", code=code, name=name, region="zhejiang", lat=lat, lon=lon)
    client.call("kind.put", {"code": KIND, "name": "帐篷", "class": "supply", "unit": "顶"})
    client.call("kind.put", {"code": SUBSTITUTE, "name": "棚布", "class": "supply", "unit": "块"})
    client.call("stock.receive", city=NINGBO, kind=KIND, lot="a", quantity=500)
    client.call("stock.receive", city=WENZHOU, kind=KIND, lot="b", quantity=300)
    client.call("stock.floor", city=NINGBO, kind=KIND, floor=100)
