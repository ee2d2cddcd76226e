"""What the suites of faults share: skipping, network of one's own, limits, clients that send again, and the checks behind them.

A suite is a program: exit 0 held, 1 a promise broken, 77 skipped because this machine lacks what it needs, 3 the suite itself is
at fault. With --plant NAME the daemon is the planted build with that bug switched on, and the suite must end with 1.
"""
import argparse
import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("integration", "crash"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))

import check  # noqa: E402
import journal  # noqa: E402
from harness import BIN, DEADLINE, Client, Daemon, world  # noqa: E402
from journal import Broken, Journal, Unfit, presume, require  # noqa: E402

SKIPPED = 77


class Missing(Exception):
    """This machine lacks what the suite needs."""


def suite(description, add, run):
    """Reads the arguments, runs, and turns what happened into an exit code. run(options) returns the line of figures."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--plant", help="a bug that the suite must find")
    add(parser)
    options = parser.parse_args()
    options.rng = random.Random(options.seed)
    print("seed=%d" % options.seed, flush=True)
    began = time.monotonic()
    try:
        print(run(options), "seconds=%.0f" % (time.monotonic() - began))
        return 0
    except Missing as missing:
        print("SKIPPED: %s" % missing)
        return SKIPPED
    except (Broken, AssertionError, ConnectionError, TimeoutError) as broken:  # the harness asserts what the daemon must do
        print("BROKEN: %s" % broken)
        for line in Planted.last.lines[-12:] if Planted.last else ():
            print("  daemon: " + line)
        return 1
    except Unfit as unfit:
        print("UNFIT: %s" % unfit)
        return 3
    except Exception:
        traceback.print_exc(file=sys.stdout)
        return 3


# ---- daemons ----

class Planted(Daemon):
    """A daemon, as it is or with a bug switched on; before_exec runs in its process before it starts."""

    last = None  # the newest, for what is said when a promise was broken

    def __init__(self, plant=None, before_exec=None, wrap=(), program=None, **options):
        super().__init__(**options)
        Planted.last = self
        self.plant, self.before_exec, self.wrap = plant, before_exec, list(wrap)
        self.served = False  # it became ready once: a start that fails after that breaks a promise
        self.program = program or os.path.join(BIN, "reliefd_planted" if plant else "reliefd")
        if not os.path.exists(self.program):
            raise Missing("%s isn't built" % self.program)

    def command(self):
        command = [self.program, "--foreground", "--data", self.data, "--listen", "unix:" + self.socket_path]
        for address in self.listen:
            command += ["--listen", address]
        if self.pki or self.config:
            command += ["-c", self.configure()]
        return self.wrap + command + self.args

    def environment(self):
        environment = dict(self._environment() or os.environ)
        if self.plant:
            environment["RELIEF_PLANT"] = self.plant
        return environment

    def start(self):
        self.lines.clear()
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
                                        env=self.environment(), preexec_fn=self.before_exec)
        self.ready, self.addresses = threading.Event(), []
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()
        said = require if self.served else presume
        said(self.ready.wait(DEADLINE) and self.addresses, "the daemon did not become ready:", self.lines[-5:])
        self.served = True
        return self

    def end(self):
        """A clean stop and `relief check` of what it leaves."""
        require(self.stop() == 0, "the stop was not clean:", self.lines[-5:])
        require(not self.faults(), "a sanitizer spoke:", self.faults()[:3])
        check.require_check(self.data)


@contextlib.contextmanager
def closing(daemon):
    try:
        yield daemon
    finally:
        if daemon.process:
            with contextlib.suppress(ProcessLookupError):
                daemon.process.send_signal(signal.SIGCONT)
        daemon.close()


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


# ---- limits of the kernel ----

class Group:
    """A cgroup (version 1) of one controller, for one process."""

    def __init__(self, controller, **settings):
        self.path = "/sys/fs/cgroup/%s/relief-%s-%d" % (controller, controller, os.getpid())
        try:
            os.mkdir(self.path)
            for name, value in settings.items():
                with open(os.path.join(self.path, name.replace("__", ".")), "w") as file:
                    file.write(str(value))
        except OSError as error:
            self.close()
            raise Missing("no cgroup of version 1 for %s: %s" % (controller, error)) from None

    def join(self):
        """In the child, before exec."""
        with open(os.path.join(self.path, "cgroup.procs"), "w") as file:
            file.write(str(os.getpid()))

    def read(self, name):
        with open(os.path.join(self.path, name)) as file:
            return int(file.read())

    def close(self):
        with contextlib.suppress(OSError):
            os.rmdir(self.path)


# ---- a network of one's own ----

CLONE_NEWNET = 0x40000000


def own_network():
    """This process, and those that it starts, get a network with nothing but a loopback of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise Missing("no network namespace: %s" % os.strerror(ctypes.get_errno()))
    tool("ip", "link", "set", "lo", "mtu", "1500", "up")  # packets as a network has them


