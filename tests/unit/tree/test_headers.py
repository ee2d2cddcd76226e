"""Every header compiles by itself with strict warnings, so that none relies on what its includer includes."""
import pathlib
import subprocess
import sys

root, compiler = pathlib.Path(sys.argv[1]), sys.argv[2]
headers = [h for top in ("schema", "daemon", "client", "tools") for h in sorted((root / top).rglob("*.h"))]
bad = 0
for header in headers:
    name = header.relative_to(root)
    done = subprocess.run(
        [compiler, "-std=c17", "-D_GNU_SOURCE", "-DRELIEF_VERSION=\"0\"", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
         "-fsyntax-only", f"-I{root}", f"-I{root}/daemon", f"-I{root}/client/include", f"-I{root}/client", "-x", "c", "-"],
        input=f'#include "{name}"\n', capture_output=True, text=True)
    if done.returncode:
        bad += 1
        print(f"{name}:\n{done.stderr[:800]}")
print(f"{len(headers)} headers, {bad} do not stand alone")
sys.exit(1 if bad or len(headers) < 20 else 0)
