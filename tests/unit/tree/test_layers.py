"""Includes point one way: tools/layers.txt says which folder may include which, this reads every #include and compares."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
allowed = {}
for line in (root / "tools/layers.txt").read_text().splitlines():
    if line.strip() and not line.startswith("#"):
        folder, others = line.split(":")
        allowed[folder.strip()] = set(others.split())


def folder_of(path):
    """The longest folder of the list that holds the path."""
    parts = path.parent.parts
    for length in range(len(parts), 0, -1):
        name = "/".join(parts[:length])
        if name in allowed:
            return name
    return None


def resolve(source, name):
    for base in ("", "daemon/", "client/include/", "client/", str(source.parent.relative_to(root)) + "/"):
        if (root / (base + name)).exists():
            return pathlib.Path(base + name)
    return None


errors, includes = [], 0
for top in ("schema", "daemon", "client", "tools"):
    for source in sorted((root / top).rglob("*.[ch]")):
        here = folder_of(source.relative_to(root))
        if here is None:
            errors.append(f"{source.relative_to(root)}: its folder is not in tools/layers.txt")
            continue
        for name in re.findall(r'^\s*#include "([^"]+)"', source.read_text(), re.M):
            includes += 1
            target = resolve(source, name)
            if target is None:
                errors.append(f"{source.relative_to(root)}: include of {name} leads nowhere")
                continue
            there = folder_of(target)
            if there != here and there not in allowed[here]:
                errors.append(f"{source.relative_to(root)}: {here} may not include {target} ({there})")
print("\n".join(errors) or f"{includes} includes point the right way")
sys.exit(1 if errors or includes < 50 else 0)
