#!/bin/sh
# Rules of the house a machine can see, for every C file of the product: it opens with a comment that says what it is, is
# not longer than 900 lines, leaves no line over 140 columns and nothing "to do". One case a file.
set -u
list=$(for d in proto sim ui; do [ -d "$d" ] && find "$d" -name '*.[ch]'; done | sort)
printf '%s\n' $list | xargs -r awk '
	function bad(text) {
		print FILENAME ":" FNR ": " text
		if (!(FILENAME in blamed))
			failed++
		blamed[FILENAME] = 1
	}
	FNR == 1 { cases++; if ($0 !~ /^\/\*/) bad("does not open with a comment that says what it models") }
	FNR == 901 { bad("is longer than 900 lines") }
	/TO[D]O|FIX[M]E|XX[X]/ { bad("leaves something to do") }
	{
		line = $0
		gsub(/\t/, "        ", line)
		gsub(/[\200-\277]/, "", line)
		if (length(line) > 140)
			bad("is longer than 140 columns")
	}
	END { printf "%d passed, %d failed\n", cases - failed, failed; exit failed ? 1 : 0 }'
