"""The body of tests/bench/scale/run: each size in a fresh folder, filled, measured, stopped and started again, dumped, removed."""
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from bench import CONNECTIONS, Goals, TOOLS, WORK, fields, keep, machine, median, number, say, setting, table, tell  # noqa: E402

SMALL = "300:60000:0 300:100000:100000 3000:100000:0 3000:600000:0 300:100000:1000000"
LARGE = "50000:100000:0 50000:1000000:0 50000:10000000:0 300:100000:10000000 50000:10000000:1000000"
SIZES = setting("SIZES", SMALL + (" " + LARGE if setting("FULL", 0) else "")).split()
COUNT, PIPE, ROUNDS, RUNS = setting("COUNT", 50000), setting("PIPE", 16), setting("ROUNDS", 3), setting("RUNS", 3)
BIN = os.environ["RELIEF_BIN"]
DATA = os.path.join(WORK, "data")
BYTES_A_LOT, BYTES_A_REQUEST = 2400, 1300  # of disk: log, store, evidence, and the files that are imported
HOURS = "36000"
WARM_A_CITY = 3


def used_cpu(pid):
    with open("/proc/%d/stat" % pid) as stat:
        words = stat.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid, name="RssAnon"):
    with open("/proc/%d/status" % pid) as status:
        for line in status:
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
    return float("nan")


def folder_bytes(name):
    path = os.path.join(DATA, name)
    return sum(os.stat(os.path.join(path, file)).st_blocks * 512 for file in os.listdir(path))


