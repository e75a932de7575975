/*
 * words: optimal string alignment distance over two rows of a small table.
 */
#include "sim/scenario/words.h"

#include <string.h>

enum { WORD_MAX = 64 };

static unsigned min2(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned words_distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	if (na > WORD_MAX || nb > WORD_MAX)
		return 1000;
	unsigned row[3][WORD_MAX + 1];
	for (size_t j = 0; j <= nb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned same = a[i - 1] == b[j - 1] ? 0 : 1;
			unsigned d = min2(min2(up[j] + 1, now[j - 1] + 1), up[j - 1] + same);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d = min2(d, up2[j - 2] + 1);
			now[j] = d;
		}
	}
	return row[na % 3][nb];
}

void words_near_init(struct words_near *w, const char *word)
{
	w->word = word;
	w->best = NULL;
	/* A third of the letters may be wrong, but at least one and at most three. */
	size_t n = strlen(word) / 3;
	w->distance = (unsigned)(n < 1 ? 1 : n > 3 ? 3 : n) + 1;
}

void words_near_try(struct words_near *w, const char *candidate)
{
	unsigned d = words_distance(w->word, candidate);
	if (d < w->distance) {
		w->distance = d;
		w->best = candidate;
	}
}

bool words_nth(const char *list, size_t i, char out[64])
{
	if (!list || !*list)
		return false;
	for (; i; i--) {
		list = strchr(list, '|');
		if (!list)
			return false;
		list++;
	}
	size_t n = strcspn(list, "|");
	if (n > 63)
		n = 63;
	memcpy(out, list, n);
	out[n] = 0;
	return true;
}

int words_index(const char *list, const char *word)
{
	char w[64];
	for (size_t i = 0; words_nth(list, i, w); i++)
		if (!strcmp(w, word))
			return (int)i;
	return -1;
}

bool words_has(const char *list, const char *word)
{
	return words_index(list, word) >= 0;
}
