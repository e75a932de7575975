# words.awk: the words of C sources, comments, strings and preprocessor lines left out, as "W FILE WORD", once a file.
# A word right after "." or "->" is a member of a struct and left out too.
FNR == 1 { in_comment = 0 }
{
	line = $0
	if (!in_comment && line ~ /^[ \t]*#/)
		next
	code = ""
	while (line != "") {
		if (in_comment) {
			at = index(line, "*/")
			if (!at)
				break
			line = substr(line, at + 2)
			in_comment = 0
		} else if (match(line, /\/\*|\/\/|"|'/)) {
			code = code substr(line, 1, RSTART - 1) " "
			mark = substr(line, RSTART, 1)
			two = substr(line, RSTART, 2)
			line = substr(line, RSTART + 1)
			if (two == "//")
				break
			if (two == "/*") {
				line = substr(line, 2)
				in_comment = 1
				continue
			}
			while (line != "") {
				c = substr(line, 1, 1)
				line = substr(line, c == "\\" ? 3 : 2)
				if (c == mark)
					break
			}
		} else {
			code = code line
			break
		}
	}
	gsub(/(\.|->)[ \t]*[A-Za-z_][A-Za-z_0-9]*/, " ", code)
	n = split(code, word, /[^A-Za-z_0-9]+/)
	for (i = 1; i <= n; i++)
		if (word[i] ~ /^[A-Za-z_]/ && !((FILENAME, word[i]) in seen)) {
			seen[FILENAME, word[i]] = 1
			print "W", FILENAME, word[i]
		}
}
