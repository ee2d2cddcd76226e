"""load.py BIN WORK ROUNDS SECONDS CITIES: requests a second that the daemon answers, alone and while `relief allocate` runs in a loop, in turn.

The load is that of the other benchmarks. Plans are about a kind of their own, which CITIES cities ask for in vain, so that both sides have
the same state; a plan reads all cities, links and regions as ever, and looks at every pair of a donor and a request.
"""
import json
import os
import statistics
import subprocess
import sys
import time

bin_folder, work, rounds, seconds, cities = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
socket = "unix:" + os.path.join(work, "socket")


def relief(*words, **more):
    return subprocess.run([os.path.join(bin_folder, "relief"), "--server", socket, "--timeout", "600", *words], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **more).stdout


class Daemon:
    def __init__(self):
        self.process = subprocess.Popen([os.path.join(bin_folder, "reliefd"), "--data", os.path.join(work, "data"), "--listen", socket,
                                         "--listen", "tcp:127.0.0.1:0,as=local"], stdin=subprocess.DEVNULL,
                                        stderr=open(os.path.join(work, "err"), "w+", encoding="utf-8"))
        while True:
            with open(os.path.join(work, "err"), encoding="utf-8") as said:
                ready = [line for line in said if line.startswith("ready")]
            if ready and ready[0].endswith("\n"):
                self.port = ready[0].rsplit(":", 1)[1].strip()
                return
            if self.process.poll() is not None:
                sys.exit("the daemon did not become ready")
            time.sleep(.02)

    def cpu(self):
        with open("/proc/%d/stat" % self.process.pid, encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.terminate()
        self.process.wait()


def batch(lines):
    relief("batch", "-", input="".join(json.dumps({"method": method, "params": params}) + "\n" for method, params in lines))


def fill():
    for table in ("region", "city", "kind", "stock", "floor"):
        relief("import", table, os.path.join(work, "csv", "relief-%s.csv" % table))
    lines = [("kind.put", {"code": "plan", "name": "plan", "class": "supply", "unit": "piece"})]
    codes = ["c%03d" % n for n in range(300)]
    lines += [("stock.receive", {"city": code, "kind": "plan", "quantity": 500 + n}) for n, code in enumerate(codes)]
    lines += [("request.submit", {"id": "plan-%d" % n, "city": code, "kind": "plan", "quantity": 1000 + 7 * n, "priority": 1 + n % 5})
              for n, code in enumerate(codes[:cities])]
    batch(lines)


def load(daemon, first, planning):
    """(requests a second, other work on the machine in cores, seconds of each plan)"""
    generator = subprocess.Popen([os.path.join(work, "bin", "loadgen"), "-m", "relief", "-p", daemon.port, "-c", "64", "-P",
                                  os.environ.get("PIPE", "16"), "-w", "1", "-t", seconds, "-q", "0", "-n", "1000000", "-b", str(first),
                                  "-k", str(daemon.process.pid)], stdout=subprocess.PIPE, text=True)
    took, policies = [], ("fair", "effective", "equal", "nearest")
    requests = ",".join("plan-%d" % n for n in range(cities))
    while generator.poll() is None:
        if planning:
            began = time.monotonic()
            relief("allocate", policies[len(took) % 4], "--requests", requests, "--json")
            took.append(time.monotonic() - began)
        else:
            time.sleep(.02)
    fields = dict(field.split("=", 1) for field in generator.stdout.read().split() if "=" in field)
    return float(fields["rps"]), float(fields["other_cpu"]), float(fields["p99_us"]), took


def main():
    daemon = Daemon()
    fill()
    alone, beside, late, took, other = [], [], ([], []), [], []
    first = 100000000
    for turn in range(rounds):
        for planning in (False, True) if turn % 2 == 0 else (True, False):
            rate, elsewhere, p99, plans = load(daemon, first, planning)
            first += 1000000
            (beside if planning else alone).append(rate)
            late[planning].append(p99 / 1000)
            took += plans
            if not planning:
                other.append(elsewhere)
    daemon.end()
    a, b = statistics.median(alone), statistics.median(beside)
    show = lambda rates: " ".join("%.0f" % rate for rate in rates)
    print("requests/s alone               %8.0f  (%s), p99 %.0f ms" % (a, show(alone), statistics.median(late[0])))
    print("requests/s while plans are made %7.0f  (%s), p99 %.0f ms" % (b, show(beside), statistics.median(late[1])))
    print("difference %+.1f %%; %d plans of %d requests, %.2f s each in the median, %.2f s at most; other work %.2f cores"
          % (100 * (b / a - 1), len(took), cities, statistics.median(took) if took else 0, max(took, default=0), statistics.median(other)))


main()
