/*
 * mconnect-probe - is a transport stream well?  See mconnect-probe(1).
 *
 * Bytes go from the input (probein.c) to the measurements (tshealth.h) and, with
 * --decode, to the decoders (watch.h); once a second, on the clock in use, what these know
 * is written (report.c) or drawn (screen.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "transport/probe.h"

#define TURN		(CLK_SECOND / 4)	/* a read lasts at most */
#define PIECE		(7 * TS_PACKET)		/* of a file, between looks at its clock */
#define CONDITIONS	16
#define DRAW		(CLK_SECOND / 5)	/* between two screens, at least */

enum { OPT_DVB = 256, OPT_PASS };

struct options {
	const char *name, *stats, *format, *clock;
	int64_t	 duration_ns;
	bool	 decode, pass;
	struct health_config health;
	struct watch_config watch;
	int64_t	 no_data_ns;
	struct {
		const char *text;
		struct expr expr;
	} fail_if[CONDITIONS];		/* one is enough */
	unsigned nfail;
};

static const char help[] =
    "usage: mconnect-probe [-DhqvV] [-c clock] [-F condition] [-f format] [-L name=value]\n"
    "                      [-r kind] [-s target] [-t duration] [source]\n"
    "  -c, --clock clock        arrival, or stream: by PCRs\n"
    "  -D, --decode             watch and listen: black, frozen, silent, how loud\n"
    "      --dvb                NIT, SDT, EIT and TDT must be there\n"
    "  -F, --fail-if condition  end with status 3 if it holds at the end\n"
    "  -f, --format format      screen, or json: on standard output\n"
    "  -h, --help               print this and exit\n"
    "  -L, --limit name=value   another limit than the usual one\n"
    "      --pass               write what is read to standard output\n"
    "  -q, --quiet              say less; twice, errors only\n"
    "  -r, --rate kind          constant or variable: that of the whole stream\n"
    "  -s, --stats target       write JSON to fd:N, unix:PATH or a file\n"
    "  -t, --duration time      end after so long, such as 30s\n"
    "  -v, --verbose            say more\n"
    "  -V, --version            print the version and exit\n";

static const struct option longopts[] = {
	{ "clock", required_argument, NULL, 'c' },
	{ "decode", no_argument, NULL, 'D' },
	{ "dvb", no_argument, NULL, OPT_DVB },
	{ "fail-if", required_argument, NULL, 'F' },
	{ "format", required_argument, NULL, 'f' },
	{ "limit", required_argument, NULL, 'L' },
	{ "pass", no_argument, NULL, OPT_PASS },
	{ "rate", required_argument, NULL, 'r' },
	{ "stats", required_argument, NULL, 's' },
	{ "duration", required_argument, NULL, 't' },
	OPT_COMMON_LONG,
};

/* ---- limits */

struct limit {
	const char *name;
	int64_t	*v;
	const struct opt_unit *unit;
	bool	 negative;
};

static void
set_limit(struct options *o, const char *arg)
{
	static const struct opt_unit times[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
		{ "min", UINT64_C(60000000000) }, { NULL, 0 },
	}, percent[] = { { "%", 10000 }, { NULL, 0 } },	/* millionths */
	level[] = { { "dB", 1000 }, { NULL, 0 } };
	const struct limit limits[] = {
		{ "accuracy", &o->health.pcr_accuracy_ns, times, false },
		{ "black", &o->watch.limit_ns[WATCH_BLACK], times, false },
		{ "black-part", &o->watch.black_part, percent, false },
		{ "black-pixel", &o->watch.black_pixel, percent, false },
		{ "cat", &o->health.cat_ns, times, false },
		{ "eit", &o->health.eit_ns, times, false },
		{ "freeze", &o->watch.limit_ns[WATCH_FREEZE], times, false },
		{ "freeze-noise", &o->watch.freeze_noise, percent, false },
		{ "gap", &o->health.section_gap_ns, times, false },
		{ "nit", &o->health.nit_ns, times, false },
		{ "no-data", &o->no_data_ns, times, false },
		{ "pat", &o->health.pat_ns, times, false },
		{ "pcr", &o->health.pcr_ns, times, false },
		{ "pcr-jump", &o->health.pcr_jump_ns, times, false },
		{ "pid", &o->health.pid_ns, times, false },
		{ "pmt", &o->health.pmt_ns, times, false },
		{ "pts", &o->health.pts_ns, times, false },
		{ "sdt", &o->health.sdt_ns, times, false },
		{ "silence", &o->watch.limit_ns[WATCH_SILENCE], times, false },
		{ "silence-level", &o->watch.silence_level, level, true },
		{ "tdt", &o->health.tdt_ns, times, false },
		{ "unreferenced", &o->health.unreferenced_ns, times, false },
	};
	const char *value = strchr(arg, '=');
	uint64_t v;

	for (size_t i = 0; value != NULL && i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct limit *l = &limits[i];
		size_t len = (size_t)(value - arg);

		if (strlen(l->name) != len || strncmp(l->name, arg, len) != 0)
			continue;
		value++;
		if (l->negative && *value++ != '-')
			opt_usage(help, "'%s' is not a level such as -60dB", arg);
		if (opt_scaled(value, l->unit, &v) < 0 || v > (l->unit == percent ? 1000000 :
		    (uint64_t)(3600 * CLK_SECOND)))
			opt_usage(help, "'%s' is not a limit such as %s", arg,
			    l->unit == times ? "500ms" : l->unit == percent ? "10%" :
			    "-60dB");
		*l->v = l->negative ? -(int64_t)v : (int64_t)v;
		return;
	}
	opt_usage(help, "'%s' is no limit that there is, such as pcr=40ms", arg);
}

