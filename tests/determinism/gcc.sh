#!/bin/sh
# timeout: 300
# The lectures compute the same with gcc, barely and heavily optimised. One case a lecture and build.
. tests/determinism/compare.inc
agree build/determinism/gcc-O0/backtalk gcc-O0
agree build/determinism/gcc-O3/backtalk gcc-O3
finish
