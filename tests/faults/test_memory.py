"""F15: 128 MiB of memory and 1,000 hostile TLS connections, with large frames half sent over more of them. The bounds hold: nobody is
killed, the peak stays below 96 MiB, an honest client works and its changes stay.

    test_memory.py [--connections N] [--seed S] [--plant no-caps]

Resident memory is the daemon's own and the pages of its files that it has mapped; the limit counts buffers of the kernel too.
"""
import os
import re
import sys

from common import Group, Missing, Planted, closing, presume, require, suite, world
from harness import KIND, NINGBO
from pki import Pki
from shim import INSTRUMENTED

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "hostile"))
import measure  # noqa: E402

MIB = 1 << 20
LIMIT, PEAK = 128 * MIB, 96 * MIB


def peak(daemon):
    with open("/proc/%d/status" % daemon.process.pid) as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) * 1024


def run(options):
    if "address" in INSTRUMENTED:
        raise Missing("the address sanitizer takes several times the memory")
    group, pki = Group("memory", memory__limit_in_bytes=LIMIT), Pki()
    try:
        leaf = pki.client("city", NINGBO, "hostile")
        with closing(Planted(options.plant, before_exec=group.join, tls=pki, config="[limits]\nconnections = %d\n" % (2 * options.connections),
                             listen=("tcp:127.0.0.1:0,as=local",))) as daemon:
            daemon.start()
            with daemon.client() as client:
                world(client)
                words = ("--certificate", leaf.certificate, "--key", leaf.key)
                attacks = [("mixed", "%s:%d" % daemon.tcp(0, "tls"), "--count", options.connections, *words),
                           ("large", "%s:%d" % daemon.tcp(), "--count", options.connections // 4)]
                with measure.attackers(*attacks) as running:
                    for _ in range(options.changes):
                        client.call("stock.receive", city=NINGBO, kind=KIND, lot="a", quantity=1)
                    counters = {row["name"]: row["value"] for row in client.call("server.stats")["counters"]}
                presume(counters["connections_open"] > options.connections // 4, "hardly anybody was there:", counters["connections_open"])
                require(client.call("stock.get", city=NINGBO, kind=KIND)["on_hand"] == 500 + options.changes, "changes are lost")
            most, used, failed = peak(daemon), group.read("memory.max_usage_in_bytes"), group.read("memory.failcnt")
            require(most <= PEAK, "resident at most, MiB:", most / MIB)
            daemon.end()
    finally:
        pki.close()
        group.close()
    return "F15 connections=%d rss_peak_mib=%.1f group_peak_mib=%.1f limit_hit=%d held: %s" % (
        counters["connections_open"], most / MIB, used / MIB, failed, "; ".join(process.said for process in running))


def arguments(parser):
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=500)


if __name__ == "__main__":
    sys.exit(suite("F15", arguments, run))
