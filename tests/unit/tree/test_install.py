"""`cmake --install` puts every part into its place; a program finds the library with pkg-config alone, and runs."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

cmake, build, source, compiler, instrumented = sys.argv[1:6]
errors = []
WANTED = ["bin/relief", "bin/relief-audit", "share/man/man1/relief-audit.1", "sbin/reliefd", "include/relief/relief.h", "include/relief/schema.h", "include/relief/schema/errors.h",
          "share/man/man1/relief.1", "share/man/man3/librelief.3", "share/man/man8/reliefd.8", "share/man/man5/reliefd.conf.5",
          "share/doc/relief/reliefd.conf.example", "lib/systemd/system/reliefd.service", "lib/sysusers.d/reliefd.conf"]
PROGRAM = """
#include <relief/relief.h>
#include <stdio.h>
int main(void) { return puts(relief_error_name(RELIEF_BUSY)) < 0; }
"""


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, **more)


with tempfile.TemporaryDirectory() as prefix:
    done = run(cmake, "--install", build, "--prefix", prefix)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    root = pathlib.Path(prefix)
    errors += [f"{name} is missing" for name in WANTED if not (root / name).is_file()]
    for pattern in ("lib/**/librelief.so", "lib/**/librelief.so.0", "lib/**/pkgconfig/relief.pc"):
        if len(list(root.glob(pattern))) != 1:
            errors.append(f"not one {pattern}")
    for name in ("bin/relief", "bin/relief-audit", "sbin/reliefd"):
        done = run(str(root / name), "--version")
        if done.returncode or "0.1.0" not in done.stdout:
            errors.append(f"{name} --version: {done.returncode} {done.stdout}{done.stderr}")
    done = run(str(root / "sbin/reliefd"), "-c", str(root / "share/doc/relief/reliefd.conf.example"), "--check-config")
    if done.returncode:
        errors.append(f"the example configuration: {done.stdout}{done.stderr}")

    known = re.findall(r"^\s+N\((\d+),", (pathlib.Path(source) / "schema/messages.h").read_text(), re.M)
    told = (root / "share/man/man8/reliefd.8").read_text() if not errors else ""
    errors += [f"reliefd(8) does not say what message {number} means" for number in known if told and f".It {number} Ta" not in told]
    if len(known) < 30:
        errors.append("schema/messages.h is not read as it is written")

    for page in root.glob("share/man/man*/*"):
        done = run("mandoc", "-T", "lint", "-W", "error", str(page))
        if done.returncode:
            errors.append(done.stdout)

    if not instrumented and not errors:
        config = next(root.glob("lib/**/pkgconfig"))
        # The prefix was chosen after configuring, so pkg-config is told it.
        flags = run("pkg-config", f"--define-variable=prefix={prefix}", f"--define-variable=includedir={prefix}/include",
                    f"--define-variable=libdir={config.parent}", "--cflags", "--libs", "relief",
                    env={**os.environ, "PKG_CONFIG_PATH": str(config)})
        (root / "program.c").write_text(PROGRAM)
        done = run(compiler, "-Wall", "-Werror", "-o", str(root / "program"), str(root / "program.c"), *flags.stdout.split())
        if done.returncode:
            errors.append(f"a program does not link: {flags.stderr}{done.stderr}")
        elif run(str(root / "program"), env={"LD_LIBRARY_PATH": str(config.parent)}).stdout != "BUSY\n":
            errors.append("a program does not run")

print("\n".join(errors) or f"{len(WANTED)} files and the library are in their places")
sys.exit(1 if errors else 0)
