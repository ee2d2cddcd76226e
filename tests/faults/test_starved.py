"""F22: the daemon gets a tenth of a processor. Everything is slower and nothing is wrong: no connection is closed that did its part,
deadlines are met as the clock has them, answers come.

    test_starved.py [--answers N] [--percent P] [--seed S] [--plant hasty-frames]
"""
import sys
import time

from common import DEADLINE, Crowd, Group, Planted, closing, percentile, require, suite, world
from deadlines import Reader
from harness import HANGZHOU, KIND, request

SLOW = 20  # connections that send one frame in pieces, as fast as pings are answered


def drip(daemon, other):
    """Frames that grow piece by piece while everything is slow: each is answered."""
    frame = request(5, "match.preview", {"city": HANGZHOU, "kind": KIND, "quantity": 3, "explain": True})
    slow = [daemon.client("tcp") for _ in range(SLOW)]
    began = time.monotonic()
    step = max(1, len(frame) // 12)
    for at in range(0, len(frame), step):
        for client in slow:
            client.send(frame[at:at + step])
        until = began + 1.2 * (at + step) / len(frame)
        while time.monotonic() < until:  # at the pace of the daemon, and 1.2 s in all
            other.call("server.ping")
    for client in slow:
        answer = client.answer()
        require(answer is not None and answer[2] is None, "a slow connection was closed:", answer)
        client.close()


def run(options):
    group = Group("cpu", cpu__cfs_period_us=100000, cpu__cfs_quota_us=options.percent * 1000)
    try:
        with closing(Planted(options.plant, before_exec=group.join)) as daemon:
            daemon.start()
            with daemon.client() as client:
                world(client)
            idle = [daemon.client("tcp") for _ in range(50)]
            began = time.monotonic()
            with daemon.client() as client, Crowd(options.rng, daemon.socket_path, 8, None) as crowd:
                drip(daemon, client)
                client.call("request.submit", id="due", city=HANGZHOU, kind="4030102", quantity=10**6,
                            needed_by=client.call("server.info")["time"] + 1500)
                crowd.wait(lambda: sum(crowd.answered()) >= options.answers, "so many answers")
                took = time.monotonic() - began
            until = time.monotonic() + DEADLINE
            with daemon.client() as client:
                while client.call("request.get", id="due")["state"] != "expired":
                    require(time.monotonic() < until, "a deadline is never met")
                entries = Reader().read(client)
            for connection in idle:
                require(connection.call("server.ping") == {}, "an idle connection was closed")
                connection.close()
            times = crowd.times()
            for one in crowd.clients:
                require(not one.failed, "a client failed:", one.failed)
            lapse = entry_lateness(daemon)
            require(lapse <= 2000 + 1000, "a deadline was met late, ms:", lapse)
            daemon.end()
    finally:
        group.close()
    return ("F22 cpu_percent=%d answers=%d answers_per_s=%.0f p50_ms=%.1f p99_ms=%.1f false_closes=0 deadline_late_ms=%d timers=%d"
            % (options.percent, len(times), len(times) / took, 1000 * percentile(times, 0.5), 1000 * percentile(times, 0.99), lapse,
               entries.timers))


def entry_lateness(daemon):
    """How long after needed_by the entry stands that ended the request."""
    with daemon.client() as client:
        record = client.call("request.get", id="due")
        head = client.call("log.head")["seq"]
        at = 1
        while at <= head:
            page = client.call("log.list", {"from": at, "limit": 1000})["items"]
            for entry in page:
                for changed in entry["outcome"]["records"]:
                    if changed["t"] == "request" and changed["id"] == "due" and changed["state"] == "expired":
                        return entry["time"] - record["needed_by"]
            at = page[-1]["seq"] + 1
    raise AssertionError("no entry ended the request")


def arguments(parser):
    parser.add_argument("--answers", type=int, default=20000)
    parser.add_argument("--percent", type=int, default=10)


if __name__ == "__main__":
    sys.exit(suite("F22", arguments, run))
