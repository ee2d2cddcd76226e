"""The shortages of Hubei's hospitals in January 2020, planned anew under all four policies: what must hold of each, and between them."""
import fractions
import os
import subprocess
import unittest

import hubei
from harness import BIN, DEADLINE, Case, Refused

POLICIES = ("nearest", "effective", "fair", "equal")


def total(rows, key):
    return sum(row[key] for row in rows)


class Hubei(Case):
    @classmethod
    def prepare(cls):
        cls.local = cls.daemon.client()
        cls.addClassCleanup(cls.local.close)
        hubei.load("unix:" + cls.daemon.socket_path, cls.local)
        cls.requests = {row["id"]: row for row in cls.local.items("request.list") if row["state"] in ("open", "partial", "covered")}
        cls.before = cls.local.items("dispatch.list")
        cls.plans = {policy: cls.local.call("plan.allocate", policy=policy, requests=list(cls.requests)) for policy in POLICIES}

    def lines(self, plan):
        """Per request: (quantity, covered)."""
        return {row["id"]: (row["quantity"], row["covered"]) for row in plan["requests"]}

    def of_kind(self, plan, kind):
        return [row for row in plan["requests"] if row["kind"] == kind]

    def rates(self, rows):
        return sorted(fractions.Fraction(row["covered"], row["quantity"]) for row in rows)

    def kinds(self):
        return sorted({row["kind"] for row in self.requests.values()})

    def test_1_sums(self):
        """Of every plan: legs, requests and measures say the same, and nobody gets more than it asked for."""
        self.assertGreater(len(self.requests), 300)
        for policy, plan in self.plans.items():
            with self.subTest(policy=policy):
                self.assertEqual((plan["policy"], plan["gap_permille"], len(plan["requests"])), (policy, 0, len(self.requests)))
                covered = dict.fromkeys(self.requests, 0)
                for leg in plan["legs"]:
                    self.assertGreater(leg["quantity"], 0)
                    covered[leg["request"]] += leg["covers"]
                    request = self.requests[leg["request"]]
                    self.assertEqual((leg["requester"], leg["kind"], leg["quantity"]),
                                     (request["city"], request["kind"], leg["covers"]))
                for row in plan["requests"]:
                    self.assertEqual(row["covered"], covered[row["id"]])
                    self.assertLessEqual(row["covered"], row["quantity"])
                    self.assertEqual(row["quantity"], self.requests[row["id"]]["quantity"])
                    self.assertEqual(row["reasons"] == [], row["covered"] == row["quantity"], row)
                before, after = plan["measures"]
                self.assertEqual(before, self.plans["nearest"]["measures"][0])
                self.assertEqual((after["covered"], after["legs"]), (plan["covered"], len(plan["legs"])))
                self.assertEqual(plan["covered"], sum(covered.values()))
                self.assertEqual(after["unit_minutes"], sum(leg["quantity"] * leg["minutes"] for leg in plan["legs"]))
                self.assertEqual(plan["unit_minutes"], after["unit_minutes"])
                self.assertEqual(after["donors"], len({leg["donor"] for leg in plan["legs"]}))
                self.assertEqual(after["at_zero"], sum(units == 0 for units in covered.values()))
                rates = self.rates(plan["requests"])
                self.assertEqual(after["worst_permille"], int(rates[0] * 1000))
                self.assertEqual(after["mean_permille"], sum(int(rate * 1000) for rate in rates) // len(rates))

    def test_2_all_take_from_the_same(self):
        """No donor gives more than it has above its floor; what two plans give of a kind comes from the same stock."""
        held = {}
        for leg in self.before:
            held[leg["donor"], leg["kind"]] = held.get((leg["donor"], leg["kind"]), 0) + leg["quantity"]
        stock = {(row["city"], row["kind"]): row for row in self.local.items("stock.list")}
        for policy, plan in self.plans.items():
            given = {}
            for leg in plan["legs"]:
                given[leg["donor"], leg["kind"]] = given.get((leg["donor"], leg["kind"]), 0) + leg["quantity"]
            for of, units in given.items():
                self.assertLessEqual(units, stock[of]["available"] + held.get(of, 0), (policy, of))

    def test_3_nearest_is_what_matching_did(self):
        """The daemon matched one request after another as they came; planned as a whole, they get the same legs."""
        legs = lambda rows: sorted((row["request"], row["donor"], row["kind"], row["quantity"], row["minutes"]) for row in rows)
        self.assertEqual(legs(self.plans["nearest"]["legs"]), legs(self.before))
        before, after = self.plans["nearest"]["measures"]
        self.assertEqual({**before, "of": 0}, {**after, "of": 0})

    def test_4_effective_covers_the_most(self):
        """By weight; with the same cover no other plan has a shorter way."""
        def weighed(plan, kind):
            return sum((6 - self.requests[row["id"]]["priority"]) * row["covered"] for row in self.of_kind(plan, kind))

        def way(plan, kind):
            return sum(leg["quantity"] * leg["minutes"] for leg in plan["legs"] if leg["kind"] == kind)
        best = self.plans["effective"]
        for kind in self.kinds():
            for policy, plan in self.plans.items():
                self.assertGreaterEqual(weighed(best, kind), weighed(plan, kind), (kind, policy))
                if weighed(best, kind) == weighed(plan, kind):
                    self.assertLessEqual(way(best, kind), way(plan, kind), (kind, policy))

    def test_5_fair_is_best_for_the_worst_off(self):
        """Of each kind, no other plan's sorted fill rates are lexicographically above fair's."""
        for kind in self.kinds():
            fair = self.rates(self.of_kind(self.plans["fair"], kind))
            for policy, plan in self.plans.items():
                self.assertGreaterEqual(fair, self.rates(self.of_kind(plan, kind)), (kind, policy))
        worst = {policy: plan["measures"][1]["worst_permille"] for policy, plan in self.plans.items()}
        self.assertEqual(worst["fair"], max(worst.values()))

    def test_6_equal_gives_one_rate(self):
        """Of each kind there is one rate of which everybody has the whole units, or one more where all that there is was given."""
        for kind in self.kinds():
            rows = self.of_kind(self.plans["equal"], kind)
            given, asked = total(rows, "covered"), total(rows, "quantity")
            if all(row["covered"] - row["quantity"] * given // asked in (0, 1) for row in rows):
                continue
            # Ways forbid the even split: one rate all the same, and of what it leaves over a unit here and there.
            low = max(fractions.Fraction(row["covered"] - 1, row["quantity"]) for row in rows)
            high = min(fractions.Fraction(row["covered"] + 1, row["quantity"]) for row in rows)
            self.assertLess(low, high, kind)
            self.assertLess(given, total(self.of_kind(self.plans["effective"], kind), "covered"), kind)

    def test_7_policies_differ_where_it_is_short(self):
        """What is enough for all is given to all; something is short, and there the policies do not agree."""
        short = [kind for kind in self.kinds()
                 if any(row["covered"] < row["quantity"] for row in self.of_kind(self.plans["effective"], kind))]
        self.assertIn("WH02", short)
        self.assertNotEqual(self.lines(self.plans["nearest"]), self.lines(self.plans["fair"]))
        gini = {policy: plan["measures"][1]["gini_permille"] for policy, plan in self.plans.items()}
        self.assertLess(gini["fair"], gini["nearest"])
        for policy, plan in self.plans.items():
            for kind in self.kinds():
                if kind not in short:
                    self.assertEqual(total(self.of_kind(plan, kind), "covered"), total(self.of_kind(plan, kind), "quantity"))

    def test_8_one_is_applied_and_the_others_are_stale(self):
        head = self.local.call("log.head")["seq"]
        answer = self.local.call("plan.apply", plan=self.plans["fair"])
        after = self.local.call("log.head")["seq"]
        entries = [self.local.call("log.list", {"from": seq, "limit": 1})["items"][0] for seq in range(head + 1, after + 1)]
        self.assertEqual(entries[0]["method"], "plan.apply")
        for entry in entries[1:]:  # what the plan leaves open is looked at again, and finds nothing
            self.assertEqual((entry["method"], {row["t"] for row in entry["outcome"]["records"]}), ("time.wake", {"wake"}))
        wanted = self.lines(self.plans["fair"])
        for row in self.local.items("request.list"):
            if row["id"] in wanted:
                self.assertEqual((row["quantity"], row["covered"]), wanted[row["id"]], row)
        made = {row["id"]: row for row in self.local.items("dispatch.list") if row["state"] in ("asked", "committed")}
        self.assertEqual(set(made), {leg["dispatch"] for leg in answer["legs"]})
        for leg in answer["legs"]:
            row = made[leg["dispatch"]]
            self.assertEqual([row[key] for key in ("request", "donor", "kind", "quantity", "minutes")],
                             [leg[key] for key in ("request", "donor", "kind", "quantity", "minutes")])
        for policy in POLICIES:
            with self.assertRaises(Refused) as caught:
                self.local.call("plan.apply", plan=self.plans[policy])
            self.assertEqual(caught.exception.code, "STALE", policy)
        self.assertEqual(self.local.call("log.head")["seq"], after)
        done = subprocess.run([os.path.join(BIN, "relief"), "check", self.daemon.data], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        again = self.local.call("plan.allocate", policy="fair", requests=list(self.requests))
        self.assertEqual(self.lines(again), wanted)
        self.assertEqual({**again["measures"][0], "of": 0}, {**again["measures"][1], "of": 0})


if __name__ == "__main__":
    unittest.main()
