"""The manual page names every command and option that the program's help has, and no other."""
import pathlib
import re
import subprocess
import sys

root, program = pathlib.Path(sys.argv[1]), sys.argv[2]
help_text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
page = (root / "tools/audit/relief-audit.1").read_text()
in_help = set(re.findall(r"(?<![\w-])(--[a-z-]+)", help_text)) | {"--help", "--version"}
in_page = {"--" + name for name in re.findall(r"Fl Fl ([a-z-]+)", page)}
errors = [f"{name}: only in the help" for name in sorted(in_help - in_page)]
errors += [f"{name}: only in the page" for name in sorted(in_page - in_help)]
commands = set(re.findall(r"^relief-audit ([a-z]+)", help_text, re.M))
errors += [f"{name}: not in the page" for name in sorted(commands) if not re.search(r"^\.Cm " + name + r"\b", page, re.M)]
for name in sorted(commands):
    done = subprocess.run([program, name, "--help"], capture_output=True, text=True)
    if done.returncode or not done.stdout.startswith(f"usage: relief-audit {name} "):
        errors.append(f"{name} --help: {done.returncode} {done.stdout}{done.stderr}")
    done = subprocess.run([program, name, "--no-such"], capture_output=True, text=True)
    if done.returncode != 2 or "usage" not in done.stderr:
        errors.append(f"{name} --no-such: {done.returncode} {done.stderr}")
print("\n".join(errors) or f"{len(commands)} commands, {len(in_help)} options")
sys.exit(1 if errors or len(commands) < 5 else 0)
