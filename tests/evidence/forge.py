"""What an operator can do who wants another past: make everything anew that can be made without a secret (chain, digests, checks of
records, checks of stored values, manifests), and, with the log's private key, sign the result too."""
import base64
import ctypes
import hashlib
import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "integration"))
from evidence import DASH, _sodium, leaf_hash, root_of, sha


def pack(record):
    return json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def blake(data):
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def siphash(key, data):
    out = ctypes.create_string_buffer(8)
    _sodium.crypto_shorthash(out, bytes(data), ctypes.c_ulonglong(len(data)), bytes(key))
    return out.raw


# ---- log exports and dumps ----

def entries_of(export):
    return [json.loads(line) for line in export.decode().splitlines()[1:-1]]


def export_of(entries, first_line):
    """The export with these entries: sequence, chain and trailer made anew (fine print 63, 64)."""
    prev, out = "0" * 64, [first_line]
    for seq, entry in enumerate(entries, 1):
        entry = {**entry, "seq": seq, "prev": prev}
        del entry["hash"]
        line = pack(entry)
        prev = blake((prev + line).encode())
        out.append('{"hash":"%s",%s' % (prev, line[1:]))
    return trailed(out)


def trailed(out):
    body = ("\n".join(out) + "\n").encode()
    return body + ('{"digest":"%s","records":%d}\n' % (blake(body), len(out) - 1)).encode()


def root_of_export(export):
    return root_of([leaf_hash(line) for line in export.splitlines()[1:-1]])


class Signer:
    """Who has the log's private key (evidence/key) signs whatever it likes."""

    def __init__(self, private):
        _, _, name, _, blob = private.strip().split("+", 4)
        seed = base64.b64decode(blob)[1:]
        public, self.secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        _sodium.crypto_sign_seed_keypair(public, self.secret, seed)
        self.name, self.id = name, sha(name.encode(), b"\n\1" + public.raw)[:4]

    def checkpoint(self, size, root, time):
        body = "%s\n%d\n%s\ntime %d\n" % (self.name, size, base64.b64encode(root).decode(), time)
        signature = ctypes.create_string_buffer(64)
        _sodium.crypto_sign_detached(signature, None, body.encode(), ctypes.c_ulonglong(len(body.encode())), self.secret)
        return (body + "\n" + DASH + self.name + " " + base64.b64encode(self.id + signature.raw).decode() + "\n").encode()


# ---- segments (daemon/log/FORMAT.md) ----

def recheck(segment, record):
    """The checks of a record made right again: the key stands in the segment's header, for everybody to read."""
    key, at = bytes(segment[40:56]), record.offset
    segment[at + 28:at + 32] = siphash(key, segment[at:at + 28])[:4]
    segment[at + 32:at + 40] = bytes(8)
    segment[at + 32:at + 40] = siphash(key, segment[at:at + record.bytes])


# ---- LMDB's pages (0.9: 4,096 bytes, little-endian) ----

PAGE, BRANCH, LEAF, META_FLAGS, NODE_BIG, NONE = 4096, 1, 2, 8, 1, 2 ** 64 - 1


def lmdb_nodes(data):
    """The nodes of the tree that a reader sees: (key range, value range) of leaves; (key range, None) of branches."""
    metas = []
    for page in (0, 1):
        at = page * PAGE + 16
        if struct.unpack_from("<I", data, at)[0] == 0xBEEFC0DE:
            root, = struct.unpack_from("<Q", data, at + 24 + 48 + 40)
            txn, = struct.unpack_from("<Q", data, at + 24 + 96 + 8)
            metas.append((txn, root))
    pages, nodes = [max(metas)[1]], []
    if pages == [NONE]:
        return []
    while pages:
        base = pages.pop() * PAGE
        flags, lower = struct.unpack_from("<HH", data, base + 10)
        for index in range((lower - 16) // 2):
            at = base + struct.unpack_from("<H", data, base + 16 + 2 * index)[0]
            low, high, node, ksize = struct.unpack_from("<HHHH", data, at)
            key = (at + 8, at + 8 + ksize)
            if flags & BRANCH:
                pages.append(low | high << 16 | node << 32)
                nodes.append((key, None))
            elif node & NODE_BIG:
                page, = struct.unpack_from("<Q", data, key[1])
                nodes.append((key, (page * PAGE + 16, page * PAGE + 16 + (low | high << 16))))
            else:
                nodes.append((key, (key[1], key[1] + (low | high << 16))))
    return nodes


def revalue(data, key, value):
    """The check behind a stored value made right again (daemon/store/FORMAT.md)."""
    constant = b"relief1 relief1\0"
    made = siphash(constant, data[key[0]:key[1]]) + constant[8:]
    end = value[1] - 8
    data[end:value[1]] = siphash(made, data[value[0]:end])


def manifest(folder):
    """Sizes and digests of a backup or an archive made anew."""
    path = os.path.join(folder, "manifest.json")
    with open(path, "rb") as file:
        content = json.load(file)
    for row in content["files"]:
        with open(os.path.join(folder, row["name"]), "rb") as file:
            held = file.read()
        row["size"], row["digest"] = len(held), blake(held)
    del content["digest"]
    content["digest"] = blake(pack(content).encode())
    with open(path, "w") as file:
        file.write(pack(content))
