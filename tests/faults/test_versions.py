"""F26: programs of two generations on one data folder, up and down while clients work. Each start serves the same state, or refuses
with its reason and leaves the folder as it was; nothing that was acknowledged is lost or done twice.

    test_versions.py [--cycles N] [--old FOLDER] [--seed S] [--plant read-newer]

--old names a folder with another reliefd, or RELIEF_OLD_BIN; both programs then really are what they are. Without it the present
program is the old one, and the newer one the planted build of it that writes entries of the next generation.
"""
import hashlib
import os
import subprocess
import sys

from common import BIN, DEADLINE, Broken, Crowd, Missing, Planted, check, closing, presume, require, suite, world
from journal import Journal


def digest(folder):
    """Of everything that the log holds."""
    state = hashlib.blake2b()
    for name in sorted(os.listdir(os.path.join(folder, "log"))):
        with open(os.path.join(folder, "log", name), "rb") as file:
            state.update(name.encode() + file.read())
    return state.hexdigest()


class Programs:
    """One data folder; start(which) serves it or refuses."""

    def __init__(self, options):
        self.daemon = Planted(None, listen=())
        planted, old = os.path.join(BIN, "reliefd_planted"), options.old and os.path.join(options.old, "reliefd")
        for program in filter(None, (old,) if old else (planted,)):
            if not os.path.exists(program):
                raise Missing("%s isn't built" % program)
        if old:
            self.programs = {"old": (old, None), "new": (os.path.join(BIN, "reliefd"), None)}
        elif options.plant:
            self.programs = {"old": (planted, options.plant), "new": (planted, "newer")}
        else:
            self.programs = {"old": (os.path.join(BIN, "reliefd"), None), "new": (planted, "newer")}
        self.refused = self.served = 0

    def start(self, which):
        """True: it serves. False: it has refused, and nothing has changed."""
        daemon = self.daemon
        daemon.program, daemon.plant = self.programs[which]
        before = digest(daemon.data) if os.path.exists(daemon.data) else None
        try:
            daemon.start()
        except Broken:
            code = daemon.process.wait(DEADLINE)
            daemon.process.stderr.close()
            daemon.process = None
            said = " ".join(daemon.lines)
            require(code == 1, "a refusal ends with", code, daemon.lines[-3:])
            require("newer version" in said or "newer" in said, "a refusal does not say why:", daemon.lines[-3:])
            require(digest(daemon.data) == before, "a refused start has changed the log")
            self.refused += 1
            return False
        self.served += 1
        return True


class Book:
    """The journal and the log as seen so far, over all programs."""

    def __init__(self, rng):
        self.journal, self.log, self.dumps = Journal(rng), check.Log(), {}

    def work(self, options, daemon, answers):
        crowd = Crowd(options.rng, daemon.socket_path, 4, 5.0)
        crowd.book = self.journal
        for client in crowd.clients:
            client.book = self.journal
        with crowd:
            start = sum(crowd.answered())
            crowd.wait(lambda: sum(crowd.answered()) >= start + answers, "so many answers")
            if options.rng.random() < 0.5:
                daemon.kill()  # under load; the clients are told to end before they can come again
                crowd.stop_at.set()
        return crowd

    def look(self, client):
        self.log.read(client, self.journal)
        check.note_cancels(self.log, self.journal)
        check.check_everything(client, self.log, self.journal)


def run(options):
    programs = Programs(options)
    book = Book(options.rng)
    with closing(programs.daemon) as daemon:
        presume(programs.start("old"), "the old program does not start on nothing")
        with daemon.client() as client:
            world(client)
        which = "old"
        for cycle in range(2 * options.cycles):
            with daemon.client() as client:
                book.look(client)
                head = client.call("log.head")
            if cycle % 2 == 0 or options.load_new:
                work(options, book, daemon)
            if daemon.process:
                with daemon.client() as client:
                    head = client.call("log.head")
                require(daemon.stop() == 0, "the stop was not clean:", daemon.lines[-4:])
            else:
                head = None
            other = "new" if which == "old" else "old"
            if programs.start(other):
                which = other
            else:
                require(programs.start(which), "the program that served before does not any more")
            if head:
                with daemon.client() as client:
                    require(client.call("log.head") == head, "another head than when it was stopped:", client.call("log.head"), head)
        with daemon.client() as client:
            book.look(client)
            check.resolve(client, book.log, book.journal, list(book.journal.unknown.values()))
            check.check_everything(client, book.log, book.journal)
        require(daemon.stop() == 0, "the stop was not clean:", daemon.lines[-4:])
        if which == "old" or options.old:
            check.require_check(daemon.data)
        else:
            code, text = check.relief_check(daemon.data)
            require(code != 0 and "newer" in text, "relief check of the old version says of the new one's log:", code, text)
    presume(programs.refused or options.old, "no start was refused")
    return "F26 cycles=%d served=%d refused_with_reason=%d operations=%d lost=0 doubles=0" % (
        options.cycles, programs.served, programs.refused, len(book.journal.repeatable))


def work(options, book, daemon):
    crowd = book.work(options, daemon, options.answers)
    for client in crowd.clients:
        require(not client.failed or not daemon.process, "a client failed:", client.failed)


def arguments(parser):
    parser.add_argument("--cycles", type=int, default=50)
    parser.add_argument("--answers", type=int, default=300)
    parser.add_argument("--old", default=os.environ.get("RELIEF_OLD_BIN"))
    parser.add_argument("--load-new", type=int, default=1, help="0: the newer program writes nothing")


if __name__ == "__main__":
    sys.exit(suite("F26", arguments, run))
