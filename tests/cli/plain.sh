#!/bin/sh
# Plain mode: only sentences, the whole story without a reader, words when there is one, nothing told too early.
set -u
passed=0 failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-plain.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT
ok() { # ok NAME COMMAND...
	name=$1
	shift
	if "$@" >/dev/null 2>&1; then passed=$((passed + 1)); else
		failed=$((failed + 1))
		echo "not ok: $name"
		head -n 40 "$tmp/out"
	fi
}
no() { ! "$@"; }
for f in scenarios/lectures/*.yaml; do
	case $f in */polling-at-scale.yaml) continue ;; esac # ten thousand clients say nothing new here
	"$BACKTALK" run "$f" --plain </dev/null >"$tmp/out" 2>"$tmp/err"
	ok "$f: exit 0" test $? -eq 0
	ok "$f: no octet below a space but newlines" no sh -c "tr -d '\n' <'$tmp/out' | LC_ALL=C grep -q '[[:cntrl:]]'"
	ok "$f: the story is told" test "$(wc -l <"$tmp/out")" -gt 20
	ok "$f: its question and answer too" grep -q '^   Right: ' "$tmp/out"
	ok "$f: no placeholder was left over" no grep -Eq '[{](node|peer|text|a|b|len)[:}]' "$tmp/out"
done

say() { printf '%s\n' "$@" | "$BACKTALK" run first-look --plain >"$tmp/out" 2>&1; }
say next next next
ok 'next steps' grep -q '^2 of ' "$tmp/out"
say end
ok 'the end is not reached before the question is answered' grep -q '^QUESTION: ' "$tmp/out"
ok 'and nothing after it is told' no grep -q 'news 1, ' "$tmp/out"
say end 'answer a' reveal end
ok 'a right guess is right' grep -q 'Your guess was right' "$tmp/out"
ok 'then the end is reached' grep -Eq '^([0-9]+) of \1, ' "$tmp/out"
say end 'answer b' reveal
ok 'another guess is told why' grep -q 'Your guess was another one' "$tmp/out"
say end reveal 'find news 1' why
ok 'find finds' grep -q 'news 1' "$tmp/out"
ok 'why tells a chain' grep -q '^   1\. ' "$tmp/out"
say end reveal figures
ok 'figures are told by name' grep -q 'delay, median: Polling' "$tmp/out"
say end reveal 'find 200 OK' bytes
ok 'bytes are told field by field' grep -q 'Status code' "$tmp/out"
say blurb
ok 'an unknown word is answered' grep -q 'I do not know `blurb`' "$tmp/out"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
