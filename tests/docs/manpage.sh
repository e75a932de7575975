#!/bin/sh
# timeout: 60
# Every command has a help with usage and an example, the manual page has every command and option of it, and man reads the
# page without a warning.
set -u
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-manpage.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
check() { # check WHAT COMMAND...
	what=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then
		passed=$((passed + 1))
	else
		echo "$what"
		head -n 5 "$tmp/out"
		failed=$((failed + 1))
	fi
}
check 'the page is written' sh -c 'sh docs/manpage.sh "$1" >"$2"' sh "$BACKTALK" "$tmp/backtalk.1"
"$BACKTALK" --help >"$tmp/general"
# What options and commands the page names, hyphens plain again.
sed 's/\\-/-/g' "$tmp/backtalk.1" >"$tmp/plain"
for name in $(sed -n 's/^X(\([a-z]*\),.*/\1/p' ui/commands.def); do
	check "$name --help" sh -c '"$1" "$2" --help >"$3"' sh "$BACKTALK" "$name" "$tmp/help"
	check "$name: no usage" grep -q "^usage: backtalk $name" "$tmp/help"
	check "$name: no example" grep -q "^  backtalk $name" "$tmp/help"
	check "$name: not in the general help" grep -q "^  $name " "$tmp/general"
	check "$name: not in the manual page" grep -qF ".SS \"backtalk $name\"" "$tmp/plain"
	for option in $(grep -o -- '--[a-z][a-z-]*' "$tmp/help" | sort -u); do
		check "$name $option: not in the manual page" grep -qF -- "$option" "$tmp/plain"
	done
done
if command -v man >/dev/null 2>&1; then
	man --warnings -l "$tmp/backtalk.1" >"$tmp/shown" 2>"$tmp/warnings"
	check "man shows $(wc -l <"$tmp/shown") lines" test "$(wc -l <"$tmp/shown")" -gt 50
	check "man warns: $(head -n 3 "$tmp/warnings")" test ! -s "$tmp/warnings"
else
	echo 'skipped: man is not installed'
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
