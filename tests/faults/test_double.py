"""F25: two daemons on one data folder. The second ends at once with exit code 1 and says why; the first notices nothing. Started at
the same moment, one of them serves and the other one ends.

    test_double.py [--times N] [--seed S] [--plant no-lock]
"""
import os
import subprocess
import sys
import time

from common import BIN, DEADLINE, Planted, Broken, closing, percentile, require, suite, world
import check


class Second:
    """The other daemon, on the same data and a socket of its own."""

    def __init__(self, first):
        self.socket_path = os.path.join(first.folder, "second")
        command = [self.socket_path if word == "unix:" + first.socket_path else word for word in first.command()]
        command = [("unix:" + word) if word == self.socket_path else word for word in command]
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=first.environment())

    def first_words(self):
        """(ready, lines): what it says until it serves or ends."""
        lines = []
        for line in self.process.stderr:
            lines.append(line.rstrip("\n"))
            if line.startswith("ready "):
                return True, lines
        return False, lines

    def refused(self):
        ready, lines = self.first_words()
        if ready:
            self.close()
            raise Broken("two daemons serve one data folder")
        code = self.process.wait(DEADLINE)
        took = time.monotonic() - self.began
        require(code == 1, "the second ended with", code, lines)
        require(any("busy" in line.lower() or "in use" in line.lower() or "another" in line.lower() for line in lines),
                "the second does not say why:", lines)
        self.process.stderr.close()
        return took

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


def behind(first):
    """The second comes when the first serves."""
    with first.client() as client:
        before = client.call("log.head"), client.dump().digest
        took = Second(first).refused()
        require((client.call("log.head"), client.dump().digest) == before, "the second changed something")
        client.call("stock.receive", city="330100", kind="4030101", lot="x", quantity=1)
    return took


def together(first):
    """Both at once: a race for the folder."""
    first.stop()
    second = Second(first)
    process = subprocess.Popen(first.command(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=first.environment())
    other = object.__new__(Second)
    other.process, other.began = process, second.began
    both = second, other
    try:
        # Each says `ready`, or nothing more: reading one to its first words does not hinder the other.
        ready = [one.first_words()[0] for one in both]
        require(sum(ready) == 1, "of two started at once so many serve:", sum(ready))
        loser = both[ready.index(False)]
        require(loser.process.wait(DEADLINE) == 1, "the one that lost ended with", loser.process.returncode)
        winner = both[ready.index(True)]
        winner.process.terminate()
        winner.process.stderr.read()
        require(winner.process.wait(DEADLINE) == 0, "the one that won did not stop cleanly:", winner.process.returncode)
    finally:
        for one in both:
            one.close()
    first.start()


def run(options):
    times = []
    with closing(Planted(options.plant, listen=())) as daemon:
        daemon.start()
        with daemon.client() as client:
            world(client)
        for n in range(options.times):
            if n % 4 == 3:
                together(daemon)
            else:
                times.append(behind(daemon))
        daemon.end()
    return "F25 starts=%d refused=%d races=%d refused_after_ms p50=%.0f max=%.0f" % (
        options.times, len(times), options.times - len(times), 1000 * percentile(times, 0.5), 1000 * max(times))


if __name__ == "__main__":
    sys.exit(suite("F25", lambda parser: parser.add_argument("--times", type=int, default=100), run))