/* ---- options */

static void
add_condition(struct options *o, const char *text)
{
	char name[EXPR_NAME], near[256];
	const char *wrong;
	int err;

	if (o->nfail == CONDITIONS)
		opt_usage(help, "more than %d conditions", CONDITIONS);
	o->fail_if[o->nfail].text = text;
	err = expr_parse(&o->fail_if[o->nfail++].expr, text, measure_find, &wrong);
	if (err == -ENOENT) {
		expr_name(wrong, name);
		measure_near(name, near, sizeof(near));
		opt_usage(help, "there is no number '%s'%s%s", name,
		    *near != '\0' ? "; perhaps " : "", near);
	}
	if (err < 0)
		opt_usage(help, err == -E2BIG ? "'%s' is too long" :
		    *wrong == '\0' ? "'%s' is no condition: something is missing at its end" :
		    "'%s' is no condition: see '%s'", text, wrong);
}

static void
parse_options(struct options *o, int argc, char *argv[])
{
	int c;

	health_config_init(&o->health);
	watch_config_init(&o->watch);
	o->no_data_ns = CLK_SECOND / 2;
	while ((c = getopt_long(argc, argv, "c:DF:f:L:r:s:t:" OPT_COMMON, longopts,
	    NULL)) != -1)
		switch (c) {
		case 'c':
			if (strcmp(optarg, "arrival") != 0 && strcmp(optarg, "stream") != 0)
				opt_usage(help, "there is no clock '%s'", optarg);
			o->clock = optarg;
			break;
		case 'D':
			o->decode = true;
			break;
		case OPT_DVB:
			o->health.dvb = true;
			break;
		case 'F':
			add_condition(o, optarg);
			break;
		case 'f':
			if (strcmp(optarg, "screen") != 0 && strcmp(optarg, "json") != 0)
				opt_usage(help, "there is no format '%s'", optarg);
			o->format = optarg;
			break;
		case 'L':
			set_limit(o, optarg);
			break;
		case OPT_PASS:
			o->pass = true;
			break;
		case 'r':
			if (strcmp(optarg, "constant") == 0)
				o->health.rate = HEALTH_RATE_CONSTANT;
			else if (strcmp(optarg, "variable") == 0)
				o->health.rate = HEALTH_RATE_VARIABLE;
			else
				opt_usage(help, "a rate is constant or variable, not '%s'",
				    optarg);
			break;
		case 's':
			o->stats = optarg;
			break;
		case 't':
			o->duration_ns = (int64_t)opt_duration("duration", optarg);
			break;
		default:
			opt_common(c, help);
		}
	if (argc - optind > 1)
		opt_usage(help, "more than one source: '%s'", argv[optind + 1]);
	o->name = optind < argc ? argv[optind] : "-";
	if (o->pass && o->format != NULL)
		opt_usage(help, "standard output is for the stream (--pass): no --format");
	if (o->stats != NULL && strcmp(o->stats, "fd:1") == 0 && (o->pass ||
	    o->format != NULL))
		opt_usage(help, "standard output is for something else: not for --stats");
	if (o->decode && !watch_there())
		opt_usage(help, "--decode: this was built without libavcodec");
}

