"""The README keeps its promises: its `sh` blocks run as they stand, in order, and end with the figures that the text names."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Readme(unittest.TestCase):
    def test_commands_run_as_they_stand(self):
        blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
        self.assertGreaterEqual(len(blocks), 4)
        with tempfile.TemporaryDirectory() as folder:
            env = dict(os.environ, PATH="%s:%s:%s" % (os.environ["RELIEF_BIN"], os.environ["PATH"], ROOT / "ops"))
            script = "set -eu\ntrap '[ -z \"${daemon:-}\" ] || kill $daemon 2> /dev/null || true' EXIT\n" + "\n".join(blocks)
            done = subprocess.run(["bash", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn('"received":25', done.stdout)
            self.assertIn("420700", done.stdout)
            self.assertRegex(done.stdout, r"holds")
            self.assertRegex(done.stdout, r"\nbefore +25 .*(\n[a-z]+ +25 .*){4}\n")
            self.assertRegex(done.stdout, r"identity +relief://420100/city/depot")


if __name__ == "__main__":
    unittest.main()
