#!/bin/sh
# timeout: 120
# `make install` puts a program somewhere else that still finds its lectures, and `make uninstall` takes all of it away.
set -u
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-install.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
ok() { # ok WHAT COMMAND...
	what=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then
		passed=$((passed + 1))
	else
		echo "$what:"
		tail -n 10 "$tmp/out"
		failed=$((failed + 1))
	fi
}
unset BACKTALK_DATA
root=$PWD prefix=$tmp/dest/opt/bt
ok 'make install' make -s install DESTDIR="$tmp/dest" PREFIX=/opt/bt
ok 'the program is there' test -x "$prefix/bin/backtalk"
ok 'the manual page is there' test -s "$prefix/share/man/man1/backtalk.1"
for f in scenarios/lectures/*.yaml; do
	id=${f##*/} id=${id%.yaml}
	ok "$f is there" cmp "$f" "$prefix/share/backtalk/$f"
done
cd "$tmp" || exit 3
ok 'the installed program has a version' "$prefix/bin/backtalk" --version
"$prefix/bin/backtalk" list lectures >"$tmp/list" 2>&1
ok 'it lists its lectures' grep -q first-look "$tmp/list"
ok 'it runs one of them' "$prefix/bin/backtalk" run first-look --format json
ln -s "$prefix/bin/backtalk" "$tmp/link"
ok 'it finds them through a link too' "$tmp/link" run first-look --format json
mv "$prefix" "$tmp/moved"
ok 'it finds them where it was moved to' "$tmp/moved/bin/backtalk" run first-look --format json
mkdir -p "${prefix%/*}" && mv "$tmp/moved" "$prefix"
cd "$root" || exit 3
ok 'make uninstall' make -s uninstall DESTDIR="$tmp/dest" PREFIX=/opt/bt
ok 'nothing is left' test -z "$(find "$tmp/dest" -type f)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
