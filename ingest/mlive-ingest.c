/*
 * mlive-ingest - one clean transport stream from any source.
 *
 * The source (source.h) hands out bytes or access units, pass.c or units.c make
 * packets of them, out.c writes these when they are due.  See mlive-ingest(1).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/failover.h"
#include "ingest/feed.h"
#include "ingest/pass.h"
#include "ingest/publishers.h"
#include "ingest/source.h"
#include "ingest/units.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/base/stats.h"

#define TURN		(CLK_SECOND / 4)	/* a read lasts at most */
#define PATIENCE	(2 * CLK_SECOND)

struct ingest {
	struct source_config cfg;
	bool		drop_null;
	unsigned	program;
	const char	*stats_target;
	bool		failover;
	struct failover_config several;
	struct publishers_config publishers;

	struct url	url;
	struct source	*source;
	struct pass	*pass;		/* one of them, by the first event */
	struct units	*units;
	struct out	out;
	struct stats	stats;
	bool		done, silent, junk;
	int64_t		first_ns;	/* the first time, or 0, and */
	int64_t		heard_ns;	/* the last time the source gave data */
	uint64_t	bytes;		/* of the source */
	uint64_t	stats_bytes;	/* at the last line */
	int64_t		stats_ns;
	uint64_t	loops, before;	/* packets or units of earlier passes */
	bool		mapped;		/* SOURCE_CLOCK came before the first data */
	int64_t		map_pts, map_utc_ns;
};

static const char help[] =
    "usage: mlive-ingest [-hLnORqvVw] [-P number] [-s target] [-t time] [source] >output.ts\n"
    "       mlive-ingest --failover [--clear time] [--control pipe] [--fail-on list]\n"
    "                    [--prefer] [option] source source ... >output.ts\n"
    "       mlive-ingest --listen address --keys file --fifo-dir folder [option]\n"
    "      --cert file          for rtmps: the certificate, with its chain\n"
    "      --clear time         an input that failed counts again when it has been well\n"
    "                           for this time; 30s, if not said\n"
    "      --control pipe       take commands from a named pipe: switch N, auto\n"
    "      --fail-on list       when an input has failed, such as\n"
    "                           loss=1s,black=5s/98%,freeze=10s,silence=30s,cc=9/10s\n"
    "      --failover           of several sources, use one that is well\n"
    "      --fifo-dir folder    where each publisher has its named pipe\n"
    "  -h, --help               print this and exit\n"
    "      --key file           for rtmps: the key of the certificate\n"
    "      --keys file          who may publish: lines of app/key, name\n"
    "  -l, --listen address     take publishers at rtmp://[address]:port, or rtmps://...\n"
    "  -L, --loop               begin again when a file ends, without a jump in time\n"
    "  -n, --drop-null          drop null packets\n"
    "  -O, --reopen             when the writer of a named pipe goes, wait for the next\n"
    "  -P, --program number     of several programs, pass this one only\n"
    "      --prefer             go back to sources named earlier\n"
    "  -q, --quiet              say less; twice, errors only\n"
    "  -R, --realtime           write at the pace of the stream's own clock\n"
    "  -s, --stats target       write counters each second to fd:N, unix:PATH or a file\n"
    "  -t, --duration time      end after this much media, such as 30s\n"
    "  -v, --verbose            say more\n"
    "  -V, --version            print the version and exit\n"
    "  -w, --watch              of a folder: play new files as they come\n";

enum { CERT = 256, CLEAR, CONTROL, FAIL_ON, FAILOVER, FIFO_DIR, KEY, KEYS, PREFER };

static const struct option longopts[] = {
	{ "cert", required_argument, NULL, CERT },
	{ "clear", required_argument, NULL, CLEAR },
	{ "control", required_argument, NULL, CONTROL },
	{ "fail-on", required_argument, NULL, FAIL_ON },
	{ "failover", no_argument, NULL, FAILOVER },
	{ "fifo-dir", required_argument, NULL, FIFO_DIR },
	{ "key", required_argument, NULL, KEY },
	{ "keys", required_argument, NULL, KEYS },
	{ "listen", required_argument, NULL, 'l' },
	{ "loop", no_argument, NULL, 'L' },
	{ "drop-null", no_argument, NULL, 'n' },
	{ "reopen", no_argument, NULL, 'O' },
	{ "prefer", no_argument, NULL, PREFER },
	{ "program", required_argument, NULL, 'P' },
	{ "realtime", no_argument, NULL, 'R' },
	{ "stats", required_argument, NULL, 's' },
	{ "duration", required_argument, NULL, 't' },
	{ "watch", no_argument, NULL, 'w' },
	OPT_COMMON_LONG,
};

