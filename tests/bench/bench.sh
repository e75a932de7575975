#!/bin/sh
# make bench: what backtalk costs, beside yardsticks that run in the same minutes on the same machine. Nothing passes or fails.
#
#   bench.sh [PART...]     PART: codecs units memory boxes cores lecture hold engine capture million curve; without one all,
#                        `million` only with FULL=1 (the curve then goes as far)
#
# Commands that are compared run in turn (bench_measure), REPS times (3); medians of processor seconds. Units of work are counted,
# not events: a request answered, a message delivered. `at most` and `aim` are what the project has set itself, as text.
# The product's figures hold everything: start, reading the scenario, connecting, results. The yardsticks' hold their run alone.
set -u
here=tests/bench
out=$BUILD/bench
bin=$BUILD/bench
reps=${REPS:-3}
results=$out/results
mkdir -p "$out/runs"
: >"$results"

rule() { printf '\n== %s\n' "$1"; }
have() { command -v "$1" >/dev/null 2>&1; }

# measure [-r REPEATS] NAME COMMAND... ::: ...
measure() {
	r=$reps
	[ "$1" = -r ] && { r=$2; shift 2; }
	"$bin/bench_measure" -r "$r" -o "$out/runs" "$@" >>"$results"
}
# got NAME KEY: from the last measurement of that name
got() { awk -v n="$1" -v k="$2=" '$1 == n { for (i = 2; i <= NF; i++) if (index($i, k) == 1) v = substr($i, length(k) + 1) } END { print v == "" ? "none" : v }' "$results"; }
# said NAME KEY: median over the repeats of what a yardstick printed as KEY=value
said() {
	cat "$out/runs/$1".*.out 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p" | sort -g |
		awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : "none" }'
}
# metric NAME METRIC: from the product's result
metric() {
	tr '{},' '\n\n\n' <"$out/runs/$1.0.out" | sed 's/^[[:space:]]*//' |
		awk -v k="\"$2\":" 'index($0, k) == 1 { v = substr($0, length(k) + 1); gsub(/[" ]/, "", v); print v; done = 1; exit } END { if (!done) print "none" }'
}
calc() { awk "BEGIN { x = $1; printf(\"${2:-%.2f}\", x) }" </dev/null 2>/dev/null || echo -; }
ratio() { case "$1$2" in *none* | *-*) echo - ;; *) calc "$1 / ($2 + 1e-12)" "${3:-%.1f}" ;; esac; }
# us NAME METRIC: processor microseconds for a unit
us() { u=$(metric "$1" "$2"); c=$(got "$1" cpu_s); case $u$c in *none* | *null*) echo none ;; *) calc "1e6 * $c / ($u + 1e-9)" %.3f ;; esac; }
failed() { [ "$(got "$1" status)" = 0 ] || { echo "  $1 ended with status $(got "$1" status): $(head -n 2 "$out/runs/$1.0.err" | tr '\n' ' ')"; true; }; }

# ---- machine, versions, yardsticks -------------------------------------------------------------------------------
machine() {
	rule machine
	cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
	printf '%s, %s cores, %s MiB, Linux %s %s, load %s\n' "${cpu:-unknown processor}" "$(getconf _NPROCESSORS_ONLN)" \
		"$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(uname -r)" "$(uname -m)" "$(cut -d' ' -f1-3 /proc/loadavg)"
	version() { dpkg-query -W -f='${Version}' "$1" 2>/dev/null || echo none; }
	printf '%s, %s; ns-3 %s, SimPy %s, llhttp %s (with http-parser names), libwslay %s, nghttp2 %s\n' "$("$BACKTALK" --version 2>/dev/null | head -n 1)" \
		"$(${CC:-gcc} --version | head -n 1)" "$(version libns3-dev)" "$([ -n "$simpy" ] && $simpy -c 'import simpy; print(simpy.__version__)' || echo none)" \
		"$(sed -n 's/^#define LLHTTP_VERSION_[A-Z]* //p' /usr/share/include/llhttp/llhttp.h 2>/dev/null | head -n 3 | paste -sd. - || echo none)" \
		"$(version libwslay-dev)" "$(version libnghttp2-dev)"
}

