"""F21: the wall clock jumps by an hour or a year, both ways, or runs 60 times too fast. Times never fall, nothing ends before its
time, the daemon says what it sees, and once the clock is right again, or confirmed, all goes on.

    test_clock.py [--jumps N] [--seed S] [--plant believe-clock]
"""
import os
import sys

from common import Missing, Planted, closing, require, suite
from deadlines import Reader, ask, prepare
from harness import CLOCK_SHIM, Refused

HOUR = 3600 * 1000
YEAR = 365 * 24 * HOUR


class Jumps:
    def __init__(self, daemon, client, rng):
        self.daemon, self.client, self.rng = daemon, client, rng
        self.wall = self.boot = 0
        self.count = self.confirmed = 0
        self.reader = Reader()

    def turn(self, wall=0, boot=0):
        """Time goes on, truly by `boot` and on the wall by `wall`; the timers run."""
        self.wall += wall
        self.boot += boot
        self.daemon.move_clock(self.wall, self.boot, self.boot)
        self.client.call("server.ping")
        self.client.call("server.ping")
        return self.client.call("server.info")

    def asked(self):
        return {item["id"] for item in self.client.items("dispatch.list", state="asked", limit=1000)}

    def jump(self):
        rng, client, n = self.rng, self.client, self.count
        self.count += 1
        for k in range(3):
            ask(client, "j%d-%d" % (n, k), rng.choice((30, 60, 120)), rng.choice((None, 2 * HOUR)))
        waiting = self.asked()
        before = client.call("server.info")
        require(before["clock"] == "right", "the clock is called", before["clock"], "before the jump")
        by = rng.choice((-YEAR, -HOUR, HOUR, YEAR, "x60"))
        if by == "x60":
            for _ in range(60):
                info = self.turn(wall=6000, boot=100)
            by, passed = 60 * 5900, 6000
        else:
            info, passed = self.turn(wall=by), 0
        info = self.turn(wall=1100, boot=1100)  # the timers' next look
        passed += 1100
        # What is called held or behind, by how much, and where T is
        require(info["clock"] == ("held" if by > 0 else "behind"), "after a jump of", by, "the clock is called", info["clock"])
        require(abs(info["clock_off_ms"] - by) < 60000 + 10000, "off by", info["clock_off_ms"], "after a jump of", by)
        limit = before["time"] + passed + 60000 + 10000
        require(before["time"] <= info["time"] <= limit, "T moved by", info["time"] - before["time"], "in a jump of", by)
        name = "during%d" % n
        ask(client, name)
        self.reader.read(client)
        require(self.reader.time <= limit + 10000, "an entry stands at a time that nobody confirmed:", self.reader.time - before["time"])
        require(self.asked() == waiting | {name + "/1"}, "legs ended in a jump of %d:" % by, sorted(waiting - self.asked())[:5])
        self.heal(by, info)
        for leg in self.asked():
            client.call("dispatch.decline", id=leg, reason="next")

    def heal(self, by, info):
        if by == HOUR and self.rng.random() < 0.5:
            self.client.call("clock.confirm", time=info["time"] + info["clock_off_ms"])
            self.wall, self.boot = self.wall, self.boot
            self.confirmed += 1
            info = self.turn(wall=1100, boot=1100)
            late = self.reader.read(self.client).overdue(info["time"])
            require(not late, "confirmed, and still waiting long after their time:", late[:5])
        else:
            try:
                self.client.call("clock.confirm", time=info["time"])
            except Refused as refused:  # it is not the wall clock, or there is nothing to confirm
                require(refused.code in ("BAD_PARAMS", "BAD_STATE"), "refused with", refused.error)
            else:
                require(by < 0, "a time that is not the wall clock's was confirmed")
            info = self.turn(wall=-by)
            if info["clock"] == "behind":
                info = self.turn(wall=70000, boot=70000)  # what T went ahead, within its 60 s
        require(info["clock"] == "right", "set right, and the clock is called", info["clock"], info["clock_off_ms"])
        self.reader.read(self.client)


def run(options):
    if not os.path.exists(CLOCK_SHIM):
        raise Missing("the library that moves the clocks isn't built")
    with closing(Planted(options.plant, clock=True)) as daemon:
        daemon.start()
        with daemon.client() as client:
            prepare(client)
            jumps = Jumps(daemon, client, options.rng)
            for _ in range(options.jumps):
                jumps.jump()
        daemon.end()
    return "F21 jumps=%d confirmed=%d entries=%d wrong=0" % (options.jumps, jumps.confirmed, jumps.reader.seq)


if __name__ == "__main__":
    sys.exit(suite("F21", lambda parser: parser.add_argument("--jumps", type=int, default=200), run))
