"""measure.py BIN WORK ROUNDS SECONDS: on the filled folder WORK/data; prints a table. Times are of the wall clock, beside them the
processor's seconds, which other work on the machine changes less."""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

bin_folder, work, rounds, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
parts = os.environ.get("PARTS", "dump proof past load copy").split()
data, socket = os.path.join(work, "data"), "unix:" + os.path.join(work, "socket")
MILLION = 1e6


def path(name):
    return os.path.join(work, name)


def line(name, value, wall=None, cpu=None, more=""):
    print("%-46s %14s %9s %9s  %s" % (name, value, "" if wall is None else "%.2f" % wall, "" if cpu is None else "%.2f" % cpu, more),
          flush=True)


def timed(*command, one_core=False):
    """(wall, user + system) of a command that must succeed."""
    words = (["taskset", "-c", "0"] if one_core else []) + [str(word) for word in command]
    began = time.monotonic()
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("%s: exit status %d" % (" ".join(words), process.returncode))
    return wall, used.ru_utime + used.ru_stime


def relief(*words):
    return [os.path.join(bin_folder, "relief"), "--server", socket, "--timeout", "600", *words]


class Daemon:
    def __init__(self, folder=data):
        self.process = subprocess.Popen([os.path.join(bin_folder, "reliefd"), "--data", folder, "--listen", socket,
                                         "--listen", "tcp:127.0.0.1:0,as=local"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for said in self.process.stderr:
            if said.startswith("ready"):
                self.port = said.rsplit(":", 1)[1].strip()
                return
        sys.exit("the daemon did not become ready")

    def memory(self, name="VmRSS"):
        """RssAnon: its own; the rest are pages of files, which the kernel takes back."""
        with open("/proc/%d/status" % self.process.pid) as status:
            return int(re.search(name + r":\s+(\d+)", status.read()).group(1)) / 1024

    def cpu(self):
        with open("/proc/%d/stat" % self.process.pid) as stat:
            return sum(int(field) for field in stat.read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.terminate()
        self.process.stderr.read()
        assert self.process.wait() == 0


def proofs(entries, exported):
    """One core each; the value is of the processor's seconds."""
    timed(*relief("dump", "-o", path("dump.jsonl")))
    for name, command in (("relief check", relief("check", data)), ("relief verify LOG", relief("verify", exported)),
                          ("relief replay LOG", relief("replay", exported, "-o", path("replayed"))),
                          ("relief-audit verify LOG --dump", [os.path.join(bin_folder, "relief-audit"), "verify", exported, "--dump", path("dump.jsonl")])):
        wall, cpu = timed(*command, one_core=True)
        line(name + ", s a million entries", "%.2f" % (cpu * MILLION / entries), wall, cpu)


def dumps(daemon):
    for tables in ((), ("--tables", "lot")):
        for form in ("jsonl", "msgpack", "csv"):
            runs = []
            for _ in range(rounds):
                target = path("dump." + form)
                shutil.rmtree(target, ignore_errors=True)
                if os.path.exists(target):
                    os.unlink(target)
                before = daemon.cpu()
                wall, client = timed(*relief("dump", "--format", form, "-o", target, *tables))
                runs.append((wall, client, daemon.cpu() - before))
            wall, client, server = sorted(runs)[len(runs) // 2]
            records = count(path("dump.jsonl"))
            line("dump %s %s, records/s" % (form, "of lots" if tables else "of all"), "%.0f" % (records / wall), wall, client + server,
                 "%d records; cpu: daemon %.2f, relief %.2f" % (records, server, client))


def count(dump):
    with open(dump, "rb") as file:
        file.seek(max(0, os.path.getsize(dump) - 300))
        return json.loads(file.read().splitlines()[-1])["records"]


def load(daemon, first, dumping):
    """Requests a second; while it runs, one dump after the other, or none. Whoever reads the dumps does it with low priority: that is
    an auditor's machine, or should be."""
    generator = subprocess.Popen([path("bin/loadgen"), "-m", "relief", "-p", daemon.port, "-c", "64", "-P", os.environ.get("PIPE", "16"),
                                  "-w", "1", "-t", seconds, "-q", "0", "-n", "1000000", "-b", str(first), "-k", str(daemon.process.pid)],
                                 stdout=subprocess.PIPE, text=True)
    done, dump = 0, None
    while generator.poll() is None:
        if dumping and (dump is None or dump.poll() is not None):
            done += dump is not None
            dump = subprocess.Popen(["nice", "-n", "19"] + relief("dump", "-o", "/dev/null", "--format", "jsonl"), stdin=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
        time.sleep(.02)
    if dump:
        dump.kill()
        dump.wait()
    fields = dict(field.split("=", 1) for field in generator.stdout.read().split() if "=" in field)
    return float(fields["rps"]), float(fields["other_cpu"]), done


def under_load(daemon):
    first, plain, beside, finished, other = 100000000 + int(time.time()) % 100000 * 10000000, [], [], 0, []
    for _ in range(rounds):
        for runs, dumping in ((plain, False), (beside, True)):
            rate, elsewhere, done = load(daemon, first, dumping)
            first += 1000000
            runs.append(rate)
            finished += done
            if not dumping:
                other.append(elsewhere)
    a, b = statistics.median(plain), statistics.median(beside)
    line("requests/s alone", "%.0f" % a, None, None, " ".join("%.0f" % rate for rate in plain))
    line("requests/s while dumps run", "%.0f" % b, None, None, "%s; %d dumps came to their end; %+.1f %%" % (
        " ".join("%.0f" % rate for rate in beside), finished, 100 * (b / a - 1)))
    line("other work on the machine, cores", "%.2f" % statistics.median(other))


def past(daemon, entries):
    for name, seq in (("--at the middle", entries // 2), ("--at the end", entries)):
        wall, cpu = timed(*relief("dump", "--at", str(seq), "-o", path("at")))
        line("dump %s, from the daemon, s" % name, "%.2f" % wall, wall, cpu)
    wall, cpu = timed(*relief("dump", "--at", str(entries // 2), "--data", data, "-o", path("at2")))
    line("dump --at the middle --data, s", "%.2f" % wall, wall, cpu)
    with open(path("at2"), "rb") as two:
        assert count(path("at2")) > 0 and two.readline()


def copies(daemon, entries):
    shutil.rmtree(path("backup"), ignore_errors=True)
    wall, cpu = timed(*relief("backup", path("backup"), "--with-key"))
    line("backup, s", "%.2f" % wall, wall, cpu)
    shutil.rmtree(path("restored"), ignore_errors=True)
    wall, cpu = timed(*relief("restore", path("backup"), path("restored")))
    line("restore, s", "%.2f" % wall, wall, cpu)
    shutil.rmtree(path("archive"), ignore_errors=True)
    wall, cpu = timed(*relief("log", "prune", path("restored"), "--below", str(entries), "--archive", path("archive")))
    line("log prune, s", "%.2f" % wall, wall, cpu)
    for name in ("backup", "restored", "archive"):
        shutil.rmtree(path(name))


def main():
    daemon, exported = Daemon(), path("log.jsonl")
    line("daemon's own memory, MiB, at the start", "%.0f" % daemon.memory("RssAnon"))
    head = json.loads(subprocess.run(relief("--json", "log", "head"), stdout=subprocess.PIPE, check=True).stdout)["seq"]
    wall = cpu = 0
    if not os.path.exists(exported) or count(exported) != head:
        wall, cpu = timed(*relief("log", "export", "-o", exported))
    entries = count(exported)
    print("%d entries, log %.1f GB, export %.1f GB, load average %.1f of %d processors" % (entries, sum(
        os.path.getsize(os.path.join(data, "log", name)) for name in os.listdir(os.path.join(data, "log"))) / 1e9,
        os.path.getsize(exported) / 1e9, os.getloadavg()[0], os.cpu_count()))
    print("%-46s %14s %9s %9s" % ("", "value", "wall s", "cpu s"))
    if wall:
        line("log export, entries/s", "%.0f" % (entries / wall), wall, cpu)
    for part, measure in (("dump", lambda: dumps(daemon)), ("past", lambda: past(daemon, entries)), ("copy", lambda: copies(daemon, entries)),
                          ("proof", lambda: proofs(entries, exported)), ("load", lambda: under_load(daemon))):
        if part in parts:
            measure()
            line("daemon's own memory, MiB, after that", "%.0f" % daemon.memory("RssAnon"))
    daemon.end()


main()
