/*
 * mlive-cue - show and remove SCTE-35 cues of a transport stream.
 *
 * See mlive-cue(1).  Here are the options; the commands are show.c and strip.c.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "schedule/cue.h"

static const char help[] =
    "usage: mlive-cue show [-hjqvV] [options] [section ...] [<in.ts]\n"
    "       mlive-cue strip [-hqvV] [options] <in.ts >out.ts\n"
    "      --damaged            show: sections with a wrong CRC, too\n"
    "  -j, --json               show: a JSON object a line\n"
    "  -p, --pid number         cues of this PID [every one that the PMT says]\n"
    OPT_COMMON_HELP
    "for instance:\n"
    "  mlive-ingest udp://:5000 | mlive-cue show\n"
    "  mlive-cue show /DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=\n";

enum { OPT_DAMAGED = 256 };

static const struct option longopts[] = {
	{ "damaged", no_argument, NULL, OPT_DAMAGED },
	{ "json", no_argument, NULL, 'j' },
	{ "pid", required_argument, NULL, 'p' },
	OPT_COMMON_LONG,
};

static const struct {
	const char *name;
	int	(*run)(const struct cue_options *o);
	bool	 stream;		/* a stream goes out: no sections, no --json */
} commands[] = {
	{ "show", cue_show, false },
	{ "strip", cue_strip, true },
};

int
main(int argc, char *argv[])
{
	struct cue_options o = { .json = false };
	int c, which = -1, skip = argc > 1 && argv[1][0] != '-' ? 1 : 0;

	log_init("mlive-cue");
	for (int i = 0; skip > 0 && i < (int)(sizeof(commands) / sizeof(commands[0])); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			which = i;
	while ((c = getopt_long(argc - skip, argv + skip, "jp:" OPT_COMMON, longopts,
	    NULL)) != -1)
		switch (c) {
		case OPT_DAMAGED:
			o.damaged = true;
			break;
		case 'j':
			o.json = true;
			break;
		case 'p':
			o.pid = (uint16_t)opt_number("pid", optarg, 2, 8190);
			break;
		default:
			opt_common(c, help);
		}
	if (skip > 0 && which < 0)
		opt_usage(help, "unknown command '%s'", argv[1]);
	if (which < 0)
		opt_usage(help, "no command");
	o.nsection = argc - skip - optind;
	o.section = argv + skip + optind;
	if (commands[which].stream && o.nsection > 0)
		opt_usage(help, "unexpected argument '%s'", o.section[0]);
	if (commands[which].stream && (o.json || o.damaged))
		opt_usage(help, "--%s is for show", o.json ? "json" : "damaged");
	io_init_filter();
	if (o.nsection == 0)
		io_refuse_terminal(STDIN_FILENO, "standard input");
	if (commands[which].stream)
		io_refuse_terminal(STDOUT_FILENO, "standard output");
	return commands[which].run(&o);
}
