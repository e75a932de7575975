/*
 * tcp_play: the simulator plays a story: two TCP endpoints, two links, and applications that do what it says.
 *
 *	tcp_play_init ─▶ change y.p.lcfg, y.p.rcfg; tcp_pair_trace ─▶ tcp_play ─▶ look at y.p ─▶ tcp_play_fini
 */
#ifndef TESTS_SUPPORT_TCP_PLAY_H
#define TESTS_SUPPORT_TCP_PLAY_H

#include "tests/support/tcp_pair.h"
#include "tests/support/tcp_story.h"

struct tcp_play {
	struct story s;
	struct tcp_pair p;
	uint32_t wrote[STORY_SIDES];
};

/* Prepares both ends as the story says. The story is copied. */
void tcp_play_init(struct tcp_play *y, const struct story *s);
/* Plays it to its end. */
void tcp_play(struct tcp_play *y);
void tcp_play_fini(struct tcp_play *y);

#endif
