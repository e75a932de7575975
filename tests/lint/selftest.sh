#!/bin/sh
# The checks of this folder find what they are for: a small tree that breaks every rule once, and the runner that adds up.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-selftest.XXXXXX") || exit 3
trap 'rm -rf "$tree"' EXIT
passed=0 failed=0
says() { # says TEXT CHECK...: the check fails on the tree and its report holds TEXT
	text=$1
	shift
	if out=$(BUILD=build sh "$@" "$tree" 2>&1); then
		echo "not found by $1: $text"
		failed=$((failed + 1))
	elif printf '%s\n' "$out" | grep -qF -- "$text"; then
		passed=$((passed + 1))
	else
		printf '%s does not say: %s\n%s\n' "$1" "$text" "$out"
		failed=$((failed + 1))
	fi
}

mkdir -p "$tree/sim/core" "$tree/sim/host" "$tree/proto/base" "$tree/build/obj/sim/core"
echo 'struct host;' >"$tree/sim/host/host.h"
cat >"$tree/sim/core/bad.c" <<'END'
#include <time.h>
#include <curses.h>
#include "sim/host/host.h"
#include "bad.h"
/* double in a comment is nobody's business, nor is "float" in a string */
const char *bad_names[] = {"float"};
static const char *const fine[] = {"a", "b"};
static int counter;
const char *bad_call(int i);
const char *bad_call(int i)
{
	double x = i;

	counter += (int)x + (int)time(0);
	return counter ? fine[i] : bad_names[i];
}
END
: >"$tree/sim/core/bad.h"
sed '/curses.h/d; s,sim/host/,,' "$tree/sim/core/bad.c" >"$tree/plain.c"
gcc -O1 -I"$tree/sim/core" -I"$tree/sim/host" -c "$tree/plain.c" -o "$tree/build/obj/sim/core/bad.o" || exit 3

says '"sim/host/host.h": sim/host stands above sim/core' "$here/layers.sh"
says '"bad.h" is not written from the root' "$here/layers.sh"
says '<curses.h> is only for' "$here/layers.sh"
says '<time.h> is only for' "$here/layers.sh"
says '0 passed, 1 failed' "$here/layers.sh"
says 'bad.c: calls time' "$here/symbols.sh"
says 'bad.c: uses double' "$here/symbols.sh"
says 'counter is a global that can change (.bss)' "$here/globals.sh"
says 'bad_names is a global that can change (.data' "$here/globals.sh"
if BUILD=build sh "$here/symbols.sh" "$tree" | grep -q float; then
	echo 'symbols.sh: reads comments or strings'
	failed=$((failed + 1))
else
	passed=$((passed + 1))
fi

# The runner: what it counts, and what it never hides.
runner=$here/../tools/run-tests
sums() { # sums EXPECTED SCRIPT...: each argument is the text of a test script
	want=$1 items= n=0
	shift
	for script; do
		n=$((n + 1))
		printf '%s\n' "$script" >"$tree/item$n.sh"
		items="$items $tree/item$n.sh"
	done
	got=$(sh "$runner" -t 2 $items | tail -n 1)
	if [ "$got" = "$want" ]; then
		passed=$((passed + 1))
	else
		echo "run-tests: expected '$want', got '$got' from: $*"
		failed=$((failed + 1))
	fi
}
sums '0 passed, 0 failed'
sums '1 passed, 0 failed' 'exit 0'
sums '5 passed, 2 failed' 'echo 4 passed, 0 failed' 'echo 1 passed, 2 failed; exit 1'
sums '4 passed, 1 failed' 'echo 4 passed, 0 failed; exit 3'
sums '0 passed, 1 failed' 'sleep 9'
sums '1 passed, 0 failed, 1 skipped' 'echo skipped: no clock; exit 77' 'true'
sums '2 passed, 1 failed, 1 skipped' 'echo "[  PASSED  ] 2 test(s)."; echo "[  FAILED  ] tests: 1 test(s), listed below:"; \
	echo "[  SKIPPED ] tests: 1 test(s), listed below:"; exit 1'
sums '0 passed, 1 failed' 'kill -SEGV $$'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
