/*
 * mlive-capture - JPEG pictures of a transport stream, one in each interval.
 *
 * See mlive-capture(1).  The way of a picture: grab.h finds and decodes it, jpeg.h
 * makes a file of it, naming.h its name, courier.h delivers it beside all that.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/log.h>

#include "encode/clockopt.h"
#include "encode/courier.h"
#include "encode/grab.h"
#include "encode/jpeg.h"
#include "encode/naming.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/base/stats.h"
#include "lib/net/place.h"

#define TICK		(CLK_SECOND / 4)
#define SILENT		(10 * CLK_SECOND)	/* without pictures, then it is said */
#define TELL		(10 * CLK_SECOND)	/* of what was dropped, no more often */
#define END_WAIT	(30 * CLK_SECOND)	/* without progress, at the end */
#define KEEP_MAX	1000000

struct capture {
	struct grab_config config;
	struct grab grab;
	struct jpeg jpeg;
	struct naming naming;
	char	 place[NAMING_BASE];
	char	*output;		/* what naming.text points into */
	const char *said, *stats_target, *token_file;	/* of the command line */
	bool	 url, one;		/* one: a single object is replaced */
	int	 quality;
	size_t	 buffer;
	uint64_t counter, count;	/* the next; 0: for ever */
	uint64_t keep;
	struct courier courier;
	struct courier_state state;	/* of it, at the last look */
	struct stats stats;
	uint64_t captured, dropped_told, replaced;
	size_t	 last_bytes;
	char	 last[SINK_NAME_MAX];
	int64_t	 tell_ns;		/* of those dropped, not before that again */
	bool	 failing, silent;
	uint8_t	 in[1024 * TS_PACKET];
};

static const char help[] =
    "usage: mlive-capture [options] -o NAME <input.ts\n"
    "      --buffer SIZE        may wait to be delivered (default 16Mi)\n"
    "  -c, --clock MODE         auto, arrival or none: where time comes from\n"
    "  -e, --every DURATION     the interval (default 5s)\n"
    "      --exact              the first picture of each, all are decoded\n"
    "      --keep NUMBER        of pictures, older ones are deleted\n"
    "  -n, --count NUMBER       of pictures, then end\n"
    "  -o, --output NAME        directory, file, http(s):// or s3://, with %05d for a\n"
    "                           counter, %i for the interval, %Y%m%d-%H%M%S for time;\n"
    "                           without any % one object that is replaced\n"
    "  -P, --program NUMBER     of the input (default: the smallest that is large enough)\n"
    "      --quality NUMBER     1 to 100 (default 85)\n"
    "      --size SIZE          360p, or a box to fit into: 640x360\n"
    "      --start NUMBER       first value of the counter (default 1)\n"
    "  -s, --stats TARGET       a JSON line each second to fd:N, unix:PATH or a file\n"
    "      --token-file FILE    bearer token for the server\n"
    OPT_COMMON_HELP
    "for instance:\n"
    "  mlive-capture -e 5s --size 360p -o 'thumbs/%Y%m%d-%H%M%S.jpg' <in.ts\n";

enum {
	OPT_BUFFER = 256, OPT_EXACT, OPT_KEEP, OPT_QUALITY, OPT_SIZE, OPT_START,
	OPT_TOKEN_FILE,
};

static const struct option longopts[] = {
	{ "buffer", required_argument, NULL, OPT_BUFFER },
	{ "clock", required_argument, NULL, 'c' },
	{ "count", required_argument, NULL, 'n' },
	{ "every", required_argument, NULL, 'e' },
	{ "exact", no_argument, NULL, OPT_EXACT },
	{ "keep", required_argument, NULL, OPT_KEEP },
	{ "output", required_argument, NULL, 'o' },
	{ "program", required_argument, NULL, 'P' },
	{ "quality", required_argument, NULL, OPT_QUALITY },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "start", required_argument, NULL, OPT_START },
	{ "stats", required_argument, NULL, 's' },
	{ "token-file", required_argument, NULL, OPT_TOKEN_FILE },
	OPT_COMMON_LONG,
};

/* ---- the command line */

