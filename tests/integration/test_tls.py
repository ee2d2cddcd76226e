"""TLS from end to end: the daemon, the command line, and certificates of ops/pki and worse ones. Rows B32 to B34 of the bad-input matrix."""
import contextlib
import itertools
import os
import pathlib
import socket
import ssl
import subprocess
import unittest

import msgpack

from harness import BIN, DEADLINE, HANGZHOU, KIND, NINGBO, Case, Daemon, request, world
from pki import Leaf, Pki, TlsSocket, openssl

CITY = ("city", HANGZHOU, "depot")
ROOT = ("coordinator", "-", "desk")
REGION = ("coordinator", "zhejiang", "desk")
AUDITOR = ("auditor", "-", "desk")
OPERATOR = ("operator", "-", "night.shift_2")


def uri(role, place, name):
    return "relief://%s/%s/%s" % (place, role, name)


def hello_bytes(msgid=1):
    return request(msgid, "server.hello")


class TlsCase(Case):
    """A daemon with an authority for each of these, a certificate of each, and three cities."""

    peers = (CITY, ROOT, REGION, AUDITOR, OPERATOR)

    @classmethod
    def setUpClass(cls):
        cls.pki = Pki()
        cls.addClassCleanup(cls.pki.close)
        cls.leaves = {peer: cls.pki.client(*peer) for peer in cls.peers}
        cls.options = {"tls": cls.pki}
        super().setUpClass()

    @classmethod
    def prepare(cls):
        with cls.daemon.client() as client:
            world(client)

    def relief(self, *words, leaf=None, server=None, authority=None, **env):
        """`relief` over TLS; (exit code, standard output, standard error)."""
        words = ["--server", server or "tls:localhost:%d" % self.daemon.tls()[1], "--timeout", "20", *map(str, words)]
        base = {key: value for key, value in os.environ.items() if not key.startswith("RELIEF_")}
        env = {**base, "RELIEF_AUTHORITY": str(authority or self.pki.server_authority), **env}
        if leaf:
            words = ["--certificate", str(leaf.certificate), "--key", str(leaf.key), *words]
        done = subprocess.run([os.path.join(BIN, "relief"), *words], env=env, capture_output=True, text=True, timeout=DEADLINE)
        return done.returncode, done.stdout, done.stderr

    def assertSays(self, done, code, *texts):
        self.assertEqual(done[0], code, (done[1][-400:], done[2][-400:]))
        for text in texts:
            self.assertIn(text, done[1] if code == 0 else done[2])


class Identity(TlsCase):
    def test_hello_names_the_certificate(self):
        for peer in self.peers:
            with self.subTest(peer), self.daemon.client("tls", leaf=self.leaves[peer]) as client:
                hello = client.call("server.hello")
                self.assertEqual(hello["identity"], uri(*peer))
                self.assertEqual(hello["role"], peer[0])
                self.assertEqual(hello["city"], HANGZHOU if peer == CITY else None)

    def test_each_role_has_its_rights_and_no_others(self):
        region = {"id": "elsewhere", "name": "x"}
        receive = {"kind": KIND, "quantity": 5, "lot": "tls"}
        clients = {peer: self.client("tls", leaf=self.leaves[peer]) for peer in self.peers}
        for peer in (CITY, AUDITOR, OPERATOR):
            self.assertRefused(clients[peer].error("region.put", region), "DENIED")
        clients[ROOT].call("region.put", region)
        clients[CITY].call("stock.receive", receive, city=HANGZHOU)
        entry = clients[AUDITOR].call("log.list", {"from": self.head()})["items"][0]
        self.assertEqual(entry["identity"], uri(*CITY))
        self.assertRefused(clients[CITY].error("stock.receive", receive, city=NINGBO), "DENIED")
        self.assertRefused(clients[AUDITOR].error("stock.receive", receive, city=HANGZHOU), "DENIED")

    def head(self):
        with self.daemon.client() as client:
            return client.call("log.head")["seq"]

    def test_narrowed_but_not_widened(self):
        client = self.client("tls", leaf=self.leaves[ROOT])
        self.assertEqual(client.call("server.hello", role="coordinator", region="zhejiang")["role"], "coordinator")
        self.assertRefused(self.client("tls", leaf=self.leaves[CITY]).error("server.hello", role="operator"), "DENIED")

    def test_without_a_certificate_one_is_a_stranger(self):
        client = self.client("tls")
        self.assertEqual(client.call("server.hello")["identity"], None)
        self.assertEqual(client.call("server.ping"), {})
        self.assertRefused(client.error("server.info"), "UNAUTHENTICATED")
        self.assertRefused(client.error("city.list"), "UNAUTHENTICATED")

    def test_retry_is_the_certificate_holders(self):
        """A new certificate of the same name is the same identity: its retries find their first answers."""
        submit = {"id": "tls-1", "city": HANGZHOU, "kind": KIND, "quantity": 3}
        first = self.client("tls", leaf=self.leaves[CITY]).call("request.submit", submit)
        renewed = self.pki.odd("city:" + HANGZHOU, "URI:" + uri(*CITY))
        self.assertEqual(self.client("tls", leaf=renewed).call("request.submit", submit), first)
        other = self.pki.odd("city:" + HANGZHOU, "URI:" + uri("city", HANGZHOU, "other"))
        self.assertRefused(self.client("tls", leaf=other).error("request.submit", submit), "CONFLICT")


