/*
 * mlive-push - send a transport stream to servers of RTMP and RTMPS.
 *
 * See mlive-push(1).  The way of a byte: pushfeed.h makes tags of a program, each target
 * (pushtarget.h) has a queue of them and a thread that sends it; nothing waits for a target.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encode/pushfeed.h"
#include "encode/pushtarget.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/base/rational.h"
#include "lib/base/stats.h"
#include "lib/media/tsdemux.h"

#define TARGETS		32
#define TICK		(CLK_SECOND / 4)
#define READ		(64 * TS_PACKET)
#define STUCK		(2 * CLK_SECOND)	/* a thread that does not end: without it */
#define STOP_DRAIN	(2 * CLK_SECOND)	/* after a signal */
#define TELL_DROPS	(10 * CLK_SECOND)
#define FAST		CLK_SECOND		/* ahead of the clock */

/* A program with a choice of audio, and who gets it. */
struct feed {
	struct pushfeed f;
	struct push *push;
	uint64_t targets;		/* 1 << target */
};

struct target {
	struct pushtarget t;
	const char *address;
	uint64_t told_groups;
	int64_t	 told_ns;
};

enum pace { PACE_AUTO, PACE_NONE, PACE_REALTIME };

struct push {
	struct tsdemux demux;
	unsigned nfeed, ntarget;
	struct feed feed[TARGETS];
	struct target target[TARGETS];
	struct stats stats;
	const char *stats_target;
	struct pushurl preset;		/* for all targets */
	enum pace pace;
	int64_t	 drain_ns;
	int64_t	 pace_ns, pace_t, newest_t;	/* pace_ns 0: not begun */
	uint64_t bytes;
	bool	 ended;			/* the input, by itself */
	uint8_t	 in[READ + 4 * TS_PACKET];
	size_t	 len;
};

static const char help[] =
    "usage: mlive-push [options] ADDRESS... <input.ts\n"
    "  -a, --audio CHOICE       first (default), none, a number from 1, or a language\n"
    "      --cache DURATION     that waits for a target at most (default 10s)\n"
    "      --drain DURATION     to send what waits at the end (default 10s)\n"
    "  -o, --output ADDRESS     rtmp[s]://host[:port]/app/key, or /app?key-file=FILE;\n"
    "                           ?audio= cache= program= retry= timeout= of this one\n"
    "      --pace MODE          realtime, none, or auto (default): files in real time\n"
    "  -P, --program NUMBER     to send (default: the first with video)\n"
    "  -s, --stats TARGET       a JSON line each second\n"
    OPT_COMMON_HELP
    "for instance:\n"
    "  mlive-push -o 'rtmps://a.rtmps.youtube.com/live2?key-file=youtube.key' <in.ts\n";

enum { OPT_CACHE = 256, OPT_DRAIN, OPT_PACE };

static const struct option longopts[] = {
	{ "audio", required_argument, NULL, 'a' },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "drain", required_argument, NULL, OPT_DRAIN },
	{ "output", required_argument, NULL, 'o' },
	{ "pace", required_argument, NULL, OPT_PACE },
	{ "program", required_argument, NULL, 'P' },
	{ "stats", required_argument, NULL, 's' },
	OPT_COMMON_LONG,
};

/* ---- the command line */

static void
parse_pace(struct push *s, const char *arg)
{
	static const char *const name[] = {
		[PACE_AUTO] = "auto", [PACE_NONE] = "none", [PACE_REALTIME] = "realtime",
	};

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(arg, name[i]) == 0) {
			s->pace = (enum pace)i;
			return;
		}
	fatal(EXIT_USAGE, 0, "--pace '%s' is not auto, none or realtime", arg);
}

static void
add_target(struct push *s, const char *address)
{
	if (s->ntarget == TARGETS)
		fatal(EXIT_USAGE, 0, "more than %d outputs", TARGETS);
	s->target[s->ntarget++].address = address;
}

static void
set_option(struct push *s, int c)
{
	switch (c) {
	case 'a':
		if (pushaudio_parse(&s->preset.audio, optarg) < 0)
			fatal(EXIT_USAGE, 0, "--audio '%s' is not first, none, a number or a "
			    "language of three letters", optarg);
		break;
	case OPT_CACHE:
		if (pushurl_duration(optarg, PUSHURL_CACHE_MIN, PUSHURL_CACHE_MAX,
		    &s->preset.cache_ns) < 0)
			fatal(EXIT_USAGE, 0, "--cache '%s' is not in 500ms..1h", optarg);
		break;
	case OPT_DRAIN:
		s->drain_ns = (int64_t)opt_duration("drain", optarg);
		if (s->drain_ns > PUSHURL_CACHE_MAX)
			fatal(EXIT_USAGE, 0, "--drain '%s' is more than 1h", optarg);
		break;
	case 'o':
		add_target(s, optarg);
		break;
	case OPT_PACE:
		parse_pace(s, optarg);
		break;
	case 'P':
		s->preset.program = (uint16_t)opt_number("program", optarg, 1, 65535);
		break;
	case 's':
		s->stats_target = optarg;
		break;
	default:
		opt_common(c, help);
	}
}

