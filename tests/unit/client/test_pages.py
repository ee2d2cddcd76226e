"""Pages and program say the same: relief(1) has every command, option and exit code of `relief help`, librelief(3) every public function."""
import pathlib
import re
import subprocess
import sys

root, relief = pathlib.Path(sys.argv[1]), sys.argv[2]
page = (root / "client/cli/relief.1").read_text()
library = (root / "client/librelief.3").read_text()
help_text = subprocess.run([relief, "help"], capture_output=True, text=True, check=True).stdout
errors = []

page_commands = re.findall(r"^\.It Ic (.+)$", page, re.M)
page_options = set(re.findall(r"Fl Fl ([a-z][a-z-]*)", page)) | {m for m in re.findall(r"\bFl ([a-z])\b", page)}


def starts(line, command):
    return line.split()[: len(command.split())] == command.split()


commands = []
for name, usage in re.findall(r"^  ([a-z]+(?: [a-z]+)?) ?(\S.*)?$", help_text.split("Commands:")[1].split("Nouns")[0], re.M):
    commands.append(name)
    if not any(starts(line, name) for line in page_commands):
        errors.append(f"relief.1 does not describe the command '{name}'")
    for option in re.findall(r"--([a-z][a-z-]*)", usage or ""):
        if option not in page_options:
            errors.append(f"relief.1 does not describe --{option} of '{name}'")
for line in page_commands:
    if not any(starts(line, name) for name in commands):
        errors.append(f"relief.1 describes '{line}', which 'relief help' does not know")

for option in re.findall(r"^  --([a-z][a-z-]*)", help_text, re.M):
    if option not in page_options:
        errors.append(f"relief.1 does not describe --{option}")

codes = re.findall(r"^#?\s*CLI_[A-Z]+ = (\d)", (root / "client/cli/cli.h").read_text(), re.M)
page_codes = re.findall(r"^\.It (\d)$", page, re.M)
if codes != page_codes or len(codes) != 5:
    errors.append(f"exit codes: {codes} in cli.h, {page_codes} in relief.1")

header = (root / "client/include/relief/relief.h").read_text()
functions = set(re.findall(r"^RELIEF_API .*?(relief_\w+)\(", header, re.M))
described = set(re.findall(r"^\.Fn (relief_\w+) \"", library, re.M))
if functions != described:
    errors.append(f"librelief.3 and relief.h differ in {sorted(functions ^ described)}")
exported = set(re.findall(r"^    (relief_\w+);", (root / "client/librelief.map").read_text(), re.M))
if not functions <= exported:
    errors.append(f"librelief.map hides {sorted(functions - exported)}")

print("\n".join(errors) or f"{len(commands)} commands, {len(functions)} functions")
sys.exit(1 if errors or len(commands) < 12 or len(functions) < 20 else 0)