simpy='' ns3=''
yardsticks() {
	fast='-O3 -march=native'
	for p in $(command -v python3) /usr/bin/python3; do "$p" -c 'import simpy' 2>/dev/null && simpy=$p && break; done
	newer() { [ -x "$1" ] && [ -z "$(find "$2" -newer "$1")" ]; } # newer PROGRAM SOURCE
	newer "$out/floor" $here/yardsticks/floor.c || ${CC:-gcc} $fast -w -o "$out/floor" $here/yardsticks/floor.c || exit 3
	${CC:-gcc} $fast -w -DWITH_EVQ -I. -o "$out/hold" $here/yardsticks/hold.c "$BUILD/libsim.a" "$BUILD/libproto.a" -lm || exit 3
	if newer "$out/ns3-polling" $here/yardsticks/ns3-polling.cc || { have g++ && g++ $fast -std=c++17 -DNDEBUG -w \
		-o "$out/ns3-polling" $here/yardsticks/ns3-polling.cc -lns3-point-to-point -lns3-internet -lns3-network -lns3-core \
		2>"$out/ns3.log"; }; then
		ns3=$out/ns3-polling
	fi
	sh tests/tools/deps -n bench 2>&1 | sed 's/$/ (make deps FOR=bench installs it; the rest runs without)/'
}

poll=$here/scenarios/poll.yaml push=$here/scenarios/push.yaml
wsset='--set messages.m.size=98B --set clients.all.options.heartbeat=25s'

# ---- units: the two yardstick workloads --------------------------------------------------------------------------
# show NAME METRIC PEER-NAME UNIT TARGETS
show() {
	own=$(us "$1" "$2") fl=$(said "floor-$3" cpu_us_per_unit) n3=$(said "ns3-$3" cpu_us_per_unit) sp=$(said "simpy-$3" cpu_us_per_unit)
	failed "$1"
	printf '%-30s %9s %9s %7s %9s %7s %9s %7s   %s\n' "$4" "$own" "$fl" "$(ratio "$own" "$fl" %.2fx)" \
		"$n3" "$(ratio "$n3" "$own" 1/%.0f)" "$sp" "$(ratio "$sp" "$own" 1/%.1f)" "$5"
}
header() { printf '%-30s %9s %9s %7s %9s %7s %9s %7s   %s\n' 'a unit of work' backtalk 'floor -c' '' ns-3 '' SimPy '' 'set for it'; }
units() {
	n=10000
	rule "$n clients, 60 simulated seconds, microseconds of processor for a unit of work"
	set -- poll "$BACKTALK" run $poll --format json --set clients.all.count=$n \
		::: same "$BACKTALK" run $poll --format json --set clients.all.count=$n --set 'messages=[]' \
		::: floor-poll "$out/floor" poll $n -c ::: floor-push "$out/floor" push $n -c \
		::: sse "$BACKTALK" run $push --format json --set clients.all.count=$n \
		::: ws "$BACKTALK" run $push --format json --set clients.all.count=$n --techniques websocket $wsset
	[ -z "$ns3" ] || set -- "$@" ::: ns3-poll "$ns3" --n=$n --mode=poll --group=10 ::: ns3-push "$ns3" --n=$n --mode=push --group=10
	[ -z "$simpy" ] || set -- "$@" ::: simpy-poll "$simpy" $here/yardsticks/simpy_polling.py poll $n \
		::: simpy-push "$simpy" $here/yardsticks/simpy_polling.py push $n
	rm -f "$out/runs"/ns3-* "$out/runs"/simpy-*
	measure "$@"
	header
	show poll http.requests poll 'poll, each answer new' 'at most 1.2 us where the floor is 0.41 (2.9x), 1/75 of ns-3, 1/7 of SimPy; aim 0.7 us'
	show same http.requests poll 'poll, nothing new' 'the same'
	show sse messages.delivered push 'push of 100 octets, SSE' 'at most 0.35 us where the floor is 0.095 (3.7x), 1/130 of ns-3; aim 0.2 us'
	show ws messages.delivered push 'push, WebSocket, ping 25 s' 'at most 0.75 us (45 s of 60 million); aim 0.47 us'
	echo 'ns-3: 10 clients a server node, its best case, without the time it takes to build the nodes; SimPy: whole messages, no network'
}

