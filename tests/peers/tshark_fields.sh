#!/bin/sh
# timeout: 580
# tshark's requests, event streams and WebSocket frames of a run are those of its trace; see tshark_fields.py.
for tool in tshark python3; do
	command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
exec python3 tests/peers/tshark_fields.py "$BACKTALK" 2>&1
