"""The systemd unit: systemd reads it without a complaint, finds little that is open, and lets through what the daemon does."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

from harness import BIN, DEADLINE, Daemon, world

UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "ops", "reliefd.service")
EXPOSURE_MAX = 1.2
INSTRUMENTED = os.environ.get("RELIEF_INSTRUMENTED", "")


def analyze(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=DEADLINE)


def needs_systemd(test):
    return unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")(test)


def settings(name):
    """The values of a setting, line by line."""
    with open(UNIT) as file:
        return re.findall(r"^%s=(.*)$" % name, file.read(), re.M)


class Unit(unittest.TestCase):
    @needs_systemd
    def test_systemd_reads_it(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "reliefd.service")
            with open(UNIT) as file, open(path, "w") as copy:
                copy.write(file.read().replace("/usr/sbin/reliefd", os.path.abspath(os.path.join(BIN, "reliefd"))))
            done = analyze("verify", "--man=no", path)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    @needs_systemd
    def test_exposure(self):
        done = analyze("security", "--offline=true", UNIT)
        if "Unknown option" in done.stderr or "unrecognized option" in done.stderr:
            self.skipTest("this systemd-analyze can't look at a file: " + done.stderr.strip())
        self.assertNotIn("nknown", done.stderr)
        found = re.search(r"Overall exposure level for reliefd\.service: ([\d.]+)", done.stdout)
        self.assertTrue(found, done.stdout + done.stderr)
        self.assertLessEqual(float(found.group(1)), EXPOSURE_MAX, done.stdout)

    def filter(self):
        """The calls that the unit lets through: allowed, then taken away, then allowed again, in the order of the lines."""
        allowed = set(self.expand(["@default"]))
        for line in settings("SystemCallFilter"):
            words = self.expand(line.lstrip("~").split())
            allowed = allowed - words if line.startswith("~") else allowed | words
        return allowed

    def expand(self, words):
        calls = set()
        for word in words:
            if not word.startswith("@"):
                calls.add(word)
                continue
            done = analyze("syscall-filter", "--no-pager", word)
            self.assertEqual(done.returncode, 0, done.stderr)
            calls |= self.expand(re.findall(r"^    (@?\w[\w-]*)$", done.stdout, re.M))
        return calls

    @needs_systemd
    @unittest.skipUnless(shutil.which("strace"), "no strace here")
    @unittest.skipIf(INSTRUMENTED, "instrumented builds take calls of their own: " + INSTRUMENTED)
    def test_the_filter_has_what_the_daemon_takes(self):
        """Start, work, a dump, a stop: whatever is not let through would only show in production."""
        with tempfile.TemporaryDirectory() as folder:
            # -D: the daemon is the child that the harness knows, strace looks on from aside, and ends before the daemon's lines do.
            wrapper = os.path.join(folder, "reliefd")
            trace = os.path.join(folder, "trace")
            with open(wrapper, "w") as file:
                file.write('#!/bin/sh\nexec strace -D -f -q -o "%s" "%s" "$@"\n' % (trace, os.path.abspath(os.path.join(BIN, "reliefd"))))
            os.chmod(wrapper, 0o755)
            daemon = Daemon()
            self.addCleanup(daemon.close)
            with unittest.mock.patch("harness.BIN", folder):
                daemon.start()
            with daemon.client() as client:
                world(client)
                client.dump()
                client.call("shortfall.list")
            self.assertEqual(daemon.stop(), 0)
            with open(trace) as file:
                taken = set(re.findall(r"^\d+ +([a-z]\w*)\(", file.read(), re.M))
        self.assertGreater(len(taken), 40, taken)
        root_only = {"capset"}  # a plain user has no capabilities to drop
        self.assertEqual(taken - self.filter() - root_only, set())

    def test_where_things_are(self):
        """The defaults of the configuration are the folders that the unit makes."""
        printed = subprocess.run([os.path.join(BIN, "reliefd"), "--check-config", "-c", "/dev/null"], capture_output=True, text=True,
                                 timeout=DEADLINE, env={k: v for k, v in os.environ.items() if k != "RELIEF_SOCKET"}).stdout
        self.assertIn("dir = /var/lib/%s\n" % settings("StateDirectory")[0], printed)
        self.assertIn("address = unix:/run/%s/" % settings("RuntimeDirectory")[0], printed)
        self.assertEqual(settings("RuntimeDirectoryMode"), ["0755"])
        self.assertEqual(settings("PrivateUsers"), ["no"], "peers would all be nobody")
        connections = int(re.search(r"^connections = (\d+)$", printed, re.M).group(1))
        self.assertGreater(int(settings("LimitNOFILE")[0]), connections + 100)
