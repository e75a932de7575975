#!/bin/sh
# timeout: 120
# Our vectors of Engine.IO, Socket.IO and graphql-transport-ws, judged by the parsers of the reference implementations.
set -u
. tests/peers/node/modules.sh
for package in socket.io-parser engine.io-parser graphql-ws; do
	[ -d "$modules/$package" ] || { echo "skipped: npm did not bring $package"; exit 77; }
done
own=tests/data/vectors/own
exec node tests/peers/node/parsers.mjs "$modules" tests/data/vectors/engineio/engineio.json tests/data/vectors/socketio/socketio.json \
	tests/data/vectors/graphql-ws/graphql-transport-ws.json $own/engineio.json $own/socketio.json $own/graphql-ws.json
