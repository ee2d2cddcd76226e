"""An auditor's own arithmetic: RFC 6962 / RFC 9162 trees by hashlib, C2SP notes and cosignatures by libsodium. It shares nothing with
the daemon but the page that describes the bytes (daemon/evidence/FORMAT.md)."""
import base64
import ctypes
import ctypes.util
import hashlib
import struct

_sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
assert _sodium.sodium_init() >= 0

DASH = "\u2014 "


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(line):
    return sha(b"\0", line)


def node_hash(left, right):
    return sha(b"\1", left, right)


def root_of(leaves):
    """MTH, straight from the definition."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(root_of(leaves[:split]), root_of(leaves[split:]))


def hashes(path):
    assert len(path) % 32 == 0
    return [path[i:i + 32] for i in range(0, len(path), 32)]


def root_from_inclusion(leaf, index, size, path):
    """RFC 9162 2.1.3.2."""
    assert 0 <= index < size
    fn, sn, r = index, size - 1, leaf
    for p in hashes(path):
        assert sn != 0, "a path that is too long"
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            r = node_hash(r, p)
        fn >>= 1
        sn >>= 1
    assert sn == 0, "a path that is too short"
    return r


def consistent(first, second, first_root, second_root, path):
    """RFC 9162 2.1.4.2."""
    path = hashes(path)
    if first == 0 or first == second:
        return not path and (first == 0 or first_root == second_root)
    if first & (first - 1) == 0:
        path = [first_root] + path
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            sr = node_hash(sr, c)
        fn >>= 1
        sn >>= 1
    return sn == 0 and fr == first_root and sr == second_root


class Verifier:
    """NAME+HASH+KEY."""

    def __init__(self, text):
        self.name, self.hash, key = text.split("+", 2)
        raw = base64.b64decode(key, validate=True)
        self.kind, self.key = raw[0], raw[1:]
        assert len(self.key) == 32 and sha(self.name.encode(), b"\n", raw)[:4].hex() == self.hash

    def holds(self, message, signature):
        return _sodium.crypto_sign_verify_detached(signature, message, ctypes.c_ulonglong(len(message)), self.key) == 0


class Note:
    def __init__(self, text):
        body, gap, lines = text.rpartition("\n\n")
        assert gap and lines.endswith("\n")
        self.body = (body + "\n").encode()
        self.origin, size, root, *extensions = body.split("\n")
        self.size, self.root = int(size), base64.b64decode(root, validate=True)
        assert str(self.size) == size and len(self.root) == 32
        self.time = int(extensions[0][5:])
        assert extensions == ["time %d" % self.time]
        self.lines = lines.splitlines(keepends=True)
        self.signatures = []
        for line in self.lines:
            assert line.startswith(DASH)
            name, blob = line[len(DASH):-1].split(" ")
            blob = base64.b64decode(blob, validate=True)
            self.signatures.append((name, blob[:4].hex(), blob[4:]))

    def signed_by(self, verifier):
        """True, or the seconds of a cosignature."""
        for name, key_hash, blob in self.signatures:
            if (name, key_hash) != (verifier.name, verifier.hash):
                continue
            if verifier.kind == 1:
                return verifier.holds(self.body, blob)
            seconds = struct.unpack(">Q", blob[:8])[0]
            return seconds if verifier.holds(b"cosignature/v1\ntime %d\n" % seconds + self.body, blob[8:]) else False
        return False


class Witness:
    """A signer of cosignatures."""

    def __init__(self, name, seed=b"w" * 32):
        public, self.secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        _sodium.crypto_sign_seed_keypair(public, self.secret, seed)
        self.name, raw = name, b"\4" + public.raw
        self.id = sha(name.encode(), b"\n", raw)[:4]
        self.verifier = "%s+%s+%s" % (name, self.id.hex(), base64.b64encode(raw).decode())

    def cosign(self, text, seconds):
        message = b"cosignature/v1\ntime %d\n" % seconds + Note(text).body
        signature = ctypes.create_string_buffer(64)
        _sodium.crypto_sign_detached(signature, None, message, ctypes.c_ulonglong(len(message)), self.secret)
        blob = self.id + struct.pack(">Q", seconds) + signature.raw
        return text + DASH + self.name + " " + base64.b64encode(blob).decode() + "\n"
