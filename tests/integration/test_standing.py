"""Standing orders: the nightly rebalancing does its work on a real daemon, and systemd takes its units."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import BIN, DEADLINE, Case

ORDERS = pathlib.Path(__file__).resolve().parents[2] / "ops" / "standing"
SCRIPT = ORDERS / "rebalance-nightly"
INSTALLED = "/usr/local/lib/relief/rebalance-nightly"


class Nightly(Case):
    @classmethod
    def prepare(cls):
        cls.local = cls.daemon.client()
        cls.addClassCleanup(cls.local.close)
        cls.local.call("kind.put", {"code": "mask", "name": "mask", "class": "supply", "unit": "piece"})
        for region in ("north", "south"):
            cls.local.call("region.put", id=region, name=region, agreement="auto")
            for n, short in enumerate("ab"):
                cls.local.call("city.put", code=region + short, name=short, region=region, lat=0, lon=n * 100000)
            cls.local.call("stock.receive", city=region + "a", kind="mask", quantity=100)
            cls.local.call("stock.floor", city=region + "b", kind="mask", floor=30)

    def order(self, *regions, path=""):
        env = dict(os.environ, RELIEF_SERVER="unix:" + self.daemon.socket_path, PATH=path + BIN + ":" + os.environ["PATH"])
        done = subprocess.run([SCRIPT, *regions], env=env, capture_output=True, text=True, timeout=DEADLINE)
        return done.returncode, done.stdout, done.stderr

    def coming(self, city):
        return sum(row["quantity"] for row in self.local.items("dispatch.list") if row["requester"] == city)

    def test_1_one_region_that_fails_does_not_stop_the_others(self):
        code, out, err = self.order("north", "nowhere", "south")
        self.assertEqual(code, 1, err)
        self.assertIn("NOT_FOUND", err)
        self.assertEqual((self.coming("northb"), self.coming("southb")), (30, 30))

    def test_2_a_plan_that_is_stale_is_made_anew(self):
        """The first call of relief is answered by one that says STALE."""
        self.local.call("stock.floor", city="northb", kind="mask", floor=40)
        with tempfile.TemporaryDirectory() as folder:
            stand_in = os.path.join(folder, "relief")
            with open(stand_in, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\nrm \"$0\"\necho 'relief: STALE: an agreement changed' >&2\nexit 1\n")
            os.chmod(stand_in, 0o755)
            before = self.coming("northb")
            code, _, err = self.order("north", path=folder + ":")
        self.assertEqual((code, "made anew (1)" in err), (0, True), err)
        self.assertEqual((before, self.coming("northb")), (30, 40))

    def test_2b_nothing_has_left_by_the_next_night(self):
        """What was promised is not moved once more."""
        code, out, err = self.order("north")
        self.assertEqual((code, self.coming("northb")), (0, 40), err)
        self.assertIn("nothing to move", out)
        self.assertIn("40 units: legs that were made before", out)

    def test_3_usage(self):
        self.assertEqual(self.order()[0], 2)


@unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
class Units(unittest.TestCase):
    def test_systemd_takes_them(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("rebalance-nightly.service", "rebalance-nightly.timer"):
                text = (ORDERS / name).read_text(encoding="utf-8")
                self.assertEqual(text.count(INSTALLED), name.endswith("service"))
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text.replace(INSTALLED, str(SCRIPT)).replace("User=relief-coordinator", "User=root"))
            names = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *names], capture_output=True,
                                  text=True, timeout=DEADLINE)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            wrong = names[0]
            with open(wrong, "a", encoding="utf-8") as file:
                file.write("NoSuchSetting=yes\n")
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", wrong], capture_output=True,
                                  text=True, timeout=DEADLINE)
            self.assertIn("NoSuchSetting", done.stderr, "the check sees what is wrong")

    def test_exposure_is_small(self):
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=25", ORDERS / "rebalance-nightly.service"],
                              capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
