# same.awk WANT GOT: whether GOT is what WANT says, "..." standing for anything. Prints the first difference.
function trim(s) { sub(/[ \t]+$/, "", s); return s }
function line_like(want, got,   n, part, i, at) {
	if (index(want, "...") == 0)
		return want == got
	n = split(want, part, /\.\.\./)
	for (i = 1; i <= n; i++) {
		if (part[i] == "")
			continue
		at = index(got, part[i])
		if (!at || (i == 1 && at != 1))
			return 0
		got = substr(got, at + length(part[i]))
	}
	return part[n] == "" || got == ""
}
FILENAME == ARGV[1] { want[++wants] = trim($0); next }
{ got[++gots] = trim($0) }
END {
	while (wants && want[wants] == "")
		wants--
	while (gots && got[gots] == "")
		gots--
	g = 1
	any = 0
	for (w = 1; w <= wants; w++) {
		if (want[w] == "...") {
			any = 1
			continue
		}
		while (any && g <= gots && !line_like(want[w], got[g]))
			g++
		if (g > gots || !line_like(want[w], got[g])) {
			print "expected: " want[w]
			print "printed:  " (g > gots ? "(nothing more)" : got[g])
			exit 1
		}
		g++
		any = 0
	}
	if (!any && g <= gots) {
		print "printed besides: " got[g]
		exit 1
	}
	exit 0
}