static void
set_option(struct capture *s, int c)
{
	struct grab_config *g = &s->config;

	switch (c) {
	case OPT_BUFFER:
		s->buffer = opt_size("buffer", optarg);
		break;
	case 'c':
		clock_option(optarg, &s->config.arrival, &s->config.recording);
		break;
	case 'e':
		g->every_ns = (int64_t)opt_duration("every", optarg);
		if (g->every_ns < CLK_SECOND / 10 || g->every_ns > 86400 * CLK_SECOND)
			fatal(EXIT_USAGE, 0, "--every '%s' is not in 100ms..24h", optarg);
		break;
	case OPT_EXACT:
		g->exact = true;
		break;
	case OPT_KEEP:
		s->keep = opt_number("keep", optarg, 1, KEEP_MAX);
		break;
	case 'n':
		s->count = opt_number("count", optarg, 1, UINT32_MAX);
		break;
	case 'o':
		s->said = optarg;
		break;
	case 'P':
		g->program = (uint16_t)opt_number("program", optarg, 1, 65535);
		break;
	case OPT_QUALITY:
		s->quality = (int)opt_number("quality", optarg, 1, 100);
		break;
	case 's':
		s->stats_target = optarg;
		break;
	case OPT_SIZE:
		if (!size_parse(&g->size, optarg))
			fatal(EXIT_USAGE, 0, "--size '%s' is not like 360p or 640x360, from 16 "
			    "to 8192", optarg);
		break;
	case OPT_START:
		s->counter = opt_number("start", optarg, 0, UINT32_MAX);
		break;
	case OPT_TOKEN_FILE:
		s->token_file = optarg;
		break;
	default:
		opt_common(c, help);
	}
}

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Where pictures go, and their names. */
static void
parse_output(struct capture *s)
{
	const char *name, *reason;
	bool slash = s->said[0] != '\0' && strchr(s->said, '%') == NULL &&
	    strstr(s->said, "://") == NULL && is_directory(s->said);

	if (asprintf(&s->output, "%s%s", s->said, slash ? "/" : "") < 0)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot read options");
	if (s->said[0] == '\0' || naming_split(s->output, s->place, &name, &s->url) < 0)
		fatal(EXIT_USAGE, 0, "--output '%s' is no place for pictures", s->said);
	if (name[0] == '\0')
		name = s->config.every_ns % CLK_SECOND != 0 ? "%Y%m%d-%H%M%S.%L.jpg" :
		    "%Y%m%d-%H%M%S.jpg";
	if (place_kind(s->said) == PLACE_OTHER)
		fatal(EXIT_USAGE, 0, "cannot write to '%s': neither a directory, http(s):// nor "
		    "s3://", s->said);
	if (naming_parse(&s->naming, name, s->url, &reason) < 0)
		fatal(EXIT_USAGE, 0, "--output '%s': %s", s->said, reason);
	if (strstr(name, "%n") != NULL)
		fatal(EXIT_USAGE, 0, "--output '%s': %%n is of mlive-archive", s->said);
	s->one = !s->naming.time && !s->naming.counter && !s->naming.slot;
	if (s->one && s->keep > 0)
		opt_usage(help, "--keep is of pictures with names of their own, as %%05d makes");
	if (s->naming.time && !s->naming.counter && !s->naming.slot && !s->naming.fine &&
	    s->config.every_ns < 60 * CLK_SECOND)
		log_warn(0, "the names of '%s' are the same for several pictures", s->said);
}

static void
parse_options(struct capture *s, int argc, char *argv[])
{
	int c;

	s->config.every_ns = 5 * CLK_SECOND;
	s->quality = 85;
	s->counter = 1;
	s->buffer = 16 << 20;
	while ((c = getopt_long(argc, argv, "c:e:n:o:P:s:" OPT_COMMON, longopts, NULL)) != -1)
		set_option(s, c);
	if (optind != argc)
		opt_usage(help, "unexpected argument '%s'", argv[optind]);
	if (s->said == NULL)
		opt_usage(help, "where to? say for instance -o 'thumb-%%05d.jpg'");
	parse_output(s);
}

/* ---- pictures */

