/*
 * words: the nearest right word for a wrong one (edit distance with neighbouring letters swapped counting as
 * one), and small helpers for lists of words written "a|b|c".
 */
#ifndef SIM_SCENARIO_WORDS_H
#define SIM_SCENARIO_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Letters to insert, delete, replace or swap to make `b` of `a`. Words over 64 letters are never near. */
unsigned words_distance(const char *a, const char *b);

/* Collects candidates and remembers the nearest; `best` is NULL while nothing is near enough to suggest. */
struct words_near {
	const char *word;
	const char *best;
	unsigned distance;
};
void words_near_init(struct words_near *w, const char *word);
void words_near_try(struct words_near *w, const char *candidate); /* borrowed */

/* Is `word` one of the words of "a|b|c"? */
bool words_has(const char *list, const char *word);
/* The i-th word of the list into `out`; false when there is none. Words are shorter than 64 letters. */
bool words_nth(const char *list, size_t i, char out[64]);
/* The index of a word, -1 if there is none. */
int words_index(const char *list, const char *word);

#endif
