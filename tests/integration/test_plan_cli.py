"""Plans on the command line: dry by default, saved, applied, piped, compared; what a refusal prints; progress on a terminal only."""
import csv
import io
import json
import os
import pty
import subprocess
import tempfile
import unittest

from harness import BIN, DEADLINE, Case

MEASURES = ["of", "covered", "mean_permille", "worst_permille", "gini_permille", "unit_minutes", "legs", "donors", "at_zero", "expiring"]


class PlanCommands(Case):
    """Acceptance scenario 8: three cities ask for 90, 60 and 30 masks, and there are 90."""

    def setUp(self):
        super().setUp()
        self.name = self.id().rsplit(".", 1)[1][5:30].replace("_", "-")
        self.root = self.client()
        self.root.call("region.put", id=self.name, name="plans", agreement="auto")
        self.kind = self.name + "-mask"
        self.root.call("kind.put", {"code": self.kind, "name": "mask", "class": "supply", "unit": "piece"})
        for n, short in enumerate("dabc"):
            self.root.call("city.put", code=self.code(short), name=short, region=self.name, lat=0, lon=n * 100000)
        self.root.call("stock.receive", city=self.code("d"), kind=self.kind, quantity=90)
        folder = tempfile.TemporaryDirectory(prefix="relief-")
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "plan.json")

    def code(self, short):
        return self.name + "-" + short

    def ask(self):
        for short, quantity in (("a", 90), ("b", 60), ("c", 30)):
            self.root.call("request.submit", id=self.code("r" + short), city=self.code(short), kind=self.kind, quantity=quantity,
                           priority=3)
        return ",".join(self.code("r" + short) for short in "abc")

    def relief(self, *args, text=None, code=0):
        done = subprocess.run([os.path.join(BIN, "relief"), "--server", "unix:" + self.daemon.socket_path, *args], input=text,
                              capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, code, (args, done.stdout, done.stderr))
        return done.stdout, done.stderr

    def covered(self):
        return [self.root.call("request.get", id=self.code("r" + short))["covered"] for short in "abc"]

    def head(self):
        return self.root.call("log.head")["seq"]

    def test_dry_by_default(self):
        requests, head = self.ask(), self.head()
        out, err = self.relief("allocate", "fair", "--requests", requests)
        self.assertIn("nothing was applied", err)
        for words in ("45", "30", "15", "before", "after", "333", "500", "what may reach it goes to others"):
            self.assertIn(words, out)
        self.assertEqual(json.loads(self.relief("allocate", "fair", "--requests", requests, "--json")[0])["covered"], 90)
        self.assertEqual(self.relief("allocate", "--policy", "fair", "--requests", requests, "--json")[1], "")
        self.assertEqual((self.head(), self.covered()), (head, [90, 0, 0]))

    def test_applied_when_told(self):
        requests, head = self.ask(), self.head()
        out, err = self.relief("allocate", "fair", "--requests", requests, "--apply")
        self.assertIn("applied: 3 legs", err)
        self.assertEqual((self.head(), self.covered()), (head + 1, [45, 30, 15]))
        out, err = self.relief("allocate", "nearest", "--requests", requests, "--apply", "--json")
        plan = json.loads(out)
        self.assertEqual((err, plan["policy"], [leg["dispatch"] for leg in plan["legs"]]), ("", "nearest", [self.code("ra") + "/3"]))
        self.assertEqual(self.covered(), [90, 0, 0])

    def test_saved_and_piped(self):
        requests = self.ask()
        shown = self.relief("allocate", "equal", "--requests", requests, "--json", "--save", self.file)[0]
        with open(self.file, encoding="utf-8") as file:
            self.assertEqual(file.read(), shown)
        self.assertEqual(self.covered(), [90, 0, 0])
        out, err = self.relief("plan", "apply", self.file)
        self.assertIn("applied: 3 legs", err)
        self.assertIn(self.code("ra") + "/2", out)
        self.assertEqual(self.covered(), [45, 30, 15])
        piped = self.relief("allocate", "effective", "--requests", requests, "--json")[0]
        applied = json.loads(self.relief("plan", "apply", "-", "--json", text=piped)[0])
        self.assertEqual(applied["digest"], json.loads(piped)["digest"])
        self.assertEqual(self.covered(), [90, 0, 0])
        for view in ([], ["--json"], ["--csv"], ["--json", "--apply"]):
            saved = self.relief("allocate", "equal", "--requests", requests, *view, "--save", "-")[0]
            self.assertEqual(len(json.loads(saved)["legs"]), 3, view)  # one document, whatever else is asked for
        self.assertEqual(self.covered(), [45, 30, 15])

    def test_stale_says_what_changed(self):
        requests = self.ask()
        self.relief("allocate", "fair", "--requests", requests, "--save", self.file)
        self.root.call("request.amend", id=self.code("rb"), quantity=61)
        head = self.head()
        out, err = self.relief("plan", "apply", self.file, code=1)
        self.assertEqual((out, self.head()), ("", head))
        self.assertIn("STALE: request %s changed since the plan was computed" % self.code("rb"), err)
        self.assertIn("advice:", err)

    def test_csv(self):
        out, err = self.relief("allocate", "fair", "--requests", self.ask(), "--csv")
        rows = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual([(row["donor"], row["requester"], row["quantity"]) for row in rows],
                         [(self.code("d"), self.code(short), units) for short, units in (("a", "45"), ("b", "30"), ("c", "15"))])
        self.assertEqual(err, "")

    def test_compare(self):
        requests, head = self.ask(), self.head()
        out, err = self.relief("plan", "compare", "--requests", requests)
        self.assertEqual([line.split()[0] for line in out.splitlines()], ["of", "before", "nearest", "effective", "fair", "equal"])
        self.assertEqual(out.split()[:len(MEASURES)], MEASURES)
        rows = list(csv.DictReader(io.StringIO(self.relief("plan", "compare", "--requests", requests, "--csv")[0])))
        lines = [json.loads(line) for line in self.relief("plan", "compare", "--requests", requests, "--json")[0].splitlines()]
        self.assertEqual([{key: str(value) for key, value in line.items()} for line in lines], [dict(row) for row in rows])
        self.assertEqual([(line["of"], line["mean_permille"], line["at_zero"]) for line in lines],
                         [("before", 333, 2), ("nearest", 333, 2), ("effective", 333, 2), ("fair", 500, 0), ("equal", 500, 0)])
        self.assertEqual((self.head(), err), (head, ""))

    def test_rebalance(self):
        self.root.call("stock.floor", city=self.code("a"), kind=self.kind, floor=20)
        self.root.call("stock.floor", city=self.code("b"), kind=self.kind, floor=30, target=50)
        head = self.head()
        words = ("--region", self.name, "--kinds", self.kind)
        out, err = self.relief("rebalance", *words)
        self.assertIn("nothing was applied", err)
        self.assertEqual(self.head(), head)
        lines = [json.loads(line) for line in self.relief("plan", "compare", *words, "--goal", "target", "--json")[0].splitlines()]
        self.assertEqual([(line["of"], line["covered"]) for line in lines],
                         [("before", 0), ("nearest", 70), ("effective", 70), ("fair", 70), ("equal", 70)])
        plan = json.loads(self.relief("rebalance", *words, "--goal", "floor", "--apply", "--json")[0])
        self.assertEqual([(leg["requester"], leg["quantity"]) for leg in plan["legs"]], [(self.code("a"), 20), (self.code("b"), 30)])
        self.assertEqual(plan["legs"][0]["request"], "plan.%s.1" % plan["digest"][:16])
        out, err = self.relief("rebalance", *words, "--max-minutes", "1", "--goal", "target")
        self.assertIn("nothing to move", out)
        head = self.head()
        out, err = self.relief("rebalance", *words, "--apply")
        self.assertIn("nothing to move", out)
        self.assertIn("there is nothing to apply", err)
        self.assertEqual(json.loads(self.relief("rebalance", *words, "--apply", "--json")[0])["legs"], [])
        self.assertEqual(self.head(), head)

    def test_what_people_type_wrong(self):
        requests = self.ask()
        for args in (("allocate",), ("allocate", "--requests", requests), ("allocate", "cheap", "--requests", requests),
                     ("allocate", "fair", "--request", requests), ("allocate", "fair", "fair", "--requests", requests),
                     ("rebalance", "--goal", "moon"), ("rebalance", "--max-minutes", "soon"), ("plan", "apply"),
                     ("plan", "apply", self.file), ("plan", "apply", "-", "-"), ("plan", "compare", "--policy", "fair"),
                     ("plan", "compare", "fair", "--requests", requests),
                     ("allocate", "fair", "--requests", requests, "--save", "/nonexistent/plan.json")):
            with self.subTest(args=args):
                self.assertIn("relief: ", self.relief(*args, code=2)[1])
        for text in ("", "{", "[]", "5", '"plan"', '{"legs":0.5}', "{}{}"):
            with self.subTest(text=text):
                self.relief("plan", "apply", "-", text=text, code=2)
        for args, text, error in ((("plan", "apply", "-"), "{}", "BAD_PARAMS"),
                                  (("allocate", "fair"), None, "BAD_PARAMS"), (("rebalance", "--region", "nope"), None, "NOT_FOUND"),
                                  (("allocate", "fair", "--requests", "nope"), None, "NOT_FOUND"),
                                  (("allocate", "fair", "--incident", "nope"), None, "NOT_FOUND")):
            with self.subTest(args=args):
                self.assertIn(error, self.relief(*args, text=text, code=1)[1])
        self.assertEqual(self.covered(), [90, 0, 0])

    def test_help(self):
        for words in (("allocate",), ("rebalance",)):
            out = self.relief(*words, "--help")[0]
            for flag in ("--policy", "--save", "--apply"):
                self.assertIn(flag, out)
        self.assertIn("--max-minutes", self.relief("plan", "compare", "--help")[0])
        self.assertNotIn("--policy", self.relief("plan", "compare", "--help")[0])
        self.assertIn("--incident", self.relief("plan", "compare", "--requests", "x", "--help")[0])
        self.assertIn("FILE|-", self.relief("plan", "apply", "--help")[0])

    def test_progress_on_a_terminal_only(self):
        words = [os.path.join(BIN, "relief"), "--server", "unix:" + self.daemon.socket_path, "allocate", "fair", "--requests", self.ask(),
                 "--json"]
        ours, theirs = pty.openpty()
        with open(ours, "rb", buffering=0) as terminal:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs)
            os.close(theirs)
            said = b""
            try:
                while more := terminal.read(4096):
                    said += more
            except OSError:  # the other end is closed
                pass
            out, _ = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 0, said)
        self.assertIn(b"0/1 reading", said)
        self.assertIn(b"0/1 kinds", said)
        self.assertEqual(json.loads(out)["covered"], 90)
        done = subprocess.run(words, capture_output=True, timeout=DEADLINE)
        self.assertEqual(done.stderr, b"")


if __name__ == "__main__":
    unittest.main()