/* How much of an address is no secret for sure: scheme and host, if no @ is in it. */
static size_t
open_part(const char *address)
{
	size_t scheme = strcspn(address, ":/?#"), host;

	if (strncmp(address + scheme, "://", 3) != 0)
		return 0;
	scheme += 3;
	host = strcspn(address + scheme, "/?#");
	return scheme + (strchr(address, '@') != NULL ? 0 : host);
}

static void
parse_targets(struct push *s)
{
	char why[WHY_ROOM];

	for (unsigned i = 0; i < s->ntarget; i++) {
		struct pushtarget *t = &s->target[i].t;
		const char *address = s->target[i].address;

		t->url = s->preset;
		if (pushurl_parse(&t->url, address, why) < 0)
			fatal(EXIT_USAGE, 0, "cannot use output %u, '%.*s...': %s", i + 1,
			    (int)open_part(address), address, why);
	}
}

static void
parse_options(struct push *s, int argc, char *argv[])
{
	struct stat st;
	int c;

	s->preset = (struct pushurl){
		.audio.any = true, .cache_ns = 10 * CLK_SECOND, .timeout_ns = 15 * CLK_SECOND,
		.retry = PUSHURL_RETRY_EVER,
	};
	s->drain_ns = 10 * CLK_SECOND;
	while ((c = getopt_long(argc, argv, "a:o:P:s:" OPT_COMMON, longopts, NULL)) != -1)
		set_option(s, c);
	while (optind < argc)
		add_target(s, argv[optind++]);
	if (s->ntarget == 0)
		opt_usage(help, "where to? say for instance rtmp://host/app/key");
	parse_targets(s);
	if (s->pace == PACE_AUTO)
		s->pace = fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) ?
		    PACE_REALTIME : PACE_NONE;
}

/* ---- from the stream to the queues */

static void
take_item(void *arg, struct pushitem *item)
{
	struct feed *feed = arg;
	struct push *s = feed->push;

	for (unsigned i = 0; i < s->ntarget; i++)
		if ((feed->targets >> i & 1) != 0 && !pushtarget_over(&s->target[i].t) &&
		    pushqueue_put(&s->target[i].t.queue, item) < 0)
			fatal(EXIT_RUNTIME, 0, "out of memory");
	if (feed == &s->feed[0])
		s->newest_t = item->t;
}

static bool
same_choice(const struct pushfeed_config *c, const struct pushurl *u)
{
	return c->program == u->program && c->audio.any == u->audio.any &&
	    c->audio.none == u->audio.none && c->audio.number == u->audio.number &&
	    strcmp(c->audio.language, u->audio.language) == 0;
}

/* One feed for all targets that want the same. */
static void
make_feeds(struct push *s)
{
	for (unsigned i = 0; i < s->ntarget; i++) {
		const struct pushurl *u = &s->target[i].t.url;
		unsigned n = 0;

		while (n < s->nfeed && !same_choice(&s->feed[n].f.config, u))
			n++;
		if (n == s->nfeed) {
			s->feed[n].push = s;
			pushfeed_init(&s->feed[n].f, &(struct pushfeed_config){
				.program = u->program, .audio = u->audio, .item = take_item,
				.arg = &s->feed[n],
			});
			s->nfeed++;
		}
		s->feed[n].targets |= UINT64_C(1) << i;
	}
}

static void
check(const struct feed *f, int r)
{
	if (r == -ENOTSUP)
		fatal(EXIT_INPUT, 0, "%s", f->f.why);
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot read a transport stream");
}

static void
take_event(struct push *s, const struct tsdemux_event *ev)
{
	for (unsigned i = 0; i < s->nfeed; i++) {
		if (ev->type == TSDEMUX_STREAMS)
			check(&s->feed[i], pushfeed_streams(&s->feed[i].f, &s->demux));
		else if (ev->type == TSDEMUX_UNIT)
			check(&s->feed[i], pushfeed_unit(&s->feed[i].f, ev));
	}
}

static void
work(struct push *s)
{
	struct tsdemux_event ev;
	size_t pos = 0, used;
	int r;

	while ((r = tsdemux_next(&s->demux, s->in + pos, s->len - pos, &used, &ev)) > 0) {
		pos += used;
		take_event(s, &ev);
	}
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot read a transport stream");
	pos += used;
	memmove(s->in, s->in + pos, s->len - pos);
	s->len -= pos;
}

