"""What relief(1) can't write: a full disk, a limit on the length of files. Exit 1, one sentence that says why, and nothing half done is
left behind."""
import os
import resource
import subprocess
import tempfile
import unittest

from harness import BIN, DEADLINE, Case, world

LIMIT = 20000  # bytes of a file; what is written here is longer


def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))


class Output(Case):
    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)
            for n in range(100):
                client.call("region.put", id="r%d" % n, name="n" * 800)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="relief-output-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def relief(self, *words, stdout=subprocess.PIPE, **more):
        return subprocess.run([os.path.join(BIN, "relief"), "--server", "unix:" + self.daemon.socket_path, *words], stdin=subprocess.DEVNULL,
                              stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=DEADLINE, **more)

    def refused(self, done, why):
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stderr.count(why), 1, done.stderr)

    def test_a_limit_on_the_length_of_files(self):
        """As an error of the write, not by the signal that comes with it."""
        path = os.path.join(self.folder, "out")
        for words in (["dump", "-o", path], ["dump", "--format", "csv", "-o", path], ["dump", "--format", "msgpack", "-o", path],
                      ["log", "export", "-o", path]):
            with self.subTest(words=words):
                self.refused(self.relief(*words, preexec_fn=limited), "File too large")
                self.assertEqual(os.listdir(self.folder), [])
        self.refused(self.relief("backup", path, preexec_fn=limited), "File too large")

    def test_a_full_disk(self):
        for words in (["dump"], ["log", "export"], ["region", "list"], ["region", "list", "--csv"], ["region", "list", "--json"],
                      ["help"], ["call", "region.list"]):
            with self.subTest(words=words), open("/dev/full", "w") as full:
                self.refused(self.relief(*words, stdout=full), "No space left on device")

    def test_a_reader_that_goes_away(self):
        for words in (["dump"], ["log", "export"], ["region", "list"]):
            with self.subTest(words=words):
                reader, writer = os.pipe()
                os.close(reader)
                done = self.relief(*words, stdout=writer)
                os.close(writer)
                self.refused(done, "Broken pipe")


if __name__ == "__main__":
    unittest.main()
