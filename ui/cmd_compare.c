/*
 * compare: the same messages, network and faults under several techniques.
 */
#include "ui/commands.h"
#include "ui/runs.h"

#define COMMON                                                                                           \
	(OPT_FORMAT | OPT_QUIET | OPT_SEED | OPT_SET | OPT_TECHNIQUES | OPT_REPLICATIONS | OPT_JOBS |    \
		OPT_TRACE | OPT_TRACE_CLIENTS | OPT_PCAP | OPT_PCAP_AT | OPT_SVG | OPT_HTML | OPT_CAST | \
		OPT_THEME)

static const struct cmd_usage usage = {.name = "compare",
	.args = "SCENARIO",
	.about = "The same messages, network and faults under the techniques of the scenario's compare list "
		 "(or of\n"
		 "--techniques): on a terminal side by side on one clock, elsewhere a table.",
	.example = "backtalk compare first-look\n"
		   "backtalk compare nat-forgets --techniques sse,websocket --replications 20 -j 2\n"
		   "backtalk compare first-look --format csv\n",
	.common = COMMON};

int cmd_compare(int argc, char **argv)
{
	return runs_command(&usage, true, argc, argv);
}
