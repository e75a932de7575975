#!/bin/sh
# timeout: 240
# Grading the shipped exercise: full marks for the reference as 200 students, a folder with bad submissions, the same result
# for any -j, exit codes, and results written whole.
set -u
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-grade.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT
ex=keep-the-phone-reachable
dir=scenarios/exercises/$ex
passed=0 failed=0
holds() { # holds WHAT COMMAND...
	what=$1
	shift
	if "$@" >"$tmp/why" 2>&1; then passed=$((passed + 1)); else
		failed=$((failed + 1))
		echo "$what"
		head -n 5 "$tmp/why" | sed 's/^/  | /'
	fi
}
exits() { # exits CODE COMMAND...
	want=$1
	shift
	"$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	[ $got -eq "$want" ] || { echo "exit $got, not $want: $*"; head -n 3 "$tmp/err"; return 1; }
}

printf 'the course secret\n' >"$tmp/secret"
mkdir "$tmp/all"
i=0
while [ $i -lt 200 ]; do
	i=$((i + 1))
	cp $dir/solution.yaml "$tmp/all/student-$i.yaml"
done
holds "the reference as 200 students" exits 0 "$BACKTALK" grade $ex "$tmp/all" --secret-file "$tmp/secret" --format json -j 2 --pass 20
holds "a line for each of them" test "$(wc -l <"$tmp/out")" -eq 200
holds "20 points for each" test "$(grep -c '"score":20,"max_score":20' "$tmp/out")" -eq 200
holds "several draws" test "$(sed 's/.*"params_digest":"\([0-9a-f]*\)".*/\1/' "$tmp/out" | sort -u | wc -l)" -gt 10

mkdir "$tmp/mixed"
cp $dir/solution.yaml "$tmp/mixed/anna.yaml"
cp $dir/empty.yaml "$tmp/mixed/bert.yaml"
printf 'clients.phones.options.heartbeat: 25\n' >"$tmp/mixed/carl.yaml"
printf 'clients.phones.count: 1\n' >"$tmp/mixed/dora.yaml"
head -c 3000000 /dev/zero >"$tmp/mixed/emil.bin"
printf 'clients.phones.options.heartbeat: 45s\n' >"$tmp/mixed/fred.yaml"
: >"$tmp/mixed/gina.yaml"
for j in 1 2 5; do
	holds "a mixed folder with -j $j" exits 0 "$BACKTALK" grade $ex "$tmp/mixed" --secret-file "$tmp/secret" --format json -j $j
	cp "$tmp/out" "$tmp/mixed.$j"
done
holds "the same for -j 1 and 2" cmp "$tmp/mixed.1" "$tmp/mixed.2"
holds "the same for -j 1 and 5" cmp "$tmp/mixed.1" "$tmp/mixed.5"
holds "seven results" test "$(wc -l <"$tmp/mixed.1")" -eq 7
holds "three are invalid, with a place" test "$(grep -c '"gradable":false,"errors":"[^"]*\(carl.yaml:1:35\|dora.yaml:1:1\|emil.bin: the file is larger\)' "$tmp/mixed.1")" -eq 3
holds "anna has all points" grep -q '"student":"anna".*"score":20,' "$tmp/mixed.1"
holds "bert has at most 4" grep -q '"student":"bert".*"score":[0-4],' "$tmp/mixed.1"
holds "an empty file is a submission" grep -q '"student":"gina".*"gradable":true' "$tmp/mixed.1"

holds "below --pass" exits 1 "$BACKTALK" grade $ex $dir/empty.yaml --student x --pass 10
holds "a replay command" grep -q 'backtalk run keep-the-phone-reachable --seed' "$tmp/out"
holds "advice with one's own numbers" grep -q 'your NAT forgets it after [0-9]*s' "$tmp/out"
holds "hidden runs without points" grep -q '? / 10 ' "$tmp/out"
replay=$(sed -n 's/.*see it again: backtalk \(run .*\)/\1/p' "$tmp/out" | head -n 1)
eval "set -- $replay"
"$BACKTALK" "$@" --format json >"$tmp/replay" 2>"$tmp/err"
share=$(sed -n 's/.*delivered: \([0-9]*\).*in the worst.*/\1/p' "$tmp/out" | head -n 1)
holds "the replay shows what was measured" awk -v want="$share" '/"delivered":/ && !n++ { sub(/.*: /, ""); sub(/,.*/, ""); exit !(int($0 * 100) == want) } END { if (!n) exit 1 }' "$tmp/replay"
holds "an unknown exercise" exits 2 "$BACKTALK" grade keep-the-phone $dir/empty.yaml
holds "a missing submission" exits 3 "$BACKTALK" grade $ex "$tmp/none.yaml"
holds "an unknown format" exits 2 "$BACKTALK" grade $ex $dir/empty.yaml --format xml
holds "a secret that is none" exits 2 "$BACKTALK" grade $ex $dir/empty.yaml --secret-file /dev/null
holds "results in a file" exits 0 "$BACKTALK" grade $ex $dir/solution.yaml --student x --format gradescope --out "$tmp/results.json"
holds "whole" grep -q '"score": 20' "$tmp/results.json"
holds "and nothing beside it" test "$(ls "$tmp" | grep -c results)" -eq 1
holds "nowhere to write" exits 3 "$BACKTALK" grade $ex $dir/solution.yaml --out "$tmp/no/results.json"
cp -r $dir "$tmp/$ex"
sed 's/points: 8, full/points: 7, full/' $dir/exercise.yaml >"$tmp/$ex/exercise.yaml"
holds "a broken exercise" exits 2 "$BACKTALK" grade "$tmp/$ex" $dir/empty.yaml
sed 's/min: 20/min: 20.5/' $dir/exercise.yaml >"$tmp/$ex/exercise.yaml"
holds "a reference that falls short" exits 1 "$BACKTALK" check "$tmp/$ex/exercise.yaml" --students 2
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