def der_name(text):
    """A subject alternative name with this as its one URI, bytes and all."""
    data = text.encode()
    inner = b"\x86" + bytes([len(data)]) + data
    return "DER:" + ":".join("%02x" % byte for byte in b"\x30" + bytes([len(inner)]) + inner)


class BadCertificates(TlsCase):
    """B32. Nothing of what these peers ask is carried out, and they are told why in an alert."""

    def refused(self, leaf, alert, said=None):
        with self.unchanged():
            client = self.daemon.client("tls", leaf=leaf)
            self.addCleanup(client.close)
            with contextlib.suppress(OSError):  # the daemon may be gone before we have written
                client.send(request(1, "region.put", {"id": "by-nobody", "name": "x"}))
            self.assertIsNone(client.message())
            self.assertEqual(client.alert, alert)
        if said:
            self.assertSays(self.relief("server", "ping", leaf=leaf), 3, "our certificate %s " % leaf.certificate, said)

    def odd(self, *names, scope="city:" + HANGZHOU, **more):
        return self.pki.odd(scope, ",".join("URI:" + name for name in names) or None, **more)

    def test_authorities(self):
        mine = uri(*CITY)
        strange = Pki(hosts=())
        self.addCleanup(strange.close)
        for name, leaf in {
                "unknown authority": strange.client(*CITY),
                "of the same name": strange.odd("city:" + HANGZHOU, "URI:" + mine),
                "the daemon's authority": self.odd(mine, scope="server"),
        }.items():
            with self.subTest(name):
                self.refused(leaf, "TLSV1_ALERT_UNKNOWN_CA", "does not know")

    def test_scopes(self):
        """Each authority speaks for what it is pinned to: one that was stolen can't speak for others."""
        for scope, name in (("city:" + NINGBO, uri(*CITY)), ("city:" + HANGZHOU, uri(*ROOT)), ("city:" + HANGZHOU, uri(*AUDITOR)),
                            ("city:" + HANGZHOU, uri(*OPERATOR)), ("auditor", uri(*CITY)), ("auditor", uri(*OPERATOR)),
                            ("coordinator:zhejiang", uri(*ROOT)), ("coordinator:zhejiang", uri("coordinator", "hubei", "x")),
                            ("operator", uri(*ROOT)), ("coordinator", uri(*OPERATOR))):
            with self.subTest("%s names %s" % (scope, name)):
                if scope == "city:" + NINGBO:
                    self.pki.authority(scope)
                    self.assertIn(" id=60 ", self.daemon.reload())
                self.refused(self.odd(name, scope=scope), "SSLV3_ALERT_BAD_CERTIFICATE")

    def test_dates(self):
        self.refused(self.odd(uri(*CITY), end="20200201000000Z"), "SSLV3_ALERT_CERTIFICATE_EXPIRED", "has ended")
        self.refused(self.odd(uri(*CITY), start="20480101000000Z"), "SSLV3_ALERT_BAD_CERTIFICATE")

    def test_names(self):
        good = uri(*CITY)
        email = self.pki.odd("city:" + HANGZHOU, "email:a@example.org", name=HANGZHOU)
        for name, leaf in {
                "two identities": self.odd(good, uri("city", HANGZHOU, "b")),
                "the same twice": self.odd(good, good),
                "only the common name": self.odd(name="city:" + HANGZHOU),
                "another kind of name": email,
                "NUL": self.pki.odd("city:" + HANGZHOU, der_name(good + "\0.example.org")),
                "NUL in the place": self.pki.odd("city:" + HANGZHOU, der_name("relief://%s\0/city/a" % HANGZHOU)),
                "another scheme": self.odd("https://%s/city/a" % HANGZHOU),
                "upper case": self.odd("RELIEF://%s/city/a" % HANGZHOU),
                "a user": self.odd("relief://x@%s/city/a" % HANGZHOU),
                "a port": self.odd("relief://%s:1/city/a" % HANGZHOU),
                "a query": self.odd(good + "?role=operator"),
                "a fragment": self.pki.odd("city:" + HANGZHOU, der_name(good + "#x")),
                "an escape": self.odd("relief://%s/city/%%61" % HANGZHOU),
                "no name": self.odd("relief://%s/city/" % HANGZHOU),
                "more": self.odd(good + "/b"),
                "no place": self.odd("relief:///city/a"),
                "local": self.odd("relief://%s/local/a" % HANGZHOU),
                "an unknown role": self.odd("relief://%s/king/a" % HANGZHOU),
                "a city without place": self.odd("relief://-/city/a"),
        }.items():
            with self.subTest(name):
                self.refused(leaf, "SSLV3_ALERT_BAD_CERTIFICATE", "must name one relief://" if name == "two identities" else None)

    def test_other_names_do_not_matter(self):
        leaf = self.pki.odd("city:" + HANGZHOU, "DNS:operator.example,email:a@example.org,URI:" + uri(*CITY), name="operator")
        self.assertEqual(self.client("tls", leaf=leaf).call("server.hello")["identity"], uri(*CITY))

    def test_not_made_for_clients(self):
        self.refused(self.odd(uri(*CITY), usage="serverAuth"), "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", "not made for clients")

    def test_somebody_elses_key(self):
        with self.assertRaises(ssl.SSLError):
            self.pki.context(Leaf(self.leaves[CITY].certificate, self.leaves[AUDITOR].key))
        code, _, err = self.relief("server", "ping", leaf=Leaf(self.leaves[CITY].certificate, self.leaves[AUDITOR].key))
        self.assertEqual(code, 2, err)
        self.assertIn("is not the key of the certificate", err)


