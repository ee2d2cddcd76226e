"""A world with deadlines, and the rule for all suites that move or hold clocks: what ends by time ends by an entry whose time is not
before the deadline, and times never fall."""
from common import check, require, world
from harness import HANGZHOU, KIND, NINGBO

TIMERS = "time.lapse", "time.expire", "time.wake"


def ask(client, name, minutes=None, needed_ms=None):
    """A request whose leg waits for the donor's word."""
    params = {"id": name, "city": HANGZHOU, "kind": KIND, "quantity": 1}
    if needed_ms is not None:
        params["needed_by"] = client.call("server.info")["time"] + needed_ms
    if minutes is not None:
        client.call("agreement.put", id="pact", donor=NINGBO, requester=HANGZHOU, commit="ask", answer_minutes=minutes)
    record = client.call("request.submit", params)
    require(record["dispatches"], "no leg was made:", record)
    return record


def prepare(client):
    world(client, agreement="ask")
    client.call("link.put", {"from": NINGBO, "to": HANGZHOU, "minutes": 0})
    client.call("stock.receive", city=NINGBO, kind=KIND, lot="much", quantity=10**9)


class Reader:
    """Reads the log on from where it was, with its chain, and holds every end by time against its deadline."""

    def __init__(self):
        self.seq, self.hash, self.time = 0, "0" * 64, 0
        self.legs, self.requests = {}, {}
        self.lapsed = self.timers = 0

    def read(self, client):
        head = client.call("log.head")
        while self.seq < head["seq"]:
            for entry in client.call("log.list", {"from": self.seq + 1, "limit": 1000})["items"]:
                self.take(entry)
        require(self.hash == head["hash"], "the head's hash isn't that of the last entry:", head)
        return self

    def take(self, entry):
        require(entry["seq"] == self.seq + 1 and entry["prev"] == self.hash, "the chain is broken at", entry["seq"])
        require(check.entry_hash(self.hash, entry) == entry["hash"], "the hash is wrong at", entry["seq"])
        require(entry["time"] >= self.time, "time fell at", entry["seq"], entry["time"], self.time)
        self.seq, self.hash, self.time = entry["seq"], entry["hash"], entry["time"]
        if entry["method"] in TIMERS:
            self.timers += 1
        for record in entry["outcome"]["records"]:
            if record["t"] == "dispatch":
                self.leg(entry, record)
            elif record["t"] == "request":
                self.request(entry, record)

    def leg(self, entry, now):
        before = self.legs.get(now["id"])
        self.legs[now["id"]] = now
        if now["state"] == "lapsed" and before["state"] != "lapsed":
            self.lapsed += 1
            require(entry["method"] in TIMERS, "a leg lapsed in", entry["method"])
            ends = [t for t in (before["answer_by"], self.requests[now["request"]]["needed_by"]) if t is not None]
            require(min(ends) <= entry["time"], "a leg lapsed before its time:", now["id"], min(ends), entry["time"])

    def request(self, entry, now):
        before = self.requests.get(now["id"])
        self.requests[now["id"]] = now
        if now["state"] == "expired" and before["state"] != "expired":
            require(entry["method"] in TIMERS, "a request expired in", entry["method"])
            require(now["needed_by"] <= entry["time"], "a request expired before its time:", now["id"], now["needed_by"], entry["time"])

    def overdue(self, time):
        """Legs that wait for an answer although more than two seconds passed since its time (fine print 47)."""
        return [leg["id"] for leg in self.legs.values() if leg["state"] == "asked" and leg["answer_by"] < time - 2000]
