#!/bin/sh
# timeout: 580
# tshark's TCP analysis of what we export is what our trace says happened; see tshark_tcp_analysis.py.
for tool in tshark python3; do
	command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
[ -x "$BUILD/tests/peers/story_trace" ] || make -s "$BUILD/tests/peers/story_trace" >/dev/null || { echo "skipped: the test's program could not be built"; exit 77; }
exec python3 tests/peers/tshark_tcp_analysis.py "$BACKTALK" "$BUILD/tests/peers/story_trace" 2>&1
