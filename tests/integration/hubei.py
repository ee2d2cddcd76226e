"""Hubei, January 2020, as ops/demo loads it: 364 cities, the catalogue, reserves and floors, and what the hospitals asked for."""
import csv
import os
import pathlib
import subprocess

from harness import BIN

DATA = pathlib.Path(__file__).resolve().parents[2] / "ops" / "data"
INCIDENT = "hubei-2020"
WUHAN = "420100"


def rows(name):
    with open(DATA / (name + ".csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load(server, client):
    """Into the daemon at that address, an empty one; client is a local one of the harness."""
    def bring(table, name):
        subprocess.run([os.path.join(BIN, "relief"), "--server", server, "--timeout", "120", "import", table, DATA / (name + ".csv")],
                       check=True, capture_output=True, text=True)
    for table, name in (("region", "regions"), ("city", "cities"), ("kind", "kinds"), ("stock", "reserves"),
                        ("stock", "rule-stock"), ("floor", "rule-floors")):
        bring(table, name)
    hubei = [row["code"] for row in rows("cities") if row["code"].startswith("42")]
    client.call("incident.open", id=INCIDENT, category="health", level=1, origin=WUHAN, title="新型冠状病毒肺炎",
                affected=[code for code in hubei if code != WUHAN])
    for code in hubei:
        client.call("city.mode", code=code, mode="emergency", reason="public health emergency, level 1")
    bring("request", "requests")
