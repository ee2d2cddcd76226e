# shellcheck shell=bash
# What the run.sh of every peer begins with: run.sh TOOLS WORK PIPELINE starts a server on PORT in a fresh folder below WORK, fills it,
# loads it once and stops it; the line of the load generator is all that it prints. LOAD holds more options of the generator.
set -eu
# shellcheck disable=SC2034 # work: of those that read this file
tools=$1 work=$2 pipeline=$3
port=${PORT:?}
pid=''
signal=TERM # that ends the server in order
stop() {
    [ -n "$pid" ] || return 0
    kill "-$signal" "$pid" 2> /dev/null || true
    for _ in $(seq 600); do
        kill -0 "$pid" 2> /dev/null || break
        sleep .1
    done
    kill -KILL "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
    pid=''
}
trap stop EXIT

# until_true COMMAND...: for at most a minute, and only while the server lives
until_true() {
    for _ in $(seq 600); do
        "$@" > /dev/null 2>&1 && return 0
        kill -0 "$pid" || return 1
        sleep .1
    done
    return 1
}

# load MODE LABEL FOLDER
load() {
    # shellcheck disable=SC2086
    "$tools/loadgen" -m "$1" -l "$2" -d "$3" -p "$port" -k "$pid" -P "$pipeline" ${LOAD:-}
}
