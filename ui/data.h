/*
 * data: where the shipped scenarios are.
 *
 * Looked for in this order: $BACKTALK_DATA/scenarios, the build tree the program stands in
 * (DIR/../../scenarios), an installation it was moved with (DIR/../share/backtalk/scenarios), BT_DATADIR.
 */
#ifndef UI_DATA_H
#define UI_DATA_H

/* The `scenarios` folder, malloc'ed, or NULL when there is none. */
char *data_scenarios(void);
/* A scenario's path: `name` itself when it is a path or an existing file, else the shipped one with this id
 * (lectures first, then exercises). malloc'ed; NULL when there is none. */
char *data_scenario_path(const char *name);

#endif
