#!/bin/sh
# timeout: 200
# 10,000 clients that ask every 5 s are 2,000 requests a second, with or without news.
. tests/support/figures.inc
s=tests/textbook/office.yaml
many='--set clients.desks.count=10000 --set duration=60s'
if figures all run $s $many; then
	near 'requests a second' "$(figure all http.requests_per_s)" 2000 2
	near 'clients with a connection' "$(figure all connections.peak)" 10000 1
fi
# The same clients on SSE ask once each.
if figures sse run $s $many --set clients.desks.technique=sse; then
	holds 'SSE asks once for each' "$(figure sse http.requests) == 10000"
fi
finish
