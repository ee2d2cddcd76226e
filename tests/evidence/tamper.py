#!/usr/bin/env python3
"""Tampers with a past in random ways and asks the tools: each edit is found, or changes nothing that anybody can read; no tool crashes,
hangs or serves a lie. README.md has the rules.

    tamper.py --cases 10000 --seed 1          from one world, made first; RELIEF_BIN names the folder of the programs
    tamper.py --world DIR --seed 1 --only 17  a case again, in a world that was kept
    tamper.py --plant hide|forget|lie         controls: exit 0 when what was planted was noticed
"""
import argparse
import collections
import os
import random
import shutil
import sys
import tempfile
import time
import traceback

import world as worlds  # first: it sets the path of the modules of the other levels
import forge
import kinds_files
import kinds_folder
import kinds_past
from judge import Miss

KINDS = kinds_files.KINDS + kinds_folder.KINDS + kinds_past.KINDS
WELL_MADE = {"export made anew": 0.5, "dump made anew": 0.3}  # a forger who is found for his clumsiness proves nothing


class Case:
    """What a kind of case works with: a generator of its own, a folder of its own."""

    def __init__(self, world, seed, number, plant, counts):
        self.world, self.plant, self.counts = world, plant, counts
        self.rng = random.Random("%d:%d" % (seed, number))
        self.name, _, self.kind = self.rng.choices(KINDS, [weight for _, weight, _ in KINDS])[0]
        self.work = world.path("work")
        os.mkdir(self.work)

    def path(self, name):
        return os.path.join(self.work, name)

    def give(self, name, data, hide=True):
        """A file for the tools. The plant `hide` keeps from them what was done: they get what is right."""
        if hide and self.plant == "hide" and name in ("log", "dump"):
            data = worlds.read(self.world.small("log" if name == "log" else "dump.jsonl"))
        return worlds.write(self.path(name), data)

    def copy(self, folder, name):
        return shutil.copytree(folder, self.path(name))

    def put(self, path, data):
        if self.plant != "hide":
            worlds.write(path, data)

    def remove(self, path):
        if self.plant != "hide":
            os.unlink(path)

    def count(self, what):
        self.counts[self.name][what] += 1

    def other_export(self):
        """Another past of the same length, to take pieces from."""
        data = worlds.read(self.world.small("log"))
        entries = forge.entries_of(data)
        entries[3]["time"] -= 1
        return forge.export_of(entries, data.decode().splitlines()[0])


def as_it_is(world):
    """Nothing was done to it: everything holds. Else a tool that says no to all would pass."""
    key, good = ["--key", world.key], worlds.good
    for name in ("log", "dump.jsonl", "dump.msgpack", "dump.csv"):
        good("relief", "verify", world.small(name))
        good("relief-audit", "verify", world.small(name))
    for name in ("inclusion.1", "inclusion.7", "inclusion.23", "consistency.first", "consistency.second", "receipts"):
        good("relief", "verify", world.small(name), *key)
        good("relief-audit", "verify", world.small(name), *key)
    for program in ("relief", "relief-audit"):
        good(program, "verify", world.kept("witnessed"), *key, "--witness", world.witness)
    good("relief-audit", "verify", world.small("log"), world.kept("third"), "--dump", world.small("dump.jsonl"), *key)
    good("relief-audit", "verify", world.path("log"), world.kept("last"), world.kept("receipt"), "--dump", world.path("dump"), *key)
    for name in ("data", "pruned", "fork", "moments/1"):
        good("relief", "check", world.path(name))
    good("relief", "log", "archive", "verify", world.path("archive"), "--data", world.path("pruned"))
    for remade in (False, True):  # what the forger makes of it is as good as what it was
        case = Case(world, 0, 0, None, None)
        backup, archive = case.copy(world.path("backup"), "backup"), case.copy(world.path("archive"), "archive")
        if remade:
            forge.manifest(backup)
            forge.manifest(archive)
        good("relief", "restore", backup, case.path("data"))
        good("relief", "log", "archive", "verify", archive, "--data", world.path("pruned"))
        if kinds_folder.Reader(world, case.path("data"), case.work).read() != "whole":
            raise Miss("a restored folder can't be read")
        shutil.rmtree(case.work)
    data = worlds.read(world.small("log"))
    if forge.export_of(forge.entries_of(data), data.decode().splitlines()[0]) != data:
        raise Miss("the forger's export is another one than the daemon's")


def table(counts):
    columns = ("found", "found by the daemon", "same", "well made", "read, refused", "read, partly", "read, whole", "read, wrong", "seconds")
    print("%-22s %7s %8s %10s %6s %10s %9s %8s %8s %8s %8s" % ("kind", "cases", "found", "by daemon", "same", "well made", "refused", "partly", "whole", "wrong", "seconds"))
    total = collections.Counter()
    for name, _, _ in KINDS + (("all", 0, None),):
        row = total if name == "all" else counts[name]
        if name != "all":
            total.update(row)
        cases = row["found"] + row["found by the daemon"] + row["same"]
        print("%-22s %7d %8d %10d %6d %10d %9d %8d %8d %8d %8.1f" % (name, cases, *[row[column] for column in columns]))


def clumsy(counts):
    for name, share in WELL_MADE.items():
        row = counts[name]
        cases = row["found"] + row["same"]
        if cases >= 20 and row["well made"] < share * cases:
            print("%s: only %d of %d would pass if nothing had been kept" % (name, row["well made"], cases))
            return True
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    parser.add_argument("--kind", help="only cases of this kind")
    parser.add_argument("--world")
    parser.add_argument("--plant", choices=("hide", "forget", "lie"))
    parser.add_argument("--verbose", action="store_true", help="say of each case what it was")
    parser.add_argument("--go-on", action="store_true", help="count failures instead of ending with the first")
    options = parser.parse_args()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = options.world or tempfile.mkdtemp(prefix="relief-tamper-", dir=memory)
    os.makedirs(folder, exist_ok=True)
    world = worlds.World(folder)
    shutil.rmtree(world.path("work"), ignore_errors=True)
    as_it_is(world)
    counts, failed, broken, began = collections.defaultdict(collections.Counter), 0, 0, time.monotonic()
    for number in [options.only] if options.only is not None else range(options.cases):
        case, start = Case(world, options.seed, number, options.plant, counts), time.monotonic()
        try:
            if options.kind in (None, case.name):
                verdict, how = case.kind(case)
                counts[case.name][verdict] += 1
                counts[case.name]["seconds"] += time.monotonic() - start
                if options.only is not None or options.verbose:
                    print(number, case.name, verdict, how)
        except Exception as error:  # whatever it is, the case is named
            failed += 1
            if not isinstance(error, AssertionError):
                broken += 1
                traceback.print_exc()
            print("FAILED %s: %s\n  again: tamper.py --world %s --seed %d --only %d" % (case.name, error, folder, options.seed, number), flush=True)
            if not options.go_on and not options.plant:
                break
        shutil.rmtree(case.work)
    print("seed %d, %.0f s, %d failed" % (options.seed, time.monotonic() - began, failed))
    table(counts)
    if options.plant:
        shutil.rmtree(folder)
        return 0 if failed and not broken else 1
    failed += clumsy(counts)
    if not failed and not options.world:
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
