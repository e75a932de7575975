#!/bin/sh
# Our own vectors are what their generators write: nobody has changed a result by hand.
set -u
out=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-gen.XXXXXX") || exit 3
trap 'rm -rf "$out"' EXIT
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
python3 tests/vectors/gen/make.py "$out" || exit 1
rc=0
for f in "$out"/*.json; do
	cmp "$f" "tests/data/vectors/own/${f##*/}" || rc=1
done
exit $rc
