"""compare.py ROUNDS: the body of tests/bench/run."""
import math
import os
import subprocess
import sys

import bench
from bench import (CONNECTIONS, Goals, Noise, OTHER_MAX, machine, median, missing_programs, number, once, say, setting, spread, sync_latency, table,
                   tell)

ROUNDS = int(sys.argv[1])
PARTS = setting("PARTS", "compare latency sustained").split()
PIPES = [int(pipe) for pipe in setting("PIPES", "1 16").split()]
WANTED = setting("PEERS", "ceiling tarantool redis postgres").split()
SECONDS = setting("T", 10.0)
SUSTAINED = setting("SUSTAINED", 60.0)
EXTRA = setting("EXTRA", 3)
NAMES = {"relief": "Relief", "ceiling": "ceiling: a preallocated log, one fdatasync a turn", "tarantool": "Tarantool, wal_mode fsync",
         "redis": "Redis with Lua, appendfsync always", "postgres": "PostgreSQL 15, synchronous_commit on"}
FIGURES = [("req/s", "rps"), ("p50 ms", "p50_us"), ("p99 ms", "p99_us"), ("p99.9 ms", "p999_us"), ("server CPU us/req", "server_us_per_req"),
           ("server instructions/req", "server_instructions_per_req"), ("RssAnon MiB", "anon_mib"), ("RSS MiB", "rss_mib"),
           ("device bytes/req", "device_bytes_per_req")]


def figure(run, name):
    return run[name] / 1000 if name.endswith("_us") else run[name]


class Round:
    """The runs of one turn, by what they are of."""

    def __init__(self):
        self.runs = {}

    def add(self, key, run):
        self.runs[key] = run

    def quiet(self):
        return all(run.get("other_cpu", 0) <= OTHER_MAX for run in self.runs.values())


def in_rounds(wanted, name, turn):
    """Rounds until so many were quiet, but at most EXTRA more than that: (rounds to judge by, disturbed ones, whether the first were quiet)."""
    rounds = []
    while len(rounds) < wanted + EXTRA and sum(one.quiet() for one in rounds) < wanted:
        tell("%s: round %d" % (name, len(rounds) + 1))
        rounds.append(Round())
        turn(rounds[-1], len(rounds))
        if wanted == 1 and EXTRA == 0:
            break
    return [one for one in rounds if one.quiet()], [one for one in rounds if not one.quiet()]


def print_apart(quiet, disturbed, show):
    if quiet:
        show(quiet)
    if disturbed:
        say("Disturbed: others used more than %.2f of a core meanwhile. Kept apart, and no ground to judge by: %d round%s."
            % (OTHER_MAX, len(disturbed), "" if len(disturbed) == 1 else "s"))
        say()
        show(disturbed)


def values(rounds, key, name):
    return [figure(one.runs[key], name) for one in rounds if key in one.runs]


def ratios(rounds, key, base, name):
    return [figure(one.runs[key], name) / (figure(one.runs[base], name) or math.nan) for one in rounds if key in one.runs and base in one.runs]


class Compare:
    def __init__(self, noise):
        self.noise = noise
        self.missing = {peer: missing_programs(peer) for peer in WANTED if missing_programs(peer)}
        self.servers = ["relief"] + [peer for peer in WANTED if peer not in self.missing]

    def turn(self, one, count):
        for pipe in PIPES:
            for at in range(len(self.servers)):
                server = self.servers[(at + count - 1) % len(self.servers)]
                one.add((server, pipe), once(server, pipe, SECONDS, self.noise))
        one.add("sync", sync_latency())
        if "latency" in PARTS:
            for pipe in PIPES:
                half = one.runs["relief", pipe]["rps"] / 2
                one.add(("half", pipe), once("relief", max(pipe, 16), SECONDS, self.noise, "relief-half", "-r %.0f" % half))

    def show(self, rounds):
        for pipe in PIPES:
            say("%d connections, pipeline %d, %g s, median of %d round%s (least to most)" % (CONNECTIONS, pipe, SECONDS, len(rounds),
                                                                                             "" if len(rounds) == 1 else "s"))
            say()
            rows = [[NAMES[server]] + [spread(values(rounds, (server, pipe), name)) if name == "rps" else number(median(values(rounds, (server, pipe), name)))
                                       for _, name in FIGURES] + [number(median(values(rounds, (server, pipe), "other_cpu")))] for server in self.servers]
            rows += [[NAMES[peer] + ": not here, " + " ".join(programs)] + ["-"] * (len(FIGURES) + 1) for peer, programs in self.missing.items()]
            table(["server"] + [head for head, _ in FIGURES] + ["others' cores"], rows)
        if "tarantool" in self.servers:
            self.show_ratios(rounds)
        say("One fdatasync: p50 %s us, p99 %s us." % (number(median([one.runs["sync"]["p50_us"] for one in rounds])),
                                                      number(median([one.runs["sync"]["p99_us"] for one in rounds]))))
        say()
        if "latency" in PARTS:
            self.show_latency(rounds)

    def show_ratios(self, rounds):
        for pipe in PIPES:
            say("Ratios to Tarantool, pipeline %d: median of the rounds' ratios (least to most)" % pipe)
            say()
            table(["server"] + [head for head, _ in FIGURES],
                  [[NAMES[server]] + [spread(ratios(rounds, (server, pipe), ("tarantool", pipe), name)) for _, name in FIGURES]
                   for server in self.servers if server != "tarantool"])

    def show_latency(self, rounds):
        say("Relief below its peak, an open loop: requests are due at a fixed rate, and latency counts from when they were due")
        say()
        rows = []
        for pipe in PIPES:
            key = ("half", pipe)
            rows.append(["half of pipeline %d" % pipe, number(median(values(rounds, key, "rate")))] +
                        [number(median(values(rounds, key, name))) for name in ("p50_us", "p99_us", "p999_us")] +
                        [spread([one.runs[key]["p99_us"] / one.runs["sync"]["p50_us"] for one in rounds]),
                         number(median(values(rounds, key, "late_p99_us"))), number(sum(values(rounds, key, "unsent")))])
        table(("rate", "req/s", "p50 ms", "p99 ms", "p99.9 ms", "p99 in fdatasyncs", "generator late, p99 ms", "never sent"), rows)

    def judge(self, goals, quiet, disturbed):
        rounds = quiet or disturbed
        for pipe, times, share in ((1, 2.5, 0.65), (16, 5.0, 0.40)):
            if pipe not in PIPES:
                continue
            ratio = median(ratios(rounds, ("relief", pipe), ("tarantool", pipe), "rps"))
            goals.add("throughput to Tarantool, pipeline %d" % pipe, ratio, "at least %g x" % times, ratio >= times, quiet, " x")
            ratio = 100 * median(ratios(rounds, ("relief", pipe), ("ceiling", pipe), "rps"))
            goals.add("share of the ceiling, pipeline %d" % pipe, ratio, "at least %.0f %%" % (100 * share), ratio >= 100 * share, quiet, " %")
        for pipe in PIPES if "latency" in PARTS else []:
            ratio = median([one.runs["half", pipe]["p99_us"] / one.runs["sync"]["p50_us"] for one in rounds])
            goals.add("p99 at half of the peak of pipeline %d, in fdatasyncs (p50)" % pipe, ratio, "at most 3", ratio <= 3, quiet)


