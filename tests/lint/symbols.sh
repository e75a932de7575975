#!/bin/sh
# What proto and sim ask of the C library, against tests/lint/symbols.txt: the undefined symbols of every object, and
# the words their sources may not use. One case a source file.
#   symbols.sh [ROOT]   ROOT is the tree to look at; its objects are under $BUILD/obj
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-.}" || exit 3
build=${BUILD:-build/release}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-symbols.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT

for d in proto sim; do
	[ -d "$d" ] && find "$d" -name '*.c'
done | sort >"$tmp/sources"

# "D NAME" for what some object defines, "U FILE NAME" for what one wants, "W FILE WORD" for each word of the code.
while read -r c; do
	o=$build/obj/${c%.c}.o
	[ -f "$o" ] || { echo "B $c"; continue; }
	# With offsets of 64 bits the C library calls these by another name.
	nm -P "$o" | awk -v c="$c" '
		$2 == "U" && $1 ~ /^(fopen|fseeko|ftello|open|stat|fstat|lstat|readdir|scandir|alphasort|mmap|setrlimit)64$/ { sub(/64$/, "", $1) }
		$2 == "U" || $2 == "w" { print "U", c, $1; next }
		{ print "D", $1 }'
done <"$tmp/sources" >"$tmp/symbols"
# Sources and headers without comments and strings, one word a line.
for d in proto sim; do
	[ -d "$d" ] && find "$d" \( -name '*.c' -o -name '*.h' \)
done | sort | xargs awk -f "$here/words.awk" /dev/null >"$tmp/words"

awk -v table="$here/symbols.txt" '
	function covers(dir, file) { return index(file, dir "/") == 1 }
	function allowed(file, name,   i) {
		for (i = 1; i <= allows; i++)
			if (covers(allow_dir[i], file) && (allow_name[i] == name ||
				(allow_prefix[i] && index(name, allow_name[i]) == 1)))
				return 1
		return 0
	}
	function bad(file, text) {
		if (!((file, text) in said))
			print file ": " text
		said[file, text] = 1
		if (!(file in blamed))
			failed++
		blamed[file] = 1
	}
	FILENAME == table && $1 == "allow" {
		for (i = 3; i <= NF; i++) {
			allow_dir[++allows] = $2
			allow_prefix[allows] = sub(/\*$/, "", $i)
			allow_name[allows] = $i
		}
	}
	FILENAME == table && $1 == "deny" {
		for (i = 3; i <= NF; i++) {
			if (!($i in deny_dirs))
				deny_dirs[$i] = ""
			deny_dirs[$i] = deny_dirs[$i] " " $2
		}
	}
	FILENAME == table { next }
	{ if ($1 != "D" && !($2 in files)) { files[$2] = 1; cases++ } }
	$1 == "B" { bad($2, "has no object: build first") }
	$1 == "D" { defined[$2] = 1 }
	$1 == "U" { want_file[++wants] = $2; want_name[wants] = $3 }
	$1 == "W" && ($3 in deny_dirs) {
		n = split(deny_dirs[$3], dir, " ")
		for (i = 1; i <= n; i++)
			if (covers(dir[i], $2))
				bad($2, "uses " $3 ", which is not for " dir[i])
	}
	END {
		for (i = 1; i <= wants; i++) {
			name = want_name[i]
			if (!(name in defined) && name != "_GLOBAL_OFFSET_TABLE_" && !allowed(want_file[i], name))
				bad(want_file[i], "calls " name ", which its folder may not (tests/lint/symbols.txt)")
		}
		printf "%d passed, %d failed\n", cases - failed, failed
		exit failed ? 1 : 0
	}' "$here/symbols.txt" "$tmp/symbols" "$tmp/words"