/* ---- what the measurements tell */

static void
on_event(void *arg, const struct health_event *ev)
{
	report_event(arg, ev);
}

static void
on_cue(void *arg, uint16_t pid, const uint8_t *section, size_t len, bool damaged)
{
	report_cue(arg, pid, section, len, damaged);
}

static void
on_content(void *arg, uint16_t pid, enum watch_kind kind, bool ends, int64_t start_90k,
    int64_t end_90k)
{
	static const char *const name[WATCH_KINDS] = {
		"black_frames_breaching", "frozen_frames_breaching", "silent_audio_breaching",
	};
	struct probe *p = arg;
	int64_t ms = (end_90k - start_90k) / (CLK_90K / 1000);
	char detail[48] = "";
	json_t *more = json_pack("{s:I}", "pts", (json_int_t)start_90k);

	if (ends) {
		json_object_set_new(more, "end_pts", json_integer(end_90k));
		snprintf(detail, sizeof(detail), "%" PRId64 ".%03" PRId64 " s", ms / 1000,
		    ms % 1000);
	}
	report_named(p, name[kind], ends ? "end" : "begin",
	    p->health->now_ns - p->health->first_ns, pid, detail, more);
}

/* Data have come, or have not for too long. */
static void
note_data(struct probe *p, bool comes)
{
	int64_t at_ns = p->health->now_ns - p->health->first_ns;

	if (comes == p->connected)
		return;
	if (!comes)
		p->disconnections++;
	if (!comes || p->disconnections > 0)
		report_named(p, "source_connected", comes ? "end" : "begin", at_ns, -1,
		    comes ? "data come again" : "no data", NULL);
	p->connected = comes;
}

/* ---- the work */

static void
pass(const struct probe *p)
{
	int err;

	if (p->pass && (err = io_write(STDOUT_FILENO, p->in.data, p->in.len)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot write to standard output");
}

/* Windows of a second end on the clock in use: a file that is read fast has many. */
static void
end_window(struct probe *p)
{
	int64_t now_ns = clk_mono_ns();

	health_window(p->health);
	report_window(p);
	if (p->screen && now_ns - p->drawn_ns >= DRAW) {
		screen_draw(p);
		p->drawn_ns = now_ns;
	}
}

/* Is it time for it? */
static void
check_window(struct probe *p, int64_t now_ns)
{
	if (now_ns < p->window_ns)
		return;
	end_window(p);
	p->window_ns += CLK_SECOND;
	if (now_ns >= p->window_ns)		/* it has jumped */
		p->window_ns = now_ns + CLK_SECOND;
}

static void
measure(struct probe *p, const struct options *o)
{
	size_t len = o->health.arrival ? p->in.len : PIECE;

	note_data(p, true);
	for (size_t pos = 0; pos < p->in.len; pos += len) {
		if (len > p->in.len - pos)
			len = p->in.len - pos;
		health_push(p->health, p->in.data + pos, len, p->in.arrival_ns);
		if (p->watch != NULL)
			watch_push(p->watch, p->health->stride, p->in.data + pos, len);
		if (!o->health.arrival)
			check_window(p, p->health->now_ns);
	}
}

/* Until the input ends, a stop is asked, or the duration is over. */
static void
run(struct probe *p, const struct options *o)
{
	struct health *h = p->health;
	int64_t heard_ns = p->start_ns, now_ns;
	int what = INPUT_NOTHING;

	p->window_ns = o->health.arrival ? p->start_ns + CLK_SECOND : CLK_SECOND;
	while (what != INPUT_END && !io_stopping()) {
		int64_t until_ns = clk_mono_ns() + TURN;

		if (o->health.arrival && p->window_ns < until_ns)
			until_ns = p->window_ns;
		what = input_read(&p->in, until_ns);
		now_ns = clk_mono_ns();
		if (what == INPUT_BYTES) {
			heard_ns = now_ns;
			measure(p, o);
			pass(p);
		} else if (what == INPUT_GAP) {
			health_gap(h);
		} else if (what == INPUT_NOTHING) {
			health_tick(h, now_ns);
			if (o->health.arrival && now_ns - heard_ns > p->no_data_ns)
				note_data(p, false);
		}
		if (o->health.arrival)
			check_window(p, now_ns);
		else
			now_ns = h->now_ns;
		if (o->duration_ns > 0 && (now_ns - (o->health.arrival ? p->start_ns :
		    h->first_ns) >= o->duration_ns ||
		    clk_mono_ns() - heard_ns >= o->duration_ns))
			break;
	}
	health_end(h);
	if (p->watch != NULL)
		watch_end(p->watch);
	health_window(h);
	h->rate_bps = h->mean_rate_bps;		/* in the summary it is of all */
	h->has_rate = true;
	p->last = true;
	report_window(p);
}

static void
open_output(struct probe *p, const struct options *o)
{
	bool terminal = isatty(STDOUT_FILENO) != 0;
	int err = stats_open(&p->stats, o->stats);

	if (err < 0)
		fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -err,
		    "cannot open '%s'", o->stats);
	p->pass = o->pass;
	if (p->pass)
		io_refuse_terminal(STDOUT_FILENO, "standard output");
	else if (o->format != NULL)
		*(strcmp(o->format, "json") == 0 ? &p->json_out : &p->screen) = true;
	else if (terminal)
		p->screen = true;
	else
		p->json_out = o->stats == NULL;
}

/* A condition holds: by which numbers? */
static void
tell_condition(struct probe *p, const char *condition, const struct expr *e)
{
	char text[256] = "";
	size_t n = 0;

	for (unsigned i = 0; i < e->n; i++) {
		int id = (int)e->node[i].v;
		struct expr_value v;

		if (e->node[i].what != EXPR_NAMED || n >= sizeof(text))
			continue;
		v = measure_value(p, id);
		if (v.known && v.v % EXPR_UNIT == 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %s=%" PRId64,
			    measure_name(id), v.v / EXPR_UNIT);
		else if (v.known)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    " %s=%s%" PRId64 ".%03" PRId64, measure_name(id),
			    v.v < 0 ? "-" : "", (int64_t)llabs(v.v) / EXPR_UNIT,
			    (int64_t)llabs(v.v) % EXPR_UNIT);
	}
	log_warn(0, "'%s' holds:%s", condition, text);
}

