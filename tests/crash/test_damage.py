"""Clean stops under load, two daemons on one folder, and folders that were damaged: found and named, never served as if it were right."""
import hashlib
import os
import random
import shutil
import signal
import subprocess
import unittest

import check
import segments
from journal import Journal, Load
from harness import BIN, DEADLINE, Daemon, Refused, world

SEED = int(os.environ.get("SEED", "1"))


def digests(folder):
    """Of everything that is read; a next segment that was under way when the daemon ended (next.tmp) is thrown away by any start."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            if os.path.isfile(path) and name not in ("lock", "lock.mdb", "next.tmp"):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


class Folder(unittest.TestCase):
    def setUp(self):
        self.rng = random.Random(SEED)
        self.daemon = Daemon(listen=())
        self.addCleanup(self.daemon.close)
        conf = os.path.join(self.daemon.folder, "conf")
        with open(conf, "w") as file:
            file.write("[data]\nsegment_mib = 1\n")
        self.daemon.args = ["-c", conf]
        self.journal = Journal(self.rng)
        self.log = check.Log()

    def load(self, answers):
        load = Load(self.journal, self.daemon.socket_path, 32, 8)
        load.run(answers)
        return load

    def fill(self, answers):
        """A world and some load, all of it answered."""
        self.daemon.start()
        with self.daemon.client() as client:
            world(client)
        self.load(answers).finish()

    def check(self):
        with self.daemon.client() as client:
            self.log.read(client, self.journal)
            check.note_cancels(self.log, self.journal)
            check.check_everything(client, self.log, self.journal)

    def refused_start(self):
        """A start that ends by itself with exit 1; what it said."""
        command = [os.path.join(BIN, "reliefd"), "--data", self.daemon.data, "--listen", "unix:" + self.daemon.socket_path]
        run = subprocess.run(command + self.daemon.args, capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertNotIn("ready", run.stderr.replace("already", ""))
        return run.stderr


class Stop(Folder):
    def test_sigterm_under_load(self):
        """What was taken in is answered; what was not answered has not happened."""
        self.daemon.start()
        with self.daemon.client() as client:
            world(client)
        for _ in range(5):
            load = self.load(self.rng.randint(1, 1500))
            self.daemon.process.send_signal(signal.SIGTERM)
            load.drain()
            self.assertEqual(self.daemon.stop(), 0, self.daemon.lines)  # a second stop doesn't interrupt the first
            self.daemon.lines.clear()
            self.daemon.start()
            self.check()
            done = [op.key for op in self.journal.unknown.values() if op.key in self.log.effects]
            self.assertEqual(done, [], "done and not answered by a clean stop")
        self.assertEqual(self.daemon.stop(), 0)
        check.require_check(self.daemon.data)

    def test_a_second_daemon(self):
        self.fill(200)
        before = len(self.daemon.lines)
        command = [os.path.join(BIN, "reliefd"), "--data", self.daemon.data, "--listen", "unix:" + self.daemon.socket_path + "2"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn("another daemon", run.stderr)
        self.load(200).finish()
        self.check()
        self.assertEqual(len(self.daemon.lines), before)
        self.assertEqual(self.daemon.stop(), 0)


class DamagedLog(Folder):
    """Every kind of damage to the last segment, one after the other on copies of the same folder."""

    def setUp(self):
        super().setUp()
        self.journal.source = 1000 * "s"
        self.fill(6000)
        for _ in range(100):  # until the last segment holds some batches
            self.load(50).finish()
            self.paths = segments.paths(self.daemon.data)
            last = segments.records(self.paths[-1])
            if len([record for record in last if record.batch != last[-1].batch]) > 50:
                break
        self.daemon.kill()
        self.assertGreater(len(self.paths), 2)
        self.whole = self.daemon.data + ".whole"
        shutil.copytree(self.daemon.data, self.whole)

    def again(self):
        shutil.rmtree(self.daemon.data)
        shutil.copytree(self.whole, self.daemon.data)

    def refuses(self, name, *words):
        before = digests(os.path.join(self.daemon.data, "log"))
        said = self.refused_start()
        for word in (name,) + words:
            self.assertIn(word, said)
        self.assertEqual(digests(os.path.join(self.daemon.data, "log")), before, "the damaged log was changed")
        code, text = check.relief_check(self.daemon.data)
        self.assertIn(code, (1, 4), text)
        self.assertIn(name, text)

    def test_flipped_bits_before_the_last_batch(self):
        path = self.paths[-1]
        all_of_it = segments.records(path)
        records = [record for record in all_of_it if record.batch != all_of_it[-1].batch]
        self.assertGreater(len(records), 50)
        for record in self.rng.sample(records, 8) + [records[0], records[-1]]:
            offset = record.offset + self.rng.choice((self.rng.randrange(72), self.rng.randrange(record.bytes)))
            with self.subTest(entry=record.seq, within=offset - record.offset):
                self.again()
                segments.flip(path, offset, self.rng.randrange(8))
                self.refuses(os.path.basename(path), "offset %d" % record.offset)
        self.again()
        self.daemon.start()
        self.check()

    def test_a_segment_cut_short(self):
        for path in (self.paths[0], self.paths[-1]):
            with self.subTest(path=path):
                self.again()
                os.truncate(path, os.path.getsize(path) // 2)
                self.refuses(os.path.basename(path))

    def test_a_flipped_bit_in_a_segment_header(self):
        for path in (self.paths[0], self.paths[-1]):
            for offset in self.rng.sample(range(64), 4):
                with self.subTest(path=path, offset=offset):
                    self.again()
                    segments.flip(path, offset, self.rng.randrange(8))
                    self.refuses(os.path.basename(path))

    def test_a_missing_segment(self):
        for path in (self.paths[0], self.paths[1]):
            with self.subTest(path=path):
                self.again()
                os.unlink(path)
                self.refuses("missing")

    def test_flipped_bits_in_an_older_segment(self):
        """They are found when they are read: the check names them, nobody gets a wrong answer from them."""
        path = self.paths[0]
        for record in self.rng.sample(segments.records(path)[20:], 4):
            with self.subTest(entry=record.seq):
                self.again()
                # The store up to date first, so that the start needs none of it.
                self.daemon.start()
                self.assertEqual(self.daemon.stop(), 0)
                segments.flip(path, record.offset + self.rng.randrange(72, record.bytes - 8), self.rng.randrange(8))
                code, text = check.relief_check(self.daemon.data)
                self.assertEqual(code, 4, text)
                self.assertIn(os.path.basename(path), text)
                self.daemon.start()
                with self.daemon.client() as client:
                    with self.assertRaises(Refused):
                        client.call("log.list", {"from": record.seq, "limit": 1})
                    op = next(op for op in self.journal.ops.values() if op.seq == record.seq)
                    client.send(op.frame)  # its first answer can't be told
                    self.assertIsNotNone(client.answer()[2])
                    others = [op for op in self.journal.repeatable if op.seq != record.seq]
                    check.repeat(client, self.log, self.journal, self.rng.sample(others, 50))
                self.assertEqual(self.daemon.stop(), 0, self.daemon.lines)


class DamagedStore(Folder):
    """LMDB's file: what is read wrong is never served; without it the state comes back from the log."""

    def setUp(self):
        super().setUp()
        self.fill(2500)
        self.check()
        self.assertEqual(self.daemon.stop(), 0)
        self.data = os.path.join(self.daemon.data, "store", "data.mdb")
        with open(self.data, "rb") as file:
            self.whole = file.read()

    def again(self):
        with open(self.data, "wb") as file:
            file.write(self.whole)

    def serves_everything(self):
        self.daemon.lines.clear()
        self.daemon.start()
        self.check()
        self.assertEqual(self.daemon.stop(), 0, self.daemon.lines)
        check.require_check(self.daemon.data)

    def test_deleted(self):
        for names in (["data.mdb"], ["data.mdb", "lock.mdb"], None):
            with self.subTest(names=names):
                folder = os.path.dirname(self.data)
                if names is None:
                    shutil.rmtree(folder)
                else:
                    for name in names:
                        os.unlink(os.path.join(folder, name))
                self.serves_everything()

    def ends_or_is_right(self):
        """Starts on damage and asks for everything: right answers, or an end with a message; says which."""
        self.daemon.lines.clear()
        try:
            self.daemon.start()
            self.check()
        except check.Broken:
            raise
        except (AssertionError, OSError) as ended:  # the daemon ended: at its start, or when it read what is damaged
            code = self.daemon.process.wait(DEADLINE)
            self.daemon.kill()
            text = "\n".join(self.daemon.lines)
            self.assertEqual(code, 1, "%s\n%s" % (ended, text))
            self.assertIn("damaged", text)
            if "put aside" in text:
                self.serves_everything()
            return code
        self.assertEqual(self.daemon.stop(), 0, self.daemon.lines)
        return 0

    def test_flipped_bits(self):
        ends = {}
        for n in range(int(os.environ.get("FLIPS", "40"))):
            offset, bit = self.rng.randrange(len(self.whole)), self.rng.randrange(8)
            with self.subTest(offset=offset, bit=bit):
                self.again()
                segments.flip(self.data, offset, bit)
                code, text = check.relief_check(self.daemon.data)
                self.assertIn(code, (0, 1, 4), text)
                end = self.ends_or_is_right()
                ends[code, end] = ends.get((code, end), 0) + 1
                self.assertFalse(code == 0 and end != 0, "the check holds, and the daemon ends")
        print("(relief check, reliefd):", ends)
        self.assertTrue([key for key in ends if key != (0, 0)], "no flip hit anything")
        os.unlink(self.data)
        self.serves_everything()

    def test_cut_short(self):
        for size in (0, 100, 4096, len(self.whole) // 2, len(self.whole) - 4096):
            with self.subTest(size=size):
                self.again()
                os.truncate(self.data, size)
                self.ends_or_is_right()

    def test_a_log_that_ends_before_the_store(self):
        """The last record wiped: the evidence knows an entry that the log no longer has; without it the store still does."""
        record = segments.records(segments.paths(self.daemon.data)[-1])[-1]
        segments.overwrite(record.path, record.offset, bytes(record.bytes))
        self.assertIn("knows %d entries, but the log ends with entry %d" % (record.seq, record.seq - 1), self.refused_start())
        shutil.rmtree(os.path.join(self.daemon.data, "evidence"))
        self.assertIn("the store stands at entry %d" % record.seq, self.refused_start())


if __name__ == "__main__":
    unittest.main(verbosity=2)
