/*
 * backtalk: the program. Chooses the sub-command; `backtalk` alone opens the menu of lectures on a terminal
 * and prints the short help elsewhere.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ui/commands.h"
#include "ui/menu.h"
#include "ui/term.h"

static void short_help(FILE *f)
{
	fputs("backtalk shows how a server talks back: polling, long polling, SSE, WebSocket, down to the "
	      "bit.\n\n"
	      "usage: backtalk COMMAND [options] …\n\n",
		f);
	for (const struct command *c = commands; c->name; c++)
		fprintf(f, "  %-10s %s\n", c->name, c->line);
	fputs("\n`backtalk COMMAND --help` tells more. A first look: backtalk run first-look\n", f);
}

static int unknown_command(const char *word)
{
	const char *names[64];
	size_t n = 0;
	for (const struct command *c = commands; c->name && n < 64; c++)
		names[n++] = c->name;
	const char *near = options_nearest(word, names, n);
	if (near)
		ui_error("unknown command `%s`; did you mean `%s`?", word, near);
	else
		ui_error("unknown command `%s`; `backtalk --help` lists them", word);
	return EXIT_INPUT;
}

static int dispatch(int argc, char **argv)
{
	const char *word = argv[1];
	if (!strcmp(word, "--version")) {
		printf("backtalk %s\n", BT_VERSION);
		return EXIT_FINE;
	}
	if (!strcmp(word, "help") && argc > 2) {
		static char help[] = "--help";
		char *again[] = {argv[0], argv[2], help, NULL};
		return dispatch(3, again);
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
		short_help(stdout);
		return EXIT_FINE;
	}
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(word, c->name))
			return c->run(argc - 1, argv + 1);
	return unknown_command(word);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_DFL);
	int rc;
	if (argc < 2 && term_usable()) {
		rc = menu_run();
	} else if (argc < 2) {
		short_help(stdout);
		rc = EXIT_FINE;
	} else {
		rc = dispatch(argc, argv);
	}
	if (fflush(stdout) || ferror(stdout)) {
		ui_error("cannot write the result");
		return EXIT_ENV;
	}
	return rc;
}
