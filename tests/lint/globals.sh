#!/bin/sh
# No globals in proto and sim: no object has anything in a writable section that lasts (.data, .bss, common, thread-local).
# Tables of pointers to constants are const too, so they land in .data.rel.ro. One case an object file.
#   globals.sh [ROOT]   ROOT is the tree to look at; its objects are under $BUILD/obj
set -u
cd "${1:-.}" || exit 3
build=${BUILD:-build/release}
for d in proto sim; do
	[ -d "$build/obj/$d" ] && find "$build/obj/$d" -name '*.o'
done | sort | while read -r o; do
	c=${o#"$build"/obj/}
	[ -f "${c%.o}.c" ] || continue
	echo "F ${c%.o}.c"
	objdump -t "$o" | awk -v c="${c%.o}.c" '
		/^[0-9a-f]+ / {
			section = $(NF - 2); name = $NF
			for (i = 2; i <= NF; i++)
				if ($i ~ /^[.*]/) { section = $i; break }
			if (name == section || section ~ /^\.data\.rel\.ro/)
				next
			if (section ~ /^\.(data|bss|tbss|tdata)/ || section == "*COM*")
				print "G", c, name, section
		}'
done | awk '
	$1 == "F" { cases++ }
	$1 == "G" {
		print $2 ": " $3 " is a global that can change (" $4 ")"
		if (!($2 in blamed))
			failed++
		blamed[$2] = 1
	}
	END { printf "%d passed, %d failed\n", cases - failed, failed; exit failed ? 1 : 0 }'
