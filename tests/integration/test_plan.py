"""Plans: what plan.allocate and plan.rebalance say, and that plan.apply does it whole or not at all."""
import unittest

from harness import Case, Refused

DAY = 86400000


class Plans(Case):
    """A region, a donor, three cities that lack; a degree of longitude at the equator is 156 minutes of road."""

    def setUp(self):
        super().setUp()
        self.name = self.id().rsplit(".", 1)[1][5:30]
        self.root = self.client()
        self.root.call("region.put", id=self.name, name="plans", agreement="auto")
        self.root.call("kind.put", {"code": self.name + "-mask", "name": "mask", "class": "supply", "unit": "piece"})
        self.kind = self.name + "-mask"
        for n, code in enumerate(("d", "a", "b", "c")):
            self.city(code, n * 100)
        self.coordinator = self.client()
        self.coordinator.call("server.hello", role="coordinator", region=self.name)

    def code(self, short):
        return self.name + "-" + short

    def city(self, short, at):
        self.root.call("city.put", code=self.code(short), name=short, region=self.name, lat=0, lon=at * 1000)

    def receive(self, short, quantity, **more):
        self.root.call("stock.receive", city=self.code(short), kind=self.kind, quantity=quantity, **more)

    def submit(self, short, quantity, **more):
        request = {"id": self.code("r" + short), "city": self.code(short), "kind": self.kind, "quantity": quantity,
                   "priority": 3, **more}
        return self.root.call("request.submit", request)

    def allocate(self, policy, *shorts):
        return self.coordinator.call("plan.allocate", policy=policy, requests=[self.code("r" + s) for s in shorts])

    def covered(self, plan):
        return {request["city"].rsplit("-", 1)[1]: request["covered"] for request in plan["requests"]}

    def legs(self, plan):
        return [(leg["donor"].rsplit("-", 1)[1], leg["requester"].rsplit("-", 1)[1], leg["quantity"])
                for leg in plan["legs"]]

    def state(self):
        return self.root.call("log.head")["seq"]

    def refused(self, code, *args, **named):
        with self.assertRaises(Refused) as caught:
            self.coordinator.call(*args, **named)
        self.assertEqual(caught.exception.code, code)
        return caught.exception.error

    # ---- allocation ----

    def test_three_cities_and_ninety_masks(self):
        """Acceptance scenario 8: nearest fills the first and leaves one at zero, fair and equal give 45, 30, 15."""
        self.receive("d", 90)
        for short, quantity in (("a", 90), ("b", 60), ("c", 30)):
            self.submit(short, quantity)
        self.assertEqual(self.covered(self.allocate("nearest", "a", "b", "c")), {"a": 90, "b": 0, "c": 0})
        effective = self.allocate("effective", "a", "b", "c")
        self.assertEqual(effective["covered"], 90)
        self.assertEqual(self.covered(effective), {"a": 90, "b": 0, "c": 0})
        for policy in ("fair", "equal"):
            plan = self.allocate(policy, "a", "b", "c")
            self.assertEqual(self.covered(plan), {"a": 45, "b": 30, "c": 15})
            self.assertEqual(plan, {**self.allocate(policy, "a", "b", "c"), "time": plan["time"], "seq": plan["seq"],
                                    "digest": plan["digest"]})
        before, after = plan["measures"]
        self.assertEqual((before["of"], before["mean_permille"], before["worst_permille"], before["at_zero"]),
                         ("before", 333, 0, 2))
        self.assertEqual((after["of"], after["mean_permille"], after["worst_permille"], after["gini_permille"],
                          after["at_zero"]), ("after", 500, 500, 0, 0))
        self.assertGreater(before["gini_permille"], 600)
        self.assertTrue(all(request["reasons"] for request in plan["requests"]))
        answer = self.coordinator.call("plan.apply", plan=plan)
        self.assertEqual(len(answer["legs"]), 3)
        for short, units in (("a", 45), ("b", 30), ("c", 15)):
            request = self.root.call("request.get", id=self.code("r" + short))
            self.assertEqual((request["covered"], request["state"]), (units, "partial"))
            leg = self.root.call("dispatch.get", id=request["dispatches"][-1])
            self.assertEqual((leg["quantity"], leg["state"], leg["donor"]), (units, "committed", self.code("d")))
        first = self.root.call("request.get", id=self.code("ra"))["dispatches"][0]
        self.assertEqual(self.root.call("dispatch.get", id=first)["state"], "cancelled")
        self.assertEqual(self.root.call("stock.get", city=self.code("d"), kind=self.kind)["reserved"], 90)

    def test_applied_once(self):
        self.receive("d", 90)
        self.submit("a", 90)
        self.submit("b", 60)
        plan = self.allocate("fair", "a", "b")
        seq = self.state()
        first = self.coordinator.call("plan.apply", plan=plan, op=self.code("op"))
        self.assertEqual(self.state(), seq + 1)
        self.assertEqual(self.coordinator.call("plan.apply", plan=plan, op=self.code("op")), first)
        self.assertEqual(self.state(), seq + 1)
        self.refused("STALE", "plan.apply", plan=plan)
        self.assertEqual(self.state(), seq + 1)

    def test_stale(self):
        """What the plan read has changed: nothing happens, and the answer says what. Other changes do not matter."""
        self.receive("d", 500)
        self.submit("a", 90)
        self.submit("b", 60)
        now = self.root.call("server.info")["time"]
        self.city("e", 400)
        self.receive("e", 5)
        changes = [("stock.receive", {"city": self.code("e"), "kind": self.kind, "quantity": 1}, "what a city can give"),
                   ("stock.floor", {"city": self.code("e"), "kind": self.kind, "floor": 4}, "what a city can give"),
                   ("dispatch.renege", {"id": self.code("ra") + "/1", "reason": "flood"}, "one of its legs"),
                   ("link.put", {"from": self.code("e"), "to": self.code("a"), "minutes": 7000}, "a link"),
                   ("city.mode", {"code": self.code("d"), "mode": "emergency", "reason": "flood"}, "mode"),
                   ("agreement.put", {"id": self.code("pact"), "donor": self.code("d"), "requester": self.code("a"),
                                      "commit": "auto"}, "an agreement"),
                   ("request.amend", {"id": self.code("rb"), "priority": 1}, "the priority of a request"),
                   ("request.amend", {"id": self.code("rb"), "needed_by": now + DAY}, "a request"),
                   ("request.amend", {"id": self.code("rb"), "quantity": 70}, self.code("rb"))]
        for method, params, what in changes:
            plan = self.allocate("fair", "a", "b")
            self.root.call(method, params)
            seq = self.state()
            error = self.refused("STALE", "plan.apply", plan=plan)
            self.assertIn("changed since", error["message"], method)
            self.assertIn(what, error["message"], (method, params))
            self.assertEqual(self.state(), seq, method)
        plan = self.allocate("fair", "a", "b")
        self.root.call("kind.put", {"code": self.name + "-other", "name": "x", "class": "supply", "unit": "piece"})
        self.root.call("stock.receive", city=self.code("d"), kind=self.name + "-other", quantity=5)
        self.root.call("city.put", code=self.code("d"), name="another name", region=self.name, lat=0, lon=0)
        self.coordinator.call("plan.apply", plan=plan)

    def test_changed_by_hand(self):
        """A plan that is not as it was computed is refused; one with a digest of its own can't do what the rules forbid."""
        self.receive("d", 90)
        self.submit("a", 90)
        plan = self.allocate("fair", "a")
        seq = self.state()
        for change in ({"legs": [{**plan["legs"][0], "quantity": 80, "covers": 80}]}, {"legs": []},
                       {"digest": "0" * 64}, {"policy": "equal"}, {"relies": "0" * 64}):
            self.refused("BAD_PARAMS", "plan.apply", plan={**plan, **change})
        for nonsense in ({}, {"legs": 7}, [], "plan", 5):
            self.refused("BAD_PARAMS", "plan.apply", plan=nonsense)
        self.assertEqual(self.state(), seq)

    def test_rights(self):
        self.receive("d", 90)
        self.submit("a", 90)
        plan = self.allocate("fair", "a")
        self.root.call("region.put", id=self.name + "-x", name="elsewhere")
        stranger = self.client()
        stranger.call("server.hello", role="coordinator", region=self.name + "-x")
        city = self.client()
        city.call("server.hello", role="city", city=self.code("a"))
        for client, method, params in (
                (stranger, "plan.apply", {"plan": plan}), (city, "plan.apply", {"plan": plan}),
                (stranger, "plan.allocate", {"policy": "fair", "requests": [self.code("ra")]}),
                (city, "plan.allocate", {"policy": "fair", "requests": [self.code("ra")]}),
                (stranger, "plan.rebalance", {"region": self.name}), (city, "plan.rebalance", {})):
            with self.assertRaises(Refused) as caught:
                client.call(method, params)
            self.assertEqual(caught.exception.code, "DENIED", method)

    def test_what_can_be_asked(self):
        self.refused("BAD_PARAMS", "plan.allocate", policy="fair")
        self.refused("BAD_PARAMS", "plan.allocate", policy="fair", requests=["x"], incident="y")
        self.refused("NOT_FOUND", "plan.allocate", policy="fair", requests=["nobody"])
        self.refused("NOT_FOUND", "plan.allocate", policy="fair", incident="nothing")
        self.refused("BAD_PARAMS", "plan.allocate", policy="cheap", requests=["x"])
        self.submit("a", 5)
        self.refused("BAD_PARAMS", "plan.allocate", policy="fair", requests=[self.code("ra")] * 2)
        self.root.call("request.cancel", id=self.code("ra"), reason="over")
        self.refused("BAD_STATE", "plan.allocate", policy="fair", requests=[self.code("ra")])

    def test_progress(self):
        """Fine print 13: of which call it is, how far, and here of what."""
        self.receive("d", 90)
        self.submit("a", 90)
        self.coordinator.notifications.clear()
        msgid = self.coordinator.send_request("plan.allocate", {"policy": "fair", "requests": [self.code("ra")]})
        self.assertEqual(self.coordinator.answer()[1], msgid)
        told = self.coordinator.notifications
        self.assertTrue(all(message[:2] == [2, "progress"] and len(message[2]) == 1 for message in told), told)
        self.assertEqual([message[2][0] for message in told][:2],  # more only when it takes long
                         [{"msgid": msgid, "stage": stage, "done": 0, "total": 1} for stage in ("reading", "kinds")])

    def test_weights_and_ways(self):
        """effective: the greater weight first, then the shorter way."""
        self.city("e", 310)
        self.receive("d", 10)
        self.receive("e", 10)
        self.submit("a", 10, priority=5)
        self.submit("c", 10, priority=1)
        plan = self.allocate("effective", "a", "c")
        self.assertEqual(sorted(self.legs(plan)), [("d", "a", 10), ("e", "c", 10)])

    def test_life_and_links(self):
        """Short-lived lots go where the way is short; a closed link carries nothing."""
        now = self.root.call("server.info")["time"]
        self.receive("d", 10, lot="short", expires=now + 3 * 3600000)
        self.receive("d", 10, lot="long", expires=now + 30 * DAY)
        self.submit("c", 10)
        self.submit("a", 10)
        plan = self.allocate("fair", "a", "c")
        self.assertEqual(plan["covered"], 20)
        self.coordinator.call("plan.apply", plan=plan)
        self.assertEqual(self.root.call("stock.get", city=self.code("d"), kind=self.kind)["reserved"], 20)
        self.root.call("link.put", {"from": self.code("d"), "to": self.code("c"), "minutes": 9, "open": False})
        plan = self.allocate("fair", "a", "c")
        self.assertEqual(self.covered(plan), {"a": 10, "c": 0})
        self.assertTrue(any("no open way" in text for text in plan["requests"][0]["reasons"] + plan["requests"][1]["reasons"]))

    # ---- rebalancing ----

    def test_rebalance(self):
        for short, units, floor, target in (("d", 100, 20, 40), ("a", 5, 30, None), ("b", 0, 20, 35), ("c", 50, 50, 50)):
            if units:
                self.receive(short, units)
            self.root.call("stock.floor", city=self.code(short), kind=self.kind, floor=floor, target=target)
        plan = self.coordinator.call("plan.rebalance", kinds=[self.kind])
        self.assertEqual(self.covered(plan), {"a": 25, "b": 20})
        self.assertEqual(sorted(self.legs(plan)), [("d", "a", 25), ("d", "b", 20)])
        self.assertEqual([request["id"] for request in plan["requests"]], [None, None])
        answer = self.coordinator.call("plan.apply", plan=plan)
        ids = ["plan.%s.%d" % (plan["digest"][:16], n) for n in (1, 2)]
        self.assertEqual([request["id"] for request in answer["requests"]], ids)
        request = self.root.call("request.get", id=ids[0])
        self.assertEqual((request["city"], request["purpose"], request["state"], request["own_first"], request["quantity"]),
                         (self.code("a"), "stock", "covered", False, 25))
        leg = request["dispatches"][0]
        donor, requester = self.client(), self.client()
        donor.call("server.hello", role="city", city=self.code("d"))
        requester.call("server.hello", role="city", city=self.code("a"))
        donor.call("dispatch.depart", id=leg)
        # What is on the road to a counts there (fine print 60), what is only committed to b does not; it is not planned for twice.
        again = self.coordinator.call("plan.rebalance", kinds=[self.kind])
        self.assertEqual((again["legs"], [(row["city"], row["quantity"], row["covered"]) for row in again["requests"]]),
                         ([], [(self.code("b"), 20, 0)]))
        self.assertIn("20 units: legs that were made before", again["requests"][0]["reasons"][0])
        requester.call("dispatch.receive", id=leg, accepted=25)
        self.assertEqual(self.root.call("stock.get", city=self.code("a"), kind=self.kind)["on_hand"], 30)
        plan = self.coordinator.call("plan.rebalance", kinds=[self.kind], goal="target", max_minutes=1)
        self.assertEqual(plan["legs"], [])

    def test_rebalance_twice(self):
        """Before anything has left, the second plan moves nothing; what is taken back is planned for again, and makes a plan STALE."""
        self.receive("d", 100)
        for short, floor in (("a", 30), ("b", 20)):
            self.root.call("stock.floor", city=self.code(short), kind=self.kind, floor=floor)
        first = self.coordinator.call("plan.rebalance", kinds=[self.kind])
        made = self.coordinator.call("plan.apply", plan=first)
        second = self.coordinator.call("plan.rebalance", kinds=[self.kind])
        self.assertEqual((second["legs"], second["covered"]), ([], 0))
        self.root.call("stock.floor", city=self.code("a"), kind=self.kind, floor=45)
        third = self.coordinator.call("plan.rebalance", kinds=[self.kind])
        self.assertEqual(self.legs(third), [("d", "a", 15)])
        donor = self.client()
        donor.call("server.hello", role="city", city=self.code("d"))
        donor.call("dispatch.renege", id=made["legs"][0]["dispatch"], reason="flood")
        self.assertIn("changed since", self.refused("STALE", "plan.apply", plan=third)["message"])
        self.assertEqual(sorted(self.legs(self.coordinator.call("plan.rebalance", kinds=[self.kind]))), [("d", "a", 45)])
        # A city's own request for its stock counts as well, one for use does not.
        self.submit("b", 5, purpose="stock", own_first=False)
        self.submit("c", 7, own_first=False)
        self.root.call("stock.floor", city=self.code("b"), kind=self.kind, floor=30)
        self.root.call("stock.floor", city=self.code("c"), kind=self.kind, floor=2)
        self.assertEqual(self.covered(self.coordinator.call("plan.rebalance", kinds=[self.kind])), {"a": 45, "b": 5, "c": 2})
        self.root.call("request.cancel", id=self.code("rb"), reason="over")
        self.assertEqual(self.covered(self.coordinator.call("plan.rebalance", kinds=[self.kind])), {"a": 45, "b": 10, "c": 2})

    def test_incident(self):
        """All live requests of an incident are planned for, those that are covered as well; what has left is not."""
        self.root.call("incident.open", id=self.name, category="natural", level=1, origin=self.code("b"), affected=[self.code("c")])
        self.receive("d", 90)
        self.submit("a", 90, incident=self.name)
        self.submit("b", 60, incident=self.name)
        self.submit("c", 30)
        plan = self.coordinator.call("plan.allocate", policy="fair", incident=self.name)
        self.assertEqual(self.covered(plan), {"a": 54, "b": 36})
        self.coordinator.call("plan.apply", plan=plan)
        self.root.call("request.cancel", id=self.code("rb"), reason="over")
        donor = self.client()
        donor.call("server.hello", role="city", city=self.code("d"))
        request = self.root.call("request.get", id=self.code("ra"))
        self.assertEqual(request["state"], "covered")  # the rest came when b gave up
        plan = self.coordinator.call("plan.allocate", policy="equal", incident=self.name)
        self.assertEqual(self.covered(plan), {"a": 90})
        for leg in request["dispatches"]:
            if self.root.call("dispatch.get", id=leg)["state"] == "committed":
                donor.call("dispatch.depart", id=leg)
        plan = self.coordinator.call("plan.allocate", policy="equal", incident=self.name)
        self.assertEqual((plan["requests"], plan["legs"]), ([], []))

    def test_reasons(self):
        """Every policy says of every request that is short why each city gives no more."""
        for n, short in enumerate("efg"):
            self.city(short, 500 + n * 10)
        self.receive("d", 20)
        for short in "efg":
            self.receive(short, 10)
        self.root.call("link.put", {"from": self.code("e"), "to": self.code("a"), "minutes": 9, "open": False})
        self.root.call("stock.floor", city=self.code("f"), kind=self.kind, floor=10)
        self.submit("a", 50)
        self.submit("b", 5)
        for policy in ("nearest", "effective", "fair", "equal"):
            plan = self.allocate(policy, "a", "b")
            short = [row for row in plan["requests"] if row["covered"] < row["quantity"]]
            reasons = {row["city"]: row["reasons"] for row in short}[self.code("a")]
            self.assertEqual(sorted(text.split(":")[0] for text in reasons), ["1 city", "1 city", "2 cities can give"], (policy, reasons))
            self.assertTrue(any("no open way" in text for text in reasons), policy)
            self.assertTrue(any("nothing above floor" in text for text in reasons), policy)
        self.root.call("kind.put", {"code": self.name + "-rare", "name": "x", "class": "supply", "unit": "piece"})
        self.root.call("request.submit", {"id": self.code("rare"), "city": self.code("a"), "kind": self.name + "-rare", "quantity": 1})
        plan = self.coordinator.call("plan.allocate", policy="nearest", requests=[self.code("rare")])
        self.assertEqual(plan["requests"][0]["reasons"], ["no other city has any"])

    def test_rebalance_gives_only_what_is_spare(self):
        """goal target: a donor keeps its own target, not only its floor."""
        self.receive("d", 50)
        self.root.call("stock.floor", city=self.code("d"), kind=self.kind, floor=10, target=40)
        self.root.call("stock.floor", city=self.code("a"), kind=self.kind, floor=30)
        self.assertEqual(self.covered(self.coordinator.call("plan.rebalance", kinds=[self.kind], goal="target")), {"a": 10})
        self.assertEqual(self.covered(self.coordinator.call("plan.rebalance", kinds=[self.kind], goal="floor")), {"a": 30})
        for policy in ("nearest", "fair", "equal"):
            self.assertEqual(self.covered(self.coordinator.call("plan.rebalance", kinds=[self.kind], policy=policy)),
                             {"a": 30}, policy)


if __name__ == "__main__":
    unittest.main()
