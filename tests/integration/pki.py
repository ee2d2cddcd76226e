"""Certificates for the tests: ops/pki makes the proper ones, openssl(1) by itself those that nobody should issue.

`TlsSocket` is a TLS connection over a socket with the few methods that the harness's client needs, and says what ended it.
"""
import collections
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "ops" / "pki"

# A certificate and its key, as paths.
Leaf = collections.namedtuple("Leaf", "certificate key")

CA = """
[ca]
default_ca = this
[this]
database = {work}/index
certificate = {stem}.crt
private_key = {stem}.key
new_certs_dir = {work}
rand_serial = yes
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
"""
REQUEST = "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = x\n"


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, "openssl %s\n%s" % (" ".join(map(str, words)), done.stderr)
    return done.stdout


class Pki:
    """A folder of ops/pki with a certificate of the daemon for localhost, 127.0.0.1 and ::1."""

    def __init__(self, hosts=("localhost", "127.0.0.1", "::1")):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="relief-pki-"))
        self.folder = self.root / "pki"
        self.odds = 0
        self.hosts = hosts
        if hosts:
            self("server", *hosts)

    def __call__(self, *words):
        """ops/pki with these words: its standard output."""
        done = subprocess.run([PROGRAM, self.folder, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, "ops/pki %s: %d\n%s" % (" ".join(map(str, words)), done.returncode, done.stderr)
        return done.stdout

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def authority(self, scope):
        """SCOPE as in reliefd.conf: city:420100, coordinator, coordinator:hubei, auditor, operator."""
        self("authority", scope)
        return self.stem(scope).with_suffix(".crt")

    def stem(self, scope):
        return self.folder / "authority" / scope.replace(":", "-")

    @property
    def server_authority(self):
        return self.stem("server").with_suffix(".crt")

    @property
    def server(self):
        return self._leaf(self.folder / "server" / self.hosts[0])

    @staticmethod
    def _leaf(stem):
        return Leaf(pathlib.Path(str(stem) + ".crt"), pathlib.Path(str(stem) + ".key"))

    def client(self, role, place, name):
        """A peer's certificate: client("city", "420100", "depot"), client("auditor", "-", "desk")."""
        self("client", role, place, name)
        return self._leaf(self.folder / "client" / place / role / name)

    def revoke(self, role, place, name):
        """Where the revoked certificate is now."""
        self("revoke", "relief://%s/%s/%s" % (place, role, name))
        return self._leaf(next((self.folder / "revoked").glob(name + "-*.crt")).with_suffix(""))

    def config(self):
        """The section [tls] of reliefd.conf."""
        return self("config")

    def odd(self, scope, san, name="odd", start=None, end="20491231235959Z", usage="clientAuth"):
        """A certificate of the authority of that scope as ops/pki would not make it. san: the extension's value as openssl takes it
        ("URI:...,URI:...", "DER:30:..."), None: no such extension. start, end: as in 20200131000000Z."""
        self.odds += 1
        work = self.root / ("odd-%d" % self.odds)
        work.mkdir()
        stem = self.stem(scope)
        if not stem.with_suffix(".crt").exists():
            self("authority", scope)
        (work / "index").touch()
        (work / "ca.cnf").write_text(CA.format(work=work, stem=stem))
        (work / "request.cnf").write_text(REQUEST)
        (work / "ext").write_text("basicConstraints = critical,CA:FALSE\nextendedKeyUsage = %s\n" % usage +
                                  ("subjectAltName = %s\n" % san if san else ""))
        leaf = Leaf(work / "leaf.crt", work / "leaf.key")
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", leaf.key)
        openssl("req", "-new", "-config", work / "request.cnf", "-key", leaf.key, "-subj", "/CN=" + name, "-out", work / "csr")
        openssl("ca", "-batch", "-notext", "-config", work / "ca.cnf", "-extfile", work / "ext", "-in", work / "csr",
                "-startdate", start or "20200101000000Z", "-enddate", end, "-out", leaf.certificate)
        return leaf

    def context(self, leaf=None, authority=None):
        """A client's: TLS 1.3, the daemon's certificate is verified."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(authority or self.server_authority)
        if leaf:
            context.load_cert_chain(leaf.certificate, leaf.key)
        return context


class TlsSocket:
    """sendall, recv, shutdown, close, settimeout of a TLS connection on memory buffers: nothing is read or written behind the test's back,
    and what the handshake leaves unsaid (a refused certificate of ours comes as an alert later) ends up in `alert`. One thread may
    send while another receives: the state of TLS is touched under a lock, the stream is waited for without it, and only the sender
    lets records out, since out of their order they are a broken connection."""

    def __init__(self, plain, context, name="localhost"):
        self.plain = plain
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.alert = None
        self.state = threading.Lock()

    def handshake(self):
        self._drive(self.tls.do_handshake)
        self._flush()

    def _flush(self):
        with self.state:
            data = self.outgoing.read()
        if data:
            self.plain.sendall(data)

    def _fill(self):
        data = self.plain.recv(1 << 16)
        with self.state:
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    def _drive(self, step, *values):
        while True:
            try:
                with self.state:
                    return step(*values)
            except ssl.SSLWantReadError:
                if step == self.tls.do_handshake:
                    self._flush()
                self._fill()
            except ssl.SSLError as error:
                self.alert = error.reason or str(error)
                try:
                    self._flush()
                except OSError:
                    pass # the peer has gone: what it said before counts
                raise

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[self._drive(self.tls.write, view[:1 << 20]):]
            self._flush()

    def recv(self, size):
        """b"" at the end, whether it was announced or an alert; `alert` tells."""
        try:
            return self._drive(self.tls.read, size)
        except ssl.SSLZeroReturnError:
            self.alert = None
        except ssl.SSLError:
            pass
        return b""

    def shutdown(self, how):
        """Our sending side ends: close_notify, then the end of the TCP stream."""
        assert how == socket.SHUT_WR, how
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self._flush()
        self.plain.shutdown(how)

    def settimeout(self, seconds):
        self.plain.settimeout(seconds)

    def setsockopt(self, *values):
        self.plain.setsockopt(*values)

    def fileno(self):
        return self.plain.fileno()

    def close(self):
        self.plain.close()