/* How it ends: by what was found, and by the conditions. */
static int
verdict(struct probe *p, const struct options *o)
{
	int status = EXIT_SUCCESS;

	if (p->health->packets == 0) {
		log_warn(0, "'%s' brought no transport stream", o->name);
		return EXIT_INPUT;
	}
	for (unsigned i = 0; i < o->nfail; i++)
		if (expr_holds(&o->fail_if[i].expr, measure_value, p)) {
			tell_condition(p, o->fail_if[i].text, &o->fail_if[i].expr);
			status = EXIT_INPUT;
		}
	return status;
}

int
main(int argc, char *argv[])
{
	static struct options o;
	static struct probe p;
	static struct url url;
	int status;

	log_init("mconnect-probe");
	parse_options(&o, argc, argv);
	io_init_filter();
	if (url_parse(&url, o.name) < 0)
		fatal(EXIT_USAGE, 0, "'%s' is not an address", o.name);
	input_open(&p.in, o.name, &url);
	o.health.arrival = o.clock != NULL ? strcmp(o.clock, "arrival") == 0 :
	    p.in.udp != NULL;
	if (o.health.arrival && !p.in.live)
		fatal(EXIT_USAGE, 0, "'%s' is a file: it has no times of arrival", o.name);
	o.health.arg = o.watch.arg = &p;
	o.health.event = on_event;
	o.health.cue = on_cue;
	o.watch.event = on_content;
	p.no_data_ns = o.no_data_ns;
	p.health = health_new(&o.health);
	p.watch = o.decode ? watch_new(&o.watch) : NULL;
	if (p.health == NULL || (o.decode && p.watch == NULL))
		fatal(EXIT_RUNTIME, 0, "out of memory");
	open_output(&p, &o);
	p.start_ns = clk_mono_ns();
	if (p.screen)
		screen_begin();
	run(&p, &o);
	if (p.screen) {
		screen_end();
		screen_print(&p);
	}
	status = verdict(&p, &o);
	watch_free(p.watch);
	health_free(p.health);
	input_close(&p.in);
	return status;
}