/* What goes with --listen, and what does not. */
static void
check_publishers(const struct ingest *s, bool source)
{
	const struct publishers_config *p = &s->publishers;

	if (p->nlisten == 0 && (p->cert != NULL || p->fifo_dir != NULL || p->key != NULL ||
	    p->keys != NULL))
		opt_usage(help, "--cert, --fifo-dir, --key and --keys are for --listen");
	if (p->nlisten == 0)
		return;
	if (p->keys == NULL || p->fifo_dir == NULL)
		opt_usage(help, "--listen needs --keys and --fifo-dir");
	if ((p->cert == NULL) != (p->key == NULL))
		opt_usage(help, "--cert and --key go together");
	if (source || s->cfg.loop || s->cfg.reopen || s->cfg.realtime || s->cfg.watch || s->drop_null ||
	    s->program != 0 || s->cfg.duration_ns != 0)
		opt_usage(help, "--listen goes with --stats only, and without a source");
}

static void
parse_options(struct ingest *s, int argc, char *argv[])
{
	const char *only = NULL;	/* an option that is for several sources */
	int c;

	s->several.clear_ns = 30 * CLK_SECOND;
	failon_init(&s->several.failon);
	while ((c = getopt_long(argc, argv, "l:LnOP:Rs:t:w" OPT_COMMON, longopts,
	    NULL)) != -1)
		switch (c) {
		case CERT:
			s->publishers.cert = optarg;
			break;
		case CLEAR:
			s->several.clear_ns = (int64_t)opt_duration(only = "clear", optarg);
			break;
		case CONTROL:
			only = "control";
			s->several.control = optarg;
			break;
		case FAIL_ON:
			only = "fail-on";
			failon_parse(&s->several.failon, optarg);
			break;
		case FAILOVER:
			s->failover = true;
			break;
		case FIFO_DIR:
			s->publishers.fifo_dir = optarg;
			break;
		case KEY:
			s->publishers.key = optarg;
			break;
		case KEYS:
			s->publishers.keys = optarg;
			break;
		case PREFER:
			only = "prefer";
			s->several.prefer = true;
			break;
		case 'l':
			if (s->publishers.nlisten == PUBLISHERS_LISTEN)
				opt_usage(help, "more than %d times --listen",
				    PUBLISHERS_LISTEN);
			s->publishers.listen[s->publishers.nlisten++] = optarg;
			break;
		case 'L':
			s->cfg.loop = true;
			break;
		case 'n':
			s->drop_null = true;
			break;
		case 'O':
			s->cfg.reopen = true;
			break;
		case 'P':
			s->program = (unsigned)opt_number("program", optarg, 1, 65535);
			s->cfg.program = optarg;
			break;
		case 'R':
			s->cfg.realtime = true;
			break;
		case 's':
			s->stats_target = optarg;
			break;
		case 't':
			s->cfg.duration_ns = (int64_t)opt_duration("duration", optarg);
			if (s->cfg.duration_ns == 0)
				opt_usage(help, "--duration '%s' is nothing", optarg);
			break;
		case 'w':
			s->cfg.watch = true;
			break;
		default:
			opt_common(c, help);
		}
	if (s->cfg.watch && s->cfg.loop)
		opt_usage(help, "--loop and --watch exclude each other");
	s->cfg.name = optind < argc ? argv[optind] : "-";
	check_publishers(s, optind < argc || s->failover);
	if (s->failover)
		return;
	if (only != NULL)
		opt_usage(help, "--%s is for --failover", only);
	if (argc - optind > 1)
		opt_usage(help, "unexpected argument '%s': several sources need --failover",
		    argv[optind + 1]);
}

static void
failover_event(void *arg, json_t *o)
{
	struct ingest *s = arg;

	stats_write(&s->stats, o);
}

