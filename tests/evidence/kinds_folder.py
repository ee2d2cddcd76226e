"""Cases of folders: data folder (whole, and pruned), backup, archive; bent, swapped, put together from other times and other pasts.

`must` says whether an edit has to be found by the tool itself. It need not where the format gives a byte no meaning:
- zeros behind the last record of a segment: a start takes what is there for a torn batch that was never answered, and writes zeros;
- LMDB's file outside of keys and values that its newest root leads to: free pages, the older meta page, unused ends of pages, page and
  node headers (a wrong one may lead to the same records, or to none);
- evidence/witnessed: which witnesses are trusted stands in the daemon's configuration, not in the folder; an older or a missing one
  proves less and says nothing false;
- a store or an evidence folder of an earlier moment of the same past: what is behind is made anew from the log, as after a crash.
Such a folder is served and compared with the truth.
"""
import os
import shutil

import bend
import forge
import segments
from judge import Lie, Miss, Reader
from world import read, run

BLIND = ("evidence/witnessed", "store/lock.mdb")


def spans_of(folder, name):
    """Ranges in which every byte counts; None: all of them."""
    path = os.path.join(folder, name)
    if name.endswith(".seg"):
        records = segments.records(path)
        return [(0, 64)] + [(record.offset, record.offset + record.bytes) for record in records]
    if name == "store/data.mdb":
        return [span for key, value in forge.lmdb_nodes(read(path)) if value for span in (key, value) if span[0] < span[1]]
    return None


def files(folder):
    found = []
    for root, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(root, name), folder) for name in names]
    return sorted(name for name in found if name not in ("store/lock.mdb", "lock") and os.path.getsize(os.path.join(folder, name)))


def bend_file(case, folder, name, other=None):
    """(how, must)"""
    data, spans = read(folder, name), spans_of(folder, name)
    how, new, touched = bend.edit(case.rng, data, spans, other)
    case.put(os.path.join(folder, name), new)
    if name in BLIND:
        return how, False
    if name == "store/data.mdb":
        if len(new) < len(data):
            new = new + bytes(len(data) - len(new))  # so LMDB is opened
        return how, bend.differs(data, new, touched, spans)
    if spans is None or len(new) != len(data):
        return how, True  # a segment's header has its size
    return how, bend.differs(data, new, touched, spans)


def reforge_record(case, folder):
    """A byte of an entry, or an entry for another one, with checks that are right."""
    rng = case.rng
    name = rng.choice([n for n in files(folder) if n.endswith(".seg")])
    path = os.path.join(folder, name)
    records, segment = segments.records(path), bytearray(read(path))
    record = rng.choice(records)
    twins = [r for r in records if r.bytes == record.bytes and r.seq != record.seq]
    if twins and rng.random() < 0.3:
        twin = rng.choice(twins)
        low, high = record.offset + 72, record.offset + record.bytes
        segment[low:high] = segment[twin.offset + 72:twin.offset + twin.bytes]
        segment[record.offset + 4:record.offset + 8] = segment[twin.offset + 4:twin.offset + 8]
        how = "entry %d has what entry %d has" % (record.seq, twin.seq)
    else:
        length = int.from_bytes(segment[record.offset + 4:record.offset + 8], "little")
        at = record.offset + rng.randrange(40, 72 + length)
        segment[at] ^= 1 << rng.randrange(8)
        how = "byte %d of entry %d" % (at - record.offset, record.seq)
    if bytes(segment) == read(path):
        return reforge_record(case, folder)
    forge.recheck(segment, record)
    case.put(path, bytes(segment))
    if rng.random() < 0.4:
        shutil.rmtree(os.path.join(folder, "store"))
        how += ", store removed"
    return how + ", checks right", True


def reforge_value(case, folder):
    """A stored value with a check that is right; the number of a page in a branch; a key."""
    rng = case.rng
    path = os.path.join(folder, "store", "data.mdb")
    data = bytearray(read(path))
    nodes = forge.lmdb_nodes(data)
    leaves = [node for node in nodes if node[1] and node[1][1] - node[1][0] > 8]
    branches = [node for node in nodes if node[1] is None]
    if branches and rng.random() < 0.3:
        key, _ = rng.choice(branches)
        at = rng.randrange(key[0] - 8, key[1])
        data[at] ^= 1 << rng.randrange(8)
        how, must = "a branch of the tree", False
    else:
        key, value = rng.choice(leaves)
        at = rng.randrange(value[0], value[1] - 8)
        data[at] ^= 1 << rng.randrange(8)
        forge.revalue(data, key, value)
        how, must = "a value, its check right", True
    case.put(path, bytes(data))
    return how, must


