#!/bin/sh
# A folder includes what stands below it, never what stands above: every #include against tests/lint/layers.txt.
#   layers.sh [ROOT]   ROOT is the tree to look at (default: this one)
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-.}" || exit 3
scan=$(mktemp "${TMPDIR:-/tmp}/backtalk-layers.XXXXXX") || exit 3
trap 'rm -f "$scan"' EXIT
for d in proto sim ui tests; do
	[ -d "$d" ] && find "$d" \( -name '*.c' -o -name '*.h' -o -name '*.def' \)
done | sort | xargs grep -HE '^[[:space:]]*#[[:space:]]*include' >"$scan" /dev/null
awk -v table="$here/layers.txt" -f "$here/layers.awk" "$here/layers.txt" "$scan"
