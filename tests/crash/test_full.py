"""The machine lacks something for a while: space, a disk that takes writes, room in LMDB's map, descriptors, files that may be as long
as they must (the limit of `ulimit -f`, LimitFSIZE= of a unit).

    test_full.py --what disk|readonly|map|descriptors|length [--rounds N] [--plant NAME]

Changes are refused with DISK_FULL or READ_ONLY (BUSY for descriptors) and a sentence that says what to do, the operator is told once,
reads go on, and when the cause is gone changes are taken again within --seconds, without a restart. Then everything
acknowledged is there, once.
"""
import errno
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))

import check
import shim as shims
from common import Missing, Planted, percentile, suite
from harness import DEADLINE, HANGZHOU, KIND, Client, Refused, world
from journal import Broken, Journal, Load, require
from volume import NoVolume, Volume

CONFIG = "[data]\nsegment_mib = 1\n[sandbox]\nlandlock = off\nseccomp = off\n"
CODES = {"disk": "DISK_FULL", "map": "DISK_FULL", "readonly": "READ_ONLY", "descriptors": "BUSY", "length": "DISK_FULL"}
LENGTHS = (8192, 70000, 300000, 1000000)  # bytes: behind the first pages of LMDB, within a segment, its end


class Daemon(Planted):
    def __init__(self, extra=None, **options):
        super().__init__(listen=(), config=CONFIG, **options)
        self.extra = extra or {}
        path = os.path.join(self.folder, "reliefd.conf")
        with open(path, "w") as file:
            file.write(CONFIG)
        self.args += ["-c", path]

    def environment(self):
        return {**super().environment(), **self.extra}


class Lacking:
    """begin() takes it away, end() gives it back."""

    def __init__(self, options):
        self.options, self.volume, self.rounds = options, None, 0
        self.folder = tempfile.mkdtemp(prefix="relief-full-")
        plant = options.plant
        if options.what == "map":
            plant = "small-map" + ("," + plant if plant else "")
        if options.what in ("disk",):
            try:
                self.volume = Volume(self.folder, 24)
            except NoVolume as error:
                self.close()
                raise Missing(str(error)) from None
        self.shim, extra = None, {}
        if options.what in ("readonly", "descriptors"):
            self.shim = shims.Shim("disk", self.folder)
            if self.shim.missing:
                raise Missing(self.shim.missing)
            extra = self.shim.environment
        self.daemon = Daemon(extra, plant=plant)
        if self.volume:
            self.daemon.data = os.path.join(self.volume.path, "data")
        if self.shim:
            self.shim.page.folder = self.daemon.data.encode()

    def begin(self):
        what = self.options.what
        if what == "disk":
            self.volume.fill()
        elif what == "map":
            self.write_names()
        elif what == "readonly":
            self.shim.arm(shims.FAIL, shims.CHANGES & ~shims.SYNCS, 1, times=1 << 40, error=errno.EROFS)
        elif what == "descriptors":
            self.shim.arm(shims.FAIL, shims.NAMES, 1, times=1 << 40, error=errno.EMFILE)
        elif what == "length":
            self.limit(LENGTHS[self.rounds % len(LENGTHS)])
            self.rounds += 1

    def limit(self, length):
        process = self.daemon.process.pid
        hard = resource.prlimit(process, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(process, resource.RLIMIT_FSIZE, (hard if length is None else length, hard))

    def write_names(self):
        """Regions with names of 1,000 characters, until the store has no room for them."""
        with Client(self.daemon) as client:
            for number in range(20000):
                client.send_request("region.put", {"id": "long%d" % number, "name": 1000 * "n"})
                if number % 50 == 49:
                    for _ in range(50):
                        if client.message()[2] is not None:
                            return
                if number % 1000 == 999:
                    try:
                        client.call("shortfall.list")  # has it written
                    except Refused:
                        return

    def end(self):
        if self.volume:
            self.volume.empty()
        if self.shim:
            self.shim.disarm()
        if self.options.what == "length":
            self.limit(None)

    def ended(self):
        """The daemon ended by itself, or is about to: its socket is closed."""
        if self.daemon.process is None:
            return False
        try:
            self.daemon.process.wait(2)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self):
        if self.volume:
            self.volume.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def until(holds, text, seconds=DEADLINE):
    """Asks again until it holds: each question is a call to the daemon, which takes its time."""
    began = time.monotonic()
    while not holds():
        require(time.monotonic() - began < seconds, text)
    return time.monotonic() - began


