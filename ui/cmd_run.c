/*
 * run: one scenario, shown on a terminal, summed up elsewhere.
 */
#include "ui/commands.h"
#include "ui/runs.h"

#define COMMON                                                                                           \
	(OPT_FORMAT | OPT_QUIET | OPT_SEED | OPT_SET | OPT_TECHNIQUES | OPT_REPLICATIONS | OPT_JOBS |    \
		OPT_TRACE | OPT_TRACE_CLIENTS | OPT_PCAP | OPT_PCAP_AT | OPT_SVG | OPT_HTML | OPT_CAST | \
		OPT_THEME)

static const struct cmd_usage usage = {.name = "run",
	.args = "SCENARIO",
	.about = "Runs one scenario (a path, or the id of a shipped one) and shows it: on a terminal the "
		 "views of\n"
		 "all its techniques, elsewhere a summary of the technique it uses. Exit 1 when an "
		 "expectation of\n"
		 "the scenario does not hold.",
	.example = "backtalk run first-look\n"
		   "backtalk run nat-forgets --set clients.phones.options.heartbeat=25s\n"
		   "backtalk run nat-forgets --format json --trace t.jsonl --pcap t.pcapng\n",
	.common = COMMON};

int cmd_run(int argc, char **argv)
{
	return runs_command(&usage, false, argc, argv);
}
