"""Cases of what is handed out: exports, dumps, checkpoints, proofs, receipts; bent, and made anew by somebody who can do that.

A tool that accepts a bent file must be right: the file must mean the same. So both tools are judged, not the better of them; only the
CSV form is held to one of them, since relief-audit does not read what is in its files.
"""
import base64
import io
import json
import os

import bend
import forge
import msgpack
from evidence import Note
from judge import Miss, document_meaning, meaning_of_note, same_meaning
from world import read, run


def tools(case, path, *audit_only, evidence=False, witness=False):
    """Exit statuses of relief verify and relief-audit verify."""
    trust = ["--key", case.world.key] if evidence else []
    trust += ["--witness", case.world.witness] if witness else []
    return {"relief": run("relief", "verify", path, *trust)[0], "relief-audit": run("relief-audit", "verify", path, *audit_only, *trust)[0]}


def judge(case, how, codes, same=lambda: False):
    missed = [name for name, code in codes.items() if code == 0]
    if not missed:
        return "found", how
    if same():
        return "same", how
    raise Miss("%s: not found by %s" % (how, " and ".join(missed)))


# ---- bent ----

def export(case):
    data = read(case.world.small("log"))
    how, new, _ = bend.text(case.rng, data, case.other_export())
    return judge(case, how, tools(case, case.give("log", new)))


def dump(case):
    form = case.rng.choice(("jsonl", "msgpack"))
    data = read(case.world.small("dump." + form))
    how, new, _ = bend.text(case.rng, data) if form == "jsonl" else bend.edit(case.rng, data)
    return judge(case, form + ": " + how, tools(case, case.give("dump", new)))


def dump_csv(case):
    folder = case.copy(case.world.small("dump.csv"), "csv")
    names = sorted(os.listdir(folder))
    name = case.rng.choice(names)
    path, way = os.path.join(folder, name), case.rng.randrange(6)
    if way == 0:
        case.remove(path)
        how = "removed"
    elif way == 1:
        other = case.rng.choice([n for n in names if n != name])
        held = read(path)
        case.put(path, read(folder, other))
        case.put(os.path.join(folder, other), held)
        how = "swapped with " + other
    else:
        how, new, _ = bend.text(case.rng, read(path))
        case.put(path, new)
        if way == 2 and name != "manifest.json":
            how += ", its digest made anew"
            case.put(os.path.join(folder, "manifest.json"), read(folder, "manifest.json").replace(
                forge.blake(read(case.world.small("dump.csv"), name)).encode(), forge.blake(new).encode()))
    codes = tools(case, folder)
    codes["relief-audit"] = codes["relief-audit"] or codes["relief"]
    same = lambda: name == "manifest.json" and way > 1 and same_meaning(  # noqa: E731
        lambda data, _: json.loads(data), read(case.world.small("dump.csv"), name), read(path), case.world)
    return judge(case, "csv, %s: %s" % (name, how), codes, same)


def note(case):
    name = case.rng.choice(("first", "third", "witnessed", "witnessed"))
    data = read(case.world.kept(name))
    how, new, _ = bend.text(case.rng, data, read(case.world.path("fork.note")))
    codes = tools(case, case.give("note", new), evidence=True, witness=name == "witnessed")
    return judge(case, name + ": " + how, codes, lambda: same_meaning(meaning_of_note, data, new, case.world))


def proof_field(case, document):
    """One field of a proof is that of another one, or nearly what it was."""
    rng, new = case.rng, dict(document)
    name = rng.choice([key for key in document if key not in ("format", "kind", "version")])
    if name in ("seq", "size", "from"):
        new[name] = max(0, document[name] + rng.choice((-2, -1, 1, 2, 32)))
    elif name == "leaf":
        new[name] = forge.sha(b"another").hex()
    elif name == "path":
        path = base64.b64decode(document[name])
        hashes = [path[i:i + 32] for i in range(0, len(path), 32)]
        way = rng.randrange(4)
        if way == 0 and hashes:
            del hashes[rng.randrange(len(hashes))]
        elif way == 1:
            hashes.insert(rng.randint(0, len(hashes)), rng.randbytes(32))
        elif way == 2 and len(hashes) > 1:
            hashes.reverse()
        elif hashes:
            hashes[rng.randrange(len(hashes))] = rng.randbytes(32)
        new[name] = base64.b64encode(b"".join(hashes)).decode()
    else:
        new[name] = read(rng.choice([case.world.kept(kept) for kept in ("first", "second", "third", "last")] +
                                    [case.world.path("fork.note")])).decode()
    return name, new


def proof(case):
    """One receipt at a time: that somebody throws one of his receipts away is no edit."""
    rng = case.rng
    name = rng.choice(("inclusion.1", "inclusion.7", "inclusion.23", "consistency.first", "consistency.second", "receipts", "receipts"))
    data = read(case.world.small(name))
    if name == "receipts":
        data = rng.choice(data.splitlines(keepends=True))
    new = data
    while new == data:
        if rng.random() < 0.5:
            how, new, _ = bend.edit(rng, data)
        else:
            how, document = proof_field(case, json.loads(data))
            new = (forge.pack(document) + "\n").encode()
    codes = tools(case, case.give("proof", new), evidence=True)
    return judge(case, name + ": " + how, codes, lambda: same_meaning(document_meaning, data, new, case.world))


# ---- made anew ----

