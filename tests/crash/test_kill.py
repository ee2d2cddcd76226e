"""kill -9 at a random moment under load, again and again on the same data folder.

    test_kill.py [--cycles N] [--seed S] [--connections C] [--plant LIE]

Each cycle starts the daemon, compares what it holds with the journal, repeats unknown and acknowledged operations, loads it
over many connections and kills it. Every tenth start is itself killed before it is over. --plant tells the test a lie, or has
the log lose what was acknowledged; then the test must fail, else it can't find anything. Exit 0: held; 1: a promise broken;
3: the test itself is at fault (with --plant 0, so that a control that fails for another reason is noticed).
"""
import argparse
import os
import random
import subprocess
import sys
import time
import traceback

import check
import segments
from journal import Broken, Journal, Load, Op, require
from harness import BIN, Daemon, world

CHECK_EVERY = 20
OLD_SAMPLE = 300  # acknowledged operations of earlier cycles that are looked at in each


def config(daemon, rng):
    """Small segments, so that kills hit the change from one to the next; now and then of another size."""
    path = os.path.join(daemon.folder, "conf")
    with open(path, "w") as file:
        file.write("[data]\nsegment_mib = %d\n" % rng.choice((1, 1, 1, 2)))
    daemon.args = ["-c", path]


def start_and_kill(daemon, rng, longest):
    """A start that is killed on its way."""
    process = subprocess.Popen([os.path.join(BIN, "reliefd"), "--data", daemon.data, "--listen", "unix:" + daemon.socket_path]
                               + daemon.args, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(rng.random() * longest)
    except subprocess.TimeoutExpired:
        process.kill()
    process.wait()


def lose(daemon, acknowledged):
    """Wipes the log from entry `acknowledged` on, as if it had been acknowledged without a sync and the power had failed."""
    for path in segments.paths(daemon.data):
        for record in segments.records(path):
            if record.seq >= acknowledged:
                segments.overwrite(path, record.offset, bytes(record.bytes))


class Run:
    def __init__(self, options):
        self.options = options
        self.rng = random.Random(options.seed)
        self.journal = Journal(self.rng)
        self.log = check.Log()
        self.daemon = Daemon(listen=())
        self.starts, self.unknown, self.done, self.killed_starts, self.checks = [], 0, 0, 0, 0

    def start(self):
        config(self.daemon, self.rng)
        if self.starts and self.rng.random() < 0.1:
            start_and_kill(self.daemon, self.rng, 2 * sorted(self.starts)[len(self.starts) // 2])
            self.killed_starts += 1
        self.daemon.lines.clear()
        began = time.monotonic()
        try:
            self.daemon.start()
        except AssertionError as failed:
            raise Broken(str(failed)) from None
        self.starts.append(time.monotonic() - began)

    def check(self, everything):
        journal, log, rng = self.journal, self.log, self.rng
        with self.daemon.client() as client:
            log.read(client, journal)
            check.note_cancels(log, journal)
            if everything:
                check.check_everything(client, log, journal)
            else:
                acknowledged = journal.repeatable[self.seen:]
                old = rng.sample(journal.repeatable[:self.seen], min(OLD_SAMPLE, self.seen))
                check.check_log(log, journal, acknowledged + old)
                check.check_requests(client, log, journal, [op for op in acknowledged + old + list(journal.unknown.values())
                                                            if op.method == "request.submit"])
                check.check_totals(client, log)
            # Half of the unknown ones now, the others are repeated under load, or later.
            unknown = [op for op in journal.unknown.values() if everything or rng.random() < 0.5]
            self.done += check.resolve(client, log, journal, unknown)
            check.repeat(client, log, journal, rng.sample(journal.repeatable, min(100, len(journal.repeatable))))
        self.seen = len(journal.repeatable)

    def load_and_kill(self):
        load = Load(self.journal, self.daemon.socket_path, self.options.connections, 8)
        load.run(self.rng.randint(1, 1500))
        spin = time.monotonic() + self.rng.random() * 0.002
        while time.monotonic() < spin:
            pass
        require(self.daemon.kill() == -9, "the daemon ended by itself:", self.daemon.lines[-5:])
        self.unknown += load.drain()

    def plant(self):
        lie, journal = self.options.plant, self.journal
        if lie == "forget":
            del journal.ops[journal.repeatable.pop().key]
        elif lie == "claim":
            op = Op(journal.count + 1, "request.submit", dict(journal.submit().params, id="never-sent"), ("request", "never-sent"))
            op.digest, op.seq, op.covered = b"", self.log.seq + 1, 0
            journal.ops[op.key] = op
            journal.repeatable.append(op)
        elif lie == "lose":
            lose(self.daemon, max(op.seq for op in journal.repeatable))

    def run(self):
        options = self.options
        for cycle in range(options.cycles):
            if cycle % CHECK_EVERY == CHECK_EVERY // 2:  # the folder as the kill left it
                check.require_check(self.daemon.data)
                self.checks += 1
            self.start()
            if cycle == 0:
                with self.daemon.client() as client:
                    world(client)
                self.seen = 0
            self.check(cycle > 0 and cycle % CHECK_EVERY == 0)
            if cycle > 0 and cycle % CHECK_EVERY == 0:  # beside the running daemon
                check.require_check(self.daemon.data)
                self.checks += 1
            self.load_and_kill()
            if cycle == options.cycles // 2:
                self.plant()
        self.start()
        self.check(True)
        self.check(True)  # now nothing is unknown
        require(not self.journal.unknown, "still unknown:", len(self.journal.unknown))
        require(self.daemon.stop() == 0, "the stop was not clean:", self.daemon.lines[-5:])
        check.require_check(self.daemon.data)
        self.checks += 1

    def figures(self):
        starts = sorted(self.starts)
        at = lambda share: 1000 * starts[min(len(starts) - 1, int(share * len(starts)))]
        return ("seed=%d cycles=%d killed_starts=%d acknowledged=%d unknown=%d unknown_were_done=%d entries=%d checks=%d "
                "restart_ms p50=%.0f p99=%.0f max=%.0f"
                % (self.options.seed, self.options.cycles, self.killed_starts, len(self.journal.repeatable), self.unknown,
                   self.done, self.log.seq, self.checks, at(0.5), at(0.99), starts[-1] * 1000))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--plant", choices=("forget", "claim", "lose"))
    options = parser.parse_args()
    print("seed=%d" % options.seed, flush=True)
    run = Run(options)
    try:
        run.run()
        code = 0
    except Broken as broken:
        print("BROKEN: %s" % broken)
        code = 1
    except Exception:
        traceback.print_exc()
        code = 0 if options.plant else 3
    finally:
        if run.starts:
            print(run.figures())
        run.daemon.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