# sizes N SECONDS REPEATS: the product's three workloads and the floor's two at N clients
sizes() {
	rm -f "$out/runs"/floor-poll.* "$out/runs"/floor-push.* # what they said of another size
	base="--format json --set clients.all.count=$1 --set duration=${2}s"
	measure -r $3 poll "$BACKTALK" run $poll $base ::: sse "$BACKTALK" run $push $base \
		::: ws "$BACKTALK" run $push $base --techniques websocket $wsset \
		::: floor-poll "$out/floor" poll $1 $2 -c ::: floor-push "$out/floor" push $1 $2 -c
}
# a row of the table and of the plot's data from what `sizes` measured last
event() { e=$(metric $1 engine.events); case $e in none) echo none ;; *) calc "1e9 * $(got $1 cpu_s) / ($e + 1e-9)" %.1f ;; esac; }
curve_row() { # curve_row N SECONDS
	p=$(us poll http.requests) s=$(us sse messages.delivered) w=$(us ws messages.delivered) pe=$(event poll) se=$(event sse) we=$(event ws)
	fp=$(said floor-poll cpu_us_per_unit) fs=$(said floor-push cpu_us_per_unit)
	printf '%9d %9d | %8s %8s | %8s %8s | %8s %8s | %8s %8s\n' $1 $2 $p $pe $s $se $w $we $fp $fs
	printf '%s\n' "unit polling $1 $p" "unit SSE $1 $s" "unit WebSocket $1 $w" "floor the,floor,of,polling $1 $fp" \
		"floor the,floor,of,pushing $1 $fs" "event polling $1 $pe" "event SSE $1 $se" "event WebSocket $1 $we" >>"$out/curve.txt"
}

million() {
	n=${MILLION:-1000000}
	rule "$n clients, 60 simulated seconds, processor seconds of a whole run"
	sizes $n 60 "${FULLREPS:-1}"
	whole() { # whole NAME FLOOR TARGETS
		failed $1
		printf '%-28s %7s s   floor %6s s (%s)   peak %6s MiB   %s\n' "$2" "$(calc "$(got $1 cpu_s) + 0" %.1f)" "$(said $3 cpu_s)" \
			"$(ratio "$(got $1 cpu_s)" "$(said $3 cpu_s)" %.2fx)" "$(calc "$(got $1 peak_KiB) / 1024" %.0f)" "$4"
	}
	whole poll 'poll every 5 s' floor-poll 'at most 30 s where the floor takes 12.3; aim 20'
	whole sse 'SSE, one push a second' floor-push 'at most 36 s where the floor takes 14.2; aim 22'
	whole ws 'WebSocket, ping every 25 s' floor-push 'at most 45 s; aim 28'
	mv "$out/curve.txt" "$out/curve.kept" 2>/dev/null
	curve_row $n 60 >"$out/million.row" && mv "$out/curve.txt" "$out/million.txt"
	mv "$out/curve.kept" "$out/curve.txt" 2>/dev/null
	had_million=1
}

# ---- memory ------------------------------------------------------------------------------------------------------
memory() {
	n=${MEMORY_CLIENTS:-100000}
	rule "memory a client, both ends, at $n clients (peak of the process less that of one client)"
	small='--set clients.all.count=1 --set duration=4s' big="--set clients.all.count=$n --set duration=4s"
	measure -r 1 one "$BACKTALK" run $push --format json $small \
		::: idle-sse "$BACKTALK" run $push --format json $big --set 'messages=[]' \
		::: peak-sse "$BACKTALK" run $push --format json $big \
		::: idle-ws "$BACKTALK" run $push --format json $big --techniques websocket $wsset --set 'messages=[]' \
		::: peak-ws "$BACKTALK" run $push --format json $big --techniques websocket $wsset \
		::: idle-poll "$BACKTALK" run $poll --format json $big --set 'messages=[]' \
		::: floor-idle "$out/floor" poll $n -c ::: floor-peak "$out/floor" push $n 4 -c
	each() { failed "$1"; calc "($(got "$1" peak_KiB) - $(got "$2" peak_KiB)) * 1024 / $n" %.0f; }
	printf '%-34s %8s B   at most %s\n' 'idle, SSE (with connecting)' "$(each idle-sse one)" '1,024 B; aim 512 B; floor 276 B' \
		'idle, WebSocket (with connecting)' "$(each idle-ws one)" '1,024 B; aim 512 B' \
		'fan-out at its peak, SSE' "$(each peak-sse one)" '2 KiB; aim 1 KiB' \
		'fan-out at its peak, WebSocket' "$(each peak-ws one)" '2 KiB; aim 1 KiB' \
		'polling' "$(each idle-poll one)" '-' \
		'floor, polling' "$(calc "$(got floor-idle peak_KiB) * 1024 / $n" %.0f)" '-' \
		'floor, fan-out' "$(calc "$(got floor-peak peak_KiB) * 1024 / $n" %.0f)" '-'
	tr '{},' '\n\n\n' <"$out/runs/idle-sse.0.out" | sed -n 's/^[[:space:]]*"\(engine\.bytes_per_client[^"]*\)": *\([0-9.]*\).*/  \1 \2/p' | sort -u
}

