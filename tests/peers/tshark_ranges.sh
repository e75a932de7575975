#!/bin/sh
# timeout: 200
# The octets of every field that our dissector and tshark both name; see tshark_ranges.py.
for tool in tshark python3; do
	command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
exec python3 tests/peers/tshark_ranges.py "${BACKTALK:-build/release/backtalk}" 2>&1
