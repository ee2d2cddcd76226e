"""Sentences of the contract about the daemon as a whole, each where a client sees it."""
import unittest

from harness import Case, HANGZHOU, KIND, NINGBO, request, world


class Server(Case):
    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)
            for n in range(1000):
                client.send_request("city.put", {"code": "c%04d" % n, "name": "n", "region": "zhejiang", "lat": 0, "lon": n})
                if n % 100 == 99:
                    for _ in range(100):
                        assert client.answer()[2] is None

    def test_a_read_takes_time(self):
        """A thousand cities are not packed within a microsecond: the latency of a read is that of the read."""
        client = self.client()
        client.call("city.list")
        latencies = {row["method"]: row for row in client.call("server.stats")["latencies"]}
        self.assertGreater(latencies["city.list"]["max_us"], 0)


if __name__ == "__main__":
    unittest.main()
