/*
 * commands: the table of sub-commands.
 */
#include "ui/commands.h"

#include <stdarg.h>
#include <stdio.h>

const struct command commands[] = {
#define X(name, line) {#name, line, cmd_##name},
#include "ui/commands.def"
#undef X
	{NULL, NULL, NULL},
};

void ui_error(const char *fmt, ...)
{
	va_list ap;
	fputs("backtalk: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
