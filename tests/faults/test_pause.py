"""F20: the daemon is stopped and goes on. Nothing ends before its time, what is due ends then, and no connection is closed for what
it could not do while the daemon stood still.

    test_pause.py [--pauses N] [--real N] [--seed S] [--plant count-twice | late-deadline]

Of the pauses most are made by moving all of the daemon's clocks while it is stopped; --real of them take their time.
"""
import os
import re
import signal
import sys
import time

from common import DEADLINE, Missing, Planted, closing, presume, require, suite
from deadlines import Reader, ask, prepare
from harness import CLOCK_SHIM, NINGBO, KIND, request


def stopped(daemon):
    """SIGSTOP, and until all of its threads stand still."""
    daemon.process.send_signal(signal.SIGSTOP)
    until = time.monotonic() + DEADLINE
    tasks = "/proc/%d/task" % daemon.process.pid
    while time.monotonic() < until:
        states = []
        for task in os.listdir(tasks):
            with open(os.path.join(tasks, task, "stat")) as stat:
                states.append(stat.read().rpartition(")")[2].split()[0])
        if all(state == "T" for state in states):
            return
    raise AssertionError("the daemon does not stop")


class Pauses:
    def __init__(self, options, daemon):
        self.options, self.rng, self.daemon = options, options.rng, daemon
        self.moved = self.count = self.longest = 0
        self.reader = Reader()
        self.idle = [daemon.client("tcp") for _ in range(4)]

    def pause(self, client, real):
        """Half a frame, a command and an accept meet it."""
        rng, n, daemon = self.rng, self.count, self.daemon
        self.count += 1
        length = rng.choice((rng.randint(100, 2000), rng.randint(2000, 30000), rng.randint(30000, 90000)))
        record = ask(client, "p%d" % n, rng.choice((1, 1, 5, 60)), rng.choice((None, 45000, 600000)))
        answer_by = client.call("dispatch.get", id="p%d/1" % n)["answer_by"]
        frame = request(7, "stock.receive", {"city": NINGBO, "kind": KIND, "lot": "p", "quantity": 1, "op": "half%d" % n})
        cut = rng.randrange(1, len(frame))
        with daemon.client("tcp") as half, daemon.client() as other:
            half.send(frame[:cut])
            other.call("server.ping")  # the half has been looked at
            stopped(daemon)
            try:
                if real:
                    length = min(length, self.options.longest)
                    time.sleep(length / 1000)  # the pause itself
                else:
                    self.moved += length
                    daemon.move_clock(self.moved, self.moved, self.moved)
                half.send(frame[cut:])
                other.send(request(8, "dispatch.accept", {"id": "p%d/1" % n}))
            finally:
                daemon.process.send_signal(signal.SIGCONT)
            self.longest = max(self.longest, length)
            answer = half.answer()
            require(answer is not None and answer[2] is None, "a frame that was under way was not taken after a pause of ms:", length, answer)
            self.accepted(other.answer(), record, answer_by, client)
        self.after(client)

    def accepted(self, answer, record, answer_by, client):
        """The donor said yes while the daemon stood still: it counts when the time had not passed."""
        time_now = client.call("server.info")["time"]
        by = min(t for t in (answer_by, record["needed_by"]) if t is not None)
        if answer[2] is None:
            require(answer[3]["state"] == "committed", "accepted, and", answer[3]["state"])
        else:
            require(answer[2]["code"] == "BAD_STATE", "the accept was refused with", answer[2])
            require(time_now >= by, "refused as too late, too early:", by, time_now)

    def after(self, client):
        """The timers have run: their clock is moved on by a second."""
        self.moved += 1100
        self.daemon.move_clock(self.moved, self.moved, self.moved)
        client.call("server.ping")
        client.call("server.ping")
        info = client.call("server.info")
        require(info["clock"] == "right", "the clock is called", info["clock"], "after a pause")
        self.reader.read(client)
        ahead = info["time"] - (time.time_ns() // 1000000 + self.moved)
        require(ahead < 1000, "time is ahead of the wall clock by ms:", ahead)
        late = self.reader.overdue(info["time"])
        require(not late, "still waiting long after their time:", late[:5])
        for connection in self.idle:
            require(connection.call("server.ping") == {}, "an idle connection was closed")


def run(options):
    if not os.path.exists(CLOCK_SHIM):
        raise Missing("the library that moves the clocks isn't built")
    with closing(Planted(options.plant, clock=True)) as daemon:
        daemon.start()
        pauses = Pauses(options, daemon)
        with daemon.client() as client:
            prepare(client)
            for n in range(options.pauses):
                pauses.pause(client, n < options.real)
            entries = pauses.reader.read(client)
        presume(entries.lapsed > 0, "no deadline passed")
        for connection in pauses.idle:
            connection.close()
        daemon.end()
    return "F20 pauses=%d longest_ms=%d lapsed_in_time=%d wrong=0" % (options.pauses, pauses.longest, entries.lapsed)


def arguments(parser):
    parser.add_argument("--pauses", type=int, default=500)
    parser.add_argument("--real", type=int, default=20)
    parser.add_argument("--longest", type=int, default=30000, help="ms of a real pause")


if __name__ == "__main__":
    sys.exit(suite("F20", arguments, run))
