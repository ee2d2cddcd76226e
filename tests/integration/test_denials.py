"""The journal of denials: what stands in it, who reads it, and that it never gets in the way."""
import json
import os
import subprocess
import unittest

from harness import BIN, Case, Daemon, HANGZHOU, KIND, NINGBO, request, world

SECRET = "nobody's business"


class Denials(Case):
    options = {"listen": ("tcp:127.0.0.1:0", "tcp:127.0.0.1:0,as=city:" + NINGBO, "tcp:127.0.0.1:0,as=auditor",
                          "tcp:127.0.0.1:0,as=operator", "tcp:127.0.0.1:0,as=coordinator")}
    STRANGER, CITY, AUDITOR, OPERATOR, COORDINATOR = range(5)

    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)

    def as_(self, index):
        return self.client("tcp", index)

    def since(self):
        rows = self.client().items("server.denials")
        return str(rows[-1]["n"]) if rows else "0"

    def rows(self, after):
        return self.client().items("server.denials", after=after) if after != "0" else self.client().items("server.denials")

    def test_what_stands_in_it(self):
        after, city, stranger = self.since(), self.as_(self.CITY), self.as_(self.STRANGER)
        now = self.client().call("log.head")["time"]
        city.error("stock.receive", city=HANGZHOU, kind=KIND, quantity=7, source=SECRET)
        city.error("log.list")
        stranger.error("city.list")
        stranger.error("server.hello", role="auditor", client=SECRET)
        city.error("stock.receive", city=NINGBO, kind="none", quantity=7)  # NOT_FOUND is no denial
        rows = self.rows(after)
        self.assertEqual([(row["identity"], row["method"], row["code"], row["count"]) for row in rows],
                         [("city:" + NINGBO, "stock.receive", "DENIED", 1), ("city:" + NINGBO, "log.list", "DENIED", 1),
                          (None, "city.list", "UNAUTHENTICATED", 1), (None, "server.hello", "UNAUTHENTICATED", 1)])
        self.assertEqual({row["address"] for row in rows}, {"tcp:127.0.0.1"})
        self.assertTrue(all(row["time"] >= now and row["reason"] for row in rows))
        numbers = [row["n"] for row in rows]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 4)))
        self.assertNotIn(SECRET, repr(rows))
        with open(os.path.join(self.daemon.data, "denials.jsonl")) as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(lines[-4:], rows)
        self.assertEqual(os.stat(os.path.join(self.daemon.data, "denials.jsonl")).st_mode & 0o777, 0o600)

    def test_repeats_are_counted(self):
        after, city = self.since(), self.as_(self.CITY)
        for n in range(500):
            city.send(request(n, "log.list"))
        for n in range(500):
            self.assertEqual(city.answer()[2]["code"], "DENIED")
        rows = self.rows(after)
        self.assertEqual(sum(row["count"] for row in rows), 500)
        self.assertLess(len(rows), 100)

    def test_one_address_has_so_many_lines(self):
        after, auditor = self.since(), self.as_(self.AUDITOR)
        methods = [("region.put", {"id": "r", "name": "n"}), ("incident.close", {"id": "r"}), ("agreement.end", {"id": "r"}),
                   ("city.mode", {"code": NINGBO, "mode": "normal", "reason": "r"}), ("request.cancel", {"id": "r", "reason": "r"}),
                   ("dispatch.decline", {"id": "r/1", "reason": "r"}), ("dispatch.depart", {"id": "r/1"}), ("asset.status", {"id": "r"}),
                   ("stock.floor", {"city": NINGBO, "kind": KIND, "floor": 1}), ("travel.put", {"permille": 1400, "km_per_hour": 60}),
                   ("clock.confirm", {"time": 1}), ("snapshot.backup", {})]
        for n, (method, params) in enumerate(methods):
            auditor.send(request(n, method, params))
        for _ in methods:
            self.assertEqual(auditor.answer()[2]["code"], "DENIED")
        self.assertIn(len(self.rows(after)), range(8, len(methods) + 1))
        stats = {row["name"]: row["value"] for row in self.client().call("server.stats")["counters"]}
        self.assertEqual(stats["denials_dropped"] + sum(row["count"] for row in self.client().items("server.denials")), stats["denials"])

    def test_who_reads_it(self):
        for index in (self.CITY, self.COORDINATOR):
            self.assertRefused(self.as_(index).error("server.denials"), "DENIED")
        self.assertRefused(self.as_(self.STRANGER).error("server.denials"), "UNAUTHENTICATED")
        for index in (self.AUDITOR, self.OPERATOR):
            self.assertTrue(self.as_(index).call("server.denials")["items"])

    def test_pages(self):
        city = self.as_(self.CITY)
        for method in ("log.list", "snapshot.dump", "server.denials"):
            city.error(method)
        client = self.client()
        whole = client.items("server.denials")
        self.assertEqual(client.items("server.denials", limit=1), whole)
        self.assertEqual(client.items("server.denials", after=str(whole[1]["n"])), whole[2:])
        self.assertEqual(client.items("server.denials", after=str(whole[-1]["n"])), [])
        for after in ("x", "-1", "9" * 19, "1/2", " 1"):
            self.assertRefused(client.error("server.denials", after=after), "BAD_PARAMS", "after")

    def test_a_denied_command_changes_nothing(self):
        """Neither a record nor the log, and its op is free for who may use it."""
        city, coordinator = self.as_(self.CITY), self.as_(self.COORDINATOR)
        with self.unchanged():
            self.assertRefused(city.error("stock.receive", city=HANGZHOU, kind=KIND, quantity=7, op="denied"), "DENIED")
            self.assertRefused(coordinator.error("stock.receive", city=NINGBO, kind=KIND, quantity=7, op="denied"), "DENIED")
        with self.daemon.client() as local:
            self.assertNotIn("denied", [op["op"] for op in local.dump(tables=["op"]).table("op")])
        self.assertEqual(city.call("stock.receive", city=NINGBO, kind=KIND, quantity=7, op="denied")["city"], NINGBO)

    def test_the_command_line(self):
        self.as_(self.CITY).error("log.list")
        env = {**os.environ, "RELIEF_SERVER": "unix:" + self.daemon.socket_path}
        for words in (["denials"], ["server", "denials"]):
            run = subprocess.run([os.path.join(BIN, "relief"), "--json"] + words, env=env, capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual([json.loads(line) for line in run.stdout.splitlines()], self.client().items("server.denials"))
        table = subprocess.run([os.path.join(BIN, "relief"), "denials", "--limit", "1"], env=env, capture_output=True, text=True)
        self.assertIn("DENIED", table.stdout + table.stderr)


class Starts(unittest.TestCase):
    def test_numbers_go_on(self):
        daemon = Daemon(listen=("tcp:127.0.0.1:0",)).start()
        self.addCleanup(daemon.close)
        with daemon.client("tcp") as stranger:
            stranger.error("city.list")
        self.assertEqual(daemon.stop(), 0)  # a stop writes what waits
        path = os.path.join(daemon.data, "denials.jsonl")
        with open(path) as file:
            self.assertEqual([json.loads(line)["n"] for line in file], [1])
        with open(path, "a") as file:
            file.write('{"address":"tcp:1.2.3.4","co')  # torn by a power cut
        daemon.start()
        with daemon.client("tcp") as stranger, daemon.client() as local:
            stranger.error("kind.list")
            self.assertEqual([(row["n"], row["method"]) for row in local.items("server.denials")], [(1, "city.list"), (2, "kind.list")])
        self.assertEqual(daemon.kill(), -9)
        os.rename(path, path + ".gone")
        os.mkdir(path)  # no journal can be had: service goes on
        daemon.start()
        with daemon.client("tcp") as stranger, daemon.client() as local:
            self.assertEqual(stranger.error("kind.list")["code"], "UNAUTHENTICATED")
            daemon.wait_line("id=42 ")
            stats = {row["name"]: row["value"] for row in local.call("server.stats")["counters"]}
            self.assertEqual((stats["denials"], stats["denials_dropped"]), (1, 1))
            self.assertEqual(local.items("server.denials"), [])
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
