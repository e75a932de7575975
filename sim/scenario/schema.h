/*
 * schema: the table of keys as a JSON Schema (draft 2020-12) for editors.
 */
#ifndef SIM_SCENARIO_SCHEMA_H
#define SIM_SCENARIO_SCHEMA_H

/* malloc'ed. The shipped scenarios/backtalk.schema.json is this text. */
char *schema_text(void);

#endif
