# Sourced: installs the Node packages once under build/peers and sets $modules; leaves with 77 when that cannot be done.
for tool in node npm; do
	command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
modules=$PWD/build/peers/node/node_modules
mkdir -p build/peers/node
(
	flock 9 # two tests may want it at once
	if ! cmp -s tests/peers/node/package.json build/peers/node/package.json || [ ! -d "$modules/ws" ]; then
		cp tests/peers/node/package.json build/peers/node/
		(cd build/peers/node && npm install --no-audit --no-fund --ignore-scripts --loglevel=error) >build/peers/npm.log 2>&1
	fi
) 9>build/peers/.lock
[ -d "$modules/ws" ] || { echo "skipped: npm cannot install the packages: $(grep -m 1 "ERR!" build/peers/npm.log)"; exit 77; }
