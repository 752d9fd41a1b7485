/*
 * mlive-cue - show, insert, rewrite and remove SCTE-35 cues of a transport stream.
 *
 * See mlive-cue(1).  Here are the options; each command has a file of its name.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "schedule/cue.h"
#include "schedule/rules.h"

static const char help[] =
    "usage: mlive-cue show [-hjqvV] [options] [section ...] [<in.ts]\n"
    "       mlive-cue insert [-hqvV] [options] <in.ts >out.ts\n"
    "       mlive-cue map [-hqvV] [options] <in.ts >out.ts\n"
    "       mlive-cue strip [-hqvV] [options] <in.ts >out.ts\n"
    "  -c, --control path       insert: take cues at run time from this FIFO or socket\n"
    "      --damaged            show: sections with a wrong CRC, too\n"
    "  -e, --rule rule          map: MATCH -> ACTION; may be given again\n"
    "  -f, --file path          insert: cues, map: rules, a line each\n"
    "      --id number          insert: of the first event that has none [1]\n"
    "  -j, --json               show: a JSON object a line\n"
    "      --null duration      insert: a splice_null so often\n"
    "  -p, --pid number         show, map, strip: cues of this PID [every one that\n"
    "                           the PMT says]; insert: to this PID\n"
    "      --preroll duration   insert: how far ahead a cue is sent [8s]\n"
    "      --program number     insert: into this program [the first]\n"
    "      --repeat number      insert: how often a cue is sent until its time [3]\n"
    "  -s, --stats target       insert, map, strip: write counters each second to\n"
    "                           fd:N, unix:PATH or a file\n"
    OPT_COMMON_HELP
    "for instance:\n"
    "  mlive-ingest udp://:5000 | mlive-cue show\n"
    "  mlive-cue insert -f cues.txt <film.ts >cued.ts\n"
    "  mlive-cue map -e 'out -> time_signal type=0x34' <in.ts >out.ts\n"
    "  mlive-cue show /DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=\n";

enum { OPT_DAMAGED = 256, OPT_ID, OPT_NULL, OPT_PREROLL, OPT_PROGRAM, OPT_REPEAT };

static const struct option longopts[] = {
	{ "control", required_argument, NULL, 'c' },
	{ "damaged", no_argument, NULL, OPT_DAMAGED },
	{ "file", required_argument, NULL, 'f' },
	{ "id", required_argument, NULL, OPT_ID },
	{ "json", no_argument, NULL, 'j' },
	{ "null", required_argument, NULL, OPT_NULL },
	{ "pid", required_argument, NULL, 'p' },
	{ "preroll", required_argument, NULL, OPT_PREROLL },
	{ "program", required_argument, NULL, OPT_PROGRAM },
	{ "repeat", required_argument, NULL, OPT_REPEAT },
	{ "rule", required_argument, NULL, 'e' },
	{ "stats", required_argument, NULL, 's' },
	OPT_COMMON_LONG,
};

enum { SHOW = 1, INSERT = 2, MAP = 4, STRIP = 8 };

static const struct command {
	const char *name;
	int	(*run)(const struct cue_options *o);
	unsigned bit;
} commands[] = {
	{ "insert", cue_insert, INSERT },
	{ "map", cue_map, MAP },
	{ "show", cue_show, SHOW },
	{ "strip", cue_strip, STRIP },
};

/* Which commands an option is of. */
static const struct {
	int	 c;
	unsigned of;
} uses[] = {
	{ 'c', INSERT }, { 'e', MAP }, { 'f', INSERT | MAP }, { 'j', SHOW },
	{ 's', INSERT | MAP | STRIP }, { OPT_DAMAGED, SHOW }, { OPT_ID, INSERT },
	{ OPT_NULL, INSERT }, { OPT_PREROLL, INSERT }, { OPT_PROGRAM, INSERT },
	{ OPT_REPEAT, INSERT },
};

static const char *
long_name(int c)
{
	const struct option *o = longopts;

	while (o->val != c)
		o++;
	return o->name;
}

static void
check_use(const struct command *which, int c)
{
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		if (uses[i].c == c && which != NULL && (uses[i].of & which->bit) == 0)
			opt_usage(help, "--%s is not for %s", long_name(c), which->name);
}

static void
take_option(struct cue_options *o, int c)
{
	switch (c) {
	case OPT_DAMAGED:
		o->damaged = true;
		break;
	case OPT_ID:
		o->id = (uint32_t)opt_number("id", optarg, 0, UINT32_MAX);
		break;
	case OPT_NULL:
		o->null_ns = opt_duration("null", optarg);
		if (o->null_ns < (uint64_t)CLK_SECOND / 10)
			fatal(EXIT_USAGE, 0, "--null '%s' is less than 100ms", optarg);
		break;
	case OPT_PREROLL:
		o->preroll_ns = opt_duration("preroll", optarg);
		if (o->preroll_ns > 3600 * (uint64_t)CLK_SECOND)
			fatal(EXIT_USAGE, 0, "--preroll '%s' is more than 1h", optarg);
		break;
	case OPT_PROGRAM:
		o->program = (uint16_t)opt_number("program", optarg, 1, UINT16_MAX);
		break;
	case OPT_REPEAT:
		o->repeat = (unsigned)opt_number("repeat", optarg, 1, 100);
		break;
	case 'c':
		o->control = optarg;
		break;
	case 'e':
		if (o->nrule == RULES_MAX)
			fatal(EXIT_USAGE, 0, "--rule '%s': there are too many", optarg);
		o->rule[o->nrule++] = optarg;
		break;
	case 'f':
		o->file = optarg;
		break;
	case 'j':
		o->json = true;
		break;
	case 'p':
		o->pid = (uint16_t)opt_number("pid", optarg, 2, 8190);
		break;
	case 's':
		o->stats = optarg;
		break;
	default:
		opt_common(c, help);
	}
}

int
main(int argc, char *argv[])
{
	static char *rules[RULES_MAX];
	struct cue_options o = {
		.id = 1, .preroll_ns = 8 * (uint64_t)CLK_SECOND, .repeat = 3, .rule = rules,
	};
	int c, skip = argc > 1 && argv[1][0] != '-' ? 1 : 0;
	const struct command *which = NULL;

	log_init("mlive-cue");
	for (int i = 0; skip > 0 && i < (int)(sizeof(commands) / sizeof(commands[0])); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			which = &commands[i];
	while ((c = getopt_long(argc - skip, argv + skip, "c:e:f:jp:s:" OPT_COMMON, longopts,
	    NULL)) != -1) {
		check_use(which, c);
		take_option(&o, c);
	}
	if (skip > 0 && which == NULL)
		opt_usage(help, "unknown command '%s'", argv[1]);
	if (which == NULL)
		opt_usage(help, "no command");
	o.nsection = argc - skip - optind;
	o.section = argv + skip + optind;
	if (which->bit != SHOW && o.nsection > 0)
		opt_usage(help, "unexpected argument '%s'", o.section[0]);
	io_init_filter();
	if (o.nsection == 0)
		io_refuse_terminal(STDIN_FILENO, "standard input");
	if (which->bit != SHOW)
		io_refuse_terminal(STDOUT_FILENO, "standard output");
	return which->run(&o);
}