static void
put_picture(void *arg, const AVFrame *f, int64_t slot, int64_t utc_ns)
{
	struct capture *s = arg;
	struct courier_picture p = { .number = s->captured + 1 };
	struct naming_values v = { .utc_ns = utc_ns, .counter = s->counter, .slot = slot };
	int r;

	if (s->count > 0 && s->captured == s->count)
		return;
	r = naming_put(&s->naming, &v, p.name, sizeof(p.name));
	if (r < 0)
		fatal(EXIT_USAGE, -r, "--output '%s': a name has %d bytes at most", s->said,
		    SINK_NAME_MAX - 1);
	r = jpeg_put(&s->jpeg, f, &p.data, &p.len);
	if (r < 0) {
		log_warn(-r, "cannot make a JPEG of a picture");
		return;
	}
	s->counter++;
	s->captured++;
	s->last_bytes = p.len;
	memcpy(s->last, p.name, sizeof(s->last));
	if ((r = courier_put(&s->courier, &p)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot hold a picture");
}

/* ---- what is said of it */

static void
write_stats(struct capture *s)
{
	const struct grab *g = &s->grab;
	const struct courier_state *st = &s->state;
	const struct grab_video *v = g->chosen >= 0 ? &g->video[g->chosen] : NULL;

	stats_write(&s->stats, json_pack("{sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI "
	    "si si ss si si sb}",
	    "captured", (json_int_t)s->captured, "delivered", (json_int_t)st->delivered,
	    "dropped", (json_int_t)st->dropped, "replaced", (json_int_t)s->replaced,
	    "deleted", (json_int_t)st->deleted, "retried", (json_int_t)st->retried,
	    "queued", (json_int_t)st->queued, "queued_bytes", (json_int_t)st->queued_bytes,
	    "skipped", (json_int_t)g->skipped, "decoded", (json_int_t)g->decoded,
	    "damaged", (json_int_t)g->damaged, "deinterlaced", (json_int_t)g->deinterlaced,
	    "packets", (json_int_t)g->demux.sync.packets,
	    "lost", (json_int_t)g->demux.sync.lost, "bytes", (json_int_t)s->last_bytes,
	    "width", s->jpeg.width, "height", s->jpeg.height, "last", s->last,
	    "program", (int)g->program_number,
	    "pid", v != NULL ? (int)v->stream->pid : 0, "key_only", !g->all));
}

static void
tell_courier(struct capture *s)
{
	const struct courier_state *st = &s->state;
	char name[SINK_NAME_MAX];

	courier_look(&s->courier, &s->state);
	if (st->error < 0)
		fatal(EXIT_RUNTIME, -st->error, "cannot deliver to '%s'", s->said);
	if (st->refused)
		fatal(EXIT_RUNTIME, 0, "'%s' refuses pictures: %s", s->said, st->reason);
	if (st->failing && !s->failing)
		log_warn(0, "cannot deliver to '%s', trying again: %s", s->said, st->reason);
	else if (!st->failing && s->failing)
		log_info("'%s' takes pictures again", s->said);
	s->failing = st->failing;
	while (courier_dropped(&s->courier, name)) {
		log_debug("dropped '%s'", name);
		if (s->stats_target != NULL)
			stats_write(&s->stats, json_pack("{ss ss}", "event", "picture_dropped",
			    "name", name));
	}
	if (st->dropped > s->dropped_told && clk_mono_ns() >= s->tell_ns &&
	    (!s->failing || s->dropped_told == 0)) {
		log_warn(0, "%" PRIu64 " pictures could not be delivered and are dropped",
		    st->dropped - s->dropped_told);
		s->dropped_told = st->dropped;
		s->tell_ns = clk_mono_ns() + TELL;
	}
	if (s->one)
		s->replaced = s->captured - st->delivered - st->queued;
}

static void
tell_silence(struct capture *s)
{
	const struct grab *g = &s->grab;
	bool silent = clk_mono_ns() - g->unit_ns > SILENT;

	if (silent && !s->silent) {
		if (g->demux.sync.packets == 0)
			log_warn(0, "nothing comes on standard input");
		else if (!grab_has_video(g))
			log_warn(0, "there is no video in the input");
		else
			log_warn(0, "no pictures come");
	} else if (!silent && s->silent) {
		log_info("pictures come");
	}
	s->silent = silent;
}

static void
tell(struct capture *s)
{
	const struct courier_state *st = &s->state;

	tell_courier(s);
	tell_silence(s);
	log_status("%" PRIu64 " pictures, %" PRIu64 " delivered, %zu wait, %" PRIu64
	    " dropped, %s", s->captured, st->delivered, st->queued, st->dropped, s->last);
	if (stats_due(&s->stats))
		write_stats(s);
}

/* ---- the loop and the end */

static void
take(struct capture *s, size_t len, bool eof)
{
	int r = grab_take(&s->grab, s->in, len, eof);

	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot read a transport stream");
}

/* A recording can wait. */
static void
wait_for_room(struct capture *s)
{
	while (s->config.regular && courier_full(&s->courier) && !io_stopping()) {
		courier_wait(&s->courier, clk_mono_ns() + TICK);
		tell(s);
	}
}

static bool
read_some(struct capture *s)
{
	ssize_t n;
	int r = 1;

	if (!s->config.regular)
		r = io_wait(&(struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN }, 1, TICK);
	if (r == -EINTR || io_stopping() || (s->count > 0 && s->captured == s->count))
		return false;
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot wait for standard input");
	if (r == 0) {
		take(s, 0, false);
		return true;
	}
	n = io_read(STDIN_FILENO, s->in, sizeof(s->in));
	if (n == -EINTR || n == 0)
		return false;
	if (n < 0)
		fatal(EXIT_RUNTIME, (int)-n, "cannot read standard input");
	take(s, (size_t)n, false);
	wait_for_room(s);
	return true;
}

static void
drain(struct capture *s)
{
	uint64_t last = UINT64_MAX;
	int64_t until = 0;

	for (tell(s); s->state.busy; tell(s)) {
		const struct courier_state *st = &s->state;

		if (st->delivered + st->deleted != last) {
			last = st->delivered + st->deleted;
			until = clk_mono_ns() + END_WAIT;
		}
		if (clk_mono_ns() > until)
			fatal(EXIT_RUNTIME, 0, "%zu pictures could not be delivered to '%s': %s",
			    st->queued, s->said, st->reason);
		courier_wait(&s->courier, clk_mono_ns() + CLK_SECOND / 10);
	}
}

static int
outcome(const struct capture *s)
{
	const struct grab *g = &s->grab;
	const struct courier_state *st = &s->state;

	log_info("captured=%" PRIu64 " delivered=%" PRIu64 " dropped=%" PRIu64 " skipped=%"
	    PRIu64 " decoded=%" PRIu64 " damaged=%" PRIu64 " lost=%" PRIu64, s->captured,
	    st->delivered, st->dropped, g->skipped, g->decoded, g->damaged,
	    g->demux.sync.lost);
	if (g->demux.sync.packets == 0 && !io_stopping())
		fatal(EXIT_INPUT, 0, "no transport stream on standard input");
	if (s->captured == 0 && !grab_has_video(g) && !io_stopping()) {
		if (s->config.program != 0)
			fatal(EXIT_INPUT, 0, "no video in program %u of the input",
			    s->config.program);
		fatal(EXIT_INPUT, 0, "there is no video in the input");
	}
	if (s->captured == 0 && g->decoded == 0 && g->units > 0 && !io_stopping())
		fatal(EXIT_INPUT, 0, "no picture of the input can be decoded");
	if (s->captured == 0)
		log_warn(0, "the input ended before there was a picture");
	if (st->dropped > 0)
		fatal(EXIT_RUNTIME, 0, "%" PRIu64 " pictures were never delivered",
		    st->dropped);
	return EXIT_SUCCESS;
}

static void
open_all(struct capture *s)
{
	char *token = s->token_file != NULL ? opt_token(s->token_file) : NULL;
	int r;

	if ((r = stats_open(&s->stats, s->stats_target)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot open '%s'", s->stats_target);
	s->courier.config = (struct courier_config){
		.place = s->place, .token = token, .max_bytes = s->buffer,
		.patient = s->config.regular, .one = s->one, .keep = s->keep,
		.folder = s->url ? NULL : s->place, .naming = &s->naming,
	};
	if ((r = courier_start(&s->courier)) < 0)
		fatal(r == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -r, "cannot open '%s'",
		    s->place);
	free(token);
	s->config.picture = put_picture;
	s->config.arg = s;
	jpeg_init(&s->jpeg, &s->config.size, s->quality);
	if ((r = grab_init(&s->grab, &s->config)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot start");
	s->grab.unit_ns = clk_mono_ns();
}

int
main(int argc, char *argv[])
{
	static struct capture s;	/* zeroed, and too big for the stack */
	struct stat st;
	int r;

	log_init("mlive-capture");
	parse_options(&s, argc, argv);
	io_init_filter();
	signal(SIGPIPE, SIG_IGN);	/* that of a connection */
	io_refuse_terminal(STDIN_FILENO, "standard input");
	av_log_set_level(AV_LOG_QUIET);
	s.config.regular = fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	open_all(&s);
	while (read_some(&s))
		tell(&s);
	take(&s, 0, true);
	drain(&s);
	if (s.stats_target != NULL)
		write_stats(&s);
	r = outcome(&s);
	grab_free(&s.grab);
	jpeg_free(&s.jpeg);
	courier_free(&s.courier);
	free(s.output);
	return r;
}
