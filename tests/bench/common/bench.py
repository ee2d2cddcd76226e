"""What the commands of the benchmark share: runs of the load generator, the noise of the machine, tables."""
import math
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.environ.get("WORK", "")
TOOLS = os.environ.get("TOOLS", "")


def setting(name, initial):
    return type(initial)(os.environ.get(name) or initial)


OTHER_MAX = setting("OTHER_MAX", 0.25)
QUIET = setting("QUIET", 20.0)
QUIET_ALL = setting("QUIET_ALL", 900.0)
CONNECTIONS = setting("CONNS", 64)
WARM_UP = setting("WARM_UP", 1.0)
WORLD = setting("WORLD", "").split(":") if setting("WORLD", "") else None  # Relief's cities:kinds; only to try whether the commands work


def fields(line):
    """key=value ... as a dictionary; numbers where they are numbers."""
    found = {}
    for word in line.split():
        name, _, value = word.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = value
    return found


def say(*words):
    print(*words, flush=True)


def tell(text):
    """Progress, on the other stream."""
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Noise:
    """Waits for a quiet machine are bounded, each and all together; what was waited and what others used is reported."""

    def __init__(self):
        self.waited = 0.0
        self.runs = 0
        self.disturbed = 0
        self.device = []

    def bound(self):
        return max(0.0, min(QUIET, QUIET_ALL - self.waited))

    def add(self, run):
        self.runs += 1
        self.waited += run["waited_s"]
        self.disturbed += run["other_cpu"] > OTHER_MAX
        self.device.append(run["others_device_bytes_per_s"])

    def report(self):
        return ("%d runs, of them %d beside more than %.2f of a core of other work; %.0f s waited for a quiet machine (at most %.0f s a run, %.0f s "
                "in all); before a run began, others wrote %s bytes a second to the device (median), which device bytes/req of all servers hold too"
                % (self.runs, self.disturbed, OTHER_MAX, self.waited, QUIET, QUIET_ALL, number(median(self.device))))


def keep(line):
    path = os.environ.get("RESULTS")
    if path:
        with open(path, "a") as file:
            file.write(line.strip() + "\n")


def once(server, pipeline, seconds, noise, label=None, more=""):
    """One run of one server's run.sh: its line as a dictionary. A server or a generator that fails ends the benchmark."""
    load = "-w %g -t %g -c %d -q %g %s" % (WARM_UP, seconds, CONNECTIONS, noise.bound(), more)
    if WORLD and server == "relief":
        load += " -C %s -K %s" % tuple(WORLD)
    environment = dict(os.environ, LOAD=load, PORT=str(free_port()), LABEL=label or server)
    tell("%s pipeline %d, %g s %s" % (label or server, pipeline, seconds, more))
    done = subprocess.run([os.path.join(HERE, "peers", server, "run.sh"), TOOLS, WORK, str(pipeline)], env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("%s: exit status %d; %s" % (server, done.returncode, done.stdout.strip()))
    keep(done.stdout)
    run = fields(done.stdout)
    if run["answered"] != run["sent"] or run["failed"]:
        sys.exit("%s: not every request was answered: %s" % (server, done.stdout.strip()))
    noise.add(run)
    return run


def sync_latency(seconds=1):
    """One fdatasync, in microseconds: p50 and p99."""
    done = subprocess.run([os.path.join(TOOLS, "sync"), WORK, str(seconds)], check=True, stdout=subprocess.PIPE, text=True)
    keep(done.stdout)
    return fields(done.stdout)


def missing_programs(server):
    """Programs that a peer wants and that are not here."""
    wanted = {"tarantool": ["tarantool"], "redis": ["redis-server", "redis-cli"],
              "postgres": [os.path.join(os.environ.get("POSTGRES_BIN", "/usr/lib/postgresql/15/bin"), "postgres"), "psql"]}
    return [program for program in wanted.get(server, []) if not shutil.which(program)]


def median(values):
    values = [value for value in values if not math.isnan(value)]
    return statistics.median(values) if values else math.nan


def number(value):
    if value is None or math.isnan(value):
        return "-"
    if abs(value) >= 1000:
        return "{:,.0f}".format(value)
    return "%.0f" % value if abs(value) >= 100 else "%.1f" % value if abs(value) >= 10 else "%.2f" % value


def spread(values, form=number):
    """median (least to most)"""
    values = [value for value in values if not math.isnan(value)]
    if len(values) < 2:
        return form(median(values))
    return "%s (%s to %s)" % (form(median(values)), form(min(values)), form(max(values)))


def table(head, rows):
    say("| " + " | ".join(head) + " |")
    say("|" + "---|" * len(head))
    for row in rows:
        say("| " + " | ".join(str(cell) for cell in row) + " |")
    say()


class Goals:
    """Each goal beside its figure. Judged only by quiet runs; else the verdict stands in brackets."""

    def __init__(self):
        self.rows = []

    def add(self, what, figure, wanted, met, quiet, unit=""):
        if figure is None or math.isnan(figure):
            verdict = "not measured"
        else:
            verdict = "met" if met else "missed"
            if not quiet:
                verdict = "(%s: no quiet round)" % verdict
        self.rows.append((what, number(figure) + (unit if verdict != "not measured" else ""), wanted, verdict))

    def print(self):
        say("Goals")
        say()
        table(("figure", "here", "goal", ""), self.rows)


def date():
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())


def machine():
    with open("/proc/cpuinfo") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return "%d cores%s, Linux %s, %s" % (os.cpu_count(), " of " + names[0] if names else "", os.uname().release, date())
