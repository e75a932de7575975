#!/bin/sh
# timeout: 300
# The lectures compute the same under the address and undefined-behaviour sanitizers, and these find nothing.
. tests/determinism/compare.inc
agree "$ASAN_BUILD/backtalk" sanitized
finish
