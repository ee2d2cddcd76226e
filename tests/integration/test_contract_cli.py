"""The command line against the real daemon: exit codes, what a refusal prints, and forms of input that people really type."""
import json
import os
import subprocess
import unittest

from harness import BIN, Case, DEADLINE, HANGZHOU, KIND, NINGBO, world


class CommandLine(Case):
    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)

    def run_relief(self, *args, text=None):
        """(exit code, standard output, standard error)"""
        environment = dict(os.environ, RELIEF_SERVER="unix:" + self.daemon.socket_path)
        done = subprocess.run([os.path.join(BIN, "relief"), *args], input=text, capture_output=True, text=True,
                              timeout=DEADLINE, env=environment)
        return done.returncode, done.stdout, done.stderr

    def test_a_refusal_is_1_whatever_the_command(self):
        submit = ("request", "submit", "--city", HANGZHOU, "--quantity", "1")
        for args, code in ((("call", "no.method"), "BAD_METHOD"), (("call", "plan.allocate", "{\"policy\":\"fair\"}"), "BAD_PARAMS"),
                           (("call", "city.get", '{"code":"nope"}'), "NOT_FOUND"), (("city", "get", "nope"), "NOT_FOUND"),
                           ((*submit, "--kind", "nope"), "NOT_FOUND"), (("rebalance", "--region", "nope"), "NOT_FOUND")):
            with self.subTest(args=args):
                exit_code, _, err = self.run_relief(*args)
                self.assertEqual(exit_code, 1, err)
                self.assertIn(code, err)

    def test_yes_or_no(self):
        for words, own_first in (((), True), (("--own-first", "false"), False), (("--own-first=false",), False),
                                 (("--no-own-first",), False), (("--own-first",), True), (("--own-first", "true"), True)):
            with self.subTest(words=words):
                code, out, err = self.run_relief("--json", "request", "submit", "--city", HANGZHOU, *words, "--kind", KIND,
                                                 "--quantity", "1")
                self.assertEqual(code, 0, err)
                self.assertEqual(json.loads(out)["own_first"], own_first)

    def test_a_number_with_a_point_is_the_daemons_to_refuse(self):
        lines = [{"method": "stock.receive", "params": {"city": NINGBO, "kind": KIND, "quantity": 1.5}}, {"method": "server.ping"}]
        code, out, err = self.run_relief("batch", "-", text="".join(json.dumps(line) + "\n" for line in lines))
        self.assertEqual((code, err), (1, ""))
        refused, pong = [json.loads(line) for line in out.splitlines()]
        self.assertRefused(refused["error"], "BAD_PARAMS", "quantity")
        self.assertEqual(pong, {"result": {}})

    def test_lines_that_batch_can_not_take_are_named(self):
        ping, long = '{"method":"server.ping"}\n', '{"method":"server.ping","params":{"x":"%s"}}'
        for bad in (long % ("x" * (9 << 20)), long % ("x" * (9 << 20)) + "\n", "x" * (8 << 20), "x" * (8 << 20) + "\n" + ping,
                    "x" * (64 << 20), "\0\0\0\n", "\0", "\0" * (9 << 20)):
            with self.subTest(bad=bad[:20], bytes=len(bad)):
                code, out, err = self.run_relief("batch", "-", text=ping + "\n" + bad)
                self.assertEqual((code, out.count("{"), "line 3:" in err), (2, 2, True), err)

    def test_a_table_hides_nothing(self):
        """A column that is empty on the first page and not on the second is shown all the same."""
        with self.daemon.client() as client:
            for n in range(1000):
                client.call("kind.put", {"code": "9%06d" % n, "name": "n", "class": "supply", "unit": "u"})
            client.call("kind.put", {"code": "last", "name": "n", "name_en": "water", "class": "supply", "unit": "u"})
        code, out, err = self.run_relief("kind", "list")
        self.assertEqual((code, err), (0, ""))
        tables = [table.splitlines() for table in out.split("\n\n")]
        self.assertEqual([len(table) for table in tables], [1001, 4])
        self.assertNotIn("name_en", tables[0][0])
        self.assertIn("name_en", tables[1][0])
        self.assertIn("water", tables[1][-1])


if __name__ == "__main__":
    unittest.main()
