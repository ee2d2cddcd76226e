"""The commands of the benchmark, at a size of seconds: that their tables come out, that no figure is lost on the way, and that every request was
answered and covered. Figures themselves are not looked at."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def rows(text, first):
    """Cells of the rows of the tables whose head begins so."""
    found, inside = [], False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif line.startswith("| " + first):
            inside = True
        elif inside and not line.startswith("|---"):
            found.append(cells)
    return found


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tools = tempfile.mkdtemp(prefix="relief-tools-")
        cls.addClassCleanup(shutil.rmtree, cls.tools)
        subprocess.run(["make", "-s", "-C", HERE, "B=" + cls.tools], check=True)

    def run_command(self, *words, **settings):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)  # for the user postgres
            lines = os.path.join(folder, "lines")
            environment = dict(os.environ, TMPDIR=folder, TOOLS=self.tools, RESULTS=lines, QUIET="0", WORLD="30:20", WARM_UP="0.1", **settings)
            open(lines, "w", encoding="ascii").close()
            done = subprocess.run([os.path.join(HERE, *words[:1]), *words[1:]], env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual(os.listdir(folder), ["lines"], "files are left behind")
            with open(lines) as file:
                return done.stdout, [dict(word.split("=", 1) for word in line.split()) for line in file]

    def check_lines(self, lines):
        for line in lines:
            if line["label"] == "fdatasync":
                self.assertGreater(int(line["n"]), 0)
                continue
            self.assertGreater(int(line["n"]), 0, line)
            self.assertEqual(line["answered"], line["sent"], line)
            self.assertEqual(line["failed"], "0", line)
            if line["label"].startswith("relief"):
                self.assertEqual(line["covered"], line["sent"], line)
            else:
                self.assertLessEqual(int(line["sent"]) - int(line["told"]), int(line["sent"]) // 1000 + 1, "more than refills: %s" % line)
                self.assertGreater(int(line["covered"]), 0.98 * int(line["told"]), line)

    def test_peers_and_ratios(self):
        text, lines = self.run_command("run", "1", T="0.5", EXTRA="0", CONNS="8", PIPES="1", PARTS="compare latency")
        self.check_lines(lines)
        missing = text.count("not here,")
        self.assertEqual(len(lines), 5 - missing + 2, text)  # beside the servers one fdatasync, and Relief at half of its rate
        table = [row for row in rows(text, "server | req/s") if len(row) == 11]
        self.assertEqual(len(table), 5, text)
        for row in table:
            self.assertRegex(row[1], "^-$" if "not here," in row[0] else "^[1-9]", row)
        goals = {row[0]: row for row in rows(text, "figure")}
        self.assertEqual(len(goals), 3, text)
        for name, row in goals.items():
            self.assertEqual(row[3] == "not measured", "Tarantool" in name and "not here, tarantool" in text, row)
        self.assertRegex(text, r"Noise: \d+ runs")

    def test_a_sustained_run(self):
        text, lines = self.run_command("run", "1", T="0.3", SUSTAINED="0.5", EXTRA="0", CONNS="4", PIPES="1", PARTS="sustained")
        self.check_lines(lines)
        self.assertEqual([line["label"] for line in lines], ["relief", "relief-sustained", "relief-sustained-random"])
        self.assertEqual([row[1] for row in rows(text, "pipeline")], ["0.3 s", "ids in order of time", "random ids"], text)

    def test_latency_counts_from_when_a_request_was_due(self):
        """All are due at once and four are under way at a time: half of them wait for half of the run, which a closed loop would not see."""
        with tempfile.TemporaryDirectory() as folder:
            server = subprocess.Popen([os.path.join(self.tools, "ceiling"), "0", folder], stdout=subprocess.PIPE, text=True)
            try:
                port = server.stdout.readline().split()[1]
                done = subprocess.run([os.path.join(self.tools, "loadgen"), "-m", "model", "-p", port, "-c", "4", "-w", "0", "-q", "0", "-t", "100",
                                       "-n", "4000", "-r", "1000000000"], stdout=subprocess.PIPE, text=True, check=True)
            finally:
                server.kill()
                server.wait()
                server.stdout.close()
        line = dict(word.split("=", 1) for word in done.stdout.split())
        self.assertEqual((line["n"], line["sent"], line["answered"], line["unsent"]), ("4000", "4000", "4000", "0"), line)
        self.assertGreater(4 * int(line["p50_us"]), int(line["max_us"]), line)

    def test_scale(self):
        text, lines = self.run_command("scale/run", SIZES="20:4000:0 30:9000:500", COUNT="300", ROUNDS="1", RUNS="1", CONNS="4")
        self.check_lines(lines)
        for first in ("cities | lots | history | CPU", "cities | lots | history | records"):
            self.assertEqual([row[:3] for row in rows(text, first)], [["20", "4,000", "0"], ["30", "9,000", "500"]], text)
        for row in rows(text, "cities | lots | history | records"):
            self.assertTrue(all(re.match(r"^[\d,.]+", cell) for cell in row[:-1]), row)
        self.assertEqual(len(rows(text, "figure")), 5)

    def test_no_room_is_said(self):
        text, lines = self.run_command("scale/run", SIZES="20:4000:1e15")
        self.assertIn("left out", text)
        self.assertEqual(lines, [])


if __name__ == "__main__":
    unittest.main()
