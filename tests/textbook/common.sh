#!/bin/sh
# timeout: 120
# Compared techniques meet the same world: the same messages at the same moments, the same outage, clients in the same order.
. tests/support/figures.inc
for lecture in nat-forgets phone-switches-network; do
	for t in polling long-polling sse websocket; do
		: >"$tmp/$t.jsonl"
		"$BACKTALK" run $lecture --set "clients.*.technique=$t" --trace "$tmp/$t.jsonl" --format json >"$tmp/out" 2>&1
		[ $? -le 1 ] || fail "$lecture under $t: $(head -n 2 "$tmp/out")"
		# When what is published, who starts when, what the timeline does: without record numbers and what follows from the technique.
		sed -nE '/"kind":"(published|client-started|link-cut|link-healed|network-switched|crashed)"/{
			s/"(id|cause|conn|msg)":[0-9]+,?//g; s/"summary".*//; p
		}' "$tmp/$t.jsonl" >"$tmp/$t.world"
	done
	[ -s "$tmp/polling.world" ] || fail "$lecture under polling: nothing published in the trace"
	for t in long-polling sse websocket; do
		if [ -s "$tmp/$t.world" ] && cmp -s "$tmp/polling.world" "$tmp/$t.world"; then pass; else
			fail "$lecture: polling and $t met different worlds: $(diff "$tmp/polling.world" "$tmp/$t.world" 2>&1 | head -n 4)"
		fi
	done
done
finish