def other_entry(rng, entries):
    """Another past: (what, the first entry that is another one)."""
    at = rng.randrange(len(entries))
    way = rng.choice(("number", "number", "text", "removed", "doubled", "swapped", "time", "identity", "outcome", "cut"))
    entry = json.loads(json.dumps(entries[at]))
    if way in ("number", "text"):
        kind = int if way == "number" else str
        names = [name for name, value in entry["params"].items() if type(value) is kind]
        if not names:
            return other_entry(rng, entries)
        name = rng.choice(names)
        entry["params"][name] = entry["params"][name] + rng.choice((1, 10)) if way == "number" else entry["params"][name] + "x"
        entries[at] = entry
    elif way == "removed":
        del entries[at]
    elif way == "doubled":
        if at == len(entries) - 1:
            return other_entry(rng, entries)  # behind the last one it is no other past: the log goes on
        at += 1
        entries.insert(at, entry)
    elif way == "swapped":
        other = rng.randrange(len(entries))
        if other == at:
            return other_entry(rng, entries)
        entries[at], entries[other] = {**entries[other], "time": entries[at]["time"]}, {**entries[at], "time": entries[other]["time"]}
        at = min(at, other)
    elif way == "time":
        entry["time"] = entries[at - 1]["time"] if at and entries[at - 1]["time"] != entry["time"] else entry["time"] - 1
        entries[at] = entry
    elif way == "identity":
        entry["identity"] = "city:330300"
        entries[at] = entry
    elif way == "outcome":
        record = rng.choice(entry["outcome"]["records"])
        record[rng.choice(sorted(record))] = rng.choice((0, 7, None, "x"))
        if entry == entries[at]:
            return other_entry(rng, entries)
        entries[at] = entry
    else:
        del entries[max(1, at):]
        at = len(entries)
    return way, at


def retained(case, first_other, length):
    """What an auditor, a witness or a client kept that covers the first entry that is another one: (option, file)."""
    sized = []
    for name in ("first", "second", "third", "witnessed"):
        path = case.world.small(name) if name == "witnessed" else case.world.kept(name)
        sized.append((Note(read(path).decode()).size, "--checkpoint", path))
    for n, line in enumerate(read(case.world.small("receipts")).splitlines(keepends=True)):
        sized.append((json.loads(line)["size"], "--receipt", case.give("receipt%d" % n, line)))
    size, option, path = case.rng.choice([row for row in sized if row[0] > first_other])
    return option, path


def rewritten_export(case):
    """The whole chain made anew, and, with the key, signed. Well made: nothing is wrong with it, if nobody had kept anything."""
    data = read(case.world.small("log"))
    entries = forge.entries_of(data)
    old = list(entries)
    while True:
        way, at = other_entry(case.rng, entries)
        if entries != old:
            break
    new = forge.export_of(entries, data.decode().splitlines()[0])
    path, notes = case.give("log", new, hide=False), []
    if case.rng.random() < 0.5:
        way += ", signed with the key"
        size = new.count(b"\n") - 2
        signed = forge.Signer(case.world.truth["key"]).checkpoint(size, forge.root_of_export(new), entries[-1]["time"])
        notes = [case.give("forged.note", signed, hide=False)]
    trust = ["--key", case.world.key]
    if run("relief-audit", "verify", path, *notes, *trust)[0] == 0:
        case.count("well made")
    option, kept = retained(case, at, len(entries))
    evidence = [] if case.plant == "forget" else [option, kept]
    codes = {"relief-audit": run("relief-audit", "verify", path, *notes, *trust, *evidence)[0]}
    if option == "--checkpoint":
        codes["relief"] = run("relief", "verify", path, *evidence, *(trust if evidence else []))[0]
    return judge(case, way, codes)


def rewritten_dump(case):
    """Records that the log does not give, with a digest that adds up."""
    rng, form = case.rng, case.rng.choice(("jsonl", "msgpack"))
    data = read(case.world.small("dump." + form))
    records = [json.loads(line) for line in data.splitlines()] if form == "jsonl" else list(msgpack.Unpacker(io.BytesIO(data), raw=False))
    body, end = records[:-1], records[-1]
    at = rng.randrange(1, len(body))
    way = rng.choice(("field", "field", "removed", "head"))
    if way == "removed":
        del body[at]
    else:
        record = body[at if way == "field" else 0]
        name = rng.choice([name for name in record if name not in ("t", "format", "version")])
        value = record[name]
        record[name] = value + rng.choice((1, 1000)) if type(value) is int else value + "x" if isinstance(value, str) else 7
    lines = [forge.pack(record).encode() + b"\n" for record in body]
    end = {**end, "records": len(body) - 1, "digest": forge.blake(b"".join(lines))}
    new = b"".join(lines) + forge.pack(end).encode() + b"\n"
    if form == "msgpack":
        new = b"".join(msgpack.packb(dict(sorted(record.items()))) for record in body + [end])
    path = case.give("dump", new)
    if tools(case, path)["relief-audit"] == 0:
        case.count("well made")
    log = case.world.small("log")
    codes = {"relief-audit": run("relief-audit", "verify", log, "--dump", path)[0],
             "relief": run("relief", "diff", path, case.world.small("dump.jsonl"))[0] if way != "head" else 4}
    return judge(case, "%s: %s" % (form, way), codes)




KINDS = (("export", 16, export), ("dump", 12, dump), ("dump as csv", 6, dump_csv), ("checkpoint", 7, note), ("proof and receipt", 12, proof),
         ("export made anew", 9, rewritten_export), ("dump made anew", 5, rewritten_dump))