# ---- boxes on the way --------------------------------------------------------------------------------------------
boxes() {
	n=20000
	rule "a box on the way, $n clients: more than without"
	base="--format json --set clients.all.count=$n"
	stream="$push $base --set duration=30s"
	measure plain "$BACKTALK" run $poll $base \
		::: nat "$BACKTALK" run $poll $base --set 'boxes={b: {kind: nat}}' --set 'clients.all.path=[net, b]' \
		::: proxy "$BACKTALK" run $poll $base --set 'boxes={b: {kind: reverse-proxy}}' --set 'clients.all.path=[net, b]' \
		::: own "$BACKTALK" run $poll $base --set 'boxes={b: {kind: reverse-proxy, upstreams: own}}' --set 'clients.all.path=[net, b]' \
		::: plain-sse "$BACKTALK" run $stream \
		::: nat-sse "$BACKTALK" run $stream --set 'boxes={b: {kind: nat}}' --set 'clients.all.path=[net, b]' \
		::: proxy-sse "$BACKTALK" run $stream --set 'boxes={b: {kind: reverse-proxy}}' --set 'clients.all.path=[net, b]'
	counted() { tr '{},' '\n\n\n' <"$out/runs/$1.0.out" | sed -n 's/^[[:space:]]*"engine\.bytes_per_client": *\([0-9.]*\).*/\1/p' | head -n 1; }
	more() { # more NAME LESS UNIT UNITS TEXT
		failed $1
		printf '%-44s %8s us a %-8s %6s B a client, resident %6s B   %s\n' "$5" "$(calc "$(us $1 $4) - $(us $2 $4)" %.3f)" $3 \
			"$(calc "$(counted $1) - $(counted $2)" %.0f)" "$(calc "($(got $1 peak_KiB) - $(got $2 peak_KiB)) * 1024 / $n" %.0f)" \
			'at most 1 us and 512 B'
	}
	more nat plain request http.requests 'NAT, polling'
	more proxy plain request http.requests 'proxy, polling over shared connections'
	more own plain request http.requests 'proxy, polling, a connection for each client'
	more nat-sse plain-sse message messages.delivered 'NAT, SSE'
	more proxy-sse plain-sse message messages.delivered 'proxy, SSE (a connection for each stream)'
	echo 'counted by part (engine.bytes_per_client); resident: what the system gave, in huge pages, latencies among it, which are all alike without a box'
}

# ---- two techniques on two cores ---------------------------------------------------------------------------------
cores() {
	rule "two compared techniques on two cores (by the clock: other load on the machine counts against it)"
	base="--format json --set clients.all.count=10000 --set duration=300s"
	# The third says what this machine gives to two programs that have nothing in common.
	measure -r $((reps * 5)) j1 "$BACKTALK" compare $push $base --techniques sse,websocket -j 1 \
		::: j2 "$BACKTALK" compare $push $base --techniques sse,websocket -j 2 \
		::: apart sh -c '"$@" --techniques sse & one=$!; "$@" --techniques websocket; two=$?; wait $one && exit $two' sh "$BACKTALK" run $push $base
	failed j1; failed j2; failed apart
	for k in j2 apart; do
		printf '%-40s %s s for %s s: %s times the throughput (medians; best of each %s)   at least 1.9\n' \
			"$([ $k = j2 ] && echo 'two threads (-j 2)' || echo 'two processes, for comparison')" "$(got $k wall_s)" "$(got j1 wall_s)" \
			"$(ratio "$(got j1 wall_s)" "$(got $k wall_s)" %.2f)" "$(ratio "$(got j1 wall_min_s)" "$(got $k wall_min_s)" %.2f)"
	done
	# The dearer technique alone is the least that two cores can take.
	sed -n 's/.*"engine.wall_s": *\([0-9.]*\).*/\1/p' "$out/runs/j1.0.out" |
		awk '{ all += $1; if ($1 > most) most = $1 } END { if (most) printf("as unequal as they are, two perfect cores would give %.2f times\n", all / most) }'
	printf 'processor seconds: -j 1 %s, -j 2 %s, two processes %s; load %s\n' "$(got j1 cpu_s)" "$(got j2 cpu_s)" "$(got apart cpu_s)" \
		"$(cut -d' ' -f1 /proc/loadavg)"
}

