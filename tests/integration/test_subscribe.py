"""Events: in log order, none lost, none twice, only what is durable; from any entry on."""
import json
import os
import shutil
import subprocess
import threading
import unittest

from harness import BIN, DEADLINE, Case, Daemon, KIND, HANGZHOU, NINGBO, WENZHOU, request, world


class Subscribe(Case):
    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)

    def events(self, client, until):
        """Events up to entry `until`, by way of a change that comes after it."""
        found = []
        while True:
            body = client.notification()[2][0]
            self.assertEqual(set(body), {"seq", "time", "topic", "method", "identity", "cities", "record"})
            if body["seq"] > until:
                return found
            found.append(body)

    def mark(self, client):
        """An entry that every subscription without a filter sees; returns the one before it."""
        return client.call("region.put", id="mark", name="mark")["seq"] - 1

    def expected(self, client, first, last):
        """The same from the log: one event for each record that an entry changed."""
        found, at = [], first
        while at is not None and at <= last:
            page = client.call("log.list", {"from": at, "limit": 100})
            for entry in page["items"]:
                for record in entry["outcome"]["records"]:
                    if entry["seq"] <= last:
                        plain = {k: v for k, v in record.items() if k != "t"}
                        found.append((entry["seq"], entry["time"], record["t"], entry["method"], entry["identity"], plain))
            at = page["next"]
        return found

    @staticmethod
    def plain(events):
        return [(e["seq"], e["time"], e["topic"], e["method"], e["identity"], e["record"]) for e in events]

    def test_everything_from_the_first_entry(self):
        client, reader = self.client(), self.client("tcp")
        last = self.mark(client)
        self.assertEqual(reader.call("event.subscribe", from_seq=1), {"seq": 0})
        self.assertEqual(self.plain(self.events(reader, last)), self.expected(client, 1, last))

    def test_live_while_many_write(self):
        reader, client = self.client(), self.client()
        first = reader.call("event.subscribe")["seq"] + 1

        def write(name):
            with self.daemon.client("tcp") as writer:
                writer.send(b"".join(request(n, "request.submit", {"id": "%s-%d" % (name, n), "city": HANGZHOU, "kind": KIND,
                                                                  "quantity": 1}) for n in range(200)))
                for n in range(200):
                    self.assertIsNone(writer.answer()[2])

        threads = [threading.Thread(target=write, args=("w%d" % n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        last = self.mark(client)
        found = self.plain(self.events(reader, last))
        self.assertEqual(found, self.expected(client, first, last))
        self.assertGreaterEqual(len({seq for seq, *_ in found}), 800)

    def test_topics_and_city(self):
        client, reader, both = self.client(), self.client(), self.client()
        first = reader.call("event.subscribe", topics=["request", "dispatch", "region"])["seq"] + 1
        both.call("event.subscribe", topics=["dispatch", "lot"], city=WENZHOU)
        client.call("request.submit", id="topics", city=HANGZHOU, kind=KIND, quantity=3)
        client.call("stock.receive", city=NINGBO, kind=KIND, lot="t", quantity=3)
        client.call("stock.receive", city=WENZHOU, kind=KIND, lot="t", quantity=3)
        last = self.mark(client)
        found = self.events(reader, last)
        self.assertEqual(self.plain(found), [e for e in self.expected(client, first, last) if e[2] in ("request", "dispatch", "region")])
        self.assertEqual({e["topic"]: e["cities"] for e in found}["request"], [HANGZHOU])
        leg = [e for e in found if e["topic"] == "dispatch"][0]
        self.assertEqual(leg["cities"], [leg["record"]["donor"], HANGZHOU])
        client.call("stock.receive", city=WENZHOU, kind=KIND, lot="u", quantity=1)
        seen = self.events(both, last)
        self.assertEqual(self.plain(seen), [e for e in self.expected(client, first, last) if e[2] in ("lot", "dispatch")
                                            and WENZHOU in (e[5].get("city"), e[5].get("donor"), e[5].get("requester"))])
        self.assertEqual([e["record"]["lot"] for e in seen if e["topic"] == "lot" and e["method"] == "stock.receive"], ["t"])

    def test_the_answer_comes_first(self):
        reader = self.client()
        reader.send(request(5, "event.subscribe", {"from_seq": 1}))
        self.assertEqual(reader.message()[:3], [1, 5, None])
        self.assertEqual(reader.message()[:2], [2, "event"])
        self.assertEqual(reader.call("server.ping"), {})

    def test_a_slow_reader_loses_nothing(self):
        client, reader = self.client(), self.client("tcp")
        reader.call("event.subscribe", from_seq=1)
        for n in range(3000):
            client.send_request("city.put", {"code": "slow", "name": "x" * 1000 + str(n), "region": "zhejiang", "lat": 0, "lon": 0})
            if n % 100 == 99:
                for _ in range(100):
                    self.assertIsNone(client.answer()[2])
        last = self.mark(client)
        found = self.plain(self.events(reader, last))
        self.assertEqual(found, self.expected(client, 1, last))

    def test_from_the_entry_behind_the_last(self):
        client, reader = self.client(), self.client()
        seq = client.call("log.head")["seq"]
        self.assertEqual(reader.call("event.subscribe", from_seq=seq + 1), {"seq": seq})
        seqs = [client.call("region.put", id="later", name=str(n))["seq"] for n in range(3)]
        self.assertEqual([reader.notification()[2][0]["seq"] for _ in range(3)], seqs)

    def test_an_entry_that_this_log_never_had(self):
        """Who knows it has read another database, or a copy that was replaced: waiting for it would lose what comes before."""
        client = self.client()
        seq = client.call("log.head")["seq"]
        for beyond in (seq + 2, seq + 1000, 2 ** 63 - 1):
            refusal = client.error("event.subscribe", from_seq=beyond)
            self.assertRefused(refusal, "BAD_PARAMS", "from_seq")
            self.assertIn("the log ends at entry %d;" % seq, refusal["message"])
            self.assertIn("another database", refusal["message"])
        self.assertEqual(client.call("event.subscribe", from_seq=seq + 1), {"seq": seq}, "nothing was begun")

    def watch(self, *words):
        return subprocess.run([os.path.join(BIN, "relief"), "--server", "unix:" + self.daemon.socket_path, "watch", *words],
                              capture_output=True, text=True, timeout=DEADLINE)

    def test_watch_says_that_it_is_another_database(self):
        seq = self.client().call("log.head")["seq"]
        for words in ((), ("--city", HANGZHOU), ("--json",)):
            done = self.watch("--from-seq", str(seq + 2), *words)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("BAD_PARAMS", done.stderr)
            self.assertIn("the log ends at entry %d; who has read later ones read another database" % seq, done.stderr)

    def test_watch_over_a_daemon_that_comes_back_with_an_older_copy(self):
        """A subscriber that goes on where it was finds out, instead of waiting for ever."""
        daemon = Daemon().start()
        self.addCleanup(daemon.close)
        with daemon.client() as client:
            world(client)
        self.assertEqual(daemon.stop(), 0)
        older = daemon.data + ".older"
        shutil.copytree(daemon.data, older)
        daemon.start()
        with daemon.client() as client:
            seqs = [client.call("region.put", id="r", name=str(n))["seq"] for n in range(3)]
        watch = subprocess.Popen([os.path.join(BIN, "relief"), "--json", "--server", "unix:" + daemon.socket_path, "watch",
                                  "--from-seq", str(seqs[0])], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual([json.loads(watch.stdout.readline())["seq"] for _ in seqs], seqs)
        self.assertEqual(daemon.stop(), 0)
        shutil.rmtree(daemon.data)
        os.rename(older, daemon.data)
        daemon.start()
        out, err = watch.communicate(timeout=DEADLINE)
        self.assertEqual((watch.returncode, out), (1, ""), err)
        self.assertIn("connecting again", err)
        self.assertIn("the log ends at entry %d; who has read later ones" % (seqs[0] - 1), err)

    def test_after_a_restart(self):
        client = self.client()
        last = self.mark(client)
        before = self.expected(client, 1, last)
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        reader, client = self.client(), self.client()
        reader.call("event.subscribe", from_seq=1)
        self.mark(client)
        self.assertEqual(self.plain(self.events(reader, last)), before)

    def test_refusals(self):
        client = self.client()
        self.assertRefused(client.error("event.subscribe", topics=["city", "nope"]), "BAD_PARAMS", "topics.1")
        self.assertRefused(client.error("event.subscribe", from_seq=0), "BAD_PARAMS", "from_seq")
        client.call("event.subscribe", topics=["incident"])
        self.assertRefused(client.error("event.subscribe"), "TOO_MANY")
        self.assertEqual(client.call("server.ping"), {})


if __name__ == "__main__":
    unittest.main()
