#!/bin/sh
# timeout: 240
# cppcheck's warnings on the product's sources. One case a file.
set -u
command -v cppcheck >/dev/null 2>&1 || { echo "skipped: cppcheck is not installed"; exit 77; }
list=$(for d in proto sim ui; do [ -d "$d" ] && find "$d" -name '*.c'; done | sort)
total=$(printf '%s\n' "$list" | grep -c .)
mkdir -p build/check/cppcheck
out=$(printf '%s\n' "$list" | xargs -r cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr -I. \
	--suppressions-list=tests/lint/cppcheck.txt --cppcheck-build-dir=build/check/cppcheck --max-configs=1 \
	--template='{file}:{line}: {severity}: {message} [{id}]' 2>&1)
[ -z "$out" ] || printf '%s\n' "$out"
failed=$(printf '%s\n' "$out" | sed -n 's/^\([^:]*\):[0-9]*: .*/\1/p' | sort -u | grep -c .)
echo "$((total - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
