"""ops/demo on the programs in RELIEF_BIN: ends well, and asks for what the records say."""
import os
import pathlib
import re
import subprocess
import sys

# Nothing is left of a run in the folder for temporary files.
before = set(pathlib.Path("/tmp").glob("relief-demo.*"))
done = subprocess.run([sys.argv[1]], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=840, env=os.environ)
print(done.stdout)
print(done.stderr, file=sys.stderr)
errors = []
if done.returncode:
    errors.append(f"ops/demo ended with {done.returncode}")
if not re.search(r"^6724800 units asked for, \d+ covered", done.stdout, re.M):
    errors.append("the line with the units asked for is missing")
if not re.search(r"^equal +\d+ ", done.stdout, re.M):
    errors.append("the policies are not compared")
if re.search(r"Sanitizer|runtime error:|Assertion", done.stdout + done.stderr):
    errors.append("a sanitizer or an assertion spoke")
folder = re.search(r"/tmp/relief-demo\.\w+", done.stdout + done.stderr)
if folder and pathlib.Path(folder.group()).exists() and pathlib.Path(folder.group()) not in before:
    errors.append(f"{folder.group()} is left")
print("\n".join(errors) or "the demo does what the README says")
sys.exit(1 if errors else 0)
