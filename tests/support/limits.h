/*
 * Limits at their edge: one function for each limit that makes an input of `n` of what is limited and reads it, and a table of them. As
 * much as a limit allows is taken, one more is refused, and the refusal names the limit.
 */
#ifndef TESTS_SUPPORT_LIMITS_H
#define TESTS_SUPPORT_LIMITS_H

#include "tests/support/codec_kit.h"

/* What was wrong with an input, "" when nothing was. Copied: decoders give back what they say. */
static char said[200];

__attribute__((unused)) static const char *say_what(const char *what)
{
	snprintf(said, sizeof said, "%s", what != NULL ? what : "");
	return said;
}

__attribute__((unused)) static void fill(struct buf *b, char c, uint64_t n)
{
	if (n > 0 && buf_reserve(b, (size_t)n)) {
		memset(b->p + b->n, c, (size_t)n);
		b->n += (size_t)n;
	}
}

struct limit {
	const char *what;
	uint64_t max;
	const char *(*try)(uint64_t n);
	const char *words; /* of the refusal */
};

__attribute__((unused)) static void limits_hold(const struct limit *limits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct limit *l = &limits[i];
		const char *words = l->try(l->max);
		if (words[0] != '\0')
			fail_msg("%s: %llu is refused: %s", l->what, (unsigned long long)l->max, words);
		words = l->try(l->max + 1);
		if (strstr(words, l->words) == NULL)
			fail_msg("%s: %llu should be refused by %s: %s", l->what,
				(unsigned long long)l->max + 1, l->words, words[0] ? words : "is taken");
	}
}

#endif
