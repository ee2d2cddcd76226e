#!/bin/bash
# The ceiling: limits/ceiling.c.
. "${0%/*}/../common.sh"
rm -rf "$work/ceiling"
mkdir "$work/ceiling"
"$tools/ceiling" "$port" "$work/ceiling" > "$work/ceiling.out" &
pid=$!
until_true grep -q ready "$work/ceiling.out"
load model ceiling "$work/ceiling"
end
rm -rf "$work/ceiling"
