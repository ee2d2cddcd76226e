"""What an auditor can check without trusting the daemon: receipts, proofs, checkpoints over restarts, cosignatures; and what the daemon does
with a folder whose evidence does not fit its log."""
import json
import os
import shutil
import subprocess
import unittest

from evidence import Note, Verifier, Witness, consistent, leaf_hash, root_from_inclusion, root_of
from harness import BIN, Case, Daemon, HANGZHOU, KIND, NINGBO, request, world


def submit(n):
    return ("request.submit", {"id": "r-%d" % n, "city": HANGZHOU, "kind": KIND, "quantity": 1})


class Evidence(unittest.TestCase):
    def assertRefused(self, code, client, method, params):
        Case.assertRefused(self, client.error(method, params), code)

    def setUp(self):
        self.daemon = Daemon().start()
        self.addCleanup(self.daemon.close)
        with self.daemon.client() as client:
            world(client)

    def tearDown(self):
        self.assertEqual(self.daemon.faults(), [])

    def restart(self, how="clean"):
        self.assertEqual(self.daemon.stop() if how == "clean" else self.daemon.kill(), 0 if how == "clean" else -9)
        self.daemon.start()

    def export(self):
        """The lines of the log, as bytes."""
        done = subprocess.run([os.path.join(BIN, "relief"), "--server", "unix:" + self.daemon.socket_path, "log", "export"],
                              stdout=subprocess.PIPE, check=True)
        return done.stdout.splitlines()[1:-1]

    def check(self):
        """Exit code and output of relief check."""
        done = subprocess.run([os.path.join(BIN, "relief"), "check", self.daemon.data], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def refuses_to_start(self):
        with self.assertRaises(AssertionError):
            self.daemon.start()
        self.daemon.process.wait(60)
        text = "\n".join(self.daemon.lines)
        self.daemon.process.stderr.close()
        self.daemon.process = None
        return text

    def assertReceipt(self, receipt, key, seq):
        self.assertEqual(receipt["seq"], seq)
        note = Note(receipt["checkpoint"])
        self.assertTrue(note.signed_by(key))
        self.assertEqual(note.origin, key.name)
        self.assertEqual(note.size, receipt["size"])
        self.assertEqual(root_from_inclusion(bytes.fromhex(receipt["leaf"]), seq - 1, note.size, receipt["path"]), note.root)
        return note

    def test_a_thousand_receipts(self):
        with self.daemon.client() as client:
            key = Verifier(client.call("log.checkpoint")["key"])
            client.call("server.hello", {"receipts": True})
            client.send(b"".join(request(1000 + n, *submit(n)) for n in range(1000)))
            answers = []
            for n in range(1000):
                answer = client.message()
                self.assertEqual(answer[:3], [1, 1000 + n, None])
                answers.append(answer[3])
                self.assertReceipt(answer[3]["receipt"], key, answer[3]["seq"])
            # A replay has a receipt of its first entry; a read, a refusal and a change keep their order among them.
            client.send(request(1, *submit(7)) + request(2, "server.ping") + request(3, "stock.issue", {
                "city": NINGBO, "kind": KIND, "quantity": 10 ** 9, "reason": "x"}) + request(4, *submit(2000)))
            replay, ping, refused, last = (client.message() for _ in range(4))
            self.assertEqual([m[1] for m in (replay, ping, refused, last)], [1, 2, 3, 4])
            self.assertReceipt(replay[3]["receipt"], key, answers[7]["seq"])
            self.assertNotIn("receipt", ping[3])
            self.assertEqual(refused[2]["code"], "INSUFFICIENT")
            self.assertReceipt(last[3]["receipt"], key, last[3]["seq"])
            client.call("server.hello", {"receipts": False})
            self.assertNotIn("receipt", client.call(*submit(2001)))
        # The leaves are those of the lines that an export has.
        lines = self.export()
        for answer in answers[::97]:
            self.assertEqual(leaf_hash(lines[answer["seq"] - 1]).hex(), answer["receipt"]["leaf"])

    def test_receipts_do_not_wait_for_others(self):
        """A subscription's answer stays before its events, receipts or not."""
        with self.daemon.client() as client:
            client.call("server.hello", {"receipts": True})
            client.send(request(1, *submit(1)) + request(2, "event.subscribe", {"from_seq": 1}) + request(3, *submit(2)))
            seen = []
            while 3 not in seen:
                message = client.message()
                seen.append(message[1] if message[0] == 1 else "event")
            self.assertEqual([s for s in seen if s != "event"], [1, 2, 3])
            self.assertNotIn("event", seen[:seen.index(2)])

    def test_roots_and_proofs_over_restarts(self):
        notes = []
        for how in ("clean", "crash", None):
            with self.daemon.client() as client:
                for n in range(20):
                    client.call(*submit(len(notes) * 100 + n))
                    if n % 5 == 0:
                        notes.append(client.call("log.checkpoint"))
            if how:
                self.restart(how)
        key = Verifier(notes[0]["key"])
        leaves = [leaf_hash(line) for line in self.export()]
        with self.daemon.client() as client:
            newest = client.call("log.checkpoint")
            self.assertEqual(newest["size"], len(leaves))
            for checkpoint in notes + [newest]:
                note = Note(checkpoint["note"])
                self.assertTrue(note.signed_by(key))
                self.assertEqual(checkpoint["key"], notes[0]["key"])
                self.assertEqual((note.size, note.root.hex(), note.time, note.origin),
                                 (checkpoint["size"], checkpoint["root"], checkpoint["time"], checkpoint["origin"]))
                self.assertEqual(note.root, root_of(leaves[:note.size]))
                self.assertEqual(note.time, json.loads(self.export()[note.size - 1])["time"])
            for old in notes:
                for new in notes + [newest]:
                    if new["size"] < old["size"]:
                        continue
                    proof = client.call("proof.consistency", {"from": old["size"], "size": new["size"]})
                    self.assertTrue(consistent(old["size"], new["size"], bytes.fromhex(old["root"]), bytes.fromhex(new["root"]),
                                               proof["path"]))
            self.assertEqual(client.call("proof.consistency", {"from": 0})["path"], b"")
            for size in (1, 2, 7, 33, len(leaves)):
                for seq in {1, (size + 1) // 2, size}:
                    proof = client.call("proof.inclusion", {"seq": seq, "size": size})
                    self.assertEqual(proof["leaf"], leaves[seq - 1].hex())
                    self.assertEqual(root_from_inclusion(leaves[seq - 1], seq - 1, size, proof["path"]), root_of(leaves[:size]))
            self.assertEqual(client.call("proof.inclusion", {"seq": 3})["size"], newest["size"])
            self.assertRefused("NOT_FOUND", client, "proof.inclusion", {"seq": len(leaves) + 1})
            self.assertRefused("NOT_FOUND", client, "proof.inclusion", {"seq": 3, "size": 2})
            self.assertRefused("NOT_FOUND", client, "proof.inclusion", {"seq": 1, "size": 10 ** 12})
            self.assertRefused("NOT_FOUND", client, "proof.consistency", {"from": 5, "size": 4})
            self.assertRefused("BAD_PARAMS", client, "proof.inclusion", {"seq": 0})
        self.assertEqual(self.check()[0], 0)

    def test_what_was_acknowledged_is_proved_at_once(self):
        with self.daemon.client() as writer, self.daemon.client() as reader:
            for n in range(200):
                seq = writer.call(*submit(n))["seq"]
                self.assertGreaterEqual(reader.call("proof.inclusion", {"seq": seq})["size"], seq)

    def test_every_role_reads_and_strangers_do_not(self):
        with self.daemon.client() as client:
            for role in ("city", "coordinator", "auditor", "operator"):
                with self.daemon.client() as narrow:
                    narrow.call("server.hello", {"role": role, "city": HANGZHOU} if role == "city" else {"role": role})
                    self.assertEqual(narrow.call("log.checkpoint")["size"], client.call("log.checkpoint")["size"])

    def test_a_rolled_back_log_is_refused(self):
        self.daemon.stop()
        log, kept = os.path.join(self.daemon.data, "log"), os.path.join(self.daemon.folder, "kept")
        shutil.copytree(log, kept)
        self.daemon.start()
        with self.daemon.client() as client:
            client.call(*submit(1))
        self.daemon.stop()
        newer = os.path.join(self.daemon.folder, "newer")
        shutil.copytree(log, newer)
        shutil.rmtree(log)
        shutil.copytree(kept, log)
        shutil.rmtree(os.path.join(self.daemon.data, "store"))
        self.assertIn("rolled back", self.refuses_to_start())
        self.assertEqual(self.check()[0], 4)
        shutil.rmtree(log)
        shutil.copytree(newer, log)
        self.daemon.start()
        self.assertEqual(self.check()[0], 0)

    def test_damaged_hashes_are_made_anew(self):
        with self.daemon.client() as client:
            before = client.call("log.checkpoint")
        self.daemon.stop()
        path = os.path.join(self.daemon.data, "evidence", "hashes")
        with open(path, "r+b") as file:
            file.seek(40)
            byte = file.read(1)
            file.seek(40)
            file.write(bytes([byte[0] ^ 1]))
        code, text = self.check()
        self.assertEqual(code, 4)
        self.assertIn("evidence/hashes does not follow from the log", text)
        # A proof that meets it is not handed out; the file is put aside, and the next start has a right one.
        self.daemon.start()
        with self.daemon.client() as client:
            for _ in range(2):
                self.assertRefused("INTERNAL", client, "proof.inclusion", {"seq": 1})
            self.assertEqual(client.call("log.checkpoint")["root"], before["root"])
        self.assertTrue(os.path.exists(path + ".damaged"))
        self.restart()
        with self.daemon.client() as client:
            client.call("proof.inclusion", {"seq": 1})
            self.assertEqual(client.call("log.checkpoint")["note"], before["note"])
        self.assertTrue(any("id=25" in line for line in self.daemon.lines))
        self.assertEqual(sum("hashes.damaged" in line for line in self.daemon.lines), 1)
        self.daemon.stop()
        self.assertEqual(self.check()[0], 0)

    def test_a_missing_folder_begins_a_new_origin(self):
        with self.daemon.client() as client:
            before = client.call("log.checkpoint")
        self.daemon.stop()
        shutil.rmtree(os.path.join(self.daemon.data, "evidence"))
        self.assertEqual(self.check()[0], 4)
        self.daemon.start()
        with self.daemon.client() as client:
            after = client.call("log.checkpoint")
        self.assertEqual((after["size"], after["root"]), (before["size"], before["root"]))
        self.assertNotEqual(after["origin"], before["origin"])
        self.assertTrue(any("id=25" in line for line in self.daemon.lines))
        self.assertEqual(os.stat(os.path.join(self.daemon.data, "evidence", "key")).st_mode & 0o777, 0o600)


class Witnesses(unittest.TestCase):
    def assertRefused(self, code, client, method, params):
        Case.assertRefused(self, client.error(method, params), code)

    def setUp(self):
        self.one, self.two = Witness("witness.example/one"), Witness("witness.example/two", b"v" * 32)
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)
        self.config = os.path.join(self.daemon.folder, "conf")
        self.write("relief.example/test", [self.one, self.two])
        self.daemon.args = ["-c", self.config]
        self.daemon.start()
        with self.daemon.client() as client:
            world(client)

    def write(self, origin, witnesses):
        with open(self.config, "w") as file:
            file.write("[evidence]\norigin = %s\n[witness]\n" % origin)
            file.writelines("key = %s\n" % witness.verifier for witness in witnesses)

    def test_cosignatures_are_kept(self):
        with self.daemon.client() as client:
            first = client.call("log.checkpoint")
            self.assertEqual(first["origin"], "relief.example/test")
            self.assertIsNone(first["witnessed_size"])
            self.assertIsNone(client.call("server.info")["witnessed_size"])
            client.call("log.cosign", {"note": self.one.cosign(first["note"], 1700000000)})
            client.call(*submit(1))
            answer = client.call("log.cosign", {"note": self.two.cosign(first["note"], 1700000005)})
            self.assertEqual(answer["witnessed_size"], first["size"])
            self.assertEqual(answer["witnessed_time"], 1700000005000)
            self.assertEqual(answer["witnesses"], [{"name": self.one.name, "time": 1700000000000},
                                                   {"name": self.two.name, "time": 1700000005000}])
            note = Note(answer["witnessed_note"])
            self.assertEqual(note.signed_by(Verifier(self.one.verifier)), 1700000000)
            self.assertEqual(note.signed_by(Verifier(self.two.verifier)), 1700000005)
            self.assertTrue(note.signed_by(Verifier(answer["key"])))
            second = client.call("log.checkpoint")
            self.assertGreater(second["size"], first["size"])
            # A newer checkpoint counts more than more names; an older one changes nothing any more.
            newer = client.call("log.cosign", {"note": self.one.cosign(second["note"], 1700000009)})
            self.assertEqual([w["name"] for w in newer["witnesses"]], [self.one.name])
            self.assertEqual(client.call("log.cosign", {"note": self.two.cosign(first["note"], 1700000010)})["witnessed_size"],
                             newer["size"])
        for how in ("stop", "kill"):
            getattr(self.daemon, how)()
            self.daemon.start()
            with self.daemon.client() as client:
                info = client.call("server.info")
                self.assertEqual((info["witnessed_size"], info["witnessed_time"]), (newer["size"], 1700000009000))
                self.assertEqual(client.call("log.checkpoint")["witnessed_note"], newer["witnessed_note"])

    def test_refusals(self):
        with self.daemon.client() as client:
            first = client.call("log.checkpoint")
            good = self.one.cosign(first["note"], 1700000000)
            self.assertRefused("BAD_PARAMS", client, "log.cosign", {"note": "x"})
            self.assertRefused("BAD_PARAMS", client, "log.cosign", {"note": good.replace("time 1", "time 2", 1)})
            self.assertRefused("BAD_PARAMS", client, "log.cosign", {"note": good[:-1]})
            self.assertRefused("DENIED", client, "log.cosign", {"note": first["note"]})
            stranger = Witness(self.one.name, b"s" * 32)
            self.assertRefused("DENIED", client, "log.cosign", {"note": stranger.cosign(first["note"], 1700000000)})
            self.assertIsNone(client.call("log.checkpoint")["witnessed_size"])

    def test_another_origin_is_refused(self):
        self.daemon.stop()
        self.write("relief.example/other", [])
        with self.assertRaises(AssertionError):
            self.daemon.start()
        self.assertEqual(self.daemon.process.wait(60), 2)
        self.assertTrue(any("relief.example/test" in line for line in self.daemon.lines))
        self.daemon.process.stderr.close()
        self.daemon.process = None
        self.write("relief.example/test", [])
        self.daemon.start()
        self.assertEqual(self.daemon.stop(), 0)

    def test_a_mistyped_key_is_a_bad_configuration(self):
        with open(self.config, "a") as file:
            file.write("key = %s\n" % (self.one.verifier[:-6] + "AAAAA="))
        done = subprocess.run([os.path.join(BIN, "reliefd"), "-c", self.config, "--check-config"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("mistyped", done.stderr)


if __name__ == "__main__":
    unittest.main()
