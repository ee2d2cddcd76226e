"""Runs a suite that must find the planted bug: control.py SUITE.py WORD... --plant NAME. Exit 0: it said BROKEN and ended with 1. A
suite that ends otherwise has found nothing, or something else; one that is skipped is skipped here too."""
import subprocess
import sys


def main():
    done = subprocess.run([sys.executable, "-B", *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="")
    if done.returncode == 77:
        return 77
    found = done.returncode == 1 and "BROKEN" in done.stdout
    print("the plant was found" if found else "NOT FOUND: exit code %d" % done.returncode)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
