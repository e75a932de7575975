#!/bin/sh
# timeout: 300
# The lectures compute the same with clang, barely and heavily optimised. One case a lecture and build.
. tests/determinism/compare.inc
command -v clang >/dev/null 2>&1 || { echo "skipped: clang is not installed"; exit 77; }
agree build/determinism/clang-O0/backtalk clang-O0
agree build/determinism/clang-O3/backtalk clang-O3
finish