def refusal(daemon):
    """The code with which a change is refused now, None: it is taken."""
    with Client(daemon) as client:
        try:
            client.call("stock.floor", city=HANGZHOU, kind=KIND, floor=0)
            return None
        except Refused as refused:
            require(refused.error["message"], "a refusal without a sentence")
            return refused.code
        except (EOFError, OSError, AssertionError):
            require(daemon.process.poll() is None, "the daemon ended:", daemon.lines[-3:])
            return "closed"  # what was under way was taken back


def load(book, daemon, answers):
    """Until that many were answered, refused or not; what a closed connection leaves unanswered is unknown."""
    work = Load(book, daemon.socket_path, 16, 4)
    work.run(answers)
    deadline = time.monotonic() + DEADLINE
    while any(connection.waiting and not connection.ended for connection in work.connections):
        work._round(deadline, False)
    for connection in work.connections:
        for op in connection.waiting:
            if not op.acknowledged():
                book.unknown[op.key] = op
        connection.socket.close()
    work.selector.close()


def one_round(lacking, daemon, book, log, times):
    what = lacking.options.what
    load(book, daemon, 200)
    lacking.begin()
    # Changes until one is refused: there may be room for some.
    began = time.monotonic()
    code = None
    while code in (None, "closed"):
        require(time.monotonic() - began < DEADLINE, "nothing was refused")
        load(book, daemon, 200)
        code = refusal(daemon)
    require(code == CODES[what], "refused with another code:", code)
    daemon.wait_line("id=34")
    with Client(daemon) as client:  # reads go on
        head = client.call("log.head")
        client.call("stock.get", city=HANGZHOU, kind=KIND)
        require(client.call("request.list", limit=10)["items"], "nothing is read")
        client.call("log.list", {"from": 1, "limit": 10})
        if what in ("map", "readonly"):  # what needs LMDB written is refused too, and nobody waits for it
            try:
                client.call("shortfall.list")
            except Refused as refused:
                require(refused.code == code, "a report was refused with another code:", refused.code)
        require(client.call("log.head") == head, "an entry came while nothing is taken")
    require(daemon.process.poll() is None, "the daemon ended")
    if what == "map":
        return
    with daemon.said:
        daemon.lines.clear()
    lacking.end()
    times.append(until(lambda: refusal(daemon) is None, "changes are not taken again in %d s" % lacking.options.seconds,
                       lacking.options.seconds))
    daemon.wait_line("id=35")
    with daemon.said:
        daemon.lines.clear()
    verify(daemon, book, log)


def verify(daemon, book, log):
    with Client(daemon) as client:
        log.read(client, book)
        check.note_cancels(log, book)
        check.resolve(client, log, book, list(book.unknown.values()))
        check.check_everything(client, log, book)


def grow(daemon, book, log):
    """Each start doubles a map that is full; in the end there is room, and everything is there."""
    sizes = []
    for _ in range(8):
        daemon.stop()
        daemon.start()
        sizes.append(os.path.getsize(os.path.join(daemon.data, "store", "data.mdb")))
        try:
            with Client(daemon) as client:
                client.call("shortfall.list")  # has all of it written
            verify(daemon, book, log)
        except Refused as refused:
            require(refused.code == "DISK_FULL", "refused otherwise:", refused.code)
            continue
        if daemon.stop() == 0:
            daemon.start()
            return
        daemon.start()
    require(False, "the map does not grow:", sizes)


def run(options):
    lacking = Lacking(options)
    try:
        return rounds(options, lacking)
    except TimeoutError:
        raise Broken("an answer never came") from None
    except (OSError, AssertionError, EOFError) as error:
        if lacking.ended():
            raise Broken("the daemon ended: %s" % lacking.daemon.lines[-2:]) from None
        raise error
    finally:
        lacking.daemon.close()
        lacking.close()


def rounds(options, lacking):
    times = []
    book, log = Journal(random.Random(options.seed)), check.Log()
    daemon = lacking.daemon
    daemon.start()
    with Client(daemon) as client:
        world(client)
    for _ in range(options.rounds):
        one_round(lacking, daemon, book, log, times)
    if options.what == "map":  # the next start makes it larger
        grow(daemon, book, log)
    daemon.end()
    return ("what=%s rounds=%d acknowledged=%d refused=%d lost=0 doubled=0 again_ms p50=%.0f max=%.0f"
            % (options.what, options.rounds, len(book.repeatable), book.not_now, 1000 * percentile(times, 0.5),
               1000 * percentile(times, 1)))


def add(parser):
    parser.add_argument("--what", choices=sorted(CODES), required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="until changes are taken again")


if __name__ == "__main__":
    sys.exit(suite(__doc__, add, run))
