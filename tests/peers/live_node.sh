#!/bin/sh
# timeout: 200
# Node's own http client and server and the `ws` package, both ways, against `live serve` and `live connect`.
set -u
. tests/peers/node/modules.sh
exec node tests/peers/node/peers.mjs "$BACKTALK" "$modules"
