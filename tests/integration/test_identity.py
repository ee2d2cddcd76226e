"""Who a connection is, what that allows, and that hello only ever narrows it."""
import os
import pwd
import subprocess
import tempfile
import unittest

import msgpack

from harness import Case, KIND, HANGZHOU, NINGBO, request, world


class Identity(Case):
    options = {"listen": ("tcp:127.0.0.1:0", "tcp:127.0.0.1:0,as=local", "tcp:127.0.0.1:0,as=city:" + NINGBO,
                          "tcp:127.0.0.1:0,as=coordinator", "tcp:127.0.0.1:0,as=auditor", "tcp:127.0.0.1:0,as=operator")}
    STRANGER, LOCAL, CITY, COORDINATOR, AUDITOR, OPERATOR = range(6)

    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            client.call("region.put", id="east", name="East", agreement="auto")
            client.call("region.put", id="other", name="Other")
            world(client)
            client.call("region.put", id="zhejiang", name="浙江", agreement="auto", parent="east")
            client.call("request.submit", id="r", city=HANGZHOU, kind=KIND, quantity=1)

    def as_(self, index):
        return self.client("tcp", index)

    def hello(self, client, **params):
        answer = client.call("server.hello", params)
        return answer["identity"], answer["role"], answer["city"]

    def test_the_listener_gives_it(self):
        self.assertEqual(self.hello(self.client()), ("local", "local", None))
        for index, expected in ((self.STRANGER, (None, None, None)), (self.LOCAL, ("local", "local", None)),
                                (self.CITY, ("city:" + NINGBO, "city", NINGBO)), (self.COORDINATOR, ("coordinator", "coordinator", None)),
                                (self.AUDITOR, ("auditor", "auditor", None)), (self.OPERATOR, ("operator", "operator", None))):
            self.assertEqual(self.hello(self.as_(index)), expected)

    def test_a_stranger(self):
        client = self.as_(self.STRANGER)
        self.assertEqual(client.call("server.ping"), {})
        self.assertEqual(client.call("server.hello")["server"], "relief")
        with self.unchanged():
            for method, params in (("city.list", {}), ("log.head", {}), ("server.info", {}), ("server.stats", {}), ("snapshot.dump", {}),
                                   ("event.subscribe", {}), ("city.mode", {"code": NINGBO, "mode": "emergency", "reason": "r"})):
                self.assertRefused(client.error(method, params), "UNAUTHENTICATED")
            self.assertRefused(client.error("server.hello", role="local"), "UNAUTHENTICATED")
            self.assertRefused(client.error("server.hello", token="t"), "UNAUTHENTICATED")
            # method and parameters are looked at before who asks
            self.assertRefused(client.error("no.method"), "BAD_METHOD")
            self.assertRefused(client.error("city.get"), "BAD_PARAMS", "code")

    def test_a_stranger_has_four_kibibytes(self):
        client = self.as_(self.STRANGER)
        client.send(request(1, "server.hello", {"client": "a" * 1000}))
        self.assertEqual(client.answer()[1:3], [1, None])
        client.send(msgpack.packb([0, 2, "server.hello", [{"client": "a" * 4096}]]))
        answer = client.answer()
        self.assertEqual(answer[1], 0)
        self.assertRefused(answer[2], "FRAME_TOO_LARGE")
        self.assertIsNone(client.message())

    def test_narrowing(self):
        for params, name in (({"role": "city", "city": NINGBO}, "city:" + NINGBO), ({"role": "coordinator"}, "coordinator"),
                             ({"role": "coordinator", "region": "east"}, "coordinator:east"), ({"role": "auditor"}, "auditor"),
                             ({"role": "operator"}, "operator"), ({"role": "local"}, "local")):
            client = self.client()
            self.assertEqual(self.hello(client, **params)[0], name)
            self.assertEqual(self.hello(client)[0], name)
            if name != "local":
                self.assertRefused(client.error("server.hello", role="local"), "DENIED")
                self.assertEqual(self.hello(client)[0], name)
        client = self.as_(self.COORDINATOR)
        self.assertEqual(self.hello(client, role="coordinator", region="east")[0], "coordinator:east")
        self.assertEqual(self.hello(client, role="coordinator", region="zhejiang")[0], "coordinator:zhejiang")
        for params in ({"role": "coordinator", "region": "east"}, {"role": "coordinator", "region": "other"}, {"role": "coordinator"},
                       {"role": "auditor"}, {"role": "city", "city": NINGBO}):
            self.assertRefused(client.error("server.hello", params), "DENIED")
        client = self.as_(self.CITY)
        self.assertRefused(client.error("server.hello", role="city", city=HANGZHOU), "DENIED")
        self.assertEqual(self.hello(client, role="city", city=NINGBO)[0], "city:" + NINGBO)

    def test_hello_parameters(self):
        client = self.client()
        self.assertRefused(client.error("server.hello", role="city"), "BAD_PARAMS", "city")
        self.assertRefused(client.error("server.hello", role="auditor", city=NINGBO), "BAD_PARAMS", "city")
        self.assertRefused(client.error("server.hello", role="city", city=NINGBO, region="east"), "BAD_PARAMS", "region")
        self.assertRefused(client.error("server.hello", role="king"), "BAD_PARAMS", "role")
        self.assertEqual(self.hello(client)[0], "local")

    def test_the_role_column(self):
        change = {"city": ("stock.receive", {"city": NINGBO, "kind": KIND, "quantity": 1}),
                  "coordinator": ("region.put", {"id": "new", "name": "n"}),
                  "legs": ("dispatch.depart", {"id": "r/1"})}
        with self.unchanged():
            for index, allowed, denied in (
                    (self.CITY, ["city.list", "request.list"], ["log.list", "snapshot.dump", change["coordinator"]]),
                    (self.COORDINATOR, ["city.list", "stock.list"], ["log.list", "snapshot.dump", change["city"], change["legs"]]),
                    (self.AUDITOR, ["city.list", "log.list", "snapshot.dump"], list(change.values())),
                    (self.OPERATOR, ["server.info", "server.stats", "log.head"],
                     ["city.list", "snapshot.dump", "event.subscribe"] + list(change.values()))):
                client = self.as_(index)
                for method in allowed:
                    client.call(method)
                for row in denied:
                    method, params = row if isinstance(row, tuple) else (row, {})
                    self.assertRefused(client.error(method, params), "DENIED")

    def test_a_city_changes_its_own_only(self):
        client = self.as_(self.CITY)
        self.assertEqual(client.call("stock.receive", city=NINGBO, kind=KIND, lot="own", quantity=2)["lot"], "own")
        with self.unchanged():
            self.assertRefused(client.error("stock.receive", city=HANGZHOU, kind=KIND, quantity=2), "DENIED")
            self.assertRefused(client.error("request.submit", id="x", city=HANGZHOU, kind=KIND, quantity=2), "DENIED")
            self.assertRefused(client.error("city.mode", code=HANGZHOU, mode="emergency", reason="r"), "DENIED")
            self.assertRefused(client.error("request.cancel", id="r", reason="r"), "DENIED")
        self.assertEqual(client.call("stock.get", city=HANGZHOU, kind=KIND)["city"], HANGZHOU)

    def test_a_coordinator_of_a_region(self):
        client = self.as_(self.COORDINATOR)
        client.call("server.hello", role="coordinator", region="other")
        with self.unchanged():
            self.assertRefused(client.error("city.mode", code=NINGBO, mode="emergency", reason="r"), "DENIED")
            self.assertRefused(client.error("region.put", id="zhejiang", name="n"), "DENIED")

    def test_the_log_names_it(self):
        client = self.as_(self.CITY)
        seq = client.call("stock.receive", city=NINGBO, kind=KIND, lot="named", quantity=2)["seq"]
        entry = self.as_(self.AUDITOR).call("log.list", {"from": seq, "limit": 1})["items"][0]
        self.assertEqual((entry["identity"], entry["method"]), ("city:" + NINGBO, "stock.receive"))