# ---- a lecture ---------------------------------------------------------------------------------------------------
lecture() {
	rule 'a lecture-sized scenario (200 clients, 3 minutes), start to result'
	base='--format json --set clients.browsers.count=200 --set duration=180s'
	set --
	for t in polling long-polling sse websocket; do set -- "$@" ::: lec-$t "$BACKTALK" run scenarios/lectures/polling-at-scale.yaml $base --techniques $t; done
	shift
	measure -r $((reps * 5)) "$@"
	for t in polling long-polling sse websocket; do
		[ "$(got lec-$t status)" -le 1 ] || { failed lec-$t; continue; }
		printf '%-14s %7s ms by the clock (best %s), %7s ms of processor   at most 100 ms; aim 16 ms\n' $t "$(calc "1000 * $(got lec-$t wall_s)" %.1f)" \
			"$(calc "1000 * $(got lec-$t wall_min_s)" %.1f)" "$(calc "1000 * $(got lec-$t cpu_s)" %.1f)"
	done
}

# ---- cost against clients ----------------------------------------------------------------------------------------
curve() {
	rule 'cost against the number of clients: microseconds a unit of work, nanoseconds an event'
	: >"$out/curve.txt"
	printf '%9s %9s | %-17s | %-17s | %-17s | %s\n' clients seconds 'poll' 'SSE' 'WebSocket' 'floor -c: poll, push'
	for n in 100 300 1000 3000 10000 30000 100000 ${FULL:+300000}; do
		# few clients: longer, so that start-up does not count
		sim=$(awk -v n=$n 'BEGIN { s = 600000 / n; print int(s < 60 ? 60 : s) }' </dev/null) r=$reps
		[ $n -le 100000 ] || r=1
		sizes $n $sim $r
		curve_row $n $sim
	done
	[ -z "${had_million:-}" ] || { cat "$out/million.row"; cat "$out/million.txt" >>"$out/curve.txt"; }
	"$bin/bench_plot" <"$out/curve.txt" >"$out/cost-vs-clients.svg" && echo "plot: $out/cost-vs-clients.svg"
	awk '$1 == "event" { if (!($2 in n0)) { n0[$2] = $3; c0[$2] = $4 } n1[$2] = $3; c1[$2] = $4 }
		END { for (s in n0) printf("%-10s an event at %d clients costs %.2f times that at %d; the logarithm grows %.2f times\n", s, n1[s], c1[s] / c0[s], n0[s], log(n1[s]) / log(n0[s])) }' \
		"$out/curve.txt"
}

# ---- pending events ----------------------------------------------------------------------------------------------
hold() {
	rule 'pending events under the hold model, ns a hold (exponential; `ours` is sim/core/evq as built, the others -O3 -march=native)'
	printf '%9s' pending
	for s in ours chunk wheel calendar heap2 heap4 heap8; do printf ' %9s' $s; done
	echo '   same order'
	for n in 1e3 1e4 1e5 1e6 1e7; do
		printf '%9s' $n
		for s in ours chunk wheel calendar heap2 heap4 heap8; do
			line=$("$out/hold" $s $n -r "$reps")
			printf ' %9s' "$(printf '%s\n' "$line" | sed -n 's/.*median *\([0-9.]*\).*/\1/p')"
			printf '%s\n' "$line" | sed -n 's/.*check //p' >>"$out/order.$n"
		done
		[ "$(sort -u "$out/order.$n" | wc -l)" -eq 1 ] && echo '   yes' || echo '   NO'
		rm -f "$out/order.$n"
	done
}

engine() { rule 'events, packets and TCP without applications'; "$bin/bench_engine"; }
codecs() { rule 'codecs, beside other people'"'"'s libraries in the same run'; "$bin/bench_codecs"; }
capture() { rule 'reading a capture'; "$bin/bench_capture"; }

yardsticks
machine
[ $# -gt 0 ] || set -- codecs units memory boxes cores lecture hold engine capture ${FULL:+million} curve
for part in "$@"; do $part; done
echo
echo "load at the end: $(cut -d' ' -f1-3 /proc/loadavg); outputs of all runs: $out/runs"
