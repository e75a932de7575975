#!/bin/sh
# The real program in a real terminal (tmux on a socket of its own): keys, resizing, terminal types, signals, the
# terminal given back. Waits for texts, never for times.
# timeout: 240
set -u
BACKTALK=${BACKTALK:-build/release/backtalk}
case $BACKTALK in /*) ;; *) BACKTALK=$PWD/$BACKTALK ;; esac
command -v tmux >/dev/null 2>&1 || { echo "skipped: no tmux"; exit 77; }
tmp=$(mktemp -d) || exit 1
sock=$tmp/sock0 nsock=0
passed=0 failed=0
t() { tmux -S "$sock" -f /dev/null "$@"; }
trap 't kill-server 2>/dev/null; rm -rf "$tmp"' EXIT INT TERM

# begin COLUMNS LINES COMMAND: a shell stays behind the command so that what it leaves can be seen
begin() {
	t kill-server 2>/dev/null
	nsock=$((nsock + 1)) # a server that is going away must not be asked again
	sock=$tmp/sock$nsock
	# the locale of tmux itself must be UTF-8, or it shows _ for everything else
	LC_ALL=C.UTF-8 t new-session -d -x "$1" -y "$2" "cd '$tmp' && $3; echo left-with-\$?; exec sleep 600"
	t set-option -g remain-on-exit on >/dev/null
}
screen() { t capture-pane -p 2>/dev/null; }
# await TEXT: until the screen holds it, at most 10 s
await() {
	n=0
	while [ $n -lt 100 ]; do
		screen >"$tmp/screen"
		grep -qF -e "$1" "$tmp/screen" && return 0
		n=$((n + 1))
		sleep 0.1
	done
	return 1
}
ok() { # ok NAME COMMAND...
	name=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok: $name"
		sed 's/^/    | /' "$tmp/screen"
	fi
}
keys() { t send-keys "$@"; }
gone() { ! grep -qF -e "$1" "$tmp/screen"; }

# ---- the menu, a lecture, its question, its ladder
begin 100 30 "'$BACKTALK'"
ok 'the menu lists the lectures' await 'Four ways for a server to talk back'
keys Enter
ok 'Enter runs the first one' await 'Long polling'
ok 'play stops at the question' await 'Question 1'
keys a
ok 'a letter is a guess' await 'your guess'
keys r
ok 'r reveals the answer' await 'Right: A'
keys Escape
keys End
ok 'the end is reached' await 't = 45.'
ok 'a sentence sums up' await 'times as long to deliver'
keys c
ok 'c opens the ladder' await 'time, s'
keys g . . .
ok 'steps show bytes' await 'Bytes'
keys w
ok 'w tells why' await 'Why: from the effect'
keys Escape
keys e
ok 'e shows the values' await 'clients.browser.options.interval'
keys Left Enter
ok 'Enter runs again' await 'Run again with seed 1'
ok 'old and new figures side by side' await 'before > now'
keys Escape
keys '?'
ok 'help' await 'play or pause'
keys Escape
keys /
ok 'find asks for a text' await 'Find: a text'
t send-keys -l 'news 3'
keys Enter
ok 'find goes there' await 'news 3'

# ---- resizing at any time
for size in 80x24 60x20 40x12 20x6 3x2 1x1 132x43 160x50 100x30; do
	t resize-window -x "${size%x*}" -y "${size#*x}"
done
ok 'after resizing it draws for the new size' await 'backtalk'
t resize-window -x 80 -y 24
keys g
ok 'and still listens' await 't = 0.000 s'

# ---- leaving gives the terminal back
keys q
keys q
ok 'back in the menu' await 'Lectures'
keys q
ok 'out with exit code 0' await 'left-with-0'
ok 'nothing of the screen stays' gone 'Lectures:'

# ---- by a signal, too
begin 100 30 "'$BACKTALK' run first-look"
ok 'started' await 'Polling'
pid=$(t list-panes -F '#{pane_pid}')
child=$(ps -o pid= --ppid "$pid" | head -n 1 | tr -d ' ')
[ -n "$child" ] && kill -TERM "$child"
ok 'SIGTERM ends it' await 'left-with-'
begin 100 30 "'$BACKTALK' run first-look"
ok 'started again' await 'Polling'
keys C-c
ok 'Ctrl-C ends it' await 'left-with-0'

# ---- an idle program uses no processor
begin 100 30 "'$BACKTALK' run first-look"
ok 'started for idling' await 'Question 1'
pid=$(t list-panes -F '#{pane_pid}')
child=$(ps -o pid= --ppid "$pid" | head -n 1 | tr -d ' ')
ticks() { awk '{ print $14 + $15 }' "/proc/$child/stat"; }
before=$(ticks)
sleep 2
after=$(ticks)
idle() { [ $((after - before)) -le 1 ]; }
ok "idle: $before to $after ticks in 2 s" idle

# ---- kinds of terminals
for term in xterm-256color screen vt100 linux ansi; do
	infocmp "$term" >/dev/null 2>&1 || continue
	begin 80 24 "TERM=$term '$BACKTALK' run first-look --ascii"
	ok "TERM=$term" await 'Polling'
done
begin 80 24 "TERM=dumb '$BACKTALK' run first-look </dev/null"
ok 'TERM=dumb gets the summary' await 'latency_ms.mean'
begin 80 24 "LC_ALL=C '$BACKTALK' run first-look"
ok 'LC_ALL=C is drawn with ASCII' await '|'
ascii() { ! LC_ALL=C grep -q '[^ -~]' "$tmp/screen"; }
ok 'and nothing but ASCII' ascii
begin 80 24 "NO_COLOR=1 '$BACKTALK' run first-look"
ok 'NO_COLOR' await 'mono'
colours() { t capture-pane -p -e | grep -q '\[3[0-7]m\|38;5'; }
nocolours() { ! colours; }
ok 'NO_COLOR has no colour' nocolours
begin 80 24 "'$BACKTALK' run first-look"
ok 'colours otherwise' await 'default'
ok 'colours are there' colours

# ---- plain words in a terminal
begin 80 24 "'$BACKTALK' run first-look --plain"
ok 'plain mode waits for words' await 'Type help for the words'
t send-keys -l 'next'
keys Enter
ok 'next tells an event' await '1 of '
t send-keys -l 'quit'
keys Enter
ok 'quit leaves' await 'left-with-0'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
