#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "encode/archiveopt.h"
#include "encode/clockopt.h"
#include "lib/base/clk.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/net/place.h"

static const char help[] =
    "usage: mlive-archive [options] -o PLACE <input.ts\n"
    "  -c, --clock MODE         auto, arrival or none: where time comes from\n"
    "  -e, --every DURATION     of pieces (default 10min)\n"
    "  -f, --format FORMAT      of pieces: ts, mp4 or cmaf (default ts)\n"
    "      --list NUMBER        of pieces in a part of the manifest (default 1000)\n"
    "      --name TEMPLATE      of pieces (default %Y%m%d-%H%M%S.ts or .mp4); %05d is a\n"
    "                           counter, %i the interval, %n the show\n"
    "  -o, --output PLACE       directory, http(s):// or s3://\n"
    "  -P, --program NUMBER     whose pictures say where to cut (default: the first)\n"
    "      --show NAME          for names and the manifest\n"
    "      --spool DIRECTORY    local disk until all is delivered\n"
    "      --spool-max SIZE     the oldest that wait are dropped beyond this\n"
    "  -s, --stats TARGET       a JSON line each second, and for each piece\n"
    "      --sync DURATION      what comes is safe on disk after it (default 1s)\n"
    "      --token-file FILE    bearer token for the server\n"
    OPT_COMMON_HELP
    "for instance:\n"
    "  mlive-archive -e 10min --spool /var/spool/one -o s3://archive/one/ <in.ts\n";

enum {
	OPT_LIST = 256, OPT_NAME, OPT_SHOW, OPT_SPOOL, OPT_SPOOL_MAX, OPT_SYNC, OPT_TOKEN_FILE,
};

static const struct option longopts[] = {
	{ "clock", required_argument, NULL, 'c' },
	{ "every", required_argument, NULL, 'e' },
	{ "format", required_argument, NULL, 'f' },
	{ "list", required_argument, NULL, OPT_LIST },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "output", required_argument, NULL, 'o' },
	{ "program", required_argument, NULL, 'P' },
	{ "show", required_argument, NULL, OPT_SHOW },
	{ "spool", required_argument, NULL, OPT_SPOOL },
	{ "spool-max", required_argument, NULL, OPT_SPOOL_MAX },
	{ "stats", required_argument, NULL, 's' },
	{ "sync", required_argument, NULL, OPT_SYNC },
	{ "token-file", required_argument, NULL, OPT_TOKEN_FILE },
	OPT_COMMON_LONG,
};

static enum piece_form
parse_format(const char *arg)
{
	for (unsigned i = 0; i < PIECE_FORMS; i++)
		if (strcmp(arg, piece_form_name[i]) == 0)
			return (enum piece_form)i;
	fatal(EXIT_USAGE, 0, "--format '%s' is not ts, mp4 or cmaf", arg);
}

static void
set_option(struct archiveopt *o, int c)
{
	switch (c) {
	case 'c':
		clock_option(optarg, &o->config.arrival, &o->config.recording);
		break;
	case 'e':
		o->config.every_ns = (int64_t)opt_duration("every", optarg);
		if (o->config.every_ns < CLK_SECOND || o->config.every_ns > 86400 * CLK_SECOND)
			fatal(EXIT_USAGE, 0, "--every '%s' is not in 1s..24h", optarg);
		break;
	case 'f':
		o->form = parse_format(optarg);
		break;
	case OPT_LIST:
		o->list = opt_number("list", optarg, 1, PIECES_MAX);
		break;
	case OPT_NAME:
		o->name = optarg;
		break;
	case 'o':
		o->output = optarg;
		break;
	case 'P':
		o->config.program = (uint16_t)opt_number("program", optarg, 1, 65535);
		break;
	case OPT_SHOW:
		o->show = optarg;
		if (!piece_name_good(optarg) || strchr(optarg, '/') != NULL)
			fatal(EXIT_USAGE, 0, "--show '%s' is no part of a name", optarg);
		break;
	case OPT_SPOOL:
		o->spool_said = optarg;
		break;
	case OPT_SPOOL_MAX:
		o->spool_max = opt_size("spool-max", optarg);
		break;
	case 's':
		o->stats_target = optarg;
		break;
	case OPT_SYNC:
		o->sync_ns = (int64_t)opt_duration("sync", optarg);
		if (o->sync_ns < CLK_SECOND / 20 || o->sync_ns > 3600 * CLK_SECOND)
			fatal(EXIT_USAGE, 0, "--sync '%s' is not in 50ms..1h", optarg);
		break;
	case OPT_TOKEN_FILE:
		o->token_file = optarg;
		break;
	default:
		opt_common(c, help);
	}
}

/* Names are in JSON, which has no others. */
static bool
is_utf8(const char *s)
{
	json_t *j = json_string(s);

	json_decref(j);
	return j != NULL;
}

/* Beside the pieces, from where they need not be copied; else by what they are for. */
static void
choose_spool(struct archiveopt *o)
{
	uint64_t h = hash_add(HASH_START, o->output, strlen(o->output));
	int n;

	if (o->spool_said != NULL)
		n = snprintf(o->spool_path, sizeof(o->spool_path), "%s", o->spool_said);
	else if (place_kind(o->output) != PLACE_FOLDER)
		n = snprintf(o->spool_path, sizeof(o->spool_path),
		    "/var/tmp/mlive-archive-%016" PRIx64, h);
	else
		n = snprintf(o->spool_path, sizeof(o->spool_path), "%s/.spool",
		    place_path(o->output));
	if (n < 0 || (size_t)n >= sizeof(o->spool_path) || o->spool_path[0] == '\0')
		fatal(EXIT_USAGE, 0, "--spool '%s' is no directory", o->spool_path);
}

void
archiveopt_parse(struct archiveopt *o, int argc, char *argv[])
{
	const char *reason;
	int c;

	o->config.every_ns = 600 * CLK_SECOND;
	o->sync_ns = CLK_SECOND;
	o->list = 1000;
	o->show = "";
	while ((c = getopt_long(argc, argv, "c:e:f:o:P:s:" OPT_COMMON, longopts, NULL)) != -1)
		set_option(o, c);
	if (optind != argc)
		opt_usage(help, "unexpected argument '%s'", argv[optind]);
	if (o->output == NULL || o->output[0] == '\0')
		opt_usage(help, "where to? say for instance -o s3://archive/one/");
	if (o->name == NULL)
		o->name = o->form == PIECE_TS ? "%Y%m%d-%H%M%S.ts" :
		    "%Y%m%d-%H%M%S.mp4";
	if (naming_parse(&o->naming, o->name, place_kind(o->output) != PLACE_FOLDER, &reason) < 0)
		fatal(EXIT_USAGE, 0, "--name '%s': %s", o->name, reason);
	if (!is_utf8(o->name))
		fatal(EXIT_USAGE, 0, "--name '%s' is not UTF-8", o->name);
	if (!is_utf8(o->show))
		fatal(EXIT_USAGE, 0, "--show '%s' is not UTF-8", o->show);
	if (strstr(o->name, "%n") != NULL && o->show[0] == '\0')
		fatal(EXIT_USAGE, 0, "--name '%s' needs --show", o->name);
	if (place_kind(o->output) != PLACE_FOLDER && strchr(o->show, '%') != NULL)
		fatal(EXIT_USAGE, 0, "--show '%s' cannot be in a URL", o->show);
	choose_spool(o);
}
