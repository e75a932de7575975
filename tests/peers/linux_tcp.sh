#!/bin/sh
# timeout: 400
# Our TCP is judged by the kernel of this machine: it plays the stories of tests/data/linux-tcp between two network namespaces
# (tests/peers/linux_hop.c), and what both ends send, and when, is compared with what our simulator makes of the same story
# (tests/tcp/test_linux_tcp.c). One case a story. A story that differs is played again, twice at most: a busy machine
# moves timers, but does not always move them alike.
# With RECORD=1 the recorded captures are replaced by those of this kernel.
set -u
for s in tests/data/linux-tcp/*.story; do
	[ -f "$s" ] || { echo "skipped: no stories: run from the repository's root"; exit 77; }
done
v=$(uname -r) major=${v%%.*} minor=${v#*.} minor=${minor%%[!0-9]*}
if [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 8 ]; }; then
	echo "skipped: Linux $major.$minor acknowledges otherwise than later ones do; 6.8 is the earliest that is compared"
	exit 77
fi
hop=$BUILD/tests/peers/linux_hop judge=$BUILD/tests/tcp/test_linux_tcp
{ [ -x "$hop" ] && [ -x "$judge" ]; } || make -s "$hop" "$judge" >/dev/null ||
	{ echo "skipped: the test's programs could not be built"; exit 77; }
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-linux.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT

play() { # play NAME: leaves NAME.pcapng, NAME.why and NAME.ok
	for try in 1 2 3; do
		"$hop" "tests/data/linux-tcp/$1.story" "$tmp/$1.pcapng" >"$tmp/$1.why" 2>&1
		case $? in
		0) ;;
		77) mv "$tmp/$1.why" "$tmp/skip"; return ;;
		*) continue ;;
		esac
		LINUX_TCP_CAPTURES=$tmp LINUX_TCP_STORY=$1 "$judge" >"$tmp/$1.why" && { : >"$tmp/$1.ok"; return; }
	done
}

n=0
for s in tests/data/linux-tcp/*.story; do
	name=${s##*/}
	play "${name%.story}" &
	n=$((n + 1))
	[ $((n % 6)) -ne 0 ] || wait
	[ ! -f "$tmp/skip" ] || break
done
wait
[ ! -f "$tmp/skip" ] || { cat "$tmp/skip"; exit 77; }
passed=0 failed=0
for s in tests/data/linux-tcp/*.story; do
	name=${s##*/} name=${name%.story}
	if [ -f "$tmp/$name.ok" ]; then
		passed=$((passed + 1))
		[ -z "${RECORD:-}" ] || cp "$tmp/$name.pcapng" "tests/data/linux-tcp/$name.pcapng"
	else
		grep -v 'passed, ' "$tmp/$name.why"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
