/*
 * menu: the list of shipped lectures, to choose one and start it.
 */
#include "ui/menu.h"

#include <stdio.h>

#include "ui/commands.h"

int menu_run(void)
{
	for (const struct command *c = commands; c->name; c++)
		printf("  %-10s %s\n", c->name, c->line);
	return EXIT_FINE;
}