def tool(*command, must=True):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    except FileNotFoundError:
        raise Missing("no %s" % command[0]) from None
    if must and done.returncode != 0:
        raise Missing("`%s`: %s" % (" ".join(command), done.stderr.strip()))
    return done.returncode == 0


class Filter:
    """A table of nft: rules for packets that come in over a device."""

    def __init__(self):
        tool("nft", "add table inet faults")
        tool("nft", "add chain inet faults input { type filter hook input priority 0 ; }")

    def rule(self, *words):
        tool("nft", "add rule inet faults input " + " ".join(words))

    def clear(self):
        tool("nft", "flush chain inet faults input")


# ---- clients that send again ----

class Lost(Exception):
    """The connection ended, or no answer came in time."""


class Retrier(threading.Thread):
    """One client: sends an operation, and on a new connection the same bytes again, until it is answered. patience: how long it
    waits for an answer. None: as long as a test waits, and a connection that ends is a broken promise."""

    def __init__(self, book, lock, address, patience, stop):
        super().__init__(daemon=True)
        self.book, self.lock, self.address, self.patience, self.stop_at = book, lock, address, patience, stop
        self.socket = None
        self.sent = self.retries = self.lost = 0
        self.times = []
        self.failed = None

    def connect(self):
        if isinstance(self.address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(DEADLINE)
            self.socket.connect(self.address)
        else:
            self.socket = socket.create_connection(self.address, self.patience or DEADLINE)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(self.patience or DEADLINE)

    def drop(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def once(self, op):
        """The bytes of the answer and what they say."""
        try:
            if not self.socket:
                self.connect()
            self.socket.sendall(op.frame)
            raw, unpacker = b"", journal.msgpack.Unpacker(raw=False)
            while True:
                data = self.socket.recv(1 << 16)
                if not data:
                    raise Lost("closed")
                raw += data
                unpacker.feed(data)
                try:
                    return raw, unpacker.unpack()
                except journal.msgpack.OutOfData:
                    continue
        except (OSError, Lost) as error:
            self.drop()
            self.lost += 1
            if self.patience is None:
                raise Broken("a connection failed: %r" % error) from None
            raise Lost(str(error)) from None

    def run(self):
        try:
            while not self.stop_at.is_set():
                with self.lock:
                    op = self.book.next()
                self.answer(op)
        except Broken as broken:
            self.failed = str(broken)
        except Exception:
            self.failed = traceback.format_exc()
        finally:
            self.drop()

    def answer(self, op):
        began, deadline = time.monotonic(), time.monotonic() + 3 * DEADLINE
        while True:
            self.sent += 1
            try:
                raw, message = self.once(op)
            except Lost as lost:
                with self.lock:
                    if not op.acknowledged():
                        self.book.unknown[op.key] = op
                self.retries += 1
                if self.stop_at.is_set():
                    return  # unknown: whoever checks sends it again
                self.retries += 1
                self.stop_at.wait(0.01)  # a network that is down answers at once: no use in asking without a pause
                require(time.monotonic() < deadline, "not answered in %d s:" % (3 * DEADLINE), op.params, str(lost))
                continue
            with self.lock:
                self.book.take(op, raw, message)
                done = op.acknowledged()
            if done:
                self.times.append(time.monotonic() - began)
                return


class Crowd:
    """Retriers on one daemon, and their book."""

    def __init__(self, rng, address, count, patience):
        self.book, self.lock, self.stop_at = Journal(rng), threading.Lock(), threading.Event()
        self.clients = [Retrier(self.book, self.lock, address, patience, self.stop_at) for _ in range(count)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stop_at.set()
        for client in self.clients:
            client.join(4 * DEADLINE)

    def wait(self, holds, text):
        """Until holds() is true; a client that failed ends it."""
        deadline = time.monotonic() + 3 * DEADLINE
        while not holds():
            for client in self.clients:
                require(not client.failed, "a client failed:", client.failed)
            require(time.monotonic() < deadline, "it never came that", text)
            time.sleep(0.002)

    def answered(self):
        return [len(client.times) for client in self.clients]

    def everybody_answered(self, more=1):
        before = self.answered()
        self.wait(lambda: all(now >= then + more for now, then in zip(self.answered(), before)), "everybody was answered")

    def times(self):
        return [t for client in self.clients for t in client.times]

    def total(self, name):
        return sum(getattr(client, name) for client in self.clients)

    def check(self, client):
        """What was acknowledged is there once, what is unknown once or not at all; sent again it is the first answer."""
        for other in self.clients:
            require(not other.failed, "a client failed:", other.failed)
            require(not other.is_alive(), "a client does not end")
        log = check.Log()
        log.read(client, self.book)
        check.note_cancels(log, self.book)
        check.resolve(client, log, self.book, list(self.book.unknown.values()))
        check.check_everything(client, log, self.book)
        some = self.book.rng.sample(self.book.repeatable, min(300, len(self.book.repeatable)))
        check.repeat(client, log, self.book, some)
        return log
