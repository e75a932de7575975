#!/bin/sh
# timeout: 300
# tshark finds the fields of HTTP/2 frames and HPACK representations at the same octets as our dissector; see tshark_h2.py.
for tool in tshark python3; do
	command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
exec python3 tests/peers/tshark_h2.py "$BACKTALK" 2>&1
