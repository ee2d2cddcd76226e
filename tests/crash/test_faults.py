"""Write and sync errors under load, put in by strace: nothing is acknowledged any more, the daemon ends with exit 1 and says why,
the next start is clean and everything acknowledged is there. Without strace: skipped (77)."""
import os
import random
import shutil
import subprocess
import sys
import unittest

import check
import segments
from journal import Journal, Load, require
from harness import BIN, DEADLINE, Daemon, world

STRACE = shutil.which("strace")
SEED = int(os.environ.get("SEED", "1"))


def inject(call, error, when):
    return ["-e", "trace=" + call, "-e", "inject=%s:error=%s:when=%d" % (call, error, when)]


class Attached:
    """strace on a running daemon; every thread counts its calls by itself."""

    def __init__(self, daemon, options, path=None):
        self.output = os.path.join(daemon.folder, "strace")
        command = [STRACE, "-f", "-o", self.output, "-p", str(daemon.process.pid)] + options + (["-P", path] if path else [])
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        require("attached" in line, "strace did not attach:", line)

    def end(self):
        """Waits for the daemon's end; says whether the fault was put in."""
        self.process.wait(DEADLINE)
        self.process.stderr.close()
        with open(self.output) as file:
            return "(INJECTED)" in file.read()


class Faults(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(listen=())
        self.addCleanup(self.daemon.close)
        conf = os.path.join(self.daemon.folder, "conf")
        with open(conf, "w") as file:
            # strace answers a call in the kernel's stead by making it number -1, which the sandbox takes for what it is.
            file.write("[data]\nsegment_mib = 1\n[sandbox]\nseccomp = off\n")
        self.daemon.args = ["-c", conf]
        self.journal = Journal(random.Random(SEED))
        self.log = check.Log()

    def prepare(self):
        self.daemon.start()
        with self.daemon.client() as client:
            world(client)
        self.load(300).finish()

    def load(self, answers):
        load = Load(self.journal, self.daemon.socket_path, 16, 8)
        load.run(answers)
        return load

    def ended(self, *words):
        """The daemon ended by itself, with exit 1 and a message."""
        process = self.daemon.process
        code = process.wait(DEADLINE)
        self.daemon.kill()
        text = "\n".join(self.daemon.lines)
        self.assertEqual(code, 1, text)
        for word in words:
            self.assertIn(word, text)
        self.assertNotIn("stopped cleanly", text)

    def starts_clean(self):
        """The next start serves all that was acknowledged, and what was unknown can be repeated."""
        self.daemon.lines.clear()
        self.daemon.start()
        with self.daemon.client() as client:
            self.log.read(client, self.journal)
            check.note_cancels(self.log, self.journal)
            check.check_everything(client, self.log, self.journal)
            check.resolve(client, self.log, self.journal, self.journal.unknown.values())
            check.check_everything(client, self.log, self.journal)
        self.assertEqual(self.daemon.stop(), 0, self.daemon.lines)
        check.require_check(self.daemon.data)

    def fault_under_load(self, options, *words, path=None, trigger=None):
        self.prepare()
        tracer = Attached(self.daemon, options, path)
        load = self.load(1000 if trigger else 100000)
        if trigger:
            trigger()
        load.drain()
        self.ended(*words)
        self.assertLess(load.silence, 4.0, "clients were kept waiting for answers that can't come")
        self.assertTrue(tracer.end(), "the fault was not reached")

    # ---- the log ----

    def test_sync_of_a_batch_fails(self):
        for when in (1, 2, 7):
            with self.subTest(when=when):
                self.setUp()
                self.fault_under_load(inject("fdatasync", "EIO", when), "Input/output error")
                # The batch was written, its sync failed: it is the last one in the log, and nobody was told of it.
                last = segments.records(segments.paths(self.daemon.data)[-1])
                batch = {record.seq for record in last if record.batch == last[-1].batch}
                told = {op.seq for op in self.journal.acknowledged()}
                self.assertTrue(batch)
                self.assertFalse(batch & told, "acknowledged without a sync")
                self.starts_clean()

    def test_write_of_a_batch_fails(self):
        for when in (1, 2, 7):  # a full disk is no such error: test_full.py
            with self.subTest(when=when):
                self.setUp()
                self.fault_under_load(inject("pwrite64", "EIO", when), "Input/output error")
                self.starts_clean()

    def test_making_the_next_segment_fails(self):
        """A full disk ahead of time stops nothing yet; a failed sync does."""
        self.fault_under_load(inject("fsync", "EIO", 1), "Input/output error")
        self.starts_clean()

    # ---- the store ----

    def test_writing_the_store_fails(self):
        def dump():
            with self.daemon.client() as client:
                client.send_request("snapshot.dump")
                while client.message() is not None:
                    pass
        for call, error, text in (("writev", "EIO", "Input/output error"), ("fdatasync", "EIO", "Input/output error"),
                                  ("pwrite64", "EIO", "Input/output error")):
            with self.subTest(call=call):
                self.setUp()
                data = os.path.join(self.daemon.data, "store", "data.mdb")
                self.fault_under_load(inject(call, error, 1), text, "the store can't be written", path=data, trigger=dump)
                self.starts_clean()

    # ---- the start ----

    def start_with_fault(self, options):
        command = [STRACE, "-f", "-o", os.path.join(self.daemon.folder, "strace")] + options
        command += [os.path.join(BIN, "reliefd"), "--data", self.daemon.data, "--listen", "unix:" + self.daemon.socket_path]
        process = subprocess.Popen(command + self.daemon.args, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("ready "):
                process.terminate()  # strace hands it on
        process.stderr.close()
        self.assertEqual(process.wait(DEADLINE), 1, lines)
        self.assertFalse([line for line in lines if line.startswith("ready ")], lines)
        return "".join(lines)

    FIRST = (("pwrite64", "ENOSPC", "No space left on device"), ("fsync", "EIO", "Input/output error"))

    def test_the_first_start_fails(self):
        for call, error, text in self.FIRST:
            with self.subTest(call=call):
                self.setUp()
                self.assertIn(text, self.start_with_fault(inject(call, error, 1)))
                self.prepare()
                self.assertEqual(self.daemon.stop(), 0)
                self.starts_clean()

    def test_a_start_after_a_kill_fails(self):
        self.prepare()
        load = self.load(1000)
        self.daemon.kill()
        load.drain()
        self.assertIn("Input/output error", self.start_with_fault(inject("fdatasync", "EIO", 1)))
        self.starts_clean()


if __name__ == "__main__":
    if not STRACE:
        print("strace is not installed")
        sys.exit(77)
    unittest.main(verbosity=2)
