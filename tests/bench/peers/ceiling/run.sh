#!/bin/bash
# The ceiling: limits/ceiling.c.
# shellcheck source=tests/bench/peers/common.sh
. "${0%/*}/../common.sh"
rm -rf "$work/ceiling" "$work/ceiling.out"
mkdir "$work/ceiling"
"$tools/ceiling" "$port" "$work/ceiling" > "$work/ceiling.out" &
pid=$!
until_true grep -q ready "$work/ceiling.out"
load model ceiling "$work/ceiling"
stop
rm -rf "$work/ceiling"
