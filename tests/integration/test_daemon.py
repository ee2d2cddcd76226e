"""The process: options, exit codes, the ready line, one daemon per folder, a stop that loses nothing, a log that fails."""
import errno
import os
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from disk import OnShim, shims
from harness import BIN, Case, DEADLINE, Daemon, KIND, HANGZHOU, request, world


def run(*args, **more):
    """reliefd to its end: (exit code, standard output, standard error)."""
    done = subprocess.run([os.path.join(BIN, "reliefd"), *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=DEADLINE, **more)
    return done.returncode, done.stdout, done.stderr


class Options(unittest.TestCase):
    def test_version_and_help(self):
        self.assertRegex(run("--version")[1], r"^reliefd \d+\.\d+\.\d+\n$")
        code, out, _ = run("--help")
        self.assertEqual(code, 0)
        for option in ("-c", "--data", "--listen", "--check-config", "--foreground"):
            self.assertIn(option, out)

    def test_bad_options(self):
        for args in (["--nope"], ["extra"], ["--listen"], ["--listen", "ftp:x"], ["--listen", "tcp:127.0.0.1"], ["--data", ""],
                     ["--listen", "tcp:127.0.0.1:99999"], ["--listen", "tcp:0.0.0.0:0,as=local"], ["--listen", "unix:/x,as=local"],
                     ["--listen", "tcp:127.0.0.1:0,as=king"], ["--listen", "tcp:127.0.0.1:0,as=city"], ["-c", "/nonexistent/conf"]):
            with self.subTest(args=args):
                code, out, err = run(*args)
                self.assertEqual((code, out), (2, ""))
                self.assertTrue(err)

    def test_check_config(self):
        with tempfile.TemporaryDirectory() as folder:
            good, bad = os.path.join(folder, "good"), os.path.join(folder, "bad")
            with open(good, "w") as file:
                file.write("[data]\ndir = /srv/relief\n[listen]\naddress = tcp:127.0.0.1:7470,as=city:330100\n")
            with open(bad, "w") as file:
                file.write("[data]\nfolder = /srv\n[listen]\naddress = tcp:\n")
            code, out, _ = run("-c", good, "--check-config")
            self.assertEqual(code, 0)
            self.assertIn("/srv/relief", out)
            self.assertIn("tcp:127.0.0.1:7470,as=city:330100", out)
            code, out, _ = run("-c", good, "--check-config", "--data", "/other")
            self.assertIn("/other", out)
            self.assertNotIn("/srv/relief", out)
            code, out, err = run("-c", bad, "--check-config")
            self.assertEqual((code, out), (2, ""))
            self.assertIn("bad:2:", err)
            self.assertIn("bad:4:", err)


class Process(unittest.TestCase):
    def daemon(self, **options):
        daemon = Daemon(**options)
        self.addCleanup(daemon.close)
        return daemon

    def test_ready_names_what_was_bound(self):
        daemon = self.daemon(listen=("tcp:127.0.0.1:0,as=auditor", "tcp:[::1]:0,as=local")).start()
        self.assertEqual(daemon.addresses[0], "unix:" + daemon.socket_path)
        self.assertRegex(daemon.addresses[1], r"^tcp:127\.0\.0\.1:[1-9]\d*$")
        self.assertRegex(daemon.addresses[2], r"^tcp:\[::1\]:[1-9]\d*$")
        with daemon.client("tcp", 1) as client:
            self.assertEqual(client.call("server.hello")["identity"], "local")
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(daemon.socket_path))

    def test_supervisor_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "notify")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.bind(path)
                notify.settimeout(DEADLINE)
                os.environ["NOTIFY_SOCKET"] = path
                self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
                daemon = self.daemon().start()
                self.assertEqual(notify.recv(100), b"READY=1")
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual(notify.recv(100), b"STOPPING=1")

    def test_one_daemon_per_folder(self):
        daemon = self.daemon().start()
        code, _, err = run("--data", daemon.data, "--listen", "tcp:127.0.0.1:0")
        self.assertEqual(code, 1)
        self.assertIn("id=11", err)
        with daemon.client() as client:
            self.assertEqual(client.call("server.ping"), {})

    def test_addresses_that_can_not_be_had(self):
        daemon = self.daemon().start()
        with tempfile.TemporaryDirectory() as folder:
            data = os.path.join(folder, "data")
            for address in ("tcp:127.0.0.1:%d" % daemon.tcp()[1], "unix:" + daemon.socket_path):
                code, _, err = run("--data", data, "--listen", address)
                self.assertEqual(code, 1)
                self.assertIn("id=14", err)
            code, _, err = run("--data", "/proc/none/data", "--listen", "tcp:127.0.0.1:0")
            self.assertEqual(code, 1)
            self.assertIn("id=13", err)

    def test_both_signals_stop_it_cleanly(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            daemon = self.daemon().start()
            with daemon.client() as client:
                client.call("region.put", id="r", name="r")
                self.assertEqual(daemon._end(how), 0)
                self.assertIsNone(client.message())
            self.assertIn("id=2 ", daemon.lines[-1])
            self.assertEqual(daemon.faults(), [])

    def test_a_stop_under_load_loses_nothing(self):
        daemon = self.daemon().start()
        acknowledged = []
        with daemon.client() as client:
            world(client)

        def write(name):
            with daemon.client("tcp") as writer:
                for n in range(1000000):
                    try:
                        writer.send(request(n, "request.submit", {"id": "%s-%d" % (name, n), "city": HANGZHOU, "kind": KIND, "quantity": 1}))
                        answer = writer.answer()
                    except OSError:
                        return
                    if answer is None:
                        return
                    self.assertIsNone(answer[2])
                    acknowledged.append("%s-%d" % (name, n))
                    if len(acknowledged) == 100:
                        enough.set()

        enough = threading.Event()
        threads = [threading.Thread(target=write, args=("w%d" % n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        self.assertTrue(enough.wait(DEADLINE))
        self.assertEqual(daemon.stop(), 0)
        for thread in threads:
            thread.join()
        self.assertEqual(daemon.faults(), [])
        daemon.start()
        self.assertFalse([line for line in daemon.lines if "id=3 " in line], "a clean stop leaves nothing to apply")
        with daemon.client() as client:
            there = {row["id"] for row in client.dump().table("request")}
        self.assertEqual(set(acknowledged) - there, set())

    def test_a_log_that_fails(self):
        """The first failed write ends it all: nothing of it is acknowledged, nothing before is lost."""
        daemon = OnShim()
        self.addCleanup(daemon.close)
        if daemon.missing:
            self.skipTest(daemon.missing)
        daemon.start()
        with daemon.client() as client:
            world(client)
            before = client.dump()
            daemon.shim.arm(shims.FAIL, shims.WRITES, 1, times=1 << 40, error=errno.EIO)
            client.send_request("request.submit", {"id": "lost", "city": HANGZHOU, "kind": KIND, "quantity": 1})
            self.assertIsNone(client.answer())
        self.assertEqual(daemon.process.wait(DEADLINE), 1)
        daemon._end(0)
        self.assertTrue([line for line in daemon.lines if "id=20 " in line])
        daemon.shim.disarm()
        daemon.start()
        with daemon.client() as client:
            self.assertEqual(client.dump().lines, before.lines)
            self.assertEqual(client.call("request.submit", id="lost", city=HANGZHOU, kind=KIND, quantity=1)["state"], "covered")

    def test_a_shortage_shows(self):
        """Without descriptors no change is taken for a while; server.info says so as long as it lasts."""
        daemon = self.daemon().start()
        with daemon.client() as client:
            world(client)
            limits = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
            client.call("stock.receive", city=HANGZHOU, kind=KIND, quantity=1)
            daemon.wait_line("id=34 ")
            self.assertEqual(client.call("server.info")["mode"], "read_only")
            resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, limits)
            daemon.wait_line("id=35 ")
            self.assertEqual(client.call("server.info")["mode"], "serving")
            client.call("stock.receive", city=HANGZHOU, kind=KIND, quantity=1)


class Server(Case):
    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)

    def test_info(self):
        client = self.client()
        info, head = client.call("server.info"), client.call("log.head")
        self.assertEqual((info["seq"], info["head"], info["time"]), (head["seq"], head["hash"], head["time"]))
        self.assertEqual((info["cities"], info["kinds"], info["lots"], info["assets"], info["requests_open"]), (3, 2, 2, 0, 0))
        self.assertEqual((info["mode"], info["clock"]), ("serving", "right"))
        client.call("request.submit", id="much", city=HANGZHOU, kind=KIND, quantity=100000)
        self.assertEqual(client.call("server.info")["requests_open"], 1)
        client.call("request.close", id="much", reason="r")
        self.assertEqual(client.call("server.info")["requests_open"], 0)

    def test_stats(self):
        client = self.client()
        def read():
            stats = client.call("server.stats")
            return {c["name"]: c["value"] for c in stats["counters"]}, {l["method"]: l for l in stats["latencies"]}
        counters, latencies = read()
        for _ in range(20):
            client.call("city.get", code=HANGZHOU)
        client.error("city.get", code="nope")
        client.call("stock.receive", city=HANGZHOU, kind=KIND, lot="s", quantity=1)
        after, now = read()
        was = latencies.get("city.get", {"count": 0, "errors": 0})
        self.assertEqual((now["city.get"]["count"] - was["count"], now["city.get"]["errors"] - was["errors"]), (21, 1))
        self.assertEqual(after["log_applied"], counters["log_applied"] + 1)
        self.assertEqual(after["log_durable"], after["log_applied"])
        self.assertEqual(after["messages"], counters["messages"] + 23)
        for row in now.values():
            self.assertLessEqual(row["p50_us"], row["p99_us"])
            self.assertLessEqual(row["p99_us"], row["max_us"])

    def test_travel(self):
        client = self.client()
        self.assertEqual(client.call("travel.get"), {"id": "travel", "permille": 1400, "km_per_hour": 60})
        self.assertEqual(client.call("travel.put", permille=1500, km_per_hour=50)["permille"], 1500)
        self.assertEqual(client.call("travel.get")["km_per_hour"], 50)

    def test_clock_confirm(self):
        client = self.client()
        answer = client.call("clock.confirm", time=client.call("log.head")["time"])
        self.assertEqual(set(answer), {"seq", "hash", "time"})
        self.assertEqual(client.call("log.head")["seq"], answer["seq"])
        self.assertRefused(client.error("clock.confirm", time=1), "BAD_PARAMS", "time")


if __name__ == "__main__":
    unittest.main()
