"""The daemon is ended under load, thousands of times, and what it holds is compared with what it said.

    test_cuts.py --how kill|power|torn|loose [--cycles N] [--seed S] [--answers N] [--world N] [--plant NAME]

kill: SIGKILL at a random moment. power: the file system under the data folder is shut down without its journal being
flushed, then mounted again. torn, loose: disk_shim.c cuts at a random write or sync, see there. In one cycle of ten the
start itself is cut.

Each cycle reads the new entries of the log with their hashes: what was acknowledged since is there, once, under its
number; what was unanswered is sent again and is there once. Every --world cycles everything is compared, `relief check` looks
at the folder, and a new one begins, so that cycles stay short and a long run needs no more memory than a short one.
"""
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))

import check
import journal
import shim as shims
from common import Missing, percentile, suite
from harness import BIN, DEADLINE, Client, world
from journal import NOT_NOW, Journal, Load, presume, require
from volume import NoVolume, Volume

AFTER_CUT = NOT_NOW + ("INTERNAL",)  # between the cut of the disk and the kill nothing can be read
CONFIG = "[data]\nsegment_mib = 1\n[sandbox]\nlandlock = off\nseccomp = off\n"


class Process:
    """One start of the daemon, without a thread for its lines: nobody waits for one but the ready line."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        self.said = b""

    def ready(self):
        deadline = time.monotonic() + DEADLINE
        fd = self.process.stderr.fileno()
        while b"\nready " not in b"\n" + self.said:
            require(select.select([fd], [], [], max(0, deadline - time.monotonic()))[0], "the daemon does not become ready:", self.said)
            data = os.read(fd, 65536)
            if not data:
                return False
            self.said += data
        return True

    def end(self, signo=None):
        """Exit code, and everything that it said."""
        if signo and self.process.poll() is None:
            self.process.send_signal(signo)
        try:
            code = self.process.wait(DEADLINE)  # it says less than the pipe holds
        except subprocess.TimeoutExpired:
            self.process.kill()
            require(False, "the daemon does not end:", self.said, self.process.stderr.read()[-600:])
        rest = self.process.stderr.read()
        self.process.stderr.close()
        self.said += rest
        return code


class Scene:
    """A folder, and one daemon at a time on it."""

    process = None

    def kill(self):
        if self.process and self.process.process.poll() is None:
            self.process.process.kill()
            self.process.end()

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Cuts(Scene):
    def __init__(self, options):
        self.options, self.rng = options, options.rng
        # What is cut here is not the disk, but by power: then the folder may lie in memory, where syncs take no time.
        memory = options.how != "power" and os.access("/dev/shm", os.W_OK)
        self.folder = tempfile.mkdtemp(prefix="relief-cuts-", dir="/dev/shm" if memory else None)
        self.volume = self.shim = self.process = None
        self.starts, self.acknowledged, self.unknown, self.done, self.entries = [], 0, 0, 0, 0
        self.cycles = self.cut_starts = self.worlds = 0
        self.loaded = 0.0
        self.calls = 200.0  # of a load, as it was of late
        try:
            if options.how == "power":
                self.volume = Volume(self.folder, 96)
            home = self.volume.path if self.volume else self.folder
        except NoVolume as error:
            self.close()
            raise Missing(str(error)) from None
        self.data, self.socket_path = os.path.join(home, "data"), os.path.join(self.folder, "s")
        # Without its disk the daemon may have ended by itself before the kill.
        self.codes = (-signal.SIGKILL, 1) if options.how == "power" else (-signal.SIGKILL,)
        self.environment = dict(os.environ, RELIEF_PLANT=options.plant or "")
        if options.how in ("torn", "loose"):  # the cut shortens a file that another thread reads by mmap, before it kills
            self.codes += (-signal.SIGBUS,)
        if options.how in ("torn", "loose"):
            self.shim = shims.Shim("disk", self.folder)
            if self.shim.missing:
                raise Missing(self.shim.missing)
            self.environment.update(self.shim.environment)
            self.shim.page.folder = self.data.encode()
            self.shim.page.track = 1
        config = os.path.join(self.folder, "conf")
        with open(config, "w") as file:
            file.write(CONFIG)
        program = os.path.join(BIN, "reliefd_planted" if options.plant else "reliefd")
        self.command = [program, "--data", self.data, "--listen", "unix:" + self.socket_path, "-c", config]

    # ---- a world ----

    def begin(self):
        shutil.rmtree(self.data, ignore_errors=True)
        self.book, self.log, self.seen = Journal(self.rng), check.Log(), 0
        self.worlds += 1
        self.start()
        with Client(self) as client:
            world(client)

    def start(self):
        began = time.monotonic()
        self.process = Process(self.command, self.environment)
        if not self.process.ready():
            code = self.process.end()
            said = require if self.starts else presume
            said(False, "the daemon does not start:", code, self.process.said[-600:])
        self.starts.append(time.monotonic() - began)

    def check(self, everything):
        book, log = self.book, self.log
        with Client(self) as client:
            log.read(client, book)
            check.note_cancels(log, book)
            check.check_log(log, book, book.repeatable[self.seen:])
            unknown = list(book.unknown.values())
            self.done += check.resolve(client, log, book, unknown)
            check.repeat(client, log, book, self.rng.sample(book.repeatable, min(5, len(book.repeatable))))
            if everything:
                check.check_everything(client, log, book)
        self.seen = len(book.repeatable)

    def finish(self):
        """The end of a world: everything is looked at, and `relief check` at what a clean stop leaves."""
        self.check(True)
        require(self.process.end(signal.SIGTERM) == 0, "the stop was not clean:", self.process.said[-600:])
        check.require_check(self.data)
        self.acknowledged += len(self.book.repeatable)
        self.entries += self.log.seq
        self.process = None

    # ---- a cut ----

    def load(self):
        load = Load(self.book, self.socket_path, self.options.connections, self.options.depth)
        with Client(self) as other:
            if self.rng.random() < 0.25:
                other.send_request("shortfall.list")  # has the store written while the load goes on
            began = time.monotonic()
            if self.shim:
                self.arm(load)
            else:
                load.run(self.rng.randint(1, self.options.answers))
                self.cut()
            self.loaded += time.monotonic() - began
            self.unknown += load.drain()
            journal.NOT_NOW = NOT_NOW
        code = self.process.end()
        if self.shim:
            self.shim.disarm()  # it may have cut between the look and the second arming, which the next start would meet
        require(code in self.codes, "the daemon ended by itself:", code, self.process.said[-600:])

    def arm(self, load):
        """The shim cuts at one of the calls that such a load makes; when it made fewer, at the next one."""
        classes = shims.SYNCS if self.options.how == "loose" else shims.WRITES | shims.SYNCS
        action = shims.LOOSE if self.options.how == "loose" else shims.TORN
        self.shim.arm(action, classes, self.rng.randint(1, max(2, int(self.calls))), seed=self.rng.getrandbits(64))
        load.run(self.options.answers)
        self.calls += (self.shim.page.calls - self.calls) / 50 if not self.shim.page.acted else 0.2
        if not self.shim.page.acted:
            self.shim.arm(action, classes, 1, seed=self.rng.getrandbits(64))
            load.run(1 << 30)

    def cut(self):
        if self.volume:
            self.volume.cut()
            journal.NOT_NOW = AFTER_CUT
        self.process.process.kill()

    def cut_start(self):
        """A start that does not come to its end."""
        self.cut_starts += 1
        if self.shim:
            loose = self.options.how == "loose"
            self.shim.arm(shims.LOOSE if loose else shims.TORN, shims.CHANGES, self.rng.randint(1, 40), seed=self.rng.getrandbits(64))
        process = Process(self.command, self.environment)
        if not self.shim:
            typical = percentile(self.starts, 0.5)
            select.select([process.process.stderr], [], [], self.rng.random() * 1.5 * typical)
            self.process = process
            self.cut()
        elif process.ready():  # it made fewer calls than that
            self.shim.disarm()
            process.process.kill()
        code = process.end()
        require(code in self.codes, "a start ended by itself:", code, process.said[-600:])
        if self.shim:
            self.shim.disarm()

    def remount(self):
        if self.volume:
            self.volume.unmount()
            self.volume.mount()

    def run(self):
        options = self.options
        while self.cycles < options.cycles:
            self.begin()
            for _ in range(min(options.world, options.cycles - self.cycles)):
                self.load()
                self.remount()
                if self.rng.random() < 0.1:
                    self.cut_start()
                    self.remount()
                self.start()
                self.check(False)
                self.cycles += 1
            self.finish()

    def figures(self):
        ms = lambda share: 1000 * percentile(self.starts, share)
        return ("how=%s cycles=%d cut_starts=%d worlds=%d acknowledged=%d unknown=%d unknown_were_done=%d entries=%d lost=0 doubled=0 "
                "acknowledged_per_s_of_load=%.0f restart_ms p50=%.0f p99=%.0f max=%.0f"
                % (self.options.how, self.cycles, self.cut_starts, self.worlds, self.acknowledged, self.unknown, self.done, self.entries,
                   self.acknowledged / self.loaded if self.loaded else 0, ms(0.5), ms(0.99), ms(1)))

    def close(self):
        self.kill()
        if self.volume:
            self.volume.close()
        super().close()


def run(options):
    cuts = Cuts(options)
    began = time.monotonic()
    try:
        cuts.run()
        return cuts.figures() + " cycles_per_s=%.1f" % (cuts.cycles / (time.monotonic() - began))
    except Exception:
        print("after %d cycles, %d acknowledged in this world" % (cuts.cycles, len(cuts.book.repeatable)))
        raise
    finally:
        cuts.close()


def add(parser):
    parser.add_argument("--how", choices=("kill", "power", "torn", "loose"), required=True)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--world", type=int, default=200, help="cycles on one data folder")
    parser.add_argument("--answers", type=int, default=200, help="of one load, at most")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--depth", type=int, default=4)


if __name__ == "__main__":
    sys.exit(suite(__doc__, add, run))