@unittest.skipUnless(os.getuid() == 0, "only the superuser can become others")
class UsersOfThisMachine(Case):
    """Over a unix socket the kernel says who the peer is."""

    ASK = ("import msgpack, socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
           "s.sendall(msgpack.packb([0, 1, 'server.hello', []]) + msgpack.packb([0, 2, 'city.list', []])); u = msgpack.Unpacker();"
           "a = []\nwhile len(a) < 2: u.feed(s.recv(4096)); a += list(u)\n"
           "print(a[0][3]['identity'], a[1][2]['code'] if a[1][2] else 'served')")

    @classmethod
    def setUpClass(cls):
        cls.conf = tempfile.NamedTemporaryFile("w", suffix=".conf")
        cls.addClassCleanup(cls.conf.close)
        cls.user = pwd.getpwnam("nobody")
        cls.conf.write("[identity]\nuser.%s = city:%s\ngroup.4242 = auditor\n" % (cls.user.pw_name, NINGBO))
        cls.conf.flush()
        cls.options = {"args": ["-c", cls.conf.name]}
        super().setUpClass()
        os.chmod(cls.daemon.folder, 0o755)

    def ask(self, user, group):
        done = subprocess.run(["/usr/bin/python3", "-c", self.ASK, self.daemon.socket_path], user=user, group=group, extra_groups=[],
                              capture_output=True, text=True, timeout=60)
        return done.stdout.split() or done.stderr

    def test_who_is_who(self):
        self.assertEqual(self.ask(0, 0), ["local", "served"])
        self.assertEqual(self.ask(self.user.pw_uid, self.user.pw_gid), ["city:" + NINGBO, "served"])
        self.assertEqual(self.ask(self.user.pw_uid, 4242), ["city:" + NINGBO, "served"])
        self.assertEqual(self.ask(4243, 4242), ["auditor", "served"])
        self.assertEqual(self.ask(4243, 4243), ["None", "UNAUTHENTICATED"])


if __name__ == "__main__":
    unittest.main()
