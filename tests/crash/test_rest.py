"""A data folder at rest is changed: a bit flips, anywhere or in LMDB's branches, a file is cut short, files of yesterday come back.

    test_rest.py --what flip|tree|cut|rollback [--cases N] [--plant NAME]

Then the daemon is started and asked for everything. Allowed: it refuses to start, or ends, or answers with an error, and names what is
wrong; `relief check` finds it; or every answer is what it was. Never: another answer, and nobody says anything. Yesterday's
log, with or without yesterday's store, beside the evidence of today is refused; a whole folder of yesterday says nothing of itself,
that takes a witness (relief-audit).
"""
import contextlib
import hashlib
import os
import random
import re
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))

import check
import pages
import segments
from common import suite
from harness import BIN, Client, Refused, world
from journal import Journal, Load, presume, require
from test_cuts import CONFIG, Process, Scene

OPTIONAL = "lock", "log/next.seg", "store/lock.mdb"  # of which nothing is read
STORE = "store/data.mdb"
SHOWN = [name.encode() for name in ("浙江", "杭州", "宁波", "温州", "帐篷", "棚布")]  # of world(): each is answered, from the store
AIMED = 0.3  # of the flips; the others are anywhere, and few of them meet what is read


class Rest(Scene):
    def __init__(self, options):
        self.options, self.rng = options, options.rng
        memory = os.access("/dev/shm", os.W_OK)
        self.folder = tempfile.mkdtemp(prefix="relief-rest-", dir="/dev/shm" if memory else None)
        self.data, self.socket_path = os.path.join(self.folder, "data"), os.path.join(self.folder, "s")
        self.whole, self.old = os.path.join(self.folder, "whole"), os.path.join(self.folder, "old")
        config = os.path.join(self.folder, "conf")
        with open(config, "w") as file:
            file.write(CONFIG)
        self.environment = dict(os.environ, RELIEF_PLANT=options.plant or "")
        program = os.path.join(BIN, "reliefd_planted" if options.plant else "reliefd")
        self.command = [program, "--data", self.data, "--listen", "unix:" + self.socket_path, "-c", config]
        self.ends = {}
        self.process = None

    def start(self):
        self.process = Process(self.command, self.environment)
        return self.process.ready()

    def stop(self, signo=signal.SIGTERM):
        code = self.process.end(signo)
        self.process, said = None, self.process.said
        return code, said.decode(errors="replace")

    def load(self, answers):
        load = Load(self.book, self.socket_path, 8, 4)
        load.run(answers)
        load.finish()

    def prepare(self):
        """Today's folder, and yesterday's."""
        self.book = Journal(self.rng, source=200 * "s")
        presume(self.start(), "no start", self.process.said)
        with Client(self) as client:
            world(client)
        self.load(300)
        presume(self.stop()[0] == 0, "no clean stop")
        shutil.copytree(self.data, self.old)
        presume(self.start(), "no start", self.process.said)
        self.load(300)
        self.answers = self.ask()
        presume(self.stop()[0] == 0, "no clean stop")
        os.rename(self.data, self.whole)
        self.files = [name for name in self.names(self.whole) if name not in OPTIONAL]
        with open(os.path.join(self.whole, STORE), "rb") as file:
            store = file.read()
        self.branches = pages.branch_bytes(store)
        presume(self.branches, "the store has no branch page")
        self.shown = [match.start() + at for name in SHOWN for match in re.finditer(re.escape(name), store) for at in range(len(name))]
        presume(self.shown, "no name stands in the store")

    def names(self, folder):
        return sorted(os.path.relpath(os.path.join(path, name), folder) for path, _, files in os.walk(folder) for name in files)

    def ask(self):
        """A digest of everything that can be asked for; None when an answer was an error."""
        digest = hashlib.blake2b()
        with Client(self) as client:
            for table in ("request.list", "stock.list", "region.list", "city.list", "kind.list", "dispatch.list"):
                for item in client.items(table, limit=10000):
                    digest.update(repr(item).encode())
            log = check.Log()
            log.read(client, self.book)
            digest.update(log.hash.encode())
            digest.update(repr(client.call("proof.inclusion", seq=1 + log.seq // 2, size=log.seq)).encode())
        return digest.hexdigest()

    # ---- what is done to it ----

    def flip(self):
        if self.rng.random() < AIMED:
            offset = self.rng.choice(self.shown)
            segments.flip(os.path.join(self.data, STORE), offset, self.rng.randrange(8))
            return "%s, a bit of byte %d, in a name" % (STORE, offset), STORE
        name = self.rng.choice([name for name in self.files if os.path.getsize(os.path.join(self.whole, name)) > 0])
        path = os.path.join(self.data, name)
        size = os.path.getsize(path)
        if name.startswith("log/"):  # where there is something
            size = max([segments.HEADER] + [record.offset + record.bytes for record in segments.records(path)])
        offset = self.rng.randrange(size)
        segments.flip(path, offset, self.rng.randrange(8))
        return "%s, a bit of byte %d" % (name, offset), name

    def tree(self):
        """LMDB has no checksums, and such a bit can hide records from whoever looks for them."""
        offset = self.rng.choice(self.branches)
        segments.flip(os.path.join(self.data, STORE), offset, self.rng.randrange(8))
        return "%s, a bit of byte %d, in a branch" % (STORE, offset), STORE

    def cut(self):
        name = self.rng.choice([name for name in self.files if os.path.getsize(os.path.join(self.whole, name)) > 0])
        path = os.path.join(self.data, name)
        size = self.rng.randrange(os.path.getsize(path))
        os.truncate(path, size)
        return "%s, cut to %d bytes" % (name, size), name

    def rollback(self):
        parts = self.rng.choice((["log"], ["log", "store"]))
        for part in parts:
            shutil.rmtree(os.path.join(self.data, part))
            shutil.copytree(os.path.join(self.old, part), os.path.join(self.data, part))
        return "yesterday's " + " and ".join(parts), parts[0]

    # ---- what comes of it ----

    def one(self):
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.whole, self.data)
        what, name = getattr(self, self.options.what)()
        code, text = check.relief_check(self.data)
        require(code in (0, 1, 4), "relief check ended with", code, what, text[-300:])
        found = code != 0
        end = self.served(what)
        require(end != "other answers", "other answers than before, and the daemon says nothing:", what, text[-200:])
        if self.options.what == "rollback":
            require(end == "refused", "a rollback was accepted:", what)
        require(end != "refused" or self.named, "refused, and nothing is named:", what)
        if not found and end == "same":
            end = "same, and nothing is found"
        self.ends[end] = self.ends.get(end, 0) + 1

    def served(self, what):
        """What a start and every question come to."""
        ready = self.start()
        if not ready:
            code, said = self.stop(None)
            require(code == 1, "a start ended with", code, what, said[-600:])
            self.named = "error=" in said or "what=" in said
            return "refused"
        try:
            end = "same" if self.ask() == self.answers else "other answers"
        except Refused as refused:
            end = "an error is answered"
            require(refused.code in ("INTERNAL", "NOT_FOUND"), "another error:", refused.code, what)
        except UnicodeDecodeError:  # in a text of an answer
            end = "other answers"
        except (EOFError, OSError, AssertionError, TypeError):
            end = "ended when it was read"
        self.named = True
        code, said = self.stop()
        require(code in (0, 1), "ended with", code, what, said[-600:])
        require(end != "ended when it was read" or code == 1, "a connection was closed:", what, said[-300:])
        return "told at the start, then " + end if end == "other answers" and "damaged" in said else end

    def run(self):
        self.prepare()
        for case in range(self.options.cases):
            self.one()
        return ("what=%s cases=%d silent=0 accepted=0 files=%d ends={%s}"
                % (self.options.what, self.options.cases, len(self.files),
                   ", ".join("%s: %d" % end for end in sorted(self.ends.items()))))


def run(options):
    with contextlib.closing(Rest(options)) as rest:
        return rest.run()


def add(parser):
    parser.add_argument("--what", choices=("flip", "tree", "cut", "rollback"), required=True)
    parser.add_argument("--cases", type=int, default=100)


if __name__ == "__main__":
    sys.exit(suite(__doc__, add, run))
