#!/bin/sh
# timeout: 300
# The lectures compute what is recorded, and nobody who watches changes it: traced, captured, not at all, twice.
# With UPDATE=1 the recorded fingerprints are written anew.
. tests/determinism/compare.inc
if [ -n "${UPDATE:-}" ]; then
	lectures | while read -r command id; do
		set -- $(fingerprint "$BACKTALK" "$command" "$id")
		printf '%-24s %-6s %-8s %s\n' "$id" "$1" "$command" "$2"
	done >"$golden.new" && mv "$golden.new" "$golden"
fi
agree "$BACKTALK" release
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-recorded.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT
same() { # same ID OPTION...: the fingerprint with these options is the recorded one
	id=$1
	shift
	want=$(awk -v id="$id" '$1 == id && $3 == "run" { print $2, $4 }' "$golden")
	got=$(fingerprint "$BACKTALK" run "$id" "$@")
	if [ -n "$want" ] && [ "$want" = "$got" ]; then
		passed=$((passed + 1))
	else
		echo "backtalk run $id $*: recorded '$want', computed '$got'"
		failed=$((failed + 1))
	fi
}
differs() { # differs ID OPTION...: and with these it is another
	id=$1
	shift
	want=$(awk -v id="$id" '$1 == id && $3 == "run" { print $4 }' "$golden")
	got=$(fingerprint "$BACKTALK" run "$id" "$@")
	case ${got#* } in
	"$want" | none | '' | *[!0-9a-f]*)
		echo "backtalk run $id $*: computed '$got', recorded '$want'; another one was expected"
		failed=$((failed + 1))
		;;
	*) passed=$((passed + 1)) ;;
	esac
}
same first-look --trace "$tmp/trace.jsonl"
same first-look --pcap "$tmp/run.pcapng"
same nat-forgets --trace "$tmp/trace.jsonl" --pcap "$tmp/run.pcapng"
same phone-switches-network --trace "$tmp/trace.jsonl" --pcap "$tmp/run.pcapng"
differs first-look --seed 7
differs nat-forgets --set boxes.home-nat.idle_timeout=300s
finish
