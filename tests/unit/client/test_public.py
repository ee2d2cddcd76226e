"""What a user gets: the installed headers compile alone, as C and as C++, with strict warnings and no include path but their own;
the shared library shows relief_ names only; the example of librelief(3) compiles, links, and ends with 3 when there is no daemon."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

root, include, library, compiler, sanitize = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5]
errors = []
WARN = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, **more)


headers = sorted(pathlib.Path(include).rglob("*.h"))
cxx = "clang++" if "clang" in compiler else "g++"
for header in headers:
    text = f'#include "{header.relative_to(include)}"\n'
    for program, language, standard in ((compiler, "c", "-std=c11"), (compiler, "c", "-std=c17"), (cxx, "c++", "-std=c++17")):
        done = run(program, standard, *WARN, "-fsyntax-only", f"-I{include}", "-x", language, "-", input=text)
        if done.returncode:
            errors.append(f"{header.name} as {standard}:\n{done.stderr[:600]}")

if not sanitize:
    symbols = [line.split()[-1] for line in run("nm", "-D", "--defined-only", library).stdout.splitlines()]
    symbols = [name.split("@")[0] for name in symbols if not name.startswith("LIBRELIEF_")]
    foreign = [name for name in symbols if not name.startswith("relief_")]
    if foreign or len(symbols) < 30:
        errors.append(f"librelief shows {foreign or symbols}")

page = (root / "client/librelief.3").read_text()
example = re.search(r"^\.Bd -literal\n(#include.*?)^\.Ed", page, re.S | re.M).group(1).replace("\\e", "\\")
if len(example.splitlines()) > 40:
    errors.append(f"the example has {len(example.splitlines())} lines")
with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder, "example.c")
    source.write_text(example)
    words = [f"-fsanitize={sanitize}"] if sanitize else []
    done = run(compiler, "-std=c17", *WARN, *words, f"-I{include}", str(source), library, f"-Wl,-rpath,{os.path.dirname(library)}",
               "-o", f"{folder}/example")
    if done.returncode:
        errors.append(f"the example does not build:\n{done.stderr[:800]}")
    else:
        done = run(f"{folder}/example", f"unix:{folder}/nobody", env={"PATH": os.environ["PATH"]})
        if done.returncode != 3:
            errors.append(f"the example ends with {done.returncode}: {done.stdout} {done.stderr}")

print("\n".join(errors) or f"{len(headers)} headers, example of {len(example.splitlines())} lines")
sys.exit(1 if errors or len(headers) < 8 else 0)