class Protocol(TlsCase):
    def test_only_1_3(self):
        """B32: older versions are refused in the handshake."""
        context = self.pki.context(self.leaves[CITY])
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.unchanged(), self.assertRaises(ssl.SSLError) as raised:
            self.daemon.client("tls", context=context)
        self.assertEqual(raised.exception.reason, "TLSV1_ALERT_PROTOCOL_VERSION")
        context.maximum_version = ssl.TLSVersion.TLSv1_3
        client = self.client("tls", context=context)
        self.assertEqual(client.socket.tls.version(), "TLSv1.3")
        self.assertEqual(client.call("server.ping"), {})

    def test_no_early_data(self):
        """B32: no session to go on with, so nothing that could be sent again by somebody who recorded it."""
        with self.unchanged():
            client = self.client("tls", leaf=self.leaves[CITY])
            client.call("server.ping")
            kept = client.socket.tls.session
            self.assertFalse(kept is not None and kept.has_ticket)
            folder = self.pki.root
            data = folder / "early"
            data.write_bytes(request(1, "stock.receive", {"city": HANGZHOU, "kind": KIND, "quantity": 1, "lot": "early"}))
            leaf = self.leaves[CITY]
            words = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.daemon.tls()[1], "-tls1_3", "-CAfile",
                     self.pki.server_authority, "-cert", leaf.certificate, "-key", leaf.key]
            first = subprocess.run([*words, "-sess_out", folder / "session"], stdin=subprocess.DEVNULL, capture_output=True,
                                   text=True, timeout=DEADLINE)
            self.assertIn("Verify return code: 0 (ok)", first.stdout)
            self.assertNotRegex(first.stdout, r"Max Early Data: [1-9]")
            self.assertNotIn("TLS session ticket:", first.stdout)
            if (folder / "session").exists():
                again = subprocess.run([*words, "-sess_in", folder / "session", "-early_data", data], stdin=subprocess.DEVNULL,
                                       capture_output=True, text=True, timeout=DEADLINE)
                self.assertNotIn("Early data was accepted", again.stdout)
                self.assertNotIn("Reused,", again.stdout)

    def test_plain_bytes_are_let_go_at_once(self):
        """B34: whoever does not speak TLS is closed after his first bytes, without an answer that he could not read."""
        for name, data in {"MessagePack": hello_bytes(), "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SSH": b"SSH-2.0-x\r\n",
                           "two bytes": b"\x94\x00", "zeros": b"\0" * 16}.items():
            with self.subTest(name), self.unchanged(), socket.create_connection(self.daemon.tls()) as plain:
                plain.settimeout(DEADLINE)
                plain.sendall(data)
                got = b""
                with contextlib.suppress(ConnectionResetError):
                    while chunk := plain.recv(4096):
                        got += chunk
                self.assertLess(len(got), 16, got)

    def test_tls_on_the_plain_port(self):
        """B34: a handshake is no MessagePack-RPC."""
        for name, port in (("tcp", self.daemon.tcp()), ("unix", None)):
            with self.subTest(name), self.unchanged():
                plain = socket.create_connection(port) if port else socket.socket(socket.AF_UNIX)
                self.addCleanup(plain.close)
                if not port:
                    plain.connect(self.daemon.socket_path)
                plain.settimeout(DEADLINE)
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = self.pki.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
                with self.assertRaises(ssl.SSLWantReadError):
                    tls.do_handshake()
                plain.sendall(outgoing.read())
                got = b""
                with contextlib.suppress(ConnectionResetError):
                    while chunk := plain.recv(4096):
                        got += chunk
                answer = msgpack.unpackb(got)
                self.assertEqual(answer[:2], [1, 0])
                self.assertEqual(answer[2]["code"], "BAD_FRAME")

    def test_bytes_one_by_one(self):
        """Records and the messages in them need not agree: one byte a record, then all in one."""
        client = self.client("tls", leaf=self.leaves[CITY])
        for byte in request(7, "server.ping"):
            client.send(bytes([byte]))
        self.assertEqual(client.answer(), [1, 7, None, {}])
        client.send(b"".join(request(n, "server.ping") for n in range(100, 600)))
        self.assertEqual([client.answer()[1] for _ in range(500)], list(range(100, 600)))

    def test_half_closed(self):
        """A peer that ends its side still gets its answers, and an orderly end."""
        client = self.client("tls", leaf=self.leaves[CITY])
        client.send(b"".join(request(n, "server.ping") for n in range(1, 200)))
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual([client.answer()[1] for _ in range(1, 200)], list(range(1, 200)))
        self.assertIsNone(client.message())
        self.assertIsNone(client.alert)

    def test_large_frames_against_full_buffers(self):
        """B33: the peer takes what comes in small pieces and late, while it sends; nothing stalls and all answers come, in order."""
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(DEADLINE)
        plain.connect(self.daemon.tls())
        tls = TlsSocket(plain, self.pki.context(self.leaves[AUDITOR]))
        self.addCleanup(tls.close)
        tls.handshake()
        tls.sendall(b"".join(request(n, "log.list", {"from": 1, "limit": 10}) for n in range(1, 301)))
        unpacker = msgpack.Unpacker(raw=False, max_buffer_size=64 << 20)
        answered, step = [], itertools.cycle((1, 7, 100, 1, 3000, 16384))
        while len(answered) < 300:
            data = tls.recv(next(step))
            self.assertTrue(data, "ended after %d answers: %s" % (len(answered), tls.alert))
            unpacker.feed(data)
            answered += [message[1] for message in unpacker]
        self.assertEqual(answered, list(range(1, 301)))

    def test_half_open_handshakes_do_not_hinder(self):
        """Fifty that begin a handshake and go no further; the others don't notice."""
        idle = []
        for _ in range(50):
            plain = socket.create_connection(self.daemon.tls())
            self.addCleanup(plain.close)
            plain.sendall(b"\x16\x03\x01\x02\x00\x01")
            idle.append(plain)
        client = self.client("tls", leaf=self.leaves[CITY])
        self.assertEqual(client.call("server.ping"), {})


