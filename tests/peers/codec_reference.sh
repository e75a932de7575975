#!/bin/sh
# timeout: 120
# HTTP/1.1 messages, WebSocket frames and event streams judged by small decoders written once more, in Python, from the standards.
set -u
command -v python3 >/dev/null 2>&1 || { echo "skipped: python3 is not installed"; exit 77; }
out=${BUILD:-build/release}/reference
python3 tests/peers/codec_reference.py "$out" 2000 || exit 1
python3 tests/peers/http1_reference.py "$out/http1.json" 4000 || exit 1
"${BACKTALK:-build/release/backtalk}" vectors "$out/ws.json" "$out/sse.json" "$out/http1.json"
