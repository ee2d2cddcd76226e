"""A script of commands, and a fault at its Nth call, for every N: killed there, a write or sync that fails, a write that is short, memory
that is not to be had.

    test_calls.py --what kill|sync|EIO|ENOSPC|EROFS|EINTR|short|memory [--step S] [--commands N] [--start] [--plant NAME]

A run without a fault counts the calls; then each N begins on a copy of one folder. --step takes every S-th N, from a random one
on. --start puts the fault into the start of the daemon instead. After each fault: what was acknowledged is there once, nothing
was acknowledged after the fault where the daemon has to end, what has to go on goes on, the next start is clean, and `relief
check` holds.
"""
import contextlib
import errno
import os
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))

import check
import journal
import shim as shims
from common import Missing, percentile, suite
from harness import BIN, DEADLINE, Client, world
from journal import Journal, presume, require
from test_cuts import CONFIG, Process, Scene

OK, REFUSED, GONE = "ok", "refused", "gone"
# what: (shim, action, classes, error)
FAULTS = {
    "kill": ("disk", shims.KILL, shims.CHANGES | shims.SENDS, 0),
    "sync": ("disk", shims.FAIL, shims.SYNCS, errno.EIO),
    "EIO": ("disk", shims.FAIL, shims.WRITES | shims.SIZES | shims.NAMES, errno.EIO),
    "ENOSPC": ("disk", shims.FAIL, shims.WRITES | shims.SIZES | shims.NAMES, errno.ENOSPC),
    "EROFS": ("disk", shims.FAIL, shims.WRITES | shims.SIZES | shims.NAMES, errno.EROFS),
    "EINTR": ("disk", shims.FAIL, shims.WRITES, errno.EINTR),
    "short": ("disk", shims.SHORT, shims.WRITES, 0),
    "memory": ("memory", shims.FAIL, 1, errno.ENOMEM),
}
GOES_ON = "ENOSPC", "EROFS", "EINTR", "short"  # the daemon serves the whole script
ALL_DONE = "EINTR", "short"                    # and carries all of it out