class Reload(unittest.TestCase):
    """SIGHUP: certificates change without a restart, and what is taken back counts at once, for those who are there too."""

    def setUp(self):
        self.pki = Pki()
        self.addCleanup(self.pki.close)
        self.city, self.auditor = self.pki.client(*CITY), self.pki.client(*AUDITOR)
        self.daemon = Daemon(tls=self.pki).start()
        self.addCleanup(self.end)

    def end(self):
        code = self.daemon.stop()
        self.daemon.close()
        self.assertEqual((code, self.daemon.faults()), (0, []), "\n".join(self.daemon.lines))

    def client(self, leaf=None):
        client = self.daemon.client("tls", leaf=leaf)
        self.addCleanup(client.close)
        return client

    def test_the_daemons_certificate(self):
        before = self.client(self.city)
        old = before.socket.tls.getpeercert(True)
        self.pki("renew", "localhost")
        self.assertEqual(self.client(self.city).socket.tls.getpeercert(True), old)
        self.assertIn(" id=60 ", self.daemon.reload())
        after = self.client(self.city)
        self.assertNotEqual(after.socket.tls.getpeercert(True), old)
        self.assertEqual(after.call("server.hello")["identity"], uri(*CITY))
        self.assertEqual(before.call("server.hello")["identity"], uri(*CITY))

    def test_spoilt_files_change_nothing(self):
        kept = self.pki.server.certificate.read_bytes()
        before = self.client(self.city)
        for spoilt in (b"", b"nonsense", kept[:200], self.city.certificate.read_bytes()):
            with self.subTest(spoilt[:20]):
                self.pki.server.certificate.write_bytes(spoilt)
                self.assertIn(" id=61 ", self.daemon.reload())
                self.assertEqual(self.client(self.city).call("server.hello")["identity"], uri(*CITY))
        self.pki.server.certificate.write_bytes(kept)
        self.assertIn(" id=60 ", self.daemon.reload())
        self.assertEqual(before.call("server.ping"), {})

    def test_a_revocation_while_connected(self):
        mine, others = self.client(self.city), self.client(self.auditor)
        second = self.pki.client("city", HANGZHOU, "second")
        sibling = self.client(second)
        for client in (mine, others, sibling):
            client.call("server.ping")
        gone = self.pki.revoke(*CITY)
        self.assertIn(" id=60 ", self.daemon.reload())
        self.assertIsNone(mine.message())
        self.assertEqual(others.call("server.ping"), {})
        self.assertEqual(sibling.call("server.ping"), {})
        again = self.client(gone)
        self.assertIsNone(again.message())
        self.assertEqual(again.alert, "SSLV3_ALERT_CERTIFICATE_REVOKED")
        # The same name again, on a new certificate: it is the certificate that was taken back.
        self.assertEqual(self.client(self.pki.client(*CITY)).call("server.hello")["identity"], uri(*CITY))

    def test_a_new_authority(self):
        late = self.pki.client("operator", "-", "late")
        early = self.client(late)
        self.assertIsNone(early.message())
        self.assertEqual(early.alert, "TLSV1_ALERT_UNKNOWN_CA")
        self.assertIn(" id=60 ", self.daemon.reload())
        self.assertEqual(self.client(late).call("server.hello")["role"], "operator")