static void
open_failover(struct ingest *s, int argc, char *argv[])
{
	unsigned n = (unsigned)(argc - optind);

	if (n < 2 || n > FAILOVER_INPUTS)
		opt_usage(help, "--failover is for 2 to %u sources, not %u",
		    FAILOVER_INPUTS, n);
	s->several.program = s->cfg.program;
	s->several.event = failover_event;
	s->several.arg = s;
	s->source = failover_open(&s->cfg, &s->several, argv + optind, n);
	s->cfg.realtime = s->cfg.loop = s->cfg.reopen = false;	/* theirs, not ours */
	s->program = 0;
}

static bool
has_scheme(const char *list, const char *scheme)
{
	size_t len = strlen(scheme);

	for (const char *p = list; (p = strstr(p, scheme)) != NULL; p += len)
		if ((p == list || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

static void
open_source(struct ingest *s)
{
	const struct source_type *const *type = source_types;
	const char *key;
	int r = url_parse(&s->url, s->cfg.name);

	if (r < 0)
		opt_usage(help, "'%s' is no address or file name: %s", s->cfg.name,
		    strerror(-r));
	while (*type != NULL && !has_scheme((*type)->schemes, s->url.scheme))
		type++;
	if (*type == NULL)
		opt_usage(help, "'%s': there is no source '%s'", s->cfg.name,
		    s->url.scheme);
	if (s->cfg.loop && (*type)->rewind == NULL)
		opt_usage(help, "--loop is for files, which '%s' is not", s->cfg.name);
	if (s->cfg.watch && *type != &source_file)
		opt_usage(help, "--watch is for folders, which '%s' is not", s->cfg.name);
	if (s->cfg.reopen && *type != &source_file)
		opt_usage(help, "--reopen is for named pipes, which '%s' is not",
		    s->cfg.name);
	s->source = (*type)->open(&s->cfg, &s->url);
	if (s->source->type == NULL)
		s->source->type = *type;
	if (s->source->own_program)
		s->program = 0;
	if ((key = url_unused(&s->url)) != NULL)
		opt_usage(help, "'%s': there is no key '%s'", s->cfg.name, key);
}

/* ---- what it says while it runs */

static json_int_t
rate_since_last(struct ingest *s)
{
	int64_t now = clk_mono_ns(), ns = now - s->stats_ns;
	uint64_t bytes = s->bytes - s->stats_bytes;

	s->stats_ns = now;
	s->stats_bytes = s->bytes;
	return ns > 0 ? rescale_near((int64_t)bytes * 8, CLK_SECOND, ns) : 0;
}

static void
write_stats(struct ingest *s)
{
	json_t *o = json_object();
	int64_t media = s->pass != NULL ? pass_media(s->pass) / 27000 :
	    s->units != NULL ? units_media(s->units) / 90 : 0;

	json_object_set_new(o, "source", json_string(s->source->name));
	json_object_set_new(o, "source_connected",
	    json_integer(s->source->connected && !s->silent));
	json_object_set_new(o, "source_disconnections",
	    json_integer((json_int_t)s->source->disconnections));
	json_object_set_new(o, "source_bit_rate", json_integer(rate_since_last(s)));
	json_object_set_new(o, "source_bytes", json_integer((json_int_t)s->bytes));
	json_object_set_new(o, "output_packets",
	    json_integer((json_int_t)s->out.packets));
	json_object_set_new(o, "media_ms", json_integer(media));
	json_object_set_new(o, "loops", json_integer((json_int_t)s->loops));
	json_object_set_new(o, "reader_stalls", json_integer((json_int_t)s->out.stalls));
	if (s->pass != NULL)
		pass_stats(s->pass, o);
	if (s->units != NULL)
		units_stats(s->units, o);
	if (s->source->type->stats != NULL)
		s->source->type->stats(s->source, o);
	stats_write(&s->stats, o);
}

static void
tick(void *arg)
{
	struct ingest *s = arg;
	int64_t media_ms = s->pass != NULL ? pass_media(s->pass) / 27000 :
	    s->units != NULL ? units_media(s->units) / 90 : 0;

	if (stats_due(&s->stats))
		write_stats(s);
	log_status("%" PRId64 ".%" PRId64 " s, %" PRIu64 " packets, %" PRIu64 " lost%s",
	    media_ms / 1000, media_ms / 100 % 10, s->out.packets,
	    s->pass != NULL ? pass_lost(s->pass) : 0, s->silent ? ", no data" : "");
}

/* Once when a live source falls silent, once when it goes on. */
static void
watch(struct ingest *s, bool data)
{
	int64_t now = clk_mono_ns(), silence = now - s->heard_ns;
	int64_t patience = s->source->patience_ns > 0 ? s->source->patience_ns : PATIENCE;

	if (data) {
		if (s->silent)
			log_info("'%s' goes on after %" PRId64 ".%" PRId64 " s", s->cfg.name,
			    silence / CLK_SECOND, silence / (CLK_SECOND / 10) % 10);
		s->silent = false;
		s->heard_ns = now;
	} else if (s->source->live && !s->silent && silence > patience) {
		log_warn(0, "no data from '%s' for %" PRId64 " s: waiting", s->cfg.name,
		    silence / CLK_SECOND);
		s->silent = true;
	}
}

/* A live source of something else will not end by itself. */
static void
watch_content(struct ingest *s)
{
	int64_t now = clk_mono_ns();

	if (s->first_ns == 0)
		s->first_ns = now;
	if (s->junk || !s->source->live || now - s->first_ns < PATIENCE ||
	    !pass_is_junk(s->pass))
		return;
	log_warn(0, "what comes from '%s' is no transport stream: waiting for one",
	    s->cfg.name);
	s->junk = true;
}

/* ---- events */

/* What http brings may be live, which shows late: that has a pace of its own. */
static bool
paced(const struct ingest *s)
{
	return s->cfg.realtime && !(s->source->live && s->source->type == &source_http);
}

static struct pass *
need_pass(struct ingest *s)
{
	const struct pass_config cfg = {
		.name = s->cfg.name, .live = s->source->live,
		.realtime = paced(s), .loop = s->cfg.loop,
		.drop_null = s->drop_null, .cues = s->source->cues,
		.only_cues = s->source->only_cues,
		.program = s->program, .stride = s->source->stride,
		.duration = s->cfg.duration_ns / 1000 * 27,
	};

	if (s->pass != NULL)
		return s->pass;
	s->pass = pass_new(&cfg, &s->out);
	if (s->mapped)
		pass_clock(s->pass, s->map_pts, s->map_utc_ns);
	return s->pass;
}

static void
take_bytes(struct ingest *s, const struct source_event *ev)
{
	s->bytes += ev->len;
	s->done = !pass_bytes(need_pass(s), ev);
	watch_content(s);
}

static void
take_streams(struct ingest *s, const struct source_event *ev)
{
	int64_t duration = rescale_near(s->cfg.duration_ns, CLK_90K, CLK_SECOND);
	const struct units_config cfg = {
		.name = s->cfg.name, .live = s->source->live,
		.realtime = paced(s), .keep_time = s->source->keep_time,
		.announce = s->source->announce,
		.duration = s->cfg.duration_ns > 0 && duration == 0 ? 1 : duration,
	};

	if (s->program > 1)
		fatal(EXIT_INPUT, 0, "no program %u in '%s': it has 1", s->program,
		    s->cfg.name);
	if (s->units == NULL) {
		s->units = units_new(&cfg, &s->out);
		if (s->mapped)
			units_clock(s->units, s->map_pts, s->map_utc_ns);
	}
	units_streams(s->units, ev);
}

static uint64_t
given(const struct ingest *s)
{
	return s->pass != NULL ? pass_packets(s->pass) :
	    s->units != NULL ? units_count(s->units) : 0;
}

/* The end of a pass: another one, or the end of all. */
static void
take_end(struct ingest *s)
{
	int r;

	if (!s->cfg.loop || given(s) == s->before) {
		s->done = true;
		return;
	}
	if ((r = s->source->type->rewind(s->source)) == -ENOTSUP) {
		s->done = true;		/* for good: it says why */
		return;
	}
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot read '%s' again", s->cfg.name);
	if (s->pass != NULL)
		pass_loop(s->pass);
	else
		units_loop(s->units);
	s->before = given(s);
	s->loops++;
}

static void
turn(struct ingest *s)
{
	struct source_event ev = { .what = SOURCE_NOTHING };

	s->source->type->read(s->source, &ev, clk_mono_ns() + TURN);
	watch(s, ev.what == SOURCE_BYTES || ev.what == SOURCE_UNIT);
	switch (ev.what) {
	case SOURCE_NOTHING:
		break;
	case SOURCE_BYTES:
		take_bytes(s, &ev);
		break;
	case SOURCE_UNIT:
		s->bytes += ev.len;
		if (s->units != NULL)
			s->done = !units_unit(s->units, &ev);
		break;
	case SOURCE_STREAMS:
		take_streams(s, &ev);
		break;
	case SOURCE_CLOCK:
		s->mapped = true;
		s->map_pts = ev.pts;
		s->map_utc_ns = ev.utc_ns;
		if (s->pass != NULL)
			pass_clock(s->pass, ev.pts, ev.utc_ns);
		if (s->units != NULL)
			units_clock(s->units, ev.pts, ev.utc_ns);
		break;
	case SOURCE_CUE:
		pass_cue(need_pass(s), ev.data, ev.len);
		break;
	case SOURCE_JOIN:
		if (s->pass != NULL)
			pass_join(s->pass);
		break;
	case SOURCE_BREAK:
		s->mapped = false;
		if (s->pass != NULL)
			pass_break(s->pass);
		if (s->units != NULL)
			units_break(s->units);
		break;
	case SOURCE_END:
		take_end(s);
		break;
	}
	tick(s);
}

/* Say what was wrong with an input that has ended. */
static int
judge(struct ingest *s)
{
	char list[256], why[URL_MAX + 64];
	int status;

	if (s->source->type->verdict != NULL &&
	    (status = s->source->type->verdict(s->source, why, sizeof(why))) != 0)
		fatal(status, 0, "%s", why);
	if (s->pass != NULL && pass_is_junk(s->pass) && pass_is_mp4(s->pass))
		fatal(EXIT_INPUT, 0, "what comes from '%s' is MP4, which has to be a file",
		    s->cfg.name);
	if (given(s) == 0 || (s->pass != NULL && pass_is_junk(s->pass)))
		fatal(EXIT_INPUT, 0, strcmp(s->cfg.name, "-") == 0 ?
		    "no transport stream on standard input" :
		    s->units != NULL ? "nothing to play in '%s'" :
		    "no transport stream in '%s'", s->cfg.name);
	if (s->pass != NULL && pass_lacks_program(s->pass, list, sizeof(list)))
		fatal(EXIT_INPUT, 0, "no program %u in '%s': it has %s", s->program,
		    s->cfg.name, list);
	return EXIT_SUCCESS;
}

int
main(int argc, char *argv[])
{
	static struct ingest s;		/* zeroed, and too big for the stack */
	int status = EXIT_SUCCESS, r;

	log_init("mlive-ingest");
	parse_options(&s, argc, argv);
	if (s.publishers.nlisten > 0) {
		s.publishers.stats = s.stats_target;
		return publishers_run(&s.publishers);
	}
	io_init_filter();
	io_refuse_terminal(STDOUT_FILENO, "standard output");
	if ((r = stats_open(&s.stats, s.stats_target)) < 0)
		fatal(r == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -r, "cannot open '%s'",
		    s.stats_target);
	if (s.stats.fd == STDOUT_FILENO)
		opt_usage(help, "--stats '%s' is where the stream goes", s.stats_target);
	s.out.tick = tick;
	s.out.tick_arg = &s;
	s.stats_ns = clk_mono_ns();
	if (s.failover)
		open_failover(&s, argc, argv);
	else
		open_source(&s);
	s.heard_ns = clk_mono_ns();
	while (!s.done && !io_stopping())
		turn(&s);
	if (s.pass != NULL)
		pass_end(s.pass);
	out_flush(&s.out);
	if (s.stats.fd >= 0)
		write_stats(&s);
	if (s.pass != NULL)
		pass_log(s.pass);
	else if (s.units != NULL)
		units_log(s.units);
	if (!io_stopping())
		status = judge(&s);
	/* Of several inputs, the end of one is what it brings, not that somebody stops it. */
	if (io_stopping() && strcmp(argv[0], FEED_PROGRAM) == 0)
		status = EXIT_RUNTIME;
	s.source->type->close(s.source);
	pass_free(s.pass);
	units_free(s.units);
	return status;
}
