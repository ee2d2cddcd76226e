"""Verdicts. An edit is `found` when a tool of ours says so. Otherwise it must be one that changes nothing that anybody can read (`same`),
and only where that is possible at all: the kind of case says so beforehand, with its reason. All else is a Miss.

`same` is never believed: the folder is served by a daemon, and every record, list, first answer, proof, dump and the export are
compared with the truth; a file that is still accepted must mean what the original means by this program's own reading.
"""
import glob
import json
import os
import subprocess

import msgpack
from evidence import Note, Verifier
from harness import BIN, request
from world import Crashed, Hung, SECONDS, plain, read, run


class Miss(AssertionError):
    pass


class Lie(Miss):
    """The daemon's."""


# ---- small files ----

def note_meaning(text, world):
    """What was signed, and by whom of those that are trusted."""
    note = Note(text)
    signed = {name for name, key in (("log", world.key), ("witness", world.witness)) if note.signed_by(Verifier(key))}
    return note.body, signed


def document_meaning(data, world):
    """A proof, or receipts one a line, with the checkpoints in them."""
    documents = []
    for line in data.decode().splitlines():
        document = json.loads(line)
        for name in ("checkpoint", "from_checkpoint"):
            if name in document:
                document[name] = note_meaning(document[name], world)
        documents.append(document)
    return documents


def same_meaning(of, old, new, world):
    try:
        return of(new, world) == of(old, world)
    except (ValueError, AssertionError, TypeError, KeyError, AttributeError):
        return False


def meaning_of_note(data, world):
    return note_meaning(data.decode(), world)


# ---- a data folder ----

class Gone(Exception):
    """The daemon has ended, or does not start."""


class Reader:
    """Everything that a daemon on this folder can be asked, compared with the truth."""

    def __init__(self, world, data, work):
        self.world, self.truth = world, world.truth
        self.daemon = world.daemon(data, work)
        self.lies, self.refused = [], 0
        self.first = world.pruned_first if os.path.isdir(os.path.join(data, "base")) and glob.glob(data + "/base/*.answers") else 1

    def read(self):
        """`refused` (no start, or an end when damage was met), `partly` (errors), `whole`; lies raise."""
        how = "refused"
        try:
            self._start()
            self._dump()
            self._ask()
            self._export()
            how = "partly" if self.refused else "whole"
        except (Gone, OSError, msgpack.UnpackException):
            self._ended()
        finally:
            self.daemon.kill()
        if self.lies:
            raise Lie("a lie was served: %s\n%s" % (str(self.lies)[:400], "\n".join(self.daemon.lines[-3:])))
        return how

    def _start(self):
        import harness
        harness.DEADLINE, kept = SECONDS, harness.DEADLINE
        try:
            self.daemon.start()
        except AssertionError as error:
            if self.daemon.process.poll() is None and not self.daemon.ready.is_set():
                raise Hung("neither ready nor ended: %s" % self.daemon.lines) from error
            raise Gone from error
        finally:
            harness.DEADLINE = kept
        self.client = self.daemon.client()
        self.client.socket.settimeout(SECONDS)

    def _ended(self):
        """It ended by itself: with a message and status 1, not by a signal."""
        try:
            code = self.daemon.process.wait(SECONDS)
        except subprocess.TimeoutExpired as late:
            raise Hung("the daemon hangs: %s" % self.daemon.lines) from late
        if code not in (1, 2):
            raise Crashed("the daemon ended with %s:\n%s" % (code, "\n".join(self.daemon.lines[-8:])))

    def _answer(self, wanted):
        answer = self.client.answer()
        if answer is None:
            raise Gone
        assert answer[1] == wanted, answer
        return answer[2], answer[3]

    def _dump(self):
        self.client.notifications = []
        error, end = self._answer(self.client.send_request("snapshot.dump", {}))
        if error:
            self.refused += 1
            return
        rows = [row for message in self.client.notifications for row in message[2][0]["rows"]]
        truth = [json.loads(line) for line in self.truth["lines"][1:]]
        if end["digest"] != self.truth["digest"] or rows != truth:
            self.lies.append("the dump is another one")

    def _ask(self):
        asked = self.truth["asked"]
        self.client.send(b"".join(request(n + 1000, method, params) for n, (method, params, _) in enumerate(asked)))
        for n, (method, params, truth) in enumerate(asked):
            error, result = self._answer(n + 1000)
            result = plain(result)
            if error:
                if error["code"] in ("INTERNAL", "BUSY"):
                    self.refused += 1
                else:  # NOT_FOUND of what is there is a lie like any other
                    self.lies.append((method, params, error))
            elif result != truth and not (method == "log.checkpoint" and self._less(result, truth)):
                self.lies.append((method, params, result, truth))

    def _less(self, result, truth):
        """A checkpoint of the same tree by another key is seen by everybody who has the key. Older witness than there was, or none: less
        is proved, nothing false. Each signature that is told must hold."""
        if result["origin"] != truth["origin"] or result["key"] != truth["key"]:
            return result["size"] == truth["size"] and result["root"] == truth["root"]
        own = ("origin", "size", "root", "time", "note", "key")
        if any(result[name] != truth[name] for name in own):
            return False
        if result["witnessed_size"] is None:
            return True
        body, signed = note_meaning(result["witnessed_note"], self.world)
        return signed == {"log", "witness"} and int(body.split(b"\n")[1]) == result["witnessed_size"] <= truth["witnessed_size"]

    def _export(self):
        """From the first entry on that the folder still has: entries, not header and trailer, which tell the same of another range."""
        path = self.daemon.folder + "/export"
        code, _ = run("relief", "log", "export", "--from", self.first, "-o", path, server=self.daemon.socket_path)
        if code:
            if self.daemon.process.poll() is not None:
                raise Gone
            self.refused += 1
            return
        if read(path).splitlines()[1:-1] != read(self.world.path("log")).splitlines()[self.first:-1]:
            self.lies.append("the export is another one")
