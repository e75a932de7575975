#!/bin/sh
# timeout: 120
# Every C file is as clang-format and .clang-format have it. One case a file.
set -u
command -v clang-format >/dev/null 2>&1 || { echo "skipped: clang-format is not installed"; exit 77; }
list=$(for d in proto sim ui tests; do [ -d "$d" ] && find "$d" -name '*.[ch]'; done | sort)
total=$(printf '%s\n' "$list" | grep -c .)
bad=$(printf '%s\n' "$list" | xargs -r clang-format --dry-run 2>&1 | sed -n 's/^\([^: ]*\.[ch]\):[0-9].*clang-formatted.*/\1/p' | sort -u)
failed=$(printf '%s' "$bad" | grep -c .)
[ "$failed" -eq 0 ] || printf 'not formatted; clang-format -i: %s\n' "$(echo $bad)"
echo "$((total - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