class Daemon:
    """Started on DATA: how long it took to its `ready` line, of the wall clock and the processor, and how many entries of the log it applied."""

    def __init__(self):
        self.socket = "unix:" + os.path.join(WORK, "socket")
        began = time.monotonic()
        self.process = subprocess.Popen([os.path.join(BIN, "reliefd"), "--data", DATA, "--listen", self.socket, "--listen", "tcp:127.0.0.1:0,as=local"],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.applied = 0
        for line in self.process.stderr:
            if "applied=" in line:
                self.applied = int(line.split("applied=")[1].split()[0])
            if line.startswith("ready"):
                self.wall_ms = 1000 * (time.monotonic() - began)
                self.cpu_ms = 1000 * used_cpu(self.pid)
                self.port = line.rsplit(":", 1)[1].strip()
                return
        sys.exit("the daemon did not become ready")

    @property
    def pid(self):
        return self.process.pid

    def end(self, kill=False):
        """Its milliseconds until it was gone."""
        began = time.monotonic()
        (self.process.kill if kill else self.process.terminate)()
        self.process.stderr.read()
        self.process.stderr.close()
        self.process.wait()
        return 1000 * (time.monotonic() - began)

    def relief(self, *words):
        return [os.path.join(BIN, "relief"), "--server", self.socket, "--timeout", HOURS, *words]

    def fill(self):
        csv = os.path.join(WORK, "csv")
        for name in ("region", "city", "kind", "stock", "floor"):
            done = subprocess.run(self.relief("import", name, os.path.join(csv, "relief-%s.csv" % name)), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if done.returncode:
                sys.exit("import %s: %s" % (name, done.stderr[-500:]))

    def generator(self, size, first, *more):
        return [os.path.join(TOOLS, "loadgen"), "-m", "relief", "-p", self.port, "-c", str(CONNECTIONS), "-P", str(PIPE), "-w", "0", "-q", "0",
                "-l", "relief-scale-" + size.text, "-C", str(size.cities), "-K", "200", "-b", str(first), "-k", str(self.pid), "-d", DATA, *map(str, more)]

    def load(self, size, first, count):
        done = subprocess.run(self.generator(size, first, "-t", HOURS, "-n", count), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        keep(done.stdout)
        if done.returncode:
            sys.exit("loadgen: exit status %d; %s" % (done.returncode, done.stdout.strip()))
        return fields(done.stdout)


class Size:
    def __init__(self, text):
        self.text = text
        self.cities, self.lots, self.history = (int(float(word)) for word in text.split(":"))
        self.next_id = 1
        self.found = {"started": {}}

    def ids(self, count):
        first, self.next_id = self.next_id, self.next_id + count
        return first

    def needs_bytes(self):
        return 1 << 30 | self.lots * BYTES_A_LOT + (self.history + (ROUNDS + RUNS + 1) * COUNT + WARM_A_CITY * self.cities) * BYTES_A_REQUEST


def measure_load(size):
    """Filled, then so many requests a round."""
    began = time.monotonic()
    daemon = Daemon()
    daemon.fill()
    size.found["import_s"] = time.monotonic() - began
    if size.history:
        tell("%s: history" % size.text)
        size.found["history_rate"] = daemon.load(size, size.ids(size.history), size.history)["rps"]
    tell("%s: requests" % size.text)
    warm = max(COUNT, WARM_A_CITY * size.cities)  # what is worked out for a city at its first requests, and kept, is there or is thrown away again
    daemon.load(size, size.ids(warm), warm)
    runs = [daemon.load(size, size.ids(COUNT), COUNT) for _ in range(ROUNDS)]
    for name in ("rps", "p99_us", "device_bytes_per_req", "other_cpu"):
        size.found[name] = median([run[name] for run in runs])
    for name in ("server_us_per_req", "server_instructions_per_req"):  # a mean: what comes once in a while is a cost too
        size.found[name] = sum(run[name] for run in runs) / len(runs)
    size.found["covered"] = sum(run["covered"] for run in runs) / sum(run["sent"] for run in runs)
    size.found["anon"] = memory(daemon.pid)
    size.found["stop_ms"] = daemon.end()
    size.found["log"], size.found["store"] = folder_bytes("log"), folder_bytes("store")


def measure_dump(size, daemon):
    """Records a second, from the start of the client to its end, into a pipe that is only emptied."""
    began, before = time.monotonic(), used_cpu(daemon.pid)
    client = subprocess.Popen(daemon.relief("dump"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    last = subprocess.run(["tail", "-c", "1000"], stdin=client.stdout, stdout=subprocess.PIPE, text=True, check=True).stdout
    client.stdout.close()
    if client.wait():
        sys.exit("relief dump: exit status %d" % client.returncode)
    size.found["records"] = int(last.rsplit('"records":', 1)[1].split(",")[0].rstrip("}\n"))
    size.found["dump_rate"] = size.found["records"] / (time.monotonic() - began)
    size.found["dump_cpu"] = 1e6 * (used_cpu(daemon.pid) - before) / size.found["records"]


def loaded(size, daemon):
    """Killed with nothing held back: as soon as all answers are there, while the store is behind the log."""
    daemon.load(size, size.ids(COUNT), COUNT)
    return daemon.end(kill=True)


def measure_starts(size):
    """Each kind of end, so many times; the first start warms and tells nothing of how it was stopped."""
    daemon = Daemon()
    size.found["anon_start"] = memory(daemon.pid)
    measure_dump(size, daemon)
    for name, end in (("clean", lambda: daemon.end()), ("killed", lambda: daemon.end(kill=True)), ("loaded", lambda: loaded(size, daemon))):
        starts = []
        for _ in range(RUNS):
            end()
            daemon = Daemon()
            starts.append(daemon)
        size.found["started"][name] = [median([getattr(start, field) for start in starts]) for field in ("wall_ms", "cpu_ms", "applied")]
    daemon.end()


def measure(size):
    shutil.rmtree(DATA, ignore_errors=True)
    os.makedirs(os.path.join(WORK, "csv"), exist_ok=True)
    subprocess.run([os.path.join(TOOLS, "gen"), "-c", str(size.cities), "-l", str(size.lots), os.path.join(WORK, "csv")], check=True)
    tell("%s: import" % size.text)
    measure_load(size)
    tell("%s: starts and dump" % size.text)
    measure_starts(size)
    shutil.rmtree(DATA)


def started(size, name):
    wall, cpu, applied = size.found["started"][name]
    return "%.0f (%.0f)" % (wall, cpu) + (", %.0f" % applied if applied else "")


def show(sizes):
    base = sizes[0].found
    say("Cost of a request: %d connections, pipeline %d, %d requests a round, %d rounds; growth is that of instructions (of processor time where the "
        "machine has no counters) to the first line" % (CONNECTIONS, PIPE, COUNT, ROUNDS))
    say()
    rows = []
    for size in sizes:
        found = size.found
        rows.append(["{:,}".format(size.cities), "{:,}".format(size.lots), "{:,}".format(size.history), number(found["server_us_per_req"]),
                     number(found["server_instructions_per_req"]), "%.2f x" % growth(found, base), number(found["rps"]), number(found["p99_us"] / 1000),
                     number(found["device_bytes_per_req"]), "%.4f" % found["covered"], number(found["anon"]), number(found["anon_start"]),
                     "%.2f" % found["other_cpu"]])
    table(("cities", "lots", "history", "CPU us/req", "instructions/req", "growth", "req/s", "p99 ms", "device bytes/req", "covered", "RssAnon MiB",
           "the same after a start", "others' cores"), rows)
    say("Starts to `ready`, ms of the wall clock (of the processor), entries of the log's tail applied; dump into a pipe; median of %d" % RUNS)
    say()
    table(("cities", "lots", "history", "records", "after a clean stop", "after kill -9, idle", "after kill -9, behind %d requests" % COUNT, "stop, ms",
           "dump, records/s", "daemon's CPU us/record", "log MB", "store MB", "import s", "history, req/s"),
          [["{:,}".format(size.cities), "{:,}".format(size.lots), "{:,}".format(size.history), "{:,}".format(size.found["records"])] +
           [started(size, name) for name in ("clean", "killed", "loaded")] +
           [number(size.found["stop_ms"]), number(size.found["dump_rate"]), number(size.found["dump_cpu"]), number(size.found["log"] / 1e6),
            number(size.found["store"] / 1e6), number(size.found["import_s"]), number(size.found.get("history_rate", float("nan")))] for size in sizes])


def growth(found, base):
    ratio = found["server_instructions_per_req"] / base["server_instructions_per_req"]
    return ratio if ratio == ratio else found["server_us_per_req"] / base["server_us_per_req"]


def judge(sizes):
    """By the largest size that was measured; a goal for a size that was not reached is open."""
    goals, quiet = Goals(), all(size.found["other_cpu"] <= 0.25 for size in sizes)
    nan = float("nan")
    large = [size for size in sizes if size.cities >= 50000 and size.lots >= 10**7 and not size.history]
    ratio = growth(large[0].found, sizes[0].found) if large else nan
    goals.add("cost of a request, 50,000 cities and 10^7 lots to %d cities" % sizes[0].cities, ratio, "at most 1.5 x", ratio <= 1.5, True, " x")
    many = [size for size in sizes if size.found["records"] >= 10**7]
    clean = many[0].found["started"]["clean"][0] if many else nan
    killed = many[0].found["started"]["loaded"][0] if many else nan
    goals.add("start with 10^7 records after a clean stop, ms", clean, "at most 500", clean <= 500, quiet)
    goals.add("start with 10^7 records after kill -9, ms more", killed - clean, "at most 1000", killed - clean <= 1000, quiet)
    rate = max(size.found["dump_rate"] for size in sizes)
    goals.add("dump, records/s", rate, "at least 1,000,000", rate >= 1e6, quiet)
    old = [size for size in sizes if 10**6 <= size.history < 2 * 10**6 and size.cities == 300]
    anon = max(old[0].found["anon"], old[0].found["anon_start"]) if old else nan
    goals.add("RssAnon with 10^6 requests in history, MiB", anon, "at most 96 MB (91.6 MiB)", anon * 1.048576 <= 96, True)
    goals.print()


def main():
    say(machine())
    say()
    sizes = []
    for text in SIZES:
        size = Size(text)
        free = shutil.disk_usage(WORK).free
        if size.needs_bytes() > free:
            say("%s left out: it may need %.0f GB, %.0f are free" % (text, size.needs_bytes() / 1e9, free / 1e9))
            continue
        measure(size)
        sizes.append(size)
    if sizes:
        show(sizes)
        judge(sizes)


main()
