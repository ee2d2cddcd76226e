"""Answers come in the order of the requests, as if carried out in that order; reads see every acknowledged change."""
import threading
import unittest

from harness import Case, KIND, HANGZHOU, NINGBO, request, world


class Order(Case):
    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)

    def test_pipeline_of_reads_and_changes(self):
        client = self.client("tcp")
        batch, expected = b"", []
        for n in range(1, 401):
            code = "c%03d" % n
            batch += request(4 * n, "city.put", {"code": code, "name": "city %d" % n, "region": "zhejiang", "lat": n, "lon": n})
            batch += request(4 * n + 1, "city.get", {"code": code})
            batch += request(4 * n + 2, "server.ping")
            batch += request(4 * n + 3, "city.get", {"code": "c%03d" % (n + 1)})
            expected += [4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]
        client.send(batch)
        answers = [client.answer() for _ in expected]
        self.assertEqual([a[1] for a in answers], expected)
        for n in range(400):
            put, get, ping, missing = answers[4 * n:4 * n + 4]
            self.assertIsNone(put[2])
            self.assertEqual(get[3], {k: v for k, v in put[3].items() if k != "seq"})
            self.assertEqual(ping[3], {})
            self.assertEqual(missing[2]["code"], "NOT_FOUND")

    def test_reads_of_the_log_see_the_change_before_them(self):
        client = self.client("tcp")
        for n in range(50):
            client.send(request(1, "city.mode", {"code": NINGBO, "mode": ("normal", "emergency")[n % 2], "reason": "r"}) +
                        request(2, "log.head") + request(3, "server.info") + request(4, "log.list", {"from": n + 1}) +
                        request(5, "server.ping"))
            change, head, info, entries, ping = (client.answer() for _ in range(5))
            self.assertEqual([m[1] for m in (change, head, info, entries, ping)], [1, 2, 3, 4, 5])
            seq = client.call("log.head")["seq"]
            self.assertEqual((head[3]["seq"], info[3]["seq"]), (seq, seq))
            self.assertEqual(entries[3]["items"][-1]["seq"], seq)
            self.assertEqual(info[3]["head"], entries[3]["items"][-1]["hash"])

    def test_a_read_sees_what_others_were_told(self):
        """Two writers and a reader on connections of their own: whatever was acknowledged before a read was sent, shows."""
        told = {"w0": 0, "w1": 0}
        failures = []

        def write(name):
            with self.daemon.client("tcp") as client:
                for n in range(1, 151):
                    client.call("stock.receive", city=NINGBO, kind=KIND, lot=name, quantity=1)
                    told[name] = n

        def read():
            with self.daemon.client() as client:
                while min(told.values()) < 150:
                    before = dict(told)
                    lots = {lot["lot"]: lot["quantity"] for lot in client.call("stock.get", city=NINGBO, kind=KIND)["lots"]}
                    if any(lots.get(name, 0) < count for name, count in before.items()):
                        failures.append((before, lots))

        threads = [threading.Thread(target=write, args=(name,)) for name in told] + [threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(told, {"w0": 150, "w1": 150})

    def test_messages_behind_a_dump_wait_for_it(self):
        client = self.client()
        client.send(request(1, "request.submit", {"id": "before-dump", "city": HANGZHOU, "kind": KIND, "quantity": 1}) +
                    request(2, "snapshot.dump") + request(3, "server.ping") + request(4, "log.head"))
        answers = [client.answer() for _ in range(4)]
        self.assertEqual([a[1] for a in answers], [1, 2, 3, 4])
        self.assertGreaterEqual(answers[1][3]["seq"], answers[0][3]["seq"])
        rows = [row for n in client.notifications for row in n[2][0]["rows"]]
        self.assertIn("before-dump", [row["id"] for row in rows if row["t"] == "request"])


if __name__ == "__main__":
    unittest.main()