/* When the next bytes are due by the stream's clock: those of before are on their way then. */
static int64_t
due_ns(struct push *s)
{
	if (s->feed[0].f.counts.video + s->feed[0].f.counts.audio == 0)
		return 0;
	if (s->pace_ns == 0) {
		s->pace_ns = clk_mono_ns();
		s->pace_t = s->newest_t;
	}
	return s->pace_ns + rescale_near(s->newest_t - s->pace_t, CLK_SECOND, CLK_90K);
}

/* ---- what is said of it */

static uint64_t
reconnects(struct pushtarget *t)
{
	uint64_t up = atomic_load(&t->publications);

	return up > 0 ? up - 1 : 0;
}

static json_t *
target_stats(struct target *target, unsigned number)
{
	struct pushtarget *t = &target->t;
	struct pushqueue_counts c = pushqueue_counts(&t->queue);
	char why[WHY_ROOM];

	pushtarget_why(t, why);
	return json_pack("{sI ss ss sI sI sI sI sI sI sI sI sI sI sI ss}",
	    "output", (json_int_t)number, "address", t->url.name,
	    "state", pushtarget_state_name[atomic_load(&t->state)],
	    "bytes", (json_int_t)atomic_load(&t->sent_bytes),
	    "tags", (json_int_t)atomic_load(&t->sent_items),
	    "queue_ms", (json_int_t)(c.ns / 1000000), "queue_bytes", (json_int_t)c.bytes,
	    "dropped_tags", (json_int_t)c.dropped,
	    "dropped_gops", (json_int_t)c.dropped_groups,
	    "dropped_bytes", (json_int_t)c.dropped_bytes,
	    "reconnects", (json_int_t)reconnects(t),
	    "failures", (json_int_t)atomic_load(&t->failures),
	    "redirects", (json_int_t)atomic_load(&t->redirects),
	    "rtt_us", (json_int_t)atomic_load(&t->rtt_us), "reason", why);
}

/* Of all outputs together, at the end. */
static void
say_counts(struct push *s)
{
	uint64_t sent = 0, dropped = 0, again = 0;

	for (unsigned i = 0; i < s->ntarget; i++) {
		struct pushtarget *t = &s->target[i].t;

		sent += atomic_load(&t->sent_bytes);
		dropped += pushqueue_counts(&t->queue).dropped;
		again += reconnects(t);
	}
	log_info("bytes=%" PRIu64 " sent=%" PRIu64 " dropped_tags=%" PRIu64 " reconnects=%" PRIu64
	    " lost=%" PRIu64, s->bytes, sent, dropped, again, s->demux.sync.lost);
}

static void
write_stats(struct push *s)
{
	const struct pushfeed_counts *c = &s->feed[0].f.counts;
	json_t *list = json_array();

	for (unsigned i = 0; i < s->ntarget; i++)
		json_array_append_new(list, target_stats(&s->target[i], i + 1));
	stats_write(&s->stats, json_pack("{sI sI sI sI sI sI sI so}",
	    "bytes", (json_int_t)s->bytes, "program", (json_int_t)s->feed[0].f.program_number,
	    "video_tags", (json_int_t)c->video, "audio_tags", (json_int_t)c->audio,
	    "skipped", (json_int_t)c->skipped, "damaged", (json_int_t)c->damaged,
	    "clock_breaks", (json_int_t)c->breaks, "outputs", list));
}

static void
tell_drops(struct target *t, int64_t now, bool fast)
{
	struct pushqueue_counts c = pushqueue_counts(&t->t.queue);

	if (c.dropped_groups == t->told_groups || (t->told_ns != 0 &&
	    now - t->told_ns < TELL_DROPS))
		return;
	log_warn(0, "'%s': %" PRIu64 " groups of pictures are dropped that it did not take in "
	    "time%s", t->t.url.name, c.dropped_groups - t->told_groups,
	    fast ? "; the input comes faster than its clock goes: --pace realtime?" : "");
	t->told_groups = c.dropped_groups;
	t->told_ns = now;
}

static void
tell(struct push *s)
{
	int64_t now = clk_mono_ns();
	bool fast = due_ns(s) - now > FAST;
	char text[LOG_BYTES];
	unsigned up = 0;

	for (unsigned i = 0; i < s->nfeed; i++)
		pushfeed_tick(&s->feed[i].f, now);
	for (unsigned i = 0; i < s->ntarget; i++) {
		up += atomic_load(&s->target[i].t.state) == PUSHTARGET_PUBLISHING;
		tell_drops(&s->target[i], now, fast);
	}
	log_status("%s in, %u of %u outputs publish", log_bytes(text, s->bytes), up, s->ntarget);
	if (stats_due(&s->stats))
		write_stats(s);
}

/* ---- start, loop and end */

