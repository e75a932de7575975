/*
 * commands: the sub-commands of the program.
 *
 * One file ui/cmd_NAME.c and one line in commands.def each. A command gets argv with its own name in argv[0],
 * prints results to stdout and everything else to stderr, and returns an exit code.
 */
#ifndef UI_COMMANDS_H
#define UI_COMMANDS_H

#include "ui/options.h"

/* Exit codes of the contract. */
enum exit_code {
	EXIT_FINE = 0,
	EXIT_EXPECT = 1, /* an expectation failed, or a grade below --pass */
	EXIT_INPUT = 2,  /* the user's input is wrong */
	EXIT_ENV = 3,    /* the environment failed: a file, a right, memory */
	EXIT_OURS = 4,   /* our own fault */
};

#define X(name, line) int cmd_##name(int argc, char **argv);
#include "ui/commands.def"
#undef X

struct command {
	const char *name, *line;
	int (*run)(int argc, char **argv);
};

/* The list, ended by an entry whose name is NULL. */
extern const struct command commands[];

/* Prints `backtalk: ` and the text and a newline on stderr. */
void ui_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
