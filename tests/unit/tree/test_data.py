"""ops/data/*.csv are byte for byte what ops/data/prepare.py writes from the sources."""
import pathlib
import subprocess
import sys
import tempfile

data = pathlib.Path(sys.argv[1]) / "ops/data"
bad = []
with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.executable, "-B", str(data / "prepare.py"), folder], check=True)
    made = {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}
kept = {path.name: path.read_bytes() for path in data.glob("*.csv")}
for name in sorted(made.keys() | kept.keys()):
    if made.get(name) != kept.get(name):
        bad.append(f"{name}: run ops/data/prepare.py" if name in made else f"{name}: prepare.py does not write it")
print("\n".join(bad) or f"{len(kept)} files")
sys.exit(1 if bad or len(kept) < 7 else 0)