static bool
all_over(struct push *s)
{
	unsigned over = 0;

	for (unsigned i = 0; i < s->ntarget; i++)
		over += pushtarget_over(&s->target[i].t);
	return over == s->ntarget;
}

/* Wait for bytes, or until they are due.  false: there will be none. */
static bool
read_some(struct push *s)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t early = s->pace == PACE_REALTIME ? due_ns(s) - clk_mono_ns() : 0;
	ssize_t n;
	int r;

	if (early > 0) {
		io_wait(NULL, 0, early < TICK ? early : TICK);
		return !io_stopping();
	}
	r = io_wait(&pfd, 1, TICK);
	if (io_stopping())
		return false;
	if (r == 0 || r == -EINTR)
		return true;
	n = r < 0 ? r : io_read(STDIN_FILENO, s->in + s->len, READ);
	s->ended = n == 0;
	if (n == -EINTR || n == 0)
		return false;
	if (n < 0)
		fatal(EXIT_RUNTIME, (int)-n, "cannot read standard input");
	s->bytes += (uint64_t)n;
	s->len += (size_t)n;
	work(s);
	return true;
}

static void
end_input(struct push *s)
{
	s->demux.eof = !io_stopping();	/* what a signal cuts off is left out */
	work(s);
	for (unsigned i = 0; i < s->nfeed; i++)
		check(&s->feed[i], pushfeed_end(&s->feed[i].f));
	for (unsigned i = 0; i < s->ntarget; i++)
		pushtarget_end(&s->target[i].t);
}

/* Until all is sent, or it takes too long. */
static void
drain(struct push *s)
{
	bool stopped = io_stopping();
	int64_t until = clk_mono_ns() + (stopped && s->drain_ns > STOP_DRAIN ? STOP_DRAIN :
	    s->drain_ns);

	while (!all_over(s) && clk_mono_ns() < until && io_stopping() == stopped) {
		poll(NULL, 0, 20);
		tell(s);
	}
}

/* How it ended: an exit status. */
static int
outcome(struct push *s)
{
	int status = EXIT_SUCCESS;
	bool all = s->ended && !io_stopping();	/* it has been seen */

	if (all && s->demux.sync.packets == 0)
		fatal(EXIT_INPUT, 0, "standard input is no transport stream");
	for (unsigned i = 0; all && i < s->nfeed; i++) {
		const struct pushfeed *f = &s->feed[i].f;

		if (f->counts.video + f->counts.audio > 0)
			continue;
		if (f->config.program != 0 && f->program_number == 0)
			fatal(EXIT_INPUT, 0, "there is no program '%u'", f->config.program);
		fatal(EXIT_INPUT, 0, "there was nothing to send: no key picture of AVC or HEVC, "
		    "no AAC");
	}
	for (unsigned i = 0; i < s->ntarget; i++) {
		struct pushtarget *t = &s->target[i].t;
		struct pushqueue_counts c = pushqueue_counts(&t->queue);
		enum pushtarget_state state = atomic_load(&t->state);

		if (state == PUSHTARGET_DONE || io_stopping())
			continue;
		if (state != PUSHTARGET_FAILED)
			log_warn(0, "'%s': not all could be sent: %" PRIu64 " ms wait", t->url.name,
			    c.ns / 1000000);
		status = EXIT_RUNTIME;
	}
	return status;
}

static void
start(struct push *s)
{
	int r = stats_open(&s->stats, s->stats_target);

	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot open '%s'", s->stats_target);
	make_feeds(s);
	if ((r = tsdemux_init(&s->demux)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot start");
	for (unsigned i = 0; i < s->ntarget; i++)
		if ((r = pushtarget_start(&s->target[i].t)) < 0)
			fatal(EXIT_RUNTIME, -r, "cannot start a thread");
}

static void
stop(struct push *s)
{
	int64_t until = clk_mono_ns() + STUCK;

	for (unsigned i = 0; i < s->ntarget; i++)
		if (pushtarget_stop(&s->target[i].t, until))
			pushtarget_free(&s->target[i].t);
	for (unsigned i = 0; i < s->nfeed; i++)
		pushfeed_free(&s->feed[i].f);
	tsdemux_free(&s->demux);
}

int
main(int argc, char *argv[])
{
	static struct push s;		/* zeroed, and too big for the stack */
	int status;

	log_init("mlive-push");
	parse_options(&s, argc, argv);
	io_init_filter();
	signal(SIGPIPE, SIG_IGN);	/* that of a connection */
	io_refuse_terminal(STDIN_FILENO, "standard input");
	start(&s);
	while (read_some(&s) && !all_over(&s))
		tell(&s);
	end_input(&s);
	drain(&s);
	if (s.stats_target != NULL)
		write_stats(&s);
	say_counts(&s);
	status = outcome(&s);
	stop(&s);
	return status;
}
