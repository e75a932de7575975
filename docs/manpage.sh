#!/bin/sh
# Writes the manual page backtalk(1) from what the program says of itself: manpage.sh PROGRAM >backtalk.1
#
# The commands and their options come from --help, which is written from the program's own tables, so the page cannot
# say anything else than the program. What a help text has no place for stands here.
set -eu
program=$1
version=$("$program" --version | awk 'NR == 1 { print $2 }')

# Text for roff: a backslash, a leading dot or quote, and a hyphen that must stay one.
escape() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\([.']\)/\\\\\&\1/"; }

cat <<END
.TH BACKTALK 1 "" "backtalk $version" "User Commands"
.SH NAME
backtalk \- simulate, show and grade how a server talks back
.SH SYNOPSIS
.B backtalk
.I COMMAND
.RI [ options ]
.SH DESCRIPTION
backtalk runs polling, long polling, Server-Sent Events and WebSocket over a simulated network, on one clock and with real
bytes, and shows what happens down to the bit; it replays captures of real traffic in the same views, and grades
exercises by running them.
.PP
Without a command it opens the menu of lectures on a terminal, and prints a short help elsewhere.
Results go to standard output, everything else to standard error.
.SH COMMANDS
END
# Lines "  NAME   what it does" of the general help.
"$program" --help | sed -n 's/^  \([a-z][a-z]*\)  *\(.*\)/\1 \2/p' | while read -r name line; do
	printf '.SS "backtalk %s"\n' "$name"
	printf '%s.\n' "$line" | escape
	"$program" "$name" --help | awk '
		/^usage: / { sub(/^usage: /, ""); print ".PP\n.nf\nRAW" $0 "\n.fi\n.PP"; next }
		/^[a-z][a-z ]*:$/ { heading = $0; sub(/:$/, "", heading); open = 1; print ".PP\nRAW" toupper(substr(heading, 1, 1)) substr(heading, 2) ":\n.RS 4\n.nf"; next }
		open && /^$/ { print ".fi\n.RE"; open = 0; next }
		{ print "RAW" $0 }
		END { if (open) print ".fi\n.RE" }' |
		while IFS= read -r text; do
			case $text in
			RAW*) printf '%s\n' "${text#RAW}" | escape ;;
			*) printf '%s\n' "$text" ;;
			esac
		done
done
cat <<'END'
.SH EXIT STATUS
.TP
.B 0
all is fine
.TP
.B 1
an expectation of the scenario failed, or a grade is below
.B \-\-pass
.TP
.B 2
the input is wrong: a scenario, a capture, a submission, an option
.TP
.B 3
the environment failed: a file, a right, memory
.TP
.B 4
a fault of the program
.SH ENVIRONMENT
.TP
.B BACKTALK_DATA
the folder that holds
.IR scenarios ,
if it is not found beside the program
.TP
.B NO_COLOR
when set, no colours are used
.SH FILES
.TP
.I PREFIX/share/backtalk/scenarios
lectures, exercises and presets; a copy is the way to start one's own
.SH SEE ALSO
.BR tshark (1),
.BR tcpdump (1)
END
