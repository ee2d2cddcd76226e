"""Compares what the daemon holds with the journal: nothing acknowledged is missing, nothing is there twice, nothing was made up."""
import collections
import hashlib
import json
import os
import subprocess

from journal import CITIES, KIND, SUBSTITUTE, Broken, require

import msgpack
from harness import BIN, DEADLINE, request

WINDOW = 64  # pipelined questions


def entry_hash(prev, entry):
    """Fine print 64: BLAKE2b-256 of the hash before and the entry's line without its own."""
    line = json.dumps({key: value for key, value in entry.items() if key != "hash"}, sort_keys=True, ensure_ascii=False,
                      separators=(",", ":"))
    return hashlib.blake2b((prev + line).encode(), digest_size=32).hexdigest()


class Log:
    """The log as clients see it. Entries are read once: the chain of hashes says that those before are still the same."""

    def __init__(self):
        self.seq, self.hash = 0, "0" * 64
        self.effects = {}  # key of an operation -> entry
        self.received = collections.Counter()

    def read(self, client, journal):
        head = client.call("log.head")
        require(head["seq"] >= self.seq, "the log ends before what it held:", head, self.seq)
        while self.seq < head["seq"]:
            page = client.call("log.list", {"from": self.seq + 1, "limit": 10000})["items"]
            require(page, "the log ends before its head:", self.seq, head)
            for entry in page:
                self._take(entry, journal)
        require(self.hash == head["hash"], "the head's hash isn't that of the last entry:", head, self.hash)

    def _take(self, entry, journal):
        require(entry["seq"] == self.seq + 1, "a gap in the log: %d behind %d" % (entry["seq"], self.seq))
        require(entry["prev"] == self.hash, "the chain is broken at", entry["seq"])
        require(entry_hash(self.hash, entry) == entry["hash"], "the hash is wrong at", entry["seq"])
        self.seq, self.hash = entry["seq"], entry["hash"]
        params = entry["params"]
        if entry["method"] == "stock.receive":
            self.received[params["city"], params["kind"]] += params["quantity"]
        key = ("request", params["id"]) if entry["method"] == "request.submit" else ("op", params.get("op"))
        if key[1] is None:
            return  # what made the world, timers
        op = journal.ops.get(key)
        require(op, "an entry that nobody sent:", entry["method"], params)
        require(op.method == entry["method"] and all(params[name] == value for name, value in op.params.items()),
                "an entry with other content than sent:", entry["method"], params, op.params)
        require(key not in self.effects, "done twice:", key, self.effects.get(key), entry["seq"])
        self.effects[key] = entry["seq"]


def ask(client, frames):
    """Answers of many frames, in order: (bytes, message)."""
    waiting, raw, base, unpacker = 0, b"", 0, msgpack.Unpacker(raw=False, max_buffer_size=64 << 20)
    frames = iter(frames)
    while True:
        burst = b"".join(frame for _, frame in zip(range(WINDOW - waiting), frames))
        if burst:
            client.send(burst)
            parts = msgpack.Unpacker()
            parts.feed(burst)
            waiting += sum(1 for _ in parts)
        if waiting == 0:
            return
        data = client.socket.recv(1 << 18)
        require(data, "the daemon hung up")
        raw += data
        unpacker.feed(data)
        while True:
            try:
                message = unpacker.unpack()
            except msgpack.OutOfData:
                break
            end = unpacker.tell()
            yield raw[:end - base], message
            raw, base = raw[end - base:], end
            waiting -= 1


def check_log(log, journal, ops):
    for op in ops:
        require(op.key in log.effects, "acknowledged, and not in the log:", op.method, op.params, op.seq)
        require(log.effects[op.key] == op.seq, "acknowledged with another number than the log has:", op.key, op.seq,
                log.effects[op.key])


