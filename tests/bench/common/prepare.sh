# shellcheck shell=bash
# What every command of the benchmark begins with: programs of a release build ($bin), tools ($TOOLS), a folder that is removed ($work).
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit
bin=${RELIEF_BIN:-$PWD/build/release/bin}
if [ -z "${RELIEF_BIN:-}" ]; then
    { cmake --preset release && cmake --build --preset release -t reliefd relief relief-audit; } > /dev/null
fi
export RELIEF_BIN=$bin
work=$(mktemp -d "${TMPDIR:-/var/tmp}/relief-bench.XXXXXX")
export WORK=$work
trap 'rm -rf "$work"' EXIT
export TOOLS=${TOOLS:-$work/bin}
make -s -C tests/bench B="$TOOLS"
