/*
 * facts: where the numbers come from (facts.def).
 */
#ifndef SIM_SCENARIO_FACTS_H
#define SIM_SCENARIO_FACTS_H

#include <stddef.h>

struct fact {
	const char *id, *what, *value, *source;
};

size_t fact_count(void);
const struct fact *fact_at(size_t i);
/* The table as Markdown; malloc'ed. docs/parameters.md is this text. */
char *facts_markdown(void);
/* The keys of the scenario and exercise languages as Markdown; malloc'ed. The reference in docs/scenario-language.md is this
 * text. */
char *keys_markdown(void);

#endif