class CommandLine(TlsCase):
    def test_who_we_are(self):
        for peer in self.peers:
            self.assertSays(self.relief("server", "hello", leaf=self.leaves[peer]), 0, uri(*peer))
        self.assertSays(self.relief("server", "hello", RELIEF_CERTIFICATE=str(self.leaves[CITY].certificate),
                                    RELIEF_KEY=str(self.leaves[CITY].key)), 0, uri(*CITY))
        self.assertSays(self.relief("server", "ping"), 0)
        self.assertSays(self.relief("city", "list"), 1, "UNAUTHENTICATED")

    def test_work(self):
        """Commands with much to say in both directions."""
        cities = self.pki.root / "cities.csv"
        cities.write_text("code,name,region,lat,lon\n" + "".join("9%05d,x,zhejiang,30.5,120.5\n" % n for n in range(3000)))
        self.assertSays(self.relief("import", "city", cities, leaf=self.leaves[ROOT]), 0, "3000")
        dump = self.pki.root / "dump.jsonl"
        self.assertSays(self.relief("dump", "-o", dump, leaf=self.leaves[AUDITOR]), 0)
        log = self.pki.root / "log.jsonl"
        self.assertSays(self.relief("log", "export", "-o", log, leaf=self.leaves[AUDITOR]), 0)
        for file in (dump, log):
            self.assertSays(self.relief("verify", file), 0, " hold")
            file.unlink()

    def test_the_daemon_must_be_whom_we_mean(self):
        port = self.daemon.tls()[1]
        leaf = self.leaves[CITY]
        self.assertSays(self.relief("server", "ping", leaf=leaf, server="tls:127.0.0.1:%d" % port), 0)
        self.assertSays(self.relief("server", "ping", leaf=leaf, authority=self.pki.stem("auditor").with_suffix(".crt")), 3,
                        "vouches for the daemon's certificate")
        narrow = Pki(hosts=("relief.example", "192.0.2.7"))
        self.addCleanup(narrow.close)
        daemon = Daemon(tls=narrow).start()
        try:
            for host in ("localhost", "127.0.0.1"):
                done = self.relief("server", "ping", server="tls:%s:%d" % (host, daemon.tls()[1]), authority=narrow.server_authority)
                self.assertSays(done, 3, "not for '%s' but for relief.example, 192.0.2.7" % host)
        finally:
            self.assertEqual(daemon.stop(), 0)
            daemon.close()

    def test_revoked_daemon(self):
        pki = Pki()
        self.addCleanup(pki.close)
        daemon = Daemon(tls=pki).start()
        try:
            trusted = pki.root / "trusted.pem"
            pki("revoke", "localhost")
            trusted.write_bytes(pki.server_authority.read_bytes() + pki.stem("server").with_suffix(".crl").read_bytes())
            server = "tls:localhost:%d" % daemon.tls()[1]
            self.assertSays(self.relief("server", "ping", server=server, authority=pki.server_authority), 0)
            self.assertSays(self.relief("server", "ping", server=server, authority=trusted), 3, "is revoked")
        finally:
            daemon.stop()
            daemon.close()

    def test_wrong_kind_of_address(self):
        self.assertSays(self.relief("server", "ping", server="tls:127.0.0.1:%d" % self.daemon.tcp()[1]), 3, "does not speak TLS")
        self.assertSays(self.relief("server", "ping", server="tls:localhost:1"), 3, "no connection to tls:localhost:1")

    def test_files_and_words(self):
        leaf, gone = self.leaves[CITY], pathlib.Path("/nonexistent/x.pem")
        self.assertSays(self.relief("server", "ping", authority=gone), 2, "authority file /nonexistent/x.pem: No such file")
        self.assertSays(self.relief("server", "ping", leaf=Leaf(gone, leaf.key)), 2, "certificate file /nonexistent/x.pem")
        self.assertSays(self.relief("server", "ping", leaf=Leaf(leaf.certificate, gone)), 2, "key file /nonexistent/x.pem")
        shown = self.pki.root / "shown.key"
        shown.write_bytes(leaf.key.read_bytes())
        for mode in (0o604, 0o602, 0o601, 0o620):
            shown.chmod(mode)
            self.assertSays(self.relief("server", "ping", leaf=Leaf(leaf.certificate, shown)), 2, "shown.key: others can read or change it")
        shown.chmod(0o640)
        self.assertSays(self.relief("server", "ping", leaf=Leaf(leaf.certificate, shown)), 0)
        self.assertSays(self.relief("server", "ping", RELIEF_AUTHORITY=""), 2, "RELIEF_AUTHORITY")
        locked = self.pki.root / "locked.key"
        openssl("pkey", "-in", leaf.key, "-aes256", "-passout", "pass:x", "-out", locked)
        self.assertSays(self.relief("server", "ping", leaf=Leaf(leaf.certificate, locked)), 2, "without a password")

    def test_tokens(self):
        file = self.pki.root / "token"
        file.write_text("nobody-knows-it\n")
        for mode in (0o644, 0o602, 0o620):
            file.chmod(mode)
            self.assertSays(self.relief("server", "ping", "--token-file", file), 2, "others can read or change it; chmod 600 it")
        file.chmod(0o640)
        self.assertSays(self.relief("server", "ping", "--token-file", file), 1, "does not accept the token")
        done = self.relief("server", "hello", "--token", "secret")
        self.assertSays(done, 2, "--token-file")
        self.assertNotIn("secret", done[2])
        self.assertSays(self.relief("server", "ping", "--token-file", file, server="tcp:192.0.2.1:7470"), 2, "use a tls: address")
        for text in ("", "two words\n", "x" * 300):
            file.write_text(text)
            self.assertSays(self.relief("server", "ping", "--token-file", file), 2, "must hold one token")