def whole_files(case, folder, names):
    """Removed, swapped, of another past."""
    rng, name = case.rng, case.rng.choice(names)
    path = os.path.join(folder, name)
    way = rng.choice(("removed", "swapped", "of the fork"))
    must = name not in BLIND
    fork = case.world.path("fork", name)
    if way == "of the fork" and os.path.exists(fork) and read(fork) != read(path):
        case.put(path, read(fork))
        return "%s of the fork" % name, must
    if way == "swapped" and len(names) > 1:
        other = rng.choice([n for n in names if n != name])
        held = read(path)
        case.put(path, read(folder, other))
        case.put(os.path.join(folder, other), held)
        return "%s and %s swapped" % (name, other), must or other not in BLIND
    case.remove(path)
    return "%s removed" % name, must and name != "store/data.mdb"


def older(case, folder):
    """Parts of an earlier moment of the same past, or of the fork."""
    part = case.rng.choice(("store", "evidence", "log"))
    source = case.rng.choice(("moments/1", "moments/2", "moments/3", "fork"))
    shutil.rmtree(os.path.join(folder, part))
    shutil.copytree(case.world.path(source, part), os.path.join(folder, part))
    return "%s of %s" % (part, source), part == "log" or source == "fork"


# ---- verdicts ----

def judge(case, folder, how, must, found, read_share):
    if case.plant == "lie":
        shutil.rmtree(folder)
        shutil.copytree(case.world.path("fork"), folder)
        found = must = False
    if must and not found:
        raise Miss("%s: holds" % how)
    if found and case.rng.random() >= read_share:
        return "found", how
    try:
        end = Reader(case.world, folder, case.work).read()
    except Lie as lie:
        if not found or "store/data.mdb" not in how:
            raise Lie("%s (%s): %s" % (how, "found" if found else "not found", lie)) from lie
        end = "wrong"  # README.md, "What is left"
    case.count("read, " + end)
    if found:
        return "found", how
    return ("same" if end == "whole" else "found by the daemon"), how


def data_folder(case, names, forged=None, forged_share=0.0):
    base = "pruned" if names == "base" or case.rng.random() < 0.25 else "data"
    folder = case.copy(case.world.path(base), "data")
    mine = [name for name in files(folder) if name.startswith(names + "/")]
    way, share = case.rng.random(), 0.12
    if forged and way < forged_share:
        how, must = forged(case, folder)
        share = 0.0  # whose checks are right is served as it is; that the past was changed is for the proofs to find
    elif way > 0.92:
        how, must = whole_files(case, folder, mine)
        share = 0.0
    else:
        name = case.rng.choice(mine)
        fork = case.world.path("fork", name)
        how, must = bend_file(case, folder, name, read(fork) if os.path.exists(fork) else None)
        how = "%s: %s" % (name, how)
        share = 0.0 if "splice" in how else share
    found = run("relief", "check", folder)[0] != 0
    return judge(case, folder, base + ", " + how, must, found, share)


def log(case):
    return data_folder(case, "log", reforge_record, 0.35)


def store(case):
    return data_folder(case, "store", reforge_value, 0.35)


def evidence(case):
    return data_folder(case, "evidence")


def base(case):
    return data_folder(case, "base")


def mixed(case):
    folder = case.copy(case.world.path("data"), "data")
    how, must = older(case, folder)
    found = run("relief", "check", folder)[0] != 0
    return judge(case, folder, how, must, found, 0.0)


def bend_copy(case, folder):
    """(how, must, the file) of a backup or an archive: bytes, or whole files; with the manifest as it was, or made anew."""
    rng, names = case.rng, files(folder)
    if rng.random() < 0.15:
        how, must = whole_files(case, folder, [name for name in names if name != "manifest.json"])
        return how, True
    name = rng.choice(names)
    how, must = bend_file(case, folder, name)
    how = "%s: %s" % (name, how)
    if name != "manifest.json" and rng.random() < 0.4 and case.plant != "hide":
        forge.manifest(folder)
        return how + ", manifest made anew", must
    return how, True


def backup(case):
    folder, target = case.copy(case.world.path("backup"), "backup"), os.path.join(case.work, "data")
    how, must = bend_copy(case, folder)
    found = run("relief", "restore", folder, target)[0] != 0
    if found and os.path.exists(target) and os.listdir(target):
        raise Miss("%s: a restore that failed left something: %s" % (how, os.listdir(target)))
    if found and case.plant != "lie":
        return "found", how
    return judge(case, target, how, must, found, 0.0)


def archive(case):
    """Behind the last record of a segment there is nothing to read: that is `same` without a reader."""
    folder = case.copy(case.world.path("archive"), "archive")
    how, must = bend_copy(case, folder)
    found = run("relief", "log", "archive", "verify", folder, "--data", case.world.path("pruned"))[0] != 0
    if must and not found:
        raise Miss("%s: holds" % how)
    return ("found" if found else "same"), how


KINDS = (("log segments", 9, log), ("store", 9, store), ("evidence folder", 5, evidence), ("base and answers", 3, base),
         ("folder of two times", 1, mixed), ("backup", 2, backup), ("archive", 2, archive))
