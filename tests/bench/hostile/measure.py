"""An honest client beside attackers: see tests/bench/README.md, Hostile. measure.py [--seconds S] [--only NAME,...]"""
import argparse
import contextlib
import os
import re
import resource
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "integration"))
from harness import HANGZHOU, KIND, NINGBO, Daemon, world  # noqa: E402
from pki import Pki  # noqa: E402

ROUND = 20  # of so many calls one is a change


def at(values, share):
    values = sorted(values) or [float("nan")]
    return values[min(len(values) - 1, int(share * len(values)))]


def status(daemon, name):
    with open("/proc/%d/status" % daemon.process.pid) as file:
        return int(re.search(name + r":\s+(\d+)", file.read()).group(1)) * 1024


def cpu(pid):
    with open("/proc/%d/stat" % pid) as stat:
        words = stat.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def others():
    """Seconds of processor that the machine was busy, all in all."""
    with open("/proc/stat") as stat:
        words = [int(word) for word in stat.readline().split()[1:9]]
    return (sum(words) - words[3] - words[4]) / os.sysconf("SC_CLK_TCK")


class Honest:
    def __init__(self, daemon):
        self.client = daemon.client("tcp", index=0)
        self.count = 0

    def run(self, seconds):
        """Milliseconds of each call: reads, changes."""
        reads, changes, until = [], [], time.monotonic() + seconds
        while time.monotonic() < until:
            self.count += 1
            began = time.monotonic()
            if self.count % ROUND == 0:
                self.client.call("stock.receive", city=NINGBO, kind=KIND, lot="a", quantity=1)
                changes.append(1000 * (time.monotonic() - began))
            else:
                self.client.call("match.preview", city=HANGZHOU, kind=KIND, quantity=3)
                reads.append(1000 * (time.monotonic() - began))
        return reads, changes


@contextlib.contextmanager
def attackers(*commands):
    running = []
    try:
        for command in commands:
            process = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "attack.py"), *map(str, command)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            running.append(process)
            assert process.stdout.readline() == "ready\n", command
        yield running
        for process in running:
            process.stdin.close()
            process.said = process.stdout.read().strip()
    finally:
        for process in running:
            process.kill()
            process.wait()
            process.stdout.close()


class Bench:
    def __init__(self, options):
        self.options, self.pki = options, Pki()
        self.leaf = self.pki.client("city", NINGBO, "hostile")
        self.idle = None

    def daemon(self):
        return Daemon(listen=("tcp:127.0.0.1:0,as=local", "tcp:127.0.0.1:0"), tls=self.pki).start()

    def row(self, name, commands, prepare=None):
        daemon = self.daemon()
        try:
            with daemon.client() as client:
                world(client)
            to = {"known": "%s:%d" % daemon.tcp(0), "open": "%s:%d" % daemon.tcp(1), "tls": "%s:%d" % daemon.tcp(0, "tls")}
            honest = Honest(daemon)
            honest.run(0.5)
            alone = honest.run(self.options.seconds)
            if prepare:
                prepare(daemon)
            rss = status(daemon, "VmRSS")
            with attackers(*[(kind, to[where], "--count", count, "--certificate", self.leaf.certificate, "--key", self.leaf.key)
                             for kind, where, count in commands]) as running:
                used, all_used, began = cpu(daemon.process.pid), others(), time.monotonic()
                under = honest.run(self.options.seconds)
                took = time.monotonic() - began
                used, all_used = (cpu(daemon.process.pid) - used) / took, (others() - all_used) / took
                grown = status(daemon, "VmRSS") - rss
            ratio = at(under[0], 0.99) / at(alone[0], 0.99)
            print("%-34s reads p50 %6.2f -> %6.2f  p99 %6.2f -> %6.2f (%4.1fx)  changes p99 %6.2f -> %6.2f  RSS +%5.1f, peak %5.1f MiB  CPU %.2f of %.2f  %s"
                  % (name, at(alone[0], 0.5), at(under[0], 0.5), at(alone[0], 0.99), at(under[0], 0.99), ratio, at(alone[1], 0.99),
                     at(under[1], 0.99), grown / 2**20, status(daemon, "VmHWM") / 2**20, used, all_used, "; ".join(p.said for p in running)), flush=True)
            honest.client.close()
        finally:
            daemon.close()

    def run(self):
        few = lambda daemon: resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        rows = {
            "idle": (("nobody", []), None),
            "slow": (("4,000 slow connections", [("slow", "open", 4000)]), None),
            "hello": (("4,000 TLS hellos unfinished", [("hello", "tls", 4000)]), None),
            "flood": (("connections opened and closed", [("flood", "open", 1)]), None),
            "readers": (("64 slow readers", [("readers", "known", 64)]), None),
            "descriptors": (("64 descriptors, 1,000 connections", [("idle", "open", 1000)]), few),
            "frames": (("hostile frames", [("frames", "open", 1)]), None),
            "shake": (("TLS handshakes without end", [("shake", "tls", 1)]), None),
            "mixed": (("1,000 hostile TLS connections", [("mixed", "tls", 1000)]), None),
        }
        only = self.options.only.split(",") if self.options.only else rows
        for name in only:
            (text, commands), prepare = rows[name]
            self.row(text, commands, prepare)
        self.pki.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only")
    Bench(parser.parse_args()).run()
