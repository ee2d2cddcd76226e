"""The daemon's own sandbox: what the kernel says of the process, that everything it does is still possible inside, the switches."""
import os
import re
import socket
import subprocess
import tempfile
import unittest

from harness import BIN, DEADLINE, Daemon, world

# Sanitizers and coverage go without parts of it (daemon/sandbox/CMakeLists.txt).
INSTRUMENTED = os.environ.get("RELIEF_INSTRUMENTED", "")


def threads(pid):
    """The status of each thread, as a dictionary."""
    found = []
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, thread)) as status:
            found.append(dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line))
    return found


def landlock_abi():
    """The number that the kernel tells, 0 where it has none: landlock_create_ruleset(NULL, 0, VERSION)."""
    import ctypes
    return max(0, ctypes.CDLL(None).syscall(444, None, 0, 1))


class Sandbox(unittest.TestCase):
    def configured(self, text, **options):
        folder = tempfile.mkdtemp(prefix="relief-")
        path = os.path.join(folder, "conf")
        with open(path, "w") as file:
            file.write(text)
        daemon = Daemon(folder=folder, args=["-c", path], **options)
        daemon.own_folder = True
        self.addCleanup(daemon.close)
        return daemon

    def in_force(self, daemon):
        return re.search(r" sandbox=(\S+)", daemon.wait_line("id=1 ")).group(1)

    @unittest.skipIf(INSTRUMENTED, "instrumented builds have no filter or no Landlock: " + INSTRUMENTED)
    def test_what_the_kernel_says(self):
        daemon = self.configured("").start()
        abi = landlock_abi()
        self.assertEqual(self.in_force(daemon), "calls,files:%d" % abi if abi else "calls")
        self.assertEqual(any("id=50 " in line for line in daemon.lines), abi == 0, "a kernel without Landlock is told of")
        with daemon.client() as client:
            world(client)
            client.dump()
        rows = threads(daemon.process.pid)
        self.assertGreater(len(rows), 2)
        for row in rows:
            self.assertEqual(row["Seccomp"], "2", row)
            self.assertEqual(row["Seccomp_filters"], "1", row)
            self.assertEqual(row["NoNewPrivs"], "1", row)
            for which in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(row[which], 16), 0, which)
        if os.geteuid() != 0:
            with self.assertRaises(PermissionError, msg="not dumpable"):
                os.listdir("/proc/%d/fd" % daemon.process.pid)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(daemon.socket_path), "the socket is removed from inside")

    @unittest.skipIf(INSTRUMENTED, "instrumented builds have no filter or no Landlock: " + INSTRUMENTED)
    def test_switches(self):
        files = "files:%d" % landlock_abi() if landlock_abi() else ""
        for calls, landlock, wanted in (("off", "off", "none"), ("on", "off", "calls"), ("off", "on", files or "none"),
                                        ("report", "off", "report")):
            with self.subTest(seccomp=calls, landlock=landlock):
                daemon = self.configured("[sandbox]\nseccomp = %s\nlandlock = %s\n" % (calls, landlock)).start()
                self.assertEqual(self.in_force(daemon), wanted)
                self.assertEqual(threads(daemon.process.pid)[0]["Seccomp"], "0" if calls == "off" else "2")
                with daemon.client() as client:
                    client.call("region.put", id="r", name="r")
                self.assertEqual(daemon.stop(), 0)
        for text in ("seccomp = yes", "landlock = report"):
            daemon = self.configured("[sandbox]\n%s\n" % text)
            done = subprocess.run([os.path.join(BIN, "reliefd"), *daemon.args, "--check-config"], capture_output=True, text=True,
                                  timeout=DEADLINE)
            self.assertEqual(done.returncode, 2)
            self.assertIn("conf:2: error:", done.stderr)

    def test_everything_is_read_again_at_the_next_start(self):
        """A kill, a recovery inside the sandbox, and a folder that is a link, with a part of it elsewhere."""
        daemon = self.configured("")
        real, log = os.path.join(daemon.folder, "real"), os.path.join(daemon.folder, "log-disk")
        os.makedirs(real)
        os.makedirs(log)
        os.symlink(real, daemon.data)
        os.symlink(log, os.path.join(real, "log"))
        daemon.start()
        with daemon.client() as client:
            world(client)
            head = client.call("log.head")
        daemon.kill()
        daemon.lines.clear()
        daemon.start()
        self.assertTrue(os.listdir(log))
        with daemon.client() as client:
            self.assertEqual(client.call("log.head"), head)
        self.assertEqual(daemon.stop(), 0)

    def test_names_of_hosts(self):
        daemon = self.configured("", listen=("tcp:localhost:0,as=local",)).start()
        host = daemon.tcp()[0]
        self.assertIn(host, ("127.0.0.1", "::1"))
        with daemon.client("tcp") as client:
            self.assertEqual(client.call("server.hello")["identity"], "local")

    def test_a_supervisor_that_watches(self):
        """Its socket is in the abstract name space, which the sandbox would not let be reached later."""
        name = "\0relief-test-%d" % os.getpid()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(name)
            notify.settimeout(DEADLINE)
            os.environ.update(NOTIFY_SOCKET="@" + name[1:], WATCHDOG_USEC="200000")
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
            self.addCleanup(os.environ.pop, "WATCHDOG_USEC")
            daemon = self.configured("").start()
            self.assertEqual(notify.recv(100), b"READY=1")
            for _ in range(3):
                self.assertEqual(notify.recv(100), b"WATCHDOG=1")
            self.assertEqual(daemon.stop(), 0)
            said = notify.recv(100)
            while said == b"WATCHDOG=1":
                said = notify.recv(100)
            self.assertEqual(said, b"STOPPING=1")
