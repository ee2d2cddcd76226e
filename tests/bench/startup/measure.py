"""measure.py BIN WORK RUNS: starts reliefd on WORK/data again and again; prints a table of milliseconds to `ready`."""
import os
import statistics
import subprocess
import sys
import time

bin_folder, work, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])


def start():
    command = [os.path.join(bin_folder, "reliefd"), "--data", os.path.join(work, "data"),
               "--listen", "unix:" + os.path.join(work, "socket"), "--listen", "tcp:127.0.0.1:0,as=local"]
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    applied = 0
    for line in process.stderr:
        if "applied=" in line:
            applied = int(line.split("applied=")[1].split()[0])
        if line.startswith("ready"):
            wall = 1000 * (time.monotonic() - began)
            with open("/proc/%d/stat" % process.pid) as stat:
                ticks = sum(int(field) for field in stat.read().rsplit(")", 1)[1].split()[11:13])
            return process, (wall, 1000 * ticks / os.sysconf("SC_CLK_TCK")), applied, line.rsplit(":", 1)[1].strip()
    sys.exit("the daemon did not become ready")


def end(process, kill):
    (process.kill if kill else process.terminate)()
    process.stderr.read()
    process.wait()


def load(process, port, first):
    """Five seconds of requests, killed in the middle of them."""
    generator = subprocess.Popen([os.path.join(work, "bin", "loadgen"), "-m", "relief", "-p", port, "-c", "64", "-P", "16", "-w", "0",
                                  "-t", "5", "-q", "0", "-n", "2000000", "-b", str(first), "-k", str(process.pid)],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(4)
    end(process, True)
    generator.wait()


def measure(name, kill, loaded):
    times, processor, entries = [], [], []
    for run in range(runs + 1):
        process, ms, applied, port = start()
        if run:  # the first warms, and tells nothing of how it was stopped
            times.append(ms[0])
            processor.append(ms[1])
            entries.append(applied)
        if loaded and run < runs:
            load(process, port, 500000000 + run * 2000000)
        else:
            end(process, kill)
    print("%-28s %8.0f %8.0f %8.0f %8.0f %12d" % (name, statistics.median(times), min(times), max(times),
                                                  statistics.median(processor), max(entries)), flush=True)


print("%-28s %8s %8s %8s %8s %12s" % ("started after", "median", "min", "max", "cpu", "tail applied"))
measure("a clean stop", False, False)
measure("kill -9, idle", True, False)
measure("kill -9 under load", True, True)