def check_record(log, journal, op, record):
    """A request's record against its operation; the cancel of it is in the log, or not."""
    for name, value in list(op.params.items()) + [("entry", log.effects[op.key])]:
        require(record[name] == value, "a request with other content than acknowledged:", record, op.params)
    require(record["quantity"] == record["covered"] + record["open"] + record["shortfall"], "units don't add up:", record)
    gone = record["id"] in journal.cancels_done
    require(gone == (record["state"] == "cancelled"), "cancelled in the log or in the record only:", record)
    if not gone and op.covered is not None:
        require(record["covered"] >= op.covered, "covered was acknowledged and is gone:", record, op.covered)


def check_requests(client, log, journal, ops):
    """request.get of each: there with what was acknowledged, or, of an unknown one, as the log has it."""
    frames = (request(n, "request.get", {"id": op.params["id"]}) for n, op in enumerate(ops))
    for op, (_, message) in zip(ops, ask(client, frames)):
        if op.key in log.effects:
            require(message[2] is None, "in the log, and not in the state:", op.params, message[2])
            check_record(log, journal, op, message[3])
        else:
            require(message[2] is not None and message[2]["code"] == "NOT_FOUND", "in the state, and not in the log:", message)


def check_totals(client, log):
    """Nothing leaves in this load, so what was received is on hand; `covered` of living requests is what is reserved."""
    reserved = 0
    for city in CITIES:
        for kind in (KIND, SUBSTITUTE):
            stock = client.call("stock.get", city=city, kind=kind)
            require(stock["on_hand"] == log.received[city, kind], "units received and on hand differ:", stock,
                    log.received[city, kind])
            require(stock["on_hand"] == sum(lot["quantity"] for lot in stock["lots"]), "lots don't add up:", stock)
            reserved += stock["reserved"]
    return reserved


def check_everything(client, log, journal):
    """All of it: the log from its first entry, every request once."""
    again = Log()
    again.read(client, journal)
    require((again.seq, again.hash, again.effects) == (log.seq, log.hash, log.effects), "the log has changed")
    check_log(log, journal, journal.acknowledged())
    found, covered = set(), 0
    for record in client.items("request.list", limit=10000):
        require(record["id"] not in found, "listed twice:", record)
        found.add(record["id"])
        covered += record["covered"]
        op = journal.ops.get(("request", record["id"]))
        require(op and op.key in log.effects, "a request that the log doesn't have:", record)
        check_record(log, journal, op, record)
    require(found == {key[1] for key in log.effects if key[0] == "request"}, "the list of requests isn't that of the log")
    require(check_totals(client, log) == covered, "reserved and covered differ:", covered)


def resolve(client, log, journal, ops):
    """Sends unknown ones again: one effect, the first one where there is one already."""
    ops = list(ops)
    there = {op.key: log.effects.get(op.key) for op in ops}
    for op, (raw, message) in zip(ops, ask(client, (op.frame for op in ops))):
        journal.take(op, raw, message)
        require(there[op.key] in (None, op.seq), "done once and answered as another entry:", op.key, there[op.key], op.seq)
    log.read(client, journal)
    check_log(log, journal, ops)
    note_cancels(log, journal)
    return sum(1 for seq in there.values() if seq is not None)


def repeat(client, log, journal, ops):
    """Sends acknowledged ones again: the first answer, and nothing changes."""
    before = client.call("log.head")
    for op, (raw, message) in zip(ops, ask(client, (op.frame for op in ops))):
        journal.take(op, raw, message)
    require(client.call("log.head") == before, "a repetition made an entry")


def note_cancels(log, journal):
    journal.cancels_done = {op.params["id"] for op in journal.ops.values()
                            if op.method == "request.cancel" and op.key in log.effects}


def relief_check(folder):
    """`relief check`; returns (exit code, output)."""
    run = subprocess.run([os.path.join(BIN, "relief"), "check", folder], capture_output=True, text=True, timeout=DEADLINE)
    return run.returncode, run.stdout + run.stderr


def require_check(folder):
    code, text = relief_check(folder)
    if code != 0:
        raise Broken("relief check exits %d:\n%s" % (code, text))
