"""Cases of a whole past that is another one, made by the daemon itself: everything in the folder fits, `relief check` holds, and the key
is the right one. Only what was kept elsewhere tells: a checkpoint, a receipt, a witness's memory."""
import os
import shutil

from harness import HANGZHOU, KIND, NINGBO, Refused, world as found_world
from judge import Miss
from world import good, run


def work(rng, client, count):
    for n in range(count):
        kind = rng.randrange(3)
        try:
            if kind == 0:
                client.call("stock.receive", city=NINGBO, kind=KIND, lot="x%d" % n, quantity=rng.randint(1, 500))
            elif kind == 1:
                client.call("request.submit", id="x%d" % rng.randrange(10 ** 9), city=HANGZHOU, kind=KIND, quantity=rng.randint(1, 50))
            else:
                client.call("stock.issue", city=NINGBO, kind=KIND, quantity=rng.randint(1, 5), reason="use")
        except Refused:
            pass


def served(case, folder, count, begin=False):
    """The daemon on it, some commands more. Writes what it then hands out: `log`, `note`, and `proof`, where it gives one that leads on
    from what the auditor kept."""
    daemon, kept = case.world.daemon(folder, case.work), case.world.kept("last")
    try:
        daemon.start()
        with daemon.client() as client:
            if begin:
                found_world(client)
            work(case.rng, client, count)
        server = daemon.socket_path
        good("relief", "log", "export", "-o", case.path("log"), server=server)
        good("relief", "log", "checkpoint", "-o", case.path("note"), server=server)
        run("relief", "proof", "consistency", kept, "-o", case.path("proof"), server=server)
        assert daemon.stop() == 0, daemon.lines
    finally:
        daemon.kill()


def judge(case, how, folder, same_key=True):
    """By the checkpoint, by the receipt, by the proof that the daemon gives, by the witness: each of them has to find it."""
    if run("relief", "check", folder)[0] != 0:
        raise Miss("%s: no other past, just a broken folder" % how)
    key, log, note, kept = ["--key", case.world.key], case.path("log"), case.path("note"), case.world.kept("last")
    if (run("relief-audit", "verify", log, note, *key)[0] == 0) != same_key:
        raise Miss("%s: by itself it should %s" % (how, "hold" if same_key else "not hold under another key"))
    case.count("well made")
    forget = case.plant == "forget"
    codes = {"audit by checkpoint": run("relief-audit", "verify", log, *key, *([] if forget else ["--checkpoint", kept]))[0],
             "audit by receipt": run("relief-audit", "verify", log, *key, *([] if forget else ["--receipt", case.world.kept("receipt")]))[0],
             "relief by checkpoint": run("relief", "verify", log, *([] if forget else ["--checkpoint", kept, *key]))[0]}
    proof = ["--proof", case.path("proof")] if os.path.exists(case.path("proof")) else []
    if proof:
        codes["proof"] = run("relief-audit", "consistency", kept, note, *key, *proof)[0]
    shutil.copytree(case.world.path("state"), case.path("state"))
    codes["witness"] = run("relief-audit", "cosign", "--key", case.world.path("witness.key"), "--log-key", case.world.key, "--state",
                           case.path("state"), *proof, note)[0]
    missed = [name for name, code in codes.items() if code == 0]
    if missed:
        raise Miss("%s: not found by %s" % (how, ", ".join(missed)))
    return "found", how


def rollback(case):
    moment = case.rng.choice("123")
    folder = case.copy(case.world.path("moments", moment), "data")
    served(case, folder, 0)
    return judge(case, "rolled back to moment %s" % moment, folder)


def fork(case):
    moment = case.rng.choice("123")
    folder = case.copy(case.world.path("moments", moment), "data")
    count = case.rng.choice((1, 5, 30, 60))
    served(case, folder, count)
    return judge(case, "%d other commands from moment %s on" % (count, moment), folder)


def anew(case):
    """From the first entry on, with the key and without it."""
    folder = case.path("data")
    with_key = case.rng.random() < 0.6
    os.makedirs(os.path.join(folder, "evidence") if with_key else folder)
    if with_key:
        shutil.copy(case.world.path("data", "evidence", "key"), os.path.join(folder, "evidence", "key"))
    count = case.rng.choice((10, 60, 200, 1200))
    served(case, folder, count, begin=True)
    return judge(case, "%d commands from nothing, %s the key" % (count, "with" if with_key else "without"), folder, with_key)


KINDS = (("rolled back", 1, rollback), ("forked", 1, fork), ("history made anew", 1, anew))
