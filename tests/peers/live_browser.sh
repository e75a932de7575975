#!/bin/sh
# timeout: 200
# EventSource, fetch and WebSocket of a real browser against `live serve`.
set -u
browser=$(command -v chromium || command -v chromium-browser) || { echo "skipped: chromium is not installed"; exit 77; }
. tests/peers/node/modules.sh
profile=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-browser.XXXXXX") || exit 3
trap 'rm -rf "$profile"' EXIT
node tests/peers/node/browser.mjs "$BACKTALK" "$modules" "$browser" "$profile"
