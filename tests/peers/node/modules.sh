# Sourced: installs the Node packages once under build/peers and sets $modules; leaves with 77 when that cannot be done.
for tool in node npm; do
	command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
modules=$PWD/build/peers/node/node_modules
mkdir -p build/peers/node
(
	flock 9 # two tests may want it at once
	# A registry out of reach makes npm try again for minutes: one that does not answer soon is not there, for the next tests too.
	if { ! cmp -s tests/peers/node/package.json build/peers/node/package.json || [ ! -d "$modules/ws" ]; } &&
		[ -z "$(find build/peers/npm.failed -mmin -10 2>/dev/null)" ]; then
		cp tests/peers/node/package.json build/peers/node/
		rm -f build/peers/npm.failed
		(cd build/peers/node && timeout 60 npm install --no-audit --no-fund --ignore-scripts --loglevel=error \
			--fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=2000 --fetch-timeout=20000) \
			>build/peers/npm.log 2>&1 || : >build/peers/npm.failed
	fi
) 9>build/peers/.lock
[ -d "$modules/ws" ] || { echo "skipped: npm cannot install the packages: $(grep -m 1 -E "ERR!|npm error" build/peers/npm.log || echo "no answer within a minute")"; exit 77; }
