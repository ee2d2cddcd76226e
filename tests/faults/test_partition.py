"""F17: the network between clients and the daemon is cut and heals: nothing passes, or nothing passes one way, or the device is down.
Clients wait a moment for an answer, connect again and send the same bytes: one effect, and the first answer.

    test_partition.py [--partitions N] [--longest S] [--seed S] [--plant forget-ops]

In a network namespace of its own.
"""
import sys
import time

from common import Crowd, Filter, Planted, closing, own_network, percentile, presume, require, suite, tool, world

PATIENCE = 0.15  # s that a client waits for an answer


class Cuts:
    def __init__(self, daemon, rng):
        self.rng, self.port = rng, daemon.tcp()[1]
        self.filter = Filter()
        self.kinds = {"all": 0, "requests": 0, "answers": 0, "link": 0, "reset": 0}

    def cut(self):
        kind = self.rng.choice(list(self.kinds))
        self.kinds[kind] += 1
        if kind in ("all", "requests"):
            self.filter.rule("tcp dport %d drop" % self.port)
        if kind in ("all", "answers"):
            self.filter.rule("tcp sport %d drop" % self.port)
        if kind == "reset":
            self.filter.rule("tcp dport %d reject with tcp reset" % self.port)
        if kind == "link":
            tool("ip", "link", "set", "lo", "down")
        return kind

    def heal(self):
        tool("ip", "link", "set", "lo", "up")
        self.filter.clear()


def run(options):
    own_network()
    lengths = []
    with closing(Planted(options.plant)) as daemon:
        daemon.start()
        with daemon.client() as client:  # the operator's socket: no network is between
            world(client)
            cuts = Cuts(daemon, options.rng)
            with Crowd(options.rng, daemon.tcp(), 8, PATIENCE) as crowd:
                try:
                    for _ in range(options.partitions):
                        crowd.everybody_answered()
                        lost, began = crowd.total("lost"), time.monotonic()
                        cuts.cut()
                        longest = options.longest if options.rng.random() < 0.02 else min(1.0, options.longest)
                        until = began + options.rng.uniform(0, longest)
                        crowd.wait(lambda: crowd.total("lost") > lost and time.monotonic() >= until, "somebody noticed the cut")
                        require(client.call("server.ping") == {}, "the operator is not served")
                        cuts.heal()
                        lengths.append(time.monotonic() - began)
                    crowd.everybody_answered()
                finally:
                    cuts.heal()
            crowd.check(client)
        daemon.end()
    times = crowd.times()
    presume(crowd.total("retries") >= options.partitions, "nothing was sent again")
    return ("F17 partitions=%d (%s) longest_s=%.1f operations=%d sent_again=%d doubles=0 lost=0 p50_ms=%.1f p99_ms=%.0f"
            % (options.partitions, " ".join("%s=%d" % pair for pair in cuts.kinds.items()), max(lengths), len(times),
               crowd.total("retries"), 1000 * percentile(times, 0.5), 1000 * percentile(times, 0.99)))


def arguments(parser):
    parser.add_argument("--partitions", type=int, default=1000)
    parser.add_argument("--longest", type=float, default=60, help="s; two in a hundred may last so long, the others a second")


if __name__ == "__main__":
    sys.exit(suite("F17", arguments, run))
