#!/bin/sh
# Every goal that `make help` names has a rule of its own: a goal that is only phony does nothing and says nothing.
set -u
passed=0 failed=0
for goal in $(sed -n 's/^#: make \([a-z][a-z-]*\).*/\1/p' Makefile | sort -u); do
	if grep -Eq "^$goal:" Makefile; then passed=$((passed + 1)); else
		echo "FAIL  make $goal: no rule"
		failed=$((failed + 1))
	fi
done
[ "$passed" -gt 5 ] || { echo 'FAIL  `make help` names no goals'; failed=$((failed + 1)); }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
