# layers.awk: reads layers.txt, then the lines "FILE:#include ..." of an include scan; prints each forbidden edge.
# The last line is "N passed, N failed": one case a folder.

function folder(path,   n, part) {
	n = split(path, part, "/")
	if (part[1] == "ui" || part[1] == "tests")
		return part[1]
	return n > 2 ? part[1] "/" part[2] : part[1]
}

function bad(where, text) {
	print text
	if (!(where in blamed))
		failed++
	blamed[where] = 1
}

FILENAME == table {
	if ($1 == "storey") {
		level++
		for (i = 2; i <= NF; i++)
			storey[$i] = level
	} else if ($1 == "beside") {
		if (($3, $2) in beside)
			bad(table, table ": " $2 " and " $3 " would include each other")
		beside[$2, $3] = 1
	} else if ($1 == "system") {
		system_names[++systems] = $2
		for (i = 3; i <= NF; i++)
			system_ok[$2] = system_ok[$2] " " $i
	}
	next
}

{
	file = $0
	sub(/:.*/, "", file)
	from = folder(file)
	if (!(from in seen))
		folders++
	seen[from] = 1
	what = $0
	sub(/^[^:]*:[ \t]*#[ \t]*include[ \t]*/, "", what)
	if (what ~ /^</) {
		sub(/^</, "", what)
		sub(/>.*/, "", what)
		for (i = 1; i <= systems; i++) {
			name = system_names[i]
			if (what != name && !(name ~ /\/$/ && index(what, name) == 1))
				continue
			n = split(system_ok[name], ok, " ")
			fine = 0
			for (j = 1; j <= n; j++)
				if (ok[j] == from || ok[j] == file || index(file, ok[j] "/") == 1)
					fine = 1
			if (!fine)
				bad(from, file ": <" what "> is only for" system_ok[name])
		}
		next
	}
	if (what !~ /^"/)
		next
	sub(/^"/, "", what)
	sub(/".*/, "", what)
	to = folder(what)
	if (index(what, "/") == 0)
		bad(from, file ": \"" what "\" is not written from the root of the repository")
	else if (!(from in storey))
		bad(from, file ": folder " from " is not in " table)
	else if (!(to in storey))
		bad(from, file ": \"" what "\": folder " to " is not in " table)
	else if (from != to && storey[to] == storey[from] && !((from, to) in beside))
		bad(from, file ": \"" what "\": " to " stands beside " from)
	else if (storey[to] > storey[from])
		bad(from, file ": \"" what "\": " to " stands above " from)
}

END {
	printf "%d passed, %d failed\n", folders - failed, failed
	exit failed ? 1 : 0
}
