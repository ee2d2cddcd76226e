"""A MessagePack-RPC client that was not written here (that of python3-pynvim) works without code of ours."""
import unittest
import warnings

from pynvim.msgpack_rpc import socket_session, tcp_session

from harness import Case, KIND, HANGZHOU, NINGBO, world


class ForeignClient(Case):
    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)

    def session(self, over):
        session = socket_session(self.daemon.socket_path) if over == "unix" else tcp_session(*self.daemon.tcp())
        self.addCleanup(self.close, session)
        return session

    @staticmethod
    def close(session):
        """It leaves its transport to the garbage collector, which complains."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            session.close()

    def test_reads_and_changes(self):
        for over in ("unix", "tcp"):
            with self.subTest(over=over):
                session = self.session(over)
                self.assertEqual(session.request("server.ping"), {})
                self.assertEqual(session.request("server.ping", {}), {})
                self.assertEqual(session.request("server.ping", None), {})
                hello = session.request("server.hello", {"client": "pynvim"})
                self.assertEqual((hello["server"], hello["identity"], hello["protocol"]), ("relief", "local", 1))
                self.assertEqual(session.request("city.get", {"code": NINGBO})["name"], "宁波")
                answer = session.request("request.submit", {"id": "f-" + over, "city": HANGZHOU, "kind": KIND, "quantity": 5})
                self.assertEqual((answer["state"], answer["covered"], answer["open"]), ("covered", 5, 0))
                self.assertEqual(session.request("request.get", {"id": "f-" + over})["dispatches"], ["f-%s/1" % over])

    def test_refusal(self):
        session = self.session("unix")
        errors = []
        session.error_wrapper = lambda error: errors.append(error) or RuntimeError(error["code"])
        with self.assertRaisesRegex(RuntimeError, "NOT_FOUND"):
            session.request("city.get", {"code": "999999"})
        self.assertEqual((errors[0]["field"], errors[0]["id"]), ("code", "999999"))
        self.assertEqual(session.request("server.ping"), {})

    def test_events(self):
        session = self.session("unix")
        answer = session.request("event.subscribe", {"topics": ["city"]})
        self.session("tcp").request("city.mode", {"code": NINGBO, "mode": "emergency", "reason": "flood"})
        kind, name, args = session.next_message()[:3]
        self.assertEqual((kind, name), ("notification", "event"))
        self.assertEqual((args[0]["topic"], args[0]["method"], args[0]["cities"]), ("city", "city.mode", [NINGBO]))
        self.assertGreater(args[0]["seq"], answer["seq"])


if __name__ == "__main__":
    unittest.main()
