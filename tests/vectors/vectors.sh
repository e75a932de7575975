#!/bin/sh
# timeout: 120
# Every test vector in tests/data/vectors passes: the samples as they came, and our own under own/.
set -u
out=$(mktemp "${TMPDIR:-/tmp}/backtalk-vectors.XXXXXX") || exit 3
trap 'rm -f "$out"' EXIT
"$BACKTALK" vectors tests/data/vectors/*/*.json >"$out" 2>&1
code=$?
grep -v '^note ' "$out" | tail -n 60
[ "$code" -eq 0 ]
