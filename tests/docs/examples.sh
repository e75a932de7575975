#!/bin/sh
# timeout: 240
# The examples in README.md and docs/ do what they say. One case a command.
#
# In a block that begins with ```console, a line "$ COMMAND" is run by sh in a folder of its own (scenarios/ and tests/
# are there as links, and a plain `backtalk` is the program just built); the lines up to the next "$" or the block's end
# are what it must print on stdout and stderr. A line "..." stands for any lines, "..." within a line for anything.
# A command without such lines only has to exit with 0; "# exits N" after a command names another status.
# What must not be run here (make, sudo, a terminal) is written in ```sh blocks.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$PWD
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-docs.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/bin" "$tmp/run" "$tmp/case"
ln -s "$BACKTALK" "$tmp/bin/backtalk"
ln -s "$root/scenarios" "$root/tests" "$root/docs" "$tmp/run/"
PATH=$tmp/bin:$PATH
export PATH

# Each command becomes case/N.cmd, .want and .where.
for doc in README.md docs/*.md docs/*/*.md; do
	[ -f "$doc" ] && printf '%s\n' "$doc"
done | xargs awk -v dir="$tmp/case" -f "$here/examples.awk"

passed=0 failed=0
for cmd in "$tmp"/case/*.cmd; do
	[ -f "$cmd" ] || break
	base=${cmd%.cmd}
	want_status=$(sed -n 's/.*# exits \([0-9]\)$/\1/p' "$cmd")
	(cd "$tmp/run" && timeout 60 sh "$cmd") >"$base.got" 2>&1 </dev/null
	status=$?
	problem=
	[ "$status" -eq "${want_status:-0}" ] || problem="exits with $status"
	if [ -s "$base.want" ]; then
		awk -f "$here/same.awk" "$base.want" "$base.got" >"$base.diff" || problem="$problem prints something else"
	fi
	if [ -z "$problem" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '%s: $ %s\n  %s\n' "$(cat "$base.where")" "$(cat "$cmd")" "$problem"
		[ -s "$base.diff" ] && sed 's/^/  /' "$base.diff"
		[ "$status" -ne "${want_status:-0}" ] && tail -n 5 "$base.got" | sed 's/^/  | /'
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
