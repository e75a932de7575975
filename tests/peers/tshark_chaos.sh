#!/bin/sh
# timeout: 400
# Our TCP analysis is tshark's on random, misbehaving connections; see tshark_chaos.py.
for tool in tshark python3; do
	command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
exec python3 tests/peers/tshark_chaos.py "$BACKTALK" 0 60 2>&1
