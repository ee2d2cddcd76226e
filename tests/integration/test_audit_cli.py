"""What an auditor does at the command line: dumps in every form, their differences, logs that are verified, replayed and run again, and
evidence; and what was changed behind the daemon's back is found, by line and field."""
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import tempfile
import threading
import time
import unittest

from evidence import Witness
from harness import BIN, Case, Daemon, DEADLINE, HANGZHOU, KIND, NINGBO, SANITIZER, line, world

FORMS = {"jsonl": "d.jsonl", "msgpack": "d.msgpack", "csv": "d.csv"}


def digest(data):
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def sealed(lines):
    """Lines of a dump or log with their trailer made anew: what somebody writes who knows the format."""
    body = b"".join(lines)
    return body + line({"digest": digest(body), "records": len(lines) - 1}).encode()


def chained(entries):
    """Entries of a log with every hash made anew."""
    prev, lines = "0" * 64, []
    for entry in entries:
        entry = {**entry, "prev": prev}
        entry.pop("hash", None)
        prev = digest(prev.encode() + line(entry)[:-1].encode())
        lines.append(line({**entry, "hash": prev}).encode())
    return lines


class Files(Case):
    """A daemon with some of everything, and its dumps and log in a folder."""

    @classmethod
    def prepare(cls):
        cls.work = tempfile.mkdtemp(prefix="relief-audit-")
        cls.addClassCleanup(shutil.rmtree, cls.work)
        with cls.daemon.client() as client:
            world(client)
            client.call("kind.put", {"code": "team", "name": "team", "class": "team", "unit": "team"})
            client.call("asset.put", id="t1", kind="team", city=NINGBO,
                        certificates=[{"name": "a|b\\c: \"d\"", "until": 1900000000250}, {"name": "z", "until": 1900000000000}])
            client.call("agreement.put", id="none", donor=HANGZHOU, requester=NINGBO, commit="ask", kinds=[])
            client.call("agreement.put", id="ask", donor=NINGBO, requester=HANGZHOU, commit="ask", answer_minutes=0)
            client.call("incident.open", id="i1", category="natural", level=2, origin=HANGZHOU, title='flood, "7" \\ \n é\u0001')
            client.call("request.submit", id="r1", city=HANGZHOU, kind=KIND, quantity=600, explain=True)
            client.call("request.submit", id="t", city=HANGZHOU, kind="team", quantity=1, priority=2)
            client.call("stock.issue", city=NINGBO, kind=KIND, quantity=1, reason="use", op="op-1")
            cls.before = client.call("log.head")["seq"]
            # Legs of the agreement `ask` lapse at the next tick: wait for the timer's entry.
            client.call("event.subscribe", topics=["dispatch"], from_seq=cls.before)
            while client.call("dispatch.get", id="r1/1")["state"] == "asked":
                client.notification()
            with cls.daemon.client("tcp") as city:
                city.call("server.hello", role="city", city=NINGBO)
                city.call("stock.receive", city=NINGBO, kind=KIND, lot="c", quantity=7)
        for form, name in FORMS.items():
            cls.good("dump", "--format", form, "-o", cls.path(name))
        cls.good("log", "export", "-o", cls.path("log.jsonl"))

    @classmethod
    def path(cls, name):
        return os.path.join(cls.work, name)

    @classmethod
    def run_relief(cls, *args):
        environment = dict(os.environ, RELIEF_SERVER="unix:" + cls.daemon.socket_path)
        done = subprocess.run([os.path.join(BIN, "relief"), *args], capture_output=True, text=True, errors="replace",
                              timeout=DEADLINE, env=environment)
        assert done.returncode in (0, 1, 2, 3, 4) and not SANITIZER.search(done.stderr), done
        return done.returncode, done.stdout, done.stderr

    @classmethod
    def good(cls, *args):
        code, out, err = cls.run_relief(*args)
        assert code == 0, (args, code, out, err)
        return out

    def written(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def lines_of(self, name):
        with open(self.path(name), "rb") as file:
            return file.read().splitlines(keepends=True)

class Outputs(Files):
    """Where -o points to stays what it is."""

    def test_a_pipe_is_written_into(self):
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        for words in (("dump",), ("log", "export"), ("log", "checkpoint")):
            read = []

            def drain():
                with open(pipe, "rb") as file:
                    read.append(file.read())
            reader = threading.Thread(target=drain, daemon=True)
            reader.start()
            self.good(*words, "-o", pipe)
            reader.join(DEADLINE)
            self.assertTrue(stat.S_ISFIFO(os.lstat(pipe).st_mode), words)
            self.assertGreater(len(read[0]), 50)

    def test_a_link_is_followed(self):
        with open(self.written("target", b"old"), "rb"):
            os.chmod(self.path("target"), 0o600)
        os.symlink("target", self.path("link"))
        os.symlink("link", self.path("link2"))
        self.good("dump", "-o", self.path("link2"))
        self.assertEqual((os.readlink(self.path("link")), os.readlink(self.path("link2"))), ("target", "link"))
        self.assertEqual(self.lines_of("target"), self.lines_of("d.jsonl"))
        self.assertEqual(os.stat(self.path("target")).st_mode & 0o777, 0o600)
        os.symlink("nothing", self.path("lost"))
        code, _, err = self.run_relief("dump", "-o", self.path("lost"))
        self.assertEqual((code, "leads nowhere" in err), (2, True), err)
        self.assertTrue(os.path.islink(self.path("lost")))

    def test_a_folder_takes_no_others_place(self):
        os.mkdir(self.path("empty"))
        os.symlink("empty", self.path("to-empty"))
        os.mkfifo(self.path("pipe2"))
        self.written("file", b"x")
        for name in ("to-empty", "pipe2", "file", "d.csv"):
            before = os.lstat(self.path(name))
            self.assertEqual(self.run_relief("dump", "--format", "csv", "-o", self.path(name))[0], 2, name)
            after = os.lstat(self.path(name))
            self.assertEqual((before.st_ino, before.st_mode), (after.st_ino, after.st_mode), name)
        # a dump that fails leaves the empty folder, one that is done takes its place
        self.assertNotEqual(self.run_relief("dump", "--format", "csv", "--at", "99999999", "-o", self.path("empty"))[0], 0)
        self.assertEqual(os.listdir(self.path("empty")), [])
        self.good("dump", "--format", "csv", "-o", self.path("empty"))
        self.good("verify", self.path("empty"))
        self.assertEqual([name for name in os.listdir(self.work) if ".tmp." in name], [])


class Audit(Files):
    # ---- dumps ----

    def test_every_form_holds_and_says_the_same(self):
        for name in FORMS.values():
            self.assertIn("digest and invariants hold", self.good("verify", self.path(name)))
        for one in FORMS.values():
            for other in FORMS.values():
                self.assertEqual(self.good("diff", self.path(one), self.path(other)), "")

    def test_a_byte_of_any_form_that_changes_is_found(self):
        rng, work = random.Random(7), self.path("changed")
        for form, name in FORMS.items():
            for n in range(60):
                shutil.rmtree(work, ignore_errors=True)
                if form == "csv":
                    shutil.copytree(self.path(name), work)
                    target = os.path.join(work, rng.choice(sorted(os.listdir(work))))
                else:
                    os.makedirs(work)
                    target = shutil.copy(self.path(name), work)
                with open(target, "rb") as file:
                    data = bytearray(file.read())
                at = rng.randrange(len(data))
                data[at:at + 1] = rng.choice([b"", bytes([data[at] ^ 1 << rng.randrange(8)]), bytes([data[at]]) * 2, b"\0" + data[at:at + 1]])
                if n % 6 == 5:
                    data = data[:at]
                with open(target, "wb") as file:
                    file.write(data)
                code, out, err = self.run_relief("verify", work if form == "csv" else target)
                self.assertIn(code, (2, 4), (form, n, target, at, out, err))

    def test_what_was_edited_and_sealed_again_breaks_an_invariant(self):
        lines = self.lines_of("d.jsonl")[:-1]
        lot = next(i for i, text in enumerate(lines) if b'"t":"lot"' in text)
        record = json.loads(lines[lot])
        for field, value, wanted in (("quantity", record["quantity"] + 1, "invariant 1"), ("held", record["held"] + 1, "invariant 2"),
                                     ("surprise", 1, "field"), ("state", "fine", "field state"), ("quantity", "5", "field quantity")):
            with self.subTest(field=field, value=value):
                changed = lines[:lot] + [line({**record, field: value}).encode()] + lines[lot + 1:]
                code, out, _ = self.run_relief("verify", self.written("edited.jsonl", sealed(changed)))
                self.assertEqual(code, 4)
                self.assertIn(wanted, out)

    def test_lines_are_named(self):
        lines = self.lines_of("d.jsonl")
        for changed, wanted in ((lines[:3] + [lines[4], lines[3]] + lines[5:], ":5: order"), (lines[:4] + [lines[3]] + lines[4:], ":5: order"),
                                (lines[:2] + [b'{"t": "city"}\n'] + lines[2:], ":3: not a record: byte 6"),
                                (lines[:2] + [b"\xff\xfe\n"] + lines[2:], ":3: not a record"), (lines + [b"x\n"], "something stands behind"),
                                (lines[:-1], "is missing"), (lines[:-1] + [lines[-1][:-1]], "line feed is missing"),
                                (lines[:-1] + [lines[-1].replace(b'"records":', b'"records":1')], "records: there are"),
                                (lines[:2] + [b'{"a":"' + b"x" * 3000000 + b'"}\n'] + lines[2:], ":3: not a record"),
                                (lines[:2] + [b'{"code":"\0"}\n'] + lines[2:], "a NUL byte"),
                                (lines[:2] + [b"[" * 100 + b"\n"] + lines[2:], "nested too deep")):
            with self.subTest(wanted=wanted):
                code, out, err = self.run_relief("verify", self.written("lines.jsonl", b"".join(changed)))
                self.assertEqual(code, 4, err)
                self.assertIn(wanted, out)

    def test_a_manifest_has_its_keys_and_no_others(self):
        folder = self.path("keys")
        shutil.copytree(self.path("d.csv"), folder)
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
            good = json.load(file)
        empty = next(name for name, claim in good["tables"].items() if claim["records"] == 0)

        def renamed(of, key):
            return {(name + "m" if name == key else name): value for name, value in of.items()}
        table = good["tables"][empty]
        for changed in (*(renamed(good, key) for key in good), {**good, "more": 1}, {**good, "seq": "1"}, {**good, "time": None},
                        *({**good, "tables": {**good["tables"], empty: one}}
                          for one in (*(renamed(table, key) for key in table), {**table, "a": 1}, {**table, "records": None}, 7))):
            with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
                file.write(line(changed))
            for words in (("verify", folder), ("diff", folder, self.path("d.csv"))):
                code, out, err = self.run_relief(*words)
                self.assertEqual((code, "is no manifest of a dump" in err), (2, True), (words, changed, out, err))
        with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
            file.write(line(good))
        self.good("verify", folder)

    def test_csv_with_another_quoting_is_found(self):
        folder = self.path("quoted")
        shutil.copytree(self.path("d.csv"), folder)
        with open(os.path.join(folder, "region.csv")) as file:
            text = file.read()
        with open(os.path.join(folder, "region.csv"), "w") as file:
            file.write(text.replace("zhejiang,", '"zhejiang",', 1))
        code, out, _ = self.run_relief("verify", folder)
        self.assertEqual(code, 4)
        self.assertIn("region.csv: the file was changed", out)

    # ---- diff ----

    def test_diff_in_each_form(self):
        old = self.path("old.jsonl")
        self.good("replay", self.path("log.jsonl"), "--at", str(self.before), "-o", old)
        for name in FORMS.values():
            code, out, err = self.run_relief("diff", old, self.path(name))
            self.assertEqual(code, 4, err)
            self.assertIn("is of entry %d" % self.before, err)
            self.assertIn("+ lot %s %s c\n" % (NINGBO, KIND), out)
            self.assertRegex(out, r"~ dispatch r1/1: .*state \"asked\" -> \"lapsed\"")
            code, out, _ = self.run_relief("--json", "diff", old, self.path(name))
            self.assertEqual(code, 4)
            rows = [json.loads(text) for text in out.splitlines()]
            leg = next(row for row in rows if row["t"] == "dispatch" and row["key"] == {"id": "r1/1"})
            self.assertEqual((leg["difference"], leg["fields"]["state"]), ("changed", {"a": "asked", "b": "lapsed"}))
            new = next(row for row in rows if row["difference"] == "only_b" and row["t"] == "lot")
            self.assertEqual((new["key"], new["record"]["quantity"]), ({"city": NINGBO, "kind": KIND, "lot": "c"}, 7))
            code, out, _ = self.run_relief("diff", "--csv", old, self.path(name))
            self.assertTrue(out.startswith("difference,table,key,field,a,b\n"))
            self.assertIn('changed,dispatch,r1/1,state,"""asked""","""lapsed"""\n', out)
        code, out, _ = self.run_relief("diff", self.path("d.csv"), old, "--table", "lot", "--summary")
        self.assertEqual((code, out), (4, "lot: 1 only in A, 0 only in B, 2 changed\n"))
        self.assertEqual(self.run_relief("diff", old, self.path("log.jsonl"))[0], 2)
        self.assertEqual(self.run_relief("diff", old, old, "--table", "cars")[0], 2)

    def test_the_same_sequence_with_another_head_is_a_fork(self):
        lines = self.lines_of("d.jsonl")[:-1]
        head = json.loads(lines[0])
        fork = self.written("fork.jsonl", sealed([line({**head, "head": "ab" * 32}).encode()] + lines[1:]))
        code, out, _ = self.run_relief("diff", self.path("d.jsonl"), fork)
        self.assertEqual(code, 4)
        self.assertEqual(out, "! entry %d: head %s -> %s\n" % (head["seq"], head["head"], "ab" * 32))
        code, out, _ = self.run_relief("diff", self.path("d.jsonl"), fork, "--json")
        self.assertEqual(json.loads(out)["difference"], "fork")

    # ---- logs ----

    def test_a_log_is_verified_replayed_and_run_again(self):
        log = self.path("log.jsonl")
        self.assertIn("hash chain and digest hold", self.good("verify", log))
        self.good("replay", log, "-o", self.path("replayed.jsonl"))
        self.assertEqual(self.lines_of("replayed.jsonl"), self.lines_of("d.jsonl"))
        self.assertIn("commands ran again", self.run_relief("replay", log, "--execute")[2])
        part = self.path("part.jsonl")
        self.good("log", "export", "--from", "3", "--to", "5", "-o", part)
        self.assertIn("3 entries from 3", self.good("verify", part))
        self.assertEqual([json.loads(text)["seq"] for text in self.lines_of("part.jsonl")[1:-1]], [3, 4, 5])
        for args in (("--to", "999999"), ("--from", "5", "--to", "3"), ("--to", "x")):
            self.assertEqual(self.run_relief("log", "export", *args)[0], 2)
        self.assertEqual(self.run_relief("replay", part)[0], 2)
        self.assertEqual(self.run_relief("replay", log, "--at", "999999")[0], 2)

    def test_a_log_goes_on_from_a_dump(self):
        base, rest = self.path("base.jsonl"), self.path("rest.jsonl")
        self.good("replay", self.path("log.jsonl"), "--at", str(self.before), "-o", base)
        self.good("log", "export", "--from", str(self.before + 1), "-o", rest)
        self.good("replay", rest, "--base", base, "-o", self.path("on.jsonl"))
        self.assertEqual(self.lines_of("on.jsonl"), self.lines_of("d.jsonl"))
        self.assertEqual(self.run_relief("replay", rest, "--base", self.path("d.csv"))[0], 2)
        self.assertEqual(self.run_relief("replay", rest, "--base", base, "--execute")[0], 2)
        head = json.loads(self.lines_of("base.jsonl")[0])
        other = self.written("other.jsonl", sealed([line({**head, "head": "ab" * 32}).encode()] + self.lines_of("base.jsonl")[1:-1]))
        code, out, _ = self.run_relief("replay", rest, "--base", other)
        self.assertEqual((code, "does not follow" in out), (4, True))

    def test_a_past_that_was_written_anew_is_found_by_running_it(self):
        """The planted control: every hash fits, every sum holds, and still it is not what the commands do."""
        lines = self.lines_of("log.jsonl")
        entries = [json.loads(text) for text in lines[1:-1]]
        self.assertEqual(chained(entries), lines[1:-1])  # it is our forging that is right
        for n, entry in enumerate(entries):
            if entry["method"] != "stock.receive":
                continue
            changed = json.loads(json.dumps(entries))
            for later in changed[n:]:
                for record in later["outcome"]["records"]:
                    if record["t"] == "lot":
                        record["source"] = "the mayor"
            forged = self.written("forged.jsonl", sealed([lines[0]] + chained(changed)))
            self.good("verify", forged)
            code, out, _ = self.run_relief("replay", forged, "--execute", "-o", self.path("never.jsonl"))
            self.assertEqual(code, 4)
            self.assertIn("entry %d: lot %s %s" % (entry["seq"], entry["params"]["city"], entry["params"]["kind"]), out)
            self.assertIn('source is "the mayor" in the log, and null when the command runs again', out)
            self.assertFalse(os.path.exists(self.path("never.jsonl")))
            return
        self.fail("no entry to change")

    def test_changed_logs_are_found(self):
        lines = self.lines_of("log.jsonl")
        for changed, wanted in (([*lines[:3], lines[4], lines[3], *lines[5:]], "stands where"), ([*lines[:4], lines[3], *lines[4:]], "stands where"),
                                (lines[:4] + lines[5:], "does not follow"), (lines[:-2] + lines[-1:], "records: there are"),
                                ([*lines[:3], lines[3].replace(b'"time":', b'"time":1'), *lines[4:]], "was changed"),
                                ([*lines[:3], lines[3].replace(b'":', b'": ', 1), *lines[4:]], "not a log entry: byte")):
            with self.subTest(wanted=wanted):
                path = self.written("changed.jsonl", b"".join(changed))
                code, out, err = self.run_relief("verify", path)
                self.assertEqual(code, 4, err)
                self.assertIn(wanted, out)
                self.assertEqual(self.run_relief("replay", path, "-o", self.path("never.jsonl"))[0], 4)
                self.assertFalse(os.path.exists(self.path("never.jsonl")))

    def test_a_time_limit(self):
        body = self.lines_of("d.jsonl")
        many = self.written("many.jsonl", b"".join(body[:-1]) + body[2] * 300000)
        code, _, err = self.run_relief("--timeout", "0.001", "verify", many)
        self.assertEqual((code, "the time limit is over" in err), (3, True), err)


class Evidence(Files):
    """Checkpoints, proofs and receipts."""

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.key = json.loads(cls.good("--json", "log", "checkpoint"))["key"]
        cls.good("log", "checkpoint", "-o", cls.path("old.note"))
        cls.good("--receipt", cls.path("receipts"), "stock", "receive", NINGBO, KIND, "3", "--lot", "late")
        cls.good("--receipt", cls.path("receipts"), "stock", "receive", NINGBO, KIND, "4", "--lot", "late")
        cls.good("log", "checkpoint", "-o", cls.path("new.note"))
        cls.good("proof", "inclusion", "3", "-o", cls.path("inclusion.json"))
        cls.good("proof", "consistency", cls.path("old.note"), "-o", cls.path("consistency.json"))
        cls.good("log", "export", "-o", cls.path("whole.jsonl"))

    def test_all_of_it_holds(self):
        for name, wanted in (("old.note", "not witnessed"), ("new.note", "signature holds"), ("inclusion.json", "entry 3 stands in the log"),
                             ("consistency.json", "is the beginning of that"), ("receipts", "receipt, entry")):
            self.assertIn(wanted, self.good("verify", self.path(name), "--key", self.key))
            self.assertEqual(self.run_relief("verify", self.path(name))[0], 2)  # a signature without a key proves nothing
        for note in ("old.note", "new.note"):
            self.assertIn("are those that", self.good("verify", self.path("whole.jsonl"), "--checkpoint", self.path(note), "--key", self.key))
        self.assertEqual(len(self.lines_of("receipts")), 2)
        self.assertEqual(self.good("proof", "consistency", "3", "--json")[:1], "{")

    def test_refusals_are_said(self):
        for words, wanted in ((("proof", "inclusion", "999999"), "NOT_FOUND"), (("proof", "consistency", "999999"), "NOT_FOUND"),
                              (("proof", "consistency", self.written("later.note", b"x\n999999\n")), "NOT_FOUND")):
            code, _, err = self.run_relief(*words)
            self.assertEqual((code, wanted in err), (1, True), (words, err))
            self.assertNotIn("Unknown", err)

    def test_nothing_is_proved_of_nothing(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        for words in (("proof", "inclusion", "1"), ("proof", "consistency", self.path("old.note"))):
            code, _, err = self.run_relief("--server", "unix:" + daemon.socket_path, *words)
            self.assertEqual((code, "nothing is signed yet" in err), (1, True), (words, err))

    def test_the_other_reader_agrees(self):
        for name in ("new.note", "inclusion.json", "consistency.json"):
            done = subprocess.run([os.path.join(BIN, "relief-audit"), "verify", "--key", self.key, self.path(name)], capture_output=True,
                                  text=True, timeout=DEADLINE)
            self.assertEqual(done.returncode, 0, done)

    def test_a_changed_byte_is_found(self):
        rng = random.Random(9)
        for name in ("old.note", "inclusion.json", "consistency.json", "receipts"):
            with open(self.path(name), "rb") as file:
                whole = file.read()
            for n in range(80):
                data, at = bytearray(whole), rng.randrange(len(whole))
                data[at:at + 1] = rng.choice([b"", bytes([data[at] ^ 1 << rng.randrange(8)]), data[at:at + 1] * 2])
                code, out, err = self.run_relief("verify", self.written("changed.evidence", data), "--key", self.key)
                if bytes(data) != whole:
                    self.assertIn(code, (2, 4), (name, n, at, out, err))

    def test_a_log_that_is_not_the_signed_one(self):
        lines = self.lines_of("whole.jsonl")
        entries = [json.loads(text) for text in lines[1:-1]]
        entries[2]["identity"] = "operator"
        forged = self.written("forged2.jsonl", sealed([lines[0]] + chained(entries)))
        self.good("verify", forged)
        code, out, _ = self.run_relief("verify", forged, "--checkpoint", self.path("new.note"), "--key", self.key)
        self.assertEqual(code, 4)
        self.assertIn("another root", out)
        code, out, _ = self.run_relief("verify", self.path("log.jsonl"), "--checkpoint", self.path("new.note"), "--key", self.key)
        self.assertEqual(code, 4)
        self.assertIn("the log ends with entry", out)

    def test_witnesses(self):
        with open(self.path("new.note"), encoding="utf-8") as file:
            note = file.read()
        witness, stranger = Witness("city.example/w"), Witness("else.example/w", b"s" * 32)
        signed = self.written("witnessed.note", witness.cosign(note, int(time.time()) - 600).encode())
        out = self.good("verify", signed, "--key", self.key, "--witness", witness.verifier, "--witness", stranger.verifier)
        self.assertRegex(out, "witnessed by city.example/w at .*Z, 10 min ago")
        out = self.good("verify", self.path("whole.jsonl"), "--checkpoint", signed, "--key", self.key, "--witness", witness.verifier)
        self.assertIn("witnessed by city.example/w", out)
        self.assertIn("signature of city.example/w not checked", self.good("verify", signed, "--key", self.key))
        code, out, _ = self.run_relief("verify", signed, "--key", self.key, "--witness", stranger.verifier)
        self.assertEqual((code, "not witnessed by any key given" in out), (4, True))
        forged = self.written("forged.note", witness.cosign(note, 1).replace("time ", "time 1").encode())
        self.assertEqual(self.run_relief("verify", forged, "--key", self.key, "--witness", witness.verifier)[0], 4)

    def test_a_cosigned_note_goes_back(self):
        """From a file, from standard input, and from the line, where the shell has dropped the last line feed."""
        witness = Witness("city.example/w")
        with open(self.written("witness.conf", b""), "w", encoding="utf-8") as file:
            file.write("[evidence]\norigin = relief.example/cosign\n[witness]\nkey = %s\n" % witness.verifier)
        daemon = Daemon(args=["-c", self.path("witness.conf")])
        self.addCleanup(daemon.close)
        daemon.start()
        with daemon.client() as client:
            for n, form in enumerate(("file", "stdin", "word", "flag")):
                client.call("region.put", id="r%d" % n, name="r")
                checkpoint = client.call("log.checkpoint")
                signed = witness.cosign(checkpoint["note"], 1700000000 + n)
                path = self.written("cosigned.note", signed.encode())
                words = {"file": ("@" + path,), "stdin": ("-",), "word": (signed.rstrip("\n"),), "flag": ("--note", signed)}[form]
                done = subprocess.run([os.path.join(BIN, "relief"), "--json", "--server", "unix:" + daemon.socket_path, "log", "cosign",
                                       *words], input=signed if form == "stdin" else "", capture_output=True, text=True, timeout=DEADLINE)
                self.assertEqual((done.returncode, done.stderr), (0, ""), form)
                self.assertEqual(json.loads(done.stdout)["witnessed_size"], checkpoint["size"], form)
            server = ("--server", "unix:" + daemon.socket_path, "log", "cosign")
            for words, code in (((), 2), (("@" + self.path("none"),), 2), (("",), 2), (("@" + self.written("long", b"x" * 9000),), 2), (("x",), 1)):
                self.assertEqual(self.run_relief(*server, *words)[0], code, words)

    def test_help_names_what_there_is(self):
        out = self.good("help")
        for wanted in ("proof inclusion", "proof consistency", "--receipt FILE", "--base DUMP", "--key KEY", "--execute", "folders of CSV",
                       "log cosign @FILE", "--data DIR"):
            self.assertIn(wanted, out)

    def test_another_key(self):
        name, _, rest = self.key.split("+", 2)
        code, _, err = self.run_relief("verify", self.path("new.note"), "--key", "%s+00000000+%s" % (name, rest))
        self.assertEqual((code, "is no log's key" in err), (2, True), err)


if __name__ == "__main__":
    unittest.main()