class Calls(Scene):
    def __init__(self, options):
        self.options, self.rng = options, options.rng
        memory = os.access("/dev/shm", os.W_OK)
        self.folder = tempfile.mkdtemp(prefix="relief-calls-", dir="/dev/shm" if memory else None)
        self.data, self.socket_path = os.path.join(self.folder, "data"), os.path.join(self.folder, "s")
        self.whole = os.path.join(self.folder, "whole")
        name, self.action, self.classes, self.error = FAULTS[options.what]
        self.shim = shims.Shim(name, self.folder)
        if self.shim.missing:
            raise Missing(self.shim.missing)
        self.environment = dict(os.environ, RELIEF_PLANT=options.plant or "", **self.shim.environment)
        self.shim.page.folder = self.data.encode()
        config = os.path.join(self.folder, "conf")
        with open(config, "w") as file:
            file.write(CONFIG)
        program = os.path.join(BIN, "reliefd_planted" if options.plant else "reliefd")
        self.command = [program, "--data", self.data, "--listen", "unix:" + self.socket_path, "-c", config]
        self.process = None
        self.ends = {}
        self.acknowledged = self.unknown = self.refused = 0

    def start(self):
        self.process = Process(self.command, self.environment)
        return self.process.ready()

    def stop(self):
        code = self.process.end(signal.SIGTERM)
        self.process, process = None, self.process
        return code, process.said

    def prepare(self):
        """The folder that every N begins with: a world, and a next segment that is not made yet."""
        presume(self.start(), "no start without a fault", self.process.said)
        with Client(self) as client:
            world(client)
        code, said = self.stop()
        presume(code == 0, "no clean stop without a fault", said)
        os.rename(self.data, self.whole)

    def again(self):
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.whole, self.data)
        self.book, self.log = Journal(random.Random(self.options.seed)), check.Log()
        self.gone = None

    def script(self):
        """The commands one after the other, each a few of a kind so that batches have several. What the daemon has no room for, or
        leaves unanswered, is sent again until it is done; ends before that when the daemon does."""
        told, client, other = [], None, None
        deadline = time.monotonic() + DEADLINE
        try:
            other = Client(self)
            for number in range(self.options.commands):
                ops = [self.book.next() for _ in range(1 + number % 3)]
                if number % 20 == 10:
                    with contextlib.suppress(OSError):  # for want of memory it may be closed already
                        other.send_request("shortfall.list")  # the store is written
                while ops:
                    require(time.monotonic() < deadline, "not done in time:", self.options.what, len(told), self.book.not_now)
                    client = client or Client(self)
                    try:
                        self.group(client, ops, told)
                    except (EOFError, ConnectionError, BrokenPipeError) as lost:
                        self.gone = repr(lost)
                        client.close()
                        client = None
                    ops = [op for op in ops if not op.acknowledged()]
                    if ops and self.options.what == "kill":
                        return told, True
        except (ConnectionError, FileNotFoundError) as gone:  # nobody listens any more
            self.gone = repr(gone)
            return told, True
        finally:
            for connection in (client, other):
                if connection:
                    connection.close()
        return told, False

    def group(self, client, ops, told):
        acted = self.shim.page.acted
        for op in ops:
            if not op.acknowledged():
                self.book.unknown[op.key] = op
        client.send(b"".join(op.frame for op in ops))
        for op in ops:
            raw, message = self.answer(client)
            self.book.take(op, raw, message)
            told.append((op, message[2] is None, acted > 0))

    def answer(self, client):
        """The bytes of the next answer, and what they say."""
        while True:
            unpacker = journal.msgpack.Unpacker(raw=False)
            unpacker.feed(client.received)
            try:
                message = unpacker.unpack()
            except journal.msgpack.OutOfData:
                data = client.socket.recv(1 << 16)
                if not data:
                    raise EOFError("closed") from None
                client.received += data
                continue
            raw, client.received = client.received[:unpacker.tell()], client.received[unpacker.tell():]
            return raw, message

    def recover(self):
        """The next start, without a fault."""
        self.shim.disarm()
        require(self.start(), "the next start fails:", self.process.said[-800:])
        with Client(self) as client:
            self.log.read(client, self.book)
            check.note_cancels(self.log, self.book)
            check.check_everything(client, self.log, self.book)
            check.resolve(client, self.log, self.book, list(self.book.unknown.values()))
            check.check_everything(client, self.log, self.book)
        code, said = self.stop()
        require(code == 0, "the stop behind it was not clean:", said[-800:])
        check.require_check(self.data)

    def one(self, at):
        options = self.options
        self.again()
        started = self.began(at)
        told, gone = self.script() if started else ([], True)
        code = None
        if gone:
            code = self.process.end()
            self.process, self.said = None, self.process.said[-800:]
        acted = self.shim.page.acted
        self.judge(at, told, gone, code, acted)
        if not gone:
            self.shim.disarm()
            code, said = self.stop()
            clean = code == 0 or (code == 1 and b"id=21" in said and options.what in ("ENOSPC", "EROFS", "memory"))
            require(clean or acted, "no clean stop, and no fault:", code, said[-800:])
        self.recover()
        self.acknowledged += len(self.book.repeatable)
        return acted

    def began(self, at):
        arm = lambda: self.shim.arm(self.action, self.classes, at, error=self.error)
        if self.options.start:
            arm()
            return self.start()
        self.shim.disarm()
        presume(self.start(), "no start without a fault", self.process.said)
        arm()
        return True

    def judge(self, at, told, gone, code, acted):
        what = self.options.what
        end = (OK if not gone else "exit %d" % code) + ("" if acted else ", not reached")
        self.ends[end] = self.ends.get(end, 0) + 1
        self.refused += sum(1 for _, ok, _ in told if not ok)
        if gone and what == "kill":
            require(code == -signal.SIGKILL, "ended otherwise than by the kill:", code)
        elif gone:
            # 2: without memory for the configuration.
            require(code == 1 or (code == 2 and self.options.start), "at call %d the daemon ended with" % at, code, self.gone, self.said)
            # LMDB does without its pages, but not without the page that says which are in force.
            require(what not in GOES_ON or self.options.start or b"id=23" in self.said, "at call %d the daemon ended, and should go on" % at, self.said)
        if what in ("sync", "EIO"):
            late = [op.params for op, ok, after in told if ok and after]
            require(not late or not gone, "acknowledged after the fault at call %d:" % at, late[:3])
            require(what != "sync" or gone or not acted or self.options.start, "a sync failed at call %d, and the daemon goes on" % at)
        if what in ALL_DONE and not gone:
            require(all(ok for _, ok, _ in told), "refused, and nothing was wrong, at call", at)
            require(not self.gone, "a connection ended, and nothing was wrong, at call", at)
        require(gone or not self.book.unknown, "not done in the end, at call", at)

    def run(self):
        options = self.options
        self.prepare()
        self.again()
        if options.start:
            self.shim.arm(shims.COUNT, self.classes, 0)
            presume(self.start(), "no start without a fault")
            total = self.shim.page.calls
        else:
            presume(self.start(), "no start without a fault")
            self.shim.arm(shims.COUNT, self.classes, 0)
            told, gone = self.script()
            total = self.shim.page.calls
            require(not gone and all(ok for _, ok, _ in told), "the script fails without a fault")
        self.stop()
        done = acted = 0
        for at in range(1 + (self.rng.randrange(options.step) if options.step > 1 else 0), total + 1, options.step):
            acted += self.one(at) > 0
            done += 1
        if not acted:  # exit 3: with a plant this is not what the control looks for
            raise RuntimeError("no fault was met, of %d calls and %d tried: the suite looked at nothing" % (total, done))
        return ("what=%s start=%d calls=%d tried=%d acknowledged=%d refused=%d ends={%s} lost=0 doubled=0"
                % (options.what, options.start, total, done, self.acknowledged, self.refused,
                   ", ".join("%s: %d" % end for end in sorted(self.ends.items()))))


def run(options):
    with contextlib.closing(Calls(options)) as calls:
        return calls.run()


def add(parser):
    parser.add_argument("--what", choices=sorted(FAULTS), required=True)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--commands", type=int, default=60)
    parser.add_argument("--start", action="store_true")


if __name__ == "__main__":
    sys.exit(suite(__doc__, add, run))
