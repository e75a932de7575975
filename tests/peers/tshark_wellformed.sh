#!/bin/sh
# timeout: 500
# tshark opens what we write: for every lecture, at every capture point, no malformed packet, no bad checksum, no
# dissector's complaint, and nothing in its TCP analysis that neither loss nor a slow reader explains.
# One case a lecture and capture point.
set -u
command -v tshark >/dev/null 2>&1 || { echo "skipped: tshark is not installed"; exit 77; }
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-tshark.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
bad() {
	echo "$1"
	failed=$((failed + 1))
}
shark() { tshark -n -o tcp.reassemble_out_of_order:TRUE -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE "$@" 2>"$tmp/err"; }

# What a lossy or cut network and a slow reader do cause; anything else tshark warns of is our fault.
lossy='retransmission|Duplicate ACK|Previous segment|not captured|out-of-order|Connection reset|Keep-Alive|ACKed segment|[Ww]indow|D-SACK'

check_point() { # check_point ID FILE INTERFACE
	shark -r "$2" -Y "frame.interface_id == $3" -w "$tmp/one.pcapng" || { bad "$1: tshark: $(cat "$tmp/err")"; return; }
	shark -r "$tmp/one.pcapng" -Y '_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 ||
		udp.checksum.status == 0 || ip.version != 4 && ip.version != 6' >"$tmp/bad" ||
		{ bad "$1: tshark: $(cat "$tmp/err")"; return; }
	if [ -s "$tmp/bad" ]; then
		bad "$1, interface $3: $(grep -c . "$tmp/bad") malformed or with a bad checksum; the first: $(head -n 1 "$tmp/bad")"
		return
	fi
	# Expert notes from warnings up (severity 0x600000), as text.
	shark -r "$tmp/one.pcapng" -Y '_ws.expert.severity >= 6291456' -T fields -E occurrence=a -e frame.number \
		-e _ws.expert.message >"$tmp/expert"
	grep -vE "$lossy" "$tmp/expert" >"$tmp/bad"
	if [ -s "$tmp/bad" ]; then
		bad "$1, interface $3: $(grep -c . "$tmp/bad") complaints; the first, in frame $(head -n 1 "$tmp/bad")"
		return
	fi
	passed=$((passed + 1))
}

for f in scenarios/lectures/*.yaml; do
	[ -f "$f" ] || continue
	id=${f##*/} id=${id%.yaml} few='--set clients.*.count=4'
	"$BACKTALK" run "$id" $few --pcap "$tmp/run.pcapng" --format json >"$tmp/out" 2>&1
	[ $? -le 1 ] || { bad "$id: $(head -n 3 "$tmp/out")"; continue; }
	points=$(shark -r "$tmp/run.pcapng" -T fields -e frame.interface_id | sort -nu)
	[ -n "$points" ] || bad "$id: an empty capture; $(head -n 2 "$tmp/err")"
	for i in $points; do
		check_point "$id" "$tmp/run.pcapng" "$i"
	done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