class Sustained:
    def __init__(self, noise):
        self.noise = noise

    def turn(self, one, _count):
        for pipe in PIPES:
            one.add(("short", pipe), once("relief", pipe, SECONDS, self.noise))
            one.add(("ordered", pipe), once("relief", pipe, SUSTAINED, self.noise, "relief-sustained", "-w 0"))
            one.add(("random", pipe), once("relief", pipe, SUSTAINED, self.noise, "relief-sustained-random", "-w 0 -s 1"))

    def show(self, rounds):
        say("Sustained for %g s, files of the log filled with zeroes and LMDB's writes included; share of the rate of %g s in the same round, %d round%s"
            % (SUSTAINED, SECONDS, len(rounds), "" if len(rounds) == 1 else "s"))
        say()
        rows = []
        for pipe in PIPES:
            for key, name in (("short", "%g s" % SECONDS), ("ordered", "ids in order of time"), ("random", "random ids")):
                rows.append([pipe, name, spread(values(rounds, (key, pipe), "rps")), spread(ratios(rounds, (key, pipe), ("short", pipe), "rps"))] +
                            [number(median(values(rounds, (key, pipe), name))) for name in ("p50_us", "p99_us", "p999_us", "server_us_per_req",
                                                                                            "device_bytes_per_req", "anon_mib", "answered")])
        table(("pipeline", "", "req/s", "share", "p50 ms", "p99 ms", "p99.9 ms", "server CPU us/req", "device bytes/req", "RssAnon MiB", "requests"), rows)

    def judge(self, goals, quiet, disturbed):
        rounds = quiet or disturbed
        for pipe in PIPES:
            share = 100 * median(ratios(rounds, ("ordered", pipe), ("short", pipe), "rps"))
            goals.add("rate held for %g s, pipeline %d" % (SUSTAINED, pipe), share, "at least 60 %", share >= 60, quiet, " %")
            for key, most in (("ordered", 1024), ("random", 4096)):
                used = median(values(rounds, (key, pipe), "device_bytes_per_req"))
                goals.add("device bytes/req, %s ids, pipeline %d" % (key, pipe), used, "at most %d" % most, used <= most, quiet)


def main():
    os.makedirs(os.path.join(bench.WORK, "csv"))
    gen, csv = os.path.join(bench.TOOLS, "gen"), os.path.join(bench.WORK, "csv")
    subprocess.run([gen, csv], check=True)
    if bench.WORLD:
        subprocess.run([gen, "-c", bench.WORLD[0], "-k", bench.WORLD[1], csv], check=True)
    noise, goals = Noise(), Goals()
    say(machine())
    say()
    if "compare" in PARTS:
        part = Compare(noise)
        rounds = in_rounds(ROUNDS, "compare", part.turn)
        print_apart(*rounds, part.show)
        part.judge(goals, *rounds)
    if "sustained" in PARTS:
        part = Sustained(noise)
        rounds = in_rounds(min(ROUNDS, setting("SUSTAINED_ROUNDS", 3)), "sustained", part.turn)
        print_apart(*rounds, part.show)
        part.judge(goals, *rounds)
    goals.print()
    say("Noise: " + noise.report())


main()