class Folder(unittest.TestCase):
    """ops/pki itself."""

    def setUp(self):
        self.pki = Pki(hosts=())
        self.addCleanup(self.pki.close)

    def fails(self, code, text, *words):
        program = pathlib.Path(__file__).resolve().parents[2] / "ops" / "pki"
        done = subprocess.run([program, self.pki.folder, *words], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done)
        self.assertIn(text, done.stderr)

    def files(self):
        return {path: path.read_bytes() for path in self.pki.folder.rglob("*") if path.is_file()}

    def test_again_is_the_same(self):
        steps = [("authority", "city:420100"), ("server", "relief.example", "::1"), ("client", *CITY), ("client", uri(*AUDITOR)), ("config",)]
        first = [self.pki(*step) for step in steps]
        before = self.files()
        self.assertEqual([self.pki(*step) for step in steps], first)
        self.assertEqual(self.files(), before)
        self.pki("server", "relief.example", "0:0:0:0:0:0:0:1")
        self.assertEqual(self.files(), before)
        self.assertEqual({oct(path.stat().st_mode & 0o777) for path in before}, {"0o600"})
        self.assertEqual([path for path in self.pki.folder.iterdir() if path.name.startswith(".work")], [])

    def test_nothing_is_overwritten(self):
        self.pki("server", "relief.example")
        before = self.files()
        self.fails(1, "other names", "server", "relief.example", "other.example")
        self.assertEqual(self.files(), before)

    def test_renewed_and_revoked(self):
        self.pki("client", *CITY, "--days", "1")
        leaf = self.pki.client(*CITY)
        key, old = leaf.key.read_bytes(), leaf.certificate.read_bytes()
        self.pki("renew", uri(*CITY))
        self.assertEqual(leaf.key.read_bytes(), key)
        self.assertNotEqual(leaf.certificate.read_bytes(), old)
        self.assertEqual(openssl("x509", "-in", leaf.certificate, "-noout", "-checkend", 29 * 86400).strip(), "Certificate will not expire")
        before = self.pki.root / "before.crt"
        before.write_bytes(old)
        other = self.pki.client(CITY[0], CITY[1], CITY[2] + "2")
        gone = self.pki.revoke(*CITY)
        serial = lambda file: openssl("x509", "-in", file, "-noout", "-serial").strip().split("=")[1]
        listed = openssl("crl", "-in", self.pki.folder / "revoked.pem", "-noout", "-text")
        self.assertIn(serial(gone.certificate), listed)
        self.assertIn(serial(before), listed, "the certificate before the renewal is for the same key")
        self.assertNotIn(serial(other.certificate), listed)
        self.assertFalse(leaf.certificate.exists())
        self.fails(1, "no certificate", "revoke", uri(*CITY))
        self.assertIn("authority city:%s" % HANGZHOU, self.pki("show"))

    def test_an_interrupted_start_is_finished(self):
        self.pki("authority", "auditor")
        config = self.pki.config()
        for suffix in (".crl", ".index"):
            self.pki.stem("auditor").with_suffix(suffix).unlink()
        self.pki("authority", "auditor")
        self.assertEqual(self.pki.config(), config)

    def test_usage(self):
        self.fails(2, "usage:")
        for words in (("authority",), ("authority", "city:"), ("authority", "city:../x"), ("authority", "king"), ("authority", "city:a/b"),
                      ("server",), ("server", "-x"), ("server", "a/b"), ("server", "a b"), ("client", "city", "-", "x"),
                      ("client", "auditor", "420100", "x"), ("client", "city", "420100"), ("client", "local", "-", "x"),
                      ("client", "city", "420100", "../../x"), ("client", "relief://a/b"), ("bake",), ("client", *CITY, "--days", "0"),
                      ("client", *CITY, "--days")):
            with self.subTest(words):
                self.fails(2, "ops/pki: ", *words)
        self.fails(1, "no folder of this program", "show")
        self.assertFalse(self.pki.folder.exists())


if __name__ == "__main__":
    unittest.main()
